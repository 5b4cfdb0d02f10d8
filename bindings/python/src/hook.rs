//! Hooks of the host's in Python, asked before a change from a CRM is applied.

use pyo3::prelude::*;
use pythonize::{depythonize, pythonize};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use syncline::incoming::{ChangeHook, IncomingChange, Verdict};
use syncline::{Error, ErrorKind, Result};

use crate::runtime::within;

/// An object of the class `syncline.ChangeHook`.
#[derive(Debug)]
pub(crate) struct PythonHook {
    name: String,
    hook: Py<PyAny>,
}

/// What the other half of the package makes of an answer.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Apply,
    Veto { reason: String },
    Amend { values: Map<String, Json>, reason: String },
}

impl PythonHook {
    pub(crate) fn new(py: Python<'_>, hook: Py<PyAny>) -> PyResult<Self> {
        let name = hook.bind(py).getattr("name")?.extract()?;
        Ok(Self { name, hook })
    }
}

impl ChangeHook for PythonHook {
    fn name(&self) -> &str {
        &self.name
    }

    fn before(&self, change: &IncomingChange) -> Result<Verdict> {
        let plain = json!({
            "blueprint": change.blueprint,
            "uid": change.uid,
            "origin": change.origin,
            "before": change.before,
            "after": change.after,
            "changed": change.changed,
        });
        let ask = |py: Python<'_>| -> PyResult<Said> {
            let said = self.hook.bind(py).call_method1("_ask", (pythonize(py, &plain)?,))?;
            Ok(depythonize(&said)?)
        };
        let said = within(|| Python::try_attach(ask))
            .ok_or_else(|| Error::new(ErrorKind::Stopped, "the interpreter is ending"))?
            .map_err(|raised| Error::new(ErrorKind::Refused, raised.to_string()))?;
        Ok(match said {
            Said::Apply => Verdict::Apply,
            Said::Veto { reason } => Verdict::Veto { reason },
            Said::Amend { values, reason } => Verdict::Amend { values, reason },
        })
    }
}
