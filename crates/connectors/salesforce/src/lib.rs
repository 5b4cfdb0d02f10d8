//! The Salesforce connector: speaks the REST API (SOQL, sObject Collections, describe) and does no I/O of its own.
//!
//! Everything goes through the [`Io`] that the host hands over, so the crate never sees a token, builds for
//! `wasm32-unknown-unknown`, and runs under a virtual clock.
//!
//! ```
//! use syncline_connector_salesforce::Salesforce;
//! use syncline_core::connector::Connector;
//!
//! assert_eq!(Salesforce::new().manifest().provider, "salesforce");
//! ```
#![forbid(unsafe_code)]

mod account;
mod bulk_csv;
mod bulk_query;
mod bulk_write;
mod change_events;
mod client;
mod composite;
mod count;
mod coverage;
mod decode;
mod entity_tag;
mod error;
mod files;
mod id;
mod ingest_result;
mod manifest;
mod marker;
mod outcome;
mod payload;
mod position;
mod pull;
mod read;
mod read_along;
mod schema;
mod selection;
mod soql;
mod system;
#[cfg(test)]
mod testing;
mod upload;
mod version;
mod wide;
mod wire;
mod write;

use async_trait::async_trait;
use bytes::Bytes;
use syncline_core::batch::{Batch, Hint};
use syncline_core::connector::{Access, Connector, RawRequest, Task};
use syncline_core::file::{FileBody, FileChanges, FileOf, NewFile, RemoteFile};
use syncline_core::io::{Class, Config, Head, Io};
use syncline_core::job::{Condition, Fetch, Job};
use syncline_core::manifest::Manifest;
use syncline_core::schema::{Account, Described, ObjectInfo, RemoteUser};
use syncline_core::{Error, ErrorKind, Result};

/// The Salesforce connector.
#[derive(Debug, Clone)]
pub struct Salesforce {
    manifest: Manifest,
}

impl Salesforce {
    /// The connector. It holds no connection: every call is handed its own.
    pub fn new() -> Self {
        Self {
            manifest: manifest::manifest(),
        }
    }
}

impl Default for Salesforce {
    fn default() -> Self {
        Self::new()
    }
}

/// The Salesforce connector, for hosts that register connectors by function.
pub fn connector() -> impl Connector {
    Salesforce::new()
}

#[async_trait]
impl Connector for Salesforce {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn scopes(&self, objects: &[(&str, Access)]) -> Vec<String> {
        manifest::scopes(objects)
    }

    fn classify(&self, head: &Head, body: &[u8]) -> Class {
        error::classify(head, body)
    }

    async fn account(&self, io: &dyn Io, config: &Config) -> Result<Account> {
        account::account(io, &client::Api::new(config)?, config).await
    }

    async fn objects(&self, io: &dyn Io, config: &Config) -> Result<Vec<ObjectInfo>> {
        schema::objects(io, &client::Api::new(config)?).await
    }

    async fn describe(&self, io: &dyn Io, config: &Config, object: &str, version: Option<&str>) -> Result<Described> {
        schema::describe(io, &client::Api::new(config)?, object, version).await
    }

    async fn users(&self, io: &dyn Io, config: &Config) -> Result<Vec<RemoteUser>> {
        account::users(io, &client::Api::new(config)?).await
    }

    async fn fetch(&self, io: &dyn Io, config: &Config, fetch: &Fetch, batch: &mut Batch) -> Result<()> {
        read::fetch(io, &client::Api::new(config)?, fetch, batch).await
    }

    async fn count(&self, io: &dyn Io, config: &Config, object: &str, conditions: &[Condition]) -> Result<Option<u64>> {
        count::count(io, &client::Api::new(config)?, object, conditions).await
    }

    async fn files(&self, io: &dyn Io, config: &Config, _: &str, records: &[String]) -> Result<Vec<FileOf>> {
        files::files(io, &client::Api::new(config)?, records).await
    }

    async fn download(&self, io: &dyn Io, config: &Config, _: &str, file: &RemoteFile) -> Result<Box<dyn FileBody>> {
        files::download(io, &client::Api::new(config)?, file).await
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
        files::upload(io, &client::Api::new(config)?, object, record, file, body).await
    }

    async fn file_changes(
        &self,
        io: &dyn Io,
        config: &Config,
        object: &str,
        cursor: Option<&Bytes>,
    ) -> Result<FileChanges> {
        files::changes(io, &client::Api::new(config)?, object, cursor).await
    }

    fn open(&self, config: &Config, job: Job, resume: Option<Bytes>) -> Result<Box<dyn Task>> {
        let api = client::Api::new(config)?;
        let (above, parallel, coverage) = (
            manifest::bulk_read_above(config)?,
            manifest::bulk_parallel_pages(config),
            manifest::coverage_every(config)?,
        );
        Ok(match job {
            Job::Pull(job) => Box::new(
                pull::PullTask::pull(api, job, resume)?
                    .through_bulk(above, parallel)
                    .with_coverage(coverage),
            ),
            Job::Feed(feed) => Box::new(change_events::FeedTask::open(api, config, feed, resume)?),
            Job::Sweep { object, .. } => {
                Box::new(pull::PullTask::sweep(api, object, resume)?.through_bulk(above, parallel))
            }
            Job::Push(job) => {
                let above = manifest::bulk_write_above(config)?;
                Box::new(bulk_write::BulkPushTask::new(api, job, above, resume)?)
            }
        })
    }

    async fn make_marker(&self, io: &dyn Io, config: &Config, object: &str) -> Result<String> {
        marker::make(io, &client::Api::new(config)?, config, object).await
    }

    async fn webhook(&self, _: &dyn Io, _: &Config, _: &RawRequest) -> Result<Vec<Hint>> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "Salesforce does not call us; changes are found by polling",
        ))
    }
}
