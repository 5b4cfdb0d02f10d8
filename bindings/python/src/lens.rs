//! Lenses that the host wrote in Python.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use pythonize::pythonize;
use syncline::lens::{LensKind, LensOption, LensRegistry, Options, SharedLens, ValueLens, single};
use syncline::{Error, ErrorKind, Result, Value};

use crate::runtime::within;
use crate::value::{from_python, to_python};

/// A lens as it was plugged in: its name, its summary, its options with their meanings, and what makes one.
pub(crate) type Given = (String, String, Vec<(String, String)>, Py<PyAny>);

/// Adds lenses to those that mappings may name.
pub(crate) fn register(registry: &mut LensRegistry, given: Vec<Given>) {
    for (name, summary, options, make) in given {
        // The registry describes lenses by what a program is compiled with. A host plugs in a handful, once.
        let options: Vec<LensOption> = options
            .into_iter()
            .map(|(name, meaning)| LensOption {
                name: String::leak(name),
                meaning: String::leak(meaning),
            })
            .collect();
        let make = Arc::new(make);
        let shown = name.clone();
        let kind = LensKind::new(String::leak(summary), Vec::leak(options), move |options| {
            made(&shown, &make, options)
        });
        registry.register(name, kind);
    }
}

fn made(name: &str, make: &Py<PyAny>, options: &Options<'_>) -> Result<SharedLens> {
    asked(name, |py| {
        let given = PyDict::new(py);
        for option in options.names() {
            if let Some(value) = options.json(option) {
                given.set_item(option, pythonize(py, value)?)?;
            }
        }
        let lens = make.bind(py).call((), Some(&given))?;
        let two_way = lens.getattr("two_way")?.extract()?;
        Ok(single(PythonLens {
            name: name.to_owned(),
            lens: lens.unbind(),
            two_way,
        }))
    })
}

/// Asks the host's code; what it raises is the error of the record at hand.
fn asked<T>(name: &str, ask: impl FnOnce(Python<'_>) -> PyResult<T>) -> Result<T> {
    within(|| Python::try_attach(ask))
        .ok_or_else(|| Error::new(ErrorKind::Stopped, "the interpreter is ending"))?
        .map_err(|raised| Error::new(ErrorKind::Invalid, format!("lens `{name}`: {raised}")))
}

#[derive(Debug)]
struct PythonLens {
    name: String,
    lens: Py<PyAny>,
    two_way: bool,
}

impl PythonLens {
    fn call(&self, method: &str, values: &[&Value]) -> Result<Value> {
        asked(&self.name, |py| {
            let values = values.iter().map(|value| to_python(py, value));
            let given = pyo3::types::PyTuple::new(py, values.collect::<PyResult<Vec<_>>>()?)?;
            from_python(&self.lens.bind(py).call_method1(method, given)?)
        })
    }
}

impl ValueLens for PythonLens {
    fn get(&self, raw: &Value) -> Result<Value> {
        self.call("get", &[raw])
    }

    fn put(&self, canonical: &Value, old: &Value) -> Result<Value> {
        self.call("put", &[canonical, old])
    }

    fn canon(&self, raw: &Value) -> Value {
        // What it can't bring to a form counts as it is.
        self.call("canon", &[raw]).unwrap_or_else(|_| raw.clone())
    }

    fn is_two_way(&self) -> bool {
        self.two_way
    }
}
