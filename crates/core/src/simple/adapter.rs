//! [`Simple`]: the whole contract over a [`SimpleConnector`].

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::task::{PullTask, PushTask};
use super::{Api, SimpleConnector};
use crate::batch::{Batch, Hint, Projection, ReadClass, RowState};
use crate::connector::{Access, Connector, RawRequest, Task};
use crate::error::{Error, ErrorKind, Result};
use crate::io::{Class, Config, Head, Io};
use crate::job::{Fetch, FetchBy, Job, Pull, Start};
use crate::manifest::Manifest;
use crate::schema::{Account, Described, ObjectInfo, ObjectSchema, RemoteUser};

/// Makes a [`SimpleConnector`] a [`Connector`]. See the [module](super).
#[derive(Debug)]
pub struct Simple<C> {
    connector: Arc<C>,
    manifest: Manifest,
}

impl<C: SimpleConnector> Simple<C> {
    /// The connector.
    pub fn new(connector: C) -> Self {
        Self {
            manifest: connector.manifest(),
            connector: Arc::new(connector),
        }
    }
}

pub(super) fn paths(projection: &Projection) -> Vec<&str> {
    projection.fields.iter().map(|field| field.path.as_str()).collect()
}

#[async_trait]
impl<C: SimpleConnector + 'static> Connector for Simple<C> {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn scopes(&self, objects: &[(&str, Access)]) -> Vec<String> {
        let scopes: BTreeSet<String> = self.connector.scopes(objects).into_iter().collect();
        scopes.into_iter().collect()
    }

    fn classify(&self, head: &Head, body: &[u8]) -> Class {
        self.connector.classify(head, body)
    }

    async fn account(&self, io: &dyn Io, config: &Config) -> Result<Account> {
        self.connector.account(&Api::new(io, config, &*self.connector)).await
    }

    async fn objects(&self, io: &dyn Io, config: &Config) -> Result<Vec<ObjectInfo>> {
        let mut objects = self.connector.objects(&Api::new(io, config, &*self.connector)).await?;
        objects.sort_by(|a, b| a.name.cmp(&b.name));
        objects.dedup_by(|a, b| a.name == b.name);
        Ok(objects)
    }

    async fn describe(&self, io: &dyn Io, config: &Config, object: &str, _: Option<&str>) -> Result<Described> {
        let objects = self.objects(io, config).await?;
        let Some(info) = objects.into_iter().find(|info| info.name == object) else {
            let message = format!("{} has no object `{object}`", self.manifest.label);
            return Err(Error::new(ErrorKind::NotFound, message));
        };
        let api = Api::new(io, config, &*self.connector);
        Ok(Described::Schema(ObjectSchema {
            fields: self.connector.describe(&api, object).await?,
            object: info,
            version: None,
            left_out: Vec::new(),
        }))
    }

    async fn users(&self, io: &dyn Io, config: &Config) -> Result<Vec<RemoteUser>> {
        self.connector.users(&Api::new(io, config, &*self.connector)).await
    }

    async fn fetch(&self, io: &dyn Io, config: &Config, fetch: &Fetch, batch: &mut Batch) -> Result<()> {
        batch.class = ReadClass::Strong;
        let FetchBy::Ids(ids) = &fetch.by else {
            let message = format!(
                "the connector of {} finds records by their ids alone",
                self.manifest.label
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        };
        let api = Api::new(io, config, &*self.connector);
        let fields = paths(&fetch.projection);
        for ids in ids.chunks(self.manifest.capabilities.read.fetch_size.max(1)) {
            let records = self.connector.fetch(&api, &fetch.object, ids, &fields).await?;
            let mut missing: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
            for record in &records {
                // What was not asked for would be taken for an answer to another question.
                if missing.remove(record.id.as_str()) {
                    record.put(batch, &fetch.projection);
                }
            }
            for id in missing {
                let mut row = batch.row(id);
                row.state(RowState::Missing);
                row.finish();
            }
        }
        Ok(())
    }

    fn open(&self, config: &Config, job: Job, resume: Option<Bytes>) -> Result<Box<dyn Task>> {
        let connector = Arc::clone(&self.connector) as Arc<dyn SimpleConnector>;
        let read = self.manifest.capabilities.read.clone();
        let config = config.clone();
        Ok(match job {
            Job::Pull(pull) => Box::new(PullTask::open(connector, config, read, pull, resume)?),
            Job::Sweep { object, projection } => {
                let pull = Pull {
                    object,
                    projection,
                    start: Start::Beginning,
                    conditions: Vec::new(),
                    page_size: None,
                };
                Box::new(PullTask::open(connector, config, read, pull, resume)?)
            }
            Job::Push(push) => Box::new(PushTask::new(connector, config, push)),
            Job::Feed(_) => {
                let message = format!("{} has no feed of changes", self.manifest.label);
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        })
    }

    async fn webhook(&self, _: &dyn Io, _: &Config, _: &RawRequest) -> Result<Vec<Hint>> {
        let message = format!("the connector of {} knows no webhooks", self.manifest.label);
        Err(Error::new(ErrorKind::Unsupported, message))
    }
}
