//! Shows that the simulation bites: the workspace is copied, the engine in the copy gets deliberate faults, and each
//! has to be caught. The sources that ship know nothing of this.
//!
//! All faults are built in at once, each behind a switch that an environment variable turns, so that one build is
//! enough. A fault whose place has changed so that it no longer applies is a failure: it has to be written anew.

mod faults;

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{capture, cargo, root};
use crate::outcome::{Failure, Outcome};
use crate::simulate::PLAYER;

/// A deliberate fault.
#[derive(Debug)]
struct Sabotage {
    /// Its name, which turns it on.
    name: &'static str,
    /// The file, from the workspace root.
    file: &'static str,
    /// The text that is replaced, which stands there once.
    old: &'static str,
    /// What it is replaced by; `SABOTAGED` is whether this fault is on.
    new: &'static str,
}

/// The switch, added to the core of the copy.
const SWITCH: &str = r#"
/// Whether a deliberate fault is turned on.
pub fn sabotaged(name: &str) -> bool {
    static ON: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    ON.get_or_init(|| std::env::var("SYNCLINE_SABOTAGE").unwrap_or_default()) == name
}
"#;

/// Plays these seeds once for each fault, and shows the seed and the invariant that caught it.
pub(crate) fn run(seeds: &str) -> Result<Outcome, Failure> {
    let copy = copied()?;
    for fault in faults::ALL {
        apply(&copy, fault)?;
    }
    let core = copy.join("crates/core/src/lib.rs");
    let text = read(&core)?;
    write(&core, &format!("{text}{SWITCH}"))?;

    println!("{:<40}{:>8}  caught by", "fault", "seed");
    let mut missed = Vec::new();
    for fault in faults::ALL {
        match caught(&copy, fault.name, seeds)? {
            Some((seed, what)) => println!("{:<40}{seed:>8}  {what}", fault.name),
            None => {
                println!("{:<40}{:>8}  NOT CAUGHT", fault.name, "-");
                missed.push(fault.name);
            }
        }
    }
    if missed.is_empty() {
        Ok(Outcome::Passed)
    } else {
        Err(Failure::new(format!(
            "the simulation does not notice: {}; play more seeds, or teach it to",
            missed.join(", ")
        )))
    }
}

/// The first failing seed with a fault turned on, and the invariants that it violates.
fn caught(copy: &Path, name: &str, seeds: &str) -> Result<Option<(String, String)>, Failure> {
    let mut command = cargo(PLAYER);
    command
        .current_dir(copy)
        .env("SYNCLINE_SABOTAGE", name)
        .env("CARGO_TARGET_DIR", target())
        .args([
            "--",
            "--seeds",
            seeds,
            "--most-failures",
            "1",
            "--output",
            "json",
            "--always-succeed",
        ]);
    let report = capture(&mut command)?;
    let report: serde_json::Value = serde_json::from_str(&report)
        .map_err(|error| Failure::new(format!("the player printed no report: {error}")))?;
    let Some((seed, violations)) = report["failures"]
        .as_object()
        .and_then(|failures| failures.iter().next())
    else {
        return Ok(None);
    };
    let mut invariants: Vec<&str> = violations
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|violation| violation.as_str()?.split(':').next())
        .collect();
    invariants.sort_unstable();
    invariants.dedup();
    Ok(Some((seed.clone(), invariants.join(", "))))
}

/// Shared with the sources that are not sabotaged: what they depend on is built once.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn apply(copy: &Path, fault: &Sabotage) -> Result<(), Failure> {
    let path = copy.join(fault.file);
    let text = read(&path)?;
    let count = text.matches(fault.old).count();
    if count != 1 {
        return Err(Failure::new(format!(
            "fault `{}` no longer applies: its place stands {count} times in {}; write it anew in \
             xtask/src/sabotage/faults.rs",
            fault.name, fault.file
        )));
    }
    let switch = if fault.file.starts_with("crates/core/") {
        format!("crate::sabotaged({:?})", fault.name)
    } else {
        format!("syncline_core::sabotaged({:?})", fault.name)
    };
    write(
        &path,
        &text.replace(fault.old, &fault.new.replace("SABOTAGED", &switch)),
    )
}

/// A fresh copy of the workspace, without what was built in it.
fn copied() -> Result<PathBuf, Failure> {
    let copy = target().join("sabotage/workspace");
    if copy.exists() {
        fs::remove_dir_all(&copy).map_err(|error| failed(&copy, &error))?;
    }
    copy_folder(&root(), &copy)?;
    Ok(copy)
}

/// Folders that hold no sources.
const LEFT_OUT: [&str; 3] = [".git", "node_modules", "target"];

fn copy_folder(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to).map_err(|error| failed(to, &error))?;
    for entry in fs::read_dir(from).map_err(|error| failed(from, &error))? {
        let path = entry.map_err(|error| failed(from, &error))?.path();
        let Some(name) = path.file_name() else { continue };
        if LEFT_OUT.iter().any(|left_out| name == *left_out) {
            continue;
        }
        if path.is_dir() {
            copy_folder(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name)).map_err(|error| failed(&path, &error))?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| failed(path, &error))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_still_applies_to_the_sources() {
        for fault in faults::ALL {
            let text = fs::read_to_string(root().join(fault.file)).expect("the file is there");
            assert_eq!(text.matches(fault.old).count(), 1, "{} in {}", fault.name, fault.file);
            assert!(fault.new.contains("SABOTAGED"), "{}", fault.name);
        }
    }
}
