//! The feed: Change Data Capture over the streaming API (Bayeux messages, asked for and never waited for), as hints.
//!
//! The Pub/Sub API would be gRPC over HTTP/2, which a connector that sends single requests can't speak. The older
//! streaming API tells the same events in plain JSON. Its sessions are kept between looks, so that a look costs one
//! request; what a session knows is of no use without the access token, which the host adds.
//!
//! What an event says is never applied: it only names what to read. So gaps cost nothing but a read, and what a feed can't
//! tell any more (a session that ended before it told anything, an event that is no longer kept, an overflow) becomes a
//! hint at everything of the object.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use syncline_core::batch::{Batch, Hint};
use syncline_core::connector::Task;
use syncline_core::io::{Class, Config, Effect, Head, Io, Level, Method, Request};
use syncline_core::job::{Budget, Feed, Progress};
use syncline_core::{Error, ErrorKind, Result, Retry};

use crate::client::{Api, ask};
use crate::error::{failed, unreadable};
use crate::id::{is_empty, normalised};
use crate::manifest::CHANGE_EVENTS_SETTING;

const READING: &str = "reading the change events of Salesforce";
/// Salesforce keeps events for 72 hours; what was read longer ago may have been followed by some that are gone.
const KEPT: SignedDuration = SignedDuration::from_hours(70);
/// What our own writes are marked with.
const OWN_ORIGIN: &str = ";client=syncline";
/// Only what is told from now on.
const NEW: i64 = -1;

/// Where a feed stands; its cursor.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Position {
    /// The session, while there is one.
    session: Option<Session>,
    /// The last event of each channel.
    replay: BTreeMap<String, i64>,
    /// Objects that were followed when the feed was last read.
    followed: BTreeSet<String>,
    /// When the feed was last read.
    read_at: Option<Timestamp>,
}

/// What names a session to Salesforce.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Session {
    client: String,
    cookie: String,
    /// The channels that it follows.
    channels: BTreeSet<String>,
}

/// A feed under way.
#[derive(Debug)]
pub(crate) struct FeedTask {
    api: Api,
    user: Option<String>,
    /// The objects that are followed, by their channels.
    channels: BTreeMap<String, String>,
    position: Position,
}

/// A Bayeux message, as far as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Message {
    channel: String,
    successful: Option<bool>,
    error: Option<String>,
    client_id: Option<String>,
    subscription: Option<String>,
    advice: Option<Advice>,
    data: Option<Data>,
}

#[derive(Debug, Deserialize)]
struct Advice {
    reconnect: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Data {
    payload: Option<Payload>,
    event: Option<Event>,
}

#[derive(Debug, Deserialize)]
struct Payload {
    #[serde(rename = "ChangeEventHeader")]
    header: Option<EventHeader>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventHeader {
    #[serde(default)]
    record_ids: Vec<String>,
    #[serde(default)]
    change_type: String,
    #[serde(default)]
    change_origin: String,
    commit_user: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    replay_id: i64,
}

/// What came of an exchange with a session.
enum Told {
    /// It goes on; so many events were told.
    Events(usize),
    /// Salesforce no longer knows the session.
    Stranger,
    /// The answer was lost, and what it told with it: the session has gone on without us.
    Lost,
}

impl FeedTask {
    /// Starts a feed, or goes on with one.
    ///
    /// # Errors
    /// `Unsupported` when the connection's settings do not switch change events on.
    pub(crate) fn open(api: Api, config: &Config, feed: Feed, resume: Option<Bytes>) -> Result<Self> {
        if config.setting(CHANGE_EVENTS_SETTING) != Some("on") {
            let message = format!(
                "change events are off; select the objects in Setup, Change Data Capture, and set \
                 `{CHANGE_EVENTS_SETTING}` to `on`"
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        // A cursor that can't be read is one from nowhere: reading starts anew, and everything is hinted at.
        let position = resume
            .or(feed.cursor)
            .map(|cursor| serde_json::from_slice(&cursor).unwrap_or_default())
            .unwrap_or_default();
        Ok(Self {
            api,
            user: config.user_id.as_deref().and_then(normalised),
            channels: feed
                .objects
                .into_iter()
                .map(|object| (channel_of(&object.object), object.object))
                .collect(),
            position,
        })
    }

    /// Sends messages and reads the answers.
    async fn exchange(&self, io: &dyn Io, messages: &Json, cookie: Option<&str>) -> Result<(Head, Vec<Message>)> {
        let body = serde_json::to_vec(messages).map_err(|error| unreadable(READING, error))?;
        let mut request = Request::new(Method::Post, self.api.streaming(), Effect::Idempotent).json(body);
        // Streaming is not counted as calls of the API.
        request.cost = 0;
        if let Some(cookie) = cookie.filter(|cookie| !cookie.is_empty()) {
            request = request.header("cookie", cookie);
        }
        let (response, class) = ask(io, request).await?;
        if class != Class::Success {
            return Err(failed(class, READING));
        }
        let messages = serde_json::from_slice(&response.body).map_err(|error| unreadable(READING, error))?;
        Ok((response.head, messages))
    }

    /// Begins a session that follows the channels, each from behind its last event.
    async fn begin(&mut self, io: &dyn Io, batch: &mut Batch) -> Result<()> {
        let hello = json!([{
            "channel": "/meta/handshake", "id": "1", "version": "1.0", "minimumVersion": "1.0",
            "supportedConnectionTypes": ["long-polling"], "ext": { "replay": true },
            "advice": { "timeout": 60000, "interval": 0 },
        }]);
        let (head, answers) = self.exchange(io, &hello, None).await?;
        let welcome = answers.into_iter().find(|message| message.channel == "/meta/handshake");
        let client = match welcome {
            Some(Message {
                successful: Some(true),
                client_id: Some(client),
                ..
            }) => client,
            other => {
                let why = other.and_then(|message| message.error).unwrap_or_default();
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("Salesforce begins no streaming session: {why}"),
                )
                .operation(READING));
            }
        };
        self.position.session = Some(Session {
            client,
            cookie: cookies(&head),
            channels: BTreeSet::new(),
        });
        // A channel that never told anything has no place to go on from: something may have been told meanwhile.
        let read_lately = self
            .position
            .read_at
            .is_some_and(|at| io.now().duration_since(at) < KEPT);
        for (channel, object) in &self.channels {
            if !read_lately {
                self.position.replay.remove(channel);
            }
            if !self.position.replay.contains_key(channel) {
                everything(object, batch);
            }
        }
        let wanted: Vec<String> = self.channels.keys().cloned().collect();
        let refused = self.subscribe(io, &wanted, batch).await?;
        // Their places are no longer known.
        if !refused.is_empty() {
            for channel in &refused {
                self.position.replay.remove(channel);
                if let Some(object) = self.channels.get(channel) {
                    everything(object, batch);
                }
            }
            self.subscribe(io, &refused, batch).await?;
        }
        Ok(())
    }

    /// Follows channels and returns those whose place is not known.
    async fn subscribe(&mut self, io: &dyn Io, channels: &[String], batch: &mut Batch) -> Result<Vec<String>> {
        let Some(session) = self.position.session.clone() else {
            return Ok(Vec::new());
        };
        let subscribe = |(number, channel): (usize, &String)| {
            let replay = self.position.replay.get(channel).copied().unwrap_or(NEW);
            json!({
                "channel": "/meta/subscribe", "id": (number + 2).to_string(), "clientId": session.client,
                "subscription": channel, "ext": { "replay": { channel: replay } },
            })
        };
        let messages: Vec<Json> = channels.iter().enumerate().map(subscribe).collect();
        let (_, answers) = self.exchange(io, &Json::from(messages), Some(&session.cookie)).await?;
        let mut lost = Vec::new();
        for answer in &answers {
            let (Some(channel), "/meta/subscribe") = (&answer.subscription, answer.channel.as_str()) else {
                continue;
            };
            let error = answer.error.as_deref().unwrap_or_default();
            match (answer.successful, &mut self.position.session) {
                (Some(true), Some(session)) => {
                    session.channels.insert(channel.clone());
                }
                _ if error.starts_with("400") && error.contains("replayId") => lost.push(channel.clone()),
                _ => io.log(
                    Level::Warn,
                    &format!("Salesforce tells no change events of {channel}, polls go on: {error}"),
                ),
            }
        }
        self.take(answers, batch);
        Ok(lost)
    }

    /// Asks for what there is to be told now.
    async fn look(&mut self, io: &dyn Io, batch: &mut Batch) -> Result<Told> {
        let Some(session) = self.position.session.clone() else {
            return Ok(Told::Stranger);
        };
        let connect = json!([{
            "channel": "/meta/connect", "id": "1", "clientId": session.client, "connectionType": "long-polling",
            "advice": { "timeout": 0 },
        }]);
        let answers = match self.exchange(io, &connect, Some(&session.cookie)).await {
            Ok((_, answers)) => answers,
            Err(error) if error.retry() == Retry::UnknownOutcome => {
                self.position.session = None;
                return Ok(Told::Lost);
            }
            Err(error) => return Err(error),
        };
        let refused = answers
            .iter()
            .find(|message| message.channel == "/meta/connect" && message.successful == Some(false));
        if let Some(refused) = refused {
            let again = refused.advice.as_ref().and_then(|advice| advice.reconnect.as_deref());
            let error = refused.error.clone().unwrap_or_default();
            self.position.session = None;
            return if again == Some("handshake") || error.starts_with("40") && !error.starts_with("401") {
                Ok(Told::Stranger)
            } else {
                Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("Salesforce ended the streaming session: {error}"),
                )
                .operation(READING))
            };
        }
        Ok(Told::Events(self.take(answers, batch)))
    }

    /// Adds what messages hint at and remembers where each channel stands.
    fn take(&mut self, messages: Vec<Message>, batch: &mut Batch) -> usize {
        let mut events = 0;
        for message in messages {
            let Some(data) = message.data else { continue };
            let Some(object) = self.channels.get(&message.channel) else {
                continue;
            };
            events += 1;
            if let Some(event) = data.event {
                self.position.replay.insert(message.channel.clone(), event.replay_id);
            }
            match data.payload.and_then(|payload| payload.header) {
                Some(header) => self.hint(object, &header, batch),
                None => everything(object, batch),
            }
        }
        events
    }

    fn hint(&self, object: &str, header: &EventHeader, batch: &mut Batch) {
        // Our own writes were read back; what a trigger did in their transaction was read with them.
        let is_ours = header.change_origin.trim_end_matches('/').ends_with(OWN_ORIGIN)
            && self.user.is_some()
            && header.commit_user.as_deref().and_then(normalised) == self.user;
        if is_ours {
            return;
        }
        // An overflow and a change of many records name no record, or a pattern.
        let ids: Option<Vec<String>> = header
            .record_ids
            .iter()
            .map(|id| normalised(id).filter(|id| !is_empty(id)))
            .collect();
        match ids {
            Some(ids) if !ids.is_empty() && header.change_type != "GAP_OVERFLOW" => {
                batch.hints.extend(ids.into_iter().map(|id| Hint {
                    object: object.to_owned(),
                    id: Some(id),
                }));
            }
            _ => everything(object, batch),
        }
    }

    fn cursor(&self) -> Result<Bytes> {
        crate::position::stored(&self.position)
    }
}

#[async_trait]
impl Task for FeedTask {
    async fn step(&mut self, io: &dyn Io, budget: Budget, batch: &mut Batch) -> Result<Progress> {
        let followed: BTreeSet<String> = self.channels.values().cloned().collect();
        if self.position.followed != followed {
            // Another session follows what is wanted now.
            self.position.session = None;
        }
        let mut begun = false;
        let mut more = true;
        for _ in 0..budget.calls.max(1) {
            if self.position.session.is_none() {
                if begun {
                    let message = "Salesforce forgets streaming sessions as soon as they begin";
                    return Err(Error::new(ErrorKind::Unavailable, message).operation(READING));
                }
                begun = true;
                self.begin(io, batch).await?;
            }
            match self.look(io, batch).await? {
                Told::Events(0) => {
                    more = false;
                    break;
                }
                Told::Events(_) | Told::Stranger => {}
                // Only a new session goes on from what was told for sure, and only once that is written down.
                Told::Lost => break,
            }
        }
        self.position.followed = followed;
        self.position.read_at = Some(io.now());
        let cursor = self.cursor()?;
        Ok(if more {
            Progress::More {
                checkpoint: Some(cursor),
                total: None,
            }
        } else {
            Progress::Done { cursor }
        })
    }
}

fn everything(object: &str, batch: &mut Batch) {
    let hint = Hint {
        object: object.to_owned(),
        id: None,
    };
    if !batch.hints.contains(&hint) {
        batch.hints.push(hint);
    }
}

/// The channel of an object's events.
fn channel_of(object: &str) -> String {
    match object.strip_suffix("__c") {
        Some(stem) => format!("/data/{stem}__ChangeEvent"),
        None => format!("/data/{object}ChangeEvent"),
    }
}

/// The cookies that an answer sets, as a request carries them.
fn cookies(head: &Head) -> String {
    let set = head.headers.iter().filter(|(name, _)| name == "set-cookie");
    set.filter_map(|(_, value)| value.split(';').next())
        .map(str::trim)
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
#[path = "change_events_tests.rs"]
mod tests;
