//! The deterministic simulation: a few seeds with every build, and every history that once failed. `cargo xtask
//! simulate` plays many more.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use syncline_testkit::simulation::{Mode, Regression, simulate};

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in [1, 2] {
        let (one, two) = (simulate(seed, Mode::Liveness), simulate(seed, Mode::Liveness));
        assert_eq!(one.trace, two.trace, "seed {seed}");
        assert_eq!(one.violations, two.violations, "seed {seed}");
        assert!(one.requests > 0);
    }
}

#[test]
fn every_invariant_holds_in_some_histories() {
    for seed in 0..8 {
        let outcome = simulate(seed, Mode::Liveness);
        assert!(outcome.holds(), "seed {seed}: {:#?}", outcome.violations);
    }
}

#[test]
fn histories_that_failed_once_never_fail_again() {
    let kept: Vec<Regression> = serde_json::from_str(include_str!("simulation/regressions.json")).unwrap();
    for regression in kept {
        let outcome = regression.replay();
        assert!(
            outcome.holds(),
            "seed {} ({}): {:#?}",
            regression.seed,
            regression.about,
            outcome.violations
        );
    }
}
