//! The rules of a migration, as people write them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::model::{DeleteRule, Field, FieldChoice, FieldType};

/// One change of a blueprint, and what becomes of its entities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum MigrationRule {
    /// A new field. Entities that are there take its default.
    Add {
        /// The field.
        field: Field,
    },
    /// Another name for a field. No entity changes.
    Rename {
        /// Its name.
        field: String,
        /// Its name from now on.
        to: String,
    },
    /// Another type. Values are converted.
    Retype {
        /// The field.
        field: String,
        /// Its type from now on.
        to: FieldType,
        /// Whether a value that can't be converted is emptied, and kept aside, instead of being a failure.
        #[serde(default)]
        or_empty: bool,
    },
    /// Another default, which entities whose field is empty take.
    SetDefault {
        /// The field.
        field: String,
        /// The value, as plain JSON.
        value: Json,
    },
    /// One text becomes several.
    Split {
        /// The field, which is given up.
        field: String,
        /// What it becomes.
        into: Vec<Field>,
        /// What stands between the parts.
        #[serde(default = "space")]
        by: String,
        /// Whether the surplus goes to the first part instead of the last.
        #[serde(default)]
        from_end: bool,
    },
    /// Several fields become one text. Empty ones are left out.
    Join {
        /// The fields, which are given up.
        fields: Vec<String>,
        /// What they become.
        into: Field,
        /// What is put between them.
        #[serde(default = "space")]
        by: String,
    },
    /// A field is given up. Its values are kept aside.
    Drop {
        /// The field.
        field: String,
    },
    /// A new field, once computed from the others, and free to be edited from then on.
    Compute {
        /// The new field.
        into: Field,
        /// A CEL expression over the other fields by name.
        expression: String,
    },
    /// Other choices for a choice field.
    MapChoices {
        /// The field.
        field: String,
        /// Its choices from now on.
        choices: Vec<FieldChoice>,
        /// What old choices become. One that is not named stays, which is a failure where it is no choice any more.
        #[serde(default)]
        map: BTreeMap<String, String>,
    },
    /// Other settings of a field. No entity changes.
    Settings {
        /// The field.
        field: String,
        /// What is other about it.
        set: FieldSettings,
    },
    /// Fields that only ever change together from now on.
    Group {
        /// Their names.
        fields: Vec<String>,
    },
}

/// What of a field can change without touching an entity. What is not given stays.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FieldSettings {
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether an entity must have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// Whether no two live entities may hold the same value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique: Option<bool>,
    /// Whether lists filter and sort by it quickly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indexed: Option<bool>,
    /// Whether text search looks into it by an index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub searchable: Option<bool>,
    /// Value of a new entity that gives none, as plain JSON; null for none.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub default: Option<Json>,
    /// Of a reference: what becomes of the entity when the one that it refers to is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_delete: Option<DeleteRule>,
    /// The expression that it is computed by; null for none.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub computed: Option<Json>,
}

/// Tells a null that was given from one that was not.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

fn space() -> String {
    " ".to_owned()
}

impl FieldSettings {
    /// What makes `before` be as `after`, but for name and type.
    pub(super) fn between(before: &Field, after: &Field) -> Self {
        fn changed<T: PartialEq + Clone>(before: &T, after: &T) -> Option<T> {
            (before != after).then(|| after.clone())
        }
        Self {
            label: changed(&before.label, &after.label),
            description: changed(&before.description, &after.description),
            required: changed(&before.required, &after.required),
            unique: changed(&before.unique, &after.unique),
            indexed: changed(&before.indexed, &after.indexed),
            searchable: changed(&before.searchable, &after.searchable),
            default: changed(&before.default, &after.default)
                .map(|default| default.map_or(Json::Null, |default| default.to_json())),
            on_delete: changed(&before.on_delete, &after.on_delete),
            computed: changed(&before.computed, &after.computed)
                .map(|computed| computed.map_or(Json::Null, Json::String)),
        }
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl MigrationRule {
    /// The rule in a few words.
    pub fn label(&self) -> String {
        let names = |fields: &[Field]| {
            fields
                .iter()
                .map(|field| field.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self {
            Self::Add { field } => format!("add {} ({})", field.name, field.kind.label()),
            Self::Rename { field, to } => format!("rename {field} to {to}"),
            Self::Retype { field, to, .. } => format!("make {field} a {}", to.label()),
            Self::SetDefault { field, value } => format!("give {field} the default {value}"),
            Self::Split { field, into, .. } => format!("split {field} into {}", names(into)),
            Self::Join { fields, into, .. } => format!("join {} into {}", fields.join(", "), into.name),
            Self::Drop { field } => format!("drop {field}"),
            Self::Compute { into, expression } => format!("compute {} as {expression}", into.name),
            Self::MapChoices { field, .. } => format!("map the choices of {field}"),
            Self::Settings { field, .. } => format!("change the settings of {field}"),
            Self::Group { fields } => format!("change {} only together", fields.join(", ")),
        }
    }
}

/// What makes one version of a blueprint of another.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Migration {
    /// The rules, applied one after the other: a rule may name what an earlier one made.
    pub rules: Vec<MigrationRule>,
}

impl Migration {
    /// A migration of these rules.
    pub const fn new(rules: Vec<MigrationRule>) -> Self {
        Self { rules }
    }
}
