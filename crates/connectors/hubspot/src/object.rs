//! Names of objects: HubSpot takes a plural, a singular or a type id for the same object.

/// An object's name as it stands in configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ObjectName<'a>(&'a str);

/// Type id, singular and plural of the objects that come with HubSpot.
const STANDARD: [(&str, &str, &str); 19] = [
    ("0-1", "contact", "contacts"),
    ("0-2", "company", "companies"),
    ("0-3", "deal", "deals"),
    ("0-5", "ticket", "tickets"),
    ("0-7", "product", "products"),
    ("0-8", "line_item", "line_items"),
    ("0-14", "quote", "quotes"),
    ("0-18", "communication", "communications"),
    ("0-27", "task", "tasks"),
    ("0-46", "note", "notes"),
    ("0-47", "meeting", "meetings"),
    ("0-48", "call", "calls"),
    ("0-49", "email", "emails"),
    ("0-53", "invoice", "invoices"),
    ("0-74", "goal", "goals"),
    ("0-115", "user", "users"),
    ("0-123", "order", "orders"),
    ("0-136", "lead", "leads"),
    ("0-142", "cart", "carts"),
];

impl<'a> ObjectName<'a> {
    pub(crate) const fn new(name: &'a str) -> Self {
        Self(name)
    }

    /// The plural name of a standard object; a custom object's name as it is.
    pub(crate) fn plural(self) -> &'a str {
        STANDARD
            .iter()
            .find(|(id, singular, plural)| {
                self.0 == *id || self.0.eq_ignore_ascii_case(singular) || self.0.eq_ignore_ascii_case(plural)
            })
            .map_or(self.0, |(_, _, plural)| plural)
    }

    /// Whether it comes with HubSpot.
    pub(crate) fn is_standard(self) -> bool {
        let plural = self.plural();
        STANDARD.iter().any(|(_, _, known)| *known == plural)
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
