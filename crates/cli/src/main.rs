//! The `syncline` command.

use std::process::ExitCode;

/// What a page of records costs is allocations in good part, and this one has the cheapest.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    syncline_cli::run(std::env::args_os())
}
