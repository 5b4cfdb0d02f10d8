//! [`Loaded`]: a plugin that is ready to be run, with what it said of itself.

use std::sync::Arc;

use syncline_core::batch::Batch;
use syncline_core::io::Config;
use syncline_core::manifest::Manifest;
use syncline_core::{Error, ErrorKind, Result};

use crate::bindings::PluginPre;
use crate::bindings::syncline::connector::types as wit;
use crate::breach::breach;
use crate::instance::Instance;
use crate::sandbox::Sandbox;
use crate::state::State;

/// A plugin that is ready to be run.
pub(crate) struct Loaded {
    pub(crate) manifest: Manifest,
    pub(crate) app_scopes: Vec<String>,
    pub(crate) hash: String,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) pre: PluginPre<State>,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded")
            .field("provider", &self.manifest.provider)
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}

impl Loaded {
    /// A fresh instance.
    ///
    /// # Errors
    /// As [`Instance::new`].
    pub(crate) async fn instance(&self, config: Option<&Config>) -> Result<Instance> {
        Instance::new(&self.sandbox, &self.pre, &self.manifest.hosts, config).await
    }

    /// Says whose error it is, where it is the plugin's own doing.
    pub(crate) fn told(&self, error: Error) -> Error {
        if matches!(error.kind(), ErrorKind::Plugin | ErrorKind::Refused)
            && error.context().all(|(key, _)| key != "plugin")
        {
            error.with("plugin", &self.manifest.provider)
        } else {
            error
        }
    }

    /// What a call gave back, where the plugin may have given an error.
    ///
    /// # Errors
    /// The call's, or the plugin's.
    pub(crate) fn flat<T>(&self, result: Result<Result<T, wit::Error>>) -> Result<T> {
        result?.map_err(Error::from)
    }

    /// The result, or `instead` and a line in the log.
    pub(crate) fn or_told<T>(&self, result: Result<T>, instead: T) -> T {
        result.unwrap_or_else(|error| {
            crate::connector::warn(&self.manifest.provider, &error);
            instead
        })
    }

    /// Most bytes that a call may give back.
    pub(crate) fn most(&self) -> usize {
        self.sandbox.limits.result_bytes
    }

    /// Takes the rows of a page.
    ///
    /// # Errors
    /// `Plugin` when it is larger than it may be, or can't be read.
    pub(crate) fn unpack(&self, page: &[u8], batch: &mut Batch) -> Result<()> {
        if page.len() > self.most() {
            let message = format!(
                "the plugin gave back a page of more than the {} bytes that it may",
                self.most()
            );
            return Err(breach(message));
        }
        batch.unpack(page).map_err(|error| {
            breach("the plugin gave back a page that can't be read; report it to the plugin's maker").because(error)
        })
    }
}
