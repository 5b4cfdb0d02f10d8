//! Which remote fields are worth a field of their own, and which are the CRM's own housekeeping.

use crate::schema::{FieldKind, FieldSchema, ObjectSchema};

/// Why a field is not mapped by itself; `None` for one that may be.
pub(super) fn why_noise(field: &FieldSchema) -> Option<&'static str> {
    let path = field.path.to_ascii_lowercase();
    if field.kind == FieldKind::Id {
        return Some("the record id is always carried");
    }
    if field.calculated {
        return Some("the CRM calculates it");
    }
    if !field.writable() {
        return Some("it is read-only");
    }
    if field.kind == FieldKind::Reference {
        let users = |object: &String| {
            matches!(
                object.to_ascii_lowercase().as_str(),
                "user" | "group" | "owners" | "queue"
            )
        };
        if field.references.iter().any(users) {
            return Some("owners are users of one CRM; map them by hand, with a table of users");
        }
    }
    if field.kind == FieldKind::MultiChoice && !field.references.is_empty() {
        return Some("it is a set of links; map it by hand to a multi-choice field, with the lens `reference`");
    }
    if path.starts_with("hubspot_")
        || matches!(
            path.as_str(),
            "recordtypeid" | "currencyisocode" | "jigsaw" | "cleanstatus"
        )
    {
        return Some("it is the CRM's own housekeeping");
    }
    None
}

/// Whether customers made the field, as far as names tell.
pub(super) fn is_custom(provider: &str, schema: &ObjectSchema, field: &FieldSchema) -> bool {
    let path = field.path.as_str();
    if path.starts_with("associations.") {
        return false;
    }
    match provider {
        "salesforce" => path.ends_with("__c") || (schema.object.custom && path == "Name"),
        "hubspot" => !path.starts_with("hs_") && (schema.object.custom || !is_hubspot_name(path)),
        _ => true,
    }
}

fn is_hubspot_name(path: &str) -> bool {
    const PREFIXES: [&str; 14] = [
        "associatedcompany",
        "days_to_",
        "engagements_",
        "first_",
        "facebook",
        "googleplus",
        "ip_",
        "linkedin",
        "notes_",
        "num_",
        "recent_",
        "surveymonkey",
        "twitter",
        "webinar",
    ];
    PREFIXES.iter().any(|prefix| path.starts_with(prefix)) || HUBSPOT_NAMES.binary_search(&path).is_ok()
}

/// Names of properties that every portal has, sorted, but for those with a reserved prefix.
const HUBSPOT_NAMES: [&str; 72] = [
    "about_us",
    "address",
    "address2",
    "amount",
    "amount_in_home_currency",
    "annualrevenue",
    "city",
    "closed_date",
    "closed_lost_reason",
    "closed_won_reason",
    "closedate",
    "company",
    "company_size",
    "content",
    "country",
    "created_by",
    "createdate",
    "currentlyinworkflow",
    "deal_currency_code",
    "dealname",
    "dealstage",
    "dealtype",
    "degree",
    "description",
    "domain",
    "email",
    "fax",
    "field_of_study",
    "firstname",
    "followercount",
    "founded_year",
    "gender",
    "graduation_date",
    "industry",
    "is_public",
    "job_function",
    "jobtitle",
    "kloutscoregeneral",
    "last_engagement_date",
    "last_reply_date",
    "lastmodifieddate",
    "lastname",
    "lifecyclestage",
    "marital_status",
    "message",
    "military_status",
    "mobilephone",
    "name",
    "numberofemployees",
    "numemployees",
    "owneremail",
    "ownername",
    "phone",
    "photo",
    "pipeline",
    "relationship_status",
    "salutation",
    "school",
    "seniority",
    "source_type",
    "start_date",
    "state",
    "subject",
    "time_to_close",
    "timezone",
    "total_money_raised",
    "total_revenue",
    "type",
    "web_technologies",
    "website",
    "work_email",
    "zip",
];

#[cfg(test)]
mod tests {
    use super::HUBSPOT_NAMES;

    #[test]
    fn the_names_are_sorted_for_the_search() {
        assert!(HUBSPOT_NAMES.is_sorted());
    }
}
