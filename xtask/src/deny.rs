//! `cargo xtask deny`: licences, bans, sources and security advisories, by the rules of `deny.toml`.

use crate::command::{cargo, run, succeeds};
use crate::outcome::{Failure, Outcome};

/// Everything, advisories included: these come from the network and change by themselves, so only this task asks.
pub(crate) fn install_and_check() -> Result<Outcome, Failure> {
    if !is_installed() {
        // Without optimisation it is built in a third of the time, and checks the tree in two seconds.
        run(&mut cargo(["install", "--debug", "--locked", "cargo-deny"]))?;
    }
    run(&mut cargo(["deny", "check", "licenses", "bans", "sources"]))?;
    run(&mut cargo(["deny", "check", "advisories"]))?;
    Ok(Outcome::Passed)
}

/// What the tree alone decides: the same answer for the same commit, and no network.
pub(crate) fn check_tree() -> Result<Outcome, Failure> {
    if !is_installed() {
        return Ok(Outcome::Skipped(
            "cargo-deny is not installed; `cargo xtask deny` installs and runs it".to_owned(),
        ));
    }
    run(&mut cargo([
        "deny",
        "--log-level",
        "error",
        "check",
        "licenses",
        "bans",
        "sources",
    ]))?;
    Ok(Outcome::Passed)
}

fn is_installed() -> bool {
    succeeds(&mut cargo(["deny", "--version"]))
}
