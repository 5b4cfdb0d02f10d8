//! Kinds of links: the ids that every account has, and how a label is written in a path.

use std::fmt;

use serde_json::{Value as Json, json};

/// Categories of link kinds, with the word for each in a path.
const CATEGORIES: [(&str, &str); 4] = [
    ("HUBSPOT_DEFINED", "hubspot"),
    ("USER_DEFINED", "user"),
    ("INTEGRATOR_DEFINED", "integrator"),
    ("WORK", "work"),
];
/// From, to, and the id of the primary link.
const PRIMARY: [(&str, &str, u64); 3] = [
    ("contacts", "companies", 1),
    ("deals", "companies", 5),
    ("tickets", "companies", 26),
];
/// From, to, and the id of the link without a label.
const PLAIN: [(&str, &str, u64); 38] = [
    ("calls", "companies", 182),
    ("calls", "contacts", 194),
    ("calls", "deals", 206),
    ("calls", "tickets", 220),
    ("companies", "companies", 450),
    ("companies", "contacts", 280),
    ("companies", "deals", 342),
    ("companies", "tickets", 340),
    ("contacts", "companies", 279),
    ("contacts", "contacts", 449),
    ("contacts", "deals", 4),
    ("contacts", "tickets", 15),
    ("deals", "companies", 341),
    ("deals", "contacts", 3),
    ("deals", "deals", 451),
    ("deals", "line_items", 19),
    ("deals", "tickets", 27),
    ("emails", "companies", 186),
    ("emails", "contacts", 198),
    ("emails", "deals", 210),
    ("emails", "tickets", 224),
    ("line_items", "deals", 20),
    ("meetings", "companies", 188),
    ("meetings", "contacts", 200),
    ("meetings", "deals", 212),
    ("meetings", "tickets", 226),
    ("notes", "companies", 190),
    ("notes", "contacts", 202),
    ("notes", "deals", 214),
    ("notes", "tickets", 228),
    ("tasks", "companies", 192),
    ("tasks", "contacts", 204),
    ("tasks", "deals", 216),
    ("tasks", "tickets", 230),
    ("tickets", "companies", 339),
    ("tickets", "contacts", 16),
    ("tickets", "deals", 28),
    ("tickets", "tickets", 452),
];

fn find(table: &[(&str, &str, u64)], from: &str, to: &str) -> Option<u64> {
    table
        .iter()
        .find(|(known_from, known_to, _)| *known_from == from && *known_to == to)
        .map(|(_, _, id)| *id)
}

/// The kind that marks one linked record as the primary one.
pub(crate) fn primary(from: &str, to: &str) -> Option<u64> {
    find(&PRIMARY, from, to)
}

/// The kind of a link without a label.
pub(crate) fn plain(from: &str, to: &str) -> Option<u64> {
    find(&PLAIN, from, to)
}

/// A kind of link; its id means something only together with its category.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkKind {
    category: String,
    type_id: u64,
}

impl LinkKind {
    pub(crate) fn new(category: &str, type_id: u64) -> Self {
        Self {
            category: category.to_owned(),
            type_id,
        }
    }

    /// A kind that HubSpot defines.
    pub(crate) fn defined(type_id: u64) -> Self {
        Self::new("HUBSPOT_DEFINED", type_id)
    }

    /// Reads the part of a path that names a label: `user_36`. What can't be read is a kind that no link has.
    pub(crate) fn parse(label: &str) -> Self {
        let read = || {
            let (word, id) = label.rsplit_once('_')?;
            let (category, _) = CATEGORIES.iter().find(|(_, known)| *known == word)?;
            Some(Self::new(category, id.parse().ok()?))
        };
        read().unwrap_or_else(|| Self::new("", 0))
    }

    /// As a request names it.
    pub(crate) fn json(&self) -> Json {
        json!({"associationCategory": self.category, "associationTypeId": self.type_id})
    }
}

impl fmt::Display for LinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = CATEGORIES.iter().find(|(known, _)| *known == self.category);
        write!(f, "{}_{}", word.map_or("unknown", |(_, word)| word), self.type_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_in_a_path_reads_back_as_written() {
        for category in ["HUBSPOT_DEFINED", "USER_DEFINED", "INTEGRATOR_DEFINED", "WORK"] {
            let kind = LinkKind::new(category, 36);
            assert_eq!(LinkKind::parse(&kind.to_string()), kind);
        }
        assert_ne!(LinkKind::parse("36"), LinkKind::new("USER_DEFINED", 36));
    }

    #[test]
    fn the_ids_that_every_account_has_are_found_by_direction() {
        assert_eq!(
            (primary("contacts", "companies"), plain("contacts", "companies")),
            (Some(1), Some(279))
        );
        assert_eq!(
            (primary("companies", "contacts"), plain("companies", "contacts")),
            (None, Some(280))
        );
        assert_eq!(plain("p42_pet", "contacts"), None);
    }
}
