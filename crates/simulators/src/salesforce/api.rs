//! The REST interface. Everything below `/services/data/vXX.X` goes through one function of a request and the state, so
//! that a composite call can run its parts in the same way.

pub(crate) mod async_jobs;
mod bodies;
mod collections;
mod composite;
mod conditions;
mod describe;
mod discovery;
mod graph;
pub(crate) mod jobs;
mod layouts;
mod oauth;
mod query;
mod records;
mod refusals;
mod replication;
mod search;
mod soap;
mod soap_records;
pub(crate) mod streaming;
mod tooling;
mod transport;
mod tree;
mod upsert;
mod views;

use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use serde_json::{Map, Value};

use super::content;
use super::error::ApiError;
use super::state::{Author, State};

pub(crate) use refusals::Refusals;
pub(super) use transport::{dated, routes};

/// One authenticated data call, or one part of a composite call.
#[derive(Debug)]
pub(crate) struct ApiRequest {
    pub(crate) method: Method,
    /// The path behind the version, decoded.
    pub(crate) segments: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// `/services/data/vXX.X`.
    pub(crate) base: String,
    pub(crate) version: u32,
    /// `http://host:port`.
    pub(crate) base_url: String,
}

/// The answer to an [`ApiRequest`].
#[derive(Debug, Default)]
pub(crate) struct ApiResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// How many records it wrote.
    pub(crate) touched: u64,
    /// It held nothing but reads, whatever its method says.
    pub(crate) only_read: bool,
}

impl ApiRequest {
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.parameter(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn json(&self) -> Result<Value, ApiError> {
        if self.body.is_empty() {
            return Err(ApiError::json_parser(
                "The HTTP entity body is required, but this request has no entity body.",
            ));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            ApiError::json_parser(format!(
                "Unexpected input at [line:{}, column:{}]",
                error.line(),
                error.column()
            ))
        })
    }

    pub(crate) fn json_object(&self) -> Result<Map<String, Value>, ApiError> {
        match self.json()? {
            Value::Object(object) => Ok(object),
            _ => Err(ApiError::json_parser(
                "Can not deserialize: unexpected array at [line:1, column:1]",
            )),
        }
    }
}

impl ApiResponse {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::bytes(status, body.to_string().into_bytes())
    }

    pub(crate) fn bytes(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            body,
            ..Self::default()
        }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    pub(crate) fn error(error: &ApiError) -> Self {
        Self::json(error.status, &Value::Array(vec![error.to_json()]))
    }

    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn touching(mut self, records: u64) -> Self {
        self.touched = records;
        self
    }
}

/// Answers a data call.
pub(crate) fn dispatch(state: &mut State, request: &ApiRequest) -> ApiResponse {
    state.saves_duplicates = request
        .header("sforce-duplicate-rule-header")
        .is_some_and(|header| header.replace(' ', "").to_ascii_lowercase().contains("allowsave=true"));
    state.events.version = request.version;
    state.events.client = request
        .header("sforce-call-options")
        .and_then(|options| {
            options
                .split(',')
                .find_map(|option| option.trim().strip_prefix("client="))
        })
        .map(str::to_owned);
    match route(state, request) {
        Ok(response) => response,
        Err(error) => ApiResponse::error(&error),
    }
}

fn route(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let method = request.method.as_str();
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    match (method, segments.as_slice()) {
        ("GET", []) => Ok(discovery::resources(state, request)),
        ("GET", ["search"]) => search::run(state, request),
        ("GET" | "POST", ["parameterizedSearch"]) => search::parameterized(state, request),
        ("GET", ["recent" | "tabs" | "quickActions"]) => Ok(ApiResponse::json(200, &Value::Array(Vec::new()))),
        ("GET", ["theme"]) => Ok(ApiResponse::json(200, &serde_json::json!({"themeItems": []}))),
        ("GET", ["sobjects", object, "quickActions" | "listviews", ..]) => {
            views::answer(state, request, object, &segments[2..])
        }
        ("GET", ["sobjects", object, "describe", rest @ ..]) if !rest.is_empty() => {
            layouts::answer(state, request, object, rest)
        }
        ("POST", ["composite", "graph"]) => graph::answer(state, request),
        ("POST", ["composite", "tree", object]) => tree::answer(state, request, object),
        (_, ["jobs", rest @ ..]) => jobs::answer(state, request, rest),
        ("GET", ["limits"]) => Ok(discovery::limits(state)),
        ("GET", ["limits", "recordCount"]) => Ok(discovery::record_count(state, request)),
        ("POST", ["tooling", "sobjects", "CustomField"]) => tooling::create_field(state, request),
        ("GET", ["sobjects"]) => Ok(describe::global(state, request)),
        ("GET", ["sobjects", object, "describe"]) => describe::object(state, request, object),
        ("GET", ["sobjects", object, "updated"]) => replication::updated(state, request, object),
        ("GET", ["sobjects", object, "deleted"]) => replication::deleted(state, request, object),
        ("GET", ["sobjects", object]) => describe::summary(state, request, object),
        ("GET", ["sobjects", object, id, field]) if content::body_field(object) == Some(field) => {
            bodies::read(state, object, id)
        }
        ("POST", ["sobjects", object]) => records::create(state, request, object),
        (_, ["sobjects", object, id]) => records::by_id(state, request, object, id),
        (_, ["sobjects", object, key, value]) => upsert::by_key(state, request, object, key, value),
        ("GET" | "POST", ["query"]) => query::run(state, request, false),
        ("GET" | "POST", ["queryAll"]) => query::run(state, request, true),
        ("GET", ["query" | "queryAll", locator]) => query::more(state, request, locator),
        (_, ["composite", "sobjects", rest @ ..]) => collections::answer(state, request, rest),
        ("POST", ["composite"]) => composite::composite(state, request),
        ("POST", ["composite", "batch"]) => composite::batch(state, request),
        (_, [] | ["limits" | "sobjects" | "query" | "queryAll" | "composite", ..]) => {
            Err(ApiError::method_not_allowed(method))
        }
        _ => Err(ApiError::not_found()),
    }
}

/// Everything through the API is written by the integration's user.
fn author(state: &State) -> Author {
    Author {
        user: state.integration_user,
        integration: true,
    }
}
