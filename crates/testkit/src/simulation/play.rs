//! Playing a history: one engine at a time over a world that knows the truth.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use jiff::SignedDuration;
use syncline_connector_hubspot::HubSpot as HubSpotConnector;
use syncline_connector_salesforce::Salesforce as SalesforceConnector;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::mapping::Direction;
use syncline_engine::Engine;
use syncline_engine::actor::Actor;
use syncline_engine::connection::TokenRequest;
use syncline_engine::entity::EntityView;
use syncline_engine::ports::SeededRandom;
use syncline_engine::run::{Run, RunParameters, RunRequest, RunScope};
use syncline_engine::settings::Settings;
use syncline_engine::vault::{InMemoryKeyProvider, SecretKey};
use tokio::task::JoinHandle;

use super::check::{Invariant, Watermarks};
use super::crm::Object;
use super::ghost::Who;
use super::history::{Act, Kind, Step, fault};
use super::life::{Life, LivingStore, Wire};
use super::world::{World, host};
use crate::stage::VirtualClock;

/// A play under way.
pub(super) struct Play {
    pub(super) world: Arc<World>,
    pub(super) engine: Engine,
    pub(super) life: Arc<Life>,
    /// The engine's clock, which may jump while the world's does not.
    clock: VirtualClock,
    lives: u64,
    seed: u64,
    /// Runs that nobody waits for.
    background: Vec<JoinHandle<()>>,
    pub(super) actor: Actor,
    /// By CRM.
    pub(super) connections: Vec<u64>,
    /// What apps have read before, by entity.
    pub(super) read: BTreeMap<String, Vec<EntityView>>,
    /// Records that were taken out of the engine's sight.
    pub(super) unshared: Vec<(usize, String)>,
    /// Runs that ended, by CRM.
    pub(super) runs: BTreeMap<usize, Vec<u64>>,
    pub(super) watermarks: Watermarks,
}

/// The longest that one run may take in virtual time before it counts as one that never ends.
const LONGEST_RUN: Duration = Duration::from_secs(12 * 3_600);
/// The most requests that one history makes.
const MOST_REQUESTS: u64 = 60_000;

impl Play {
    /// Sets everything up as the scenario says.
    ///
    /// # Errors
    /// What the engine says of the settings.
    pub(super) async fn set(seed: u64, world: Arc<World>) -> Result<Self> {
        let life = Arc::new(Life::new(1));
        let clock = world.clock.apart();
        let engine = engine(&world, &life, &clock, seed)?;
        let actor = Actor::admin("admin");
        let mut play = Self {
            world: world.clone(),
            engine: engine.clone(),
            life,
            clock,
            lives: 1,
            seed,
            background: Vec::new(),
            actor: actor.clone(),
            connections: Vec::new(),
            read: BTreeMap::new(),
            unshared: Vec::new(),
            runs: BTreeMap::new(),
            watermarks: Watermarks::default(),
        };
        for tenant in 0..world.scenario.tenants {
            let made = engine.tenant(&format!("tenant {tenant}"), &actor).await?;
            world
                .tenants
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .push(made.id);
        }
        for (index, plan) in world.scenario.crms.iter().enumerate() {
            let credentials = world.crms[index].credentials();
            let tokens = (
                credentials.access_token.clone(),
                Some(credentials.refresh_token.clone()),
            );
            let request = play.tokens(index, tokens);
            let connection = engine.connections().connect_with_tokens(request, &actor).await?;
            play.connections.push(connection.id);
            let objects: &[Object] = if world.scenario.companies {
                &Object::ALL
            } else {
                &[Object::Person]
            };
            for object in objects {
                let new = plan.sync(index, *object, connection.id, world.scenario.companies);
                let saved = engine.syncs().save(new, &actor).await?;
                let mut sides = world.sides.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                sides.insert(saved.sync.side, (index, *object));
            }
        }
        Ok(play)
    }

    /// What connects a CRM.
    fn tokens(&self, crm: usize, (access_token, refresh_token): (String, Option<String>)) -> TokenRequest {
        let plan = &self.world.scenario.crms[crm];
        let credentials = self.world.crms[crm].credentials();
        TokenRequest {
            tenant: self.world.tenant(plan.tenant),
            provider: plan.provider.name().to_owned(),
            name: format!("crm{crm}"),
            login_url: Some(format!("http://{}", host(crm))),
            base_url: Some(format!("http://{}", host(crm))),
            client_id: credentials.client_id.clone(),
            client_secret: Some(credentials.client_secret.clone().into()),
            access_token: access_token.into(),
            refresh_token: refresh_token.map(Into::into),
            expires_at: None,
            settings: BTreeMap::new(),
        }
    }

    /// A person authorises anew what can't be used any more.
    pub(super) async fn reconnect(&self) {
        for (crm, connection) in self.connections.iter().enumerate() {
            let (engine, actor, connection) = (self.engine.clone(), self.actor.clone(), *connection);
            let request = self.tokens(crm, self.world.crms[crm].fresh_tokens());
            let done = self.call(async move {
                if engine
                    .connections()
                    .get(connection, &actor)
                    .await?
                    .check_usable()
                    .is_ok()
                {
                    return Ok(false);
                }
                engine
                    .connections()
                    .connect_with_tokens(request, &actor)
                    .await
                    .map(|_| true)
            });
            match done.await {
                Some(Ok(true)) => self.world.cover("reconnected"),
                Some(Err(error)) => self.world.story(|| format!("    crm{crm} is not reconnected: {error}")),
                _ => {}
            }
        }
    }

    /// Plays the steps in turn.
    pub(super) async fn play(&mut self, steps: &[Step]) {
        for step in steps {
            tokio::time::sleep(Duration::from_millis(step.pause)).await;
            self.revive().await;
            self.step(step).await;
            self.revive().await;
            self.check_always().await;
            if self.life.requests.load(std::sync::atomic::Ordering::Relaxed) > MOST_REQUESTS {
                self.world.violate(
                    Invariant::Termination,
                    "more requests than any history needs".to_owned(),
                );
                return;
            }
        }
    }

    async fn step(&mut self, step: &Step) {
        self.world.story(|| step.to_string());
        self.world.trace(&[&step.to_string()]);
        match step.act {
            Act::Wait => {}
            Act::Run { crm, kind, background } => self.run(crm, kind, background).await,
            Act::Crash { moment, after } => self.life.light(moment, after),
            Act::Stall { seconds } => self.stall(seconds),
            Act::Store { fault, after } => self.life.fail_store(fault, after),
            Act::Automate { crm, times } => self.world.automate(crm, times),
            Act::LoseRefresh { crm } => {
                let faults = self.world.crms[crm].faults();
                faults.script_for(syncline_simulators::Fault::Reset, 1, "token");
                faults.script(syncline_simulators::Fault::Unauthorized, 1);
            }
            Act::Jump { seconds } => {
                self.world.cover("clock jump");
                self.clock.jump(SignedDuration::from_secs(seconds.into()));
            }
            Act::Strike {
                crm,
                fault: position,
                count,
            } => {
                self.expect_late_commits(fault(position));
                self.world.crms[crm].faults().script(fault(position), count);
            }
            Act::Rate {
                crm,
                fault: position,
                permille,
            } => {
                let rate = f64::from(permille) / 1_000.0;
                self.expect_late_commits(fault(position));
                self.world.crms[crm].faults().set_rate(fault(position), rate);
            }
            Act::Expire { crm } => {
                self.world.crms[crm]
                    .faults()
                    .script(syncline_simulators::Fault::Unauthorized, 1);
            }
            Act::Calm { crm } => self.world.crms[crm].faults().clear(),
            Act::Unshare { crm, record } => self.unshare(crm, record),
            Act::Share { crm } => self.share(crm),
            Act::Create { .. }
            | Act::Edit { .. }
            | Act::EditTwo { .. }
            | Act::EditCompany { .. }
            | Act::Employ { .. }
            | Act::Delete { .. }
            | Act::Undelete { .. }
            | Act::Merge { .. }
            | Act::TouchAll { .. } => self.crm_user(step),
            Act::AppCreate { .. } | Act::AppEdit { .. } | Act::AppDelete { .. } | Act::AppUndelete { .. } => {
                self.app_user(step).await;
            }
            Act::Decide {
                tenant,
                item,
                verdict,
                late,
            } => {
                self.decide(step.number, tenant, item as usize, verdict, late).await;
            }
            Act::Pause { .. }
            | Act::Resume { .. }
            | Act::Remap { .. }
            | Act::Rollback { .. }
            | Act::Retry { .. }
            | Act::Hint { .. } => self.administrator(step).await,
        }
    }

    /// Waits for something, unless the process dies meanwhile.
    pub(super) async fn call<T>(&self, work: impl Future<Output = Result<T>>) -> Option<Result<T>> {
        self.life.spared.store(true, std::sync::atomic::Ordering::Relaxed);
        let done = self.wait(work).await;
        self.life.spared.store(false, std::sync::atomic::Ordering::Relaxed);
        done
    }

    /// As [`Self::call`], for work that finds out by itself what a failing store has kept.
    pub(super) async fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Option<Result<T>> {
        let died = self.life.died.notified();
        match select(Box::pin(work), Box::pin(died)).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => {
                self.life.end();
                None
            }
        }
    }

    /// Starts another process where this one has died.
    pub(super) async fn revive(&mut self) {
        if !self.life.is_dead() {
            return;
        }
        for run in self.background.drain(..) {
            run.abort();
        }
        tokio::task::yield_now().await;
        self.world.store.crash();
        self.begin_life();
    }

    /// A user's commit may show late from now on, so that each request is preceded by a look at what did.
    fn expect_late_commits(&self, struck: syncline_simulators::Fault) {
        if struck == syncline_simulators::Fault::LateCommit {
            self.world.late.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// The process stands still, and another one takes its work over.
    fn stall(&mut self, seconds: u32) {
        self.world.cover("a process stood still and another took over");
        let until = self.world.clock.time() + SignedDuration::from_secs(seconds.into());
        self.life.stall(until);
        self.begin_life();
    }

    fn begin_life(&mut self) {
        self.lives += 1;
        let life = Arc::new(Life::new(self.lives));
        let seed = self.seed.wrapping_add(self.lives.wrapping_mul(0x9e37_79b9));
        match engine(&self.world, &life, &self.clock, seed) {
            Ok(engine) => (self.engine, self.life) = (engine, life),
            Err(error) => self
                .world
                .violate(Invariant::Termination, format!("no engine can be made: {error}")),
        }
        self.world.story(|| format!("    process {} begins", self.lives));
    }

    /// Asks for a run of a CRM's syncs.
    pub(super) async fn run(&mut self, crm: usize, kind: Kind, background: bool) {
        let (engine, world, actor) = (self.engine.clone(), self.world.clone(), self.actor.clone());
        let life = self.life.clone();
        let mut parameters = RunParameters {
            // Some engines read pages of two, so that a page ends among records of one stamp.
            batch_size: self.seed.is_multiple_of(3).then_some(2),
            ..RunParameters::default()
        };
        match kind {
            Kind::Usual => {}
            Kind::Full => parameters.full = true,
            Kind::Sweep => parameters.sweep = true,
            Kind::Hints => parameters.hints = true,
            Kind::Dry => parameters.dry_run = true,
            Kind::PullOnly => parameters.direction = Some(Direction::Pull),
            Kind::PushOnly => parameters.direction = Some(Direction::Push),
        }
        let request = RunRequest {
            tenant: world.tenant(world.scenario.crms[crm].tenant),
            scope: RunScope::Connection(self.connections[crm]),
            parameters,
        };
        let work = async move {
            let runs = engine.runs();
            let ended = tokio::time::timeout(LONGEST_RUN, runs.run(request, &actor)).await;
            let Ok(ended) = ended else {
                if life.is_dead() {
                    // It stood still, another process took over, and then it died: nobody waits for it.
                    return Err(Error::new(ErrorKind::Stopped, "its process has died"));
                }
                world.violate(
                    Invariant::Termination,
                    format!("a run of crm{crm} did not end within 12 hours"),
                );
                return Err(Error::new(ErrorKind::Internal, "the run did not end"));
            };
            match &ended {
                Ok(runs) => runs.iter().for_each(|run| judge(&world, crm, run)),
                Err(error) => world.story(|| format!("    crm{crm} refused to run: {error}")),
            }
            ended
        };
        if background {
            self.background.push(tokio::spawn(async move {
                let _told = work.await;
            }));
            return;
        }
        if let Some(Ok(runs)) = self.wait(work).await {
            let ended = self.runs.entry(crm).or_default();
            ended.extend(runs.iter().filter(|run| !run.parameters.dry_run).map(|run| run.id));
        }
    }

    /// Waits for the runs in the background.
    pub(super) async fn join(&mut self) {
        for run in std::mem::take(&mut self.background) {
            let died = self.life.died.notified();
            if let Either::Right(_) = select(run, Box::pin(died)).await {
                self.life.end();
                break;
            }
        }
        self.revive().await;
    }

    /// Lets everything land that is late.
    pub(super) async fn land_all(&self) {
        for (index, crm) in self.world.crms.iter().enumerate() {
            self.world.land(index).await;
            crm.commit_open();
            self.world.look(index, Who::Itself);
        }
    }
}

/// What every run has to satisfy when it ends.
fn judge(world: &World, crm: usize, run: &Run) {
    world.story(|| {
        let (pull, push) = (run.total("pull"), run.total("push"));
        format!(
            "    run {} of crm{crm}: {} read {} (new {}, changed {}), wrote {} (new {}, changed {}, failed {}) {}",
            run.id,
            run.status.name(),
            pull.read,
            pull.created,
            pull.updated,
            push.read,
            push.created,
            push.updated,
            push.failed,
            run.error.as_deref().unwrap_or_default()
        )
    });
    world.cover(format!("run {}", run.status.name()));
    if !run.balances() {
        world.violate(
            Invariant::AuditCompleteness,
            format!("the ledger of run {} does not balance: {:?}", run.id, run.ledgers),
        );
    }
    if let Some(error) = &run.error
        && (error.contains("please report") || error.contains("another entity") || error.contains("was to be"))
    {
        world.violate(
            Invariant::Termination,
            format!("run {} of crm{crm} broke: {error}", run.id),
        );
    }
}

/// An engine over the world, as one process has it.
fn engine(world: &Arc<World>, life: &Arc<Life>, clock: &VirtualClock, seed: u64) -> Result<Engine> {
    let settings = Settings {
        page_rows: if seed.is_multiple_of(3) { 2 } else { 2_000 },
        delete_grace: Duration::from_secs([0, 60, 300][(seed / 3 % 3) as usize]),
        ambiguity_horizon: Duration::from_secs(70),
        late_write_horizon: Duration::from_secs(600),
        failure_retry: Duration::from_secs(10),
        failure_retry_longest: Duration::from_secs(60),
        ..Settings::default()
    };
    let store = LivingStore {
        world: world.clone(),
        life: life.clone(),
    };
    let wire = Wire {
        world: world.clone(),
        life: life.clone(),
    };
    Engine::builder(
        Arc::new(store),
        Arc::new(InMemoryKeyProvider::new(SecretKey::new([7; 32]))),
    )
    .connector(SalesforceConnector::new())
    .connector(HubSpotConnector::new())
    .settings(settings)
    .allow_loopback(true)
    .ports(Arc::new(clock.clone()), Arc::new(SeededRandom::new(seed)))
    .transport(Arc::new(wire))
    .build()
}
