//! How much one run may change before it stops and asks, and how long things are kept.

use serde::Deserialize;
use syncline::settings::{Brake, Retention, Settings};

/// How much one run may change before it stops and asks.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BrakesTable {
    /// Records that it deletes.
    deletes: Option<Brake>,
    /// Records that it overwrites.
    overwrites: Option<Brake>,
}

impl BrakesTable {
    /// What is wrong with them.
    pub(super) fn complaint(&self) -> Option<String> {
        let brakes = [("deletes", self.deletes), ("overwrites", self.overwrites)];
        brakes.into_iter().find_map(|(name, brake)| {
            let share = brake?.share;
            (!(0.0..=1.0).contains(&share)).then(|| {
                format!("brakes.{name}: `share` is a part of all linked records, from 0 to 1, and not {share}")
            })
        })
    }
}

/// The engine's settings: as the file says, and its defaults elsewhere.
pub(crate) fn settings(brakes: BrakesTable, retention: Retention) -> Settings {
    let defaults = Settings::default();
    Settings {
        delete_brake: brakes.deletes.unwrap_or(defaults.delete_brake),
        overwrite_brake: brakes.overwrites.unwrap_or(defaults.overwrite_brake),
        retention,
        ..defaults
    }
}
