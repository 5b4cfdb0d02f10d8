//! `cargo xtask bench`: what the engine costs, beside what the same work costs without it, in one run.
//!
//! The parent starts one process that serves generated records and then one process for each program it measures, so
//! that the server's time is nobody's, and neither memory nor caches pass from one program to the next.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks through its output"
)]

mod arguments;
mod catalogue;
mod child;
mod entities;
mod failure;
mod measure;
mod pull;
mod report;
mod server;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Task};

/// The allocator of the command line, so that what is measured here is what ships; the references have it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Run(run) => catalogue::run(&run),
        Task::Serve { records } => server::serve(records),
        Task::Child { program, url, records } => child::run(program, &url, records),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
