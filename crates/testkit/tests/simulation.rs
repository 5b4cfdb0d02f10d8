//! The deterministic simulation: a few seeds with every build, and every history that once failed. `cargo xtask
//! simulate` plays many more.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::path::Path;

use syncline_testkit::simulation::{Checked, Invariant, Mode, Regression, simulate, unreachable};

/// Whether a function of this name is somewhere in these sources.
fn is_defined(name: &str, folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return !path.ends_with("target") && is_defined(name, &path);
        }
        path.extension().is_some_and(|ending| ending == "rs")
            && std::fs::read_to_string(&path).unwrap().contains(&format!("fn {name}("))
    })
}

#[test]
fn what_the_simulation_does_not_check_is_checked_by_tests_that_are_there() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let invariants = Invariant::ALL.iter().flat_map(|invariant| match invariant.checked() {
        Checked::ByTests(names) => names,
        _ => &[],
    });
    let rows = unreachable().iter().map(|(_, name)| name);
    for name in invariants.chain(rows) {
        assert!(is_defined(name, crates), "there is no test `{name}`");
    }
    assert_eq!(Invariant::ALL.len(), 26);
}

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
