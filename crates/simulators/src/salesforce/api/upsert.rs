//! Records by an external key: read, delete, and create or change.

use serde_json::{Map, Value, json};

use super::records::{created, delete_one, insert_one, read, refuse_id, update_one};
use super::{ApiRequest, ApiResponse, conditions};
use crate::salesforce::error::ApiError;
use crate::salesforce::id::RecordId;
use crate::salesforce::schema::Source;
use crate::salesforce::state::State;
use crate::salesforce::table::Slot;
use crate::salesforce::validate::key_text;

/// The field that records may be named by.
pub(super) fn key_field(state: &State, table: usize, key: &str) -> Result<u16, ApiError> {
    let schema = &state.tables[table].schema;
    schema
        .find(key)
        .filter(|field| schema.field(*field).is_key())
        .ok_or_else(|| {
            ApiError::new(
                404,
                "NOT_FOUND",
                format!("Provided external ID field does not exist or is not accessible: {key}"),
            )
        })
}

/// The live records with this key.
pub(super) fn find(state: &State, table: usize, field: u16, value: &str) -> Vec<Slot> {
    let source = &state.tables[table];
    let slots = if source.schema.field(field).source == Source::Id {
        RecordId::parse(value)
            .and_then(|id| source.slot(id))
            .into_iter()
            .collect()
    } else {
        source.lookup(field, value.trim()).to_vec()
    };
    slots
        .into_iter()
        .filter(|slot| source.get_live(*slot).is_some())
        .collect()
}

/// `/sobjects/{object}/{key}/{value}`.
pub(super) fn by_key(
    state: &mut State,
    request: &ApiRequest,
    object: &str,
    key: &str,
    value: &str,
) -> Result<ApiResponse, ApiError> {
    let table = state.find(object).ok_or_else(ApiError::not_found)?;
    let field = key_field(state, table, key)?;
    let found = find(state, table, field, value);
    if found.len() > 1 {
        let urls: Vec<Value> = found
            .iter()
            .map(|slot| {
                let source = &state.tables[table];
                Value::from(format!(
                    "{}/sobjects/{}/{}",
                    request.base,
                    source.schema.name,
                    source.id(*slot)
                ))
            })
            .collect();
        return Ok(ApiResponse::json(300, &Value::Array(urls)));
    }
    match (request.method.as_str(), found.first().copied()) {
        ("GET", Some(slot)) => read(state, request, table, slot),
        ("DELETE", Some(slot)) => {
            state.writable(object)?;
            let id = state.tables[table].id(slot);
            delete_one(state, table, id)?;
            Ok(ApiResponse::empty(204).touching(1))
        }
        ("GET" | "DELETE", None) => Err(ApiError::not_found()),
        ("PATCH", found) => {
            state.writable(object)?;
            let body = request.json_object()?;
            refuse_id(&body)?;
            let name = state.tables[table].schema.field(field).name.clone();
            if name != "Id" && body.keys().any(|given| given.eq_ignore_ascii_case(&name)) {
                return Err(ApiError::new(
                    400,
                    "INVALID_FIELD",
                    format!("The {name} field should not be specified in the sobject data."),
                ));
            }
            match found {
                Some(slot) => {
                    if let Some(record) = state.tables[table].get(slot) {
                        conditions::check(state, request, table, slot, record)?;
                    }
                    update_one(state, table, slot, &body)?;
                    Ok(updated(state, table, slot, request))
                }
                None if request.flag("updateOnly") || name == "Id" => Err(ApiError::not_found()),
                None => {
                    let id = insert_one(state, table, &with_key(body, name, Value::from(value)))?;
                    Ok(created(state, table, id, request, request.version >= 46))
                }
            }
        }
        (other, _) => Err(ApiError::method_not_allowed(other)),
    }
}

/// 200 with a body from version 46 on, and nothing before.
fn updated(state: &State, table: usize, slot: Slot, request: &ApiRequest) -> ApiResponse {
    if request.version < 46 {
        return ApiResponse::empty(204).touching(1);
    }
    let source = &state.tables[table];
    let id = source.id(slot);
    let body = json!({"id": id.as_str(), "success": true, "errors": [], "created": false});
    let location = format!("{}/sobjects/{}/{id}", request.base, source.schema.name);
    ApiResponse::json(200, &body).header("location", location).touching(1)
}

fn with_key(mut body: Map<String, Value>, name: String, value: Value) -> Map<String, Value> {
    body.insert(name, value);
    body
}

/// One row of a collection upsert: the id and whether it was created.
pub(super) fn upsert_row(
    state: &mut State,
    table: usize,
    field: u16,
    mut body: Map<String, Value>,
) -> Result<(RecordId, bool), ApiError> {
    let name = state.tables[table].schema.field(field).name.clone();
    let given = body.keys().find(|key| key.eq_ignore_ascii_case(&name)).cloned();
    let value = given
        .and_then(|key| body.shift_remove(&key))
        .filter(|value| !value.is_null());
    let Some(value) = value else {
        if name == "Id" {
            return Ok((insert_one(state, table, &body)?, true));
        }
        return Err(ApiError::row("MISSING_ARGUMENT", format!("{name} not specified"), &[]));
    };
    if name != "Id" {
        refuse_id(&body)?;
    }
    match find(state, table, field, &key_text(&value)).as_slice() {
        [] if name == "Id" => Err(ApiError::entity_is_deleted()),
        [] => Ok((insert_one(state, table, &with_key(body, name, value))?, true)),
        [slot] => {
            update_one(state, table, *slot, &body)?;
            Ok((state.tables[table].id(*slot), false))
        }
        several => Err(ApiError::row(
            "DUPLICATE_EXTERNAL_ID",
            format!(
                "{name}: more than one record found for external id field: [{}]",
                several
                    .iter()
                    .map(|slot| state.tables[table].id(*slot).to_string())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            &[],
        )),
    }
}
