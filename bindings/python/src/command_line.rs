//! `python -m syncline`.

use std::ffi::OsString;
use std::process::ExitCode;

use pyo3::prelude::*;

/// Does what the `syncline` command does with these arguments, and returns its exit code.
#[pyfunction]
pub(crate) fn command_line(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    let program = std::iter::once(OsString::from("syncline"));
    let code = py.detach(|| syncline_cli::run(program.chain(arguments)));
    (0..=u8::MAX)
        .find(|number| ExitCode::from(*number) == code)
        .unwrap_or(1)
}
