//! Records as JSON, flattened to the paths that a mapping could name, and compared with what was decoded.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use syncline_core::Value;
use syncline_core::batch::{Projection, RowRef, ValueKind};

use super::Findings;

/// A record's leaves by path. Lists of child records have no path that a mapping could name and are reported.
pub(crate) fn leaves(record: &Map<String, Json>, dropped: &mut Vec<String>) -> BTreeMap<String, Json> {
    let mut found = BTreeMap::new();
    walk(record, "", &mut found, dropped);
    found
}

fn walk(record: &Map<String, Json>, prefix: &str, found: &mut BTreeMap<String, Json>, dropped: &mut Vec<String>) {
    for (name, value) in record {
        let path = format!("{prefix}{name}");
        match value {
            _ if name == "attributes" => {}
            Json::Object(child) if child.contains_key("records") => {
                let note = format!("{path}: child records are no field");
                if !dropped.contains(&note) {
                    dropped.push(note);
                }
            }
            Json::Object(parent) => walk(parent, &format!("{path}."), found, dropped),
            _ => {
                found.insert(path, value.clone());
            }
        }
    }
}

/// The projection that asks for all of these leaves, of all records.
pub(crate) fn projection<'a>(records: impl Iterator<Item = &'a BTreeMap<String, Json>>) -> Projection {
    let mut kinds: BTreeMap<String, ValueKind> = BTreeMap::new();
    for (path, value) in records.flatten() {
        let kind = match value {
            Json::Bool(_) => ValueKind::Bool,
            Json::Number(_) => ValueKind::Number,
            Json::Array(_) => ValueKind::Json,
            _ => ValueKind::Text,
        };
        let known = kinds.entry(path.clone()).or_insert(kind);
        if *known == ValueKind::Text && !value.is_null() {
            *known = kind;
        }
    }
    // A path whose parent was null in one record is that parent's, not a field.
    let paths: Vec<String> = kinds.keys().cloned().collect();
    kinds.retain(|path, _| !paths.iter().any(|other| other.starts_with(&format!("{path}."))));
    Projection::new(kinds)
}

/// Compares a decoded row with its record.
pub(crate) fn compare(
    row: RowRef<'_>,
    record: &BTreeMap<String, Json>,
    projection: &Projection,
    findings: &mut Findings,
) {
    for (place, field) in projection.fields.iter().enumerate() {
        let theirs = match record.get(&field.path) {
            None | Some(Json::Null) => Value::Null,
            Some(Json::Bool(bool)) => Value::Bool(*bool),
            Some(Json::Number(number)) => Value::from_number(&number.to_string()),
            Some(Json::String(text)) => Value::text(text.as_str()),
            Some(other) => Value::from_json(other.clone()),
        };
        match row.value(place) {
            Ok(ours) if ours.as_ref() == Some(&theirs) => {}
            // An empty text and nothing are the same to both services.
            Ok(ours) if theirs.is_empty() && ours.as_ref().is_none_or(Value::is_empty) => {}
            ours => findings.wrong.push(format!(
                "{} of {}: {theirs:?} was read as {ours:?}",
                field.path,
                row.id()
            )),
        }
    }
}
