//! The benches by name.

use std::process::Command;
use std::time::Instant;

use crate::arguments::{DEFAULT_RECORDS, Output, Run};
use crate::child::{Program, Server, measure, measure_alone};
use crate::failure::Result;
use crate::measure::Measurement;
use crate::report::{Line, Report, Target};

/// A bench: its name, what it measures, and how.
struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn(&Run) -> Result<Vec<Line>>,
}

const BENCHES: [Bench; 5] = [
    Bench {
        name: "pull",
        about: "a first and an unchanged full pull into SQLite, beside parsing alone and the bare loop",
        run: pull,
    },
    Bench {
        name: "memory",
        about: "peak memory of a first pull of 1,000,000 records, beside one of 100,000",
        run: memory,
    },
    Bench {
        name: "growth",
        about: "what a record costs among 1,000,000, beside what it costs among 10,000",
        run: growth,
    },
    Bench {
        name: "entities",
        about: "lists, searches and aggregates over 1,000,000 entities",
        run: entities,
    },
    Bench {
        name: "start",
        about: "how long the release command takes to start, and how large it is",
        run: start,
    },
];

/// Runs the benches that are named, or all.
pub(crate) fn run(arguments: &Run) -> Result<()> {
    let wanted = |bench: &&Bench| arguments.names.is_empty() || arguments.names.iter().any(|name| name == bench.name);
    if let Some(unknown) = arguments
        .names
        .iter()
        .find(|name| BENCHES.iter().all(|bench| bench.name != **name))
    {
        let known: Vec<String> = BENCHES
            .iter()
            .map(|bench| format!("{}: {}", bench.name, bench.about))
            .collect();
        return Err(format!("there is no bench `{unknown}`; there are\n  {}", known.join("\n  ")).into());
    }
    let mut lines = Vec::new();
    for bench in BENCHES.iter().filter(wanted) {
        lines.extend((bench.run)(arguments)?);
    }
    let report = Report::new(lines);
    report.write(&arguments.report)?;
    println!(
        "{}",
        match arguments.output {
            Output::Table => report.to_table(),
            Output::Json => report.to_json()?,
        }
    );
    Ok(())
}

fn pull(arguments: &Run) -> Result<Vec<Line>> {
    let server = Server::start(arguments.records)?;
    let mut best: Vec<Measurement> = Vec::new();
    // In turn, so that a slow minute of the machine slows all of them.
    for _ in 0..arguments.repeat.max(1) {
        for program in [
            Program::ParseTyped,
            Program::ParseValue,
            Program::BareLoop,
            Program::EnginePull,
        ] {
            keep_best(&mut best, measure(program, &server.address, arguments.records)?);
        }
    }
    let rate = |phase: &str| {
        let found = best.iter().find(|found| found.phase == phase);
        found.map_or(f64::INFINITY, Measurement::rate)
    };
    let (parse, bare) = (rate("parse into typed structs"), rate("bare loop"));
    let lines = best.iter().map(|found| {
        let line = Line::new("pull", found.clone());
        match found.phase.as_str() {
            "first pull" => line.target(Target::at_least("≥ 0.5 of the bare loop", found.rate() / bare, 0.5)),
            "unchanged full pull" | "unchanged full pull and sweep" => {
                line.target(Target::at_least("≥ 0.5 of parsing", found.rate() / parse, 0.5))
            }
            _ => line,
        }
    });
    Ok(lines.collect())
}

/// Keeps the faster measurement of each phase.
fn keep_best(best: &mut Vec<Measurement>, found: Vec<Measurement>) {
    for found in found {
        match best.iter_mut().find(|known| known.phase == found.phase) {
            Some(known) if known.seconds <= found.seconds => {}
            Some(known) => *known = found,
            None => best.push(found),
        }
    }
}

/// Records of the small and of the large pull. `--records` sets the large one.
const SMALL: usize = 100_000;
const LARGE: usize = 1_000_000;

const fn large(arguments: &Run) -> usize {
    if arguments.records == DEFAULT_RECORDS {
        LARGE
    } else {
        arguments.records
    }
}

fn memory(arguments: &Run) -> Result<Vec<Line>> {
    let large = large(arguments);
    let mut peaks = Vec::new();
    let mut lines = Vec::new();
    for records in [SMALL.min(large / 10), large] {
        let server = Server::start(records)?;
        let found = measure(Program::FirstPull, &server.address, records)?;
        let first = found.into_iter().next().ok_or("nothing was measured")?;
        peaks.push(first.peak_mib);
        lines.push(Line::new("memory", first));
    }
    let growth = peaks[1] / peaks[0];
    let last = lines.pop().ok_or("nothing was measured")?;
    lines.push(last.clone().target(Target::at_most("≤ 120 MiB", peaks[1], 120.0)));
    lines.push(last.target(Target::at_most("≤ 1.1 of the small one", growth, 1.1)));
    Ok(lines)
}

fn growth(arguments: &Run) -> Result<Vec<Line>> {
    let large = large(arguments);
    let mut costs: Vec<Vec<Measurement>> = Vec::new();
    for (records, repeat) in [(large / 100, arguments.repeat.max(1)), (large, 1)] {
        let server = Server::start(records)?;
        let mut best = Vec::new();
        for _ in 0..repeat {
            keep_best(&mut best, measure(Program::EnginePull, &server.address, records)?);
        }
        costs.push(best);
    }
    let mut lines = Vec::new();
    for (few, many) in costs[0].iter().zip(&costs[1]).take(2) {
        lines.push(Line::new("growth", few.clone()));
        let growth = many.seconds / many.count as f64 / (few.seconds / few.count as f64);
        let target = Target::at_most("≤ 1.3 of the time among few", growth, 1.3);
        lines.push(Line::new("growth", many.clone()).target(target));
    }
    Ok(lines)
}

/// What a page of a list or search may take, in milliseconds, and an aggregate that looks through everything.
const QUICK: f64 = 100.0;
const THROUGH: f64 = 10_000.0;

fn entities(arguments: &Run) -> Result<Vec<Line>> {
    let found = measure_alone(Program::Entities, large(arguments))?;
    let lines = found.into_iter().map(|found| {
        let each = found.seconds * 1e3 / found.count as f64;
        let phase = found.phase.clone();
        let line = Line::new("entities", found);
        let looks_through = phase.contains("without index") || phase.contains("count of an unindexed");
        match phase.split(':').next() {
            Some("list" | "search") if !looks_through => line.target(Target::at_most("≤ 100 ms each", each, QUICK)),
            Some("list" | "aggregate") => line.target(Target::at_most("≤ 10 s each", each, THROUGH)),
            _ => line,
        }
    });
    Ok(lines.collect())
}

/// Starts measured, of which the fastest counts.
const STARTS: u64 = 30;

fn start(_: &Run) -> Result<Vec<Line>> {
    let command = std::env::current_exe()?.with_file_name("syncline");
    let size = std::fs::metadata(&command).map_err(|error| {
        format!(
            "{} can't be measured ({error}): build it with `cargo build --release`",
            command.display()
        )
    })?;
    let mut best = f64::INFINITY;
    for _ in 0..STARTS {
        let began = Instant::now();
        let output = Command::new(&command).arg("--version").output()?;
        best = best.min(began.elapsed().as_secs_f64());
        if !output.status.success() {
            return Err(format!("`syncline --version` ended with {}", output.status).into());
        }
    }
    let mib = size.len() as f64 / 1e6;
    let line = Line::new(
        "start",
        Measurement {
            phase: "syncline --version".to_owned(),
            count: 1,
            seconds: best,
            cpu_seconds: 0.0,
            peak_mib: 0.0,
            note: format!("{mib:.1} MB"),
        },
    );
    Ok(vec![
        line.clone().target(Target::at_most("≤ 20 ms", best * 1e3, 20.0)),
        line.target(Target::at_most("≤ 30 MB", mib, 30.0)),
    ])
}
