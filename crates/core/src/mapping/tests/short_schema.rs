//! Schemas as test cases write them, briefly.

use serde::Deserialize;
use serde_json::json;

use crate::batch::ValueKind;
use crate::schema::{Choice, FieldKind, FieldSchema, ObjectInfo, ObjectSchema};

/// A schema as test cases write it: what is not said is as in most fields.
#[derive(Deserialize)]
struct ShortSchema {
    object: String,
    #[serde(default)]
    custom: bool,
    fields: Vec<ShortField>,
}

#[derive(Deserialize)]
struct ShortField {
    path: String,
    #[serde(default)]
    label: Option<String>,
    kind: FieldKind,
    /// Words: readonly, createonly, required, unique, external, calculated, restricted.
    #[serde(default)]
    flags: String,
    #[serde(default)]
    choices: Vec<(String, String)>,
    #[serde(default)]
    references: Vec<String>,
    #[serde(default)]
    relationship: Option<String>,
}

impl ShortSchema {
    fn full(self) -> ObjectSchema {
        ObjectSchema {
            object: ObjectInfo {
                label: self.object.clone(),
                name: self.object,
                custom: self.custom,
                creatable: true,
                updatable: true,
                deletable: true,
            },
            fields: self.fields.into_iter().map(ShortField::full).collect(),
            version: None,
            left_out: Vec::new(),
        }
    }
}

impl ShortField {
    fn full(self) -> FieldSchema {
        let has = |flag: &str| self.flags.split_whitespace().any(|word| word == flag);
        let writable = !has("readonly") && !has("calculated");
        FieldSchema {
            label: self.label.clone().unwrap_or_else(|| self.path.clone()),
            value_kind: match self.kind {
                FieldKind::Integer | FieldKind::Decimal | FieldKind::Money | FieldKind::Percent => ValueKind::Number,
                FieldKind::Bool => ValueKind::Bool,
                FieldKind::Date => ValueKind::Date,
                FieldKind::DateTime => ValueKind::DateTime,
                FieldKind::MultiChoice => ValueKind::Choices,
                _ => ValueKind::Text,
            },
            provider_type: format!("{:?}", self.kind).to_lowercase(),
            creatable: writable,
            updatable: writable && !has("createonly"),
            required: has("required"),
            unique: has("unique") || has("external"),
            external_id: has("external"),
            calculated: has("calculated"),
            length: None,
            scale: None,
            choices: self
                .choices
                .iter()
                .map(|(value, label)| Choice {
                    value: value.clone(),
                    label: label.clone(),
                    active: true,
                })
                .collect(),
            restricted: has("restricted"),
            references: self.references.clone(),
            relationship: self.relationship.clone(),
            kind: self.kind,
            path: self.path,
        }
    }
}

pub(super) fn schema(json: serde_json::Value) -> ObjectSchema {
    serde_json::from_value::<ShortSchema>(json).unwrap().full()
}

pub(super) fn field(path: &str, label: &str, kind: &str) -> serde_json::Value {
    json!({ "path": path, "label": label, "kind": kind })
}
