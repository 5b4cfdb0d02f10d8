//! The deterministic simulation: the real engine, the real connectors and the real simulators in one thread, under
//! virtual time and seeded randomness.
//!
//! One seed is one history of users, faults and crashes, and the same seed gives the same trace on every machine. What
//! happened is known from outside of the engine (`ghost`), so that the invariants of section 12 of the algorithm can be
//! checked (`check`) instead of believed. See `docs` of `cargo xtask simulate` for how it is run.

mod administrator;
mod app;
mod batch;
mod check;
mod coverage;
mod crm;
mod failing;
mod ghost;
mod history;
mod life;
mod play;
mod resend;
mod scenario;
mod settle;
mod shrink;
mod users;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use syncline_core::store::Store;
use syncline_storage::MemoryStore;

use crate::blocking::BlockingStore;

pub use batch::{Batch, Report, simulate_all};
pub use check::{Checked, Invariant, Violation};
pub use coverage::{expected, unreachable};
pub use shrink::{Regression, shrink};

use history::Step;
use play::Play;
use scenario::Scenario;
use world::World;

/// What is asserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Faults to the end, and only what must hold in every state.
    Safety,
    /// Then the faults stop, and everything must agree and fall silent.
    #[default]
    Liveness,
}

/// One history, as it was played.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Hash of every request, answer and time of it.
    pub trace: u64,
    /// What did not hold.
    pub violations: Vec<Violation>,
    /// What was reached, and how often.
    pub coverage: BTreeMap<String, u64>,
    /// Faults injected, by name.
    pub faults: BTreeMap<String, u64>,
    /// Edits by users.
    pub edits: u64,
    /// Requests that the CRMs answered.
    pub requests: u64,
    /// Writes that met an edit which nobody had read.
    pub unseen: u64,
    /// What happened, where it was asked for.
    pub story: Vec<String>,
}

impl Outcome {
    /// Whether everything held.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.violations.is_empty()
    }
}

/// Plays the history of a seed.
#[must_use]
pub fn simulate(seed: u64, mode: Mode) -> Outcome {
    play(seed, mode, None, false)
}

/// Plays the history of a seed, or those of its steps that are kept, and tells the story.
#[must_use]
pub fn tell(seed: u64, mode: Mode, kept: Option<&[u32]>) -> Outcome {
    play(seed, mode, kept, true)
}

/// Plays the history of a seed on a store of its own, which has to be empty. The trace is the same on every store.
#[must_use]
pub fn simulate_on(disk: Arc<dyn Disk>, seed: u64, mode: Mode) -> Outcome {
    play_on(disk, seed, mode, None, false)
}

/// What a simulated process keeps its state on.
pub trait Disk: Store {
    /// What is left when the process dies: what was committed. Open transactions fail, and keep nobody waiting.
    fn crash(&self);
}

impl Disk for MemoryStore {
    fn crash(&self) {
        Self::crash(self);
    }
}

impl Disk for BlockingStore {
    fn crash(&self) {
        Self::crash(self);
    }
}

/// The numbers of a seed's steps.
fn steps(seed: u64) -> (Scenario, Vec<Step>) {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let scenario = Scenario::draw(&mut dice);
    let steps = history::draw(&mut dice, &scenario);
    (scenario, steps)
}

fn play(seed: u64, mode: Mode, kept: Option<&[u32]>, told: bool) -> Outcome {
    play_on(Arc::new(MemoryStore::new()), seed, mode, kept, told)
}

fn play_on(disk: Arc<dyn Disk>, seed: u64, mode: Mode, kept: Option<&[u32]>, told: bool) -> Outcome {
    let (scenario, mut history) = steps(seed);
    if let Some(kept) = kept {
        history.retain(|step| kept.contains(&step.number));
    }
    let mut outcome = Outcome {
        seed,
        trace: 0,
        violations: Vec::new(),
        coverage: BTreeMap::new(),
        faults: BTreeMap::new(),
        edits: 0,
        requests: 0,
        unseen: 0,
        story: Vec::new(),
    };
    let failed = |what: String| Violation {
        invariant: Invariant::Termination,
        what,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            outcome.violations.push(failed(format!("no runtime: {error}")));
            return outcome;
        }
    };
    runtime.block_on(async {
        let world = match World::new(seed, scenario, disk, told) {
            Ok(world) => Arc::new(world),
            Err(error) => {
                outcome.violations.push(failed(format!("no world: {error}")));
                return;
            }
        };
        world.story(|| format!("seed {seed}: {:#?}", world.scenario));
        match Play::set(seed, world.clone()).await {
            Ok(mut play) => {
                play.play(&history).await;
                match mode {
                    Mode::Safety => drop(play.check_safety().await),
                    Mode::Liveness => play.settle().await,
                }
            }
            Err(error) => outcome.violations.push(failed(format!("could not be set up: {error}"))),
        }
        outcome.trace = world.digest();
        outcome.violations.extend(world.violations());
        outcome.coverage = world.coverage();
        for crm in &world.crms {
            outcome.requests += crm.log().total();
            for (fault, count) in crm.faults().injected() {
                *outcome.faults.entry(fault.name().to_owned()).or_default() += count;
                *outcome.coverage.entry(format!("fault {}", fault.name())).or_default() += count;
            }
        }
        outcome.edits = world.ghost().edits.len() as u64;
        outcome.unseen = world
            .unseen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .len() as u64;
        outcome.story = world.told();
    });
    outcome
}
