//! Filters of lists, and what of them an index can answer.

use std::collections::BTreeMap;

use jiff::civil;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::expression::{FieldTest, Filter, Variables};
use syncline_core::job::Comparison;
use syncline_core::model::{Blueprint, FieldType};
use syncline_core::sort_key::{SET, after, after_prefix, sort_key};
use syncline_core::state::Entity;
use syncline_core::value::{DateTime, Precision, Value};

use super::index::is_sorted;

/// A filter over the fields of a blueprint.
pub(super) struct EntityFilter {
    filter: Filter,
    /// Fields that it reads below `entity`, and by their bare name.
    below: BTreeMap<String, usize>,
    bare: BTreeMap<String, usize>,
}

impl EntityFilter {
    pub(super) fn compile(text: &str, blueprint: &Blueprint) -> Result<Self> {
        let filter = Filter::compile(text)?;
        let (mut below, mut bare) = (BTreeMap::new(), BTreeMap::new());
        for path in filter.paths() {
            let (fields, name) = match path.strip_prefix("entity.") {
                Some(rest) => (&mut below, rest),
                None => (&mut bare, path.as_str()),
            };
            let name = name.split('.').next().unwrap_or(name);
            let Some(position) = blueprint.position(name) else {
                let known: Vec<&str> = blueprint.field_names().collect();
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!(
                        "the filter names `{path}`; a {} has {}",
                        blueprint.name,
                        known.join(", ")
                    ),
                ));
            };
            fields.insert(name.to_owned(), position);
        }
        Ok(Self { filter, below, bare })
    }

    pub(super) fn matches(&self, entity: &Entity) -> Result<bool> {
        let mut variables = Variables::new();
        for (name, position) in &self.bare {
            variables.set(name, entity.value(*position));
        }
        variables.record(
            "entity",
            self.below
                .iter()
                .map(|(name, position)| (name.as_str(), entity.value(*position))),
        );
        self.filter
            .matches(&variables)
            .map_err(|error| Error::new(error.kind(), format!("{} (at record {})", error.message(), entity.uid)))
    }

    /// Which parts of the indexes hold all that the filter selects, by field.
    pub(super) fn ranges(&self, blueprint: &Blueprint) -> BTreeMap<usize, SortRange> {
        let mut ranges: BTreeMap<usize, SortRange> = BTreeMap::new();
        for condition in self.filter.field_conditions("entity") {
            let Some(position) = blueprint.position(&condition.field) else {
                continue;
            };
            let field = &blueprint.fields[position];
            if !is_sorted(field) {
                continue;
            }
            if let Some(range) = SortRange::of(&field.kind, &condition.test) {
                match ranges.get_mut(&position) {
                    Some(known) => known.narrow(range),
                    None => {
                        ranges.insert(position, range);
                    }
                }
            }
        }
        ranges
    }
}

/// A part of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SortRange {
    /// At or above this sort key.
    pub(super) from: Vec<u8>,
    /// Below this sort key.
    pub(super) until: Option<Vec<u8>>,
}

impl SortRange {
    /// The part that holds all values that pass a test, and perhaps some more: the filter itself has the last word.
    fn of(kind: &FieldType, test: &FieldTest) -> Option<Self> {
        match test {
            FieldTest::StartsWith(prefix) => is_text(kind).then(|| Self {
                from: sort_key(&Value::text(prefix.as_str())).max(SET.to_vec()),
                until: Some(after_prefix(prefix)),
            }),
            FieldTest::Compares(comparison, value) => {
                let (low, high) = bounds(kind, value)?;
                let (from, until) = (sort_key(&low), Some(after(sort_key(&high))));
                match comparison {
                    Comparison::Equal => Some(Self { from, until }),
                    Comparison::Greater | Comparison::GreaterOrEqual => Some(Self { from, until: None }),
                    Comparison::Less | Comparison::LessOrEqual => Some(Self {
                        from: SET.to_vec(),
                        until,
                    }),
                    Comparison::NotEqual => None,
                }
            }
        }
    }

    /// The part of an index of words that begin like this.
    pub(super) fn of_prefix(prefix: &str) -> Self {
        let from = prefix.as_bytes().to_vec();
        let mut until = from.clone();
        // No byte of UTF-8 is the largest, so this never overflows.
        if let Some(last) = until.last_mut() {
            *last = last.saturating_add(1);
        }
        Self {
            from,
            until: Some(until),
        }
    }

    fn narrow(&mut self, other: Self) {
        self.from = std::mem::take(&mut self.from).max(other.from);
        self.until = match (self.until.take(), other.until) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    /// Whether it is one single sort key.
    pub(super) fn is_single(&self) -> bool {
        self.until.as_ref() == Some(&after(self.from.clone()))
    }
}

const fn is_text(kind: &FieldType) -> bool {
    matches!(
        kind,
        FieldType::Text
            | FieldType::LongText
            | FieldType::Email
            | FieldType::Phone
            | FieldType::Url
            | FieldType::Choice { .. }
            | FieldType::Reference { .. }
    )
}

/// The least and largest value of a field that an expression may take for equal to a fixed value. `None` where the two
/// are not compared in the order of the index.
fn bounds(kind: &FieldType, value: &Value) -> Option<(Value, Value)> {
    // Expressions know decimals only as binary fractions.
    let precision = Decimal::new(1, 15);
    let exactly = |value: &Value| Some((value.clone(), value.clone()));
    match (kind, value) {
        (kind, Value::Text(_)) if is_text(kind) => exactly(value),
        (FieldType::Integer, Value::Int(_)) | (FieldType::Bool, Value::Bool(_)) => exactly(value),
        (FieldType::Decimal, Value::Int(_) | Value::Decimal(_)) => {
            let number = decimal(value)?;
            let margin = number.abs().checked_mul(precision)?;
            Some((
                Value::Decimal(number.checked_sub(margin)?),
                Value::Decimal(number.checked_add(margin)?),
            ))
        }
        (FieldType::Float, Value::Int(_) | Value::Decimal(_)) => {
            let number = decimal(value)?.to_f64()?;
            Some((Value::Float(number.next_down()), Value::Float(number.next_up())))
        }
        (FieldType::Date, Value::Text(text)) => {
            let date = day(text)?;
            exactly(&Value::Date(date))
        }
        (FieldType::DateTime, Value::Text(text)) => {
            let instant = match day(text) {
                Some(day) => day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp(),
                None => text.ends_with('Z').then(|| text.parse().ok())??,
            };
            // Texts of instants are not quite in the order of time within a second.
            let second = jiff::SignedDuration::from_secs(1);
            let at = |instant| Value::DateTime(DateTime::new(instant, Precision::Microsecond));
            Some((
                at(instant.checked_sub(second).ok()?),
                at(instant.checked_add(second).ok()?),
            ))
        }
        _ => None,
    }
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Int(int) => Some(Decimal::from(*int)),
        Value::Decimal(decimal) => Some(*decimal),
        _ => None,
    }
}

/// Expressions compare a date as its ten characters.
fn day(text: &str) -> Option<civil::Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}
