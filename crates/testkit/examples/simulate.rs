//! Plays seeds of the simulation; `cargo xtask simulate` runs it.
#![allow(clippy::print_stdout, reason = "a command line tool speaks through its output")]

use std::process::ExitCode;
use std::time::Duration;

use syncline_testkit::simulation::{Batch, Mode, Report, shrink, simulate_all, tell};

/// A history makes and drops many small things, which is what this allocator is for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut batch = Batch::default();
    let (mut json, mut replay, mut whole, mut succeeds) = (false, None, false, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_default();
        match argument.as_str() {
            "--seeds" => {
                let range = value();
                let (from, to) = range.split_once("..").unwrap_or(("0", &range));
                batch.seeds = from.parse().unwrap_or(0)..to.parse().unwrap_or(1_000);
            }
            "--minutes" => {
                let minutes: f64 = value().parse().unwrap_or(1.0);
                batch.longest = Some(Duration::from_secs_f64(minutes * 60.0));
            }
            "--mode" => {
                batch.mode = if value() == "safety" {
                    Mode::Safety
                } else {
                    Mode::Liveness
                }
            }
            "--replay" => replay = value().parse().ok(),
            "--whole" => whole = true,
            // For who reads the report instead of the exit code.
            "--always-succeed" => succeeds = true,
            "--most-failures" => batch.most_failures = value().parse().unwrap_or(20),
            "--threads" => batch.threads = value().parse().unwrap_or(1),
            "--output" => json = value() == "json",
            other => {
                println!("there is no option `{other}`");
                return ExitCode::FAILURE;
            }
        }
    }
    if let Some(seed) = replay {
        return replayed(seed, batch.mode, whole);
    }
    let report = simulate_all(&batch);
    if json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        show(&report);
    }
    if succeeds || report.passes() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Tells the story of a seed; of a failing one, what is left when everything that it fails without is taken out.
fn replayed(seed: u64, mode: Mode, whole: bool) -> ExitCode {
    let shortest = if whole { None } else { shrink(seed, mode, 400) };
    let outcome = tell(
        seed,
        mode,
        shortest.as_ref().map(|regression| regression.kept.as_slice()),
    );
    for line in &outcome.story {
        println!("{line}");
    }
    println!("\ntrace {:016x}", outcome.trace);
    for violation in &outcome.violations {
        println!("violated: {violation}");
    }
    if let Some(regression) = &shortest {
        println!("regression: {}", serde_json::to_string(regression).unwrap_or_default());
    }
    if outcome.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn show(report: &Report) {
    for (what, count) in &report.coverage {
        println!("  {count:>8}  {what}");
    }
    println!("faults injected:");
    for (fault, count) in &report.faults {
        println!("  {count:>8}  {fault}");
    }
    for what in &report.missed {
        println!("never reached: {what}");
    }
    for (seed, violations) in &report.failures {
        println!("seed {seed}:");
        for violation in violations.iter().take(4) {
            println!("    {violation}");
        }
    }
    println!(
        "{} histories in {:.1} s ({:.1} per second), {} edits, {} requests, {} writes met an edit that nobody had read, {} seeds failed, {} rows missed",
        report.histories,
        report.seconds,
        report.rate(),
        report.edits,
        report.requests,
        report.unseen,
        report.failures.len(),
        report.missed.len()
    );
}
