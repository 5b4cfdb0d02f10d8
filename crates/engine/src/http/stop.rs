//! [`StopFlag`]: asks work to end at the next safe place.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use syncline_core::{Error, ErrorKind, Result};
use tokio::sync::Notify;

/// Asks work to end at the next safe place. Clones are one flag; once raised it stays raised.
#[derive(Clone, Default)]
pub struct StopFlag(Arc<Inner>);

#[derive(Default)]
struct Inner {
    raised: AtomicBool,
    waiters: Notify,
}

impl fmt::Debug for StopFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StopFlag").field(&self.is_stopped()).finish()
    }
}

impl StopFlag {
    /// A flag that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the flag.
    pub fn stop(&self) {
        self.0.raised.store(true, Ordering::Release);
        self.0.waiters.notify_waiters();
    }

    /// Whether it was raised.
    pub fn is_stopped(&self) -> bool {
        self.0.raised.load(Ordering::Acquire)
    }

    /// Goes on unless the flag was raised.
    ///
    /// # Errors
    /// `Stopped` when it was.
    pub fn check(&self) -> Result<()> {
        if self.is_stopped() {
            return Err(Error::new(ErrorKind::Stopped, "stopped on request"));
        }
        Ok(())
    }

    /// Returns once the flag is raised.
    pub async fn stopped(&self) {
        loop {
            let mut raised = std::pin::pin!(self.0.waiters.notified());
            // Registered before the flag is read, or a flag raised in between would be missed.
            raised.as_mut().enable();
            if self.is_stopped() {
                return;
            }
            raised.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn raising_wakes_those_who_wait_and_those_who_come_later() {
        let flag = StopFlag::new();
        flag.check().unwrap();
        let waiting = tokio::spawn({
            let flag = flag.clone();
            async move { flag.stopped().await }
        });
        tokio::task::yield_now().await;
        flag.stop();
        waiting.await.unwrap();
        flag.stopped().await;
        assert_eq!(flag.check().unwrap_err().kind(), ErrorKind::Stopped);
    }
}
