//! The HubSpot connector: speaks the provider's API and does no I/O of its own.
//!
//! [`HubSpot`] is the whole public surface; it is used through [`syncline_core::connector::Connector`].
#![forbid(unsafe_code)]

mod account;
mod answer;
mod associations;
mod client;
mod decode;
mod error;
mod field;
mod files;
mod journal;
mod journal_event;
mod link;
mod link_type;
mod manifest;
mod marker;
mod object;
mod page;
mod problem;
mod pull;
mod push;
mod read;
mod schema;
mod search;
mod webhook;
mod wire;
mod write;

use async_trait::async_trait;
use bytes::Bytes;
use syncline_core::batch::{Batch, Hint};
use syncline_core::connector::{Access, Connector, RawRequest, Task};
use syncline_core::error::Result;
use syncline_core::file::{FileBody, FileChanges, FileOf, NewFile, RemoteFile};
use syncline_core::io::{Class, Config, Head, Io};
use syncline_core::job::{Condition, Fetch, Job};
use syncline_core::manifest::Manifest;
use syncline_core::schema::{Account, Described, ObjectInfo, RemoteUser};

use crate::client::{Client, Paths};

/// HubSpot's CRM API.
#[derive(Debug)]
pub struct HubSpot {
    manifest: Manifest,
}

impl HubSpot {
    /// The connector; it holds nothing but its manifest.
    pub fn new() -> Self {
        Self {
            manifest: manifest::manifest(),
        }
    }
}

impl Default for HubSpot {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Connector for HubSpot {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn scopes(&self, objects: &[(&str, Access)]) -> Vec<String> {
        manifest::scopes(objects)
    }

    fn app_scopes(&self) -> Vec<String> {
        journal::SCOPES.map(str::to_owned).into()
    }

    fn classify(&self, head: &Head, body: &[u8]) -> Class {
        error::classify(head, body)
    }

    async fn account(&self, io: &dyn Io, config: &Config) -> Result<Account> {
        account::account(&Client::new(io, config)?, config).await
    }

    async fn objects(&self, io: &dyn Io, config: &Config) -> Result<Vec<ObjectInfo>> {
        schema::objects(&Client::new(io, config)?).await
    }

    async fn describe(&self, io: &dyn Io, config: &Config, object: &str, _version: Option<&str>) -> Result<Described> {
        schema::describe(&Client::new(io, config)?, object)
            .await
            .map(Described::Schema)
    }

    async fn users(&self, io: &dyn Io, config: &Config) -> Result<Vec<RemoteUser>> {
        account::users(&Client::new(io, config)?).await
    }

    async fn fetch(&self, io: &dyn Io, config: &Config, fetch: &Fetch, batch: &mut Batch) -> Result<()> {
        read::fetch(&Client::new(io, config)?, fetch, batch).await
    }

    async fn count(&self, io: &dyn Io, config: &Config, object: &str, _: &[Condition]) -> Result<Option<u64>> {
        // A search says how many it would find in all. What a condition means depends on the kind of its field, which a
        // count is not worth asking for.
        let client = Client::new(io, config)?;
        Ok(search::ids_above(&client, object, &[], 0, 1).await?.total)
    }

    async fn files(&self, io: &dyn Io, config: &Config, object: &str, records: &[String]) -> Result<Vec<FileOf>> {
        files::files(&Client::new(io, config)?, object, records).await
    }

    async fn download(&self, io: &dyn Io, config: &Config, _: &str, file: &RemoteFile) -> Result<Box<dyn FileBody>> {
        files::download(&Client::new(io, config)?, file).await
    }

    async fn upload(
        &self,
        io: &dyn Io,
        config: &Config,
        object: &str,
        record: &str,
        file: &NewFile,
        body: Box<dyn FileBody>,
    ) -> Result<RemoteFile> {
        files::upload(&Client::new(io, config)?, object, record, file, body).await
    }

    async fn file_changes(
        &self,
        io: &dyn Io,
        config: &Config,
        object: &str,
        cursor: Option<&Bytes>,
    ) -> Result<FileChanges> {
        files::changes(&Client::new(io, config)?, object, cursor).await
    }

    async fn make_marker(&self, io: &dyn Io, config: &Config, object: &str) -> Result<String> {
        marker::make(&Client::new(io, config)?, object).await
    }

    fn open(&self, config: &Config, job: Job, resume: Option<Bytes>) -> Result<Box<dyn Task>> {
        let paths = Paths::new(config)?;
        Ok(match job {
            Job::Pull(pull) => Box::new(pull::PullTask::open(paths, pull, resume)?),
            Job::Sweep { object, projection } => Box::new(pull::PullTask::sweep(paths, object, projection, resume)?),
            Job::Feed(feed) => Box::new(journal::FeedTask::open(paths, config, feed, resume)?),
            Job::Push(push) => Box::new(write::PushTask::open(paths, push)?),
        })
    }

    async fn webhook(&self, io: &dyn Io, config: &Config, request: &RawRequest) -> Result<Vec<Hint>> {
        webhook::webhook(&Client::new(io, config)?, config, request).await
    }
}
