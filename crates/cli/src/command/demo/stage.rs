//! Stages of the demo with their times.

use std::time::Instant;

use super::progress::Progress;
use super::report::StageReport;

/// The stages so far and the one under way.
pub(super) struct Stages<'a> {
    progress: &'a Progress,
    done: Vec<StageReport>,
    under_way: Option<(&'static str, Instant)>,
}

impl<'a> Stages<'a> {
    pub(super) const fn new(progress: &'a Progress) -> Self {
        Self {
            progress,
            done: Vec::new(),
            under_way: None,
        }
    }

    /// Begins a stage.
    pub(super) fn begin(&mut self, name: &'static str) {
        self.progress.say(&format!("{name} ..."));
        self.under_way = Some((name, Instant::now()));
    }

    /// Ends it, with the number of records that it dealt with; 0 when that says nothing.
    pub(super) fn end(&mut self, records: u64) {
        let Some((name, began)) = self.under_way.take() else {
            return;
        };
        let seconds = began.elapsed().as_secs_f64();
        let rate = if seconds > 0.0 { records as f64 / seconds } else { 0.0 };
        let stage = StageReport {
            stage: name.to_owned(),
            seconds: (seconds * 1_000.0).round() / 1_000.0,
            records,
            records_per_second: rate.round(),
        };
        let counted = if records > 0 {
            format!(", {records} records, {rate:.0}/s")
        } else {
            String::new()
        };
        self.progress.say(&format!("{name}: {seconds:.1} s{counted}"));
        self.done.push(stage);
    }

    /// All stages.
    pub(super) fn finish(self) -> Vec<StageReport> {
        self.done
    }
}
