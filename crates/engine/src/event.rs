//! What the host is told: stored events, at least once and with an id to deduplicate by, and live progress.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::error::Result;
use syncline_core::model::TenantId;
use syncline_core::store::{DocumentKind, DocumentQuery, Mode, Transaction};
use tokio::sync::{Notify, broadcast};

use crate::actor::{Action, Actor};
use crate::document::{self, Columns, Stored, Versioned};
use crate::engine::Inner;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// A run began.
    RunStarted {
        /// The run.
        run: u64,
        /// Its connection.
        connection: u64,
    },
    /// A run is over.
    RunFinished {
        /// The run.
        run: u64,
        /// Its connection.
        connection: u64,
        /// How it ended.
        status: String,
    },
    /// Something was put before a person.
    ConflictOpened {
        /// The conflict.
        conflict: u64,
        /// The sync.
        sync: String,
    },
    /// A record failed for the first time.
    RecordFailed {
        /// The sync.
        sync: String,
        /// The remote record.
        record: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// Records that were linked can no longer be seen, which is not a delete: nothing is written to them and nothing
    /// deleted until they are back.
    RecordsInaccessible {
        /// The sync.
        sync: String,
        /// How many, of one page of a run.
        count: u64,
        /// The first ten of them.
        records: Vec<String>,
        /// What to do.
        message: String,
    },
    /// A person has to do something about a connection.
    ConnectionNeedsAttention {
        /// The connection.
        connection: u64,
        /// What to do.
        message: String,
    },
    /// A migration of entities to another version of their blueprint is over.
    MigrationFinished {
        /// The migration.
        migration: u64,
        /// The blueprint.
        blueprint: String,
        /// How it ended.
        status: String,
        /// How many entities it brought over.
        migrated: u64,
        /// How many stayed as they were, with a reason.
        failed: u64,
    },
    /// A remote schema is no longer what it was.
    SchemaDrifted {
        /// The connection.
        connection: u64,
        /// The object.
        object: String,
        /// What changed, and what it does to mappings.
        changes: Vec<String>,
    },
}

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number: unique and ascending, to deduplicate and to go on by.
    #[serde(default)]
    pub id: u64,
    /// The tenant.
    pub tenant: TenantId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

impl Stored for Event {
    const KIND: DocumentKind = DocumentKind::Event;
    const NOUN: &'static str = "event";

    fn id(&self) -> u64 {
        self.id
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }

    fn columns(&self) -> Columns {
        Columns {
            tenant: self.tenant,
            scope: 0,
            key: None,
            status: "stored".into(),
            at: self.at,
        }
    }
}

/// A moment of a run under way. Not stored: who listens late sees the next one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgressEvent {
    /// The tenant.
    pub tenant: TenantId,
    /// The run.
    pub run: u64,
    /// The sync.
    pub sync: String,
    /// The remote object.
    pub object: String,
    /// `pull`, `match`, `push` or `resolve`.
    pub stage: String,
    /// The ledger so far, in this direction.
    pub ledger: crate::run::Ledger,
    /// Records that there are in all, where it is known.
    pub total: Option<u64>,
    /// Records per second since the run began.
    pub rate: f64,
    /// Seconds that the stage will still take, where it can be said.
    pub seconds_left: Option<f64>,
}

/// Live progress of the runs of this process, as far as an actor reaches.
#[derive(Debug)]
pub struct ProgressStream {
    events: broadcast::Receiver<ProgressEvent>,
    actor: Actor,
}

impl ProgressStream {
    /// Waits for the next moment.
    ///
    /// # Errors
    /// [`RecvError::Lagged`](broadcast::error::RecvError::Lagged) when moments were missed, which costs nothing: the
    /// next one tells as much. [`RecvError::Closed`](broadcast::error::RecvError::Closed) when the engine is gone.
    pub async fn recv(&mut self) -> std::result::Result<ProgressEvent, broadcast::error::RecvError> {
        loop {
            let event = self.events.recv().await?;
            if self.actor.reaches(event.tenant) {
                return Ok(event);
            }
        }
    }
}

/// Where events come from and go to.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    progress: broadcast::Sender<ProgressEvent>,
    stored: Arc<Notify>,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self {
            progress: broadcast::channel(256).0,
            stored: Arc::new(Notify::new()),
        }
    }

    pub(crate) fn progress(&self, event: ProgressEvent) {
        // Nobody listening is no error.
        let _ = self.progress.send(event);
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<ProgressEvent> {
        self.progress.subscribe()
    }

    /// Stores an event in the transaction of what it tells.
    pub(crate) async fn store(
        &self,
        tx: &mut dyn Transaction,
        inner: &Inner,
        tenant: TenantId,
        kind: EventKind,
    ) -> Result<()> {
        let event = Event {
            id: 0,
            tenant,
            at: inner.clock.now(),
            kind,
        };
        document::put(
            tx,
            &mut Versioned {
                value: event,
                version: 0,
            },
        )
        .await
    }

    /// Wakes those who wait for stored events.
    pub(crate) fn wake(&self) {
        self.stored.notify_waiters();
    }

    pub(crate) async fn changed(&self) {
        self.stored.notified().await;
    }
}

impl crate::Engine {
    /// Live progress of the runs of this process: of the actor's tenant, or of all for one who belongs to none.
    ///
    /// # Errors
    /// [`syncline_core::ErrorKind::Forbidden`] by policy.
    pub fn progress(&self, actor: &Actor) -> Result<ProgressStream> {
        self.inner.allow(actor, Action::ReadRuns)?;
        Ok(ProgressStream {
            events: self.inner.events.listen(),
            actor: actor.clone(),
        })
    }

    /// Stored events of a tenant with numbers above `after`, oldest first: each is seen at least once by a host that
    /// remembers the number of the last one it dealt with.
    ///
    /// # Errors
    /// [`syncline_core::ErrorKind::Forbidden`] by policy; [`syncline_core::ErrorKind::Store`] when the store fails.
    pub async fn events(&self, tenant: TenantId, after: u64, limit: usize, actor: &Actor) -> Result<Vec<Event>> {
        self.inner.allow_in(actor, tenant, Action::ReadRuns)?;
        let mut tx = self.inner.store.begin(Mode::Read).await?;
        let mut before = None;
        let mut found = Vec::new();
        // Documents come newest first; go back until the last one that is known already.
        loop {
            let mut query = DocumentQuery::new(DocumentKind::Event).tenant(tenant);
            query.before = before;
            let page = document::find::<Event>(tx.as_mut(), &query).await?;
            let Some(last) = page.last().map(|event| event.id) else {
                break;
            };
            found.extend(
                page.into_iter()
                    .map(|event| event.value)
                    .filter(|event| event.id > after),
            );
            if last <= after {
                break;
            }
            before = Some(last);
        }
        found.reverse();
        found.truncate(limit);
        Ok(found)
    }

    /// Waits for new events and hands each to `callback`, oldest first, for ever. `after` is the last event that was
    /// dealt with, or 0.
    ///
    /// # Errors
    /// As [`Engine::events`](crate::Engine::events).
    pub async fn on_event(
        &self,
        tenant: TenantId,
        mut after: u64,
        actor: &Actor,
        mut callback: impl FnMut(Event),
    ) -> Result<()> {
        loop {
            let changed = self.inner.events.changed();
            let mut changed = std::pin::pin!(changed);
            // Registered before looking, or an event stored in between would wait for the next one.
            std::future::poll_fn(|cx| {
                let _ = changed.as_mut().poll(cx);
                std::task::Poll::Ready(())
            })
            .await;
            let events = self.events(tenant, after, 1_000, actor).await?;
            if events.is_empty() {
                changed.await;
                continue;
            }
            for event in events {
                after = event.id;
                callback(event);
            }
        }
    }
}
