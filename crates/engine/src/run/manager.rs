//! Starting, queueing and stopping runs.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::TenantId;
use syncline_core::store::{DocumentKind, DocumentQuery, Mode};

use super::model::{Run, RunParameters, RunScope, RunStatus};
use super::perform;
use super::scope::chosen;
use crate::actor::{Action, Actor};
use crate::document;
use crate::engine::Engine;

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
    /// About how many records it is over: those that its syncs hold, or that the CRM has before the first run.
    pub estimate: u64,
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
        inner.allow_in(actor, request.tenant, Action::RunSyncs)?;
        let chosen = chosen(inner, request).await?;
        let mut started = Vec::new();
        let mut tx = inner.store.begin_for(request.tenant, Mode::Write).await?;
        for (connection, syncs) in chosen {
            let scope = match &request.scope {
                RunScope::Sync(sync) => RunScope::Sync(*sync),
                _ => RunScope::Connection(connection),
            };
            let mut estimate = 0;
            for sync in &syncs {
                let linked = tx.side_counts(sync.side).await?.linked;
                // Before anything was read, what the CRM said when the sync was saved is all that is known.
                let first = sync.estimate.filter(|_| sync.last_run_at.is_none());
                estimate += linked.max(first.unwrap_or(0));
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
                brake: None,
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

    /// Asks a run to stop at the next safe place. Nothing is lost; the next run goes on from there.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`], [`ErrorKind::Refused`] when it is over or was interrupted.
    pub async fn stop(&self, run: u64, actor: &Actor) -> Result<()> {
        self.0.inner.allow(actor, Action::RunSyncs)?;
        let refused = |why: &str| Err(Error::new(ErrorKind::Refused, format!("run {run} {why}")));
        match self.get(run, actor).await?.status {
            RunStatus::Interrupted => {
                return refused("was interrupted: nobody carries it out; the next run goes on from there");
            }
            status if status.is_over() => return refused("is over already"),
            _ => {}
        }
        self.0.inner.runner.stop_flag(run).stop();
        Ok(())
    }
}
