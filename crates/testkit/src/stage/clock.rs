//! One clock for the engine and the simulators, which runs on tokio's.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Duration, Instant};

/// The time of a stage: begins on a fixed day, passes as tokio's time does, and jumps when it is told to.
///
/// On a paused runtime (`tokio::test(start_paused = true)`) time passes only while everybody waits, and then at once:
/// a day of sleeping costs nothing, and the same history has the same stamps on every machine.
#[derive(Debug, Clone)]
pub struct VirtualClock {
    begun: Instant,
    /// Microseconds by which it was moved.
    moved: Arc<AtomicI64>,
}

impl VirtualClock {
    /// A clock that shows 2026-11-20T10:00:00Z.
    #[must_use]
    pub fn new() -> Self {
        Self {
            begun: Instant::now(),
            moved: Arc::default(),
        }
    }

    /// What it shows.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        const BEGIN: i64 = 1_795_168_800_000_000;
        let passed = i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX);
        let shown = BEGIN
            .saturating_add(passed)
            .saturating_add(self.moved.load(Ordering::Relaxed));
        Timestamp::from_microsecond(shown).unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock on by so many seconds, without anybody waiting.
    pub fn advance(&self, seconds: i64) {
        self.jump(SignedDuration::from_secs(seconds));
    }

    /// Another clock that shows the same and is moved by itself.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self {
            begun: self.begun,
            moved: Arc::new(AtomicI64::new(self.moved.load(Ordering::Relaxed))),
        }
    }

    /// Moves the clock, backwards too, without anybody waiting.
    pub fn jump(&self, by: SignedDuration) {
        let by = i64::try_from(by.as_micros()).unwrap_or_default();
        self.moved.fetch_add(by, Ordering::Relaxed);
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl syncline_engine::ports::Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.time()
    }

    async fn sleep_until(&self, until: Timestamp) {
        let rest = Duration::try_from(until.duration_since(self.time())).unwrap_or_default();
        if !rest.is_zero() {
            tokio::time::sleep(rest).await;
        }
    }
}

impl syncline_simulators::clock::Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        self.time()
    }
}

#[cfg(test)]
mod tests {
    use syncline_engine::ports::Clock;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_day_of_waiting_passes_at_once() {
        let clock = VirtualClock::new();
        let begin = clock.time();
        assert_eq!(begin.to_string(), "2026-11-20T10:00:00Z");
        let tomorrow = begin + SignedDuration::from_hours(24);
        clock.sleep_until(tomorrow).await;
        assert_eq!(clock.time(), tomorrow);
        clock.jump(SignedDuration::from_hours(-1));
        assert_eq!(clock.time(), tomorrow - SignedDuration::from_hours(1));
    }
}
