//! The Python package: built for development into an environment of its own under `target/`, then tested and checked as
//! its users would.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{in_continuous_integration, program_at, root, run, succeeds};
use crate::outcome::{Failure, Outcome};
use crate::program::target_folder;

/// Refuses a Python that the package does not know.
const NEW_ENOUGH: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";

/// Builds the package with the development profile, and runs its tests and type checkers. Without Python there is nothing
/// to check, which is a failure in continuous integration.
pub(crate) fn check() -> Result<Outcome, Failure> {
    if !succeeds(&mut program_at("python3", ["-c", NEW_ENOUGH])) {
        let reason = "there is no python3 of 3.10 or later with venv and pip (Debian: python3-venv)".to_owned();
        if in_continuous_integration() {
            return Err(Failure::new(reason));
        }
        return Ok(Outcome::Skipped(reason));
    }
    let package = root().join("bindings/python");
    let environment = environment(&package)?;
    let within = |arguments: &[&str]| {
        let mut command = program_at(environment.join("bin/python"), arguments);
        command.current_dir(&package).env("VIRTUAL_ENV", &environment);
        command
    };
    run(&mut within(&["tools/twins.py", "--check"]))?;
    run(&mut within(&["-m", "maturin", "develop", "--quiet"]))?;
    run(&mut within(&["-m", "pytest", "--quiet"]))?;
    run(&mut within(&["-m", "mypy"]))?;
    // It looks for what is installed beside the interpreter that it is told of.
    let interpreter = environment.join("bin/python").display().to_string();
    run(&mut within(&["-m", "pyright", "--pythonpath", &interpreter]))?;
    run(&mut within(&[
        "-m",
        "mypy.stubtest",
        "--mypy-config-file",
        "pyproject.toml",
        "syncline._native",
    ]))?;
    Ok(Outcome::Passed)
}

/// An environment with exactly the tools that are pinned.
fn environment(package: &Path) -> Result<PathBuf, Failure> {
    let environment = target_folder()?.join("python");
    let pins = package.join("tools/requirements.txt");
    let broken = |path: &Path, error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
    let wanted = std::fs::read_to_string(&pins).map_err(|error| broken(&pins, error))?;
    let mark = environment.join("installed");
    if std::fs::read_to_string(&mark).is_ok_and(|found| found == wanted) {
        return Ok(environment);
    }
    let mut made = Command::new("python3");
    run(made.args(["-m", "venv", "--clear"]).arg(&environment))?;
    let arguments = ["-m", "pip", "install", "--quiet", "--requirement"];
    run(program_at(environment.join("bin/python"), arguments).arg(&pins))?;
    std::fs::write(&mark, wanted).map_err(|error| broken(&mark, error))?;
    Ok(environment)
}
