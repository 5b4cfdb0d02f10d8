//! The `syncline` command as people run it: its words, its exit codes, and the way from nothing to two CRMs in sync.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail the test")]

mod another_file;
mod blueprints;
mod demo;
mod flows;
mod folder;
mod journey;
mod records;
mod simulator;
mod two_processes;
mod wrong_input;
