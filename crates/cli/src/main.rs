//! The `syncline` command.

mod arguments;
mod assignment;
mod command;
mod config;
mod failure;
mod interrupt;
mod moment;
mod number;
mod output;
mod progress;
mod project;
mod redirect;
mod steps;
mod table;

use std::process::ExitCode;

use clap::Parser;

use arguments::Cli;
use failure::Failure;

/// What a page of records costs is allocations in good part, and this one has the cheapest.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(cli.global.verbose || cli.command.wants_log());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::failed(format!("no threads could be started: {error}")).report(),
    };
    let ended = runtime.block_on(command::run(cli));
    // Not dropped: that would wait for a read of standard input that never ends.
    runtime.shutdown_background();
    ended.unwrap_or_else(|failure| failure.report())
}

/// What `SYNCLINE_LOG` asks for, or the engine's own doings when the command is verbose. The engine redacts secrets.
fn log_to_stderr(verbose: bool) {
    use tracing_subscriber::EnvFilter;
    let default = if verbose {
        "warn,syncline=debug,syncline_engine=debug,syncline_storage=debug"
    } else {
        "error"
    };
    let filter = std::env::var("SYNCLINE_LOG")
        .ok()
        .and_then(|filter| EnvFilter::try_new(filter).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new(default));
    // A logger that is set already is as good.
    let _already_set = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
}
