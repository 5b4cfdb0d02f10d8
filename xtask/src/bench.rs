//! `cargo xtask bench`: what the engine costs, beside what the same work costs without it, and how many API calls a sync
//! needs, beside the least that the API allows.

use crate::command::{cargo, run};
use crate::outcome::{Failure, Outcome};

/// The name of the table of API calls.
const CALLS: &str = "calls";

/// Arguments of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Names of benches; all if none is given. `calls` is the table of API calls, which is printed as a table only.
    names: Vec<String>,
    /// Records per program.
    #[arg(long)]
    records: Option<usize>,
    /// How often each program is measured; the best counts.
    #[arg(long)]
    repeat: Option<usize>,
    /// How the report is printed: table or json. It is written to target/bench/report.json in any case.
    #[arg(long, default_value = "table")]
    output: String,
}

/// Builds the benches as what ships is built, and runs them.
pub(crate) fn measure(arguments: &Arguments) -> Result<Outcome, Failure> {
    let names: Vec<&String> = arguments.names.iter().filter(|name| *name != CALLS).collect();
    let all = arguments.names.is_empty();
    if all || !names.is_empty() {
        measure_speed(arguments, &names)?;
    }
    if (all && arguments.output == "table") || arguments.names.iter().any(|name| name == CALLS) {
        let package = ["--package", "syncline-testkit", "--example", "calls"];
        run(cargo(["run", "--quiet", "--release"]).args(package))?;
    }
    Ok(Outcome::Passed)
}

fn measure_speed(arguments: &Arguments, names: &[&String]) -> Result<(), Failure> {
    // What starts is measured too.
    run(&mut cargo([
        "build",
        "--quiet",
        "--release",
        "--package",
        "syncline-cli",
    ]))?;
    let mut command = cargo([
        "run",
        "--quiet",
        "--release",
        "--package",
        "syncline-benches",
        "--",
        "run",
    ]);
    command.args(names).args(["--output", &arguments.output]);
    if let Some(records) = arguments.records {
        command.args(["--records", &records.to_string()]);
    }
    if let Some(repeat) = arguments.repeat {
        command.args(["--repeat", &repeat.to_string()]);
    }
    run(&mut command)
}
