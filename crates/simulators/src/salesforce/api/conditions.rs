//! Conditional requests: HTTP dates for every row, entity tags for accounts.

use super::ApiRequest;
use crate::salesforce::error::ApiError;
use crate::salesforce::stamp::parse_http_date;
use crate::salesforce::state::State;
use crate::salesforce::table::{Record, Slot};

/// Whether `If-Modified-Since` says that the caller has this already.
pub(super) fn not_modified_since(request: &ApiRequest, changed: i64) -> bool {
    request
        .header("if-modified-since")
        .and_then(parse_http_date)
        .is_some_and(|since| changed <= since)
}

/// The entity tag of an account; other objects have none.
pub(super) fn entity_tag(state: &State, table: usize, slot: Slot, record: &Record) -> Option<String> {
    let table = &state.tables[table];
    (table.schema.name == "Account").then(|| {
        let number = u64::from(slot);
        format!("\"{:x}-{:x}-{:x}\"", number, record.stamp, record.version)
    })
}

/// Checks the preconditions of a write.
pub(super) fn check(
    state: &State,
    request: &ApiRequest,
    table: usize,
    slot: Slot,
    record: &Record,
) -> Result<(), ApiError> {
    for (name, must_be_newer) in [("if-unmodified-since", false), ("if-modified-since", true)] {
        if let Some(text) = request.header(name) {
            let Some(since) = parse_http_date(text) else {
                return Err(ApiError::new(
                    400,
                    "INVALID_HEADER",
                    format!("invalid value for header {name}: {text}"),
                ));
            };
            if (record.modified > since) != must_be_newer {
                return Err(failed());
            }
        }
    }
    let Some(tag) = entity_tag(state, table, slot, record) else {
        return Ok(());
    };
    if request.header("if-match").is_some_and(|tags| !names(tags, &tag)) {
        return Err(failed());
    }
    if request.header("if-none-match").is_some_and(|tags| names(tags, &tag)) {
        return Err(failed());
    }
    Ok(())
}

/// Whether a list of entity tags names this one.
pub(super) fn names(tags: &str, tag: &str) -> bool {
    tags.trim() == "*"
        || tags
            .split(',')
            .any(|known| known.trim().trim_start_matches("W/") == tag)
}

pub(super) fn failed() -> ApiError {
    ApiError::new(
        412,
        "PRECONDITION_FAILED",
        "One or more conditions given in the request header fields were not met",
    )
}
