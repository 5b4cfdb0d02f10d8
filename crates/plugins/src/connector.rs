//! [`PluginConnector`]: a plugin as a [`Connector`], which the engine can't tell from a native one.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use syncline_core::batch::{Batch, Hint};
use syncline_core::connector::{Access, Connector, RawRequest, Task};
use syncline_core::io::{Class, Config, Head, Io};
use syncline_core::job::{Condition, Fetch, Job};
use syncline_core::manifest::Manifest;
use syncline_core::schema::{Account, Described, ObjectInfo, RemoteUser};
use syncline_core::{Error, Result};

use crate::breach::breach;
use crate::instance::{Instance, Manner, at_once, call};
use crate::loaded::Loaded;
use crate::task::PluginTask;

/// A plugin as a connector. Cheap to clone. See [`Plugins::connector`](crate::Plugins::connector).
///
/// Each call, and each job, has an instance of its own: nothing of one connection is ever in the memory of another.
#[derive(Debug, Clone)]
pub struct PluginConnector {
    loaded: Arc<Loaded>,
}

impl PluginConnector {
    pub(crate) fn new(loaded: Arc<Loaded>) -> Self {
        Self { loaded }
    }

    async fn instance(&self, config: &Config) -> Result<Instance> {
        self.loaded.instance(Some(config)).await
    }

    /// Says whose error it is.
    fn told<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| self.loaded.told(error))
    }
}

/// Reads a document that a plugin gave.
fn document<T: DeserializeOwned>(text: &str, most: usize) -> Result<T> {
    if text.len() > most {
        return Err(breach("the plugin gave back more than it may"));
    }
    serde_json::from_str(text).map_err(|error| {
        breach("the plugin gave back a description that can't be read; report it to the plugin's maker").because(error)
    })
}

#[async_trait]
impl Connector for PluginConnector {
    fn manifest(&self) -> &Manifest {
        &self.loaded.manifest
    }

    fn scopes(&self, objects: &[(&str, Access)]) -> Vec<String> {
        let objects: Vec<_> = objects
            .iter()
            .map(|(object, access)| ((*object).to_owned(), (*access).into()))
            .collect();
        let scopes = at_once(async {
            let instance = &mut self.loaded.instance(None).await?;
            call!(instance, None, Manner::AtOnce, |plugin, store| plugin
                .call_scopes(store, &objects))
        });
        // Too few scopes come to light when the provider refuses a request; there is nobody to tell here.
        self.loaded.or_told(scopes, Vec::new())
    }

    fn app_scopes(&self) -> Vec<String> {
        self.loaded.app_scopes.clone()
    }

    fn classify(&self, head: &Head, body: &[u8]) -> Class {
        // As the contract has it, and most answers are of this kind.
        if head.is_success() {
            return Class::Success;
        }
        let head = head.clone().into();
        let body = body.to_vec();
        let class = at_once(async {
            let instance = &mut self.loaded.instance(None).await?;
            call!(instance, None, Manner::AtOnce, |plugin, store| plugin
                .call_classify(store, &head, &body))
        });
        // An answer that nobody could read may have come after the request was applied.
        self.loaded.or_told(class.map(Into::into), Class::Unknown)
    }

    async fn account(&self, io: &dyn Io, config: &Config) -> Result<Account> {
        let wanted = config.clone().into();
        let instance = &mut self.instance(config).await?;
        let account = call!(instance, Some(io), Manner::Waiting, |plugin, store| plugin
            .call_account(store, &wanted));
        self.told(
            self.loaded
                .flat(account)
                .and_then(|text| document(&text, self.loaded.most())),
        )
    }

    async fn objects(&self, io: &dyn Io, config: &Config) -> Result<Vec<ObjectInfo>> {
        let wanted = config.clone().into();
        let instance = &mut self.instance(config).await?;
        let objects = call!(instance, Some(io), Manner::Waiting, |plugin, store| plugin
            .call_objects(store, &wanted));
        self.told(
            self.loaded
                .flat(objects)
                .and_then(|text| document(&text, self.loaded.most())),
        )
    }

    async fn describe(&self, io: &dyn Io, config: &Config, object: &str, version: Option<&str>) -> Result<Described> {
        let wanted = config.clone().into();
        let instance = &mut self.instance(config).await?;
        let described = call!(instance, Some(io), Manner::Waiting, |plugin, store| plugin
            .call_describe(store, &wanted, object, version));
        self.told(self.loaded.flat(described).and_then(|text| match text {
            None if version.is_none() => Err(breach(
                "the plugin says that a description is unchanged which it never gave",
            )),
            None => Ok(Described::Unchanged),
            Some(text) => document(&text, self.loaded.most()).map(Described::Schema),
        }))
    }

    async fn users(&self, io: &dyn Io, config: &Config) -> Result<Vec<RemoteUser>> {
        let wanted = config.clone().into();
        let instance = &mut self.instance(config).await?;
        let users = call!(instance, Some(io), Manner::Waiting, |plugin, store| plugin
            .call_users(store, &wanted));
        self.told(
            self.loaded
                .flat(users)
                .and_then(|text| document(&text, self.loaded.most())),
        )
    }

    async fn fetch(&self, io: &dyn Io, config: &Config, fetch: &Fetch, batch: &mut Batch) -> Result<()> {
        let (wanted, by) = (config.clone().into(), fetch.clone().into());
        let instance = &mut self.instance(config).await?;
        let page = call!(instance, Some(io), Manner::Waiting, |plugin, store| plugin
            .call_fetch_records(store, &wanted, &by));
        self.told(self.loaded.flat(page).and_then(|page| self.loaded.unpack(&page, batch)))
    }

    async fn count(&self, io: &dyn Io, config: &Config, object: &str, conditions: &[Condition]) -> Result<Option<u64>> {
        let wanted = config.clone().into();
        let conditions: Vec<_> = conditions.iter().cloned().map(Into::into).collect();
        let instance = &mut self.instance(config).await?;
        let count = call!(instance, Some(io), Manner::Waiting, |plugin, store| plugin.call_count(
            store,
            &wanted,
            object,
            &conditions
        ));
        self.told(self.loaded.flat(count))
    }

    async fn make_marker(&self, io: &dyn Io, config: &Config, object: &str) -> Result<String> {
        let wanted = config.clone().into();
        let instance = &mut self.instance(config).await?;
        let marker = call!(instance, Some(io), Manner::Waiting, |plugin, store| plugin
            .call_make_marker(store, &wanted, object));
        self.told(self.loaded.flat(marker))
    }

    fn open(&self, config: &Config, job: Job, resume: Option<Bytes>) -> Result<Box<dyn Task>> {
        self.told(at_once(PluginTask::open(Arc::clone(&self.loaded), config, job, resume)))
            .map(|task| Box::new(task) as Box<dyn Task>)
    }

    async fn webhook(&self, io: &dyn Io, config: &Config, request: &RawRequest) -> Result<Vec<Hint>> {
        let (wanted, asked) = (config.clone().into(), request.clone().into());
        let instance = &mut self.instance(config).await?;
        let hints = call!(instance, Some(io), Manner::Waiting, |plugin, store| plugin
            .call_webhook(store, &wanted, &asked));
        self.told(self.loaded.flat(hints))
            .map(|hints| hints.into_iter().map(Into::into).collect())
    }
}

impl PluginConnector {
    /// Who made the plugin what it is: its content hash, as 64 hexadecimal digits.
    pub fn hash(&self) -> &str {
        &self.loaded.hash
    }
}

/// For [`Loaded`], which tells failures where a call can't give one back.
pub(crate) fn warn(name: &str, error: &Error) {
    tracing::warn!(plugin = name, "{error}");
}
