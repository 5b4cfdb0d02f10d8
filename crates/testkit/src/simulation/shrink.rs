//! Making a failing history shorter, step by step, for as long as it fails in the same way.

use serde::{Deserialize, Serialize};

use super::{Invariant, Mode, Outcome, play, steps};

/// A history that once failed, kept so that it never does again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regression {
    /// The seed.
    pub seed: u64,
    /// The steps that are left of it.
    pub kept: Vec<u32>,
    /// What is asserted.
    pub mode: Mode,
    /// What did not hold.
    pub invariant: Invariant,
    /// What was wrong, for people.
    #[serde(default)]
    pub about: String,
}

impl Regression {
    /// Plays it.
    #[must_use]
    pub fn replay(&self) -> Outcome {
        play(self.seed, self.mode, Some(&self.kept), false)
    }
}

/// Takes out of a seed's history what it fails without, at most `attempts` plays long. `None` when it does not fail.
#[must_use]
pub fn shrink(seed: u64, mode: Mode, mut attempts: u32) -> Option<Regression> {
    let (_, history) = steps(seed);
    let all: Vec<u32> = history.iter().map(|step| step.number).collect();
    let first = play(seed, mode, Some(&all), false);
    let invariant = first.violations.first()?.invariant;
    let mut about = first.violations.first()?.what.clone();
    let mut fails = |kept: &[u32]| {
        attempts = attempts.checked_sub(1)?;
        let outcome = play(seed, mode, Some(kept), false);
        let same = outcome
            .violations
            .iter()
            .find(|violation| violation.invariant == invariant);
        same.map(|violation| violation.what.clone())
    };
    let mut kept = all;
    // Faults first: a story without them is the easiest to read.
    let without: Vec<u32> = {
        let is_fault = |number: &u32| history.iter().any(|step| step.number == *number && step.is_fault());
        kept.iter().copied().filter(|number| !is_fault(number)).collect()
    };
    if let Some(what) = fails(&without) {
        (kept, about) = (without, what);
    }
    let mut size = kept.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        while at < kept.len() {
            let mut fewer = kept.clone();
            fewer.drain(at..(at + size).min(fewer.len()));
            match fails(&fewer) {
                Some(what) => (kept, about) = (fewer, what),
                None => at += size,
            }
        }
        if size == 1 {
            break;
        }
        size = size.div_ceil(2);
    }
    Some(Regression {
        seed,
        kept,
        mode,
        invariant,
        about,
    })
}
