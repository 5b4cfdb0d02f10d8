//! The benches by name.

use crate::arguments::{DEFAULT_RECORDS, Output, Run};
use crate::child::{Program, Server, measure};
use crate::failure::Result;
use crate::measure::Measurement;
use crate::report::{Line, Report, Target};

/// A bench: its name, what it measures, and how.
struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn(&Run) -> Result<Vec<Line>>,
}

const BENCHES: [Bench; 2] = [
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
            for found in measure(program, &server.address, arguments.records)? {
                match best.iter_mut().find(|known| known.phase == found.phase) {
                    Some(known) if known.seconds <= found.seconds => {}
                    Some(known) => *known = found,
                    None => best.push(found),
                }
            }
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

/// Records of the small and of the large pull. `--records` sets the large one.
const SMALL: usize = 100_000;
const LARGE: usize = 1_000_000;

fn memory(arguments: &Run) -> Result<Vec<Line>> {
    let large = if arguments.records == DEFAULT_RECORDS {
        LARGE
    } else {
        arguments.records
    };
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
