//! The feed: HubSpot's webhooks journal, read in its own order, as hints.
//!
//! The journal is an app's, not a person's: it is read with the app's own token, needs no public address, and keeps
//! what happened for three days. What an entry says is never applied; it only names what to read.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use syncline_core::batch::{Batch, Hint};
use syncline_core::connector::Task;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::io::{Auth, Class, Config, Effect, Io, Method, Request, Response};
use syncline_core::job::{Budget, Feed, Progress};

use crate::account;
use crate::associations::is_association;
use crate::client::{Client, Paths, check, encode, parse, post};
use crate::error::classify;
use crate::journal_event::hints_of;
use crate::object::ObjectName;
use crate::page::IdText;
use crate::schema;

const OPERATION: &str = "read journal";
/// Entries asked for at once.
const ENTRIES: usize = 100;
/// The journal keeps three days; what was read longer ago than this may have been followed by entries that are gone.
const KEPT: SignedDuration = SignedDuration::from_hours(70);
/// Name of the setting that switches the journal on.
pub(crate) const JOURNAL_SETTING: &str = "journal";
/// What the app's own token may do.
pub(crate) const SCOPES: [&str; 3] = [
    "developer.webhooks_journal.read",
    "developer.webhooks_journal.subscriptions.read",
    "developer.webhooks_journal.subscriptions.write",
];

/// Where a feed stands; its cursor.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Position {
    /// The portal, once it is known.
    portal: Option<String>,
    /// The last entry read; none while the journal has none.
    offset: Option<String>,
    /// When the journal was last read to its end.
    read_at: Option<Timestamp>,
    /// What is subscribed to, as one text for each subscription.
    #[serde(default)]
    subscribed: BTreeSet<String>,
}

/// A feed under way.
#[derive(Debug)]
pub(crate) struct FeedTask {
    paths: Paths,
    config: Config,
    feed: Feed,
    position: Position,
}

#[derive(Deserialize)]
struct Addresses {
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    results: Vec<Address>,
}

/// Where an entry lies.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Address {
    url: String,
    current_offset: String,
}

#[derive(Deserialize)]
struct Subscriptions {
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    results: Vec<Subscription>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    subscription_type: String,
    portal_id: Option<IdText>,
    object_type_id: Option<String>,
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    properties: Vec<String>,
}

/// What the journal answered.
enum Found<T> {
    Entries(T),
    /// There is none behind the offset, or the offset is not known.
    Nothing,
}

impl FeedTask {
    /// Starts a feed, or goes on with one.
    ///
    /// # Errors
    /// `Unsupported` when the connection's settings do not switch the journal on.
    pub(crate) fn open(paths: Paths, config: &Config, feed: Feed, resume: Option<Bytes>) -> Result<Self> {
        if config.setting(JOURNAL_SETTING) != Some("on") {
            let message = format!(
                "the webhooks journal is off; set `{JOURNAL_SETTING}` to `on` where the app has the scopes for it"
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        // A cursor that can't be read is one from nowhere: reading starts anew, and everything is hinted at.
        let position = resume
            .or_else(|| feed.cursor.clone())
            .map(|cursor| serde_json::from_slice(&cursor).unwrap_or_default())
            .unwrap_or_default();
        Ok(Self {
            paths,
            config: config.clone(),
            feed,
            position,
        })
    }

    fn request(&self, request: Request) -> Request {
        Request {
            auth: Auth::App,
            cost: 0,
            ..request
        }
    }

    /// Makes the subscriptions that are still missing.
    async fn subscribe(&mut self, client: &Client<'_>, portal: &str) -> Result<()> {
        let mut wanted: Vec<(String, Json)> = Vec::new();
        for object in &self.feed.objects {
            let type_id = schema::type_id(client, &object.object).await?;
            let properties: BTreeSet<&str> = object
                .fields
                .iter()
                .map(String::as_str)
                .filter(|path| !is_association(path))
                .collect();
            let name = format!(
                "OBJECT {type_id} {}",
                properties.iter().copied().collect::<Vec<_>>().join(",")
            );
            wanted.push((
                name,
                json!({
                    "subscriptionType": "OBJECT", "portalId": number(portal), "objectTypeId": type_id,
                    "actions": ["CREATE", "UPDATE", "DELETE", "MERGE", "RESTORE"], "properties": properties,
                }),
            ));
            if object.fields.iter().any(|path| is_association(path)) {
                wanted.push((
                    format!("ASSOCIATION {type_id} "),
                    json!({
                        "subscriptionType": "ASSOCIATION", "portalId": number(portal), "objectTypeId": type_id,
                        "actions": ["ASSOCIATION_ADDED", "ASSOCIATION_REMOVED"],
                    }),
                ));
            }
            if ObjectName::new(&object.object).plural() == "contacts" {
                wanted.push((
                    format!("GDPR_PRIVACY_DELETION {type_id} "),
                    json!({
                        "subscriptionType": "GDPR_PRIVACY_DELETION", "portalId": number(portal),
                        "objectTypeId": type_id, "actions": ["GDPR_DELETE"],
                    }),
                ));
            }
        }
        let names: BTreeSet<String> = wanted.iter().map(|(name, _)| name.clone()).collect();
        if names == self.position.subscribed {
            return Ok(());
        }
        let url = client.paths.journal("subscriptions", "");
        let response = client.read(OPERATION, self.request(Request::get(url.clone()))).await?;
        let known: BTreeSet<String> = parse::<Subscriptions>(OPERATION, &response.body)?
            .results
            .into_iter()
            .filter(|one| one.portal_id.as_ref().is_none_or(|id| id.0 == portal))
            .map(|mut one| {
                one.properties.sort_unstable();
                let type_id = one.object_type_id.unwrap_or_default();
                format!("{} {type_id} {}", one.subscription_type, one.properties.join(","))
            })
            .collect();
        for (name, body) in wanted {
            if !known.contains(&name) {
                let request = self.request(post(url.clone(), Effect::Idempotent, &body));
                check(OPERATION, client.io.send(request).await?)?;
            }
        }
        self.position.subscribed = names;
        Ok(())
    }

    /// Asks the journal, whose way of saying that there is nothing new is 204 or 404.
    async fn ask<T: serde::de::DeserializeOwned>(&self, client: &Client<'_>, url: String) -> Result<Found<T>> {
        let response = client.io.send(self.request(Request::get(url))).await?;
        if response.head.status == 204 || classify(&response.head, &response.body) == Class::NotFound {
            return Ok(Found::Nothing);
        }
        let response = check(OPERATION, response)?;
        parse(OPERATION, &response.body).map(Found::Entries)
    }

    /// The entries behind the offset. `None` when the offset is no longer known, so that something may be lost.
    async fn next(&mut self, client: &Client<'_>, portal: &str) -> Result<Option<Vec<Address>>> {
        let from = match &self.position.offset {
            Some(offset) => format!("/batch/{}/next/{ENTRIES}", encode(offset)),
            None => format!("/batch/earliest/{ENTRIES}"),
        };
        let query = format!("?installPortalId={portal}");
        let url = client.paths.journal("journal-local", &format!("{from}{query}"));
        if let Found::Entries(Addresses { results }) = self.ask(client, url.clone()).await? {
            return Ok(Some(results));
        }
        let Some(offset) = self.position.offset.clone() else {
            return Ok(Some(Vec::new()));
        };
        // Nothing new and an offset that is forgotten look alike; the last entry tells them apart.
        let last = client.paths.journal("journal-local", &format!("/latest{query}"));
        match self.ask::<Address>(client, last).await? {
            Found::Nothing => Ok(Some(Vec::new())),
            Found::Entries(last) if last.current_offset == offset => Ok(Some(Vec::new())),
            // An entry may have come in between.
            Found::Entries(_) => Ok(match self.ask(client, url).await? {
                Found::Entries(Addresses { results }) => Some(results),
                Found::Nothing => None,
            }),
        }
    }

    /// Reads entries where they lie: without a token, since the address is signed and may be anybody's.
    async fn entries(&self, client: &Client<'_>, addresses: &[Address]) -> Result<Vec<Response>> {
        let requests = addresses
            .iter()
            .map(|address| Request {
                auth: Auth::None,
                cost: 0,
                ..Request::new(Method::Get, address.url.clone(), Effect::Read)
            })
            .collect();
        let answers = client.io.send_all(requests).await;
        answers.into_iter().map(|answer| check(OPERATION, answer?)).collect()
    }

    /// Starts from the last entry, and hints at everything: what was told before is gone, or was never told.
    async fn restart(&mut self, client: &Client<'_>, portal: &str, batch: &mut Batch) -> Result<()> {
        let url = client
            .paths
            .journal("journal-local", &format!("/latest?installPortalId={portal}"));
        self.position.offset = match self.ask::<Address>(client, url).await? {
            Found::Entries(last) => Some(last.current_offset),
            Found::Nothing => None,
        };
        batch.hints.extend(self.feed.objects.iter().map(|object| Hint {
            object: object.object.clone(),
            id: None,
        }));
        Ok(())
    }
}

/// Portal ids are numbers in bodies.
fn number(portal: &str) -> Json {
    portal.parse::<u64>().map_or_else(|_| portal.into(), Json::from)
}

#[async_trait]
impl Task for FeedTask {
    async fn step(&mut self, io: &dyn Io, _budget: Budget, batch: &mut Batch) -> Result<Progress> {
        let client = Client {
            io,
            paths: self.paths.clone(),
        };
        let portal = match self.position.portal.clone() {
            Some(portal) => portal,
            None => account::account(&client, &self.config).await?.id,
        };
        self.position.portal = Some(portal.clone());
        self.subscribe(&client, &portal).await?;
        let now = io.now();
        let is_old = |at: Timestamp| now.duration_since(at) > KEPT;
        let mut more = false;
        if self.position.read_at.is_none_or(is_old) {
            self.restart(&client, &portal, batch).await?;
        } else {
            match self.next(&client, &portal).await? {
                None => self.restart(&client, &portal, batch).await?,
                Some(addresses) => {
                    let mut hints = Vec::new();
                    for response in self.entries(&client, &addresses).await? {
                        hints.extend(hints_of(&parse::<Json>(OPERATION, &response.body)?));
                    }
                    schema::name_custom_objects(&client, &mut hints).await;
                    // An object may be mapped under another of its names.
                    for hint in &mut hints {
                        let same = |name: &str| ObjectName::new(name).plural() == hint.object;
                        if let Some(known) = self.feed.objects.iter().find(|object| same(&object.object)) {
                            hint.object.clone_from(&known.object);
                        }
                    }
                    let mut told = BTreeSet::new();
                    hints.retain(|hint| told.insert((hint.object.clone(), hint.id.clone())));
                    batch.hints.extend(hints);
                    more = addresses.len() == ENTRIES;
                    if let Some(last) = addresses.into_iter().last() {
                        self.position.offset = Some(last.current_offset);
                    }
                }
            }
        }
        if !more {
            self.position.read_at = Some(now);
        }
        let cursor = serde_json::to_vec(&self.position).map(Bytes::from).map_err(|cause| {
            Error::new(ErrorKind::Internal, "a cursor could not be written")
                .operation(OPERATION)
                .because(cause)
        })?;
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
