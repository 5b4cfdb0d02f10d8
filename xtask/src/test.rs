//! `cargo xtask test`: every check and every test, one step after the other. All of them run even when one fails, so
//! that one pass tells everything that is wrong.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::command::{cargo, run as run_command, succeeds};
use crate::outcome::{Failure, Outcome};
use crate::program::Build;
use crate::{clients, connectors_table, deny, dependencies, fuzz, plugins, postgres, python, recorded, simulate, wasm};

/// Which steps to run.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Run this step alone; may be given several times.
    #[arg(long, value_enum, value_name = "STEP")]
    only: Vec<Step>,
}

/// One step. Cheap ones come first, and those that share compiled dependencies stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// The code is formatted.
    #[value(alias = "fmt")]
    Format,
    /// Crates depend on each other as designed.
    Dependencies,
    /// Lints are errors, in every target.
    Clippy,
    /// The documentation builds, with warnings as errors.
    #[value(alias = "doc")]
    Docs,
    /// Every test.
    Tests,
    /// Every example in the documentation.
    Doctests,
    /// A fixed batch of seeds of the deterministic simulation, of at most two minutes.
    Simulation,
    /// README's connector table is what the manifests say.
    ConnectorsTable,
    /// Recorded answers of the real services are read whole.
    Recorded,
    /// Clients that others wrote get on with the simulators.
    Clients,
    /// The Python package builds, passes its tests, and says of its types what holds.
    Python,
    /// The pure crates build for wasm32-unknown-unknown.
    Wasm,
    /// Whatever reads bytes from outside survives a short run of the fuzzer.
    Fuzz,
    /// Licences, bans and sources.
    Deny,
}

impl Step {
    fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    fn purpose(self) -> String {
        self.to_possible_value()
            .and_then(|value| value.get_help().map(ToString::to_string))
            .unwrap_or_default()
    }

    fn run(self, build: Build) -> Result<Outcome, Failure> {
        match self {
            Self::Format => with_advice(format(), "`cargo fmt --all` formats it"),
            Self::Dependencies => dependencies::check(),
            Self::Clippy => clippy(),
            Self::Docs => docs(),
            Self::Tests => tests(),
            Self::Doctests => doctests(),
            Self::Simulation => simulate::fixed_batch(),
            Self::ConnectorsTable => connectors_table::run(&connectors_table::Arguments { check: true }, build),
            Self::Recorded => recorded::run(&recorded::Arguments::shared(), build),
            Self::Clients => clients::run(&clients::Arguments { only: Vec::new() }, build),
            Self::Python => python::check(),
            Self::Wasm => wasm::build(&wasm::Arguments::any()),
            Self::Fuzz => fuzz::run(&fuzz::Arguments::briefly()),
            Self::Deny => deny::check_tree(),
        }
    }
}

fn with_advice(result: Result<Outcome, Failure>, advice: &str) -> Result<Outcome, Failure> {
    result.map_err(|failure| Failure::new(format!("{failure}: {advice}")))
}

fn format() -> Result<Outcome, Failure> {
    passed(run_command(&mut cargo(["fmt", "--all", "--check"])))
}

fn clippy() -> Result<Outcome, Failure> {
    passed(run_command(&mut cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ])))
}

fn docs() -> Result<Outcome, Failure> {
    let mut command = cargo(["doc", "--workspace", "--no-deps"]);
    // The command line's binary has the facade's name and nothing to document for others.
    command.args(["--exclude", "syncline-cli"]);
    passed(run_command(command.env("RUSTDOCFLAGS", "-D warnings")))
}

fn tests() -> Result<Outcome, Failure> {
    let mut command = if succeeds(&mut cargo(["nextest", "--version"])) {
        cargo(["nextest", "run", "--workspace", "--no-fail-fast"])
    } else {
        cargo([
            "test",
            "--workspace",
            "--no-fail-fast",
            "--lib",
            "--bins",
            "--tests",
            "--examples",
        ])
    };
    if let Outcome::Skipped(reason) = plugins::build(&wasm::Arguments::any())? {
        println!("tests of plugins are skipped: {reason}");
    }
    let server = postgres::find()?;
    match &server {
        postgres::Server::Given => {}
        postgres::Server::Ours(cluster) => {
            command.env(postgres::VARIABLE, cluster.url());
        }
        postgres::Server::Missing(reason) => println!("tests on Postgres are skipped: {reason}"),
    }
    passed(run_command(&mut command))
}

fn doctests() -> Result<Outcome, Failure> {
    passed(run_command(&mut cargo([
        "test",
        "--workspace",
        "--no-fail-fast",
        "--doc",
    ])))
}

fn passed(result: Result<(), Failure>) -> Result<Outcome, Failure> {
    result.map(|()| Outcome::Passed)
}

/// How a step ended, for the summary.
#[derive(Debug)]
struct Ending {
    name: String,
    result: Result<Outcome, Failure>,
    took: Duration,
}

/// Runs the steps and sums up.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let steps: Vec<Step> = Step::value_variants()
        .iter()
        .copied()
        .filter(|step| arguments.only.is_empty() || arguments.only.contains(step))
        .collect();
    let build = if steps.contains(&Step::Tests) {
        Build::WithTests
    } else {
        Build::Alone
    };
    let mut endings = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        println!(
            "\n=== {}/{} {}: {}",
            index + 1,
            steps.len(),
            step.name(),
            step.purpose()
        );
        let started = Instant::now();
        let result = step.run(build);
        let took = started.elapsed();
        if let Err(failure) = &result {
            eprintln!("error: {failure}");
        }
        endings.push(Ending {
            name: step.name(),
            result,
            took,
        });
    }
    println!("\n=== summary");
    print!("{}", summary(&endings));
    if endings.iter().any(|ending| ending.result.is_err()) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn summary(endings: &[Ending]) -> String {
    let mut text = String::new();
    let mut counts = [0_usize; 3];
    for Ending { name, result, took } in endings {
        let seconds = took.as_secs_f64();
        let (place, verdict) = match result {
            Ok(Outcome::Passed) => (0, "passed".to_owned()),
            Err(_) => (1, format!("FAILED    run it alone: cargo xtask test --only {name}")),
            Ok(Outcome::Skipped(reason)) => (2, format!("skipped   {reason}")),
        };
        counts[place] += 1;
        text.push_str(&format!("{name:<17}{seconds:>7.1} s  {verdict}\n"));
    }
    let [passed, failed, skipped] = counts;
    text.push_str(&format!("{passed} passed, {failed} failed"));
    if skipped > 0 {
        text.push_str(&format!(", {skipped} skipped"));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(name: &str, result: Result<Outcome, Failure>) -> Ending {
        Ending {
            name: name.to_owned(),
            result,
            took: Duration::from_millis(1500),
        }
    }

    #[test]
    fn the_summary_names_the_failing_step_and_closes_with_the_counts() {
        let text = summary(&[
            ending("format", Ok(Outcome::Passed)),
            ending("clippy", Err(Failure::new("broken"))),
            ending("docs", Ok(Outcome::Passed)),
        ]);
        assert!(
            text.contains("clippy               1.5 s  FAILED    run it alone: cargo xtask test --only clippy\n"),
            "{text}"
        );
        assert!(text.ends_with("\n2 passed, 1 failed\n"), "{text}");
    }

    #[test]
    fn a_skipped_step_counts_as_neither_passed_nor_failed_and_says_why() {
        let text = summary(&[ending("deny", Ok(Outcome::Skipped("not installed".to_owned())))]);
        assert!(text.contains("skipped   not installed\n"), "{text}");
        assert!(text.ends_with("\n0 passed, 0 failed, 1 skipped\n"), "{text}");
    }

    #[test]
    fn every_step_has_a_name_and_says_what_it_is_for() {
        for step in Step::value_variants() {
            assert!(!step.name().is_empty() && !step.purpose().is_empty(), "{step:?}");
        }
    }
}
