//! Where the reading of a sync stands: moved only in the transaction that stored the page.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::error::Result;
use syncline_core::io::Mark;
use syncline_core::job::Start;
use syncline_core::store::DocumentKind;
use syncline_core::value::content_hash;

use super::context::SyncContext;
use super::model::Run;
use super::session::{Page, Session};
use crate::document::{self, Columns, Stored, Versioned};
use crate::engine::Inner;
use crate::sync::Sync;

/// Where the reading of a sync stands, and under what it is valid.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct CursorState {
    #[serde(skip)]
    id: u64,
    sync: u64,
    tenant: u32,
    name: String,
    /// Hash of what it is valid under: a cursor of something else is never used.
    fingerprint: String,
    bytes: Vec<u8>,
    at: Timestamp,
}

impl Stored for CursorState {
    const KIND: DocumentKind = DocumentKind::Cursor;
    const NOUN: &'static str = "cursor";

    fn id(&self) -> u64 {
        self.id
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }

    fn columns(&self) -> Columns {
        Columns {
            tenant: self.tenant,
            scope: self.sync,
            key: Some(self.name.clone()),
            status: "open".into(),
            at: self.at,
        }
    }
}

/// The name under which the cursor of the next pull is kept.
pub(super) const NEXT: &str = "next";
/// The name under which the checkpoint of a pull under way is kept.
pub(super) const UNDER_WAY: &str = "under_way";

/// What the cursor of the next pull is valid under. What changed since is the same whatever is asked of it; a mapping
/// that asks for more is read from the beginning since its sync says so.
pub(super) fn of_object(context: &SyncContext) -> String {
    hashed(&format!("{}|{}", context.account, context.mapping.object))
}

/// What a cursor of changed files is valid under.
pub(super) fn of_files(account: &str, object: &str) -> String {
    hashed(&format!("files|{account}|{object}"))
}

/// What a checkpoint is valid under: it goes on with one request for these fields and this filter, from that start.
pub(super) fn of_pull(context: &SyncContext, start: &Start) -> String {
    let fields: Vec<&str> = context
        .mapping
        .projection
        .fields
        .iter()
        .map(|field| field.path.as_str())
        .collect();
    let start = match start {
        Start::Beginning => "beginning".to_owned(),
        Start::Cursor(cursor) => format!("{:032x}", content_hash(cursor)),
        Start::Since(since) => since.to_string(),
    };
    hashed(&format!(
        "{}|{}|{}|{}|{}|{}|{start}",
        context.account,
        context.config.base_url,
        context.mapping.object,
        fields.join(","),
        context.sync.mapping.filter.as_deref().unwrap_or_default(),
        context.mapping.version
    ))
}

fn hashed(text: &str) -> String {
    format!("{:032x}", content_hash(text.as_bytes()))
}

/// Where a pull starts, and the checkpoint from which it goes on.
pub(super) async fn start(
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
) -> Result<(Start, Option<Bytes>)> {
    if let Some(since) = run.parameters.since {
        return Ok((Start::Since(since), None));
    }
    let mut page = session.begin().await?;
    let next = known(context, &mut page, NEXT, &of_object(context)).await?;
    let start = match next {
        Some(cursor) if !run.parameters.full && !context.sync.backfill => Start::Cursor(cursor),
        _ => Start::Beginning,
    };
    let under_way = known(context, &mut page, UNDER_WAY, &of_pull(context, &start)).await?;
    session.commit(page, run).await?;
    // A dry run has seen nothing of what an interrupted run had stored, so it may go on from there as well.
    Ok((start, if run.parameters.full { None } else { under_way }))
}

pub(super) async fn known(
    context: &SyncContext,
    page: &mut Page,
    name: &str,
    fingerprint: &str,
) -> Result<Option<Bytes>> {
    let found = document::by_key::<CursorState>(page.tx()?, context.sync.tenant, context.sync.id, name).await?;
    Ok(found
        .filter(|cursor| cursor.fingerprint == fingerprint)
        .map(|cursor| Bytes::from(cursor.value.bytes)))
}

/// Notes that everything was read, in the transaction that keeps the cursor: what made that necessary is dealt with,
/// unless somebody has changed the sync meanwhile.
pub(super) async fn filled(context: &SyncContext, page: &mut Page) -> Result<()> {
    if !context.sync.backfill {
        return Ok(());
    }
    let mut sync = document::get::<Sync>(page.tx()?, context.sync.id).await?;
    if sync.backfill && sync.mapping == context.sync.mapping {
        sync.backfill = false;
        sync.unproven_links = false;
        document::put(page.tx()?, &mut sync).await?;
    }
    Ok(())
}

/// Notes that a poll which began at a mark has answered the hints that were too many to be kept, unless more came since.
pub(super) async fn answered(context: &SyncContext, page: &mut Page, began: Mark) -> Result<()> {
    let before = |since: Timestamp| u64::try_from(since.as_microsecond()).is_ok_and(|since| since < began.0);
    let mut sync = document::get::<Sync>(page.tx()?, context.sync.id).await?;
    if sync.dirty_since.is_some_and(before) {
        sync.dirty_since = None;
        document::put(page.tx()?, &mut sync).await?;
    }
    Ok(())
}

/// Whether all records of the object were read once: by this run, or an earlier one.
pub(super) async fn is_known(
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
) -> Result<bool> {
    if session.knows(context.side()) {
        return Ok(true);
    }
    let mut page = session.begin().await?;
    let next = document::by_key::<CursorState>(page.tx()?, context.sync.tenant, context.sync.id, NEXT).await?;
    session.commit(page, run).await?;
    Ok(next.is_some())
}

pub(super) async fn keep(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    name: &str,
    fingerprint: &str,
    bytes: &Bytes,
) -> Result<()> {
    let state = CursorState {
        id: 0,
        sync: context.sync.id,
        tenant: context.sync.tenant,
        name: name.to_owned(),
        fingerprint: fingerprint.to_owned(),
        bytes: bytes.to_vec(),
        at: inner.clock.now(),
    };
    let known = document::by_key::<CursorState>(page.tx()?, context.sync.tenant, context.sync.id, name).await?;
    let mut state = match known {
        Some(known) => {
            let (id, version) = (known.value.id, known.version);
            Versioned {
                value: CursorState { id, ..state },
                version,
            }
        }
        None => Versioned {
            value: state,
            version: 0,
        },
    };
    document::put(page.tx()?, &mut state).await
}

pub(super) async fn forget(context: &SyncContext, page: &mut Page, name: &str) -> Result<()> {
    if let Some(known) = document::by_key::<CursorState>(page.tx()?, context.sync.tenant, context.sync.id, name).await?
    {
        page.tx()?.delete_document(DocumentKind::Cursor, known.id).await?;
    }
    Ok(())
}
