use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use syncline_core::mapping::{MatchKey, Normalisation};
use syncline_core::matching::{Candidate, Duplicates, candidate_keys, key_fields, normalise};
use syncline_core::model::{Blueprint, Field, FieldType};
use syncline_core::search::{searched_fields, value_words};
use syncline_core::sort_key::sort_key;
use syncline_core::value::{Value, content_hash, encode_all};

/// What a space holds of each live entity of a blueprint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub(crate) enum Definition {
    /// The value of a unique field. The type belongs to it: another one compares otherwise.
    Unique { field: String, kind: String },
    /// The value of an indexed field, in order.
    Sorted { field: String, kind: String },
    /// The words of the fields that text search looks into.
    Words { fields: Vec<String> },
    /// The blocks of the audit in which an entity was changed. Of a tenant, not of a blueprint.
    History,
    /// The cheap keys of records that may be likely duplicates by these fields, in order.
    Alike { fields: Vec<String> },
    /// What a match key compares, or where its candidates are found.
    Match { key: MatchKey },
}

/// What a space holds of one entity.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) keys: Vec<u64>,
    pub(crate) sorts: Vec<Vec<u8>>,
}

impl Definition {
    pub(crate) fn unique(field: &Field) -> Self {
        Self::Unique {
            field: field.name.clone(),
            kind: field.kind.label().to_owned(),
        }
    }

    pub(crate) fn sorted(field: &Field) -> Self {
        Self::Sorted {
            field: field.name.clone(),
            kind: field.kind.label().to_owned(),
        }
    }

    /// What text search in a blueprint looks into; `None` where it has no such field.
    pub(crate) fn words(blueprint: &Blueprint) -> Option<Self> {
        let searched = searched_fields(blueprint);
        let names = searched
            .into_iter()
            .map(|position| blueprint.fields[position].name.clone());
        let fields: Vec<String> = names.collect();
        (!fields.is_empty()).then_some(Self::Words { fields })
    }

    /// What lists of a blueprint are filtered and sorted by, and what is declared to be searched.
    pub(crate) fn declared(blueprint: &Blueprint) -> Vec<Self> {
        let fields = blueprint.live_fields().map(|(_, field)| field);
        let sorted = fields.filter(|field| is_sorted(field)).map(Self::sorted);
        let is_searched = blueprint.live_fields().any(|(_, field)| field.searchable);
        sorted
            .chain(is_searched.then(|| Self::words(blueprint)).flatten())
            .collect()
    }

    /// Unique within the blueprint.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Unique { field, kind } => format!("unique {field}, {kind}"),
            Self::Sorted { field, kind } => format!("sorted {field}, {kind}"),
            Self::Words { fields } => format!("words {}", fields.join(", ")),
            Self::History => "history".to_owned(),
            Self::Alike { fields } => format!("alike {}", fields.join(", ")),
            Self::Match { key } => {
                let text = serde_json::to_string(key).unwrap_or_default();
                format!("match {:032x}", content_hash(text.as_bytes()))
            }
        }
    }

    /// The positions of the fields that it reads, in its order.
    pub(crate) fn positions(&self, blueprint: &Blueprint) -> Vec<Option<usize>> {
        match self {
            Self::Unique { field, .. } | Self::Sorted { field, .. } => vec![blueprint.position(field)],
            Self::Words { fields } | Self::Alike { fields } => {
                fields.iter().map(|name| blueprint.position(name)).collect()
            }
            Self::History => Vec::new(),
            Self::Match { key } => key_fields(key).iter().map(|name| blueprint.position(name)).collect(),
        }
    }

    /// What is held of an entity with these values of its fields, in the order of the positions.
    pub(crate) fn hold(&self, values: &[Value]) -> Held {
        match self {
            Self::Unique { kind, .. } => Held {
                keys: unique_hash(kind, values.first()).into_iter().collect(),
                sorts: Vec::new(),
            },
            Self::Sorted { .. } => Held {
                keys: Vec::new(),
                sorts: values.first().map(sort_key).into_iter().collect(),
            },
            Self::Words { .. } => {
                let mut words = BTreeSet::new();
                values.iter().for_each(|value| value_words(value, &mut words));
                Held {
                    keys: Vec::new(),
                    sorts: words.into_iter().map(String::into_bytes).collect(),
                }
            }
            Self::History => Held::default(),
            // Which keys there are does not depend on how alike records have to be.
            Self::Alike { fields } => Held {
                keys: Vec::new(),
                sorts: Duplicates::new(fields, 1.0)
                    .keys(values)
                    .into_iter()
                    .map(|key| key.to_be_bytes().to_vec())
                    .collect(),
            },
            Self::Match { key } => Held {
                keys: match_hashes(key, values),
                sorts: Vec::new(),
            },
        }
    }
}

/// Whether lists are filtered and sorted by a field.
pub(crate) const fn is_sorted(field: &Field) -> bool {
    field.indexed || field.unique
}

/// The keys by which a record with these values is found.
pub(crate) fn match_hashes(key: &MatchKey, values: &[Value]) -> Vec<u64> {
    let candidate = Candidate {
        values: values.to_vec(),
    };
    let mut hashes: Vec<u64> = candidate_keys(key, &candidate)
        .into_iter()
        .map(|hash| hash as u64)
        .collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// The hash of a unique value; an empty one is not compared.
fn unique_hash(kind: &str, value: Option<&Value>) -> Option<u64> {
    let value = value.filter(|value| !value.is_empty())?;
    let folded = (kind == FieldType::Email.label())
        .then(|| normalise(value, Normalisation::Email))
        .flatten();
    let hash = match folded {
        Some(folded) => content_hash(folded.as_bytes()),
        None => content_hash(&encode_all([value])),
    };
    Some(hash as u64)
}

/// The values at some positions.
pub(super) fn picked(values: &[Value], positions: &[Option<usize>]) -> Vec<Value> {
    let value = |position: &Option<usize>| position.and_then(|position| values.get(position)).cloned();
    positions
        .iter()
        .map(|position| value(position).unwrap_or_default())
        .collect()
}
