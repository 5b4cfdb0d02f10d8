//! Choices on one side that have no counterpart on the other, by the rule's own lens.

use super::Direction;
use crate::error::ErrorKind;
use crate::lens::{NoLinks, SharedLens};
use crate::model::{Field, FieldType};
use crate::schema::{FieldKind, FieldSchema};
use crate::value::Value;

/// Sentences about choices that would fail, one per direction.
pub(super) fn choices_without_counterpart(
    field: &Field,
    remote: &FieldSchema,
    lens: &SharedLens,
    direction: Direction,
) -> Vec<String> {
    let (FieldType::Choice { choices } | FieldType::MultiChoice { choices }) = &field.kind else {
        return Vec::new();
    };
    let several = matches!(field.kind, FieldType::MultiChoice { .. });
    let mut messages = Vec::new();
    if direction.pulls() && !choices.is_empty() {
        let unknown = remote
            .choices
            .iter()
            .filter(|choice| choice.active)
            .filter(|choice| {
                let raw = wrap(&choice.value, remote.kind == FieldKind::MultiChoice);
                match lens.get(&[raw], &NoLinks) {
                    Ok(values) => !values
                        .iter()
                        .flat_map(texts)
                        .all(|text| choices.iter().any(|own| own.value == text)),
                    Err(error) => error.kind() != ErrorKind::Pending,
                }
            })
            .map(|choice| choice.value.as_str());
        messages.extend(list(unknown).map(|unknown| {
            format!("choices of the CRM without a counterpart in the blueprint, whose records will fail: {unknown}")
        }));
    }
    if direction.pushes() && remote.restricted && !remote.choices.is_empty() {
        let unknown = choices
            .iter()
            .filter(
                |choice| match lens.put(&[wrap(&choice.value, several)], &[Value::Null], &NoLinks) {
                    Ok(values) => !values
                        .iter()
                        .flat_map(texts)
                        .all(|text| remote.choices.iter().any(|other| other.active && other.value == text)),
                    Err(_) => true,
                },
            )
            .map(|choice| choice.value.as_str());
        messages.extend(list(unknown).map(|unknown| {
            format!("choices of the blueprint that the CRM does not take, whose records will fail: {unknown}")
        }));
        if choices.is_empty() {
            messages.push(
                "the blueprint takes any choice, and the CRM only those of its list; others will fail".to_owned(),
            );
        }
    }
    messages
}

fn wrap(choice: &str, several: bool) -> Value {
    let value = Value::text(choice);
    if several { Value::List(vec![value]) } else { value }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::List(list) => list.iter().map(ToString::to_string).collect(),
        other => vec![other.to_string()],
    }
}

/// The first few, and how many more.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    const SHOWN: usize = 8;
    let names: Vec<&str> = names.collect();
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(SHOWN);
    match (names.is_empty(), more) {
        (true, _) => None,
        (_, 0) => Some(shown.join(", ")),
        _ => Some(format!("{} and {more} more", shown.join(", "))),
    }
}
