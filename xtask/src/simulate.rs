//! `cargo xtask simulate`: seeds of the deterministic simulation, played by the test kit in a build with all
//! assertions on.

use clap::{Args, ValueEnum};

use crate::command::{cargo, run as run_command};
use crate::outcome::{Failure, Outcome};
use crate::sabotage;

/// What to play.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// The seeds, such as 0..1000, which they are if nothing is said.
    #[arg(long, value_name = "A..B")]
    seeds: Option<String>,
    /// Begins no seed after so many minutes; without --seeds there is no last one.
    #[arg(long, value_name = "N")]
    minutes: Option<f64>,
    /// What is asserted.
    #[arg(long, value_enum, default_value = "liveness")]
    mode: Mode,
    /// Tells the story of one seed; of a failing one, its shortest history that still fails.
    #[arg(long, value_name = "SEED")]
    replay: Option<u64>,
    /// With --replay: tells the whole history.
    #[arg(long, requires = "replay")]
    whole: bool,
    /// On how many threads; as many as there are processors if nothing is said.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// How the report is written.
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
    /// Builds the engine with deliberate faults, one after the other, and shows which seed and which invariant catch
    /// each of them.
    #[arg(long, conflicts_with = "replay")]
    sabotage: bool,
}

/// The seeds that are played where nothing is said.
const DEFAULT: &str = "0..1000";

/// What is asserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// What must hold in every state.
    Safety,
    /// Also that everything agrees and falls silent once the faults stop.
    Liveness,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// The arguments of cargo that build and run the player.
pub(crate) const PLAYER: [&str; 8] = [
    "run",
    "--quiet",
    "--profile",
    "simulation",
    "--package",
    "syncline-testkit",
    "--example",
    "simulate",
];

/// Plays what was asked for.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    if arguments.sabotage {
        return sabotage::run(arguments.seeds.as_deref().unwrap_or(DEFAULT));
    }
    let mut command = cargo(PLAYER);
    let seeds = match (&arguments.seeds, arguments.minutes) {
        (Some(seeds), _) => seeds.clone(),
        (None, Some(_)) => format!("0..{}", u64::MAX),
        (None, None) => DEFAULT.to_owned(),
    };
    command.args(["--", "--seeds", &seeds]);
    if let Some(threads) = arguments.threads {
        command.args(["--threads", &threads.to_string()]);
    }
    if let Some(minutes) = arguments.minutes {
        command.args(["--minutes", &minutes.to_string()]);
    }
    if arguments.mode == Mode::Safety {
        command.args(["--mode", "safety"]);
    }
    if let Some(seed) = arguments.replay {
        command.args(["--replay", &seed.to_string()]);
    }
    if arguments.whole {
        command.arg("--whole");
    }
    if arguments.output == Output::Json {
        command.args(["--output", "json"]);
    }
    run_command(&mut command).map(|()| Outcome::Passed)
}

/// The batch that every change has to pass.
pub(crate) fn fixed_batch() -> Result<Outcome, Failure> {
    let mut command = cargo(PLAYER);
    command.args(["--", "--seeds", "0..1000", "--minutes", "1.5"]);
    run_command(&mut command).map(|()| Outcome::Passed)
}
