use serde::Serialize;

use super::SideMapping;
use crate::batch::{Batch, RowRef, RowState};
use crate::error::{Error, ErrorKind};
use crate::lens::NoLinks;
use crate::model::Blueprint;
use crate::value::Value;

/// One field of a sample record, mapped.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PreviewField {
    /// The blueprint's field.
    pub field: String,
    /// The remote paths it comes from.
    pub remote: Vec<String>,
    /// What these hold.
    pub raw: Vec<serde_json::Value>,
    /// What the field would hold; `None` when there is an error.
    pub value: Option<serde_json::Value>,
    /// Why it can't be mapped.
    pub error: Option<String>,
}

/// A sample record, mapped.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PreviewRecord {
    /// The remote record.
    pub id: String,
    /// The fields that the mapping reads, in the blueprint's order.
    pub fields: Vec<PreviewField>,
    /// Required fields of the blueprint that would stay empty.
    pub missing: Vec<String>,
}

/// Maps live sample records, as read with the side's projection, without applying anything.
///
/// References show the remote id that they would be resolved from.
pub fn preview(side: &SideMapping, blueprint: &Blueprint, rows: &Batch) -> Vec<PreviewRecord> {
    rows.rows()
        .filter(|row| row.state() == RowState::Live)
        .map(|row| preview_row(side, blueprint, &row))
        .collect()
}

/// Required fields of the blueprint that no rule of the side fills and no default does.
pub fn unfilled_required(side: &SideMapping, blueprint: &Blueprint) -> Vec<String> {
    let filled = |position: usize| {
        side.groups
            .iter()
            .filter(|group| group.direction.pulls())
            .flat_map(|group| &group.rules)
            .any(|rule| rule.fields.contains(&position))
    };
    blueprint
        .fields
        .iter()
        .enumerate()
        .filter(|(position, field)| field.required && field.default.is_none() && !filled(*position))
        .map(|(_, field)| field.name.clone())
        .collect()
}

fn preview_row(side: &SideMapping, blueprint: &Blueprint, row: &RowRef<'_>) -> PreviewRecord {
    let mut fields: Vec<(usize, PreviewField)> = Vec::new();
    let mut values = vec![Value::Null; blueprint.fields.len()];
    for group in side.groups.iter().filter(|group| group.direction.pulls()) {
        for rule in &group.rules {
            let raw: Vec<Value> = rule.paths.iter().map(|&path| read(row, path)).collect();
            let mapped = rule.lens.get(&raw, &NoLinks);
            let remote: Vec<String> = rule
                .paths
                .iter()
                .filter_map(|&path| side.projection.fields.get(path))
                .map(|field| field.path.clone())
                .collect();
            for (index, &position) in rule.fields.iter().enumerate() {
                let Some(field) = blueprint
                    .fields
                    .get(position)
                    .filter(|_| group.fields.contains(&position))
                else {
                    continue;
                };
                let checked = match &mapped {
                    Ok(mapped) => blueprint
                        .check_value(field, mapped.get(index).cloned().unwrap_or_default())
                        .map_err(|error| error.message().to_owned()),
                    Err(error) => Err(explain(error, &raw)),
                };
                let (value, error) = match checked {
                    Ok(value) => {
                        values[position] = value.clone();
                        (Some(value.to_json()), None)
                    }
                    Err(error) => (None, Some(error)),
                };
                let shown = PreviewField {
                    field: field.name.clone(),
                    remote: remote.clone(),
                    raw: raw.iter().map(Value::to_json).collect(),
                    value,
                    error,
                };
                fields.push((position, shown));
            }
        }
    }
    fields.sort_by_key(|(position, _)| *position);
    let broken = |name: &String| {
        fields
            .iter()
            .any(|(_, field)| field.field == *name && field.error.is_some())
    };
    let missing = blueprint
        .fields
        .iter()
        .zip(&values)
        .filter(|(field, value)| field.required && field.default.is_none() && value.is_empty())
        .map(|(field, _)| field.name.clone())
        .filter(|name| !broken(name))
        .collect();
    PreviewRecord {
        id: row.id().to_owned(),
        fields: fields.into_iter().map(|(_, field)| field).collect(),
        missing,
    }
}

fn read(row: &RowRef<'_>, path: usize) -> Value {
    row.value(path).ok().flatten().unwrap_or_default()
}

fn explain(error: &Error, raw: &[Value]) -> String {
    if error.kind() == ErrorKind::Pending {
        let id = raw.first().map(ToString::to_string).unwrap_or_default();
        return format!("refers to record `{id}`, which is resolved once that record is linked");
    }
    error.message().to_owned()
}
