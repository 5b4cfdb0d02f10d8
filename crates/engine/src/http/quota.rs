//! [`QuotaLedger`]: how much of a remote account's limits is used, by our own count and by what answers say.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use syncline_core::manifest::RateLimit;

use super::quota_answer::Observed;
use crate::ports::after;

/// Who waits for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Priority {
    /// A schedule.
    #[default]
    Background,
    /// A person, or the app itself: may use the reserve.
    Interactive,
}

/// How full one limit is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuotaUse {
    /// The limit's name.
    pub name: String,
    /// Calls used in the window that ends now.
    pub used: u64,
    /// Calls allowed in it.
    pub calls: u64,
    /// The window's length in seconds.
    pub seconds: u64,
}

/// Rolling windows of calls to one remote account, shared by all connections to it.
#[derive(Debug)]
pub struct QuotaLedger(Mutex<State>);

#[derive(Debug)]
struct State {
    windows: Vec<Window>,
    /// Until when a bucket rests because the provider said so; the empty name means all calls.
    paused: BTreeMap<String, Timestamp>,
    in_flight: u64,
    reserve: f64,
}

/// How long a limit that answers called spent is believed: others may have stopped using it meanwhile, and without a
/// call nobody would know.
pub(super) const PROBE: Duration = Duration::from_secs(15 * 60);

/// A window keeps its calls in 64 slots, so that a day's worth takes no more room than a second's.
const SLOTS: i64 = 64;

#[derive(Debug)]
struct Window {
    limit: RateLimit,
    /// Start in milliseconds, calls.
    slots: VecDeque<(i64, u64)>,
    used: u64,
    /// When an answer last told of it, or was last asked to, in milliseconds.
    told: Option<i64>,
}

impl Window {
    fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            slots: VecDeque::new(),
            used: 0,
            told: None,
        }
    }

    fn milliseconds(&self) -> i64 {
        i64::try_from(self.limit.seconds)
            .unwrap_or(i64::MAX / 2_000)
            .saturating_mul(1_000)
    }

    fn slot_length(&self) -> i64 {
        (self.milliseconds() / SLOTS).max(1)
    }

    /// When a slot's last call leaves the window.
    fn leaves(&self, start: i64) -> i64 {
        start + self.slot_length() + self.milliseconds()
    }

    fn forget(&mut self, now: i64) {
        while let Some(&(start, calls)) = self.slots.front()
            && self.leaves(start) <= now
        {
            self.used -= calls;
            self.slots.pop_front();
        }
    }

    fn add(&mut self, now: i64, calls: u64) {
        let start = now - now.rem_euclid(self.slot_length());
        match self.slots.back_mut() {
            Some((last, sum)) if *last >= start => *sum += calls,
            _ => self.slots.push_back((start, calls)),
        }
        self.used += calls;
    }

    fn remove(&mut self, mut calls: u64) {
        while calls > 0
            && let Some((_, sum)) = self.slots.front_mut()
        {
            let taken = calls.min(*sum);
            *sum -= taken;
            self.used -= taken;
            calls -= taken;
            if *sum == 0 {
                self.slots.pop_front();
            }
        }
    }

    /// When so many more calls fit; now if they do already.
    fn room(&self, now: i64, cost: u64, reserve: f64) -> i64 {
        let kept = (self.limit.calls as f64 * reserve) as u64;
        let most = self.limit.calls.saturating_sub(kept).max(1);
        let mut used = self.used;
        let mut at = now;
        for &(start, calls) in &self.slots {
            if used + cost <= most {
                break;
            }
            used -= calls;
            at = at.max(self.leaves(start));
        }
        match self.told {
            Some(told) => at.min(told + PROBE.as_millis() as i64).max(now),
            None => at,
        }
    }
}

impl QuotaLedger {
    /// A ledger with limits that hold until answers say otherwise, and the share of them kept for interactive calls.
    pub fn new(limits: &[RateLimit], reserve: f64) -> Self {
        Self(Mutex::new(State {
            windows: limits.iter().cloned().map(Window::new).collect(),
            paused: BTreeMap::new(),
            in_flight: 0,
            reserve,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call that is about to be made.
    ///
    /// # Errors
    /// When there is no room yet: the earliest time at which there will be.
    pub(super) fn take(
        &self,
        now: Timestamp,
        cost: u64,
        bucket: Option<&str>,
        priority: Priority,
    ) -> Result<(), Timestamp> {
        let mut state = self.state();
        let reserve = if priority == Priority::Interactive {
            0.0
        } else {
            state.reserve
        };
        let milliseconds = now.as_millisecond();
        let applies = |window: &Window| window.limit.bucket.as_deref().is_none_or(|name| bucket == Some(name));
        let mut earliest = milliseconds;
        for window in state.windows.iter_mut().filter(|window| applies(window)) {
            window.forget(milliseconds);
            earliest = earliest.max(window.room(milliseconds, cost, reserve));
        }
        for name in ["", bucket.unwrap_or_default()] {
            if let Some(until) = state.paused.get(name) {
                earliest = earliest.max(until.as_millisecond());
            }
        }
        if earliest > milliseconds {
            return Err(Timestamp::from_millisecond(earliest).unwrap_or(now));
        }
        state.in_flight += cost;
        for window in state.windows.iter_mut().filter(|window| applies(window)) {
            window.add(milliseconds, cost);
            if window.used > window.limit.calls {
                window.told = Some(milliseconds);
            }
        }
        Ok(())
    }

    /// Says that a call taken before has ended, and what its answer told.
    pub(super) fn finish(&self, now: Timestamp, cost: u64, observed: &[Observed]) {
        let mut state = self.state();
        state.in_flight = state.in_flight.saturating_sub(cost);
        let in_flight = state.in_flight;
        for seen in observed {
            let position = state
                .windows
                .iter()
                .position(|window| window.limit.bucket.is_none() && window.limit.seconds == seen.seconds);
            let index = position.unwrap_or_else(|| {
                state.windows.push(Window::new(RateLimit {
                    name: seen.name.to_owned(),
                    calls: seen.calls,
                    seconds: seen.seconds,
                    bucket: None,
                }));
                state.windows.len() - 1
            });
            let window = &mut state.windows[index];
            window.limit.calls = seen.calls;
            window.told = Some(now.as_millisecond());
            window.forget(now.as_millisecond());
            // Calls on their way may not be in the provider's number yet.
            let used = seen.used.max(in_flight);
            if used > window.used {
                let unknown = used - window.used;
                window.add(now.as_millisecond(), unknown);
            } else {
                window.remove(window.used - used);
            }
        }
    }

    /// Holds calls back because the provider asked for it.
    pub(super) fn pause(&self, now: Timestamp, time: Duration, bucket: Option<&str>) {
        let until = after(now, time);
        let mut state = self.state();
        let paused = state
            .paused
            .entry(bucket.unwrap_or_default().to_owned())
            .or_insert(until);
        *paused = until.max(*paused);
    }

    /// How full the limits are.
    pub fn usage(&self, now: Timestamp) -> Vec<QuotaUse> {
        let mut state = self.state();
        let uses = state.windows.iter_mut().map(|window| {
            window.forget(now.as_millisecond());
            QuotaUse {
                name: window.limit.name.clone(),
                used: window.used,
                calls: window.limit.calls,
                seconds: window.limit.seconds,
            }
        });
        uses.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(calls: u64, seconds: u64, bucket: Option<&str>) -> RateLimit {
        RateLimit {
            name: format!("{seconds}"),
            calls,
            seconds,
            bucket: bucket.map(str::to_owned),
        }
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn no_rolling_window_ever_holds_more_calls_than_allowed() {
        let ledger = QuotaLedger::new(&[limit(100, 10, None)], 0.0);
        let mut now = at(0);
        let mut sent = Vec::new();
        for _ in 0..500 {
            while let Err(until) = ledger.take(now, 1, None, Priority::Background) {
                assert!(until > now);
                now = until;
            }
            sent.push(now);
            now = after(now, Duration::from_millis(7));
        }
        for window in sent.windows(101) {
            assert!(window[100].duration_since(window[0]).as_millis() >= 10_000);
        }
        assert!(sent[499].duration_since(sent[0]).as_secs() < 60, "and it is used well");
    }

    #[test]
    fn the_reserve_is_for_interactive_calls() {
        let ledger = QuotaLedger::new(&[limit(10, 10, None)], 0.2);
        for _ in 0..8 {
            ledger.take(at(0), 1, None, Priority::Background).unwrap();
        }
        ledger.take(at(1), 1, None, Priority::Background).unwrap_err();
        ledger.take(at(1), 2, None, Priority::Interactive).unwrap();
        ledger.take(at(1), 1, None, Priority::Interactive).unwrap_err();
    }

    #[test]
    fn a_bucket_is_counted_by_itself_and_with_the_rest() {
        let ledger = QuotaLedger::new(&[limit(100, 10, None), limit(2, 1, Some("search"))], 0.0);
        for _ in 0..2 {
            ledger.take(at(0), 1, Some("search"), Priority::Background).unwrap();
        }
        let until = ledger.take(at(0), 1, Some("search"), Priority::Background).unwrap_err();
        assert!(until > at(0) && until <= at(1_100));
        ledger.take(at(0), 1, None, Priority::Background).unwrap();
        assert_eq!(
            ledger.usage(at(0)).iter().map(|window| window.used).collect::<Vec<_>>(),
            [3, 2]
        );
    }

    #[test]
    fn answers_correct_the_count_in_both_directions() {
        let ledger = QuotaLedger::new(&[limit(100, 86_400, None)], 0.0);
        ledger.take(at(0), 1, None, Priority::Background).unwrap();
        let seen = |used| {
            [Observed {
                name: "daily",
                calls: 100,
                used,
                seconds: 86_400,
            }]
        };
        ledger.finish(at(1), 1, &seen(100));
        ledger.take(at(2), 1, None, Priority::Background).unwrap_err();
        ledger.finish(at(3), 0, &seen(40));
        for _ in 0..60 {
            ledger.take(at(4), 1, None, Priority::Background).unwrap();
        }
        ledger.finish(at(5), 1, &seen(40));
        assert_eq!(ledger.usage(at(5))[0].used, 59, "calls on their way still count");
    }

    #[test]
    fn a_spent_limit_is_tried_again_with_one_call_after_a_while() {
        let ledger = QuotaLedger::new(&[limit(100, 86_400, None)], 0.0);
        ledger.finish(
            at(0),
            0,
            &[Observed {
                name: "daily",
                calls: 100,
                used: 100,
                seconds: 86_400,
            }],
        );
        let until = ledger.take(at(1), 1, None, Priority::Background).unwrap_err();
        assert_eq!(until, after(at(0), PROBE));
        ledger.take(until, 1, None, Priority::Background).unwrap();
        ledger.take(until, 1, None, Priority::Background).unwrap_err();
    }

    #[test]
    fn a_pause_holds_back_what_it_names() {
        let ledger = QuotaLedger::new(&[], 0.0);
        ledger.pause(at(0), Duration::from_secs(3), Some("search"));
        ledger.take(at(1), 1, None, Priority::Background).unwrap();
        assert_eq!(
            ledger.take(at(1), 1, Some("search"), Priority::Interactive),
            Err(at(3_000))
        );
        ledger.pause(at(0), Duration::from_secs(9), None);
        assert_eq!(
            ledger.take(at(1), 1, Some("search"), Priority::Background),
            Err(at(9_000))
        );
    }
}
