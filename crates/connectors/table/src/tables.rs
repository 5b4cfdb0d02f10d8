//! [`Tables`]: the connector.

use async_trait::async_trait;
use bytes::Bytes;
use syncline_core::batch::{Batch, Hint};
use syncline_core::connector::{Access, Connector, RawRequest, Task};
use syncline_core::io::{Class, Config, Head, Io};
use syncline_core::job::{Condition, Fetch, Job, Pull, Start};
use syncline_core::manifest::Manifest;
use syncline_core::schema::{Account, Described, ObjectInfo, RemoteUser};
use syncline_core::{Error, ErrorKind, Result};

use crate::catalog::Shape;
use crate::database::{Database, Statement};
use crate::manifest::{SCOPE, manifest};
use crate::pull::PullTask;
use crate::push::PushTask;
use crate::spec::TableSpec;
use crate::{outbox, read, schema};

/// A host's own tables in one database, as a connector. See the [crate](crate).
///
/// An engine gets it by `EngineBuilder::connector`, and a tenant's connection is made by `connections().connect(..)` with
/// its provider's name, which is `table` unless it is [named](Tables::named) otherwise.
#[derive(Debug)]
pub struct Tables {
    database: Database,
    specs: Vec<TableSpec>,
    manifest: Manifest,
}

impl Tables {
    /// Opens a database: the path of a SQLite file that is there, or with the feature `postgres` the URL of a Postgres
    /// database. It takes up to four connections to it, beside the host's own.
    ///
    /// # Errors
    /// `Unavailable` when it can't be reached, `Invalid` for what is no path and no URL, `Unsupported` without the feature.
    pub async fn open(database: &str) -> Result<Self> {
        Ok(Self {
            database: Database::open(database).await?,
            specs: Vec::new(),
            manifest: manifest("table", "Tables", &[]),
        })
    }

    /// Names the provider and labels it for people, where a host has several databases.
    #[must_use]
    pub fn named(mut self, provider: &str, label: &str) -> Self {
        self.manifest = manifest(provider, label, &self.specs);
        self
    }

    /// Adds a table. Named again, a table is told anew.
    #[must_use]
    pub fn table(mut self, spec: TableSpec) -> Self {
        self.specs.retain(|known| known.name != spec.name);
        self.specs.push(spec);
        self.specs.sort_by(|a, b| a.name.cmp(&b.name));
        self.manifest = manifest(&self.manifest.provider, &self.manifest.label, &self.specs);
        self
    }

    /// The statements that make the outbox and the triggers of all tables that want one, for a migration of the host's own.
    /// They may be executed again.
    ///
    /// # Errors
    /// `NotFound` for a table that is not there, `Invalid` for one whose key or columns do not fit, `Unavailable`.
    pub async fn outbox_statements(&self) -> Result<Vec<String>> {
        let mut all = Vec::new();
        for spec in self.specs.iter().filter(|spec| spec.outbox) {
            for statement in outbox::statements(&self.unscoped(spec).await?)? {
                if !all.contains(&statement) {
                    all.push(statement);
                }
            }
        }
        Ok(all)
    }

    /// Makes the outbox and the triggers of all tables that want one, where they are not there yet. It needs the right to
    /// create tables and triggers.
    ///
    /// # Errors
    /// As [`Tables::outbox_statements`], and `Forbidden` when the database does not let this user.
    pub async fn install_outbox(&self) -> Result<()> {
        for spec in self.specs.iter().filter(|spec| spec.outbox) {
            outbox::install(&self.database, &self.unscoped(spec).await?).await?;
        }
        Ok(())
    }

    /// A table's shape where nothing of a single customer is asked for.
    async fn unscoped(&self, spec: &TableSpec) -> Result<Shape> {
        Shape::read(&self.database, spec, Some("")).await
    }

    fn spec(&self, object: &str) -> Result<&TableSpec> {
        self.specs.iter().find(|spec| spec.name == object).ok_or_else(|| {
            let message = format!("`{object}` is none of the tables that take part");
            Error::new(ErrorKind::NotFound, message)
        })
    }

    async fn shape(&self, config: &Config, object: &str) -> Result<Shape> {
        Shape::read(&self.database, self.spec(object)?, config.setting(SCOPE)).await
    }

    fn infos(&self) -> Vec<ObjectInfo> {
        self.specs.iter().map(schema::object).collect()
    }
}

#[async_trait]
impl Connector for Tables {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn scopes(&self, _: &[(&str, Access)]) -> Vec<String> {
        Vec::new()
    }

    // Nothing is ever asked by HTTP.
    fn classify(&self, head: &Head, body: &[u8]) -> Class {
        syncline_core::simple::classify_by_status(head, body)
    }

    async fn account(&self, _: &dyn Io, config: &Config) -> Result<Account> {
        self.database.rows(&Statement::new("SELECT '1'")).await?;
        let scope = config.setting(SCOPE);
        let name = scope.map_or_else(
            || self.manifest.label.clone(),
            |scope| format!("{} of {scope}", self.manifest.label),
        );
        Ok(Account {
            id: format!("{}/{}", self.manifest.provider, scope.unwrap_or_default()),
            name,
            user_id: "app".into(),
            user_name: "the app".into(),
            ..Account::default()
        })
    }

    async fn objects(&self, _: &dyn Io, _: &Config) -> Result<Vec<ObjectInfo>> {
        Ok(self.infos())
    }

    async fn describe(&self, _: &dyn Io, config: &Config, object: &str, version: Option<&str>) -> Result<Described> {
        let shape = self.shape(config, object).await?;
        let described = schema::describe(&shape, &self.infos())?;
        if version.is_some() && described.version.as_deref() == version {
            return Ok(Described::Unchanged);
        }
        Ok(Described::Schema(described))
    }

    async fn users(&self, _: &dyn Io, _: &Config) -> Result<Vec<RemoteUser>> {
        Ok(vec![RemoteUser {
            id: "app".into(),
            name: "the app".into(),
            email: None,
            active: true,
        }])
    }

    async fn fetch(&self, _: &dyn Io, config: &Config, fetch: &Fetch, batch: &mut Batch) -> Result<()> {
        let shape = self.shape(config, &fetch.object).await?;
        read::fetch(&self.database, &shape, fetch, batch).await
    }

    async fn count(&self, _: &dyn Io, config: &Config, object: &str, _: &[Condition]) -> Result<Option<u64>> {
        let shape = self.shape(config, object).await?;
        let count = shape.dialect.text("COUNT(*)");
        let mut statement = Statement::new(format!("SELECT {count} FROM {} WHERE 1 = 1", shape.table));
        read::within_scope(&shape, &mut statement)?;
        let rows = self.database.rows(&statement).await?;
        let count = rows
            .into_iter()
            .next()
            .and_then(|cells| cells.into_iter().next().flatten());
        Ok(count.and_then(|count| count.parse().ok()))
    }

    fn open(&self, config: &Config, job: Job, resume: Option<Bytes>) -> Result<Box<dyn Task>> {
        let scope = config.setting(SCOPE).map(str::to_owned);
        let database = self.database.clone();
        Ok(match job {
            Job::Pull(pull) => {
                let spec = self.spec(&pull.object)?.clone();
                Box::new(PullTask::open(database, spec, scope, pull, resume)?)
            }
            Job::Sweep { object, projection } => {
                let spec = self.spec(&object)?.clone();
                let pull = Pull {
                    object,
                    projection,
                    start: Start::Beginning,
                    conditions: Vec::new(),
                    page_size: None,
                };
                Box::new(PullTask::open(database, spec, scope, pull, resume)?)
            }
            Job::Push(push) => {
                let spec = self.spec(&push.object)?.clone();
                Box::new(PushTask::new(database, spec, scope, push))
            }
            Job::Feed(_) => {
                let message = "tables have no feed of changes; they are read by schedule";
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        })
    }

    async fn webhook(&self, _: &dyn Io, _: &Config, _: &RawRequest) -> Result<Vec<Hint>> {
        Err(Error::new(ErrorKind::Unsupported, "tables have no webhooks"))
    }
}
