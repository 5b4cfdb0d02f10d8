//! The `syncline` command as people run it: its words, its exit codes, and the way from nothing to two CRMs in sync.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of tests fail the test, or tell what they skip"
)]

mod another_file;
mod blueprints;
mod demo;
mod flows;
mod folder;
mod journey;
mod left_out;
mod other_account;
mod plugins;
mod records;
mod simulator;
mod two_processes;
mod wrong_input;
