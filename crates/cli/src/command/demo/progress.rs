//! Progress on stderr: one bar per sync and direction, fed by the engine's live progress.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use syncline::event::ProgressEvent;
use syncline::{Engine, Result};
use tokio::sync::broadcast::error::RecvError;

use super::app::user;

/// Bars where stderr is a terminal, lines otherwise.
pub(super) struct Progress {
    bars: MultiProgress,
    is_terminal: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            bars: MultiProgress::new(),
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Says something above the bars.
    pub(super) fn say(&self, line: &str) {
        // A progress line that can't be written is no reason to stop.
        let _ = if self.is_terminal {
            self.bars.println(line)
        } else {
            writeln!(std::io::stderr().lock(), "{line}")
        };
    }

    /// Shows the engine's progress from now on.
    ///
    /// # Errors
    /// What the engine reports.
    pub(super) fn follow(&self, engine: &Engine) -> Result<()> {
        if !self.is_terminal {
            return Ok(());
        }
        let bars = self.bars.clone();
        let mut events = engine.progress(&user())?;
        tokio::spawn(async move {
            let mut shown = BTreeMap::new();
            loop {
                match events.recv().await {
                    Ok(event) => show(&bars, &mut shown, &event),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        });
        Ok(())
    }

    /// Takes the bars away.
    pub(super) fn finish(&self) {
        let _ = self.bars.clear();
    }
}

fn show(bars: &MultiProgress, shown: &mut BTreeMap<(String, String), ProgressBar>, event: &ProgressEvent) {
    let key = (event.sync.clone(), event.stage.clone());
    let bar = shown
        .entry(key)
        .or_insert_with(|| bars.add(ProgressBar::new(0).with_style(style())));
    bar.set_prefix(format!("{} {}", event.sync, event.stage));
    if let Some(total) = event.total {
        bar.set_length(total.max(event.ledger.read));
    } else {
        bar.set_length(event.ledger.read);
    }
    bar.set_position(event.ledger.read);
    bar.set_message(format!("{:.0}/s", event.rate));
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix:28} {bar:24} {human_pos:>9} of {human_len} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
