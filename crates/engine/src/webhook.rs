//! Webhooks: verified by the connector, stored as hints, acknowledged once they are durable. Their payload is never
//! applied as data, so a repeated, reordered or late one costs one read and nothing else.

use std::collections::BTreeMap;

use secrecy::SecretString;
use syncline_core::batch::Hint;
use syncline_core::connector::RawRequest;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::state::SideId;
use syncline_core::store::{DocumentKind, DocumentQuery, InboxEntry, Mode, Transaction};

use crate::connection::Connection;
use crate::document::{self, Versioned};
use crate::engine::{Engine, Inner};
use crate::http::StopFlag;
use crate::sync::{Schedule, Sync, SyncStatus};

/// Hints that are removed in one go.
const CLEARED_AT_ONCE: usize = 1_000;

/// The longest body that is looked at, in bytes. Providers send a few hundred events at once, of some hundred bytes.
const LONGEST_BODY: usize = 1024 * 1024;

impl Engine {
    /// Takes a provider's call in, and returns how many records it hinted at. When this returns, the hints are durable
    /// and the call may be acknowledged; the scheduler reads the records at once.
    ///
    /// Hints at objects that no sync is about are dropped. A hint at "anything of an object" makes its syncs due.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a body of more than 1 MiB; [`ErrorKind::Forbidden`] when the signature or its time is
    /// wrong; [`ErrorKind::Unsupported`] for a provider without webhooks; [`ErrorKind::Protocol`] for a body that can't
    /// be read; [`ErrorKind::NotFound`] for an unknown connection; [`ErrorKind::Refused`] for one that is paused,
    /// disconnected or deleted. A provider that is refused calls again, and what it wanted to tell is polled as well.
    pub async fn webhook(&self, connection: u64, request: &RawRequest) -> Result<usize> {
        self.webhook_signed_by(connection, request, &[]).await
    }

    /// As [`Engine::webhook`], where the request may be signed with one of these secrets instead of the connection's
    /// client secret: for the time in which an app's secret is replaced, and for several apps at one address.
    ///
    /// # Errors
    /// As [`Engine::webhook`].
    pub async fn webhook_signed_by(
        &self,
        connection: u64,
        request: &RawRequest,
        secrets: &[SecretString],
    ) -> Result<usize> {
        if request.body.len() > LONGEST_BODY {
            let size = request.body.len();
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("the webhook's body has {size} bytes; at most {LONGEST_BODY} are looked at"),
            ));
        }
        let inner = &self.inner;
        let connection = inner.connections.load(connection).await?;
        let io = inner.connections.io_for_work(&connection, StopFlag::new()).await?;
        let connector = inner.connector(&connection.provider)?;
        let io = io.accepting(secrets);
        let hints = connector.webhook(&io, &connection.config(), request).await?;

        let mut tx = inner.store.begin_for(connection.tenant, Mode::Write).await?;
        let taken = take_hints(inner, tx.as_mut(), &connection, &hints).await?;
        tx.commit().await?;
        inner.runner.bell.notify_one();
        inner.wake(Some(connection.id)).await;
        Ok(taken)
    }
}

/// Stores hints for the syncs of a connection, and returns how many records they name. A hint at "anything of an object"
/// makes its syncs due.
pub(crate) async fn take_hints(
    inner: &Inner,
    tx: &mut dyn Transaction,
    connection: &Connection,
    hints: &[Hint],
) -> Result<usize> {
    let seq = inner.marks.next(inner.clock.now()).0;
    let query = DocumentQuery::new(DocumentKind::Sync)
        .tenant(connection.tenant)
        .scope(connection.id);
    let mut syncs = document::find::<Sync>(tx, &query).await?;
    syncs.retain(|sync| sync.status != SyncStatus::Deleted);
    let mut entries = BTreeMap::new();
    let mut everything = Vec::new();
    for hint in hints {
        for sync in syncs.iter().filter(|sync| sync.mapping.object == hint.object) {
            match &hint.id {
                Some(ext) => {
                    let entry = InboxEntry {
                        side: sync.side,
                        ext: ext.clone(),
                        seq,
                    };
                    entries.insert((sync.side, ext.clone()), entry);
                }
                None => everything.push(sync.id),
            }
        }
    }
    let taken = entries.len();
    for sync in &mut syncs {
        keep_hints(inner, tx, sync, &mut entries).await?;
    }
    for sync in syncs.iter_mut().filter(|sync| everything.contains(&sync.id)) {
        if sync.schedule != Schedule::Manual {
            sync.next_run_at = Some(inner.clock.now());
            document::put(tx, sync).await?;
        }
    }
    Ok(taken)
}

/// Keeps the hints of one sync, or, where they are too many, that its object changed. They are few in a quiet hour and a
/// hundred thousand after somebody's bulk import, which one poll reads in fewer calls.
async fn keep_hints(
    inner: &Inner,
    tx: &mut dyn Transaction,
    sync: &mut Versioned<Sync>,
    entries: &mut BTreeMap<(SideId, String), InboxEntry>,
) -> Result<()> {
    let most = inner.settings.inbox_hints;
    let own: Vec<InboxEntry> = entries
        .extract_if(.., |(side, _), _| *side == sync.side)
        .map(|(_, entry)| entry)
        .collect();
    if own.is_empty() {
        return Ok(());
    }
    let now = inner.clock.now();
    if sync.dirty_since.is_none() {
        tx.put_hints(&own).await?;
        if tx.hints(sync.side, most.saturating_add(1)).await?.len() <= most {
            return Ok(());
        }
        loop {
            let kept = tx.hints(sync.side, CLEARED_AT_ONCE).await?;
            let names: Vec<&str> = kept.iter().map(|hint| hint.ext.as_str()).collect();
            tx.clear_hints(sync.side, &names, u64::MAX).await?;
            if kept.len() < CLEARED_AT_ONCE {
                break;
            }
        }
        if sync.schedule != Schedule::Manual {
            sync.next_run_at = Some(now);
        }
    }
    sync.dirty_since = Some(now);
    document::put(tx, sync).await
}
