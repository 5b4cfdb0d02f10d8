//! Records of one blueprint that are likely the same.

use super::blocking;
use super::fuzzy::{Prepared, Scorer};
use crate::mapping::{FuzzyPart, FuzzyRole};
use crate::value::Value;

/// Tells which records are likely the same: by several fields, each of the same weight.
///
/// ```
/// use syncline_core::Value;
/// use syncline_core::matching::Duplicates;
/// let by_name_and_city = Duplicates::new(&["name".into(), "city".into()], 0.85);
/// let record = |name: &str, city: &str| [Value::text(name), Value::text(city)];
/// let (a, b) = (record("Zoë Neumann", "Graz"), record("zoe neuman", "Graz"));
/// assert!(by_name_and_city.likeness(&a, &b).is_some());
/// assert!(by_name_and_city.likeness(&a, &record("Ada King", "Graz")).is_none());
/// ```
#[derive(Debug, Clone)]
pub struct Duplicates {
    parts: Vec<FuzzyPart>,
    least: f64,
}

impl Duplicates {
    /// Compares these fields; records at least so alike, from 0 to 1, are likely the same.
    pub fn new(fields: &[String], least: f64) -> Self {
        let part = |field: &String| FuzzyPart {
            field: field.clone(),
            weight: 1.0,
            role: FuzzyRole::Evidence,
            swapped_with: Vec::new(),
        };
        Self {
            parts: fields.iter().map(part).collect(),
            least,
        }
    }

    /// The cheap keys of a record with these values of the fields, in their order, ascending: only records that share one
    /// are worth comparing.
    pub fn keys(&self, values: &[Value]) -> Vec<u64> {
        let record = Prepared::new(values);
        let mut keys = Vec::new();
        blocking::keys(&self.parts, &record, &mut keys);
        if self.parts.len() == 1 {
            keys.extend(blocking::coarse(&record, 0));
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// How alike two records are, if enough to be likely the same.
    pub fn likeness(&self, a: &[Value], b: &[Value]) -> Option<f64> {
        let score = Scorer::new(&self.parts).score(&Prepared::new(a), &Prepared::new(b));
        (score.value >= self.least && score.differs.is_none()).then_some(score.value)
    }
}
