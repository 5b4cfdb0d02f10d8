//! What is different between two versions of a blueprint.

use serde::{Deserialize, Serialize};

use super::rule::FieldSettings;
use crate::model::{Blueprint, Field, FieldType};

/// One thing that is different.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Difference {
    /// A field that only the second has.
    Added {
        /// The field.
        field: Field,
    },
    /// A field that only the first has.
    Removed {
        /// The field.
        field: Field,
    },
    /// The same field under another name.
    Renamed {
        /// Its name in the first.
        from: String,
        /// Its name in the second.
        to: String,
    },
    /// Another type, or other choices.
    Retyped {
        /// The field by its name in the second.
        field: String,
        /// Its type in the first.
        from: FieldType,
        /// Its type in the second.
        to: FieldType,
    },
    /// Other settings.
    Settings {
        /// The field by its name in the second.
        field: String,
        /// What is other in the second.
        set: FieldSettings,
    },
    /// Fields that change only together in the second alone.
    Grouped {
        /// Their names.
        fields: Vec<String>,
    },
    /// Fields that change only together in the first alone.
    Ungrouped {
        /// Their names.
        fields: Vec<String>,
    },
}

impl Difference {
    /// The difference in one line.
    pub fn label(&self) -> String {
        match self {
            Self::Added { field } => format!("+ {} ({})", field.name, field.kind.label()),
            Self::Removed { field } => format!("- {} ({})", field.name, field.kind.label()),
            Self::Renamed { from, to } => format!("~ {from} is called {to}"),
            Self::Retyped { field, from, to } if from.label() == to.label() => format!("~ {field} has other choices"),
            Self::Retyped { field, from, to } => format!("~ {field} is a {} instead of a {}", to.label(), from.label()),
            Self::Settings { field, set } => {
                let json = serde_json::to_value(set).unwrap_or_default();
                let parts: Vec<String> = json
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, value)| format!("{name} = {value}"))
                    .collect();
                format!("~ {field}: {}", parts.join(", "))
            }
            Self::Grouped { fields } => format!("+ {} change only together", fields.join(", ")),
            Self::Ungrouped { fields } => format!("- {} change only together", fields.join(", ")),
        }
    }
}

/// What is different between two versions of the same blueprint, in the order of the fields. Fields are the same where
/// they have the same place.
pub fn differences(before: &Blueprint, after: &Blueprint) -> Vec<Difference> {
    let live = |blueprint: &Blueprint, place: usize| -> Option<Field> {
        blueprint.fields.get(place).filter(|field| !field.retired).cloned()
    };
    let mut found = Vec::new();
    for place in 0..before.fields.len().max(after.fields.len()) {
        match (live(before, place), live(after, place)) {
            (None, Some(field)) => found.push(Difference::Added { field }),
            (Some(field), None) => found.push(Difference::Removed { field }),
            (Some(before), Some(after)) => found.extend(of_field(&before, &after)),
            (None, None) => {}
        }
    }
    let missing = |group: &&Vec<String>, there: &Blueprint| !there.groups.contains(group);
    let named = |place: &str| {
        let place = before.position(place)?;
        live(after, place).map(|field| field.name)
    };
    let kept: Vec<Vec<String>> = before
        .groups
        .iter()
        .map(|group| {
            group
                .iter()
                .map(|name| named(name).unwrap_or_else(|| name.clone()))
                .collect()
        })
        .collect();
    for group in after.groups.iter().filter(|group| !kept.contains(group)) {
        found.push(Difference::Grouped { fields: group.clone() });
    }
    for group in kept.iter().filter(|group| missing(group, after)) {
        found.push(Difference::Ungrouped { fields: group.clone() });
    }
    found
}

/// What is different about one field.
pub(super) fn of_field(before: &Field, after: &Field) -> Vec<Difference> {
    let mut found = Vec::new();
    if before.name != after.name {
        found.push(Difference::Renamed {
            from: before.name.clone(),
            to: after.name.clone(),
        });
    }
    if before.kind != after.kind {
        found.push(Difference::Retyped {
            field: after.name.clone(),
            from: before.kind.clone(),
            to: after.kind.clone(),
        });
    }
    let mut set = FieldSettings::between(before, after);
    if before.name != after.name && Field::new(&before.name, before.kind.clone()).label == before.label {
        // A label that was only the name goes with it.
        set.label = set
            .label
            .filter(|label| *label != Field::new(&after.name, after.kind.clone()).label);
    }
    if !set.is_empty() {
        found.push(Difference::Settings {
            field: after.name.clone(),
            set,
        });
    }
    found
}
