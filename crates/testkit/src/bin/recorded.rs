//! Reads recorded answers by our connectors and prints what each came to. See `cargo xtask recorded`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks through its output"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;
use syncline_testkit::recorded::{Reading, Verdict, read_folder};

fn main() -> ExitCode {
    let mut folder = None;
    let mut as_json = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--output" => as_json = arguments.next().as_deref() == Some("json"),
            "--output=json" => as_json = true,
            _ => folder = Some(PathBuf::from(argument)),
        }
    }
    let Some(folder) = folder else {
        eprintln!("error: name the folder of recordings: recorded DIR [--output table|json]");
        return ExitCode::FAILURE;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let readings = runtime.and_then(|runtime| runtime.block_on(read_folder(&folder)));
    let readings = match readings {
        Ok(readings) => readings,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    if as_json {
        println!("{:#}", json!(readings.iter().map(as_object).collect::<Vec<_>>()));
    } else {
        print!("{}", table(&readings));
    }
    if readings.iter().any(|reading| reading.verdict == Verdict::Failed) {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn as_object(reading: &Reading) -> serde_json::Value {
    json!({
        "file": reading.file,
        "answers": reading.answers,
        "read_as": reading.read_as,
        "dropped": reading.dropped,
        "wrong": reading.wrong,
        "verdict": reading.verdict.label(),
    })
}

/// One line per file, and below it what was dropped or is wrong.
fn table(readings: &[Reading]) -> String {
    let mut text = String::new();
    for reading in readings {
        let Reading {
            file, answers, read_as, ..
        } = reading;
        text.push_str(&format!(
            "{:<11} {file}\n            {read_as}",
            reading.verdict.label()
        ));
        if reading.verdict == Verdict::NotCalled {
            text.push_str(&format!(" ({answers})"));
        }
        text.push('\n');
        for dropped in &reading.dropped {
            text.push_str(&format!("            dropped: {dropped}\n"));
        }
        for wrong in &reading.wrong {
            text.push_str(&format!("            wrong: {wrong}\n"));
        }
    }
    let count = |verdict| readings.iter().filter(|reading| reading.verdict == verdict).count();
    text.push_str(&format!(
        "{} read, {} of APIs that are not called, {} without an answer, {} failed\n",
        count(Verdict::Read),
        count(Verdict::NotCalled),
        count(Verdict::NoAnswer),
        count(Verdict::Failed)
    ));
    text
}
