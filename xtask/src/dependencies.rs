//! `cargo xtask check-dependencies`: who may depend on whom. A pure core and connectors that know the core alone are
//! what lets the same source run natively, as a plugin and under the simulation; one wrong line in a manifest ends that.

mod direction;
mod purity;

use crate::outcome::{Failure, Outcome};
use crate::workspace::Workspace;

/// Checks both the edges between our crates and what the pure ones pull in from outside.
pub(crate) fn check() -> Result<Outcome, Failure> {
    let workspace = Workspace::load()?;
    let mut findings = direction::violations(&workspace);
    findings.extend(purity::violations(&workspace)?);
    if findings.is_empty() {
        println!("{} crates depend on each other as designed", workspace.packages.len());
        return Ok(Outcome::Passed);
    }
    Err(Failure::new(format!(
        "{} forbidden {}:\n  {}",
        findings.len(),
        if findings.len() == 1 {
            "dependency"
        } else {
            "dependencies"
        },
        findings.join("\n  ")
    )))
}
