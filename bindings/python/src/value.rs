//! Values on their way to Python's own types and back, for what the host plugs in.

use jiff::civil;
use pyo3::prelude::*;
use pyo3::types::PyList;
use pythonize::{depythonize, pythonize};
use serde_json::Value as Json;
use syncline::Value;
use syncline::value::{DateTime, Precision};

use crate::error::invalid;

/// A value as Python's own type.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    let kind = match value {
        Value::Decimal(_) => "decimal",
        Value::Date(_) => "date",
        Value::DateTime(_) => "datetime",
        Value::List(list) => {
            let items = list
                .iter()
                .map(|item| to_python(py, item))
                .collect::<PyResult<Vec<_>>>()?;
            return Ok(PyList::new(py, items)?.into_any());
        }
        other => return Ok(pythonize(py, &other.to_json())?),
    };
    let text = value.to_string();
    py.import("syncline.values")?.getattr("typed")?.call1((kind, text))
}

/// A value from Python's own type.
pub(crate) fn from_python(given: &Bound<'_, PyAny>) -> PyResult<Value> {
    let py = given.py();
    let tagged = py.import("syncline.values")?.getattr("tagged")?.call1((given,))?;
    let (kind, plain): (String, Json) =
        depythonize(&tagged).map_err(|error| invalid(format!("a value can't be read: {error}")))?;
    read(&kind, plain)
}

fn read(kind: &str, plain: Json) -> PyResult<Value> {
    let text = plain.as_str().unwrap_or_default();
    let wrong = || invalid(format!("`{text}` is no {kind}"));
    Ok(match kind {
        "decimal" => Value::Decimal(text.parse().map_err(|_| wrong())?),
        "date" => Value::Date(text.parse::<civil::Date>().map_err(|_| wrong())?),
        "datetime" => {
            let instant = text.parse().map_err(|_| wrong())?;
            Value::DateTime(DateTime::new(instant, Precision::Microsecond))
        }
        "list" => {
            let items: Vec<(String, Json)> =
                serde_json::from_value(plain).map_err(|error| invalid(format!("a list can't be read: {error}")))?;
            let items = items.into_iter().map(|(kind, plain)| read(&kind, plain));
            Value::List(items.collect::<PyResult<Vec<_>>>()?)
        }
        _ => Value::from_json(plain),
    })
}
