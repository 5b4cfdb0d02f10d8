//! `cargo xtask wasm`: the pure crates build for wasm32-unknown-unknown, since every connector is also a plugin.

mod toolchain;

use std::process::Command;

use clap::Args;

use crate::command::{cargo, in_continuous_integration, root, run};
use crate::outcome::{Failure, Outcome};
use crate::workspace::Workspace;

use toolchain::Preference;
pub(crate) use toolchain::{TARGET, Toolchain};

/// How to build.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Which compiler builds for the target.
    #[arg(long, value_enum, default_value_t = Preference::Any)]
    pub(crate) toolchain: Preference,
}

impl Arguments {
    /// Whatever is there.
    pub(crate) const fn any() -> Self {
        Self {
            toolchain: Preference::Any,
        }
    }
}

/// Builds the core with and without its default features, and every connector.
pub(crate) fn build(arguments: &Arguments) -> Result<Outcome, Failure> {
    with_toolchain(arguments, build_with)
}

/// Does what needs a compiler for the target. Where there is none it is skipped, or fails in continuous integration.
pub(crate) fn with_toolchain(
    arguments: &Arguments,
    work: impl FnOnce(&Toolchain) -> Result<Outcome, Failure>,
) -> Result<Outcome, Failure> {
    let toolchain = match Toolchain::find(arguments.toolchain) {
        Ok(toolchain) => toolchain,
        Err(reason) => {
            let reason = format!("nothing here can build for {TARGET}: {reason}");
            return if in_continuous_integration() {
                Err(Failure::new(reason))
            } else {
                Ok(Outcome::Skipped(reason))
            };
        }
    };
    println!("{toolchain}");
    work(&toolchain)
}

fn build_with(toolchain: &Toolchain) -> Result<Outcome, Failure> {
    let workspace = Workspace::load()?;
    let connectors: Vec<&str> = workspace.connectors().map(|package| package.name.as_str()).collect();
    if connectors.is_empty() {
        return Err(Failure::new("no connector was found in crates/connectors"));
    }
    // One build each: packages that are built together share the features of the core, which would then be too wide
    // for the connectors and hide what they lack.
    run(cargo_build(toolchain, &["syncline-core"]).arg("--no-default-features"))?;
    run(&mut cargo_build(toolchain, &connectors))?;
    run(&mut cargo_build(toolchain, &["syncline-core"]))?;
    Ok(Outcome::Passed)
}

/// A build for the target, in a folder of its own.
pub(crate) fn cargo_build(toolchain: &Toolchain, packages: &[&str]) -> Command {
    let mut command = cargo(["build", "--target", TARGET]);
    // A folder of its own: another compiler's artefacts don't mix with the workspace's, and neither waits for the other.
    command.arg("--target-dir").arg(root().join("target/wasm"));
    toolchain.apply(&mut command);
    for package in packages {
        command.args(["--package", package]);
    }
    command
}
