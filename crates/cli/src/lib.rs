//! The `syncline` command, as a library: what the binary and the Python package both are.

mod arguments;
mod assignment;
mod command;
mod config;
mod failure;
mod interrupt;
mod listing;
mod moment;
mod number;
mod output;
#[cfg(feature = "plugins")]
mod plugins;
mod progress;
mod project;
mod redirect;
mod steps;
mod table;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use arguments::Cli;
use failure::Failure;

/// Does what a command line asks, of which the first argument is the program's name, and returns the code that the
/// process is to exit with. It prints, and reads standard input, as the command does.
pub fn run<I: IntoIterator<Item = OsString>>(arguments: I) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        // Help and the version are told in the same way.
        Err(told) => {
            let code = ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(2));
            // Whoever closed the pipe has read enough.
            let is_told = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
            return match told.print() {
                Err(error) if !is_told(&error) => ExitCode::FAILURE,
                _ => code,
            };
        }
    };
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
