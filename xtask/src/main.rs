//! The project's own tasks: `cargo xtask <task>`. The only place with build logic; continuous integration and the
//! README call it, so that a person and a machine run the same thing.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks through its output"
)]

mod bench;
mod clients;
mod command;
mod connectors_table;
mod crashes;
mod deny;
mod dependencies;
mod fuzz;
mod outcome;
mod plugins;
mod postgres;
mod program;
mod python;
mod recorded;
mod sabotage;
mod simulate;
mod test;
mod wasm;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::outcome::{Failure, Outcome};
use crate::program::Build;

/// The project's own tasks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run every check and every test there is.
    Test(test::Arguments),
    /// Measure what the engine costs, beside what the same work costs without it.
    Bench(bench::Arguments),
    /// Play seeds of the deterministic simulation, or show that it catches deliberate faults.
    Simulate(simulate::Arguments),
    /// Kill processes at every failpoint on SQLite and Postgres, which takes long; the tests try a few of them.
    Crashes,
    /// Run a command with a throw-away Postgres server, whose URL is in SYNCLINE_POSTGRES_URL.
    Postgres(postgres::Arguments),
    /// Feed whatever reads bytes from outside with inputs that break it.
    Fuzz(fuzz::Arguments),
    /// Check that crates depend on each other only in the direction of the design.
    CheckDependencies,
    /// Build the core and every connector for wasm32-unknown-unknown.
    Wasm(wasm::Arguments),
    /// Build the connectors as plugins, into target/plugins.
    Plugins(wasm::Arguments),
    /// Write the connector by capability table into README.md, from the connectors' manifests.
    ConnectorsTable(connectors_table::Arguments),
    /// Run clients that others wrote against the simulators.
    Clients(clients::Arguments),
    /// Read recorded answers of the real services by our connectors.
    Recorded(recorded::Arguments),
    /// Check licences, bans, sources and security advisories, installing cargo-deny when it is missing.
    Deny,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Test(arguments) => return test::run(&arguments),
        Task::Bench(arguments) => bench::measure(&arguments),
        Task::Simulate(arguments) => simulate::run(&arguments),
        Task::Crashes => crashes::run(),
        Task::Postgres(arguments) => postgres::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::CheckDependencies => dependencies::check(),
        Task::Wasm(arguments) => wasm::build(&arguments),
        Task::Plugins(arguments) => plugins::build(&arguments),
        Task::ConnectorsTable(arguments) => connectors_table::run(&arguments, Build::Alone),
        Task::Clients(arguments) => clients::run(&arguments, Build::Alone),
        Task::Recorded(arguments) => recorded::run(&arguments, Build::Alone),
        Task::Deny => deny::install_and_check(),
    };
    report(result)
}

fn report(result: Result<Outcome, Failure>) -> ExitCode {
    match result {
        Ok(Outcome::Passed) => ExitCode::SUCCESS,
        Ok(Outcome::Skipped(reason)) => {
            println!("skipped: {reason}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
