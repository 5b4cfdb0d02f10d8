//! Request limits: the rolling ten seconds, the day, and search's own second.

use std::collections::VecDeque;

use super::stamp::{DAY, Stamp};

/// Which limit a request ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exceeded {
    TenSecondly,
    Daily,
    /// Five searches a second for the whole account.
    SearchSecondly,
}

/// Requests counted against the account's limits.
#[derive(Debug)]
pub(super) struct Limits {
    /// Per ten seconds; absent, nothing is refused and nothing counts down.
    burst: Option<u32>,
    daily: u64,
    recent: VecDeque<Stamp>,
    searches: VecDeque<Stamp>,
    day: i64,
    today: u64,
}

/// What the rate limit headers of one answer say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remaining {
    pub(super) burst_max: u32,
    pub(super) burst_left: u32,
    pub(super) daily_max: u64,
    pub(super) daily_left: u64,
}

/// What private apps may send in ten seconds.
const PRIVATE_APP_BURST: u32 = 190;
/// What a public app may send in ten seconds to one account.
const PUBLIC_APP_BURST: u32 = 110;
const SEARCHES_PER_SECOND: usize = 5;

impl Limits {
    pub(super) fn new(burst: Option<u32>, daily: u64) -> Self {
        Self {
            burst,
            daily,
            recent: VecDeque::new(),
            searches: VecDeque::new(),
            day: 0,
            today: 0,
        }
    }

    /// Counts one request and says whether it may pass.
    ///
    /// # Errors
    /// The limit that it exceeds. A refused request does not count.
    pub(super) fn admit(&mut self, now: Stamp, search: bool) -> Result<(), Exceeded> {
        let day = now.0.div_euclid(DAY);
        if day != self.day {
            self.day = day;
            self.today = 0;
        }
        let Some(burst) = self.burst else {
            self.today += 1;
            return Ok(());
        };
        while self.recent.front().is_some_and(|first| first.0 <= now.0 - 10_000) {
            self.recent.pop_front();
        }
        while self.searches.front().is_some_and(|first| first.0 <= now.0 - 1_000) {
            self.searches.pop_front();
        }
        if self.today >= self.daily {
            return Err(Exceeded::Daily);
        }
        if search {
            if self.searches.len() >= SEARCHES_PER_SECOND {
                return Err(Exceeded::SearchSecondly);
            }
            self.searches.push_back(now);
        } else {
            if self.recent.len() >= usize::try_from(burst).unwrap_or(usize::MAX) {
                return Err(Exceeded::TenSecondly);
            }
            self.recent.push_back(now);
        }
        self.today += 1;
        Ok(())
    }

    /// What is left after the last request.
    pub(super) fn remaining(&self, private_app: bool) -> Remaining {
        let usual = if private_app {
            PRIVATE_APP_BURST
        } else {
            PUBLIC_APP_BURST
        };
        let burst_max = self.burst.unwrap_or(usual);
        let used = match self.burst {
            Some(_) => u32::try_from(self.recent.len()).unwrap_or(u32::MAX),
            None => 1,
        };
        Remaining {
            burst_max,
            burst_left: burst_max.saturating_sub(used),
            daily_max: self.daily,
            daily_left: self.daily.saturating_sub(self.today),
        }
    }

    /// Requests counted today.
    pub(super) fn today(&self) -> u64 {
        self.today
    }
}
