//! Record trees: new records with their children, all of them or none.

use serde_json::{Map, Value, json};

use super::records::insert_one;
use super::{ApiRequest, ApiResponse};
use crate::salesforce::error::ApiError;
use crate::salesforce::id::RecordId;
use crate::salesforce::state::State;

const MOST_RECORDS: usize = 200;
const MOST_LEVELS: usize = 5;

struct Growing {
    done: Vec<Value>,
    failed: Vec<Value>,
    count: usize,
}

/// `POST /composite/tree/{object}`.
pub(super) fn answer(state: &mut State, request: &ApiRequest, object: &str) -> Result<ApiResponse, ApiError> {
    let body = request.json_object()?;
    let records = body
        .get("records")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if records.is_empty() {
        return Err(ApiError::new(
            400,
            "REQUIRED_FIELD_MISSING",
            "At least 1 record is required",
        ));
    }
    state.writable(object)?;
    let savepoint = state.begin();
    let mut growing = Growing {
        done: Vec::new(),
        failed: Vec::new(),
        count: 0,
    };
    let grown = records
        .iter()
        .try_for_each(|record| grow(state, record, object, None, 1, &mut growing));
    if let Err(error) = grown {
        state.roll_back(savepoint);
        return Err(error);
    }
    if growing.failed.is_empty() {
        state.commit();
        let touched = growing.done.len() as u64;
        let answer = json!({"hasErrors": false, "results": growing.done});
        return Ok(ApiResponse::json(201, &answer).touching(touched));
    }
    state.roll_back(savepoint);
    Ok(ApiResponse::json(
        400,
        &json!({"hasErrors": true, "results": growing.failed}),
    ))
}

fn grow(
    state: &mut State,
    record: &Value,
    object: &str,
    parent: Option<(String, RecordId)>,
    level: usize,
    growing: &mut Growing,
) -> Result<(), ApiError> {
    growing.count += 1;
    if growing.count > MOST_RECORDS || level > MOST_LEVELS {
        return Err(ApiError::new(
            400,
            "INVALID_INPUT",
            format!("A tree holds at most {MOST_RECORDS} records on {MOST_LEVELS} levels"),
        ));
    }
    let Value::Object(record) = record else {
        return Err(ApiError::json_parser("a record must be an object"));
    };
    let attribute = |key: &str| record.get("attributes")?.get(key)?.as_str().map(str::to_owned);
    let reference = attribute("referenceId").ok_or_else(|| {
        ApiError::new(
            400,
            "INVALID_INPUT",
            "Include a reference ID for each record in the request.",
        )
    })?;
    let object = attribute("type").unwrap_or_else(|| object.to_owned());
    let table = state.writable(&object)?;
    let mut fields = Map::new();
    let mut children = Vec::new();
    for (key, value) in record {
        match value.get("records").and_then(Value::as_array) {
            Some(records) => children.push((key.clone(), records.clone())),
            None => {
                fields.insert(key.clone(), value.clone());
            }
        }
    }
    if let Some((field, id)) = parent {
        fields.insert(field, Value::from(id.as_str()));
    }
    let id = match insert_one(state, table, &fields) {
        Ok(id) => id,
        Err(error) => {
            growing
                .failed
                .push(json!({"referenceId": reference, "errors": [error.to_row_json()]}));
            return Ok(());
        }
    };
    growing.done.push(json!({"referenceId": reference, "id": id.as_str()}));
    for (relationship, records) in children {
        let (child, field) = state.child_relationship(table, &relationship).ok_or_else(|| {
            ApiError::new(
                400,
                "INVALID_FIELD",
                format!("No such relationship '{relationship}' on sobject of type {object}"),
            )
        })?;
        let (child_name, field_name) = {
            let schema = &state.tables[child].schema;
            (schema.name.clone(), schema.field(field).name.clone())
        };
        for record in &records {
            grow(
                state,
                record,
                &child_name,
                Some((field_name.clone(), id)),
                level + 1,
                growing,
            )?;
        }
    }
    Ok(())
}
