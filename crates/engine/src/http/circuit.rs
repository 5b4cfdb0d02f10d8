//! [`Circuit`]: leaves a provider alone for a while after many failures in a row.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::ports::{after, between};

/// Counts failures in a row of one connection.
#[derive(Debug)]
pub(super) struct Circuit {
    failures: u32,
    pause: Duration,
    max_pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    in_a_row: u32,
    open_until: Option<Timestamp>,
    /// Openings since the last success.
    openings: u32,
    /// What failed last, in words.
    last: String,
}

impl Circuit {
    pub(super) fn new(failures: u32, pause: Duration, max_pause: Duration) -> Self {
        Self {
            failures: failures.max(1),
            pause,
            max_pause,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a call pass, or says for how long none will, and what failed last. After the pause one call tries first.
    pub(super) fn pass(&self, now: Timestamp) -> Result<(), (Duration, String)> {
        let mut state = self.state();
        match state.open_until {
            Some(until) if until > now => Err((between(now, until), state.last.clone())),
            Some(_) => {
                // The others wait for what this one learns.
                state.open_until = Some(after(now, self.pause));
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(super) fn succeeded(&self) {
        *self.state() = State::default();
    }

    pub(super) fn failed(&self, now: Timestamp, why: String) {
        let mut state = self.state();
        state.last = why;
        state.in_a_row += 1;
        if state.in_a_row < self.failures {
            return;
        }
        let pause = self
            .pause
            .saturating_mul(1_u32.checked_shl(state.openings).unwrap_or(u32::MAX));
        state.openings = (state.openings + 1).min(16);
        state.open_until = Some(after(now, pause.min(self.max_pause)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_lets_one_try_and_closes_on_success() {
        let circuit = Circuit::new(3, Duration::from_secs(5), Duration::from_secs(60));
        let at = |second| Timestamp::from_second(second).unwrap();
        circuit.failed(at(0), "first".to_owned());
        circuit.failed(at(0), "first".to_owned());
        circuit.pass(at(0)).unwrap();
        circuit.failed(at(0), "first".to_owned());
        assert_eq!(circuit.pass(at(1)), Err((Duration::from_secs(4), "first".to_owned())));
        circuit.pass(at(5)).unwrap();
        circuit.pass(at(5)).unwrap_err();
        circuit.failed(at(6), "second".to_owned());
        let longer = Err((Duration::from_secs(10), "second".to_owned()));
        assert_eq!(circuit.pass(at(6)), longer, "longer each time");
        circuit.succeeded();
        circuit.pass(at(6)).unwrap();
    }
}
