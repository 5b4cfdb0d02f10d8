//! The service as a client in the same process sees it.

mod associations;
mod batches;
mod faults;
mod files;
mod merges;
mod oauth;
mod objects;
mod schema;
mod search;
mod settings;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use axum::response::Response;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::HubSpot;
use crate::clock::ManualClock;
use crate::options::Options;

/// A simulator under a clock that the test moves.
pub(super) struct Bench {
    pub(super) hubspot: HubSpot,
    pub(super) clock: Arc<ManualClock>,
    pub(super) token: String,
}

pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Bench {
    pub(super) fn new(records: usize) -> Self {
        Self::with(Options {
            records,
            ..Options::default()
        })
    }

    pub(super) fn with(options: Options) -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-21T10:00:00Z".parse().unwrap()));
        let hubspot = HubSpot::new(Options {
            clock: clock.clone(),
            ..options
        })
        .unwrap();
        let token = hubspot.private_app_token();
        Self { hubspot, clock, token }
    }

    pub(super) fn advance(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    pub(super) async fn send(&self, method: &str, path: &str, token: &str, content: &str, body: Vec<u8>) -> Response {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "hubspot.example")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", content)
            .body(Body::from(body))
            .unwrap();
        self.hubspot.router().oneshot(request).await.unwrap()
    }

    pub(super) async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        let bytes = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        reply(self.send(method, path, &self.token, "application/json", bytes).await).await
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, Value::Null).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Reply {
        self.call("POST", path, body).await
    }

    /// Creates a record through the API and gives its id.
    pub(super) async fn made(&self, object: &str, properties: Value) -> String {
        let reply = self
            .post(&format!("/crm/v3/objects/{object}"), json!({"properties": properties}))
            .await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        text(&reply.body, "/id")
    }
}

pub(super) async fn reply(response: Response) -> Reply {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let body = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    };
    Reply {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    }
}

pub(super) fn text(body: &Value, pointer: &str) -> String {
    body.pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no text at {pointer} in {body}"))
        .to_owned()
}

/// The ids of `results`, sorted.
pub(super) fn ids(body: &Value) -> Vec<String> {
    let mut ids: Vec<String> = body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort_by_key(|id| id.parse::<u64>().unwrap());
    ids
}
