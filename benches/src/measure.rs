//! What one program cost: wall time, processor time of its own process, and its peak memory.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::failure::Result;

/// The cost of one program, or of one phase of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measurement {
    /// Which phase.
    pub(crate) phase: String,
    /// How many records, calls or whatever the bench counts.
    pub(crate) count: u64,
    /// Wall time.
    pub(crate) seconds: f64,
    /// Processor time of the process, all threads, in user and kernel mode; in steps of 10 ms.
    pub(crate) cpu_seconds: f64,
    /// Largest resident size of the process so far.
    pub(crate) peak_mib: f64,
    /// Anything else worth knowing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) note: String,
}

impl Measurement {
    /// Per second of wall time.
    pub(crate) fn rate(&self) -> f64 {
        self.count as f64 / self.seconds.max(1e-9)
    }

    /// Microseconds of processor time for each.
    pub(crate) fn cpu_micros(&self) -> f64 {
        self.cpu_seconds * 1e6 / (self.count as f64).max(1.0)
    }
}

/// A phase that is being measured.
#[derive(Debug)]
pub(crate) struct Phase {
    name: &'static str,
    began: Instant,
    cpu: f64,
}

impl Phase {
    /// Begins a phase.
    pub(crate) fn begin(name: &'static str) -> Result<Self> {
        Ok(Self {
            name,
            cpu: cpu_seconds()?,
            began: Instant::now(),
        })
    }

    /// Ends it and prints the measurement for the parent.
    pub(crate) fn end(self, count: u64, note: impl Into<String>) -> Result<()> {
        let seconds = self.began.elapsed();
        self.end_after(count, seconds, note)
    }

    /// As [`Phase::end`], with a wall time of its own.
    pub(crate) fn end_after(self, count: u64, seconds: Duration, note: impl Into<String>) -> Result<()> {
        let measurement = Measurement {
            phase: self.name.to_owned(),
            count,
            seconds: seconds.as_secs_f64(),
            cpu_seconds: cpu_seconds()? - self.cpu,
            peak_mib: peak_mib()?,
            note: note.into(),
        };
        println!("{}", serde_json::to_string(&measurement)?);
        Ok(())
    }
}

/// Processor time of this process so far.
fn cpu_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_ascii_whitespace()
        .collect();
    // Fields 14 and 15 of the line; the first two are before the bracket. Linux counts these in hundredths.
    let ticks = |index: usize| -> Result<f64> { Ok(fields.get(index).ok_or("no such field")?.parse()?) };
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

/// Largest resident size of this process so far.
fn peak_mib() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = line
        .and_then(|line| line.split_ascii_whitespace().next())
        .ok_or("no VmHWM")?
        .parse()?;
    Ok(kib / 1024.0)
}
