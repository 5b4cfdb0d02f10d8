//! Sweeps: the ids and stamps of all remote records against those known here. What was missed is hinted at, what looks
//! newer is read, and what is absent from two complete sweeps in a row is deleted, unless the provider may merely hide it.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use syncline_core::batch::{Batch, ReadClass, RowRef, RowState};
use syncline_core::error::Result;
use syncline_core::io::Mark;
use syncline_core::job::{Budget, Job, Progress};
use syncline_core::sighting::{Known, Sighting};
use syncline_core::state::{EntityId, Presence};
use syncline_core::store::{DocumentKind, InboxEntry, Mode, SideHead, Transaction};
use syncline_core::value::content_hash;

use super::brake;
use super::context::SyncContext;
use super::model::{Ledger, Run};
use super::page;
use super::pull;
use super::reporter::Reporter;
use super::session::{Page, Session};
use crate::document::{self, Columns, Stored, Versioned};
use crate::engine::Inner;
use crate::sync::{SweepInterval, Sync};

/// Unknown records beyond this many are not hinted at one by one: the next run reads everything instead.
const MOST_HINTS: u64 = 50_000;
/// How much earlier than the last complete sweep a record outside of the known ones may have changed to be looked at
/// again, where a filter keeps records out.
const OVERLAP: SignedDuration = SignedDuration::from_hours(1);
/// The name under which the state of a sync's sweeps is kept.
const NAME: &str = "sweep";

/// What is remembered from one sweep to the next.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct SweepState {
    #[serde(skip)]
    id: u64,
    tenant: u32,
    sync: u64,
    /// When the last complete sweep began.
    #[serde(default)]
    completed: Option<Timestamp>,
    /// Remote ids that were absent from it.
    #[serde(default)]
    absent: BTreeSet<String>,
    /// A sweep that ran out of its budget.
    #[serde(default)]
    under_way: Option<UnderWay>,
}

/// A sweep that is to be gone on with.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct UnderWay {
    began: Timestamp,
    mark: u64,
    checkpoint: Vec<u8>,
    /// Hashes of the ids seen so far, eight bytes each.
    seen: String,
    unknown: u64,
}

impl Stored for SweepState {
    const KIND: DocumentKind = DocumentKind::Cursor;
    const NOUN: &'static str = "sweep";

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
            key: Some(NAME.to_owned()),
            status: "open".into(),
            at: self.completed.unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }
}

/// Whether a run ends with a sweep: when asked, when it is time for one, and after a full read where it is cheap.
pub(crate) async fn is_wanted(inner: &Inner, context: &SyncContext, run: &Run) -> Result<bool> {
    let parameters = &run.parameters;
    let partial = parameters.since.is_some()
        || parameters.max_records.is_some()
        || parameters.hints
        || !parameters.records.is_empty();
    if partial {
        return Ok(false);
    }
    if parameters.sweep {
        return Ok(true);
    }
    if parameters.dry_run {
        return Ok(false);
    }
    let mut tx = inner.store.begin(Mode::Read).await?;
    if is_due(inner, &context.sync, tx.as_mut()).await? {
        return Ok(true);
    }
    if !parameters.full {
        return Ok(false);
    }
    let linked = tx.side_counts(context.side()).await?.linked;
    let page = context.connector.manifest().capabilities.read.page_size.max(1) as u64;
    Ok(linked.div_ceil(page) <= inner.settings.sweep_after_full_calls)
}

/// Whether it is time for a sweep of a sync, or to go on with one that ran out of its budget. The first import has just
/// read everything.
async fn is_due(inner: &Inner, sync: &Sync, tx: &mut dyn Transaction) -> Result<bool> {
    let interval = match sync.sweep {
        SweepInterval::Usual => inner.settings.sweep_interval,
        SweepInterval::Never => Duration::ZERO,
        SweepInterval::Hours(hours) => Duration::from_secs(u64::from(hours) * 3_600),
    };
    if interval.is_zero() || sync.last_run_at.is_none() {
        return Ok(false);
    }
    let state = document::by_key::<SweepState>(tx, sync.tenant, sync.id, NAME).await?;
    if state.as_ref().is_some_and(|state| state.under_way.is_some()) {
        return Ok(true);
    }
    let last = state.and_then(|state| state.completed).unwrap_or(sync.created_at);
    Ok(last.saturating_add(interval).is_ok_and(|due| due <= inner.clock.now()))
}

/// Hashes of the remote ids that a sweep has seen: eight bytes for each, whatever the number of records.
#[derive(Debug, Default)]
struct Seen {
    hashes: Vec<u64>,
    sorted: bool,
}

impl Seen {
    fn hash(ext: &str) -> u64 {
        content_hash(ext.as_bytes()) as u64
    }

    fn add(&mut self, ext: &str) {
        self.hashes.push(Self::hash(ext));
        self.sorted = false;
    }

    fn has(&mut self, ext: &str) -> bool {
        if !self.sorted {
            self.hashes.sort_unstable();
            self.hashes.dedup();
            self.sorted = true;
        }
        self.hashes.binary_search(&Self::hash(ext)).is_ok()
    }

    fn pack(&self) -> String {
        let bytes: Vec<u8> = self.hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
        STANDARD_NO_PAD.encode(bytes)
    }

    fn unpack(text: &str) -> Self {
        let bytes = STANDARD_NO_PAD.decode(text).unwrap_or_default();
        let (hashes, _) = bytes.as_chunks::<8>();
        Self {
            hashes: hashes.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect(),
            sorted: false,
        }
    }
}

/// Sweeps one sync's object, or a part of it where the budget ends.
pub(crate) async fn sweep(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    reporter: &Reporter,
) -> Result<()> {
    let mut state = load(context, session, run).await?;
    let resumed = state.under_way.take();
    let now = inner.clock.now();
    let (began, mark, mut seen, mut unknown, resume) = match resumed {
        Some(known) => (
            known.began,
            Mark(known.mark),
            Seen::unpack(&known.seen),
            known.unknown,
            Some(Bytes::from(known.checkpoint)),
        ),
        None => (now, inner.marks.next(now), Seen::default(), 0, None),
    };
    let job = Job::Sweep {
        object: context.mapping.object.clone(),
        projection: context.mapping.projection.clone(),
    };
    let mut task = context.connector.open(&context.config, job, resume)?;
    let budget = Budget {
        rows: inner.settings.page_rows,
        ..Budget::default()
    };
    let mut batch = Batch::new(context.mapping.projection.fields.len());
    let mut calls = 0;
    loop {
        reporter.check_stop()?;
        batch.clear();
        let progress = pull::step(inner, context, task.as_mut(), budget, &mut batch, reporter).await?;
        let page_size = context.connector.manifest().capabilities.read.page_size.max(1);
        calls += batch.len().div_ceil(page_size).max(1) as u64;
        let mut page = session.begin().await?;
        unknown += take(inner, context, &mut page, run, &batch, state.completed, unknown).await?;
        session.commit(page, run).await?;
        for row in batch.rows() {
            seen.add(row.id());
        }
        reporter.progress(context, "sweep", run);
        let checkpoint = match progress {
            Progress::Done { .. } => break,
            Progress::More { checkpoint, .. } => checkpoint,
            Progress::Wait { checkpoint, until } => {
                reporter.wait_until(until).await?;
                Some(checkpoint)
            }
        };
        if let (true, Some(checkpoint)) = (calls >= inner.settings.sweep_calls, checkpoint) {
            let checkpoint = checkpoint.to_vec();
            state.under_way = Some(UnderWay {
                began,
                mark: mark.0,
                checkpoint,
                seen: seen.pack(),
                unknown,
            });
            let page = session.begin().await?;
            return keep(session, page, run, state).await;
        }
    }
    let absent = absent(inner, context, session, run, &mut seen, mark, &state.value.absent).await?;
    state.completed = Some(began);
    state.absent = absent;
    let mut page = session.begin().await?;
    if unknown > MOST_HINTS {
        let mut sync = document::get::<Sync>(page.tx()?, context.sync.id).await?;
        sync.backfill = true;
        document::put(page.tx()?, &mut sync).await?;
    }
    keep(session, page, run, state).await
}

async fn load(
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
) -> Result<Versioned<SweepState>> {
    let mut page = session.begin().await?;
    let known = document::by_key::<SweepState>(page.tx()?, context.sync.tenant, context.sync.id, NAME).await?;
    session.commit(page, run).await?;
    let fresh = SweepState {
        tenant: context.sync.tenant,
        sync: context.sync.id,
        ..SweepState::default()
    };
    Ok(known.unwrap_or(Versioned {
        value: fresh,
        version: 0,
    }))
}

async fn keep(
    session: &mut Session<'_>,
    mut page: Page,
    run: &mut Versioned<Run>,
    mut state: Versioned<SweepState>,
) -> Result<()> {
    document::put(page.tx()?, &mut state).await?;
    session.commit(page, run).await
}

/// Compares one page of ids and stamps with what is known, and returns how many were unknown.
async fn take(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: &mut Run,
    batch: &Batch,
    completed: Option<Timestamp>,
    unknown_before: u64,
) -> Result<u64> {
    let rows: Vec<RowRef<'_>> = batch.rows().filter(|row| row.state() == RowState::Live).collect();
    // What a lagging index shows is only ever a reason to look again, whatever else was seen.
    let sightings: Vec<Sighting<'_>> = rows.iter().map(|row| page::sighting(row, ReadClass::Weak)).collect();
    let known = page
        .tx()?
        .compare(context.side(), &sightings, context.mapping.version)
        .await?;
    let seq = inner.marks.next(inner.clock.now()).0;
    let mut hints = Vec::new();
    let mut newer: Vec<EntityId> = Vec::new();
    let mut ledger = Ledger {
        read: rows.len() as u64,
        ..Ledger::default()
    };
    let hint = |row: &RowRef<'_>| InboxEntry {
        side: context.side(),
        ext: row.id().to_owned(),
        seq,
    };
    // Where a filter keeps records out, most unknown ones were looked at before and are none of ours.
    let since = context
        .filter
        .as_ref()
        .and(completed)
        .map(|at| at.saturating_sub(OVERLAP).unwrap_or(at));
    let mut unknown = 0;
    for (row, known) in rows.iter().zip(known) {
        match known {
            Known::Unknown
                if context.mapping.create_in_app
                    && since.is_none_or(|since| row.stamp().is_none_or(|at| at >= since)) =>
            {
                unknown += 1;
                if unknown_before + unknown <= MOST_HINTS {
                    hints.push(hint(row));
                }
                ledger.deferred += 1;
            }
            Known::Unknown => ledger.filtered += 1,
            Known::Same(_) => ledger.unchanged += 1,
            Known::Side(head) => match head.presence {
                Presence::Live if row.stamp() > head.stamp || moved_no_stamp(context, row, &head) => {
                    newer.push(head.key.entity);
                    ledger.deferred += 1;
                }
                Presence::Live | Presence::NeverSeen | Presence::Unlinked => ledger.unchanged += 1,
                // It is back, or never was gone.
                _ => {
                    hints.push(hint(row));
                    ledger.deferred += 1;
                }
            },
        }
    }
    page.tx()?.put_hints(&hints).await?;
    page::mark_stale(inner, context, page.tx()?, &newer).await?;
    run.ledger(&context.sync.name, "sweep").add(&ledger);
    Ok(unknown)
}

/// Whether a record holds something else than when it was read, although its stamp says that nothing has changed.
fn moved_no_stamp(context: &SyncContext, row: &RowRef<'_>, head: &SideHead) -> bool {
    // What was read with another mapping is compared when it is read again.
    head.mapping_version == context.mapping.version && row.hash().is_some_and(|hash| hash != head.hash)
}

/// Looks for linked records that a complete sweep has not seen: they are read, and where they were absent from the sweep
/// before as well and the read did not find them, they are deleted. Returns the ids that were absent.
async fn absent(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    seen: &mut Seen,
    mark: Mark,
    before: &BTreeSet<String>,
) -> Result<BTreeSet<String>> {
    let size = inner.settings.page_rows;
    let mut absent = BTreeSet::new();
    let mut after: EntityId = 0;
    loop {
        let mut page = session.begin().await?;
        let live = page.tx()?.live_sides(context.side(), after, size).await?;
        let Some((last, _, _)) = live.last() else {
            session.commit(page, run).await?;
            break;
        };
        after = last.entity;
        let missing: Vec<&str> = live
            .iter()
            .map(|(_, ext, _)| ext.as_str())
            .filter(|ext| !seen.has(ext))
            .collect();
        let heads = page.tx()?.heads(context.side(), &missing).await?;
        let mut stale = Vec::new();
        for (ext, head) in missing.iter().zip(heads) {
            // What was read or written since the sweep began may not have been there to be seen.
            if let Some(head) = head.filter(|head| head.obs_seq < mark.0 && head.write_seq < mark.0) {
                absent.insert((*ext).to_owned());
                stale.push(head.key.entity);
            }
        }
        page::mark_stale(inner, context, page.tx()?, &stale).await?;
        session.commit(page, run).await?;
    }
    if context.connector.manifest().capabilities.read.hides_records {
        // Read and not found, it is out of sight, and told so. What was deleted for good the provider's own log tells.
        return Ok(BTreeSet::new());
    }
    let twice: Vec<String> = before.iter().filter(|ext| !seen.has(ext)).cloned().collect();
    if context.sync.hold_deletes {
        // Nobody is asked about each of thousands whose absence may mean anything: they are left alone until it is clear.
        absent.extend(twice);
        return Ok(absent);
    }
    for ids in twice.chunks(size.max(1)) {
        let mut page = session.begin().await?;
        let refs: Vec<&str> = ids.iter().map(String::as_str).collect();
        let heads = page.tx()?.heads(context.side(), &refs).await?;
        // Only what a strong read could not find either: a list may lag or leave out.
        let gone: Vec<&str> = refs
            .iter()
            .zip(heads)
            .filter(|(_, head)| {
                head.as_ref()
                    .is_some_and(|head| head.presence == Presence::Inaccessible)
            })
            .map(|(ext, _)| *ext)
            .collect();
        let mut batch = Batch::new(context.mapping.projection.fields.len());
        batch.class = ReadClass::Strong;
        for ext in &gone {
            let mut row = batch.row(ext);
            row.state(RowState::Deleted);
            row.finish();
        }
        let read = inner.marks.next(inner.clock.now());
        let tally = page::take_page(inner, context, &mut page, run, &batch, batch.len(), read).await?;
        brake::reading(inner, context, &mut page, run, &tally).await?;
        run.ledger(&context.sync.name, "pull").add(&tally.ledger);
        session.commit(page, run).await?;
        // Found by the strong read, or not read yet: remembered until the next sweep.
        absent.extend(refs.into_iter().filter(|ext| !gone.contains(ext)).map(str::to_owned));
    }
    Ok(absent)
}
