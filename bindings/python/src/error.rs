//! The engine's errors as Python's exceptions, one class per kind.

use std::error::Error as _;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use syncline::{Error, ErrorKind, Retry};

/// The exception of an error; `syncline.errors` holds the classes.
pub(crate) fn raised(error: Error) -> PyErr {
    Python::attach(|py| exception(py, &error).unwrap_or_else(|failed| failed))
}

/// The exception of input that has not the shape that is asked for.
pub(crate) fn invalid(message: impl Into<String>) -> PyErr {
    raised(Error::new(ErrorKind::Invalid, message))
}

fn exception(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let context = PyDict::new(py);
    for (key, value) in error.context() {
        context.set_item(key, value)?;
    }
    let (retry_after, unknown_outcome) = match error.retry() {
        Retry::Never => (None, false),
        Retry::After(wait) => (Some(wait.as_secs_f64()), false),
        Retry::UnknownOutcome => (None, true),
    };
    let kind = serde_json::to_value(error.kind()).unwrap_or_default();
    let make = py.import("syncline.errors")?.getattr("from_native")?;
    let made = make.call1((
        kind.as_str().unwrap_or("internal"),
        error.to_string(),
        error.message(),
        context,
        retry_after,
        unknown_outcome,
        cause(error),
    ))?;
    Ok(PyErr::from_value(made))
}

/// What lies under it, outermost first.
fn cause(error: &Error) -> Option<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(source) = next {
        causes.push(source.to_string());
        next = source.source();
    }
    (!causes.is_empty()).then(|| causes.join(": "))
}
