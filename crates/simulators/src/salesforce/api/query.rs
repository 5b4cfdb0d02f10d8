//! Queries and their further pages.

use serde_json::{Value, json};

use super::{ApiRequest, ApiResponse};
use crate::salesforce::error::ApiError;
use crate::salesforce::state::State;

/// Rows per page unless the caller asks for fewer.
const PAGE: usize = 2_000;

pub(super) fn run(state: &mut State, request: &ApiRequest, all_rows: bool) -> Result<ApiResponse, ApiError> {
    if let Some(text) = request.parameter("explain") {
        return explain(state, text);
    }
    let text = match request.parameter("q") {
        Some(text) => text.to_owned(),
        None if request.method == "POST" => match request.json()?.get("q") {
            Some(Value::String(text)) => text.clone(),
            _ => return Err(no_query()),
        },
        None => return Err(no_query()),
    };
    let page = state.query(&text, all_rows, batch_size(request), &request.base)?;
    Ok(ApiResponse::bytes(200, page.body))
}

pub(super) fn more(state: &mut State, request: &ApiRequest, locator: &str) -> Result<ApiResponse, ApiError> {
    let page = state.query_more(locator, &request.base)?;
    Ok(ApiResponse::bytes(200, page.body))
}

/// How a query would be run: by an index where it names a key, else by reading the whole table.
fn explain(state: &State, text: &str) -> Result<ApiResponse, ApiError> {
    let (object, found) = state.explain(text)?;
    let table = state.find(&object).map_or(0, |table| state.tables[table].live());
    #[allow(clippy::cast_precision_loss, reason = "an estimate of a cost")]
    let cost = if table == 0 { 0.0 } else { found as f64 / table as f64 };
    let plan = json!({
        "cardinality": found, "fields": [], "leadingOperationType": "TableScan",
        "notes": [{"description": "Not considering filter for optimization because unindexed", "fields": ["IsDeleted"],
            "tableEnumOrId": object}],
        "relativeCost": cost, "sobjectCardinality": table, "sobjectType": object,
    });
    Ok(ApiResponse::json(200, &json!({"plans": [plan], "sourceQuery": text})))
}

fn no_query() -> ApiError {
    ApiError::new(400, "MALFORMED_QUERY", "A query string has to be specified")
}

fn batch_size(request: &ApiRequest) -> usize {
    request
        .header("sforce-query-options")
        .and_then(|options| {
            options
                .split(',')
                .find_map(|option| option.trim().strip_prefix("batchSize="))
        })
        .and_then(|size| size.trim().parse::<usize>().ok())
        .map_or(PAGE, |size| size.clamp(200, PAGE))
}
