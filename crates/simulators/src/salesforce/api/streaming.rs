//! The streaming API: Bayeux messages over long polling, as the CometD clients of others speak it.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State as Extract};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::post;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::transport::bearer;
use crate::salesforce::Salesforce;
use crate::salesforce::events::channel_of;
use crate::salesforce::state::State;

/// How long a session outlives the last answer to it.
const SESSION_LIFE: SignedDuration = SignedDuration::from_secs(40);
/// How long a connect without advice waits for events, in milliseconds.
const LONGEST_WAIT: u64 = 110_000;
/// How often a connect that waits looks for events.
const LOOK: Duration = Duration::from_millis(50);
/// Larger bodies are refused.
const LARGEST_BODY: usize = 32_768;
/// Messages per answer.
const MOST_EVENTS: usize = 100;

/// A client that shook hands.
#[derive(Debug)]
pub(crate) struct Session {
    cookie: String,
    seen: Timestamp,
    /// Behind which event each channel goes on.
    channels: BTreeMap<String, u64>,
}

pub(super) fn routes(salesforce: &Salesforce) -> Router {
    Router::new()
        .route("/cometd/{version}", post(answer))
        .route("/cometd/{version}/{kind}", post(typed))
        .with_state(salesforce.clone())
}

/// Clients may name the kind of message in the address; it means nothing.
async fn typed(
    Extract(salesforce): Extract<Salesforce>,
    Path((_, _)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    messages(&salesforce, &headers, &body).await
}

async fn answer(
    Extract(salesforce): Extract<Salesforce>,
    Path(_): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    messages(&salesforce, &headers, &body).await
}

async fn messages(salesforce: &Salesforce, headers: &HeaderMap, body: &[u8]) -> Response {
    if body.len() > LARGEST_BODY {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "maximum size of the body is 32768 bytes");
    }
    let messages = match serde_json::from_slice(body) {
        Ok(Value::Array(messages)) => messages,
        Ok(message @ Value::Object(_)) => vec![message],
        _ => return plain(StatusCode::BAD_REQUEST, "the body is no Bayeux message"),
    };
    if !bearer(headers).is_some_and(|token| salesforce.oauth.accepts(token)) {
        let refused = messages.iter().map(|message| {
            let mut refused = reply(message, false);
            refused.insert("error".into(), "401::Authentication invalid".into());
            refused.insert("advice".into(), json!({ "reconnect": "none" }));
            Value::Object(refused)
        });
        return array(StatusCode::UNAUTHORIZED, refused.collect(), None);
    }
    let cookie = cookie(headers);
    let (mut replies, mut given, mut waits) = (Vec::new(), None, None);
    for message in &messages {
        let mut state = salesforce.state();
        let channel = message.get("channel").and_then(Value::as_str).unwrap_or_default();
        if channel == "/meta/handshake" {
            let (reply, cookie) = handshake(&mut state, message);
            replies.push(reply);
            given = Some(cookie);
            continue;
        }
        if let Some(refused) = stranger(&mut state, message, cookie.as_deref()) {
            replies.push(refused);
            continue;
        }
        match channel {
            "/meta/connect" => {
                let wait = message.pointer("/advice/timeout").and_then(Value::as_u64);
                waits = client_of(message).map(|client| (client.to_owned(), wait.unwrap_or(LONGEST_WAIT)));
                let mut reply = reply(message, true);
                if message.get("id").and_then(Value::as_str) == Some("1") || wait == Some(0) {
                    let advice = json!({ "interval": 0, "timeout": LONGEST_WAIT, "reconnect": "retry" });
                    reply.insert("advice".into(), advice);
                }
                replies.push(Value::Object(reply));
            }
            "/meta/subscribe" => replies.push(subscribe(&mut state, message)),
            "/meta/unsubscribe" => {
                let session = client_of(message).and_then(|client| state.events.sessions.get_mut(client));
                if let (Some(session), Some(channel)) = (session, message.get("subscription").and_then(Value::as_str)) {
                    session.channels.remove(channel);
                }
                let mut reply = reply(message, true);
                reply.insert(
                    "subscription".into(),
                    message.get("subscription").cloned().unwrap_or_default(),
                );
                replies.push(Value::Object(reply));
            }
            "/meta/disconnect" => {
                if let Some(client) = client_of(message) {
                    state.events.sessions.remove(client);
                }
                replies.push(Value::Object(reply(message, true)));
            }
            _ => {
                let mut refused = reply(message, false);
                refused.insert("error".into(), "403::Publish denied".into());
                replies.push(Value::Object(refused));
            }
        }
    }
    if let Some((client, wait)) = waits {
        let mut events = wait_for_events(salesforce, &client, wait).await;
        events.append(&mut replies);
        replies = events;
    }
    array(StatusCode::OK, replies, given)
}

/// What a session is told next, after it came or the wait is over.
async fn wait_for_events(salesforce: &Salesforce, client: &str, wait: u64) -> Vec<Value> {
    let until = tokio::time::Instant::now() + Duration::from_millis(wait.min(LONGEST_WAIT));
    loop {
        let events = next_events(&mut salesforce.state(), client);
        if !events.is_empty() || tokio::time::Instant::now() >= until {
            return events;
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn next_events(state: &mut State, client: &str) -> Vec<Value> {
    let now = state.clock.now();
    let Some(mut session) = state.events.sessions.remove(client) else {
        return Vec::new();
    };
    let mut events = Vec::new();
    for (channel, from) in &mut session.channels {
        let left = MOST_EVENTS - events.len();
        let start = *from;
        for event in state.events.after(channel, start).take(left) {
            *from = event.replay;
            events.push(json!({
                "channel": channel,
                "data": {
                    "schema": "simulated-schema", "payload": event.payload, "event": { "replayId": event.replay },
                },
            }));
        }
    }
    session.seen = now;
    state.events.sessions.insert(client.to_owned(), session);
    events
}

fn handshake(state: &mut State, message: &Value) -> (Value, String) {
    state.events.handshakes += 1;
    let number = state.events.handshakes;
    let client = format!(
        "{number:x}simulatedclient{:x}",
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    );
    let cookie = format!("browser{number:x}");
    let session = Session {
        cookie: cookie.clone(),
        seen: state.clock.now(),
        channels: BTreeMap::new(),
    };
    state.events.sessions.insert(client.clone(), session);
    let mut reply = reply(message, true);
    reply.extend([
        ("ext".into(), json!({ "replay": true, "payload.format": true })),
        ("minimumVersion".into(), "1.0".into()),
        ("clientId".into(), client.into()),
        ("supportedConnectionTypes".into(), json!(["long-polling"])),
        ("version".into(), "1.0".into()),
    ]);
    (Value::Object(reply), cookie)
}

/// The refusal of a message of no session, or of a session without its cookie.
fn stranger(state: &mut State, message: &Value, cookie: Option<&str>) -> Option<Value> {
    let client = client_of(message).unwrap_or_default();
    let now = state.clock.now();
    let is_over = |session: &Session| now.duration_since(session.seen) > SESSION_LIFE;
    if state.events.sessions.get(client).is_some_and(is_over) {
        state.events.sessions.remove(client);
    }
    let (error, reconnect) = match state.events.sessions.get_mut(client) {
        None => ("403::Unknown client".to_owned(), "handshake"),
        Some(session) if cookie != Some(session.cookie.as_str()) => (
            format!("400::Client {client} has established a session, but no BAYEUX_BROWSER cookie present"),
            "none",
        ),
        Some(session) => {
            session.seen = now;
            return None;
        }
    };
    let mut refused = reply(message, false);
    refused.insert("error".into(), error.into());
    refused.insert("advice".into(), json!({ "interval": 0, "reconnect": reconnect }));
    Some(Value::Object(refused))
}

fn subscribe(state: &mut State, message: &Value) -> Value {
    let channel = message.get("subscription").and_then(Value::as_str).unwrap_or_default();
    let replay = message
        .get("ext")
        .and_then(|ext| ext.get("replay"))
        .and_then(Value::as_object);
    let refused = |error: String| {
        let mut refused = reply(message, false);
        refused.insert("error".into(), error.into());
        refused.insert("subscription".into(), channel.into());
        Value::Object(refused)
    };
    let known = channel == "/data/ChangeEvents"
        || state
            .tables
            .iter()
            .any(|table| channel_of(&table.schema.name) == channel);
    if !known {
        return refused(format!(
            "404::The channel you requested to subscribe to does not exist: {channel}"
        ));
    }
    let from = match replay {
        None => state.events.newest(),
        Some(map) => match map.get(channel).and_then(Value::as_i64) {
            Some(-1) => state.events.newest(),
            Some(-2) => 0,
            Some(replay) => match u64::try_from(replay) {
                Ok(replay) if state.events.knows(replay) => replay,
                _ => {
                    return refused(format!(
                        "400::The replayId {{{replay}}} you provided was invalid.  Please provide a valid ID, -2 to \
                         replay all events, or -1 to replay only new events."
                    ));
                }
            },
            None => {
                return refused(format!(
                    "400::The replayId for channel {{{channel}}} wasn't found using the provided replay ID map. Ensure \
                     that the channel name you provided in the replay map is valid and matches the channel name used \
                     for subscribing."
                ));
            }
        },
    };
    if let Some(session) = client_of(message).and_then(|client| state.events.sessions.get_mut(client)) {
        session.channels.insert(channel.to_owned(), from);
    }
    let mut reply = reply(message, true);
    reply.insert("subscription".into(), channel.into());
    Value::Object(reply)
}

fn client_of(message: &Value) -> Option<&str> {
    message.get("clientId").and_then(Value::as_str)
}

/// The parts of a reply that repeat the message.
fn reply(message: &Value, successful: bool) -> Map<String, Value> {
    let mut reply = Map::from_iter([("successful".to_owned(), Value::Bool(successful))]);
    for key in ["channel", "id", "clientId"] {
        if let Some(value) = message.get(key) {
            reply.insert(key.to_owned(), value.clone());
        }
    }
    reply
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|text| text.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix("BAYEUX_BROWSER=").map(str::to_owned))
}

fn array(status: StatusCode, messages: Vec<Value>, cookie: Option<String>) -> Response {
    let mut response = Response::new(Body::from(Value::Array(messages).to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json;charset=UTF-8"),
    );
    let cookie = cookie.map(|cookie| format!("BAYEUX_BROWSER={cookie};Path=/cometd/;Secure;HttpOnly"));
    if let Some(value) = cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        headers.insert(header::SET_COOKIE, value);
    }
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}
