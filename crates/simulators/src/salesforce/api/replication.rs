//! What changed and what was deleted between two instants, cut to whole minutes.

use serde_json::{Value, json};

use super::{ApiRequest, ApiResponse};
use crate::salesforce::error::ApiError;
use crate::salesforce::stamp::{datetime_text, parse_datetime, whole_minute};
use crate::salesforce::state::State;
use crate::salesforce::table::{Slot, Table};

const DAY: i64 = 24 * 3600;
const MOST_IDS: usize = 600_000;

/// The whole minutes asked for.
fn window(state: &State, request: &ApiRequest, oldest_days: i64) -> Result<(i64, i64), ApiError> {
    let read = |name: &str| {
        let text = request
            .parameter(name)
            .ok_or_else(|| invalid(&format!("the parameter {name} is required")))?;
        parse_datetime(text)
            .map(whole_minute)
            .ok_or_else(|| invalid(&format!("{name} is not a dateTime: {text}")))
    };
    let (start, end) = (read("start")?, read("end")?);
    if start >= end {
        return Err(invalid("startDate must be before endDate, by at least one minute"));
    }
    if start < state.now() - oldest_days * DAY {
        return Err(invalid(&format!(
            "startDate cannot be more than {oldest_days} days ago"
        )));
    }
    Ok((start, end))
}

fn invalid(message: &str) -> ApiError {
    ApiError::new(400, "INVALID_REPLICATION_DATE", message)
}

fn too_many() -> ApiError {
    ApiError::new(
        400,
        "EXCEEDED_ID_LIMIT",
        "the result has more than 600000 ids; ask for a shorter span",
    )
}

/// The object, if the service keeps track of its changes.
fn replicated<'a>(state: &'a State, object: &str) -> Result<&'a Table, ApiError> {
    let table = &state.tables[state.find(object).ok_or_else(ApiError::not_found)?];
    let kept = table.schema.describe.get("replicateable").and_then(Value::as_bool);
    if kept == Some(false) {
        return Err(ApiError::new(
            400,
            "INVALID_TYPE_FOR_OPERATION",
            format!("entity type {object} does not support replication"),
        ));
    }
    Ok(table)
}

pub(super) fn updated(state: &State, request: &ApiRequest, object: &str) -> Result<ApiResponse, ApiError> {
    let table = replicated(state, object)?;
    let (start, end) = window(state, request, 30)?;
    let ids: Vec<Value> = table
        .by_stamp((start, 0)..=(end - 1, Slot::MAX))
        .filter(|slot| table.get_live(*slot).is_some())
        .map(|slot| Value::from(table.id(slot).as_str()))
        .collect();
    if ids.len() > MOST_IDS {
        return Err(too_many());
    }
    let covered = datetime_text(state.covered(end));
    Ok(ApiResponse::json(
        200,
        &json!({"ids": ids, "latestDateCovered": covered}),
    ))
}

pub(super) fn deleted(state: &State, request: &ApiRequest, object: &str) -> Result<ApiResponse, ApiError> {
    let table = replicated(state, object)?;
    let (start, end) = window(state, request, 15)?;
    let earliest = whole_minute((state.now() - 15 * DAY).max(state.delete_log_from));
    let records: Vec<Value> = table
        .deletions(start.max(earliest), end)
        .into_iter()
        .map(|(when, slot)| json!({"deletedDate": datetime_text(when), "id": table.id(slot).as_str()}))
        .collect();
    if records.len() > MOST_IDS {
        return Err(too_many());
    }
    let earliest = datetime_text(earliest);
    let covered = datetime_text(state.covered(end));
    Ok(ApiResponse::json(
        200,
        &json!({"deletedRecords": records, "earliestDateAvailable": earliest, "latestDateCovered": covered}),
    ))
}
