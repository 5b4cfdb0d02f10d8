//! Names of objects: HubSpot takes a plural, a singular or a type id for the same object.

/// An object's name as it stands in configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ObjectName<'a>(&'a str);

/// An object that comes with HubSpot.
#[derive(Debug)]
struct Standard {
    type_id: &'static str,
    singular: &'static str,
    plural: &'static str,
    /// The plural for people.
    label: &'static str,
    /// The word that names it in scopes.
    scope: Scope,
}

/// How scopes name an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// `crm.objects.<word>.read` and `.write`, and `crm.schemas.<word>.read` for its properties.
    Objects(&'static str),
    /// One scope that reads and writes.
    Whole(&'static str),
}

const fn standard(
    type_id: &'static str,
    singular: &'static str,
    plural: &'static str,
    label: &'static str,
    scope: Scope,
) -> Standard {
    Standard {
        type_id,
        singular,
        plural,
        label,
        scope,
    }
}

// Activities have no scopes of their own.
const CONTACTS: Scope = Scope::Objects("contacts");

/// The objects that come with HubSpot, by name.
const STANDARD: [Standard; 26] = [
    standard(
        "0-421",
        "appointment",
        "appointments",
        "Appointments",
        Scope::Objects("appointments"),
    ),
    standard("0-48", "call", "calls", "Calls", CONTACTS),
    standard("0-142", "cart", "carts", "Carts", Scope::Objects("carts")),
    standard("0-18", "communication", "communications", "Communications", CONTACTS),
    standard("0-2", "company", "companies", "Companies", Scope::Objects("companies")),
    standard("0-1", "contact", "contacts", "Contacts", CONTACTS),
    standard("0-410", "course", "courses", "Courses", Scope::Objects("courses")),
    standard("0-3", "deal", "deals", "Deals", Scope::Objects("deals")),
    standard("0-49", "email", "emails", "E-mails", CONTACTS),
    standard(
        "0-19",
        "feedback_submission",
        "feedback_submissions",
        "Feedback submissions",
        Scope::Objects("feedback_submissions"),
    ),
    standard("0-74", "goal_target", "goal_targets", "Goals", Scope::Objects("goals")),
    standard("0-53", "invoice", "invoices", "Invoices", Scope::Objects("invoices")),
    standard("0-136", "lead", "leads", "Leads", Scope::Objects("leads")),
    standard(
        "0-8",
        "line_item",
        "line_items",
        "Line items",
        Scope::Objects("line_items"),
    ),
    standard("0-420", "listing", "listings", "Listings", Scope::Objects("listings")),
    standard("0-47", "meeting", "meetings", "Meetings", CONTACTS),
    standard("0-46", "note", "notes", "Notes", CONTACTS),
    standard("0-123", "order", "orders", "Orders", Scope::Objects("orders")),
    standard("0-116", "postal_mail", "postal_mail", "Postal mail", CONTACTS),
    standard("0-7", "product", "products", "Products", Scope::Whole("e-commerce")),
    standard("0-14", "quote", "quotes", "Quotes", Scope::Objects("quotes")),
    standard("0-162", "service", "services", "Services", Scope::Objects("services")),
    standard(
        "0-69",
        "subscription",
        "subscriptions",
        "Subscriptions",
        Scope::Objects("subscriptions"),
    ),
    standard("0-27", "task", "tasks", "Tasks", CONTACTS),
    standard("0-5", "ticket", "tickets", "Tickets", Scope::Whole("tickets")),
    standard("0-115", "user", "users", "Users", Scope::Objects("users")),
];

impl<'a> ObjectName<'a> {
    pub(crate) const fn new(name: &'a str) -> Self {
        Self(name)
    }

    fn standard(self) -> Option<&'static Standard> {
        STANDARD.iter().find(|known| {
            self.0 == known.type_id
                || self.0.eq_ignore_ascii_case(known.singular)
                || self.0.eq_ignore_ascii_case(known.plural)
        })
    }

    /// The plural name of a standard object; a custom object's name as it is.
    pub(crate) fn plural(self) -> &'a str {
        self.standard().map_or(self.0, |known| known.plural)
    }

    /// The singular name of a standard object; a custom object's name as it is.
    pub(crate) fn singular(self) -> &'a str {
        self.standard().map_or(self.0, |known| known.singular)
    }

    /// The name for people; a custom object's name as it is.
    pub(crate) fn label(self) -> &'a str {
        self.standard().map_or(self.0, |known| known.label)
    }

    /// The type id of a standard object; a custom object's name as it is.
    pub(crate) fn type_id(self) -> &'a str {
        self.standard().map_or(self.0, |known| known.type_id)
    }

    /// How scopes name it.
    pub(crate) fn scope(self) -> Scope {
        self.standard().map_or(Scope::Objects("custom"), |known| known.scope)
    }

    /// The plural names of the objects that come with HubSpot.
    pub(crate) fn all_standard() -> impl Iterator<Item = &'static str> {
        STANDARD.iter().map(|known| known.plural)
    }

    /// Whether it comes with HubSpot.
    pub(crate) fn is_standard(self) -> bool {
        self.standard().is_some()
    }

    /// The property that a search for changed records looks at. Contacts also define the other one, but it may be
    /// empty there, so a search by it would find nothing.
    pub(crate) fn stamp_property(self) -> &'static str {
        if self.plural() == "contacts" {
            "lastmodifieddate"
        } else {
            "hs_lastmodifieddate"
        }
    }

    /// Properties that tell which records were merged into one.
    pub(crate) fn merge_properties(self) -> &'static [&'static str] {
        if self.plural() == "contacts" {
            &["hs_merged_object_ids", "hs_calculated_merged_vids"]
        } else {
            &["hs_merged_object_ids"]
        }
    }
}

/// Whether HubSpot could have made this record id; anything else fails the whole batch that names it.
pub(crate) fn is_record_id(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_digit()) && id.parse::<i64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_contacts_has_their_stamp_property() {
        for name in ["contacts", "contact", "CONTACT", "0-1"] {
            assert_eq!(ObjectName::new(name).stamp_property(), "lastmodifieddate");
        }
        assert_eq!(ObjectName::new("0-2").stamp_property(), "hs_lastmodifieddate");
        assert_eq!(ObjectName::new("p42_pet").plural(), "p42_pet");
        assert!(!ObjectName::new("2-7").is_standard() && ObjectName::new("deal").is_standard());
    }

    #[test]
    fn only_digits_that_fit_are_record_ids() {
        assert!(is_record_id("171590000001"));
        for bad in ["", "12a", "-1", "99999999999999999999"] {
            assert!(!is_record_id(bad), "{bad}");
        }
    }
}
