//! Up to two hundred records in one call, each with its own outcome.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::records::{delete_one, insert_one, named_fields, update_one, write_record};
use super::upsert::{key_field, upsert_row};
use super::{ApiRequest, ApiResponse};
use crate::salesforce::error::ApiError;
use crate::salesforce::id::RecordId;
use crate::salesforce::state::State;
use crate::salesforce::validate::key_text;

const MOST: usize = 200;
const MOST_READ: usize = 2_000;

/// A row that went well: its id, and for an upsert whether it was created.
type Done = (RecordId, Option<bool>);

pub(super) fn answer(state: &mut State, request: &ApiRequest, rest: &[&str]) -> Result<ApiResponse, ApiError> {
    match (request.method.as_str(), rest) {
        ("POST", []) => {
            let (records, all_or_none) = records(request)?;
            let failed_status = 400;
            run(state, records, all_or_none, failed_status, |state, record| {
                let table = state.writable(type_of(&record)?)?;
                insert_one(state, table, &record).map(|id| (id, None))
            })
        }
        ("PATCH", []) => {
            let (records, all_or_none) = records(request)?;
            let seen = repeated(
                records
                    .iter()
                    .filter_map(|record| id_of(record).map(|(_, id)| id.to_string())),
            );
            run(state, records, all_or_none, 200, |state, mut record| {
                let Some((key, id)) = id_of(&record) else {
                    let given = record
                        .iter()
                        .find(|(key, _)| key.eq_ignore_ascii_case("id"))
                        .map(|(_, id)| key_text(id));
                    return Err(match given {
                        Some(id) => ApiError::row("MALFORMED_ID", format!("malformed id {id}"), &["Id"]),
                        None => ApiError::row("MISSING_ARGUMENT", "Id not specified in an update call", &["Id"]),
                    });
                };
                if seen.get(id.as_str()).copied().unwrap_or(0) > 1 {
                    return Err(ApiError::row(
                        "DUPLICATE_VALUE",
                        format!("duplicate id in list: {id}"),
                        &[],
                    ));
                }
                let table = state.writable(type_of(&record)?)?;
                record.shift_remove(&key);
                let slot = state.live_slot(table, id)?;
                update_one(state, table, slot, &record).map(|()| (id, None))
            })
        }
        ("PATCH", [object, key]) => {
            let table = state.writable(object)?;
            let field = key_field(state, table, key)?;
            let name = state.tables[table].schema.field(field).name.clone();
            let (records, all_or_none) = records(request)?;
            let key_of = |record: &Map<String, Value>| {
                record
                    .iter()
                    .find(|(given, _)| given.eq_ignore_ascii_case(&name))
                    .map(|(_, value)| key_text(value))
            };
            let seen = repeated(records.iter().filter_map(key_of));
            run(state, records, all_or_none, 200, |state, record| {
                if let Some(value) = key_of(&record)
                    && seen.get(&value).copied().unwrap_or(0) > 1
                {
                    return Err(ApiError::row(
                        "DUPLICATE_VALUE",
                        format!("Duplicate external id specified: {value}"),
                        &[&name],
                    ));
                }
                upsert_row(state, table, field, record).map(|(id, created)| (id, Some(created)))
            })
        }
        ("DELETE", []) => {
            let ids: Vec<String> = request
                .parameter("ids")
                .unwrap_or_default()
                .split(',')
                .map(|id| id.trim().to_owned())
                .filter(|id| !id.is_empty())
                .collect();
            check_size(ids.len(), MOST)?;
            run(state, ids, request.flag("allOrNone"), 200, |state, text| {
                let id = RecordId::parse(&text)
                    .ok_or_else(|| ApiError::row("MALFORMED_ID", format!("malformed id {text}"), &[]))?;
                let table = state
                    .find_by_prefix(id)
                    .ok_or_else(|| ApiError::row("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[]))?;
                delete_one(state, table, id).map(|()| (id, None))
            })
        }
        ("POST" | "GET", [object]) => read_many(state, request, object),
        (method, [] | [_] | [_, _]) => Err(ApiError::method_not_allowed(method)),
        _ => Err(ApiError::not_found()),
    }
}

/// How often each key occurs.
fn repeated(keys: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut seen = BTreeMap::new();
    for key in keys {
        *seen.entry(key).or_insert(0) += 1;
    }
    seen
}

fn records(request: &ApiRequest) -> Result<(Vec<Map<String, Value>>, bool), ApiError> {
    let mut body = request.json_object()?;
    let all_or_none = body.get("allOrNone").and_then(Value::as_bool).unwrap_or(false);
    let records = match body.shift_remove("records") {
        Some(Value::Array(records)) => records,
        _ => Vec::new(),
    };
    check_size(records.len(), MOST)?;
    let records = records
        .into_iter()
        .map(|record| match record {
            Value::Object(record) => Ok(record),
            _ => Err(ApiError::json_parser("a record must be an object")),
        })
        .collect::<Result<_, _>>()?;
    Ok((records, all_or_none))
}

fn check_size(count: usize, most: usize) -> Result<(), ApiError> {
    match count {
        0 => Err(ApiError::new(
            400,
            "REQUIRED_FIELD_MISSING",
            "At least 1 record is required",
        )),
        _ if count > most => Err(ApiError::new(
            400,
            "INVALID_BATCH_SIZE",
            format!("The batch size {count} is greater than the maximum of {most}"),
        )),
        _ => Ok(()),
    }
}

fn type_of(record: &Map<String, Value>) -> Result<&str, ApiError> {
    record
        .get("attributes")
        .and_then(|attributes| attributes.get("type"))
        .and_then(Value::as_str)
        .ok_or_else(|| {
            ApiError::new(
                400,
                "INVALID_TYPE",
                "The object type is missing: attributes.type is required",
            )
        })
}

fn id_of(record: &Map<String, Value>) -> Option<(String, RecordId)> {
    let (key, value) = record.iter().find(|(key, _)| key.eq_ignore_ascii_case("id"))?;
    Some((key.clone(), RecordId::parse(value.as_str()?)?))
}

/// Runs every row, rolls back what has to be, and writes the outcomes in the order of the request.
fn run<T>(
    state: &mut State,
    rows: Vec<T>,
    all_or_none: bool,
    failed_status: u16,
    mut write: impl FnMut(&mut State, T) -> Result<Done, ApiError>,
) -> Result<ApiResponse, ApiError> {
    let savepoint = state.begin();
    let mut outcomes = Vec::with_capacity(rows.len());
    for row in rows {
        match write(state, row) {
            // A body that cannot be read at all, or names a field that is not there, fails the call as a whole.
            Err(error) if error.fields.is_none() && error.status == 400 => {
                state.roll_back(savepoint);
                return Err(error);
            }
            outcome => outcomes.push(outcome),
        }
    }
    let failed = outcomes.iter().any(Result::is_err);
    if failed && all_or_none {
        state.roll_back(savepoint);
    } else {
        state.commit();
    }
    let mut touched = 0;
    let results: Vec<Value> = outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Ok(_) if failed && all_or_none => json!({"success": false, "errors": [{
                "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
                "message": "Record rolled back because not all records were valid and the request was using AllOrNone \
                            header",
                "fields": []
            }]}),
            Ok((id, created)) => {
                touched += 1;
                let mut row = json!({"id": id.as_str(), "success": true, "errors": []});
                if let (Some(created), Some(row)) = (created, row.as_object_mut()) {
                    row.insert("created".to_owned(), Value::Bool(created));
                }
                row
            }
            Err(error) => json!({"success": false, "errors": [error.to_row_json()]}),
        })
        .collect();
    let status = if failed && all_or_none { failed_status } else { 200 };
    Ok(ApiResponse::json(status, &Value::Array(results)).touching(touched))
}

/// Records by id, in the order of the ids, null where there is none.
fn read_many(state: &State, request: &ApiRequest, object: &str) -> Result<ApiResponse, ApiError> {
    let table = state.find(object).ok_or_else(ApiError::not_found)?;
    let (ids, names): (Vec<String>, Vec<String>) = if request.method == "POST" {
        let body = request.json_object()?;
        let list = |key: &str| -> Vec<String> {
            body.get(key)
                .and_then(Value::as_array)
                .map(|list| list.iter().map(key_text).collect())
                .unwrap_or_default()
        };
        (list("ids"), list("fields"))
    } else {
        let list = |key: &str| {
            request
                .parameter(key)
                .unwrap_or_default()
                .split(',')
                .map(|part| part.trim().to_owned())
                .collect()
        };
        (list("ids"), list("fields"))
    };
    check_size(ids.len(), MOST_READ)?;
    let fields = named_fields(state, table, names.iter().map(String::as_str))?;
    let source = &state.tables[table];
    let mut body = Vec::with_capacity(ids.len() * 300);
    body.push(b'[');
    for (index, text) in ids.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        let id =
            RecordId::parse(text).ok_or_else(|| ApiError::new(400, "MALFORMED_ID", format!("malformed id {text}")))?;
        match source.slot(id).and_then(|slot| Some((slot, source.get_live(slot)?))) {
            Some((slot, record)) => write_record(state, table, slot, record, &fields, &request.base, &mut body),
            None => body.extend_from_slice(b"null"),
        }
    }
    body.push(b']');
    Ok(ApiResponse::bytes(200, body))
}
