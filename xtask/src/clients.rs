//! `cargo xtask clients`: clients that others wrote, against our simulators. Each is installed under `target/` in the
//! version that `clients/` pins, and runs its script of steps there.

mod installation;
mod report;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use clap::{Args, ValueEnum};

use crate::command::{in_continuous_integration, root};
use crate::outcome::{Failure, Outcome};
use crate::program::{Build, Program, target_folder};
use report::Report;

/// Which clients to run.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Run this client alone; may be given several times.
    #[arg(long, value_enum, value_name = "CLIENT")]
    pub(crate) only: Vec<Client>,
}

/// A client that others wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    /// simple-salesforce, in Python.
    SimpleSalesforce,
    /// jsforce, for Node.
    Jsforce,
    /// @hubspot/api-client, for Node.
    #[value(name = "hubspot-api-client")]
    HubspotForNode,
    /// HubSpot's own SDK for the dated paths, in Python.
    #[value(name = "hubspot-sdk")]
    HubspotForPython,
}

/// What a client is installed and run by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runtime {
    /// Python, with the packages of `requirements.txt`.
    Python,
    /// Node, with those of `package.json`.
    Node,
}

impl Client {
    /// Its folder in `clients/`, and its name for people.
    fn name(self) -> &'static str {
        match self {
            Self::SimpleSalesforce => "simple-salesforce",
            Self::Jsforce => "jsforce",
            Self::HubspotForNode => "hubspot-api-client",
            Self::HubspotForPython => "hubspot-sdk",
        }
    }

    /// Which simulator it is for, and with how many people: enough for more than one page.
    fn simulator(self) -> (&'static str, &'static str) {
        match self {
            Self::SimpleSalesforce | Self::Jsforce => ("salesforce", "2500"),
            Self::HubspotForNode | Self::HubspotForPython => ("hubspot", "300"),
        }
    }

    /// What it needs to be there.
    pub(crate) fn runtime(self) -> Runtime {
        match self {
            Self::SimpleSalesforce | Self::HubspotForPython => Runtime::Python,
            Self::Jsforce | Self::HubspotForNode => Runtime::Node,
        }
    }

    /// The command that runs its steps, once it is installed in this folder.
    fn steps(self, source: &Path, installed: &Path) -> Command {
        let mut command = match self.runtime() {
            Runtime::Python => {
                let mut command = Command::new(installed.join("bin/python"));
                command.arg(source.join("steps.py"));
                command
            }
            Runtime::Node => {
                let mut command = Command::new("node");
                command.arg(installed.join("steps.mjs"));
                command
            }
        };
        command.current_dir(installed);
        command
    }
}

/// Runs the clients. One that can't be installed is reported as missing, and is a failure in continuous integration.
pub(crate) fn run(arguments: &Arguments, build: Build) -> Result<Outcome, Failure> {
    let program = Program::CommandLine.path(build)?;
    let target = target_folder()?;
    let mut missing = Vec::new();
    let mut failed = Vec::new();
    for client in Client::value_variants() {
        if !arguments.only.is_empty() && !arguments.only.contains(client) {
            continue;
        }
        let source = root().join("clients").join(client.name());
        let installed = target.join("clients").join(client.name());
        if let Err(failure) = installation::install(*client, &source, &installed) {
            println!("missing: {}: {failure}", client.name());
            missing.push(client.name());
            continue;
        }
        let report = steps(*client, &source, &installed, &program)?;
        print!("{}", report.table(client.name()));
        if !report.passed() {
            failed.push(client.name());
        }
    }
    if !failed.is_empty() {
        return Err(Failure::new(format!(
            "steps of {} did not pass: the reference says whether the simulator or the step is wrong",
            failed.join(" and ")
        )));
    }
    if missing.is_empty() {
        return Ok(Outcome::Passed);
    }
    let reason = format!("{} could not be installed here", missing.join(" and "));
    if in_continuous_integration() {
        return Err(Failure::new(reason));
    }
    Ok(Outcome::Skipped(reason))
}

/// A simulator under way; dropping it ends it.
struct Simulator(Child);

impl Drop for Simulator {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _ended = self.0.wait();
    }
}

fn steps(client: Client, source: &Path, installed: &Path, program: &Path) -> Result<Report, Failure> {
    let (provider, records) = client.simulator();
    let failed = |what: &str, error: std::io::Error| Failure::new(format!("{}: {what}: {error}", client.name()));
    let mut child = Command::new(program)
        .args(["simulate", provider, "--records", records])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed("the simulator can't be started", error))?;
    let output = child.stdout.take();
    let simulator = Simulator(child);
    let mut line = String::new();
    if let Some(output) = output {
        BufReader::new(output)
            .read_line(&mut line)
            .map_err(|error| failed("the simulator says nothing", error))?;
    }
    if line.trim().is_empty() {
        return Err(Failure::new(format!("{}: the simulator ended at once", client.name())));
    }
    let mut process = client
        .steps(source, installed)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|error| failed("its steps can't be started", error))?;
    if let Some(mut input) = process.stdin.take() {
        input
            .write_all(line.as_bytes())
            .map_err(|error| failed("its steps do not listen", error))?;
    }
    let output = process
        .wait_with_output()
        .map_err(|error| failed("its steps did not end", error))?;
    drop(simulator);
    Report::read(&String::from_utf8_lossy(&output.stdout), output.status.success())
}
