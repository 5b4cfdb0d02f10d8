//! Recognising the same record on two sides when it is linked for the first time.
//!
//! Matching is set-wise: a pair is linked only if it is the clear and only candidate on **both** sides. Row by row,
//! the first page would link what a later one shows to be ambiguous. A wrong link merges two records' data, which is
//! far worse than a missed one, so what is not clear is asked about.

mod blocking;
mod by_keys;
mod duplicates;
mod exact;
mod fuzzy;
mod likeness;
mod link;
mod normalise;
mod people;
mod phonetic;

pub use by_keys::{alike, keys_fields, link_by_keys};
pub use duplicates::Duplicates;
pub use exact::{key_hash, key_space};
pub(crate) use normalise::fold;
pub use normalise::normalise;
pub use people::people_key;

use crate::mapping::{FuzzyPart, MatchKey};
use crate::value::Value;

/// A record to be matched.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidate {
    /// Its canonical values: those of [`key_fields`], in that order.
    pub values: Vec<Value>,
}

/// What matching two sets of records found. Numbers are positions in the sets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Links {
    /// Left, right, and how alike they are (1 for an exact key).
    pub linked: Vec<(usize, usize, f64)>,
    /// Left ones and right ones that may be the same but are not clear, and why. A record that is linked already may
    /// stand here too, when another one resembles it.
    pub review: Vec<(Vec<usize>, Vec<usize>, String)>,
    /// Left ones without a candidate.
    pub unmatched_left: Vec<usize>,
    /// Right ones without a candidate.
    pub unmatched_right: Vec<usize>,
}

impl Links {
    fn sort(&mut self) {
        self.linked.sort_by_key(|(left, right, _)| (*left, *right));
        self.review.sort();
        self.unmatched_left.sort_unstable();
        self.unmatched_right.sort_unstable();
    }
}

/// Names of the blueprint's fields that a key compares: the order of [`Candidate::values`].
pub fn key_fields(key: &MatchKey) -> Vec<String> {
    match key {
        MatchKey::Exact { parts } => parts.iter().map(|part| part.field.clone()).collect(),
        MatchKey::Fuzzy { parts, .. } => part_fields(parts),
    }
}

fn part_fields(parts: &[FuzzyPart]) -> Vec<String> {
    let mut fields: Vec<String> = parts.iter().map(|part| part.field.clone()).collect();
    for name in parts.iter().flat_map(|part| &part.swapped_with) {
        if !fields.contains(name) {
            fields.push(name.clone());
        }
    }
    fields
}

/// Matches two sets by one key.
///
/// ```
/// use syncline_core::Value;
/// use syncline_core::mapping::{MatchKey, MatchPart, Normalisation};
/// use syncline_core::matching::{Candidate, link_sets};
///
/// let key = MatchKey::Exact { parts: vec![MatchPart { field: "email".into(), normalise: Normalisation::Email }] };
/// let record = |email: &str| Candidate { values: vec![Value::text(email)] };
/// let links = link_sets(&[record("ada@x.org"), record("bo@x.org")], &[record("Ada@X.org")], &key);
/// assert_eq!((links.linked, links.unmatched_left), (vec![(0, 0, 1.0)], vec![1]));
/// ```
pub fn link_sets(left: &[Candidate], right: &[Candidate], key: &MatchKey) -> Links {
    link_slices(&slices(left), &slices(right), key)
}

fn slices(set: &[Candidate]) -> Vec<&[Value]> {
    set.iter().map(|record| record.values.as_slice()).collect()
}

fn link_slices(left: &[&[Value]], right: &[&[Value]], key: &MatchKey) -> Links {
    match key {
        MatchKey::Exact { parts } => exact::link(parts, left, right),
        MatchKey::Fuzzy { parts, link, review } => link::link(parts, *link, *review, left, right),
    }
}

/// The cheap keys by which a record's candidates are found among many stored ones: it is worth comparing with those
/// that share one. For an exact key this is its hash, or nothing.
pub fn candidate_keys(key: &MatchKey, record: &Candidate) -> Vec<u128> {
    match key {
        MatchKey::Exact { parts } => key_hash(parts, &record.values).into_iter().collect(),
        MatchKey::Fuzzy { parts, .. } => {
            let mut keys = Vec::new();
            blocking::keys(parts, &fuzzy::Prepared::new(&record.values), &mut keys);
            keys.sort_unstable();
            keys.dedup();
            keys.into_iter().map(u128::from).collect()
        }
    }
}

#[cfg(test)]
mod tests;
