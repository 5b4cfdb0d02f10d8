//! In which order a list is, and where a page of it ended.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::Blueprint;
use syncline_core::sort_key::sort_key;
use syncline_core::state::{Entity, EntityId};
use syncline_core::value::{DateTime, Precision, Value};

use super::index::is_sorted;

/// One key that a list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EntitySort {
    /// The field; `created_at` and `updated_at` too, where the blueprint has no fields of these names.
    pub field: String,
    /// Largest first.
    pub descending: bool,
}

impl EntitySort {
    /// Smallest first.
    pub fn ascending(field: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            descending: false,
        }
    }

    /// Largest first.
    pub fn descending(field: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            descending: true,
        }
    }
}

/// What one key compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Field(usize),
    CreatedAt,
    UpdatedAt,
}

/// The order of a list: by its keys, then by number; by number alone without keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Order {
    keys: Vec<(Source, bool)>,
    /// The index that is in this order.
    pub(super) indexed: Option<usize>,
}

impl Order {
    pub(super) fn of(sort: &[EntitySort], blueprint: &Blueprint, deleted: bool) -> Result<Self> {
        let mut keys = Vec::with_capacity(sort.len());
        for key in sort {
            let source = match (blueprint.position(&key.field), key.field.as_str()) {
                (Some(position), _) => Source::Field(position),
                (None, "created_at") => Source::CreatedAt,
                (None, "updated_at") => Source::UpdatedAt,
                (None, unknown) => {
                    let known: Vec<&str> = blueprint.field_names().collect();
                    return Err(Error::new(
                        ErrorKind::Invalid,
                        format!(
                            "a {} has no field `{unknown}` to sort by; it has {}, created_at, updated_at",
                            blueprint.name,
                            known.join(", ")
                        ),
                    ));
                }
            };
            if !keys.iter().any(|(known, _)| *known == source) {
                keys.push((source, key.descending));
            }
        }
        let indexed = match keys.as_slice() {
            [(Source::Field(position), _)] if !deleted && is_sorted(&blueprint.fields[*position]) => Some(*position),
            _ => None,
        };
        Ok(Self { keys, indexed })
    }

    pub(super) const fn is_sorted(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Whether the order of places is that of their bytes turned round: that of an index read backwards.
    pub(super) fn is_reversed(&self) -> bool {
        matches!(self.keys.as_slice(), [(_, true)])
    }

    /// Where an entity stands.
    pub(super) fn place(&self, entity: &Entity) -> Place {
        let sort = match self.keys.as_slice() {
            [(source, _)] => key_of(*source, entity),
            keys => {
                let mut sort = Vec::new();
                for (source, descending) in keys {
                    push_ended(&key_of(*source, entity), *descending, &mut sort);
                }
                sort
            }
        };
        Place {
            sort,
            entity: entity.id,
        }
    }

    pub(super) fn compare(&self, a: &Place, b: &Place) -> Ordering {
        let order = (&a.sort, a.entity).cmp(&(&b.sort, b.entity));
        if self.is_reversed() { order.reverse() } else { order }
    }

    /// Whether a place comes after where the page before ended.
    pub(super) fn is_beyond(&self, place: &Place, after: Option<&Place>) -> bool {
        after.is_none_or(|after| self.compare(place, after).is_gt())
    }
}

fn key_of(source: Source, entity: &Entity) -> Vec<u8> {
    let instant = |at| sort_key(&Value::DateTime(DateTime::new(at, Precision::Microsecond)));
    match source {
        Source::Field(position) => sort_key(entity.value(position)),
        Source::CreatedAt => instant(entity.created_at),
        Source::UpdatedAt => instant(entity.updated_at),
    }
}

/// Adds a key so that keys of any length compare one after the other: a zero is written as two bytes, and two zeros end
/// the key; all is turned round for descending.
fn push_ended(key: &[u8], descending: bool, out: &mut Vec<u8>) {
    let turned = |byte: u8| if descending { !byte } else { byte };
    for byte in key {
        out.push(turned(*byte));
        if *byte == 0 {
            out.push(turned(0xff));
        }
    }
    out.extend([turned(0), turned(0)]);
}

/// Where an entity stands in a list: its sort key, then its number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) sort: Vec<u8>,
    pub(super) entity: EntityId,
}

impl Place {
    pub(super) fn text(&self, order: &Order) -> String {
        if !order.is_sorted() {
            return self.entity.to_string();
        }
        let sort: String = self.sort.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{sort}.{}", self.entity)
    }

    pub(super) fn parse(text: &str, order: &Order) -> Result<Self> {
        let parsed = match text.split_once('.') {
            Some((sort, entity)) if order.is_sorted() => unhex(sort).zip(entity.parse().ok()),
            None if !order.is_sorted() => text.parse().ok().map(|entity| (Vec::new(), entity)),
            _ => None,
        };
        let (sort, entity) = parsed.ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                format!("`{text}` is not where a page of this list ended; give back what the page before said"),
            )
        })?;
        Ok(Self { sort, entity })
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
