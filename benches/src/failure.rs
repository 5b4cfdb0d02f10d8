//! What went wrong, for the person who reads it.

/// Any error: a bench that can't be done ends the run with its text.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The result of a step.
pub(crate) type Result<T> = std::result::Result<T, Failure>;
