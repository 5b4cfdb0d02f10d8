use serde::{Deserialize, Serialize};
use syncline_core::mapping::{MatchKey, Normalisation};
use syncline_core::matching::{Candidate, candidate_keys, key_fields, normalise};
use syncline_core::model::{Blueprint, Field, FieldType};
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
    /// What a match key compares, or where its candidates are found.
    Match { key: MatchKey },
}

/// What a space holds of one entity.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) keys: Vec<u64>,
    pub(crate) sort: Option<Vec<u8>>,
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

    /// What lists of a blueprint are filtered and sorted by.
    pub(crate) fn declared(blueprint: &Blueprint) -> Vec<Self> {
        let declared = blueprint.fields.iter().filter(|field| is_sorted(field));
        declared.map(Self::sorted).collect()
    }

    /// Unique within the blueprint.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Unique { field, kind } => format!("unique {field}, {kind}"),
            Self::Sorted { field, kind } => format!("sorted {field}, {kind}"),
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
            Self::Match { key } => key_fields(key).iter().map(|name| blueprint.position(name)).collect(),
        }
    }

    /// What is held of an entity with these values of its fields, in the order of the positions.
    pub(crate) fn hold(&self, values: &[Value]) -> Held {
        match self {
            Self::Unique { kind, .. } => Held {
                keys: unique_hash(kind, values.first()).into_iter().collect(),
                sort: None,
            },
            Self::Sorted { .. } => Held {
                keys: Vec::new(),
                sort: values.first().map(sort_key),
            },
            Self::Match { key } => Held {
                keys: match_hashes(key, values),
                sort: None,
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
