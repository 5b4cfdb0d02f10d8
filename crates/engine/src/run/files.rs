//! Carrying files: the last stage of a run, for syncs that ask for it. A run gives files to its own CRM only, as it writes
//! records only there: what other CRMs hold of the same entity, and its own has never had. Nothing is ever deleted or
//! replaced, and what was carried is remembered, so that it is neither carried twice nor comes back as a file of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::connector::Connector;
use syncline_core::error::{Error, ErrorKind, Result, Retry};
use syncline_core::file::{NewFile, RemoteFile};
use syncline_core::io::{Config, Io};
use syncline_core::mapping::Direction;
use syncline_core::state::{EntityId, Linked, Presence, SideId};
use syncline_core::store::{DocumentKind, DocumentQuery, Mode};

use super::context::SyncContext;
use super::cursor;
use super::lease::Lease;
use super::model::{Failure, PlannedChange, Run};
use super::perform::moment;
use super::reporter::Reporter;
use super::session::{FailureNote, Session, record_failure};
use crate::connection::Connection;
use crate::document::{self, Versioned};
use crate::engine::Inner;
use crate::file::{EntityFiles, FileHint, Listed, compare};
use crate::http::StopFlag;
use crate::ports::after;
use crate::sync::{Sync, SyncStatus, siblings};

/// The direction of a ledger and of failures that are about files.
pub(super) const FILES: &str = "files";
/// Hints looked at in one transaction.
const HINTS: usize = 500;
/// Records whose files are listed at once.
const RECORDS: usize = 50;
/// A dry run shows at most this many changes and counts the rest.
const SHOWN_CHANGES: usize = 10_000;

/// Another CRM's sync of the same blueprint, whose files are wanted.
struct Source {
    sync: Sync,
    connector: Arc<dyn Connector>,
    io: Arc<dyn Io>,
    config: Config,
    account: String,
}

/// A record on both sides.
struct Pair {
    hint: Versioned<FileHint>,
    linked: Linked,
    from: String,
    to: String,
}

/// Gives the records of a sync the files that those of other CRMs have.
pub(super) async fn carry(
    inner: &Arc<Inner>,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    reporter: &Reporter,
    stop: &StopFlag,
) -> Result<()> {
    let asked = &run.parameters;
    let is_whole = !asked.hints && asked.records.is_empty() && asked.max_records.is_none();
    let takes = context.connector.manifest().capabilities.files && context.writes();
    if !context.sync.files || !is_whole || !takes {
        return Ok(());
    }
    let sources = sources(inner, context, run, stop).await?;
    if sources.is_empty() {
        return Ok(());
    }
    moment(inner, run, format!("carrying files to {}", context.mapping.label));
    // Two runs that carried the same file at once would each make one: of this process, and of all that share the store.
    let lock = inner.runner.carrying(context.sync.blueprint);
    let _alone = tokio::select! {
        biased;
        alone = lock.lock() => alone,
        () = stop.stopped() => return stop.check(),
    };
    let turn = Lease::of_files(inner, context.sync.tenant, context.sync.blueprint, reporter).await?;
    let renewal = turn.renew(inner);
    session.fence(Some(turn.clone()));
    let mut carried = Ok(());
    for source in &sources {
        carried = carry_from(inner, context, source, session, run, reporter).await;
        if carried.is_err() {
            break;
        }
    }
    session.fence(None);
    drop(renewal);
    turn.release(inner).await?;
    carried
}

/// The other syncs whose files are wanted, as far as their connections can be used.
async fn sources(
    inner: &Inner,
    context: &SyncContext,
    run: &mut Versioned<Run>,
    stop: &StopFlag,
) -> Result<Vec<Source>> {
    let mut tx = inner.store.begin(Mode::Read).await?;
    let mut found = Vec::new();
    for sync in siblings(tx.as_mut(), context.sync.tenant, context.sync.blueprint).await? {
        let wanted = sync.files && sync.status == SyncStatus::Active && sync.connection != context.sync.connection;
        let reads = context.siblings.iter().any(|sibling| {
            let mut groups = sibling.groups.iter();
            sibling.side == sync.side && groups.any(|group| Direction::pulls(group.direction))
        });
        if wanted && reads {
            let connection = document::get::<Connection>(tx.as_mut(), sync.connection).await?.value;
            found.push((sync, connection));
        }
    }
    drop(tx);
    let mut sources = Vec::new();
    for (sync, connection) in found {
        let connector = inner.connector(&connection.provider)?;
        if !connector.manifest().capabilities.files {
            continue;
        }
        match inner.connections.io_for_work(&connection, stop.clone()).await {
            Ok(io) => sources.push(Source {
                sync,
                connector,
                io,
                config: connection.config(),
                account: connection.account.id.clone(),
            }),
            Err(error) => moment(
                inner,
                run,
                format!("the files of sync `{}` are out of reach: {error}", sync.name),
            ),
        }
    }
    sources.sort_by_key(|source| source.sync.id);
    Ok(sources)
}

async fn carry_from(
    inner: &Inner,
    context: &SyncContext,
    source: &Source,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    reporter: &Reporter,
) -> Result<()> {
    if let Err(error) = find_changed(inner, context, source, session, run, reporter).await {
        return out_of_reach(inner, context, source, session, run, error).await;
    }
    let mut before = None;
    loop {
        reporter.check_stop()?;
        let (pairs, last) = linked_pairs(inner, context, source, session, run, before).await?;
        for pairs in chunks(pairs) {
            reporter.check_stop()?;
            if let Err(error) = take(inner, context, source, session, run, pairs).await {
                return out_of_reach(inner, context, source, session, run, error).await;
            }
            reporter.progress(context, FILES, run);
        }
        match last {
            Some(last) => before = Some(last),
            None => return Ok(()),
        }
    }
}

fn chunks(mut pairs: Vec<Pair>) -> Vec<Vec<Pair>> {
    let mut chunks = Vec::new();
    while !pairs.is_empty() {
        let rest = pairs.split_off(pairs.len().min(RECORDS));
        chunks.push(std::mem::replace(&mut pairs, rest));
    }
    chunks
}

/// What a CRM does not answer now is asked for again by the next run; that is no failure of any record.
async fn out_of_reach(
    inner: &Inner,
    context: &SyncContext,
    source: &Source,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    error: Error,
) -> Result<()> {
    if !matches!(
        error.kind(),
        ErrorKind::Reauthorise
            | ErrorKind::RateLimited
            | ErrorKind::Refused
            | ErrorKind::Unavailable
            | ErrorKind::Forbidden
            | ErrorKind::Rejected
            | ErrorKind::Protocol
            | ErrorKind::NotFound
    ) {
        return Err(error);
    }
    let name = &source.sync.name;
    moment(
        inner,
        run,
        format!("files of sync `{name}` were left for the next run: {error}"),
    );
    let ledger = run.ledger(&context.sync.name, FILES);
    (ledger.read, ledger.deferred) = (ledger.read + 1, ledger.deferred + 1);
    let page = session.begin().await?;
    session.commit(page, run).await
}

/// Notes the records of the other side whose files changed, with how far that was looked at.
async fn find_changed(
    inner: &Inner,
    context: &SyncContext,
    source: &Source,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    reporter: &Reporter,
) -> Result<()> {
    let name = format!("files:{}", source.sync.side);
    let object = &source.sync.mapping.object;
    let fingerprint = cursor::of_files(&source.account, object);
    let mut page = session.begin().await?;
    let known = cursor::known(context, &mut page, &name, &fingerprint).await?;
    session.commit(page, run).await?;
    let mut at: Option<Bytes> = known.filter(|_| !run.parameters.full);
    loop {
        reporter.check_stop()?;
        let (io, config) = (source.io.as_ref(), &source.config);
        let found = match source.connector.file_changes(io, config, object, at.as_ref()).await {
            Err(error) if error.kind() == ErrorKind::CursorExpired && at.is_some() => {
                at = None;
                continue;
            }
            found => found?,
        };
        let mut page = session.begin().await?;
        for ext in found.records {
            let hint = FileHint {
                id: 0,
                tenant: context.sync.tenant,
                sync: context.sync.id,
                side: source.sync.side,
                ext,
                attempts: 0,
                due: inner.clock.now(),
            };
            FileHint::note(page.tx()?, hint).await?;
        }
        cursor::keep(inner, context, &mut page, &name, &fingerprint, &found.cursor).await?;
        session.commit(page, run).await?;
        if !found.more {
            return Ok(());
        }
        at = Some(found.cursor);
    }
}

/// The hints of a page whose records are live on both sides, and where the next page begins. The others stay: their
/// records may be linked one day.
async fn linked_pairs(
    inner: &Inner,
    context: &SyncContext,
    source: &Source,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    before: Option<u64>,
) -> Result<(Vec<Pair>, Option<u64>)> {
    let mut query = DocumentQuery::new(DocumentKind::FileHint)
        .tenant(context.sync.tenant)
        .scope(context.sync.id)
        .limit(HINTS);
    query.before = before;
    query.until = Some(after(inner.clock.now(), Duration::from_millis(1)));
    let mut page = session.begin().await?;
    let hints = document::find::<FileHint>(page.tx()?, &query).await?;
    let last = hints.last().map(|hint| hint.id).filter(|_| hints.len() == HINTS);
    let hints: Vec<_> = hints.into_iter().filter(|hint| hint.side == source.sync.side).collect();
    let exts: Vec<&str> = hints.iter().map(|hint| hint.ext.as_str()).collect();
    let heads = page.tx()?.heads(source.sync.side, &exts).await?;
    let entities: Vec<Option<EntityId>> = heads.iter().map(|head| Some(head.as_ref()?.key.entity)).collect();
    let ids: Vec<EntityId> = entities.iter().flatten().copied().collect();
    let loaded = page.tx()?.load(&ids).await?;
    session.commit(page, run).await?;
    let known: BTreeMap<EntityId, Linked> = loaded.into_iter().map(|linked| (linked.entity.id, linked)).collect();
    let pairs = hints.into_iter().zip(entities).filter_map(|(hint, entity)| {
        let linked = known.get(&entity?)?.clone();
        if linked.entity.deleted {
            return None;
        }
        let from = live(&linked, source.sync.side)?;
        let to = live(&linked, context.side())?;
        Some(Pair { hint, linked, from, to })
    });
    Ok((pairs.collect(), last))
}

fn live(linked: &Linked, side: SideId) -> Option<String> {
    let side = &linked.sides[linked.side_index(side)?];
    side.ext.clone().filter(|_| side.presence == Presence::Live)
}

fn by_record(found: Vec<syncline_core::file::FileOf>) -> BTreeMap<String, Vec<RemoteFile>> {
    let mut files: BTreeMap<String, Vec<RemoteFile>> = BTreeMap::new();
    for found in found {
        files.entry(found.record).or_default().push(found.file);
    }
    files
}

/// Compares the files of some records and carries what is lacking.
async fn take(
    inner: &Inner,
    context: &SyncContext,
    source: &Source,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    pairs: Vec<Pair>,
) -> Result<()> {
    let from: Vec<String> = pairs.iter().map(|pair| pair.from.clone()).collect();
    let to: Vec<String> = pairs.iter().map(|pair| pair.to.clone()).collect();
    let (object, own_object) = (&source.sync.mapping.object, &context.sync.mapping.object);
    let there = source
        .connector
        .files(source.io.as_ref(), &source.config, object, &from);
    let there = by_record(there.await?);
    let here = context
        .connector
        .files(context.io.as_ref(), &context.config, own_object, &to);
    let here = by_record(here.await?);
    let none = Vec::new();
    for pair in pairs {
        let entity = pair.linked.entity.id;
        let mut page = session.begin().await?;
        let mut known = EntityFiles::of(page.tx()?, context.sync.tenant, entity, inner.clock.now()).await?;
        let listed = there.get(&pair.from).unwrap_or(&none);
        let lacking = compare(
            &mut known.value.files,
            Listed {
                side: source.sync.side,
                files: listed,
            },
            Listed {
                side: context.side(),
                files: here.get(&pair.to).unwrap_or(&none),
            },
        );
        let ledger = run.ledger(&context.sync.name, FILES);
        let there_already = (listed.len() - lacking.len()) as u64;
        (ledger.read, ledger.unchanged) = (ledger.read + there_already, ledger.unchanged + there_already);
        // What is paired is kept before anything is sent: only what is lacking is still open after a crash.
        document::put(page.tx()?, &mut known).await?;
        session.commit(page, run).await?;
        let mut later = false;
        for (place, file) in lacking {
            later |= give(inner, context, source, session, run, &pair, &mut known, place, &file).await?;
        }
        let mut page = session.begin().await?;
        let mut hint = pair.hint;
        if later {
            hint.attempts += 1;
            let settings = &inner.settings;
            let wait = settings
                .failure_retry
                .saturating_mul(1 << hint.attempts.min(16).saturating_sub(1));
            hint.due = after(inner.clock.now(), wait.min(settings.failure_retry_longest));
            document::put(page.tx()?, &mut hint).await?;
        } else {
            page.tx()?.delete_document(DocumentKind::FileHint, hint.id).await?;
            let failure = format!("{FILES}:{}", pair.to);
            let failed =
                document::by_key::<Failure>(page.tx()?, context.sync.tenant, context.sync.id, &failure).await?;
            // What it was refused for stays until somebody has seen it.
            let refused = known
                .files
                .iter()
                .any(|file| file.refused.contains_key(&context.side()));
            if let Some(failed) = failed.filter(|_| !refused) {
                page.tx()?.delete_document(DocumentKind::Failure, failed.id).await?;
            }
        }
        session.commit(page, run).await?;
    }
    Ok(())
}

/// Gives a record one file. Returns whether it has to be tried again.
#[expect(
    clippy::too_many_arguments,
    reason = "a file is carried with exactly these, and each has another owner"
)]
async fn give(
    inner: &Inner,
    context: &SyncContext,
    source: &Source,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    pair: &Pair,
    known: &mut Versioned<EntityFiles>,
    place: usize,
    file: &RemoteFile,
) -> Result<bool> {
    if session.is_dry() {
        let ledger = run.ledger(&context.sync.name, FILES);
        (ledger.read, ledger.created) = (ledger.read + 1, ledger.created + 1);
        run.planned += 1;
        if run.plan.len() < SHOWN_CHANGES {
            run.plan.push(PlannedChange {
                target: context.sync.name.clone(),
                record: pair.to.clone(),
                action: "file".to_owned(),
                field: "(a file)".to_owned(),
                before: serde_json::Value::Null,
                after: file.name.clone().into(),
            });
        }
        return Ok(false);
    }
    let sent = send(inner, context, source, pair, file).await;
    if let Err(error) = &sent
        && matches!(
            error.kind(),
            ErrorKind::Stopped | ErrorKind::Reauthorise | ErrorKind::RateLimited | ErrorKind::Refused
        )
    {
        // Of the connection, and not of the file.
        return sent.map(|_| false);
    }
    run.ledger(&context.sync.name, FILES).read += 1;
    let mut page = session.begin().await?;
    let uid = pair.linked.entity.uid;
    let mut later = false;
    match sent {
        Ok(made) => {
            run.ledger(&context.sync.name, FILES).created += 1;
            if let Some(known) = known.value.files.get_mut(place) {
                known.is_on(context.side(), &made);
            }
            let from = &source.sync.name;
            let entry = AuditEntry::new(AuditKind::FileGiven, uid, context.side(), Some(&pair.to));
            page.audit
                .push(entry.note(format!("{} ({} bytes), from sync `{from}`", made.name, made.size)));
        }
        Err(error) if error.retry() == Retry::UnknownOutcome => {
            // If it is there, it is found by what it is.
            run.ledger(&context.sync.name, FILES).deferred += 1;
            later = true;
        }
        Err(error) => {
            run.ledger(&context.sync.name, FILES).failed += 1;
            later = !is_final(&error);
            if !later && let Some(known) = known.value.files.get_mut(place) {
                known.refused.insert(context.side(), error.message().to_owned());
            }
            let note = FailureNote {
                record: Some(pair.to.clone()),
                entity: Some(pair.linked.entity.id),
                fields: Vec::new(),
                message: format!("the file {} could not be carried: {}", file.name, error.message()),
                detail: Some(error.to_string()),
            };
            record_failure(inner, &mut page, run.id, &context.sync, FILES, note).await?;
        }
    }
    document::put(page.tx()?, known).await?;
    session.commit(page, run).await?;
    Ok(later)
}

fn is_final(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Rejected | ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Unsupported
    )
}

async fn send(
    inner: &Inner,
    context: &SyncContext,
    source: &Source,
    pair: &Pair,
    file: &RemoteFile,
) -> Result<RemoteFile> {
    let most = inner.settings.largest_file;
    if file.size > most {
        let message = format!("it has {} bytes, and {most} are the most that are carried", file.size);
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    let (io, object) = (source.io.as_ref(), &source.sync.mapping.object);
    let body = source.connector.download(io, &source.config, object, file).await?;
    let new = NewFile {
        name: file.name.clone(),
        content_type: file.content_type.clone(),
        size: file.size,
    };
    let (io, object) = (context.io.as_ref(), &context.sync.mapping.object);
    let made = context
        .connector
        .upload(io, &context.config, object, &pair.to, &new, body)
        .await?;
    if made.size != file.size {
        tracing::warn!(sync = %context.sync.name, file = %made.id, "a file has another size than the one that it was made from");
    }
    Ok(made)
}
