//! The numbers that tune the HTTP stack.

use std::time::Duration;

use super::transport::Limits;

/// The numbers that tune the HTTP stack, for each connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpSettings {
    /// Longest time for one answer, unless a request says otherwise.
    pub timeout: Duration,
    /// Most bytes of one answer.
    pub max_response_bytes: u64,
    /// Requests of one connection in flight at once.
    pub concurrency: usize,
    /// Attempts of one read, the first one included.
    pub max_attempts: u32,
    /// Upper bound of the pause before the first repetition; it doubles with each one. The pause is drawn evenly
    /// between zero and the bound, so that many who failed together do not come back together.
    pub backoff: Duration,
    /// The bound's own bound.
    pub max_backoff: Duration,
    /// Longest wait for quota or for a provider that asks to wait; beyond it the call fails and says when to retry.
    pub max_wait: Duration,
    /// Share of every limit that only interactive calls may use, from 0 to 1.
    pub interactive_reserve: f64,
    /// Failed attempts in a row after which a connection is left alone for a while.
    pub circuit_failures: u32,
    /// How long it is left alone at first; doubles up to [`HttpSettings::max_backoff`].
    pub circuit_pause: Duration,
    /// Whether the limits that connectors name apply before an answer's headers told better.
    pub default_limits: bool,
}

impl Default for HttpSettings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            timeout: limits.timeout,
            max_response_bytes: limits.max_response_bytes,
            concurrency: 8,
            max_attempts: 5,
            backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(30),
            max_wait: Duration::from_secs(120),
            interactive_reserve: 0.1,
            circuit_failures: 10,
            circuit_pause: Duration::from_secs(5),
            default_limits: true,
        }
    }
}
