//! [`Plugins`]: the way in.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use syncline_core::manifest::Manifest;
use syncline_core::{Error, ErrorKind, Result};
use wasmtime::component::Component;

use crate::breach::breach;
use crate::cache::Cache;
use crate::connector::PluginConnector;
use crate::instance::{Instance, Manner, at_once, call};
use crate::limits::Limits;
use crate::loaded::Loaded;
use crate::sandbox::Sandbox;
use crate::{manifest, version};

/// Runs plugins. Made once by a host, and shared by all of its plugins. Cheap to clone.
///
/// ```no_run
/// // Not run: there is no plugin beside the documentation.
/// use syncline_plugins::{Approval, Limits, Plugins};
///
/// let plugins = Plugins::new(Limits::default())?;
/// let file = std::fs::read("acme.wasm")?;
/// let asks = plugins.inspect(&file)?;
/// println!("{} wants to reach {}", asks.manifest.label, asks.manifest.hosts.join(", "));
/// // Once somebody has agreed. The approval is what to keep: it names the file's content.
/// let connector = plugins.connector(&file, &Approval::of_all(&asks))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Plugins {
    sandbox: Arc<Sandbox>,
    cache: Option<Cache>,
}

/// What a plugin is and asks for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inspection {
    /// The content hash of its file, as 64 hexadecimal digits.
    pub hash: String,
    /// The version of the contract that it was built for.
    pub contract: String,
    /// What it says of itself; `hosts` are those that it asks for.
    pub manifest: Manifest,
    /// The scopes of the app's own token that it asks for.
    pub app_scopes: Vec<String>,
}

/// What somebody agreed to, for one file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Approval {
    /// The content hash of the file. Another file has to be approved anew.
    pub hash: String,
    /// The hosts that it may reach, of those that it asks for.
    pub hosts: Vec<String>,
}

impl Approval {
    /// Agrees to everything that a plugin asks for.
    pub fn of_all(inspection: &Inspection) -> Self {
        Self {
            hash: inspection.hash.clone(),
            hosts: inspection.manifest.hosts.clone(),
        }
    }
}

impl Plugins {
    /// A machine for plugins, with these limits for each of them.
    ///
    /// # Errors
    /// `Unsupported` when this computer can't run plugins.
    pub fn new(limits: Limits) -> Result<Self> {
        Ok(Self {
            sandbox: Arc::new(Sandbox::new(limits)?),
            cache: None,
        })
    }

    /// Keeps compiled plugins in a folder, which is made for its owner alone if it is not there. Compiled code is run as
    /// it is found: nobody else may write there.
    #[must_use]
    pub fn keep_compiled_in(mut self, folder: &Path) -> Self {
        self.cache = Some(Cache::new(folder));
        self
    }

    /// What a plugin is and asks for. It is run for that, with nothing to reach.
    ///
    /// # Errors
    /// `Invalid` when the file is no plugin, `Unsupported` when it was built for another version of the contract,
    /// `Plugin` when what it says of itself can't be true.
    pub fn inspect(&self, file: &[u8]) -> Result<Inspection> {
        self.load(file).map(|(inspection, _)| inspection)
    }

    /// A plugin as a connector, to be given to an engine like any other.
    ///
    /// # Errors
    /// As [`Plugins::inspect`], and `Refused` when the file is not the one that was approved, or a host that
    /// authorisation needs was not.
    pub fn connector(&self, file: &[u8], approval: &Approval) -> Result<PluginConnector> {
        if hash(file) != approval.hash {
            return Err(Error::new(
                ErrorKind::Refused,
                "the plugin's file is not the one that was approved; look at what it asks for now, and approve it anew",
            ));
        }
        let (inspection, pre) = self.load(file)?;
        let mut manifest = inspection.manifest;
        manifest.hosts.retain(|host| approval.hosts.contains(host));
        manifest::check_authorisation(&manifest)?;
        Ok(PluginConnector::new(Arc::new(Loaded {
            manifest,
            app_scopes: inspection.app_scopes,
            hash: inspection.hash,
            sandbox: Arc::clone(&self.sandbox),
            pre,
        })))
    }

    fn load(&self, file: &[u8]) -> Result<(Inspection, crate::bindings::PluginPre<crate::state::State>)> {
        let most = self.sandbox.limits.file_bytes;
        if file.len() > most {
            let message = format!("the plugin's file is larger than the {most} bytes that it may have");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let hash = hash(file);
        let component = self.component(file, &hash)?;
        let contract = version::check(&self.sandbox.engine, &component)?;
        let pre = self.sandbox.link(&component)?;
        let (text, app_scopes) = at_once(async {
            let mut instance = Instance::new(&self.sandbox, &pre, &[], None).await?;
            let instance = &mut instance;
            let text = call!(instance, None, Manner::AtOnce, |plugin, store| plugin
                .call_manifest(store))?;
            let scopes = call!(instance, None, Manner::AtOnce, |plugin, store| plugin
                .call_app_scopes(store))?;
            Ok::<_, Error>((text, scopes))
        })?;
        if app_scopes.len() > 100 {
            return Err(breach(
                "the plugin asks for more scopes of the app's own than any app has",
            ));
        }
        let inspection = Inspection {
            manifest: manifest::read(&text)?,
            hash,
            contract,
            app_scopes,
        };
        Ok((inspection, pre))
    }

    /// The compiled component of a file.
    fn component(&self, file: &[u8], hash: &str) -> Result<Component> {
        let engine = &self.sandbox.engine;
        if let Some(component) = self.cache.as_ref().and_then(|cache| cache.get(engine, hash)) {
            return Ok(component);
        }
        let made = component_of(file)?;
        let component = Component::from_binary(engine, &made).map_err(|error| unusable(&format!("{error:#}")))?;
        if let Some(cache) = &self.cache {
            cache.put(engine, hash, &component);
        }
        Ok(component)
    }
}

/// The content hash of a plugin's file, as 64 hexadecimal digits.
pub fn hash(file: &[u8]) -> String {
    Sha256::digest(file).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A component as it is; a plain module that was built against the contract is made one, as its bytes say how.
fn component_of(file: &[u8]) -> Result<std::borrow::Cow<'_, [u8]>> {
    const MODULE: [u8; 8] = *b"\0asm\x01\0\0\0";
    if !file.starts_with(&MODULE) {
        return Ok(file.into());
    }
    let encoded = wit_component::ComponentEncoder::default()
        .module(file)
        .and_then(|encoder| encoder.validate(true).encode());
    encoded.map(Into::into).map_err(|error| unusable(&format!("{error:#}")))
}

fn unusable(reason: &str) -> Error {
    Error::new(
        ErrorKind::Invalid,
        "the file is no plugin that can be run: it is not a WebAssembly component, or a damaged one; get it anew from \
         its maker",
    )
    .because(reason.to_owned())
}
