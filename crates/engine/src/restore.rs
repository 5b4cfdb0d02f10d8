//! A database that was restored from a backup does not know what was synced since, and must not act as if it did: it
//! reads everything again, and a person is asked before anything is deleted.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use syncline_core::error::Result;
use syncline_core::store::{DocumentKind, DocumentQuery, Generation, Mode, Noted, Transaction};

use crate::actor::{Action, Actor};
use crate::connection::Connection;
use crate::document::{self, Columns, Stored, Versioned};
use crate::engine::{Engine, Inner};
use crate::event::EventKind;
use crate::ports::new_uid;
use crate::run::{Run, syncs_of};
use crate::sync::Sync;

/// Cursors dropped at once.
const CURSORS: usize = 1_000;

/// A restored database that nobody has confirmed yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// When it was noticed.
    pub noticed_at: Timestamp,
    /// What was noticed, and what it means.
    pub reason: String,
}

/// How far the store has come, as it knows itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Progress {
    #[serde(skip)]
    id: u64,
    generation: Generation,
    restored: Option<Restored>,
}

const KEY: &str = "generation";

impl Stored for Progress {
    const KIND: DocumentKind = DocumentKind::Setting;
    const NOUN: &'static str = "generation";

    fn id(&self) -> u64 {
        self.id
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }

    fn columns(&self) -> Columns {
        Columns {
            tenant: 0,
            scope: 0,
            key: Some(KEY.to_owned()),
            status: if self.restored.is_some() { "restored" } else { "known" }.to_owned(),
            at: Timestamp::UNIX_EPOCH,
        }
    }
}

async fn progress(tx: &mut dyn Transaction) -> Result<Option<Versioned<Progress>>> {
    document::by_key(tx, 0, 0, KEY).await
}

/// Whether deletes are held: the store was restored, and nobody has confirmed it.
pub(crate) async fn holds_deletes(tx: &mut dyn Transaction) -> Result<bool> {
    Ok(progress(tx).await?.is_some_and(|progress| progress.restored.is_some()))
}

/// Compares what the store knows with what is noted beside it, and moves both on. Called before every run: a copy made
/// before a run is then older than the note.
pub(crate) async fn notice(inner: &Inner) -> Result<()> {
    let mut tx = inner.store.begin(Mode::Write).await?;
    // Within the transaction, so that no other process moves both on between.
    let noted = inner.store.noted_generation().await?;
    let mut known = match progress(tx.as_mut()).await? {
        Some(known) => known,
        None => Versioned {
            value: Progress {
                id: 0,
                generation: Generation {
                    store: new_uid(inner.clock.as_ref(), inner.random.as_ref()),
                    number: 0,
                },
                restored: None,
            },
            version: 0,
        },
    };
    let generation = known.generation;
    let is_new = known.version == 0;
    // The note may lag behind, where a process ended before it wrote it; it is never ahead of its own store.
    let is_behind = match noted {
        Noted::Nowhere => false,
        Noted::Nothing => true,
        Noted::Generation(noted) => noted.store != generation.store || noted.number > generation.number,
    };
    if is_behind && !is_new {
        let reason = "the database is not as the last run left it, so it was probably restored from a backup";
        mark(inner, tx.as_mut(), &mut known, reason).await?;
    }
    let ahead = match noted {
        Noted::Generation(noted) if noted.store == generation.store => noted.number,
        _ => 0,
    };
    known.value.generation.number = 1 + generation.number.max(ahead);
    document::put(tx.as_mut(), &mut known).await?;
    tx.commit().await?;
    inner.store.note_generation(known.generation).await?;
    inner.events.wake();
    Ok(())
}

/// Forgets how far everything was read, holds deletes, and tells the host.
async fn mark(inner: &Inner, tx: &mut dyn Transaction, known: &mut Versioned<Progress>, reason: &str) -> Result<()> {
    loop {
        let query = DocumentQuery::new(DocumentKind::Cursor).limit(CURSORS);
        let cursors = tx.documents(&query).await?;
        for cursor in &cursors {
            tx.delete_document(DocumentKind::Cursor, cursor.id).await?;
        }
        if cursors.len() < CURSORS {
            break;
        }
    }
    let message = format!(
        "{reason}: everything is read again, and a person is asked before anything is deleted, until somebody confirms \
         the restore"
    );
    tracing::warn!(store = %inner.store.label(), "{message}");
    for connection in document::find::<Connection>(tx, &DocumentQuery::new(DocumentKind::Connection)).await? {
        let event = EventKind::ConnectionNeedsAttention {
            connection: connection.id,
            message: message.clone(),
        };
        inner.events.store(tx, inner, connection.tenant, event).await?;
    }
    known.value.restored = Some(Restored {
        noticed_at: inner.clock.now(),
        reason: message,
    });
    Ok(())
}

/// Says that what a sync knows of its records can't be relied upon: everything is read again, and a person is asked before
/// anything is deleted.
pub(crate) const fn doubt(sync: &mut Sync) {
    sync.backfill = true;
    sync.hold_deletes = true;
}

/// Doubts the syncs of a run that did not run for longer than providers, and tombstones here, remember deletes: what was
/// deleted meanwhile, and what came in its place, can't be told any more.
pub(crate) async fn notice_silence(inner: &Inner, run: &Run) -> Result<()> {
    let days = inner.settings.retention.tombstones;
    let longest = SignedDuration::from_hours(i64::from(days) * 24);
    let now = inner.clock.now();
    let is_silent = |sync: &Sync| {
        let last = sync.last_run_at.filter(|_| !sync.hold_deletes);
        last.is_some_and(|last| now.duration_since(last) > longest)
    };
    let silent: Vec<Sync> = syncs_of(inner, run).await?.into_iter().filter(is_silent).collect();
    if silent.is_empty() {
        return Ok(());
    }
    let mut tx = inner.store.begin_for(run.tenant, Mode::Write).await?;
    for sync in silent {
        let mut sync = document::get::<Sync>(tx.as_mut(), sync.id).await?;
        doubt(&mut sync.value);
        let event = EventKind::ConnectionNeedsAttention {
            connection: sync.connection,
            message: format!(
                "sync `{}` has not run for more than {days} days, which is longer than deletes are remembered: everything is \
                 read again, and a person is asked before anything is deleted, until somebody confirms that",
                sync.name
            ),
        };
        inner.events.store(tx.as_mut(), inner, sync.tenant, event).await?;
        document::put(tx.as_mut(), &mut sync).await?;
    }
    tx.commit().await?;
    inner.events.wake();
    Ok(())
}

impl Engine {
    /// Whether the database was restored from a backup and nobody has confirmed it yet. Until then nothing is deleted
    /// without asking, on any side. Looks at the note beside the database, so it need not wait for a run.
    ///
    /// # Errors
    /// [`syncline_core::ErrorKind::Forbidden`] by policy.
    pub async fn restored(&self, actor: &Actor) -> Result<Option<Restored>> {
        self.inner.allow(actor, Action::ReadRuns)?;
        notice(&self.inner).await?;
        let mut tx = self.inner.store.begin(Mode::Read).await?;
        Ok(progress(tx.as_mut())
            .await?
            .and_then(|progress| progress.value.restored))
    }

    /// Says that the database was restored, for a host that knows: where the note beside it was restored with it, nobody
    /// else can tell. The next runs read everything again, and deletes are held until [`Engine::confirm_restored`].
    ///
    /// # Errors
    /// [`syncline_core::ErrorKind::Forbidden`] by policy.
    pub async fn declare_restored(&self, actor: &Actor) -> Result<()> {
        self.inner.allow_everywhere(actor, Action::ManageSettings)?;
        notice(&self.inner).await?;
        let mut tx = self.inner.store.begin(Mode::Write).await?;
        if let Some(mut known) = progress(tx.as_mut()).await? {
            mark(
                &self.inner,
                tx.as_mut(),
                &mut known,
                "the database was restored from a backup",
            )
            .await?;
            document::put(tx.as_mut(), &mut known).await?;
        }
        tx.commit().await?;
        self.inner.events.wake();
        Ok(())
    }

    /// Lets deletes follow the policies again, after a restore, and for syncs that hold theirs for another reason
    /// ([`Sync::hold_deletes`]). Those that were held stay with a person.
    ///
    /// # Errors
    /// [`syncline_core::ErrorKind::Forbidden`] by policy.
    pub async fn confirm_restored(&self, actor: &Actor) -> Result<()> {
        self.inner.allow_everywhere(actor, Action::ManageSettings)?;
        let mut tx = self.inner.store.begin(Mode::Write).await?;
        if let Some(mut known) = progress(tx.as_mut()).await?
            && known.value.restored.take().is_some()
        {
            document::put(tx.as_mut(), &mut known).await?;
        }
        let query = DocumentQuery::new(DocumentKind::Sync).limit(100_000);
        for mut sync in document::find::<Sync>(tx.as_mut(), &query).await? {
            if std::mem::take(&mut sync.value.hold_deletes) {
                document::put(tx.as_mut(), &mut sync).await?;
            }
        }
        tx.commit().await
    }
}
