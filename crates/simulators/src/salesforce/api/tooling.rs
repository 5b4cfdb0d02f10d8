//! The part of the Tooling API that adds a custom field.

use serde_json::{Value, json};

use super::{ApiRequest, ApiResponse};
use crate::salesforce::error::ApiError;
use crate::salesforce::schema::describe_field;
use crate::salesforce::state::State;

/// `POST /tooling/sobjects/CustomField`. Nobody may see the new field until a profile or permission set says so.
pub(super) fn create_field(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let body = request.json_object()?;
    let full_name = body.get("FullName").and_then(Value::as_str).unwrap_or_default();
    let Some((object, name)) = full_name.split_once('.') else {
        return Err(ApiError::row(
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [FullName]",
            &["FullName"],
        ));
    };
    let metadata = body.get("Metadata").cloned().unwrap_or_default();
    let text = |key: &str| metadata.get(key).and_then(Value::as_str).unwrap_or_default();
    let flag = |key: &str| metadata.get(key).and_then(Value::as_bool).unwrap_or_default();
    let number = |key: &str| metadata.get(key).and_then(Value::as_u64);
    let table = state.find(object).ok_or_else(|| {
        ApiError::row(
            "INVALID_CROSS_REFERENCE_KEY",
            format!("Entity Enumeration Or ID: bad value for restricted picklist field: {object}"),
            &[],
        )
    })?;
    if !name.ends_with("__c") || text("label").is_empty() {
        return Err(ApiError::row(
            "FIELD_INTEGRITY_EXCEPTION",
            "a custom field needs a label, and a name that ends in __c",
            &["FullName"],
        ));
    }
    let kind = match (text("type"), number("length")) {
        ("Text", Some(length @ 1..=255)) => format!("string({length})"),
        ("Text", _) => {
            return Err(ApiError::row(
                "FIELD_INTEGRITY_EXCEPTION",
                "Must specify 'length' between 1 and 255 for a CustomField of type Text",
                &["Metadata"],
            ));
        }
        ("TextArea", _) => "textarea(255)".to_owned(),
        ("LongTextArea", length) => format!("textarea({})", length.unwrap_or(32_768)),
        ("Checkbox", _) => "boolean".to_owned(),
        ("Date", _) => "date".to_owned(),
        ("DateTime", _) => "datetime".to_owned(),
        ("Email", _) => "email".to_owned(),
        ("Phone", _) => "phone".to_owned(),
        ("Url", _) => "url".to_owned(),
        ("Number", _) => "double".to_owned(),
        (kind, _) => {
            return Err(ApiError::row(
                "INVALID_TYPE",
                format!("the simulator adds no field of type {kind}"),
                &["Metadata"],
            ));
        }
    };
    if state.tables[table].schema.find_any(name).is_some() {
        let name = name.trim_end_matches("__c");
        return Err(ApiError::row(
            "DUPLICATE_DEVELOPER_NAME",
            format!("There is already a field named {name} on {object}."),
            &["DeveloperName"],
        ));
    }
    let options = [
        ("unique", flag("unique")),
        ("external", flag("externalId")),
        ("sensitive", flag("caseSensitive")),
    ];
    let options: Vec<&str> = options.iter().filter(|(_, is)| *is).map(|(word, _)| *word).collect();
    let line = format!("{name} | {} | {kind} | {}", text("label"), options.join(" "));
    let mut field = describe_field(&line)
        .ok_or_else(|| ApiError::row("FIELD_INTEGRITY_EXCEPTION", "not a field", &["Metadata"]))?;
    field.hidden = true;
    let now = state.now();
    let targets: Vec<String> = state.tables.iter().map(|table| table.schema.name.clone()).collect();
    let table = &mut state.tables[table];
    table.schema.add(field);
    table.schema.changed = now;
    if let Some(index) = table.schema.find_any(name) {
        table.add_index(index, &targets);
    }
    let id = format!("00N{:012}AAA", table.schema.fields.len());
    Ok(ApiResponse::json(
        201,
        &json!({"id": id, "success": true, "errors": [], "warnings": [], "infos": []}),
    ))
}
