//! The scheduler: starts what is due, by itself. Several connections at once, fair between tenants by API calls; hinted
//! records and edits at once; what was missed while nobody ran it, once.

mod due;
mod fairness;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use syncline_core::error::{Error, Result};
use syncline_core::model::TenantId;
use syncline_core::store::{DocumentKind, DocumentQuery, Mode};
use tokio::task::JoinSet;

use crate::actor::{Action, Actor};
use crate::document;
use crate::engine::{Engine, Inner};
use crate::http::StopFlag;
use crate::run::{Lease, Run, RunRequest, RunStatus};
use due::{Cause, Job, Outlook};
use fairness::Turns;

/// Longest sleep: what another process writes rings no bell here.
const LONGEST_SLEEP: SignedDuration = SignedDuration::from_secs(30);
/// A connection whose run could not be carried out is left alone for so long, doubling each time up to an hour.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
/// Rest between two runs for hints on one connection, so that a burst of calls makes a few runs and not hundreds.
const REST: SignedDuration = SignedDuration::from_secs(1);
/// Rest between two runs for edits on one connection, so that many edits one after the other make a few runs.
const EDIT_REST: SignedDuration = SignedDuration::from_millis(100);
/// How long a connection that another worker has is left to it before it is looked at again.
const TAKEN_REST: SignedDuration = SignedDuration::from_secs(1);
/// Rest between two looks into one connection's change feed.
const FEED_REST: SignedDuration = SignedDuration::from_secs(10);
/// How long a connection that has no change feed, or whose feed failed, is not asked for it again.
const NO_FEED_REST: SignedDuration = SignedDuration::from_mins(10);
/// Rest between two runs for failed records on one connection: each has a schedule of its own beside.
const RETRY_REST: SignedDuration = SignedDuration::from_secs(60);

impl Engine {
    /// Runs everything that is due, for all tenants, until the flag is raised; then stops what it started at the next
    /// safe place and returns. Meant to be run once per process; several processes on one store share the work, since a
    /// connection has one run at a time.
    ///
    /// Once a day and tenant it also [compacts](Engine::compact) and [checks for schema drift](Engine::check_schema).
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`](syncline_core::ErrorKind::Forbidden) by policy;
    /// [`ErrorKind::Store`](syncline_core::ErrorKind::Store) when the store can't be reached. A run that fails does not
    /// end the schedule.
    pub async fn run_schedule(&self, stop: StopFlag, actor: &Actor) -> Result<()> {
        self.inner.allow_everywhere(actor, Action::RunSyncs)?;
        let mut schedule = Scheduler {
            engine: self,
            actor,
            under_way: BTreeSet::new(),
            pauses: BTreeMap::new(),
            rests: BTreeMap::new(),
            written: BTreeMap::new(),
            tenants: Turns::default(),
            connections: BTreeMap::new(),
            running: JoinSet::new(),
            feeds: BTreeMap::new(),
            feeding: JoinSet::new(),
        };
        self.migrations().go_on().await?;
        let ended = schedule.run(&stop).await;
        schedule.wind_down().await?;
        ended
    }
}

/// How a started job ended.
struct Ended {
    job: Job,
    calls: u64,
    /// `None` when another worker has done it, or does it now.
    outcome: Option<Result<Vec<Run>>>,
}

/// Waits until the app or a person has changed something, in this process or in another one of the store.
async fn edited(inner: &Inner) {
    let elsewhere = async {
        match inner.store.dispatcher() {
            Some(dispatcher) => dispatcher.woken().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = inner.runner.edited.notified() => {}
        () = elsewhere => {}
    }
}

/// Carries a job out, unless another worker was quicker: several that share a store find the same connections due.
async fn carry_out(
    engine: &Engine,
    actor: &Actor,
    mut job: Job,
    written: Option<u64>,
) -> (Job, Option<Result<Vec<Run>>>) {
    let inner = &engine.inner;
    let lane = inner.runner.lane(job.connection);
    // Where it has a run in this process already, this one takes its place behind it.
    let mut claimed = None;
    if let Ok(turn) = lane.try_lock() {
        let mine = claim(inner, &mut job, written).await;
        drop(turn);
        match mine {
            Ok(Some(lease)) => claimed = Some(lease),
            Ok(None) => return (job, None),
            Err(error) => return (job, Some(Err(error))),
        }
    }
    let request = RunRequest {
        tenant: job.tenant,
        scope: job.scope.clone(),
        parameters: job.parameters.clone(),
    };
    let outcome = engine.runs().run(request, actor).await;
    if let (Err(_), Some(lease)) = (&outcome, claimed) {
        // No run has taken it over, so nobody else would give it back.
        let _given_back = lease.release(inner).await;
    }
    (job, Some(outcome))
}

/// The lease of a job's connection, if nobody else has it and the job is still to be done.
async fn claim(inner: &Inner, job: &mut Job, written: Option<u64>) -> Result<Option<Lease>> {
    let Some(lease) = Lease::claim(inner, job.tenant, job.connection).await? else {
        return Ok(None);
    };
    match due::look_again(inner, job, inner.clock.now(), written).await? {
        Some(again) => {
            *job = again;
            Ok(Some(lease))
        }
        None => lease.release(inner).await.map(|()| None),
    }
}

struct Scheduler<'a> {
    engine: &'a Engine,
    actor: &'a Actor,
    /// Connections with a job of ours.
    under_way: BTreeSet<u64>,
    /// Connections left alone after trouble: until when, and for how long.
    pauses: BTreeMap<u64, (Timestamp, Duration)>,
    /// Connections that just had a run for hints or failed records: until when they rest from that.
    rests: BTreeMap<(u64, Cause), Timestamp>,
    /// Up to which entry of its tenant's audit a connection's edits were written.
    written: BTreeMap<u64, u64>,
    tenants: Turns<TenantId>,
    connections: BTreeMap<TenantId, Turns<u64>>,
    running: JoinSet<Ended>,
    /// Connections whose change feed was read: when it is read again, and whether it was worth it.
    feeds: BTreeMap<u64, (Timestamp, bool)>,
    feeding: JoinSet<(u64, Result<usize>)>,
}

impl Scheduler<'_> {
    async fn run(&mut self, stop: &StopFlag) -> Result<()> {
        let inner = &self.engine.inner;
        while !stop.is_stopped() {
            let now = inner.clock.now();
            let outlook = due::look(inner, now, &self.written).await?;
            self.start_due(&outlook, now);
            self.start_feeds(&outlook, now);
            due::daily(self.engine, now, self.actor, stop).await?;
            let wake = self.wake_at(&outlook, now);
            tokio::select! {
                biased;
                () = stop.stopped() => break,
                () = inner.clock.sleep_until(wake) => {}
                () = inner.runner.bell.notified() => {}
                () = edited(inner) => {
                    // Who saves a form often saves more; what comes meanwhile goes with it.
                    let now = inner.clock.now();
                    let soon = now.saturating_add(inner.settings.edit_delay).unwrap_or(now);
                    inner.clock.sleep_until(soon).await;
                }
                Some(ended) = self.running.join_next() => self.take(ended)?,
                Some(Ok((connection, told))) = self.feeding.join_next() => self.take_feed(connection, &told),
            }
        }
        Ok(())
    }

    /// Looks into the change feeds of the connections whose syncs run by themselves.
    fn start_feeds(&mut self, outlook: &Outlook, now: Timestamp) {
        for connection in &outlook.connections {
            if self.feeds.get(connection).is_some_and(|(next, _)| *next > now) {
                continue;
            }
            // Until it has ended, it is not asked again.
            self.feeds.insert(*connection, (Timestamp::MAX, false));
            let (engine, actor, connection) = (self.engine.clone(), self.actor.clone(), *connection);
            self.feeding
                .spawn(async move { (connection, engine.read_feed(connection, &actor).await) });
        }
    }

    fn take_feed(&mut self, connection: u64, told: &Result<usize>) {
        let rest = match told {
            Ok(_) => FEED_REST,
            Err(error) => {
                if error.kind() != syncline_core::ErrorKind::Unsupported {
                    tracing::warn!(connection, %error, "the change feed could not be read; polls go on");
                }
                NO_FEED_REST
            }
        };
        let next = self.engine.inner.clock.now().saturating_add(rest);
        self.feeds
            .insert(connection, (next.unwrap_or(Timestamp::MAX), told.is_ok()));
    }

    /// Starts as many of the jobs that are due as may run at once.
    fn start_due(&mut self, outlook: &Outlook, now: Timestamp) {
        // A pause that is over is remembered while there is work, so that the next one is longer.
        let wanted: BTreeSet<u64> = outlook.jobs.iter().map(|job| job.connection).collect();
        self.pauses
            .retain(|connection, (until, _)| *until > now || wanted.contains(connection));
        self.rests.retain(|_, until| *until > now);
        let mut waiting: BTreeMap<TenantId, BTreeMap<u64, &Job>> = BTreeMap::new();
        for job in &outlook.jobs {
            let is_paused = self.pauses.get(&job.connection).is_some_and(|(until, _)| *until > now);
            let is_resting = self.rests.contains_key(&(job.connection, job.cause));
            if !is_paused && !is_resting && !self.under_way.contains(&job.connection) {
                waiting.entry(job.tenant).or_default().insert(job.connection, job);
            }
        }
        while self.under_way.len() < self.engine.inner.settings.parallel_runs.max(1) {
            let tenants: Vec<TenantId> = waiting.keys().copied().collect();
            let Some(tenant) = self.tenants.next(&tenants) else {
                return;
            };
            let Some(connections) = waiting.get_mut(&tenant) else {
                return;
            };
            let numbers: Vec<u64> = connections.keys().copied().collect();
            let chosen = self.connections.entry(tenant).or_default().next(&numbers);
            let Some(job) = chosen.and_then(|chosen| connections.remove(&chosen)) else {
                return;
            };
            if connections.is_empty() {
                waiting.remove(&tenant);
            }
            self.start(job.clone());
        }
    }

    fn start(&mut self, job: Job) {
        self.under_way.insert(job.connection);
        let written = self.written.get(&job.connection).copied();
        if job.cause == Cause::Edit || job.parameters.objects.is_empty() {
            self.written.insert(job.connection, job.seen);
        }
        let (engine, actor) = (self.engine.clone(), self.actor.clone());
        self.running.spawn(async move {
            let before = engine.connections().calls_so_far(job.connection).cost;
            let connection = job.connection;
            let (job, outcome) = carry_out(&engine, &actor, job, written).await;
            let calls = engine
                .connections()
                .calls_so_far(connection)
                .cost
                .saturating_sub(before);
            Ended { job, calls, outcome }
        });
    }

    /// Charges an ended job, and leaves its connection alone for a while if there was trouble.
    fn take(&mut self, ended: Result<Ended, tokio::task::JoinError>) -> Result<()> {
        let Ended { job, calls, outcome } = ended.map_err(|error| {
            Error::new(
                syncline_core::ErrorKind::Internal,
                "a scheduled run broke off unexpectedly",
            )
            .because(error)
        })?;
        self.under_way.remove(&job.connection);
        self.tenants.charge(job.tenant, calls);
        self.connections
            .entry(job.tenant)
            .or_default()
            .charge(job.connection, calls);
        let now = self.engine.inner.clock.now();
        let Some(outcome) = outcome else {
            self.written.remove(&job.connection);
            let rested = now.saturating_add(TAKEN_REST).unwrap_or(Timestamp::MAX);
            for cause in [Cause::Poll, Cause::Hint, Cause::Edit, Cause::Retry] {
                self.rests.insert((job.connection, cause), rested);
            }
            return Ok(());
        };
        let rest = match job.cause {
            Cause::Poll => SignedDuration::ZERO,
            Cause::Hint => REST,
            Cause::Edit => EDIT_REST,
            Cause::Retry => RETRY_REST,
        };
        let rested = now.saturating_add(rest).unwrap_or(Timestamp::MAX);
        self.rests.insert((job.connection, job.cause), rested);
        let trouble = match &outcome {
            Err(error) => Some(error.to_string()),
            Ok(runs) => runs
                .iter()
                .find(|run| matches!(run.status, RunStatus::Failed | RunStatus::Stopped))
                .map(|run| run.error.clone().unwrap_or_else(|| run.status.name().to_owned())),
        };
        match trouble {
            None => {
                self.pauses.remove(&job.connection);
            }
            Some(trouble) => {
                // What it was to write still is.
                self.written.remove(&job.connection);
                let pause = self
                    .pauses
                    .get(&job.connection)
                    .map_or(FIRST_PAUSE, |(_, pause)| *pause * 2);
                let pause = pause.min(LONGEST_PAUSE);
                tracing::warn!(connection = job.connection, %trouble, seconds = pause.as_secs(), "left alone for a while");
                let until = now.saturating_add(pause).unwrap_or(Timestamp::MAX);
                self.pauses.insert(job.connection, (until, pause));
            }
        }
        Ok(())
    }

    /// When there may be something to do again, if no bell rings before.
    fn wake_at(&self, outlook: &Outlook, now: Timestamp) -> Timestamp {
        let latest = now.saturating_add(LONGEST_SLEEP).unwrap_or(Timestamp::MAX);
        let pauses = self
            .pauses
            .values()
            .map(|(until, _)| *until)
            .filter(|until| *until > now);
        outlook
            .next
            .into_iter()
            .chain(pauses)
            .chain(self.rests.values().copied())
            .chain(self.feeds.values().filter(|(_, works)| *works).map(|(next, _)| *next))
            .fold(latest, Timestamp::min)
    }

    /// Stops what runs at the next safe place and waits for it.
    async fn wind_down(&mut self) -> Result<()> {
        let inner = &self.engine.inner;
        for connection in &self.under_way {
            let mut query = DocumentQuery::new(DocumentKind::Run).scope(*connection);
            query.status = ["queued", "running"].map(str::to_owned).to_vec();
            let mut tx = inner.store.begin(Mode::Read).await?;
            for run in document::find::<Run>(tx.as_mut(), &query).await? {
                inner.runner.stop_flag(run.id).stop();
            }
        }
        while let Some(ended) = self.running.join_next().await {
            self.take(ended)?;
        }
        Ok(())
    }
}
