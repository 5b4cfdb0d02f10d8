//! The measured programs, each in a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use clap::ValueEnum;

use crate::entities;
use crate::failure::Result;
use crate::measure::Measurement;
use crate::pull;
use crate::server::Address;

/// One of the measured programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Program {
    /// Parse into typed structs and forget them.
    ParseTyped,
    /// Parse into `serde_json::Value` and forget it.
    ParseValue,
    /// Parse typed and insert a row each.
    BareLoop,
    /// A first pull by the engine, then unchanged full ones.
    EnginePull,
    /// A first pull by the engine alone.
    FirstPull,
    /// Lists, searches and aggregates.
    Entities,
}

/// Is the program.
pub(crate) fn run(program: Program, address: &str, records: usize) -> Result<()> {
    let served = || -> Result<Address> { Ok(serde_json::from_str(address)?) };
    match program {
        Program::Entities => entities::run(records),
        Program::ParseTyped => pull::parse::typed(&served()?, records),
        Program::ParseValue => pull::parse::value(&served()?, records),
        Program::BareLoop => pull::bare_loop::run(&served()?, records),
        Program::EnginePull => pull::engine::run(&served()?, records, 3),
        Program::FirstPull => pull::engine::run(&served()?, records, 1),
    }
}

/// Starts the program as a process and returns what it measured.
pub(crate) fn measure(program: Program, address: &Address, records: usize) -> Result<Vec<Measurement>> {
    measure_at(program, &serde_json::to_string(address)?, records)
}

/// As [`measure`], for a program that is served by nobody.
pub(crate) fn measure_alone(program: Program, records: usize) -> Result<Vec<Measurement>> {
    measure_at(program, "", records)
}

fn measure_at(program: Program, address: &str, records: usize) -> Result<Vec<Measurement>> {
    let name = program
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default();
    let output = Command::new(std::env::current_exe()?)
        .args(["child", &name, "--records", &records.to_string(), "--url"])
        .arg(address)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("the program {name} ended with {}", output.status).into());
    }
    let lines = String::from_utf8(output.stdout)?;
    lines.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// A server that runs beside; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    pub(crate) address: Address,
}

impl Server {
    /// Starts a server with so many records and waits until it is ready.
    pub(crate) fn start(records: usize) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve", "--records", &records.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = process.stdout.take().ok_or("the server has no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(Self {
            process,
            address: serde_json::from_str(&line)?,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}
