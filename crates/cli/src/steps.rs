//! Progress of what goes through many records.

use indicatif::{ProgressBar, ProgressStyle};

/// One bar on standard error; nothing where that is no terminal.
#[derive(Debug)]
pub(crate) struct Steps(ProgressBar);

impl Steps {
    /// Of so many, where that is known.
    pub(crate) fn new(what: &'static str, total: Option<u64>) -> Self {
        let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let template = match total {
            Some(_) => "{bar:30} {pos}/{len} {prefix} {msg}",
            None => "{spinner} {pos} {prefix} {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(what);
        Self(bar)
    }

    /// So many are done.
    pub(crate) fn show(&self, done: u64, message: &str) {
        self.0.set_position(done);
        self.0.set_message(message.to_owned());
        self.0.tick();
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
