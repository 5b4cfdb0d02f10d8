//! Starting, queueing, stopping and listing runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::TenantId;
use syncline_core::store::{DocumentKind, DocumentQuery, Mode};

use super::model::{Failure, Run, RunParameters, RunScope, RunStatus};
use super::perform;
use crate::actor::{Action, Actor};
use crate::connection::Connection;
use crate::document::{self, Versioned};
use crate::engine::{Engine, Inner};
use crate::http::StopFlag;
use crate::sync::{Sync, SyncStatus};

/// What to run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// The tenant.
    pub tenant: TenantId,
    /// Over which syncs.
    pub scope: RunScope,
    /// How.
    pub parameters: RunParameters,
}

impl RunRequest {
    /// All syncs of a tenant, incrementally.
    pub fn tenant(tenant: TenantId) -> Self {
        Self {
            tenant,
            scope: RunScope::Tenant,
            parameters: RunParameters::default(),
        }
    }
}

/// A run that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedRun {
    /// Its number.
    pub id: u64,
    /// Its connection.
    pub connection: u64,
    /// Whether it waits for one that is under way. A request equal to one that waits gets that one's number.
    pub queued: bool,
    /// Records that its syncs hold now: an estimate of what it will look at.
    pub estimate: u64,
}

/// Which runs to list, newest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunQuery {
    /// Of this connection only.
    pub connection: Option<u64>,
    /// With one of these statuses; empty for any.
    pub status: Vec<RunStatus>,
    /// Of syncs of this remote object only.
    pub object: Option<String>,
    /// Asked for at or after.
    pub since: Option<Timestamp>,
    /// Asked for before.
    pub until: Option<Timestamp>,
    /// Only numbers below this: where the page before ended.
    pub before: Option<u64>,
    /// At most this many; 100 if 0.
    pub limit: usize,
}

/// What runs now in this process.
#[derive(Debug, Default)]
pub(crate) struct Runner {
    /// One lock per connection: the queue of this process.
    lanes: Mutex<BTreeMap<u64, Arc<tokio::sync::Mutex<()>>>>,
    stops: Mutex<BTreeMap<u64, StopFlag>>,
    /// Rung when something became due.
    pub(crate) bell: tokio::sync::Notify,
    /// Held while new records are matched: two connections that matched at once would each find nobody, and make the
    /// same person twice.
    pub(crate) linking: tokio::sync::Mutex<()>,
}

impl Runner {
    pub(crate) fn lane(&self, connection: u64) -> Arc<tokio::sync::Mutex<()>> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.entry(connection).or_default().clone()
    }

    pub(crate) fn stop_flag(&self, run: u64) -> StopFlag {
        self.stops
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(run)
            .or_default()
            .clone()
    }

    pub(crate) fn forget(&self, run: u64) {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
    }
}

/// The runs of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Runs<'a>(pub(crate) &'a Engine);

impl Engine {
    /// The runs.
    pub const fn runs(&self) -> Runs<'_> {
        Runs(self)
    }
}

impl Runs<'_> {
    /// Asks for runs, one per connection in the scope, and starts them in the background. Several connections run in
    /// parallel; those of one connection one after the other.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] when the scope holds no sync;
    /// [`ErrorKind::Refused`] when everything in it is paused, deleted or disconnected, with the reason.
    pub async fn start(&self, request: RunRequest, actor: &Actor) -> Result<Vec<StartedRun>> {
        let started = self.enqueue(&request, actor).await?;
        for run in started
            .iter()
            .filter(|run| !run.queued || self.is_waiting_alone(run.id))
        {
            let (inner, id) = (self.0.inner.clone(), run.id);
            tokio::spawn(async move {
                if let Err(error) = perform::perform(&inner, id).await {
                    tracing::warn!(run = id, %error, "a run could not be carried out");
                }
            });
        }
        Ok(started)
    }

    /// Asks for runs and waits until they are over.
    ///
    /// # Errors
    /// As [`Runs::start`]. How each run ended is in its status.
    pub async fn run(&self, request: RunRequest, actor: &Actor) -> Result<Vec<Run>> {
        let started = self.enqueue(&request, actor).await?;
        let work = started.iter().map(|run| perform::perform(&self.0.inner, run.id));
        futures::future::join_all(work).await.into_iter().collect()
    }

    fn is_waiting_alone(&self, run: u64) -> bool {
        // A queued run is carried out by whoever queued it first; asking again only returns its number.
        let stops = self.0.inner.runner.stops.lock().unwrap_or_else(PoisonError::into_inner);
        !stops.contains_key(&run)
    }

    async fn enqueue(&self, request: &RunRequest, actor: &Actor) -> Result<Vec<StartedRun>> {
        let inner = &self.0.inner;
        inner.allow(actor, Action::RunSyncs)?;
        let chosen = self.chosen(request).await?;
        let mut started = Vec::new();
        let mut tx = inner.store.begin(Mode::Write).await?;
        for (connection, syncs) in chosen {
            let scope = match &request.scope {
                RunScope::Sync(sync) => RunScope::Sync(*sync),
                _ => RunScope::Connection(connection),
            };
            let mut estimate = 0;
            for sync in &syncs {
                estimate += tx.side_counts(sync.side).await?.linked;
            }
            let query = DocumentQuery::new(DocumentKind::Run)
                .tenant(request.tenant)
                .scope(connection);
            let waiting = document::find::<Run>(tx.as_mut(), &query.clone().status("queued").limit(50)).await?;
            let running = tx.count_documents(&query.status("running")).await? > 0;
            if let Some(same) = waiting
                .iter()
                .find(|run| run.scope == scope && run.parameters == request.parameters)
            {
                started.push(StartedRun {
                    id: same.id,
                    connection,
                    queued: true,
                    estimate,
                });
                continue;
            }
            let run = Run {
                id: 0,
                tenant: request.tenant,
                scope,
                connection,
                parameters: request.parameters.clone(),
                initiator: actor.name.clone(),
                status: RunStatus::Queued,
                requested_at: inner.clock.now(),
                started_at: None,
                finished_at: None,
                ledgers: BTreeMap::new(),
                error: None,
                timeline: Vec::new(),
                plan: Vec::new(),
                planned: 0,
                rolls_back: None,
                release: None,
                diverged: Vec::new(),
                diverged_count: 0,
            };
            let run = document::insert(tx.as_mut(), run).await?;
            started.push(StartedRun {
                id: run.id,
                connection,
                queued: running,
                estimate,
            });
        }
        tx.commit().await?;
        Ok(started)
    }

    /// The runnable syncs of a scope by connection; says why if there is none.
    async fn chosen(&self, request: &RunRequest) -> Result<BTreeMap<u64, Vec<Sync>>> {
        let inner = &self.0.inner;
        let mut tx = inner.store.begin(Mode::Read).await?;
        let query = DocumentQuery::new(DocumentKind::Sync).tenant(request.tenant);
        let syncs: Vec<Sync> = document::find::<Sync>(tx.as_mut(), &query)
            .await?
            .into_iter()
            .map(|sync| sync.value)
            .collect();
        let query = DocumentQuery::new(DocumentKind::Connection).tenant(request.tenant);
        let connections: BTreeMap<u64, Connection> = document::find::<Connection>(tx.as_mut(), &query)
            .await?
            .into_iter()
            .map(|connection| (connection.id, connection.value))
            .collect();
        let mut refusal = None;
        let mut chosen: BTreeMap<u64, Vec<Sync>> = BTreeMap::new();
        for sync in syncs {
            let Some(connection) = connections.get(&sync.connection) else {
                continue;
            };
            let within = match &request.scope {
                RunScope::Sync(id) => sync.id == *id,
                RunScope::Connection(id) => connection.id == *id,
                RunScope::Provider(provider) => connection.provider == *provider,
                RunScope::Tenant => true,
            };
            let objects = &request.parameters.objects;
            if !within || !(objects.is_empty() || objects.contains(&sync.mapping.object)) {
                continue;
            }
            match why_not(&sync, connection) {
                Some(reason) => refusal = Some(reason),
                None => chosen.entry(connection.id).or_default().push(sync),
            }
        }
        match (chosen.is_empty(), refusal) {
            (false, _) => Ok(chosen),
            (true, Some(reason)) => Err(Error::new(ErrorKind::Refused, reason)),
            (true, None) => Err(Error::new(
                ErrorKind::NotFound,
                "there is no sync here; make one with `map auto`, or name another",
            )),
        }
    }

    /// Asks a run to stop at the next safe place. Nothing is lost; the next run goes on from there.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`], [`ErrorKind::Refused`] when it is over.
    pub async fn stop(&self, run: u64, actor: &Actor) -> Result<()> {
        self.0.inner.allow(actor, Action::RunSyncs)?;
        if self.get(run, actor).await?.status.is_over() {
            return Err(Error::new(ErrorKind::Refused, format!("run {run} is over already")));
        }
        self.0.inner.runner.stop_flag(run).stop();
        Ok(())
    }

    /// A run by its number.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`].
    pub async fn get(&self, run: u64, actor: &Actor) -> Result<Run> {
        self.0.inner.allow(actor, Action::ReadRuns)?;
        let mut tx = self.0.inner.store.begin(Mode::Read).await?;
        Ok(document::get::<Run>(tx.as_mut(), run).await?.value)
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy.
    pub async fn list(&self, tenant: TenantId, query: &RunQuery, actor: &Actor) -> Result<Vec<Run>> {
        self.0.inner.allow(actor, Action::ReadRuns)?;
        let mut documents = DocumentQuery::new(DocumentKind::Run).tenant(tenant);
        documents.scope = query.connection;
        documents.status = query.status.iter().map(|status| status.name().to_owned()).collect();
        documents.since = query.since;
        documents.until = query.until;
        documents.before = query.before;
        documents.limit = if query.limit == 0 { 100 } else { query.limit };
        let mut tx = self.0.inner.store.begin(Mode::Read).await?;
        let syncs = document::find::<Sync>(tx.as_mut(), &DocumentQuery::new(DocumentKind::Sync).tenant(tenant)).await?;
        let names: Option<Vec<&String>> = query.object.as_ref().map(|object| {
            syncs
                .iter()
                .filter(|sync| sync.mapping.object == *object)
                .map(|sync| &sync.value.name)
                .collect()
        });
        Ok(document::find::<Run>(tx.as_mut(), &documents)
            .await?
            .into_iter()
            .map(|run| run.value)
            .filter(|run| {
                names
                    .as_ref()
                    .is_none_or(|names| run.ledgers.keys().any(|name| names.contains(&name)))
            })
            .collect())
    }

    /// Records that failed and are not dismissed, soonest tried last.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy.
    pub async fn failures(&self, tenant: TenantId, sync: Option<u64>, actor: &Actor) -> Result<Vec<Failure>> {
        self.0.inner.allow(actor, Action::ReadRuns)?;
        let mut query = DocumentQuery::new(DocumentKind::Failure)
            .tenant(tenant)
            .status("open")
            .limit(10_000);
        query.scope = sync;
        let mut tx = self.0.inner.store.begin(Mode::Read).await?;
        let found = document::find::<Failure>(tx.as_mut(), &query).await?;
        Ok(found.into_iter().map(|failure| failure.value).collect())
    }

    /// Makes a failed record due at once; the next run tries it again.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`].
    pub async fn retry_failure(&self, failure: u64, actor: &Actor) -> Result<()> {
        let now = self.0.inner.clock.now();
        self.change_failure(failure, actor, |failure| {
            failure.retry_at = now;
            failure.dismissed = false;
        })
        .await
    }

    /// Dismisses a failed record: it is shown no more and not tried again by itself.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`].
    pub async fn dismiss_failure(&self, failure: u64, actor: &Actor) -> Result<()> {
        self.change_failure(failure, actor, |failure| failure.dismissed = true)
            .await
    }

    async fn change_failure(&self, id: u64, actor: &Actor, change: impl FnOnce(&mut Failure)) -> Result<()> {
        self.0.inner.allow(actor, Action::RunSyncs)?;
        let mut tx = self.0.inner.store.begin(Mode::Write).await?;
        let mut failure: Versioned<Failure> = document::get(tx.as_mut(), id).await?;
        change(&mut failure.value);
        document::put(tx.as_mut(), &mut failure).await?;
        tx.commit().await
    }
}

/// Why a sync may not run, in words for people.
pub(crate) fn why_not(sync: &Sync, connection: &Connection) -> Option<String> {
    match sync.status {
        SyncStatus::Deleted => {
            return Some(format!(
                "sync `{}` is deleted; save it again to reactivate it",
                sync.name
            ));
        }
        SyncStatus::Paused => {
            let because = sync.paused_because.as_deref().unwrap_or("no reason was given");
            return Some(format!("sync `{}` is paused ({because}); resume it first", sync.name));
        }
        SyncStatus::Active => {}
    }
    connection.check_usable().err().map(|error| error.message().to_owned())
}

/// The syncs that a run is over, those that others refer to first.
pub(crate) async fn syncs_of(inner: &Inner, run: &Run) -> Result<Vec<Sync>> {
    let mut tx = inner.store.begin(Mode::Read).await?;
    let query = DocumentQuery::new(DocumentKind::Sync)
        .tenant(run.tenant)
        .scope(run.connection);
    let mut syncs: Vec<Sync> = document::find::<Sync>(tx.as_mut(), &query)
        .await?
        .into_iter()
        .map(|sync| sync.value)
        .filter(|sync| match run.scope {
            RunScope::Sync(id) => sync.id == id,
            _ => true,
        })
        .filter(|sync| run.parameters.objects.is_empty() || run.parameters.objects.contains(&sync.mapping.object))
        .filter(|sync| sync.status == SyncStatus::Active)
        .collect();
    syncs.sort_by_key(|sync| sync.id);
    Ok(syncs)
}
