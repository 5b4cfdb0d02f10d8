//! What a run does with its parameters and with what goes on around it, from end to end.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    reason = "a test has no public interface, may panic, and each history uses its own part of the play"
)]

mod brake;
mod chosen;
mod close_up;
mod dry_run;
mod events;
mod excluded;
mod failures;
mod gate;
mod jobs;
mod limits;
mod matching;
mod pauses;
#[path = "../review/play.rs"]
mod play;
mod queue;
mod saving;
mod tenants;
#[path = "../timed/mod.rs"]
mod timed;
mod unique_race;
mod wake;
