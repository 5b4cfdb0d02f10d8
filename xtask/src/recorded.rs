//! `cargo xtask recorded`: answers of the real services, recorded by others, read by our connectors. The reading is in
//! testkit; this finds the folder and runs it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::command::{root, run as run_command};
use crate::outcome::{Failure, Outcome};
use crate::program::{Build, Program};

/// What to read, and how to show it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// A folder of recordings with their manifest, or of such folders; those of the shared folder otherwise.
    folder: Option<PathBuf>,
    /// How to show it.
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

impl Arguments {
    /// The recordings of the shared folder, as a table.
    pub(crate) fn shared() -> Self {
        Self {
            folder: None,
            output: Output::Table,
        }
    }
}

/// A form of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A line per file.
    Table,
    /// A JSON array.
    Json,
}

/// Reads the recordings. Skipped when there are none and no folder was named.
pub(crate) fn run(arguments: &Arguments, build: Build) -> Result<Outcome, Failure> {
    let folder = match &arguments.folder {
        // Paths are the caller's, and cargo runs in the workspace root.
        Some(folder) => {
            std::path::absolute(folder).map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?
        }
        None => {
            let shared = std::env::var_os("SYNCLINE_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
            let folder = shared.join("recorded");
            if !folder.is_dir() {
                return Ok(Outcome::Skipped(format!(
                    "{} is not there; set SYNCLINE_SHARED to the folder that holds recorded/, or name a folder",
                    folder.display()
                )));
            }
            folder
        }
    };
    let output = match arguments.output {
        Output::Table => "table",
        Output::Json => "json",
    };
    let mut command = Program::Recorded.command(build)?;
    command.arg(folder).args(["--output", output]);
    if arguments.output == Output::Json {
        // Nothing but the JSON goes to standard output.
        let status = command.status().map_err(|error| Failure::new(error.to_string()))?;
        return if status.success() {
            Ok(Outcome::Passed)
        } else {
            Err(Failure::new("a recording was not read"))
        };
    }
    run_command(&mut command).map(|()| Outcome::Passed)
}
