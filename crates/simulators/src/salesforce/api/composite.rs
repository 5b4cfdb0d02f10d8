//! Several calls in one: with references and a common fate, or side by side.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::{ApiRequest, ApiResponse, discovery, dispatch};
use crate::salesforce::error::ApiError;
use crate::salesforce::state::State;

const MOST: usize = 25;
/// Queries and collections among the parts of one composite call.
const MOST_HEAVY: usize = 5;

/// `POST /composite`.
pub(super) fn composite(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let body = request.json_object()?;
    let all_or_none = body.get("allOrNone").and_then(Value::as_bool).unwrap_or(false);
    let parts = body
        .get("compositeRequest")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if parts.is_empty() || parts.len() > MOST {
        return Err(ApiError::json_parser(format!(
            "compositeRequest must hold 1 to {MOST} subrequests"
        )));
    }
    let heavy = |part: &&Value| {
        let url = part.get("url").and_then(Value::as_str).unwrap_or_default();
        url.contains("/query") || url.contains("/composite/sobjects")
    };
    if parts.iter().filter(heavy).count() > MOST_HEAVY {
        return Err(ApiError::new(
            400,
            "LIMIT_EXCEEDED",
            format!("Cannot have more than {MOST_HEAVY} query or collection subrequests in a composite call"),
        ));
    }
    let outcome = composite_parts(state, request, &parts, all_or_none)?;
    let answer = json!({"compositeResponse": outcome.answers});
    let mut response = ApiResponse::json(200, &answer).touching(outcome.touched);
    response.only_read = parts.iter().all(is_read);
    Ok(response)
}

/// What became of the parts of one composite call, or of one graph.
pub(super) struct Parts {
    pub(super) answers: Vec<Value>,
    pub(super) touched: u64,
    pub(super) is_successful: bool,
}

impl Parts {
    /// The answers of parts that are not tried.
    pub(super) fn halted(parts: &[Value]) -> Self {
        let body = serde_json::from_slice::<Value>(&halted().body).unwrap_or(Value::Null);
        let answers = parts
            .iter()
            .map(|part| {
                let name = part.get("referenceId").cloned().unwrap_or(Value::Null);
                json!({"body": body, "httpHeaders": {}, "httpStatusCode": 400, "referenceId": name})
            })
            .collect();
        Self {
            answers,
            touched: 0,
            is_successful: false,
        }
    }
}

/// Runs parts one after the other, later ones with references to the answers of earlier ones.
pub(super) fn composite_parts(
    state: &mut State,
    request: &ApiRequest,
    parts: &[Value],
    all_or_none: bool,
) -> Result<Parts, ApiError> {
    for part in parts {
        let name = part.get("referenceId").and_then(Value::as_str).unwrap_or_default();
        let starts_well = name.starts_with(|letter: char| letter.is_ascii_alphabetic());
        if !starts_well
            || !name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        {
            return Err(ApiError::json_parser(format!(
                "Provided referenceId ('{name}') must start with a letter or a number, and it can contain only letters, \
                 numbers and underscores"
            )));
        }
    }
    let savepoint = state.begin();
    let mut known: BTreeMap<String, Value> = BTreeMap::new();
    let mut answers: Vec<(String, ApiResponse)> = Vec::with_capacity(parts.len());
    let mut failed = None;
    for part in parts {
        let name = part
            .get("referenceId")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let answer = match (failed.is_some() && all_or_none, resolve(part, &known)) {
            (false, Ok(part)) => match subrequest(&part, request, state.newest_version) {
                Ok(call) => dispatch(state, &call),
                Err(error) => ApiResponse::error(&error),
            },
            (true, _) => halted(),
            (false, Err(reference)) => ApiResponse::error(&ApiError::new(
                400,
                "PROCESSING_HALTED",
                format!("Invalid reference specified. No value for {reference} found"),
            )),
        };
        if answer.status < 300 {
            known.insert(
                name.clone(),
                serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
            );
        } else if failed.is_none() {
            failed = Some(answers.len());
        }
        answers.push((name, answer));
    }
    match failed {
        Some(culprit) if all_or_none => {
            state.roll_back(savepoint);
            for (index, (_, answer)) in answers.iter_mut().enumerate() {
                if index != culprit {
                    *answer = halted();
                }
            }
        }
        _ => state.commit(),
    }
    let touched = answers.iter().map(|(_, answer)| answer.touched).sum();
    let answers: Vec<Value> = answers
        .into_iter()
        .map(|(name, answer)| {
            let headers: Map<String, Value> = answer
                .headers
                .iter()
                .map(|(name, value)| (title_case(name), Value::from(value.as_str())))
                .collect();
            json!({
                "body": serde_json::from_slice::<Value>(&answer.body).unwrap_or(Value::Null),
                "httpHeaders": headers,
                "httpStatusCode": answer.status,
                "referenceId": name
            })
        })
        .collect();
    Ok(Parts {
        answers,
        touched,
        is_successful: failed.is_none(),
    })
}

/// Whether a part only reads.
fn is_read(part: &Value) -> bool {
    part.get("method").and_then(Value::as_str) == Some("GET")
}

fn halted() -> ApiResponse {
    ApiResponse::error(&ApiError::new(
        400,
        "PROCESSING_HALTED",
        "The transaction was rolled back since another operation in the same transaction failed.",
    ))
}

/// `location` as `Location`.
fn title_case(name: &str) -> String {
    name.split('-')
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        })
        .collect::<Vec<_>>()
        .join("-")
}

/// `POST /composite/batch`.
pub(super) fn batch(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let body = request.json_object()?;
    let halt = body.get("haltOnError").and_then(Value::as_bool).unwrap_or(false);
    let parts = body
        .get("batchRequests")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if parts.is_empty() || parts.len() > MOST {
        return Err(ApiError::json_parser(format!(
            "batchRequests must hold 1 to {MOST} subrequests"
        )));
    }
    let only_read = parts.iter().all(is_read);
    let mut failed = false;
    let mut touched = 0;
    let mut results = Vec::with_capacity(parts.len());
    for part in parts {
        if failed && halt {
            let error = ApiError::new(412, "BATCH_PROCESSING_HALTED", "batch processing halted by request");
            results.push(json!({"statusCode": 412, "result": [error.to_json()]}));
            continue;
        }
        let mut part = part;
        if let Some(part) = part.as_object_mut() {
            let url = part.get("url").and_then(Value::as_str).unwrap_or_default();
            let url = format!(
                "/services/data/{}",
                url.trim_start_matches('/').trim_start_matches("services/data/")
            );
            part.insert("url".to_owned(), Value::from(url));
            if let Some(input) = part.shift_remove("richInput") {
                part.insert("body".to_owned(), input);
            }
        }
        let answer = match subrequest(&part, request, state.newest_version) {
            Ok(call) => dispatch(state, &call),
            Err(error) => ApiResponse::error(&error),
        };
        failed |= answer.status >= 400;
        touched += answer.touched;
        let result = serde_json::from_slice::<Value>(&answer.body).unwrap_or(Value::Null);
        results.push(json!({"statusCode": answer.status, "result": result}));
    }
    let mut response = ApiResponse::json(200, &json!({"hasErrors": failed, "results": results})).touching(touched);
    response.only_read = only_read;
    Ok(response)
}

/// A part of a composite call as a call of its own.
fn subrequest(part: &Value, outer: &ApiRequest, newest: u32) -> Result<ApiRequest, ApiError> {
    let url = part.get("url").and_then(Value::as_str).unwrap_or_default();
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let method = part.get("method").and_then(Value::as_str).unwrap_or_default();
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| ApiError::method_not_allowed(method))?;
    let segments: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let [services, data, version_text, rest @ ..] = segments.as_slice() else {
        return Err(ApiError::not_found());
    };
    if services != "services" || data != "data" {
        return Err(ApiError::not_found());
    }
    if rest.first().is_some_and(|first| first == "composite") && rest.get(1).is_none_or(|second| second != "sobjects") {
        return Err(ApiError::new(
            400,
            "INVALID_INPUT",
            "a composite call cannot hold another one",
        ));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in part.get("httpHeaders").and_then(Value::as_object).into_iter().flatten() {
        if let (Ok(name), Some(Ok(value))) = (
            HeaderName::from_bytes(name.as_bytes()),
            value.as_str().map(HeaderValue::from_str),
        ) {
            headers.insert(name, value);
        }
    }
    let body = part
        .get("body")
        .map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
    Ok(ApiRequest {
        method,
        segments: rest.to_vec(),
        query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers,
        body,
        base: format!("/services/data/{version_text}"),
        version: discovery::check_version(version_text, newest)?,
        base_url: outer.base_url.clone(),
    })
}

/// Replaces every `@{name.path}` by what an earlier part answered, or names the first that has no answer.
fn resolve(part: &Value, known: &BTreeMap<String, Value>) -> Result<Value, String> {
    match part {
        Value::String(text) => resolve_text(text, known),
        Value::Array(list) => list.iter().map(|item| resolve(item, known)).collect(),
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| Ok((key.clone(), resolve(value, known)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        other => Ok(other.clone()),
    }
}

fn resolve_text(text: &str, known: &BTreeMap<String, Value>) -> Result<Value, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("@{") {
        let Some(length) = rest[start..].find('}') else { break };
        let reference = &rest[start + 2..start + length];
        let (name, path) = reference.split_once('.').unwrap_or((reference, ""));
        let pointer: String = path
            .replace('[', ".")
            .replace(']', "")
            .split('.')
            .filter(|step| !step.is_empty())
            .map(|step| format!("/{step}"))
            .collect();
        let value = known
            .get(name)
            .and_then(|answer| answer.pointer(&pointer))
            .ok_or_else(|| reference.to_owned())?;
        if start == 0 && length + 1 == rest.len() && out.is_empty() {
            return Ok(value.clone());
        }
        out.push_str(&rest[..start]);
        out.push_str(value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_str());
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    Ok(Value::String(out))
}
