//! Values as the app gives them: JSON by field name.

use serde_json::{Map, Value as Json};
use syncline_core::model::Blueprint;
use syncline_core::plan::Patch;
use syncline_core::state::Entity;
use syncline_core::value::Value;

use super::findings::Findings;

/// Brings values into the form in which they are stored; what does not fit is found.
pub(crate) fn patch_of(blueprint: &Blueprint, values: &Map<String, Json>, findings: &mut Findings) -> Patch {
    let mut patch = Patch::new();
    for (name, json) in values {
        let Some(position) = blueprint.position(name) else {
            let known: Vec<&str> = blueprint.field_names().collect();
            let message = format!(
                "there is no field `{name}`; a {} has {}",
                blueprint.name,
                known.join(", ")
            );
            findings.invalid(name, message);
            continue;
        };
        if blueprint.fields[position].computed.is_some() {
            findings.invalid(name, format!("`{name}` is computed; change what it is computed from"));
            continue;
        }
        let field = &blueprint.fields[position];
        match blueprint.check_value(field, Value::from_json(json.clone())) {
            Ok(value) => {
                patch.insert(position, value);
            }
            Err(error) => findings.invalid(name, error.message()),
        }
    }
    patch
}

/// All values of a new entity: those given, and defaults for the others.
pub(super) fn values_of_new(blueprint: &Blueprint, patch: &Patch, findings: &mut Findings) -> Vec<Value> {
    let mut values = Vec::with_capacity(blueprint.fields.len());
    for (position, field) in blueprint.fields.iter().enumerate() {
        let mut value = patch.get(&position).cloned().unwrap_or_default();
        if let (true, Some(default)) = (value.is_empty(), &field.default) {
            match blueprint.check_value(field, default.clone()) {
                Ok(default) => value = default,
                Err(error) => findings.invalid(&field.name, error.message()),
            }
        }
        values.push(value);
    }
    required(blueprint, values.iter().enumerate(), findings);
    values
}

/// Finds required fields that are empty.
pub(super) fn required<'a>(
    blueprint: &Blueprint,
    values: impl IntoIterator<Item = (usize, &'a Value)>,
    findings: &mut Findings,
) {
    for (position, value) in values {
        let Some(field) = blueprint.fields.get(position) else {
            continue;
        };
        if field.required && value.is_empty() {
            findings.invalid(&field.name, format!("`{}` is required; give it a value", field.name));
        }
    }
}

/// Finds what has not the form of its field's type. For what is new alone: a host that gives back what a CRM sent changes
/// nothing.
pub(super) fn entered(blueprint: &Blueprint, patch: &Patch, findings: &mut Findings) {
    for (position, value) in patch {
        let Some(field) = blueprint.fields.get(*position) else {
            continue;
        };
        if let Err(error) = field.kind.check_entered(value) {
            findings.invalid(&field.name, format!("`{}`: {}", field.name, error.message()));
        }
    }
}

/// Leaves out what the entity holds already, also where JSON can't tell (a list of dates is one of texts).
pub(super) fn drop_unchanged(patch: &mut Patch, entity: &Entity) {
    patch.retain(|position, value| {
        let held = entity.value(*position);
        held != value && held.to_json() != value.to_json()
    });
}
