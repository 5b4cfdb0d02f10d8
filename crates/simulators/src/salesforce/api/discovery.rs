//! Versions, resources and limits.

use serde_json::{Map, Value, json};

use super::{ApiRequest, ApiResponse};
use crate::salesforce::error::ApiError;
use crate::salesforce::state::State;

const OLDEST: u32 = 31;

/// `GET /services/data`, which needs no token.
pub(super) fn versions(newest: u32) -> ApiResponse {
    let list: Vec<Value> = (OLDEST..=newest)
        .map(|version| {
            json!({
                "label": release(version),
                "url": format!("/services/data/v{version}.0"),
                "version": format!("{version}.0")
            })
        })
        .collect();
    ApiResponse::json(200, &Value::Array(list))
}

/// Three releases a year; version 66 came in spring 2026.
fn release(version: u32) -> String {
    let (season, next_year) = match version % 3 {
        0 => ("Spring", 0),
        1 => ("Summer", 0),
        _ => ("Winter", 1),
    };
    format!("{season} '{:02}", (version + 12) / 3 + next_year)
}

/// Reads `v66.0`.
pub(super) fn check_version(text: &str, newest: u32) -> Result<u32, ApiError> {
    let number = text
        .strip_prefix('v')
        .and_then(|number| number.strip_suffix(".0"))
        .and_then(|number| number.parse::<u32>().ok())
        .ok_or_else(ApiError::not_found)?;
    match number {
        OLDEST.. if number <= newest => Ok(number),
        7..OLDEST => Err(ApiError::new(
            410,
            "GONE",
            "This version of the API is no longer supported.",
        )),
        _ => Err(ApiError::not_found()),
    }
}

/// The `Warning` header of a version that is soon retired.
pub(super) fn deprecation(version: u32) -> String {
    format!(
        "299 - \"This API version is deprecated and will be removed: API version {version}.0 is going to be retired. \
         Please upgrade to a newer version.\""
    )
}

pub(super) fn resources(request: &ApiRequest) -> ApiResponse {
    let list: Map<String, Value> = [
        "composite",
        "jobs",
        "limits",
        "parameterizedSearch",
        "query",
        "queryAll",
        "recent",
        "search",
        "sobjects",
    ]
    .into_iter()
    .map(|name| (name.to_owned(), Value::from(format!("{}/{name}", request.base))))
    .collect();
    ApiResponse::json(200, &Value::Object(list))
}

pub(super) fn limits(state: &State) -> ApiResponse {
    let remaining = state.daily_api_requests.saturating_sub(state.api_requests);
    ApiResponse::json(
        200,
        &json!({
            "ConcurrentAsyncGetReportInstances": {"Max": 200, "Remaining": 200},
            "DailyApiRequests": {"Max": state.daily_api_requests, "Remaining": remaining},
            "DailyBulkApiBatches": {"Max": 15_000, "Remaining": 15_000},
            "DailyBulkV2QueryFileStorageMB": {"Max": 976_562, "Remaining": 976_562},
            "DailyBulkV2QueryJobs": {
                "Max": state.jobs.daily_queries(), "Remaining": state.jobs.queries_left(state.now())
            },
            "DailyDeliveredPlatformEvents": {"Max": 10_000, "Remaining": 10_000},
            "DataStorageMB": {"Max": 1_024, "Remaining": 900},
            "FileStorageMB": {"Max": 1_024, "Remaining": 1_024}
        }),
    )
}

pub(super) fn record_count(state: &State, request: &ApiRequest) -> ApiResponse {
    let asked = request
        .parameter("sObjects")
        .map(|names| names.split(',').map(str::trim).collect::<Vec<_>>());
    let counts: Vec<Value> = state
        .tables
        .iter()
        .filter(|table| {
            asked
                .as_ref()
                .is_none_or(|names| names.iter().any(|name| name.eq_ignore_ascii_case(&table.schema.name)))
        })
        .map(|table| json!({"count": table.live(), "name": table.schema.name}))
        .collect();
    ApiResponse::json(200, &json!({"sObjects": counts}))
}
