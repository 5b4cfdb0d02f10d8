//! The numbers that tune the engine, each with its default and its reason.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use syncline_core::plan::Oscillation;

/// How many deletes or overwrites one run may do before it stops and asks: more than both numbers allow halts it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brake {
    /// So many are always allowed.
    pub least: u64,
    /// Beyond that, at most this share of the linked records, from 0 to 1.
    pub share: f64,
}

impl Brake {
    /// Whether so many of so many linked records are too many.
    pub fn trips(&self, count: u64, linked: u64) -> bool {
        count > self.least && count as f64 > linked as f64 * self.share
    }
}

/// How long things are kept, in days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Finished runs and their errors.
    pub runs: u32,
    /// Bodies of audit entries; the chain itself is kept for ever.
    pub audit: u32,
    /// Closed operations.
    pub operations: u32,
    /// Tombstones of cut links: at least the recycle bins' retention.
    pub tombstones: u32,
    /// Events for the host.
    pub events: u32,
    /// Hints that no run has answered.
    pub hints: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            runs: 90,
            audit: 365,
            operations: 14,
            tombstones: 90,
            events: 7,
            hints: 30,
        }
    }
}

/// The engine's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Rows planned and stored per transaction.
    pub page_rows: usize,
    /// Stops a run that deletes too much.
    pub delete_brake: Brake,
    /// Stops a run that overwrites too much.
    pub overwrite_brake: Brake,
    /// How long the outcome of a write stays open before it is looked for: at least twice the request timeout, and the
    /// lag of a search index.
    pub ambiguity_horizon: Duration,
    /// How long an attempt whose outcome was unknown may still land.
    pub late_write_horizon: Duration,
    /// A field is frozen, and a person asked, once so many edits in the CRMs brought an earlier value of it back: two
    /// automations undo each other, and would for ever. People change their mind less often than that.
    pub oscillation_returns: usize,
    /// The time within which these edits are counted.
    pub oscillation_window: Duration,
    /// How long a delete in a CRM is only noted before it is believed: what is restored at once, as after a click in the
    /// wrong place, then never left. It is acted upon by the first run after this time, if the record is still gone.
    pub delete_grace: Duration,
    /// Waits before a failed record is tried again, growing by the power of two up to the longest.
    pub failure_retry: Duration,
    /// The longest wait before a failed record is tried again.
    pub failure_retry_longest: Duration,
    /// How many passes of reading and writing one run makes at most before it leaves the rest to the next.
    pub passes: u32,
    /// How long things are kept.
    pub retention: Retention,
    /// How many runs the scheduler has under way at once.
    pub parallel_runs: usize,
    /// How often a sync is swept by itself where it does not say otherwise: by the first of its runs after this time. Zero
    /// means only when asked.
    pub sweep_interval: Duration,
    /// API calls that one run spends on a sweep at most; the next run goes on from there.
    pub sweep_calls: u64,
    /// A full run ends with a sweep where that is expected to take at most so many API calls.
    pub sweep_after_full_calls: u64,
    /// Changed records that a dry run keeps in memory at most, about two kilobytes each; then its plan ends.
    pub dry_run_records: usize,
    /// A sync with more open conflicts pauses, where its mapping does not say otherwise: its policy does not fit, or
    /// something went wrong on one side. 0 is never.
    pub open_conflicts: u64,
    /// Hints that are kept of a sync at most. More of them become one note that its object changed, which the next poll
    /// answers: that costs fewer calls than reading so many records one by one, and the inbox stays small.
    pub inbox_hints: usize,
    /// The largest file that is carried between CRMs, in bytes; a larger one stays where it is, and is told as a failure.
    pub largest_file: u64,
    /// How long the schedule waits after an edit by the app for more of them, before it starts the run that writes them.
    pub edit_delay: Duration,
}

impl Settings {
    /// When a field counts as flipping.
    pub(crate) const fn oscillation(&self) -> Oscillation {
        Oscillation {
            returns: self.oscillation_returns,
            window: self.oscillation_window,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            page_rows: 2_000,
            delete_brake: Brake { least: 50, share: 0.1 },
            overwrite_brake: Brake {
                least: 1_000,
                share: 0.5,
            },
            ambiguity_horizon: Duration::from_secs(60),
            late_write_horizon: Duration::from_secs(3_600),
            oscillation_returns: 4,
            oscillation_window: Duration::from_secs(3_600),
            delete_grace: Duration::from_secs(300),
            failure_retry: Duration::from_secs(60),
            failure_retry_longest: Duration::from_secs(6 * 3_600),
            passes: 3,
            retention: Retention::default(),
            parallel_runs: 4,
            sweep_interval: Duration::from_secs(24 * 3_600),
            sweep_calls: 5_000,
            sweep_after_full_calls: 200,
            dry_run_records: 100_000,
            open_conflicts: 10_000,
            inbox_hints: 10_000,
            largest_file: 512 << 20,
            edit_delay: Duration::from_millis(10),
        }
    }
}
