//! A migration applied to a blueprint.

use super::draft::Draft;
use super::history::BlueprintVersion;
use super::rule::{Migration, MigrationRule};
use super::step::Transform;
use crate::expression::Expression;
use crate::model::{Blueprint, Field, FieldType, Finding, Severity};
use crate::value::Value;

/// What a migration makes of a blueprint, with what entities do.
///
/// # Errors
/// Everything that is wrong, of all rules and of the blueprint that they make.
pub(super) fn apply(parent: &Blueprint, migration: &Migration) -> Result<BlueprintVersion, Vec<Finding>> {
    let mut draft = Draft::new(parent);
    for (index, rule) in migration.rules.iter().enumerate() {
        draft.begin(index, rule);
        // What is wrong with a rule is noted in the draft; the others are looked at nevertheless.
        let _ = apply_rule(&mut draft, rule);
    }
    let mut version = draft.finish(migration)?;
    let errors: Vec<Finding> = version
        .blueprint
        .check()
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error)
        .collect();
    if errors.is_empty() {
        version.blueprint.label.clone_from(&parent.label);
        Ok(version)
    } else {
        Err(errors)
    }
}

/// `None` when the rule is wrong.
fn apply_rule(draft: &mut Draft, rule: &MigrationRule) -> Option<()> {
    match rule {
        MigrationRule::Add { field } => add(draft, field),
        MigrationRule::Rename { field, to } => {
            let place = draft.find(field)?;
            draft.free_name(to)?;
            draft.field(place).name.clone_from(to);
            Some(())
        }
        MigrationRule::Retype { field, to, or_empty } => retype(draft, field, to, *or_empty),
        MigrationRule::SetDefault { field, value } => {
            let place = draft.find(field)?;
            let value = draft.value(place, value)?;
            draft.field(place).default = Some(value.clone());
            draft.step(&[place], &[place], &[place], Transform::Fill { value });
            Some(())
        }
        MigrationRule::Split {
            field,
            into,
            by,
            from_end,
        } => {
            let place = draft.find(field)?;
            if by.is_empty() || into.len() < 2 {
                return draft.wrong("a split needs a text between the parts and at least two fields to split into");
            }
            let from = draft.field(place).kind.clone();
            if matches!(from, FieldType::List | FieldType::Json | FieldType::MultiChoice { .. }) {
                return draft.wrong(format!(
                    "`{field}` is a {} and can't be split; only text can",
                    from.label()
                ));
            }
            draft.retire(place);
            let writes: Vec<usize> = into.iter().map(|field| draft.append(field)).collect::<Option<_>>()?;
            let transform = Transform::Split {
                by: by.clone(),
                from_end: *from_end,
                from,
                to: into.iter().map(|field| field.kind.clone()).collect(),
            };
            draft.step(&[place], &[place], &writes, transform);
            Some(())
        }
        MigrationRule::Join { fields, into, by } => {
            if fields.len() < 2 {
                return draft.wrong("a join needs at least two fields");
            }
            let places: Vec<usize> = fields.iter().map(|field| draft.find(field)).collect::<Option<_>>()?;
            if places
                .iter()
                .enumerate()
                .any(|(index, place)| places[..index].contains(place))
            {
                return draft.wrong("a field can't be joined with itself");
            }
            let from = places.iter().map(|&place| draft.field(place).kind.clone()).collect();
            for &place in &places {
                draft.retire(place);
            }
            let written = draft.append(into)?;
            let transform = Transform::Join {
                by: by.clone(),
                from,
                to: into.kind.clone(),
            };
            draft.step(&places, &places, &[written], transform);
            Some(())
        }
        MigrationRule::Drop { field } => {
            let place = draft.find(field)?;
            draft.retire(place);
            draft.step(&[place], &[place], &[], Transform::Drop);
            Some(())
        }
        MigrationRule::Compute { into, expression } => compute(draft, into, expression),
        MigrationRule::MapChoices { field, choices, map } => {
            let place = draft.find(field)?;
            let kind = match &draft.field(place).kind {
                FieldType::Choice { .. } => FieldType::Choice {
                    choices: choices.clone(),
                },
                FieldType::MultiChoice { .. } => FieldType::MultiChoice {
                    choices: choices.clone(),
                },
                other => {
                    let label = other.label();
                    return draft.wrong(format!("`{field}` is a {label} and has no choices"));
                }
            };
            let is_known = |value: &String| choices.is_empty() || choices.iter().any(|choice| &choice.value == value);
            if let Some(unknown) = map.values().find(|value| !is_known(value)) {
                return draft.wrong(format!("`{unknown}` is none of the choices that `{field}` will have"));
            }
            let field = draft.field(place);
            field.kind = kind;
            if let Some(Value::Text(default)) = &mut field.default
                && let Some(new) = map.get(default.as_str())
            {
                default.clone_from(new);
            }
            draft.keep_default(place);
            draft.step(&[place], &[place], &[place], Transform::Choices { map: map.clone() });
            Some(())
        }
        MigrationRule::Settings { field, set } => {
            let place = draft.find(field)?;
            let default = match &set.default {
                None => draft.field(place).default.clone(),
                Some(json) if json.is_null() => None,
                Some(json) => Some(draft.value(place, json)?),
            };
            let field = draft.field(place);
            field.default = default;
            if let Some(label) = &set.label {
                field.label.clone_from(label);
            }
            if let Some(description) = &set.description {
                field.description.clone_from(description);
            }
            field.required = set.required.unwrap_or(field.required);
            field.unique = set.unique.unwrap_or(field.unique);
            field.indexed = set.indexed.unwrap_or(field.indexed);
            field.searchable = set.searchable.unwrap_or(field.searchable);
            field.on_delete = set.on_delete.unwrap_or(field.on_delete);
            if let Some(computed) = &set.computed {
                field.computed = computed.as_str().map(str::to_owned);
            }
            Some(())
        }
        MigrationRule::Group { fields } => {
            let places: Vec<usize> = fields.iter().map(|field| draft.find(field)).collect::<Option<_>>()?;
            draft.group(places)
        }
    }
}

fn add(draft: &mut Draft, field: &Field) -> Option<()> {
    let place = draft.append(field)?;
    // Without a default the place is empty, on the way forward and after the way back: there is nothing to do.
    if let Some(value) = draft.field(place).default.clone() {
        draft.step(&[], &[], &[place], Transform::Value { value });
    }
    Some(())
}

fn retype(draft: &mut Draft, field: &str, to: &FieldType, or_empty: bool) -> Option<()> {
    let place = draft.find(field)?;
    let from = std::mem::replace(&mut draft.field(place).kind, to.clone());
    draft.keep_default(place);
    let transform = Transform::Retype {
        from,
        to: to.clone(),
        or_empty,
    };
    draft.step(&[place], &[place], &[place], transform);
    Some(())
}

fn compute(draft: &mut Draft, into: &Field, text: &str) -> Option<()> {
    let expression = match Expression::compile(text) {
        Ok(expression) => expression,
        Err(error) => return draft.wrong(error.message().to_owned()),
    };
    let names: Vec<String> = expression.variables().into_iter().collect();
    let reads: Vec<usize> = names.iter().map(|name| draft.find(name)).collect::<Option<_>>()?;
    let place = draft.append(into)?;
    let transform = Transform::Compute {
        expression: text.to_owned(),
        names,
        to: into.kind.clone(),
    };
    draft.step(&reads, &[], &[place], transform);
    Some(())
}

/// A default as the field's type stores it.
pub(super) fn fitting(field: &Field, json: &serde_json::Value) -> Result<Value, String> {
    let value = field.kind.coerce(Value::from_json(json.clone()));
    value.map_err(|error| format!("the default of `{}` does not fit: {}", field.name, error.message()))
}
