//! Histories in which an update, a record or an identity could get lost, played from end to end.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    reason = "a test has no public interface, may panic, and each history uses its own part of the play"
)]

mod blueprint_versions;
mod conversions;
mod crash;
mod delete_rules;
mod deletes;
mod erasure;
mod failures;
mod filters;
mod first_sync;
mod flipping;
mod flows;
mod grace;
mod manual_review;
mod mapping_changes;
mod merges;
mod parameters;
mod play;
mod references;
mod restored_backup;
mod restores;
mod silence;
#[path = "../timed/mod.rs"]
mod timed;
mod timing;
mod unique;
mod unmarked;
mod written;
