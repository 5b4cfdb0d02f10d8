//! List views and actions of an object, as pages of the product offer them.

use serde_json::{Value, json};

use super::{ApiRequest, ApiResponse};
use crate::salesforce::error::ApiError;
use crate::salesforce::state::State;

/// The id of the one list view that every object has.
const ALL: &str = "00BSy0000000001MAA";

/// `GET /sobjects/{object}/listviews` and `/quickActions`.
pub(super) fn answer(
    state: &State,
    request: &ApiRequest,
    object: &str,
    rest: &[&str],
) -> Result<ApiResponse, ApiError> {
    let table = state.find(object).ok_or_else(ApiError::not_found)?;
    let name = state.tables[table].schema.name.clone();
    let base = format!("{}/sobjects/{name}/listviews", request.base);
    let soql = format!("SELECT Id FROM {name} ORDER BY Id");
    let body = match rest {
        ["quickActions"] => Value::Array(Vec::new()),
        ["listviews"] => json!({
            "done": true, "nextRecordsUrl": null, "size": 1, "sobjectType": name,
            "listviews": [{
                "describeUrl": format!("{base}/{ALL}/describe"), "developerName": "All", "id": ALL, "label": "All",
                "resultsUrl": format!("{base}/{ALL}/results"), "soqlCompatible": true, "url": format!("{base}/{ALL}")
            }]
        }),
        ["listviews", view] if *view == ALL => json!({
            "describeUrl": format!("{base}/{ALL}/describe"), "developerName": "All", "id": ALL, "label": "All",
            "resultsUrl": format!("{base}/{ALL}/results"), "soqlCompatible": true, "url": format!("{base}/{ALL}")
        }),
        ["listviews", view, "describe"] if *view == ALL => json!({
            "columns": [], "id": ALL, "orderBy": [], "query": soql, "scope": null, "sobjectType": name,
            "whereCondition": null
        }),
        _ => return Err(ApiError::not_found()),
    };
    Ok(ApiResponse::json(200, &body))
}
