//! Live progress of runs on the terminal.

use std::collections::BTreeMap;

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use syncline::event::ProgressEvent;

/// One bar per sync and stage, on standard error; nothing where that is no terminal.
#[derive(Debug, Default)]
pub(crate) struct Bars {
    all: MultiProgress,
    bars: BTreeMap<(String, String), ProgressBar>,
}

impl Bars {
    /// Shows how far a stage has come.
    pub(crate) fn show(&mut self, event: &ProgressEvent) {
        let bar = self
            .bars
            .entry((event.sync.clone(), event.stage.clone()))
            .or_insert_with(|| {
                let bar = self.all.add(ProgressBar::no_length());
                bar.set_prefix(format!("{} {}", event.sync, event.stage));
                bar
            });
        let ledger = &event.ledger;
        match event.total.filter(|total| *total >= ledger.read) {
            Some(total) => {
                bar.set_style(style("{prefix:24} {bar:30} {pos}/{len} {msg}"));
                bar.set_length(total);
            }
            None => bar.set_style(style("{prefix:24} {spinner} {pos} {msg}")),
        }
        bar.set_position(ledger.read);
        let left = event
            .seconds_left
            .filter(|left| left.is_finite() && *left >= 0.0)
            .map_or_else(String::new, |left| {
                format!(", {} left", HumanDuration(std::time::Duration::from_secs_f64(left)))
            });
        bar.set_message(format!(
            "{:.0}/s, {} new, {} changed, {} the same{left}",
            event.rate, ledger.created, ledger.updated, ledger.unchanged
        ));
    }

    /// Moves the spinners.
    pub(crate) fn tick(&self) {
        for bar in self.bars.values() {
            bar.tick();
        }
    }

    /// A line above the bars.
    pub(crate) fn say(&self, text: &str) {
        // Without a terminal there are no bars that the line could break.
        if self.all.is_hidden() {
            crate::output::note(text);
        } else {
            let _terminal_gone = self.all.println(text);
        }
    }

    /// Takes the bars away.
    pub(crate) fn finish(&self) {
        for bar in self.bars.values() {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
