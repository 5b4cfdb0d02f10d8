//! [`Connectors`]: the providers that this host can connect to.

use std::collections::BTreeMap;
use std::sync::Arc;

use syncline_core::connector::Connector;
use syncline_core::{Error, ErrorKind, Result};

/// The providers that this host can connect to, by name.
#[derive(Debug, Clone, Default)]
pub struct Connectors(BTreeMap<String, Arc<dyn Connector>>);

impl Connectors {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a connector under its manifest's name; a later one of the same name replaces an earlier one.
    #[must_use]
    pub fn with(mut self, connector: Arc<dyn Connector>) -> Self {
        self.0.insert(connector.manifest().provider.clone(), connector);
        self
    }

    /// The connector of a provider.
    ///
    /// # Errors
    /// `Unsupported` when there is none of this name; the message lists those there are.
    pub fn get(&self, provider: &str) -> Result<Arc<dyn Connector>> {
        self.0.get(provider).cloned().ok_or_else(|| {
            let known = self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            Error::new(
                ErrorKind::Unsupported,
                format!("there is no provider {provider:?}; there are: {known}"),
            )
        })
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<dyn Connector>)> {
        self.0.iter().map(|(name, connector)| (name.as_str(), connector))
    }
}
