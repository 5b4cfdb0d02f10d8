//! The workspace's own programs that checks run.

use std::path::PathBuf;
use std::process::Command;

use crate::command::{capture, cargo, program_at, run};
use crate::outcome::Failure;

/// A program of the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// The command line.
    CommandLine,
    /// What reads recorded answers.
    Recorded,
}

/// What a program is built with. Crates that are built together share their features, so the same program built by
/// itself is compiled again, with most of what it depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// By itself: less to build when nothing is built yet.
    Alone,
    /// With all tests: nothing to build after them.
    WithTests,
}

impl Program {
    /// The package and its name.
    fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::CommandLine => ("syncline-cli", "syncline"),
            Self::Recorded => ("syncline-testkit", "recorded"),
        }
    }

    /// Runs it, once arguments are added.
    pub(crate) fn command(self, build: Build) -> Result<Command, Failure> {
        match build {
            Build::Alone => {
                let (package, name) = self.parts();
                Ok(cargo(["run", "--quiet", "--package", package, "--bin", name, "--"]))
            }
            Build::WithTests => self.path(build).map(|path| program_at(path, [] as [&str; 0])),
        }
    }

    /// Builds it, and says where it is.
    pub(crate) fn path(self, build: Build) -> Result<PathBuf, Failure> {
        let (package, name) = self.parts();
        match build {
            Build::Alone => run(&mut cargo(["build", "--quiet", "--package", package, "--bin", name]))?,
            Build::WithTests => run(&mut cargo(["test", "--quiet", "--workspace", "--no-run"]))?,
        }
        let path = target_folder()?.join("debug").join(name);
        Ok(path.with_extension(std::env::consts::EXE_EXTENSION))
    }
}

/// Where cargo builds.
pub(crate) fn target_folder() -> Result<PathBuf, Failure> {
    let metadata = capture(&mut cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)
        .map_err(|error| Failure::new(format!("`cargo metadata` can't be read: {error}")))?;
    let target = metadata["target_directory"].as_str().unwrap_or("target");
    Ok(PathBuf::from(target))
}
