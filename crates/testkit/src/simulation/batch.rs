//! Many seeds, on as many threads as the machine has, and what came of them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Mode, Outcome, coverage, simulate};

/// Which seeds to play.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The seeds.
    pub seeds: Range<u64>,
    /// What is asserted.
    pub mode: Mode,
    /// When to begin no further seed.
    pub longest: Option<Duration>,
    /// Every so many-th seed is played twice and its traces are compared.
    pub twice_every: u64,
    /// After so many failing seeds no further one is begun.
    pub most_failures: usize,
    /// How many threads play.
    pub threads: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            seeds: 0..1_000,
            mode: Mode::Liveness,
            longest: None,
            twice_every: 50,
            most_failures: 20,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// What came of a batch.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Histories played.
    pub histories: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Edits by users.
    pub edits: u64,
    /// Requests that the CRMs answered.
    pub requests: u64,
    /// Writes that met an edit which nobody had read.
    pub unseen: u64,
    /// Faults injected, by name.
    pub faults: BTreeMap<String, u64>,
    /// What was reached, in how many histories.
    pub coverage: BTreeMap<String, u64>,
    /// What every batch should reach, and this one did not.
    pub missed: Vec<String>,
    /// Seeds with violations, by seed.
    pub failures: BTreeMap<u64, Vec<String>>,
}

impl Report {
    fn add(&mut self, outcome: &Outcome) {
        self.histories += 1;
        self.edits += outcome.edits;
        self.requests += outcome.requests;
        self.unseen += outcome.unseen;
        for (fault, count) in &outcome.faults {
            *self.faults.entry(fault.clone()).or_default() += count;
        }
        for what in outcome.coverage.keys() {
            *self.coverage.entry(what.clone()).or_default() += 1;
        }
        if !outcome.holds() {
            let what = outcome.violations.iter().map(ToString::to_string).collect();
            self.failures.insert(outcome.seed, what);
        }
    }

    /// Seeds per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.histories as f64 / self.seconds.max(0.001)
    }

    /// Whether everything held and everything was reached.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.failures.is_empty() && self.missed.is_empty()
    }
}

/// Plays a batch.
#[must_use]
pub fn simulate_all(batch: &Batch) -> Report {
    let begun = Instant::now();
    let next = AtomicU64::new(batch.seeds.start);
    let report = Mutex::new(Report::default());
    let work = || {
        loop {
            if batch.longest.is_some_and(|longest| begun.elapsed() >= longest) {
                return;
            }
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= batch.seeds.end {
                return;
            }
            let mut outcome = simulate(seed, batch.mode);
            if batch.twice_every > 0 && seed.is_multiple_of(batch.twice_every) {
                let again = simulate(seed, batch.mode);
                if again.trace != outcome.trace {
                    outcome.violations.push(super::Violation {
                        invariant: super::Invariant::Determinism,
                        what: format!("two plays left the traces {:x} and {:x}", outcome.trace, again.trace),
                    });
                }
            }
            let mut report = report.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            report.add(&outcome);
            if report.failures.len() >= batch.most_failures {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..batch.threads.max(1) {
            scope.spawn(work);
        }
    });
    let mut report = report.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    report.seconds = begun.elapsed().as_secs_f64();
    report.missed = coverage::expected_of(report.histories)
        .into_iter()
        .filter(|what| !report.coverage.contains_key(what))
        .collect();
    report
}
