//! Histories in which an update, a record or an identity could get lost, played from end to end.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "a test has no public interface, may panic, and each history uses its own part of the play"
)]

mod filters;
mod merges;
mod play;
