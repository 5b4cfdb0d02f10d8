//! Composite graphs: several composite calls side by side, each of which happens as a whole or not at all.

use serde_json::{Value, json};

use super::composite::{Parts, composite_parts};
use super::{ApiRequest, ApiResponse};
use crate::salesforce::error::ApiError;
use crate::salesforce::state::State;

const MOST_NODES: usize = 500;
const MOST_GRAPHS: usize = 75;
/// After more failures than this the rest is not tried.
const MOST_FAILED: usize = 14;

/// `POST /composite/graph`.
pub(super) fn answer(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    if request.version < 50 {
        return Err(ApiError::not_found());
    }
    let body = request.json_object()?;
    let graphs = body
        .get("graphs")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let nodes = |graph: &Value| {
        graph
            .get("compositeRequest")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    if graphs.is_empty() || graphs.len() > MOST_GRAPHS {
        return Err(ApiError::new(
            400,
            "LIMIT_EXCEEDED",
            format!("graphs must hold 1 to {MOST_GRAPHS} graphs"),
        ));
    }
    if graphs.iter().map(|graph| nodes(graph).len()).sum::<usize>() > MOST_NODES {
        return Err(ApiError::new(
            400,
            "LIMIT_EXCEEDED",
            format!("The graphs hold more than {MOST_NODES} nodes"),
        ));
    }
    let mut failed = 0;
    let mut touched = 0;
    let mut answers = Vec::with_capacity(graphs.len());
    let mut seen: Vec<String> = Vec::new();
    for graph in &graphs {
        let id = graph
            .get("graphId")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        if id.is_empty() || seen.contains(&id) {
            return Err(ApiError::json_parser(format!(
                "Every graph needs a graphId of its own, not '{id}'"
            )));
        }
        seen.push(id.clone());
        let parts = nodes(graph);
        let outcome = if failed > MOST_FAILED {
            Parts::halted(&parts)
        } else {
            composite_parts(state, request, &parts, true)?
        };
        failed += usize::from(!outcome.is_successful);
        touched += outcome.touched;
        answers.push(json!({
            "graphId": id,
            "graphResponse": {"compositeResponse": outcome.answers},
            "isSuccessful": outcome.is_successful
        }));
    }
    Ok(ApiResponse::json(200, &json!({"graphs": answers})).touching(touched))
}
