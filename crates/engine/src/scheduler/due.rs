//! What is due: polls by their schedule, hints at once, and the daily upkeep.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use syncline_core::error::{ErrorKind, Result};
use syncline_core::model::{Tenant, TenantId};
use syncline_core::state::SideFlags;
use syncline_core::store::{DocumentKind, DocumentQuery, Mode, Transaction};

use crate::actor::{Action, Actor};
use crate::connection::{Connection, ConnectionStatus};
use crate::document::{self, Columns, Stored, Versioned};
use crate::engine::{Engine, Inner};
use crate::http::StopFlag;
use crate::run::{RunParameters, RunScope};
use crate::sync::{Schedule, Sync, SyncStatus};

/// How often the upkeep of a tenant is done.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Why a run is to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// Its time has come.
    Poll,
    /// A provider said that something changed.
    Hint,
    /// The app, a person or another CRM's run changed something that is to be written.
    Edit,
    /// A record that failed is due for another try.
    Retry,
}

/// A run to start.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Job {
    pub(super) cause: Cause,
    pub(super) tenant: TenantId,
    pub(super) connection: u64,
    pub(super) scope: RunScope,
    pub(super) parameters: RunParameters,
    /// The last entry of the tenant's audit when it was found due: what changes later is not this run's.
    pub(super) seen: u64,
}

/// What is due now, and when something will be next.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    pub(super) jobs: Vec<Job>,
    pub(super) next: Option<Timestamp>,
    /// Connections with syncs that run by themselves.
    pub(super) connections: Vec<u64>,
}

impl Engine {
    /// The active syncs of a tenant on connections that work, soonest first, each with the time of its next run by
    /// itself; `None` for those that only run by hand. A time that has passed means that it runs as soon as a scheduler
    /// does.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy.
    pub async fn due(&self, tenant: TenantId, actor: &Actor) -> Result<Vec<(Sync, Option<Timestamp>)>> {
        self.inner.allow_in(actor, tenant, Action::ReadRuns)?;
        let mut tx = self.inner.store.begin(Mode::Read).await?;
        let mut syncs = runnable(tx.as_mut(), tenant).await?;
        syncs.sort_by_key(|sync| (sync.next_run_at.is_none(), sync.next_run_at, sync.id));
        Ok(syncs
            .into_iter()
            .map(|sync| (sync.next_run_at, sync))
            .map(|(next, sync)| (sync, next))
            .collect())
    }
}

/// All documents of a tenant, however many.
async fn all<T: Stored>(tx: &mut dyn Transaction, mut query: DocumentQuery) -> Result<Vec<T>> {
    let mut found = Vec::new();
    loop {
        let page = document::find::<T>(tx, &query).await?;
        let is_last = page.len() < query.limit;
        query.before = page.last().map(|last| last.value.id());
        found.extend(page.into_iter().map(|found| found.value));
        if is_last {
            return Ok(found);
        }
    }
}

/// The syncs of a tenant that may run by themselves.
async fn runnable(tx: &mut dyn Transaction, tenant: TenantId) -> Result<Vec<Sync>> {
    let connections: BTreeSet<u64> = all::<Connection>(tx, DocumentQuery::new(DocumentKind::Connection).tenant(tenant))
        .await?
        .into_iter()
        .filter(|connection| connection.status == ConnectionStatus::Active)
        .map(|connection| connection.id)
        .collect();
    let mut syncs = all::<Sync>(tx, DocumentQuery::new(DocumentKind::Sync).tenant(tenant)).await?;
    syncs.retain(|sync| sync.status == SyncStatus::Active && connections.contains(&sync.connection));
    Ok(syncs)
}

/// Looks what is due over all tenants. `written` says up to which entry of the audit a connection's edits were written:
/// every change that has to be is in the audit, so that what can't be written yet does not ask again and again.
pub(super) async fn look(inner: &Inner, now: Timestamp, written: &BTreeMap<u64, u64>) -> Result<Outlook> {
    let mut outlook = Outlook::default();
    let mut tx = inner.store.begin(Mode::Read).await?;
    for tenant in all::<Tenant>(tx.as_mut(), DocumentQuery::new(DocumentKind::Tenant)).await? {
        let mut by_connection: BTreeMap<u64, Vec<Sync>> = BTreeMap::new();
        for sync in runnable(tx.as_mut(), tenant.id).await? {
            by_connection.entry(sync.connection).or_default().push(sync);
        }
        let (seen, _) = tx.audit_head(tenant.id).await?;
        for (connection, syncs) in by_connection {
            let due = of_connection(tx.as_mut(), &syncs, now, written.get(&connection), seen).await?;
            outlook.jobs.extend(due);
            let by_itself = syncs.iter().find(|sync| sync.schedule != Schedule::Manual);
            outlook.connections.extend(by_itself.map(|sync| sync.connection));
            let later = syncs
                .iter()
                .filter_map(|sync| sync.next_run_at)
                .filter(|next| *next > now);
            outlook.next = outlook.next.into_iter().chain(later).min();
        }
    }
    Ok(outlook)
}

/// The run that a job's connection needs now, looked at again: another worker may have done what it was due for.
pub(super) async fn look_again(inner: &Inner, job: &Job, now: Timestamp, written: Option<u64>) -> Result<Option<Job>> {
    let mut tx = inner.store.begin_for(job.tenant, Mode::Read).await?;
    let mut syncs = runnable(tx.as_mut(), job.tenant).await?;
    syncs.retain(|sync| sync.connection == job.connection);
    let (seen, _) = tx.audit_head(job.tenant).await?;
    of_connection(tx.as_mut(), &syncs, now, written.as_ref(), seen).await
}

/// The run that a connection needs now, if it needs one, from its syncs that may run by themselves.
async fn of_connection(
    tx: &mut dyn Transaction,
    syncs: &[Sync],
    now: Timestamp,
    written: Option<&u64>,
    seen: u64,
) -> Result<Option<Job>> {
    let is_news = written.is_none_or(|written| *written < seen);
    let mut hinted = Vec::new();
    let mut edited = Vec::new();
    let mut failed = Vec::new();
    // What only runs by hand is not woken by anything else.
    for sync in syncs.iter().filter(|sync| sync.schedule != Schedule::Manual) {
        if !tx.hints(sync.side, 1).await?.is_empty() {
            hinted.push(sync);
        } else if is_news && has_edits(tx, sync).await? {
            edited.push(sync);
        } else if has_due_failure(tx, sync, now).await? {
            failed.push(sync);
        }
    }
    let causes = [(Cause::Hint, hinted), (Cause::Edit, edited), (Cause::Retry, failed)];
    Ok(job(syncs, causes, now, seen))
}

/// Whether something waits to be written by a sync. One that was never read may not write yet.
async fn has_edits(tx: &mut dyn Transaction, sync: &Sync) -> Result<bool> {
    let writes = sync.mapping.rules.iter().any(|rule| rule.direction.pushes());
    if !writes || sync.last_run_at.is_none() {
        return Ok(false);
    }
    if !tx.flagged(sync.side, SideFlags::PUSH, 0, 1).await?.is_empty() {
        return Ok(true);
    }
    let creates = sync.mapping.create_in_crm;
    Ok(creates && !tx.without_side(sync.blueprint, sync.side, 0, 1).await?.is_empty())
}

async fn has_due_failure(tx: &mut dyn Transaction, sync: &Sync, now: Timestamp) -> Result<bool> {
    let mut query = DocumentQuery::new(DocumentKind::Failure)
        .tenant(sync.tenant)
        .scope(sync.id)
        .status("open")
        .limit(1);
    query.until = Some(now);
    Ok(!tx.documents(&query).await?.is_empty())
}

/// The run that a connection needs now: of all syncs that are due, or else for the first other cause there is.
fn job(syncs: &[Sync], others: [(Cause, Vec<&Sync>); 3], now: Timestamp, seen: u64) -> Option<Job> {
    let Sync { tenant, connection, .. } = *syncs.first()?;
    let due: Vec<&Sync> = syncs
        .iter()
        .filter(|sync| sync.next_run_at.is_some_and(|next| next <= now))
        .collect();
    // A poll reads hinted records, writes edits and retries failed ones as well, and each of these what comes after it.
    let causes = std::iter::once((Cause::Poll, due)).chain(others);
    let (cause, chosen) = causes.into_iter().find(|(_, chosen)| !chosen.is_empty())?;
    let objects: BTreeSet<String> = if chosen.len() == syncs.len() {
        BTreeSet::new()
    } else {
        chosen.iter().map(|sync| sync.mapping.object.clone()).collect()
    };
    let parameters = RunParameters {
        hints: cause != Cause::Poll,
        objects: objects.into_iter().collect(),
        ..RunParameters::default()
    };
    Some(Job {
        cause,
        tenant,
        connection,
        scope: RunScope::Connection(connection),
        parameters,
        seen,
    })
}

/// When a tenant's upkeep was last done.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Upkeep {
    #[serde(skip)]
    id: u64,
    tenant: TenantId,
    at: Timestamp,
}

impl Stored for Upkeep {
    const KIND: DocumentKind = DocumentKind::Setting;
    const NOUN: &'static str = "upkeep";

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
            key: Some("upkeep".to_owned()),
            status: "done".to_owned(),
            at: self.at,
        }
    }
}

/// Compacts, and checks for schema drift, what has not been for a day.
pub(super) async fn daily(engine: &Engine, now: Timestamp, actor: &Actor, stop: &StopFlag) -> Result<()> {
    let inner = &engine.inner;
    let tenants = {
        let mut tx = inner.store.begin(Mode::Read).await?;
        all::<Tenant>(tx.as_mut(), DocumentQuery::new(DocumentKind::Tenant)).await?
    };
    for tenant in tenants {
        if !take_turn(inner, tenant.id, now).await? {
            continue;
        }
        engine.compact(tenant.id, actor).await?;
        for connection in engine.connections().list(tenant.id, false, actor).await? {
            if stop.is_stopped() {
                return Ok(());
            }
            if connection.status != ConnectionStatus::Active {
                continue;
            }
            if let Err(error) = engine.check_schema(&connection, actor).await {
                tracing::warn!(connection = connection.id, %error, "its schema could not be checked");
            }
        }
    }
    Ok(())
}

/// Whether a tenant's upkeep is due and ours to do: whoever writes the time down first does it.
async fn take_turn(inner: &Inner, tenant: TenantId, now: Timestamp) -> Result<bool> {
    let mut tx = inner.store.begin(Mode::Read).await?;
    let known = document::by_key::<Upkeep>(tx.as_mut(), tenant, 0, "upkeep").await?;
    drop(tx);
    let mut upkeep = match known {
        Some(known) if known.at.saturating_add(DAY).is_ok_and(|next| next > now) => return Ok(false),
        Some(known) => known,
        // The first one is a day away: there is nothing old yet.
        None => Versioned {
            value: Upkeep { id: 0, tenant, at: now },
            version: 0,
        },
    };
    let mut tx = inner.store.begin(Mode::Write).await?;
    let is_first = upkeep.version == 0;
    upkeep.at = now;
    match document::put(tx.as_mut(), &mut upkeep).await {
        Ok(()) => tx.commit().await.map(|()| !is_first),
        Err(error) if matches!(error.kind(), ErrorKind::Stale | ErrorKind::Exists) => Ok(false),
        Err(error) => Err(error),
    }
}
