//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::child::Program;

/// What the engine costs, beside what the same work costs without it.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) task: Task,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Measure.
    Run(Run),
    /// Serve generated records; prints the address.
    #[command(hide = true)]
    Serve {
        /// How many.
        #[arg(long)]
        records: usize,
    },
    /// Be one of the measured programs; prints its measurements as a line of JSON each.
    #[command(hide = true)]
    Child {
        /// Which.
        program: Program,
        /// Where the records are served.
        #[arg(long, default_value = "")]
        url: String,
        /// How many there are.
        #[arg(long)]
        records: usize,
    },
}

/// Records per program if nothing else is asked for.
pub(crate) const DEFAULT_RECORDS: usize = 200_000;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Names of benches; all that are run by default if none is given.
    pub(crate) names: Vec<String>,
    /// Records per program, where a bench does not fix the number itself.
    #[arg(long, default_value_t = DEFAULT_RECORDS)]
    pub(crate) records: usize,
    /// How often each program is measured; the best counts, since other work on the machine only ever slows down.
    #[arg(long, default_value_t = 3)]
    pub(crate) repeat: usize,
    /// How the report is printed.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) output: Output,
    /// Where the report is written.
    #[arg(long, default_value = "target/bench/report.json")]
    pub(crate) report: PathBuf,
}

/// How the report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}
