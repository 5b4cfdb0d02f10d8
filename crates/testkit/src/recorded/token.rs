//! Answers of token endpoints, read by the engine's own OAuth: it refreshes, and the answer is the recording.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value as Json;
use syncline_core::ErrorKind;
use syncline_engine::actor::Actor;
use syncline_engine::connection::TokenRequest;
use syncline_engine::http::{Limits, Transport, TransportError};
use syncline_storage::MemoryStore;

use super::{Findings, Recording};
use crate::connector::Remote;
use crate::connector::simulated::{SimulatedHubSpot, SimulatedSalesforce};
use crate::stage::{Stage, VirtualClock};

/// Refuses the first token, answers its refresh with the recording, and lets the recorded token pass.
#[derive(Debug)]
struct Endpoint {
    remote: Arc<dyn Remote>,
    answer: (u16, Bytes),
    asked: AtomicBool,
    bearers: Mutex<Vec<String>>,
}

#[async_trait]
impl Transport for Endpoint {
    async fn send(&self, request: http::Request<Bytes>, _: &Limits) -> Result<http::Response<Bytes>, TransportError> {
        let reply = |status: u16, body: Bytes| {
            http::Response::builder()
                .status(status)
                .header("content-type", "application/json")
                .body(body)
                .map_err(|error| TransportError::NotSent(error.to_string()))
        };
        if request.uri().path().ends_with("/token") {
            self.asked.store(true, Ordering::Relaxed);
            return reply(self.answer.0, self.answer.1.clone());
        }
        let bearer = request
            .headers()
            .get(http::header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .trim_start_matches("Bearer ")
            .to_owned();
        if bearer == "dead" {
            return reply(
                401,
                r#"[{"errorCode":"INVALID_SESSION_ID","message":"Session expired or invalid"}]"#.into(),
            );
        }
        self.bearers.lock().unwrap().push(bearer);
        self.remote.send(request).await
    }
}

/// Lets the engine read the answer of a token endpoint.
pub(crate) async fn read(recording: &Recording) -> Findings {
    let salesforce = recording.is_salesforce();
    let success = recording.body["access_token"].as_str().map(str::to_owned);
    let (provider, remote): (_, Arc<dyn Remote>) = if salesforce {
        ("salesforce", Arc::new(SimulatedSalesforce::fresh(0)))
    } else {
        ("hubspot", Arc::new(SimulatedHubSpot::fresh(0)))
    };
    let mut findings = Findings::of(if success.is_some() {
        "tokens"
    } else {
        "refusal of a token"
    });
    let mut body = recording.body.clone();
    if salesforce && body.get("instance_url").is_some() {
        // Recorders replace the host by one that no organisation has.
        body["instance_url"] = Json::from("http://salesforce.localhost");
        findings.dropped.push("instance_url: the recorder's".into());
    }
    let endpoint = Arc::new(Endpoint {
        remote,
        answer: (recording.status(), body.to_string().into()),
        asked: AtomicBool::new(false),
        bearers: Mutex::default(),
    });
    let transport = Arc::clone(&endpoint) as Arc<dyn Transport>;
    let engine = Stage::engine_over(Arc::new(MemoryStore::new()), transport, &VirtualClock::new()).expect("an engine");
    let actor = Actor::admin("recorded");
    let tenant = engine.tenant("Recorded", &actor).await.expect("a tenant").id;
    let url = format!("http://{provider}.localhost");
    let request = TokenRequest {
        tenant,
        provider: provider.into(),
        name: provider.into(),
        login_url: Some(url.clone()),
        base_url: Some(url),
        client_id: "client".into(),
        client_secret: Some("secret".to_owned().into()),
        access_token: "dead".to_owned().into(),
        refresh_token: Some("refresh".to_owned().into()),
        expires_at: None,
        settings: BTreeMap::new(),
    };
    let connected = engine.connections().connect_with_tokens(request, &actor).await;
    findings.check(endpoint.asked.load(Ordering::Relaxed), || {
        format!("the token endpoint was not asked: {:?}", connected.as_ref().err())
    });
    match success {
        Some(token) => {
            let bearers = endpoint.bearers.lock().unwrap().clone();
            findings.check(bearers.contains(&token), || {
                format!("the recorded token was not used: {:?}", connected.as_ref().err())
            });
        }
        None => {
            let kind = connected.err().map(|error| error.kind());
            findings.equal("a refusal", &kind, &Some(refused_as(recording)));
        }
    }
    findings
}

/// What the reference says of a refusal: that the grant is gone, that the app is set up wrongly, or that the service is
/// busy, whatever the body says.
fn refused_as(recording: &Recording) -> ErrorKind {
    if matches!(recording.status(), 423 | 429 | 477 | 500..) {
        return ErrorKind::Unavailable;
    }
    let code = |name: &str| recording.body[name].as_str().unwrap_or_default().to_owned();
    if code("error") == "rate_limit_exceeded" {
        return ErrorKind::Unavailable;
    }
    let app = [
        "invalid_client",
        "invalid_client_id",
        "unauthorized_client",
        "invalid_request",
        "unsupported_grant_type",
        "redirect_uri_mismatch",
        "BAD_CLIENT_ID",
        "BAD_CLIENT_SECRET",
        "BAD_REDIRECT_URI",
        "MISMATCH_REDIRECT_URI_AUTH_CODE",
        "BAD_GRANT_TYPE",
    ];
    if ["error", "status"]
        .iter()
        .any(|name| app.contains(&code(name).as_str()))
    {
        return ErrorKind::Rejected;
    }
    ErrorKind::Reauthorise
}
