//! HubSpot calls when something changes.

use std::collections::BTreeSet;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use syncline::connector::RawRequest;
use syncline::{Actor, Error, ErrorKind};

use crate::host::{Failed, Host};

/// The one thing in a call that is read before its signature was checked: whom it is for.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "portalId")]
    portal: u64,
}

/// `POST /webhooks/hubspot`: an app has one address there for all accounts, so each of its connections is told.
pub(crate) async fn webhook(
    State(host): State<Host>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<serde_json::Value>, Failed> {
    let events: Vec<Event> = serde_json::from_slice(&body)
        .map_err(|error| Error::new(ErrorKind::Invalid, "this is no list of events").because(error))?;
    let portals: BTreeSet<String> = events.iter().map(|event| event.portal.to_string()).collect();
    // What was signed is the public address, never what the Host header says.
    let url = format!("{}/webhooks/hubspot", host.app.public_url);
    let request = RawRequest::new("POST", url, &headers, body);
    let system = Actor::system();
    let mut hints = 0;
    for tenant in host.engine.tenants(&system).await? {
        for connection in host.engine.connections().list(tenant.id, false, &system).await? {
            if connection.provider == "hubspot" && portals.contains(&connection.account.id) {
                hints += host.engine.webhook(connection.id, &request).await?;
            }
        }
    }
    Ok(Json(serde_json::json!({ "hints": hints })))
}
