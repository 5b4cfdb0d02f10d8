//! The engine-wide sequence by which reads and writes are ordered.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use syncline_core::io::Mark;

/// A hybrid logical clock: microseconds since 1970, but always above every mark that was given or seen before.
///
/// A counter kept in the store would cost a write per read. Going by the clock, and by what is met in stored records,
/// keeps several processes on one store in one order, and never goes back when a clock does.
#[derive(Debug, Default)]
pub(crate) struct Marks(AtomicU64);

impl Marks {
    /// The next mark.
    pub(crate) fn next(&self, now: Timestamp) -> Mark {
        let now = u64::try_from(now.as_microsecond()).unwrap_or(0);
        let mut last = self.0.load(Ordering::Relaxed);
        loop {
            let next = now.max(last + 1);
            match self
                .0
                .compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Mark(next),
                Err(seen) => last = seen,
            }
        }
    }

    /// Takes notice of a mark that another process gave.
    pub(crate) fn witness(&self, mark: u64) {
        self.0.fetch_max(mark, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_ascend_even_when_the_clock_goes_back() {
        let marks = Marks::default();
        let first = marks.next(Timestamp::from_second(100).unwrap());
        let second = marks.next(Timestamp::from_second(50).unwrap());
        assert!(second > first);
        marks.witness(first.0 + 1_000);
        assert!(marks.next(Timestamp::from_second(50).unwrap()).0 > first.0 + 1_000);
    }
}
