//! The faults that a simulator can be told to have, by rate or by script.

mod middleware;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub use middleware::{Dropped, FaultBodies, Injector, inject};

/// One way in which a service, or the network before it, misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The access token presented is refused as expired, and stays dead.
    Unauthorized,
    /// Refused for load without a word about when to come back.
    RateLimited,
    /// 429 with `Retry-After: 1`.
    RateLimitedRetryAfter,
    /// A 5xx with a JSON body.
    ServerError,
    /// A 503 with an HTML page, as a proxy or a maintenance window gives.
    HtmlError,
    /// The answer takes its time.
    Slow,
    /// The connection breaks in the middle of the body.
    Reset,
    /// The body ends early although the connection closes cleanly.
    Truncated,
    /// A write is applied, and the answer never comes.
    AppliedTimeout,
    /// The connection is dropped before the request has any effect.
    Timeout,
    /// A proxy delivers a write twice.
    Duplicate,
    /// A write seems dropped and is applied later; the answer is lost.
    LateApply,
    /// A record edited by a user becomes visible later, with an old stamp.
    LateCommit,
    /// The search index lags behind the records (HubSpot).
    StaleIndex,
    /// One record of a write is refused by a validation rule.
    Validation,
    /// One record of a write is locked by somebody else.
    RowLock,
    /// A string is stored trimmed, without a word about it.
    SilentTrim,
}

impl Fault {
    /// Every fault, in the order in which one request tries them.
    pub const ALL: [Self; 17] = [
        Self::Unauthorized,
        Self::RateLimited,
        Self::RateLimitedRetryAfter,
        Self::ServerError,
        Self::HtmlError,
        Self::Slow,
        Self::Reset,
        Self::Truncated,
        Self::AppliedTimeout,
        Self::Timeout,
        Self::Duplicate,
        Self::LateApply,
        Self::LateCommit,
        Self::StaleIndex,
        Self::Validation,
        Self::RowLock,
        Self::SilentTrim,
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::RateLimited => "rate-limited",
            Self::RateLimitedRetryAfter => "rate-limited-retry-after",
            Self::ServerError => "server-error",
            Self::HtmlError => "html-error",
            Self::Slow => "slow",
            Self::Reset => "reset",
            Self::Truncated => "truncated",
            Self::AppliedTimeout => "applied-timeout",
            Self::Timeout => "timeout",
            Self::Duplicate => "duplicate",
            Self::LateApply => "late-apply",
            Self::LateCommit => "late-commit",
            Self::StaleIndex => "stale-index",
            Self::Validation => "validation",
            Self::RowLock => "row-lock",
            Self::SilentTrim => "silent-trim",
        }
    }

    /// One line for a person who chooses among the faults.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Unauthorized => "401: the access token is refused as expired until it is refreshed",
            Self::RateLimited => "429 without Retry-After (Salesforce: 403 REQUEST_LIMIT_EXCEEDED)",
            Self::RateLimitedRetryAfter => "429 with Retry-After: 1",
            Self::ServerError => "500 or 503 with a JSON body",
            Self::HtmlError => "503 with an HTML page",
            Self::Slow => "the answer is delayed",
            Self::Reset => "the connection breaks in the middle of the body",
            Self::Truncated => "the body ends early, the connection closes cleanly",
            Self::AppliedTimeout => "a write is applied, then the connection is dropped without an answer",
            Self::Timeout => "the connection is dropped before the request is applied",
            Self::Duplicate => "a write is delivered twice",
            Self::LateApply => "a write seems dropped and is applied after a delay",
            Self::LateCommit => "a user's edit becomes visible later, with its old stamp",
            Self::StaleIndex => "the search index lags behind (HubSpot)",
            Self::Validation => "one record of a write is refused by a validation rule",
            Self::RowLock => "one record of a write is locked",
            Self::SilentTrim => "strings are stored trimmed, silently",
        }
    }

    /// Whether the request middleware applies it; the others are applied by the simulators to single records.
    #[must_use]
    pub fn is_transport(self) -> bool {
        !matches!(
            self,
            Self::LateCommit | Self::StaleIndex | Self::Validation | Self::RowLock | Self::SilentTrim
        )
    }

    /// Whether it can only befall a request that writes.
    #[must_use]
    pub fn needs_write(self) -> bool {
        matches!(self, Self::AppliedTimeout | Self::Duplicate | Self::LateApply)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no fault's.
#[derive(Clone, Debug, thiserror::Error)]
#[error("there is no fault named `{0}`; the names are: {names}", names = Fault::ALL.map(Fault::name).join(", "))]
pub struct UnknownFault(String);

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|fault| fault.name() == name)
            .ok_or_else(|| UnknownFault(name.to_owned()))
    }
}

/// Which faults strike, how often, and how often they did. Clones share one state.
#[derive(Clone, Debug)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    dice: ChaCha8Rng,
    rates: BTreeMap<Fault, f64>,
    scripts: Vec<Script>,
    injected: BTreeMap<Fault, u64>,
    slow: Duration,
    late_apply: SignedDuration,
    late_commit: SignedDuration,
}

#[derive(Debug)]
struct Script {
    fault: Fault,
    remaining: u32,
    path: Option<String>,
}

impl Faults {
    /// No fault at all, until one is asked for; `seed` decides which requests a rate strikes.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            dice: ChaCha8Rng::seed_from_u64(seed),
            rates: BTreeMap::new(),
            scripts: Vec::new(),
            injected: BTreeMap::new(),
            slow: Duration::from_secs(2),
            late_apply: SignedDuration::from_secs(5),
            late_commit: SignedDuration::from_secs(30),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `fault` strike each eligible request or record with this probability (clamped to 0 to 1).
    pub fn set_rate(&self, fault: Fault, rate: f64) {
        self.state().rates.insert(fault, rate.clamp(0.0, 1.0));
    }

    /// Strikes the next `count` eligible requests or records, before any rate is looked at.
    pub fn script(&self, fault: Fault, count: u32) {
        self.state().scripts.push(Script {
            fault,
            remaining: count,
            path: None,
        });
    }

    /// Like [`Faults::script`], for requests whose path contains `path` only; reaches the OAuth routes too.
    pub fn script_for(&self, fault: Fault, count: u32, path: &str) {
        self.state().scripts.push(Script {
            fault,
            remaining: count,
            path: Some(path.to_owned()),
        });
    }

    /// How long a [`Fault::Slow`] answer takes longer.
    pub fn set_slow(&self, delay: Duration) {
        self.state().slow = delay;
    }

    /// After how long, by the simulator's clock, a [`Fault::LateApply`] write takes effect.
    pub fn set_late_apply(&self, delay: SignedDuration) {
        self.state().late_apply = delay;
    }

    /// For how long, by the simulator's clock, a [`Fault::LateCommit`] edit stays invisible.
    pub fn set_late_commit(&self, delay: SignedDuration) {
        self.state().late_commit = delay;
    }

    /// The delay of [`Fault::Slow`].
    #[must_use]
    pub fn slow(&self) -> Duration {
        self.state().slow
    }

    /// The delay of [`Fault::LateApply`].
    #[must_use]
    pub fn late_apply(&self) -> SignedDuration {
        self.state().late_apply
    }

    /// The delay of [`Fault::LateCommit`].
    #[must_use]
    pub fn late_commit(&self) -> SignedDuration {
        self.state().late_commit
    }

    /// Decides whether `fault` strikes now, and counts it if so.
    #[must_use]
    pub fn strike(&self, fault: Fault) -> bool {
        self.decide(fault, None, false)
    }

    /// [`Faults::strike`] for a request; on an `exempt` path only a script that names the path strikes.
    #[must_use]
    pub fn strike_request(&self, fault: Fault, path: &str, exempt: bool) -> bool {
        self.decide(fault, Some(path), exempt)
    }

    fn decide(&self, fault: Fault, path: Option<&str>, exempt: bool) -> bool {
        let mut state = self.state();
        let scripted = state.scripts.iter_mut().find(|script| {
            script.fault == fault
                && script.remaining > 0
                && match &script.path {
                    Some(wanted) => path.is_some_and(|path| path.contains(wanted.as_str())),
                    None => !exempt,
                }
        });
        let strikes = if let Some(script) = scripted {
            script.remaining -= 1;
            true
        } else {
            let rate = state.rates.get(&fault).copied().unwrap_or(0.0);
            !exempt && rate > 0.0 && state.dice.random_bool(rate)
        };
        if strikes {
            *state.injected.entry(fault).or_insert(0) += 1;
            state.scripts.retain(|script| script.remaining > 0);
        }
        strikes
    }

    /// The rate of each fault that has one.
    #[must_use]
    pub fn rates(&self) -> BTreeMap<Fault, f64> {
        self.state().rates.clone()
    }

    /// How often each fault struck so far.
    #[must_use]
    pub fn injected(&self) -> BTreeMap<Fault, u64> {
        self.state().injected.clone()
    }

    /// Ends all rates and scripts; the counts stay.
    pub fn clear(&self) {
        let mut state = self.state();
        state.rates.clear();
        state.scripts.clear();
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self::new(0)
    }
}
