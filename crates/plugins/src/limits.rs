//! [`Limits`]: how much a plugin may use.

use std::time::Duration;

/// How much a plugin may use. What goes past a limit ends the call with an error of the kind
/// [`Plugin`](syncline_core::ErrorKind::Plugin), for the connection concerned and no other.
///
/// ```
/// use syncline_plugins::Limits;
///
/// let mut limits = Limits::default();
/// limits.memory_bytes = 64 << 20;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Most bytes of a plugin's file.
    pub file_bytes: usize,
    /// Most memory of one instance. Each piece of work has an instance of its own.
    pub memory_bytes: usize,
    /// Most entries of one of an instance's tables.
    pub table_entries: usize,
    /// Deepest stack of an instance, in bytes.
    pub stack_bytes: usize,
    /// Instances at once; work beyond it is told to come back later.
    pub instances: u32,
    /// Longest time that one call may compute, without the time that the host takes for what it is asked for.
    pub computing: Duration,
    /// Longest time that a call may compute which can't wait for anything, such as what an answer means.
    pub computing_at_once: Duration,
    /// Longest time of one call, with all that the host does for it. Looked at whenever the plugin asks for something.
    pub call: Duration,
    /// Instructions of one call, roughly. Unlike time it is the same at each run, and costs speed; none by default.
    pub fuel: Option<u64>,
    /// Most requests of one call.
    pub requests: u32,
    /// Most bytes of an answer that a plugin is handed.
    pub response_bytes: usize,
    /// Most bytes of what a call gives back.
    pub result_bytes: usize,
    /// Most log lines of one call.
    pub log_lines: u32,
    /// Most bytes of the log lines of one call.
    pub log_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 64 << 20,
            memory_bytes: 512 << 20,
            table_entries: 100_000,
            stack_bytes: 512 << 10,
            instances: 1_000,
            computing: Duration::from_secs(30),
            computing_at_once: Duration::from_secs(2),
            call: Duration::from_secs(30 * 60),
            fuel: None,
            requests: 10_000,
            response_bytes: 64 << 20,
            result_bytes: 128 << 20,
            log_lines: 1_000,
            log_bytes: 256 << 10,
        }
    }
}
