//! What a rule does to the values of an entity, by the places of the fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::convert::convert;
use crate::error::{Error, ErrorKind, Result};
use crate::expression::{Expression, Variables};
use crate::model::FieldType;
use crate::value::Value;

/// One step of entities from a version to the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Places that it reads.
    pub(super) reads: Vec<usize>,
    /// Those among them that it takes away or overwrites: what the way back has to restore.
    pub(super) takes: Vec<usize>,
    /// Places that it writes.
    pub(super) writes: Vec<usize>,
    /// What it does.
    pub(super) how: Transform,
}

/// What a step does to values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub(super) enum Transform {
    /// Nothing comes of it.
    Drop,
    /// A value out of nothing.
    Value { value: Value },
    /// A value for what is empty.
    Fill { value: Value },
    /// Another type.
    Retype {
        from: FieldType,
        to: FieldType,
        or_empty: bool,
    },
    /// Other choices.
    Choices { map: BTreeMap<String, String> },
    /// One text in parts.
    Split {
        by: String,
        from_end: bool,
        from: FieldType,
        to: Vec<FieldType>,
    },
    /// Parts as one text.
    Join {
        by: String,
        from: Vec<FieldType>,
        to: FieldType,
    },
    /// An expression over what is read, by name.
    Compute {
        expression: String,
        names: Vec<String>,
        to: FieldType,
    },
}

impl Step {
    /// Places whose values this step changes on either way.
    pub fn touches(&self) -> impl Iterator<Item = usize> + '_ {
        self.takes.iter().chain(&self.writes).copied()
    }
}

impl Transform {
    /// What is written, from what is read.
    pub(super) fn forward(&self, read: &[Value]) -> Result<Vec<Value>> {
        let first = || read.first().cloned().unwrap_or_default();
        Ok(match self {
            Self::Drop => Vec::new(),
            Self::Value { value } => vec![value.clone()],
            Self::Fill { value } => vec![
                Some(first())
                    .filter(|held| !held.is_empty())
                    .unwrap_or_else(|| value.clone()),
            ],
            Self::Retype { from, to, or_empty } => match convert(&first(), from, to) {
                Err(_) if *or_empty => vec![Value::Null],
                converted => vec![converted?],
            },
            Self::Choices { map } => vec![each_choice(first(), &|choice| map.get(choice).cloned())],
            Self::Split { by, from_end, to, .. } => split(&first(), by, *from_end, to)?,
            Self::Join { by, to, .. } => vec![to.coerce(join(read, by))?],
            Self::Compute { expression, names, to } => {
                let mut variables = Variables::new();
                for (name, value) in names.iter().zip(read) {
                    variables.set(name, value);
                }
                vec![to.coerce(Expression::compile(expression)?.evaluate(&variables)?)?]
            }
        })
    }

    /// What was taken away, computed from what was written; `before` is what was last known of it.
    pub(super) fn back(&self, written: &[Value], before: &[Value]) -> Result<Vec<Value>> {
        let first = || written.first().cloned().unwrap_or_default();
        Ok(match self {
            Self::Drop => before.to_vec(),
            Self::Value { .. } | Self::Compute { .. } => Vec::new(),
            Self::Fill { .. } => vec![first()],
            Self::Retype { from, to, or_empty } => match convert(&first(), to, from) {
                Err(_) if *or_empty => vec![Value::Null],
                converted => vec![converted?],
            },
            Self::Choices { map } => {
                // Where two choices became one, the first of them comes back.
                let inverse = |choice: &str| map.iter().find(|(_, new)| *new == choice).map(|(old, _)| old.clone());
                vec![each_choice(first(), &inverse)]
            }
            Self::Split { by, from, .. } => vec![from.coerce(join(written, by))?],
            Self::Join { by, from, .. } => split(&first(), by, false, from)?,
        })
    }
}

fn each_choice(value: Value, other: &dyn Fn(&str) -> Option<String>) -> Value {
    match value {
        Value::Text(text) => Value::Text(other(&text).unwrap_or(text)),
        Value::List(list) => {
            let mut list: Vec<Value> = list.into_iter().map(|item| each_choice(item, other)).collect();
            list.sort_by_key(ToString::to_string);
            list.dedup();
            Value::List(list)
        }
        kept => kept,
    }
}

fn join(parts: &[Value], by: &str) -> Value {
    let parts: Vec<String> = parts
        .iter()
        .filter(|part| !part.is_empty())
        .map(ToString::to_string)
        .collect();
    if parts.is_empty() {
        Value::Null
    } else {
        Value::Text(parts.join(by))
    }
}

fn split(value: &Value, by: &str, from_end: bool, kinds: &[FieldType]) -> Result<Vec<Value>> {
    let text = match value {
        Value::List(_) | Value::Json(_) => {
            let message = format!("{} can't be split; only text can", value.kind_name());
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        empty if empty.is_empty() => return Ok(vec![Value::Null; kinds.len()]),
        other => other.to_string(),
    };
    let mut parts: Vec<&str> = if from_end {
        let mut parts: Vec<&str> = text.rsplitn(kinds.len(), by).collect();
        parts.reverse();
        parts
    } else {
        text.splitn(kinds.len(), by).collect()
    };
    parts.resize(kinds.len(), "");
    parts
        .into_iter()
        .zip(kinds)
        .map(|(part, kind)| kind.coerce(Value::text(part.trim())))
        .collect()
}
