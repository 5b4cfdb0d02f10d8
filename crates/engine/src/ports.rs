//! Time and randomness as ports, so that a run is a function of its inputs: the system's own in production, a virtual
//! clock and a seed in simulations.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

/// What time it is, and waiting.
#[async_trait]
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time now, to the microsecond that stores keep.
    fn now(&self) -> Timestamp;

    /// Returns at or after `until`; at once when it has passed.
    ///
    /// A virtual clock must move on only when nothing else can go on, as tokio's paused time does: timeouts race
    /// against the work that they limit.
    async fn sleep_until(&self, until: Timestamp);
}

/// The machine's clock; waits on tokio's timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place where the machine's clock is read; everything else asks the port"
    )]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    async fn sleep_until(&self, until: Timestamp) {
        let rest = between(self.now(), until);
        if !rest.is_zero() {
            tokio::time::sleep(rest).await;
        }
    }
}

/// The time from `start` to `end`; zero when `end` is earlier.
pub(crate) fn between(start: Timestamp, end: Timestamp) -> Duration {
    Duration::try_from(end.duration_since(start)).unwrap_or_default()
}

/// `start` plus a time, at most the last instant there is.
pub(crate) fn after(start: Timestamp, time: Duration) -> Timestamp {
    SignedDuration::try_from(time)
        .ok()
        .and_then(|time| start.checked_add(time).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Random numbers. What the vault and OAuth draw must be unpredictable, so production uses [`SystemRandom`].
pub trait Random: Send + Sync + fmt::Debug {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);

    /// A random number.
    fn u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) {
        // Keys and states must never be made of anything weaker, so there is nothing better than to wait for it.
        while getrandom::fill(buffer).is_err() {
            std::thread::yield_now();
        }
    }
}

/// The same numbers for the same seed: for simulations and tests, never for real secrets.
pub struct SeededRandom(Mutex<StdRng>);

impl SeededRandom {
    /// Starts a sequence.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl fmt::Debug for SeededRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeededRandom")
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(buffer);
    }
}

/// A version 7 UUID from the ports: sorts by time, unique by 74 random bits.
pub fn new_uid(clock: &dyn Clock, random: &dyn Random) -> Uuid {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    let milliseconds = u64::try_from(clock.now().as_millisecond()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &bytes).into_uuid()
}

/// As many new unique ids as asked for, ascending with time.
pub(crate) fn new_uids(clock: &dyn Clock, random: &dyn Random, count: usize) -> impl Iterator<Item = Uuid> {
    // Asked for at once: the system's randomness costs a call each time.
    let mut bytes = vec![0; count * 10];
    random.fill(&mut bytes);
    let milliseconds = u64::try_from(clock.now().as_millisecond()).unwrap_or_default();
    let (parts, _) = bytes.as_chunks::<10>();
    let mut made: Vec<Uuid> = parts
        .iter()
        .map(|part| uuid::Builder::from_unix_timestamp_millis(milliseconds, part).into_uuid())
        .collect();
    // In their order within the millisecond too, so that an index of them only grows at its end.
    made.sort_unstable();
    made.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_is_one_sequence() {
        let [first, again, other] = [7, 7, 8].map(|seed| SeededRandom::new(seed).u64());
        assert_eq!(first, again);
        assert_ne!(first, other);
    }

    #[test]
    fn uids_sort_by_time() {
        #[derive(Debug)]
        struct At(i64);
        #[async_trait]
        impl Clock for At {
            fn now(&self) -> Timestamp {
                Timestamp::from_millisecond(self.0).unwrap()
            }
            async fn sleep_until(&self, _: Timestamp) {}
        }
        let random = SeededRandom::new(1);
        let (early, late) = (new_uid(&At(1_000), &random), new_uid(&At(2_000), &random));
        assert!(early < late);
        assert_eq!(early.get_version_num(), 7);
    }

    #[tokio::test]
    async fn waiting_for_a_moment_that_passed_returns_at_once() {
        SystemClock.sleep_until(Timestamp::UNIX_EPOCH).await;
        assert_eq!(SystemClock.now().as_nanosecond() % 1_000, 0);
    }

    #[test]
    fn times_do_not_overflow() {
        assert_eq!(after(Timestamp::MAX, Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(between(Timestamp::MAX, Timestamp::MIN), Duration::ZERO);
    }
}
