//! Keys from the host's own key management.

use pyo3::prelude::*;
use syncline::vault::{KeyId, KeyProvider, SecretKey};
use syncline::{Error, ErrorKind, Result};

use crate::runtime::within;

/// An object of the host's with `current()` and `key(id)`.
#[derive(Debug)]
pub(crate) struct PythonKeys(pub(crate) Py<PyAny>);

fn ending() -> Error {
    Error::new(ErrorKind::Stopped, "the interpreter is ending")
}

/// What the host raised, by its type alone: its words may hold what must not be told.
fn failed(raised: &PyErr) -> Error {
    let kind = Python::try_attach(|py| raised.get_type(py).name().map(|name| name.to_string()));
    let kind = kind.and_then(PyResult::ok).unwrap_or_else(|| "an exception".to_owned());
    Error::new(
        ErrorKind::NotFound,
        format!("the key provider raised {kind}: credentials can be neither sealed nor opened until it gives keys"),
    )
}

impl KeyProvider for PythonKeys {
    fn current(&self) -> KeyId {
        let asked = within(|| Python::try_attach(|py| self.0.bind(py).call_method0("current")?.extract::<String>()));
        // Without a name there is no key, which is said when it is asked for.
        KeyId(asked.and_then(PyResult::ok).unwrap_or_default())
    }

    fn key(&self, id: &KeyId) -> Result<SecretKey> {
        let asked =
            within(|| Python::try_attach(|py| self.0.bind(py).call_method1("key", (&id.0,))?.extract::<Vec<u8>>()));
        let bytes = asked.ok_or_else(ending)?.map_err(|raised| failed(&raised))?;
        let size = bytes.len();
        <[u8; 32]>::try_from(bytes).map(SecretKey::new).map_err(|_| {
            Error::new(
                ErrorKind::Invalid,
                format!("the key provider gave {size} bytes; a key has 32"),
            )
        })
    }
}
