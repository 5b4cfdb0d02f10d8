//! Tokio's paused time as the engine's clock: it moves on when nothing else can.

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use syncline_engine::ports::Clock;
use tokio::time::Instant;

#[derive(Debug)]
pub(crate) struct PausedClock {
    origin: Instant,
    start: Timestamp,
}

impl PausedClock {
    pub(crate) fn new() -> Self {
        Self {
            origin: Instant::now(),
            start: "2026-10-01T12:00:00Z".parse().unwrap(),
        }
    }

    /// Lets time pass.
    pub(crate) async fn pass(&self, time: Duration) {
        tokio::time::advance(time).await;
    }
}

#[async_trait]
impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        self.start + SignedDuration::try_from(self.origin.elapsed()).unwrap()
    }

    async fn sleep_until(&self, until: Timestamp) {
        let rest = until.duration_since(self.now());
        // Tokio's timer counts whole milliseconds.
        tokio::time::sleep(Duration::try_from(rest).unwrap_or_default() + Duration::from_millis(1)).await;
    }
}
