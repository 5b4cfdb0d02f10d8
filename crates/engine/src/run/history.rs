//! Looking at runs, and at the records that failed in them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use syncline_core::error::Result;
use syncline_core::model::TenantId;
use syncline_core::store::{DocumentKind, DocumentQuery, Mode, Transaction};

use super::lease::Lease;
use super::manager::Runs;
use super::model::{Failure, Run, RunScope, RunStatus};
use crate::actor::{Action, Actor};
use crate::document::{self, Versioned};
use crate::sync::Sync;

/// Runs looked at at once.
const SCANNED: usize = 100;

/// How long nobody looks whether a run is over.
const LOOK: SignedDuration = SignedDuration::from_millis(250);

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

impl Runs<'_> {
    /// A run by its number.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`](syncline_core::ErrorKind::Forbidden) by policy,
    /// [`ErrorKind::NotFound`](syncline_core::ErrorKind::NotFound).
    pub async fn get(&self, run: u64, actor: &Actor) -> Result<Run> {
        self.0.inner.allow(actor, Action::ReadRuns)?;
        let mut tx = self.0.inner.store.begin(Mode::Read).await?;
        let mut run = document::get_for::<Run>(tx.as_mut(), run, actor).await?.value;
        self.look_at(tx.as_mut(), [&mut run]).await?;
        Ok(run)
    }

    /// Waits until a run is over, whoever carries it out, and returns it.
    ///
    /// # Errors
    /// As [`Runs::get`].
    pub async fn wait(&self, run: u64, actor: &Actor) -> Result<Run> {
        let inner = &self.0.inner;
        loop {
            let found = self.get(run, actor).await?;
            if found.status.is_over() {
                return Ok(found);
            }
            // The bell of this process, or a look now and then: another process may carry it out, and rings none here.
            let next = inner.clock.now().saturating_add(LOOK).unwrap_or(Timestamp::MAX);
            tokio::select! {
                () = inner.events.changed() => {}
                () = inner.clock.sleep_until(next) => {}
            }
        }
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`](syncline_core::ErrorKind::Forbidden) by policy.
    pub async fn list(&self, tenant: TenantId, query: &RunQuery, actor: &Actor) -> Result<Vec<Run>> {
        self.0.inner.allow_in(actor, tenant, Action::ReadRuns)?;
        let mut documents = DocumentQuery::new(DocumentKind::Run).tenant(tenant);
        documents.scope = query.connection;
        // Whether one that says it runs or waits still does is not known to the store.
        let kept = |status: RunStatus| match status {
            RunStatus::Interrupted => vec![RunStatus::Running, RunStatus::Queued],
            other => vec![other],
        };
        let statuses: BTreeSet<&str> = query
            .status
            .iter()
            .flat_map(|status| kept(*status))
            .map(RunStatus::name)
            .collect();
        documents.status = statuses.into_iter().map(str::to_owned).collect();
        documents.since = query.since;
        documents.until = query.until;
        documents.before = query.before;
        let limit = if query.limit == 0 { 100 } else { query.limit };
        documents.limit = limit.max(SCANNED);
        let mut tx = self.0.inner.store.begin(Mode::Read).await?;
        let syncs = document::find::<Sync>(tx.as_mut(), &DocumentQuery::new(DocumentKind::Sync).tenant(tenant)).await?;
        let of_object = |run: &Run| {
            let Some(object) = &query.object else { return true };
            let mut syncs = syncs.iter().filter(|sync| sync.mapping.object == *object);
            syncs.any(|sync| run.ledgers.contains_key(&sync.name) || run.scope == RunScope::Sync(sync.id))
        };
        let mut found = Vec::new();
        loop {
            let page = document::find::<Run>(tx.as_mut(), &documents).await?;
            let Some(last) = page.last().map(|run| run.id) else {
                break;
            };
            let mut page: Vec<Run> = page.into_iter().map(|run| run.value).filter(of_object).collect();
            self.look_at(tx.as_mut(), &mut page).await?;
            page.retain(|run| query.status.is_empty() || query.status.contains(&run.status));
            found.append(&mut page);
            if found.len() >= limit {
                break;
            }
            documents.before = Some(last);
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Tells those that still run or wait from those whose process is gone.
    async fn look_at(&self, tx: &mut dyn Transaction, runs: impl IntoIterator<Item = &mut Run>) -> Result<()> {
        let now = self.0.inner.clock.now();
        let mut held = BTreeMap::new();
        for run in runs {
            if run.status == RunStatus::Queued
                && Lease::is_left_waiting(tx, run.connection, run.requested_at, now).await?
            {
                run.status = RunStatus::Interrupted;
            }
            if run.status != RunStatus::Running {
                continue;
            }
            let is_held = match held.get(&run.connection) {
                Some(known) => *known,
                None => Lease::is_held(tx, run.connection, now).await?,
            };
            held.insert(run.connection, is_held);
            if !is_held {
                run.status = RunStatus::Interrupted;
            }
        }
        Ok(())
    }

    /// Records that failed and are not dismissed, soonest tried last. What the provider said is only shown to those who
    /// may read it.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`](syncline_core::ErrorKind::Forbidden) by policy.
    pub async fn failures(&self, tenant: TenantId, sync: Option<u64>, actor: &Actor) -> Result<Vec<Failure>> {
        self.0.inner.allow_in(actor, tenant, Action::ReadRuns)?;
        let mut query = DocumentQuery::new(DocumentKind::Failure)
            .tenant(tenant)
            .status("open")
            .limit(10_000);
        query.scope = sync;
        let mut tx = self.0.inner.store.begin(Mode::Read).await?;
        let may_read = self.0.inner.allow(actor, Action::ReadDetails).is_ok();
        let found = document::find::<Failure>(tx.as_mut(), &query).await?;
        Ok(found
            .into_iter()
            .map(|failure| Failure {
                detail: failure.value.detail.clone().filter(|_| may_read),
                ..failure.value
            })
            .collect())
    }

    /// Makes a failed record due at once; the next run tries it again.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`](syncline_core::ErrorKind::Forbidden) by policy,
    /// [`ErrorKind::NotFound`](syncline_core::ErrorKind::NotFound).
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
    /// [`ErrorKind::Forbidden`](syncline_core::ErrorKind::Forbidden) by policy,
    /// [`ErrorKind::NotFound`](syncline_core::ErrorKind::NotFound).
    pub async fn dismiss_failure(&self, failure: u64, actor: &Actor) -> Result<()> {
        self.change_failure(failure, actor, |failure| failure.dismissed = true)
            .await
    }

    async fn change_failure(&self, id: u64, actor: &Actor, change: impl FnOnce(&mut Failure)) -> Result<()> {
        self.0.inner.allow(actor, Action::RunSyncs)?;
        let mut tx = self.0.inner.store.begin(Mode::Write).await?;
        let mut failure: Versioned<Failure> = document::get_for(tx.as_mut(), id, actor).await?;
        change(&mut failure.value);
        document::put(tx.as_mut(), &mut failure).await?;
        tx.commit().await
    }
}
