//! Change feeds: what a provider tells of its changes, taken into the inbox as hints, before the cursor moves.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::batch::Batch;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::job::{Budget, Feed, FeedObject, Job, Progress};
use syncline_core::store::{DocumentKind, DocumentQuery, Mode};

use crate::actor::{Action, Actor};
use crate::connection::Connection;
use crate::document::{self, Columns, Stored, Versioned};
use crate::engine::{Engine, Inner};
use crate::http::StopFlag;
use crate::sync::{Schedule, Sync, SyncStatus};
use crate::webhook::take_hints;

/// The name under which the position in a connection's feed is kept.
const NAME: &str = "feed";

/// How far a connection's feed was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct FeedState {
    #[serde(skip)]
    id: u64,
    tenant: u32,
    connection: u64,
    /// The connector's cursor, in Base64.
    cursor: String,
    at: Timestamp,
}

impl Stored for FeedState {
    const KIND: DocumentKind = DocumentKind::Cursor;
    const NOUN: &'static str = "feed";

    fn id(&self) -> u64 {
        self.id
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }

    fn columns(&self) -> Columns {
        Columns {
            tenant: self.tenant,
            scope: self.connection,
            key: Some(NAME.to_owned()),
            status: "open".into(),
            at: self.at,
        }
    }
}

impl Engine {
    /// Reads what a connection's change feed tells since it was last read, and returns how many records it hinted at.
    /// When this returns, the hints are durable; the scheduler reads the records at once.
    ///
    /// [`Engine::run_schedule`] calls it by itself for each connection whose syncs run by themselves.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::Unsupported`] when the provider, or the connection by its settings, has no feed;
    /// [`ErrorKind::NotFound`] for an unknown connection; what the connector reports otherwise. What was read before an
    /// error counts.
    pub async fn read_feed(&self, connection: u64, actor: &Actor) -> Result<usize> {
        let inner = &self.inner;
        let connection = inner.connections.allow_on(actor, connection, Action::RunSyncs).await?;
        let objects = objects(inner, &connection).await?;
        if objects.is_empty() {
            return Ok(0);
        }
        let known = {
            let mut tx = inner.store.begin(Mode::Read).await?;
            document::by_key::<FeedState>(tx.as_mut(), connection.tenant, connection.id, NAME).await?
        };
        let cursor = known
            .as_ref()
            .and_then(|state| STANDARD.decode(&state.cursor).ok())
            .map(Bytes::from);
        let job = Job::Feed(Feed { cursor, objects });
        let connector = inner.connector(&connection.provider)?;
        let config = connection.config();
        let mut task = connector.open(&config, job, None)?;
        let io = inner.connections.io_for_work(&connection, StopFlag::new()).await?;
        let mut state = known.unwrap_or(Versioned {
            value: FeedState {
                id: 0,
                tenant: connection.tenant,
                connection: connection.id,
                cursor: String::new(),
                at: inner.clock.now(),
            },
            version: 0,
        });
        let mut batch = Batch::new(0);
        let mut taken = 0;
        loop {
            batch.clear();
            let progress = task.step(io.as_ref(), Budget::default(), &mut batch).await?;
            let (cursor, is_done) = match progress {
                Progress::Done { cursor } => (cursor, true),
                Progress::Wait { checkpoint, .. } => (checkpoint, true),
                Progress::More {
                    checkpoint: Some(checkpoint),
                    ..
                } => (checkpoint, false),
                Progress::More { checkpoint: None, .. } => {
                    let message = "a feed went on without saying where it stands";
                    return Err(Error::new(ErrorKind::Internal, message).with("provider", &connection.provider));
                }
            };
            let mut tx = inner.store.begin_for(connection.tenant, Mode::Write).await?;
            taken += take_hints(inner, tx.as_mut(), &connection, &batch.hints).await?;
            state.cursor = STANDARD.encode(&cursor);
            state.at = inner.clock.now();
            document::put(tx.as_mut(), &mut state).await?;
            tx.commit().await?;
            if !batch.hints.is_empty() {
                inner.runner.bell.notify_one();
                inner.wake(Some(connection.id)).await;
            }
            if is_done {
                return Ok(taken);
            }
        }
    }
}

/// What the syncs of a connection that run by themselves read, each object once.
async fn objects(inner: &Inner, connection: &Connection) -> Result<Vec<FeedObject>> {
    let mut tx = inner.store.begin(Mode::Read).await?;
    let query = DocumentQuery::new(DocumentKind::Sync)
        .tenant(connection.tenant)
        .scope(connection.id);
    let mut objects: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for sync in document::find::<Sync>(tx.as_mut(), &query).await? {
        if sync.status != SyncStatus::Active || sync.schedule == Schedule::Manual {
            continue;
        }
        let fields = objects.entry(sync.mapping.object.clone()).or_default();
        fields.extend(sync.mapping.rules.iter().flat_map(|rule| rule.remote.iter().cloned()));
    }
    Ok(objects
        .into_iter()
        .map(|(object, fields)| FeedObject {
            object,
            fields: fields.into_iter().collect(),
        })
        .collect())
}
