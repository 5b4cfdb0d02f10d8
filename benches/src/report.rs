//! The report: figures, ratio, target and verdict, for people and as JSON.

use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};
use jiff::Timestamp;
use serde::Serialize;

use crate::failure::Result;
use crate::measure::Measurement;

/// What a figure is held against.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Target {
    /// In words.
    pub(crate) text: String,
    /// What was reached, in the unit of the target: a ratio, milliseconds, MiB.
    pub(crate) reached: f64,
    /// Whether that is enough.
    pub(crate) met: bool,
}

impl Target {
    /// At least so much.
    pub(crate) fn at_least(text: impl Into<String>, reached: f64, least: f64) -> Self {
        Self {
            text: text.into(),
            reached,
            met: reached >= least,
        }
    }

    /// At most so much.
    pub(crate) fn at_most(text: impl Into<String>, reached: f64, most: f64) -> Self {
        Self {
            text: text.into(),
            reached,
            met: reached <= most,
        }
    }
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Line {
    /// The bench.
    pub(crate) bench: String,
    /// What was measured.
    #[serde(flatten)]
    pub(crate) measurement: Measurement,
    /// Per second of wall time.
    pub(crate) rate: f64,
    /// Microseconds of processor time for each.
    pub(crate) cpu_micros: f64,
    /// What it is held against; a reference has none.
    pub(crate) target: Option<Target>,
}

impl Line {
    /// A line without a target.
    pub(crate) fn new(bench: &str, measurement: Measurement) -> Self {
        Self {
            bench: bench.to_owned(),
            rate: measurement.rate(),
            cpu_micros: measurement.cpu_micros(),
            measurement,
            target: None,
        }
    }

    /// With a target.
    #[must_use]
    pub(crate) fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }
}

/// Everything that one run measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// When.
    at: Timestamp,
    /// On what.
    machine: String,
    /// The lines.
    lines: Vec<Line>,
}

impl Report {
    #[allow(clippy::disallowed_methods, reason = "a measurement says when it was taken")]
    pub(crate) fn new(lines: Vec<Line>) -> Self {
        Self {
            at: Timestamp::now(),
            machine: machine(),
            lines,
        }
    }

    /// As JSON.
    pub(crate) fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// Writes the JSON to a file.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(std::fs::write(file, self.to_json()?)?)
    }

    /// For people.
    pub(crate) fn to_table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header([
            "bench",
            "what",
            "count",
            "per second",
            "CPU µs",
            "peak MiB",
            "target",
            "reached",
            "",
        ]);
        for column in 2..6 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for line in &self.lines {
            let target = line.target.as_ref();
            table.add_row([
                line.bench.clone(),
                line.measurement.phase.clone(),
                line.measurement.count.to_string(),
                format!("{:.0}", line.rate),
                format!("{:.2}", line.cpu_micros),
                format!("{:.0}", line.measurement.peak_mib),
                target.map(|target| target.text.clone()).unwrap_or_default(),
                target
                    .map(|target| format!("{:.2}", target.reached))
                    .unwrap_or_default(),
                target
                    .map_or("", |target| if target.met { "met" } else { "MISSED" })
                    .to_owned(),
            ]);
        }
        format!("{table}\n{}, {}", self.machine, self.at)
    }
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .and_then(|line| line.split_once(':'))
        .map_or("an unknown processor", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{cores} × {model}")
}
