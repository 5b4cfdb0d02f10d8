//! The key for people without a usable e-mail address.

use crate::mapping::{FuzzyPart, FuzzyRole, MatchKey};

/// Fields, and how much each says. An identifier says most; a state is shared by millions.
const PARTS: [(&str, f64, FuzzyRole, &[&str]); 9] = [
    ("soc_sec_id", 5.0, FuzzyRole::Identifier, &[]),
    ("date_of_birth", 3.0, FuzzyRole::Decisive, &[]),
    ("last_name", 2.5, FuzzyRole::Decisive, &["first_name"]),
    ("first_name", 2.0, FuzzyRole::Decisive, &["last_name"]),
    ("street", 2.0, FuzzyRole::Evidence, &["address_2"]),
    ("address_2", 1.0, FuzzyRole::Evidence, &["street"]),
    ("postcode", 1.0, FuzzyRole::Evidence, &[]),
    ("city", 1.0, FuzzyRole::Evidence, &[]),
    ("state", 0.3, FuzzyRole::Evidence, &[]),
];

/// A fuzzy key over names, address, date of birth and social security number, of the fields in `available` only.
/// `None` when these are too few to tell people apart: it takes a name, and two of identifier, date of birth and
/// address.
pub fn people_key(available: &[&str]) -> Option<MatchKey> {
    let has = |name: &str| available.contains(&name);
    let named = has("last_name");
    let address = has("street") && (has("postcode") || has("city"));
    let evidence = [has("soc_sec_id"), has("date_of_birth"), address]
        .into_iter()
        .filter(|&has| has)
        .count();
    if !named || evidence < 2 {
        return None;
    }
    let parts = PARTS
        .iter()
        .filter(|(field, ..)| has(field))
        .map(|(field, weight, role, swapped)| FuzzyPart {
            field: (*field).to_owned(),
            weight: *weight,
            role: *role,
            swapped_with: swapped
                .iter()
                .filter(|name| has(name))
                .map(|name| (*name).to_owned())
                .collect(),
        })
        .collect();
    Some(MatchKey::Fuzzy {
        parts,
        link: 0.68,
        review: 0.45,
    })
}
