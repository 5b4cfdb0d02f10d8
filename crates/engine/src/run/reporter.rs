//! A run's ties to the outside while it is under way: stopping, waiting, and telling how far it has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use syncline_core::error::Result;

use super::context::SyncContext;
use super::model::{Moment, Run};
use crate::event::{Events, ProgressEvent};
use crate::http::StopFlag;
use crate::ports::{Clock, between};

/// A run that is looked at closely writes at most so many moments down.
const MOST_MOMENTS: usize = 5_000;

/// See the [module](self).
pub(crate) struct Reporter {
    clock: Arc<dyn Clock>,
    events: Events,
    stop: StopFlag,
    run: u64,
    started: Timestamp,
    total: AtomicU64,
}

impl Reporter {
    pub(crate) fn new(clock: Arc<dyn Clock>, events: Events, stop: StopFlag, run: u64) -> Self {
        let started = clock.now();
        Self {
            clock,
            events,
            stop,
            run,
            started,
            total: AtomicU64::new(0),
        }
    }

    /// Goes on unless the run was asked to stop.
    pub(crate) fn check_stop(&self) -> Result<()> {
        self.stop.check()
    }

    /// Waits, unless the run is asked to stop meanwhile.
    pub(crate) async fn wait_until(&self, until: Timestamp) -> Result<()> {
        tokio::select! {
            // In this order, not in a drawn one: a run is a function of its inputs.
            biased;
            () = self.clock.sleep_until(until) => Ok(()),
            () = self.stop.stopped() => self.stop.check(),
        }
    }

    /// Writes down what is only wanted of a run that is looked at closely. Names and counts, never values.
    pub(crate) fn detail(&self, run: &mut Run, what: impl FnOnce() -> String) {
        if !run.parameters.debug {
            return;
        }
        let what = what();
        tracing::info!(run = run.id, connection = run.connection, "{what}");
        if run.timeline.len() < MOST_MOMENTS {
            let at = self.clock.now();
            run.timeline.push(Moment { at, what });
        }
    }

    /// Takes notice of how many records there are.
    pub(crate) fn total(&self, _: &SyncContext, total: Option<u64>) {
        if let Some(total) = total {
            self.total.store(total, Ordering::Relaxed);
        }
    }

    /// A stage without records of its own began.
    pub(crate) fn stage(&self, context: &SyncContext, stage: &str) {
        self.tell(context, stage, super::model::Ledger::default());
    }

    /// Tells how far a direction has come.
    pub(crate) fn progress(&self, context: &SyncContext, direction: &str, run: &mut Run) {
        let ledger = *run.ledger(&context.sync.name, direction);
        self.tell(context, direction, ledger);
    }

    fn tell(&self, context: &SyncContext, stage: &str, ledger: super::model::Ledger) {
        let seconds = between(self.started, self.clock.now()).as_secs_f64();
        let rate = if seconds > 0.0 {
            ledger.read as f64 / seconds
        } else {
            0.0
        };
        let total = Some(self.total.load(Ordering::Relaxed)).filter(|&total| total > 0 && stage == "pull");
        let seconds_left = total
            .filter(|_| rate > 0.0)
            .map(|total| total.saturating_sub(ledger.read) as f64 / rate);
        self.events.progress(ProgressEvent {
            tenant: context.sync.tenant,
            run: self.run,
            sync: context.sync.name.clone(),
            object: context.mapping.object.clone(),
            stage: stage.to_owned(),
            ledger,
            total,
            rate,
            seconds_left,
        });
    }
}
