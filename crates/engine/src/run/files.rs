//! Carrying files: the last stage of a run, for syncs that ask for it. A run gives files to its own CRM only, as it writes
//! records only there: what other CRMs hold of the same entity, and its own has never had. Nothing is ever deleted or
//! replaced, and what was carried is remembered, so that it is neither carried twice nor comes back as a file of its own.

mod changed;
mod give;

use std::sync::Arc;

use syncline_core::connector::Connector;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::io::{Config, Io};
use syncline_core::mapping::Direction;
use syncline_core::state::Linked;
use syncline_core::store::Mode;

use super::context::SyncContext;
use super::lease::Lease;
use super::model::Run;
use super::perform::moment;
use super::reporter::Reporter;
use super::session::Session;
use crate::connection::Connection;
use crate::document::{self, Versioned};
use crate::engine::Inner;
use crate::file::FileHint;
use crate::http::StopFlag;
use crate::sync::{Sync, SyncStatus, siblings};

/// The direction of a ledger and of failures that are about files.
pub(super) const FILES: &str = "files";
/// Records whose files are listed at once.
const RECORDS: usize = 50;

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
    if let Err(error) = changed::find(inner, context, source, session, run, reporter).await {
        return out_of_reach(inner, context, source, session, run, error).await;
    }
    let mut before = None;
    loop {
        reporter.check_stop()?;
        let (pairs, last) = changed::linked_pairs(inner, context, source, session, run, before).await?;
        for pairs in chunks(pairs) {
            reporter.check_stop()?;
            if let Err(error) = give::all(inner, context, source, session, run, pairs).await {
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
