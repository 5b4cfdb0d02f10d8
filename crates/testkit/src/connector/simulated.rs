//! The two simulators of this workspace as [`Remote`](super::Remote) systems: examples for a connector of your own.

mod hubspot;
mod salesforce;

use std::sync::{Arc, Mutex};

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use jiff::SignedDuration;
use syncline_engine::http::TransportError;
use syncline_simulators::{Clock, Faults, Fields, ManualClock, Options, SimulatedRecord};
use tower::ServiceExt;

pub use hubspot::SimulatedHubSpot;
pub use salesforce::SimulatedSalesforce;

use super::Held;

/// What both have in common: a clock of their own, a router, and a token.
#[derive(Debug)]
struct Wire {
    clock: Arc<ManualClock>,
    faults: Faults,
    token: Mutex<String>,
}

impl Wire {
    fn new() -> Self {
        let faults = Faults::new(7);
        faults.set_slow(std::time::Duration::from_millis(1));
        Self {
            clock: Arc::new(ManualClock::new(
                "2026-11-20T10:00:00Z".parse().expect("a time that can be read"),
            )),
            faults,
            token: Mutex::default(),
        }
    }

    fn options(&self, records: usize) -> Options {
        Options {
            records,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            faults: self.faults.clone(),
            access_token_life: Some(SignedDuration::from_hours(10_000)),
            ..Options::default()
        }
    }

    fn set_token(&self, token: &str) {
        token.clone_into(&mut self.token.lock().unwrap());
    }

    async fn send(
        &self,
        router: axum::Router,
        mut request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let bearer = format!("Bearer {}", self.token.lock().unwrap());
        let bearer = http::HeaderValue::from_str(&bearer).expect("a token of plain characters");
        request.headers_mut().insert(http::header::AUTHORIZATION, bearer);
        answer(router, request).await
    }

    /// Exchanges the refresh token for a new access token.
    async fn renew(&self, router: axum::Router, url: &str, credentials: syncline_simulators::Credentials) -> bool {
        let form = format!(
            "grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={}",
            credentials.client_id, credentials.client_secret, credentials.refresh_token
        );
        let request = http::Request::post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(form))
            .expect("a request that can be sent");
        let Ok(response) = answer(router, request).await else {
            return false;
        };
        let json: serde_json::Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let Some(token) = json["access_token"].as_str() else {
            return false;
        };
        self.set_token(token);
        true
    }
}

async fn answer(router: axum::Router, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
    let (parts, body) = router
        .oneshot(request.map(Body::from))
        .await
        .map_err(|never| match never {})
        .map(http::Response::into_parts)?;
    let body = body
        .collect()
        .await
        .map_err(|error| TransportError::MaybeSent(error.to_string()))?
        .to_bytes();
    Ok(http::Response::from_parts(parts, body))
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs
        .iter()
        .map(|(name, text)| ((*name).to_owned(), serde_json::Value::from(*text)))
        .collect()
}

fn held(records: Vec<SimulatedRecord>) -> Vec<Held> {
    records
        .into_iter()
        .filter(|record| !record.deleted)
        .map(|record| Held {
            id: record.id,
            fields: record
                .fields
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())))
                .collect(),
        })
        .collect()
}

fn signed(time: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(time).expect("a time within reach")
}
