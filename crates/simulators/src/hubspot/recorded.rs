//! Property definitions recorded from real portals, merged into the built-in ones.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::property::{Property, PropertyOption};
use super::schema::ObjectType;
use super::stamp::Stamp;

/// Merges what `folder` (or its subfolder `hubspot`) holds into the types' property tables. A file counts when its
/// name contains `-<plural name>-properties`.
///
/// # Errors
/// When the folder or one of these files cannot be read, a file is not JSON, or there is none that counts.
pub(super) fn merge(types: &mut [ObjectType], folder: &Path) -> io::Result<()> {
    let own = folder.join("hubspot");
    let folder = if own.is_dir() { own } else { folder.to_path_buf() };
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&folder)? {
        files.push(entry?.path());
    }
    files.sort();
    let mut found = false;
    for file in files {
        let name = file
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if !name.ends_with(".json") {
            continue;
        }
        for object in types.iter_mut() {
            if !name.contains(&format!("-{}-properties", object.plural)) {
                continue;
            }
            let text = fs::read(&file)?;
            let document: Value = serde_json::from_slice(&text)
                .map_err(|error| io::Error::other(format!("{} is not JSON: {error}", file.display())))?;
            for definition in definitions(&document) {
                found = true;
                merge_one(object, definition);
            }
        }
    }
    if !found {
        return Err(io::Error::other(format!(
            "{}: there are no property definitions of HubSpot in it, in a file such as `x-contacts-properties.json`",
            folder.display()
        )));
    }
    Ok(())
}

fn definitions(document: &Value) -> &[Value] {
    let body = document.pointer("/response/body").unwrap_or(document);
    body.get("results")
        .unwrap_or(body)
        .as_array()
        .map_or(&[], Vec::as_slice)
}

fn merge_one(object: &mut ObjectType, definition: &Value) {
    let text = |key: &str| definition.get(key).and_then(Value::as_str).unwrap_or_default();
    let name = text("name");
    if name.is_empty() {
        return;
    }
    let flag = |key: &str| definition.get(key).and_then(Value::as_bool).unwrap_or(false);
    let restriction = |key: &str| {
        definition
            .pointer(&format!("/modificationMetadata/{key}"))
            .and_then(Value::as_bool)
            .unwrap_or_else(|| flag(key))
    };
    object.properties.group(text("groupName"), text("groupName"));
    if let Some(known) = object.properties.get_mut(name) {
        // The simulator computes with its own types and rules; the recording tells how they are described.
        text("label").clone_into(&mut known.label);
        text("description").clone_into(&mut known.description);
        text("groupName").clone_into(&mut known.group);
        known.display_order = definition.get("displayOrder").and_then(Value::as_i64).unwrap_or(-1);
        known.updated = stamp(definition.get("updatedAt")).or(known.updated);
        known.created = stamp(definition.get("createdAt")).or(known.created);
        return;
    }
    let mut property = Property::new(name, text("label"), text("type"), text("fieldType"), text("groupName"));
    text("description").clone_into(&mut property.description);
    property.options = definition
        .get("options")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .map(|option| PropertyOption {
            label: option
                .get("label")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            value: option
                .get("value")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            description: option.get("description").and_then(Value::as_str).map(str::to_owned),
            display_order: option.get("displayOrder").and_then(Value::as_i64).unwrap_or(-1),
            hidden: option.get("hidden").and_then(Value::as_bool).unwrap_or(false),
        })
        .collect();
    property.unique = flag("hasUniqueValue");
    property.calculated = flag("calculated");
    property.external_options = flag("externalOptions");
    property.hidden = flag("hidden");
    property.hubspot_defined = flag("hubspotDefined");
    property.form_field = flag("formField");
    property.read_only_value = restriction("readOnlyValue");
    property.read_only_definition = restriction("readOnlyDefinition");
    property.display_order = definition.get("displayOrder").and_then(Value::as_i64).unwrap_or(-1);
    property.referenced_object = definition
        .get("referencedObjectType")
        .and_then(Value::as_str)
        .map(str::to_owned);
    property.created = stamp(definition.get("createdAt"));
    property.updated = stamp(definition.get("updatedAt"));
    object.properties.define(property);
}

/// Older recordings carry epoch milliseconds as numbers.
fn stamp(value: Option<&Value>) -> Option<Stamp> {
    match value? {
        Value::Number(number) => number.as_i64().map(Stamp),
        Value::String(text) => Stamp::parse(text),
        _ => None,
    }
}
