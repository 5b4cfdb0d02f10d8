//! Objects and fields as the service describes them.

use serde_json::{Map, Value, json};

use super::conditions::not_modified_since;
use super::{ApiRequest, ApiResponse};
use crate::salesforce::error::ApiError;
use crate::salesforce::schema::ObjectSchema;
use crate::salesforce::stamp::{http_date, instant};
use crate::salesforce::state::State;

/// The keys of an object in the list of objects.
const SUMMARY: [&str; 26] = [
    "activateable",
    "associateEntityType",
    "associateParentEntity",
    "createable",
    "custom",
    "customSetting",
    "deepCloneable",
    "deletable",
    "deprecatedAndHidden",
    "feedEnabled",
    "hasSubtypes",
    "isInterface",
    "isSubtype",
    "keyPrefix",
    "label",
    "labelPlural",
    "layoutable",
    "mergeable",
    "mruEnabled",
    "name",
    "queryable",
    "replicateable",
    "retrieveable",
    "searchable",
    "triggerable",
    "undeletable",
];

fn summary_of(schema: &ObjectSchema, base: &str) -> Value {
    let mut summary: Map<String, Value> = SUMMARY
        .iter()
        .map(|key| {
            (
                (*key).to_owned(),
                schema.describe.get(*key).cloned().unwrap_or(Value::Null),
            )
        })
        .collect();
    summary.insert(
        "updateable".to_owned(),
        schema.describe.get("updateable").cloned().unwrap_or(Value::Null),
    );
    let path = format!("{base}/sobjects/{}", schema.name);
    summary.insert(
        "urls".to_owned(),
        json!({"rowTemplate": format!("{path}/{{ID}}"), "describe": format!("{path}/describe"), "sobject": path}),
    );
    Value::Object(summary)
}

/// `GET /sobjects`.
pub(super) fn global(state: &State, request: &ApiRequest) -> ApiResponse {
    let changed = state.tables.iter().map(|table| table.schema.changed).max().unwrap_or(0);
    let modified = http_date(instant(changed));
    if not_modified_since(request, changed) {
        return ApiResponse::empty(304).header("last-modified", modified);
    }
    let objects: Vec<Value> = state
        .tables
        .iter()
        .map(|table| summary_of(&table.schema, &request.base))
        .collect();
    ApiResponse::json(
        200,
        &json!({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects}),
    )
    .header("last-modified", modified)
}

/// `GET /sobjects/{object}`.
pub(super) fn summary(state: &State, request: &ApiRequest, object: &str) -> Result<ApiResponse, ApiError> {
    let table = state.find(object).ok_or_else(ApiError::not_found)?;
    let schema = &state.tables[table].schema;
    Ok(ApiResponse::json(
        200,
        &json!({"objectDescribe": summary_of(schema, &request.base), "recentItems": []}),
    ))
}

/// `GET /sobjects/{object}/describe`.
pub(super) fn object(state: &State, request: &ApiRequest, object: &str) -> Result<ApiResponse, ApiError> {
    let table = state.find(object).ok_or_else(ApiError::not_found)?;
    let schema = &state.tables[table].schema;
    let modified = http_date(instant(schema.changed));
    if not_modified_since(request, schema.changed) {
        return Ok(ApiResponse::empty(304).header("last-modified", modified));
    }
    let fields: Vec<Value> = schema
        .visible()
        .map(|(_, field)| Value::Object(field.describe.clone()))
        .collect();
    let path = format!("{}/sobjects/{}", request.base, schema.name);
    let url = &request.base_url;
    let mut describe = Map::new();
    for (key, value) in &schema.describe {
        // The real document has its fields at their place in the alphabet.
        if key.as_str() > "fields" && !describe.contains_key("fields") {
            describe.insert("fields".to_owned(), Value::Array(fields.clone()));
        }
        describe.insert(key.clone(), value.clone());
    }
    describe.insert(
        "urls".to_owned(),
        json!({
            "compactLayouts": format!("{path}/describe/compactLayouts"),
            "rowTemplate": format!("{path}/{{ID}}"),
            "approvalLayouts": format!("{path}/describe/approvalLayouts"),
            "uiDetailTemplate": format!("{url}/{{ID}}"),
            "uiEditTemplate": format!("{url}/{{ID}}/e"),
            "describe": format!("{path}/describe"),
            "uiNewRecord": format!("{url}/{}/e", String::from_utf8_lossy(&schema.key_prefix)),
            "quickActions": format!("{path}/quickActions"),
            "layouts": format!("{path}/describe/layouts"),
            "sobject": path
        }),
    );
    Ok(ApiResponse::json(200, &Value::Object(describe)).header("last-modified", modified))
}
