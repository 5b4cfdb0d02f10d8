//! Schemas from recorded describe documents, completed where a recording was cut short.

use std::path::Path;

use serde_json::{Map, Value};

use super::build::{EXTERNAL_ID, SYSTEM_FIELDS, describe_field};
use super::{Field, ObjectSchema};

/// The objects found in the folder, in the order of the file names. A file that is no describe answer is passed over.
///
/// # Errors
/// When the folder cannot be listed, or holds no describe answer at all.
pub(crate) fn load(folder: &Path, changed: i64) -> std::io::Result<Vec<ObjectSchema>> {
    let mut files: Vec<_> = std::fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    let schemas: Vec<ObjectSchema> = files
        .iter()
        .filter(|file| {
            file.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.ends_with("describe.json"))
        })
        .filter_map(|file| {
            let text = std::fs::read_to_string(file).ok()?;
            let document: Value = serde_json::from_str(&text).ok()?;
            let body = document.pointer("/response/body").unwrap_or(&document);
            schema(body.as_object()?.clone(), changed)
        })
        .collect();
    if schemas.is_empty() {
        return Err(std::io::Error::other(
            "there is no describe answer of Salesforce in it, in a file whose name ends with `describe.json`",
        ));
    }
    Ok(schemas)
}

fn schema(mut describe: Map<String, Value>, changed: i64) -> Option<ObjectSchema> {
    let fields = describe.remove("fields")?;
    describe.remove("urls");
    let label = describe
        .get("label")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let recorded: Vec<Field> = fields
        .as_array()?
        .iter()
        .filter_map(Value::as_object)
        .filter(|field| field.get("name").and_then(Value::as_str) != Some("External_Id__c"))
        .filter_map(|field| Field::from_describe(field.clone()))
        .collect();
    let mut schema = ObjectSchema::new(describe, recorded, changed)?;
    let head = format!("Id | {label} ID | id |\nIsDeleted | Deleted | boolean | readonly");
    let owner = "OwnerId | Owner ID | reference | default to=User";
    for line in [head.as_str(), SYSTEM_FIELDS, owner, EXTERNAL_ID]
        .iter()
        .flat_map(|block| block.lines())
    {
        // `add` keeps what the recording has.
        if let Some(field) = describe_field(line) {
            schema.add(field);
        }
    }
    Some(schema)
}
