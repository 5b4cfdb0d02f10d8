//! Standard blueprints, so that a Salesforce Contact and a HubSpot contact map onto the same fields, and the words by
//! which CRMs call these.

use super::names::key;
use crate::model::{Blueprint, BlueprintId, Field, FieldType, TenantId};

/// A field of a standard blueprint.
#[derive(Debug)]
pub(super) struct StandardField {
    /// Its name.
    pub(super) name: &'static str,
    kind: Kind,
    /// Names and labels that CRMs use, the likeliest first, as [`key`] writes them.
    words: &'static [&'static str],
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    LongText,
    Integer,
    Decimal,
    Date,
    Choice,
    Email,
    Phone,
    Url,
    Reference(&'static str),
}

impl StandardField {
    /// The field as a blueprint holds it.
    pub(super) fn field(&self) -> Field {
        let kind = match self.kind {
            Kind::Text => FieldType::Text,
            Kind::LongText => FieldType::LongText,
            Kind::Integer => FieldType::Integer,
            Kind::Decimal => FieldType::Decimal,
            Kind::Date => FieldType::Date,
            Kind::Choice => FieldType::Choice { choices: Vec::new() },
            Kind::Email => FieldType::Email,
            Kind::Phone => FieldType::Phone,
            Kind::Url => FieldType::Url,
            Kind::Reference(blueprint) => FieldType::Reference {
                blueprint: blueprint.to_owned(),
            },
        };
        Field::new(self.name, kind)
    }

    /// How far down the list of its words a name stands; 0 is the field's own name.
    pub(super) fn rank(&self, name: &str) -> Option<usize> {
        if key(self.name) == name {
            return Some(0);
        }
        self.words.iter().position(|word| *word == name).map(|place| place + 1)
    }
}

/// A kind of entity that every CRM knows.
#[derive(Debug)]
pub(super) struct StandardBlueprint {
    /// The blueprint's name.
    pub(super) name: &'static str,
    /// The CRMs' objects, as [`key`] writes them, singular.
    objects: &'static [&'static str],
    pub(super) fields: &'static [StandardField],
}

const fn field(name: &'static str, kind: Kind, words: &'static [&'static str]) -> StandardField {
    StandardField { name, kind, words }
}

const COMPANY_REFERENCE: StandardField = field(
    "company",
    Kind::Reference("company"),
    &[
        "accountid",
        "account",
        "companyid",
        "primarycompany",
        "organization",
        "organisation",
    ],
);

const PERSON: StandardBlueprint = StandardBlueprint {
    name: "person",
    objects: &["contact", "lead", "person", "people"],
    fields: &[
        field(
            "email",
            Kind::Email,
            &["emailaddress", "primaryemail", "mail", "workemail"],
        ),
        field("first_name", Kind::Text, &["firstname", "givenname", "forename"]),
        field("last_name", Kind::Text, &["lastname", "surname", "familyname"]),
        field("salutation", Kind::Text, &["honorific", "nameprefix"]),
        field(
            "job_title",
            Kind::Text,
            &["jobtitle", "title", "position", "jobposition"],
        ),
        field(
            "phone",
            Kind::Phone,
            &["phonenumber", "businessphone", "workphone", "telephone"],
        ),
        field(
            "mobile_phone",
            Kind::Phone,
            &["mobilephone", "mobile", "mobilephonenumber", "cellphone", "cell"],
        ),
        field("fax", Kind::Phone, &["faxnumber", "businessfax"]),
        field(
            "street",
            Kind::Text,
            &["mailingstreet", "streetaddress", "address", "address1", "addressline1"],
        ),
        field("city", Kind::Text, &["mailingcity", "suburb", "town", "locality"]),
        field(
            "state",
            Kind::Text,
            &["mailingstate", "stateregion", "stateprovince", "region", "province"],
        ),
        field(
            "postcode",
            Kind::Text,
            &["mailingpostalcode", "postalcode", "zip", "zipcode", "zippostalcode"],
        ),
        field("country", Kind::Text, &["mailingcountry", "countryregion"]),
        COMPANY_REFERENCE,
        field(
            "company_name",
            Kind::Text,
            &["companyname", "company", "accountname", "employer"],
        ),
        field("website", Kind::Url, &["websiteurl", "homepage", "url"]),
        field(
            "birthdate",
            Kind::Date,
            &["birthdate", "dateofbirth", "birthday", "dob"],
        ),
    ],
};

const COMPANY: StandardBlueprint = StandardBlueprint {
    name: "company",
    objects: &["account", "company", "organization", "organisation"],
    fields: &[
        field("name", Kind::Text, &["companyname", "accountname", "organizationname"]),
        field(
            "domain",
            Kind::Text,
            &["companydomainname", "domainname", "websitedomain"],
        ),
        field("website", Kind::Url, &["websiteurl", "homepage", "url"]),
        field(
            "phone",
            Kind::Phone,
            &["phonenumber", "accountphone", "businessphone", "telephone"],
        ),
        field("fax", Kind::Phone, &["faxnumber", "accountfax"]),
        field(
            "street",
            Kind::Text,
            &["billingstreet", "streetaddress", "address", "address1", "addressline1"],
        ),
        field("city", Kind::Text, &["billingcity", "suburb", "town", "locality"]),
        field(
            "state",
            Kind::Text,
            &["billingstate", "stateregion", "stateprovince", "region", "province"],
        ),
        field(
            "postcode",
            Kind::Text,
            &["billingpostalcode", "postalcode", "zip", "zipcode", "zippostalcode"],
        ),
        field("country", Kind::Text, &["billingcountry", "countryregion"]),
        field("industry", Kind::Choice, &["sector", "lineofbusiness"]),
        field(
            "employees",
            Kind::Integer,
            &["numberofemployees", "numemployees", "headcount"],
        ),
        field(
            "annual_revenue",
            Kind::Decimal,
            &["annualrevenue", "revenue", "turnover"],
        ),
        field(
            "description",
            Kind::LongText,
            &["accountdescription", "aboutus", "about"],
        ),
    ],
};

const DEAL: StandardBlueprint = StandardBlueprint {
    name: "deal",
    objects: &["opportunity", "deal"],
    fields: &[
        field("name", Kind::Text, &["dealname", "opportunityname"]),
        field("amount", Kind::Decimal, &["dealamount", "value", "dealvalue"]),
        field("stage", Kind::Choice, &["stagename", "dealstage"]),
        field("close_date", Kind::Date, &["closedate", "expectedclosedate"]),
        field("deal_type", Kind::Choice, &["dealtype", "type", "opportunitytype"]),
        field("next_step", Kind::Text, &["nextstep", "hsnextstep"]),
        field(
            "description",
            Kind::LongText,
            &["dealdescription", "opportunitydescription"],
        ),
        field("priority", Kind::Choice, &["hspriority"]),
        COMPANY_REFERENCE,
    ],
};

const TICKET: StandardBlueprint = StandardBlueprint {
    name: "ticket",
    objects: &["case", "ticket"],
    fields: &[
        field("subject", Kind::Text, &["ticketname", "casesubject"]),
        field(
            "description",
            Kind::LongText,
            &["content", "ticketdescription", "casedescription"],
        ),
        field(
            "status",
            Kind::Choice,
            &["ticketstatus", "hspipelinestage", "casestatus"],
        ),
        field(
            "priority",
            Kind::Choice,
            &["ticketpriority", "hsticketpriority", "casepriority"],
        ),
        field("origin", Kind::Choice, &["caseorigin", "sourcetype", "source"]),
        field(
            "category",
            Kind::Choice,
            &["casetype", "hsticketcategory", "tickettype"],
        ),
        COMPANY_REFERENCE,
        field(
            "contact",
            Kind::Reference("person"),
            &["contactid", "person", "requester"],
        ),
    ],
};

const ALL: [&StandardBlueprint; 4] = [&PERSON, &COMPANY, &DEAL, &TICKET];

/// The standard blueprint for a provider's object, by the object's name or label.
pub(super) fn for_object(name: &str) -> Option<&'static StandardBlueprint> {
    let name = singular(&key(name));
    ALL.into_iter()
        .find(|blueprint| blueprint.objects.contains(&name.as_str()))
}

/// The standard blueprint of this name.
pub(super) fn named(name: &str) -> Option<&'static StandardBlueprint> {
    ALL.into_iter().find(|blueprint| blueprint.name == name)
}

/// The name of the standard blueprint for a provider's object: `person`, `company`, `deal` or `ticket`.
///
/// ```
/// use syncline_core::mapping::standard_name;
/// assert_eq!(standard_name("contacts"), standard_name("Lead"));
/// assert_eq!(standard_name("Project__c"), None);
/// ```
pub fn standard_name(object: &str) -> Option<&'static str> {
    for_object(object).map(|blueprint| blueprint.name)
}

/// A standard blueprint with all its fields; `None` when there is none of that name.
pub fn standard_blueprint(name: &str, id: BlueprintId, tenant: TenantId) -> Option<Blueprint> {
    let standard = named(name)?;
    let fields = standard.fields.iter().map(StandardField::field).collect();
    Some(Blueprint::new(id, tenant, name, fields))
}

fn singular(name: &str) -> String {
    if let Some(stem) = name.strip_suffix("ies") {
        format!("{stem}y")
    } else {
        name.strip_suffix('s').unwrap_or(name).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_crms_objects_have_the_same_blueprint() {
        for (one, other) in [
            ("Account", "companies"),
            ("Contact", "contacts"),
            ("Opportunity", "deals"),
            ("Case", "tickets"),
        ] {
            assert_eq!(standard_name(one), standard_name(other));
            assert!(standard_name(one).is_some());
        }
    }

    #[test]
    fn standard_blueprints_are_sound() {
        for standard in ALL {
            assert_eq!(standard_blueprint(standard.name, 1, 1).unwrap().check(), []);
            for field in standard.fields {
                assert!(field.words.iter().all(|word| *word == key(word)), "{}", field.name);
            }
        }
    }
}
