use jiff::Timestamp;
use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::mapping::{Mapping, check, check_together};
use syncline_core::model::{Blueprint, Field, Finding, TenantId};
use syncline_core::schema::{Described, ObjectSchema};
use syncline_core::store::{Document, DocumentKind, DocumentQuery, Mode, SideCounts, Transaction};
use uuid::Uuid;

use super::blueprint::extend;
use super::change::SyncChange;
use super::{Schedule, SweepInterval, Sync, SyncStatus};
use crate::actor::{Action, Actor};
use crate::connection::Connection;
use crate::document;
use crate::engine::{Engine, Inner};
use crate::http::StopFlag;
use crate::run::{StartedRun, append_audit, schema_of};

/// A sync to be made or changed.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSync {
    /// Its name, unique within its connection.
    pub name: String,
    /// The connection.
    pub connection: u64,
    /// The field rules. The blueprint that it names is created or extended.
    pub mapping: Mapping,
    /// Fields to add to the blueprint.
    pub fields: Vec<Field>,
    /// Atomic groups to add to the blueprint.
    pub groups: Vec<Vec<String>>,
    /// When it runs by itself.
    pub schedule: Schedule,
    /// How often it is swept by itself.
    pub sweep: SweepInterval,
    /// Whether files are carried between its records and those of other syncs of its blueprint that say so, too. A file is
    /// given to its CRM only where a rule of its mapping writes there.
    pub files: bool,
    /// Starts the run that reads what is new as soon as it is saved: the first import, or what a wider mapping asks for.
    pub start: bool,
}

/// A saved sync, what was found, and what follows.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedSync {
    /// The sync.
    pub sync: Sync,
    /// Everything worth knowing about its mapping.
    pub findings: Vec<Finding>,
    /// What saving it changed.
    pub change: SyncChange,
    /// How many records the CRM has, about, where they are to be read and it can tell.
    pub estimate: Option<u64>,
    /// The run that was started, where [`NewSync::start`] asked for it and there is something to read.
    pub run: Option<StartedRun>,
}

/// The syncs of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Syncs<'a>(pub(crate) &'a Engine);

impl Engine {
    /// The syncs.
    pub const fn syncs(&self) -> Syncs<'_> {
        Syncs(self)
    }

    /// Describes an object now and keeps the description, for mappings and runs. Where the provider can say that nothing
    /// changed since, the one that is kept is the answer.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; as [`syncline_core::connector::Connector::describe`]; `Refused` for a connection
    /// that may not be used.
    pub async fn describe(&self, connection: &Connection, object: &str, actor: &Actor) -> Result<ObjectSchema> {
        self.inner.allow_in(actor, connection.tenant, Action::ReadMappings)?;
        self.describe_anew(connection, object).await
    }

    pub(crate) async fn describe_anew(&self, connection: &Connection, object: &str) -> Result<ObjectSchema> {
        let connector = self.inner.connector(&connection.provider)?;
        let io = self.inner.connections.io_for_work(connection, StopFlag::new()).await?;
        let config = connection.config();
        let known = {
            let mut tx = self.inner.store.begin(Mode::Read).await?;
            match schema_of(tx.as_mut(), connection.id, object).await {
                Ok(schema) => Some(schema),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            }
        };
        let version = known.as_ref().and_then(|schema| schema.version.as_deref());
        let schema = match (connector.describe(io.as_ref(), &config, object, version).await?, known) {
            (Described::Schema(schema), _) => schema,
            (Described::Unchanged, Some(known)) => return Ok(known),
            (Described::Unchanged, None) => {
                return Err(Error::new(ErrorKind::Protocol, format!("`{object}` was not described")));
            }
        };
        let mut tx = self.inner.store.begin(Mode::Write).await?;
        put_schema(tx.as_mut(), connection, object, &schema, self.inner.clock.now()).await?;
        tx.commit().await?;
        Ok(schema)
    }

    /// Makes a field in the provider's object that can carry our key, if there is none of ours yet, and returns its
    /// name: what a mapping names as `marker`, so that a create that is sent twice makes one record. Only for a person
    /// who asked for it, since the customer's people see the field.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, or when the provider's user may not make fields;
    /// [`ErrorKind::Unsupported`] where the provider lets no app make them; `Refused` for a connection that may not be
    /// used.
    pub async fn make_marker(&self, connection: &Connection, object: &str, actor: &Actor) -> Result<String> {
        self.inner
            .allow_in(actor, connection.tenant, Action::ManageConnections)?;
        let connector = self.inner.connector(&connection.provider)?;
        let io = self.inner.connections.io_for_work(connection, StopFlag::new()).await?;
        let config = connection.config();
        let field = connector.make_marker(io.as_ref(), &config, object).await?;
        self.describe_anew(connection, object).await?;
        Ok(field)
    }
}

pub(crate) async fn put_schema(
    tx: &mut dyn Transaction,
    connection: &Connection,
    object: &str,
    schema: &ObjectSchema,
    now: jiff::Timestamp,
) -> Result<()> {
    let query = DocumentQuery::new(DocumentKind::Schema)
        .scope(connection.id)
        .key(object)
        .limit(1);
    let known = tx.documents(&query).await?.into_iter().next();
    let body = serde_json::to_value(schema)
        .map_err(|error| Error::new(ErrorKind::Internal, "a schema can't be written").because(error))?;
    let document = Document {
        kind: DocumentKind::Schema,
        id: known.as_ref().map_or(0, |known| known.id),
        tenant: connection.tenant,
        scope: connection.id,
        key: Some(object.to_owned()),
        status: "described".to_owned(),
        at: now,
        version: known.map_or(0, |known| known.version),
        body,
    };
    tx.put_document(&document).await.map(|_| ())
}

impl Syncs<'_> {
    /// Everything to say about a mapping before it is saved.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; as [`Engine::describe`].
    pub async fn check(&self, new: &NewSync, actor: &Actor) -> Result<Vec<Finding>> {
        let inner = &self.0.inner;
        inner.allow(actor, Action::ReadMappings)?;
        let connection = load_connection(inner, new.connection, actor).await?;
        let schema = self.0.describe_anew(&connection, &new.mapping.object).await?;
        let mut tx = inner.store.begin(Mode::Write).await?;
        let blueprint = extend(
            tx.as_mut(),
            connection.tenant,
            &new.mapping.blueprint,
            &new.fields,
            &new.groups,
            (inner.clock.now(), &actor.name),
        )
        .await?;
        self.findings(tx.as_mut(), new, &blueprint, &schema).await
    }

    pub(super) async fn findings(
        &self,
        tx: &mut dyn Transaction,
        new: &NewSync,
        blueprint: &Blueprint,
        schema: &ObjectSchema,
    ) -> Result<Vec<Finding>> {
        let mut findings = check(&new.mapping, blueprint, schema, &self.0.inner.lenses);
        let others: Vec<Mapping> = siblings(tx, blueprint.tenant, blueprint.id)
            .await?
            .into_iter()
            .filter(|other| other.connection != new.connection || other.name != new.name)
            .map(|other| other.mapping)
            .collect();
        findings.extend(check_together(&new.mapping, &others.iter().collect::<Vec<_>>()));
        Ok(findings)
    }

    /// The syncs of a tenant, oldest first; deleted ones only when asked for.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy.
    pub async fn list(&self, tenant: TenantId, deleted: bool, actor: &Actor) -> Result<Vec<Sync>> {
        self.0.inner.allow_in(actor, tenant, Action::ReadRuns)?;
        let mut tx = self.0.inner.store.begin(Mode::Read).await?;
        let found = document::find::<Sync>(tx.as_mut(), &DocumentQuery::new(DocumentKind::Sync).tenant(tenant)).await?;
        Ok(found
            .into_iter()
            .rev()
            .map(|sync| sync.value)
            .filter(|sync| deleted || sync.status != SyncStatus::Deleted)
            .collect())
    }

    /// A sync by its number.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`].
    pub async fn get(&self, id: u64, actor: &Actor) -> Result<Sync> {
        self.0.inner.allow(actor, Action::ReadRuns)?;
        let mut tx = self.0.inner.store.begin(Mode::Read).await?;
        Ok(document::get_for::<Sync>(tx.as_mut(), id, actor).await?.value)
    }

    /// Counts of a sync's records.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy.
    pub async fn counts(&self, sync: &Sync, actor: &Actor) -> Result<SideCounts> {
        self.0.inner.allow_in(actor, sync.tenant, Action::ReadRuns)?;
        let mut tx = self.0.inner.store.begin(Mode::Read).await?;
        tx.side_counts(sync.side).await
    }

    /// Pauses a sync: it never runs, by schedule, hint or hand, until it is resumed.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`].
    pub async fn pause(&self, id: u64, reason: &str, actor: &Actor) -> Result<Sync> {
        let reason = reason.to_owned();
        self.change(id, actor, move |sync| {
            sync.status = SyncStatus::Paused;
            sync.paused_because = Some(reason);
        })
        .await
    }

    /// Lets a paused or deleted sync run again.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`]; [`ErrorKind::Refused`] while its blueprint is in the
    /// trash.
    pub async fn resume(&self, id: u64, actor: &Actor) -> Result<Sync> {
        {
            let mut tx = self.0.inner.store.begin(Mode::Read).await?;
            let sync = document::get_for::<Sync>(tx.as_mut(), id, actor).await?;
            let blueprint = document::get::<Blueprint>(tx.as_mut(), u64::from(sync.blueprint)).await?;
            blueprint.check_not_trashed()?;
        }
        self.change(id, actor, |sync| {
            sync.status = SyncStatus::Active;
            sync.paused_because = None;
        })
        .await
    }

    /// Removes a sync; its links stay, and it can be reactivated.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`].
    pub async fn delete(&self, id: u64, actor: &Actor) -> Result<Sync> {
        self.change(id, actor, |sync| sync.status = SyncStatus::Deleted).await
    }

    async fn change(&self, id: u64, actor: &Actor, change: impl FnOnce(&mut Sync) + Send) -> Result<Sync> {
        let inner = &self.0.inner;
        inner.allow(actor, Action::ManageSyncs)?;
        let mut tx = inner.store.begin(Mode::Write).await?;
        let mut sync = document::get_for::<Sync>(tx.as_mut(), id, actor).await?;
        change(&mut sync.value);
        document::put(tx.as_mut(), &mut sync).await?;
        show_next_run(tx.as_mut(), sync.tenant, sync.connection).await?;
        let entry = AuditEntry::new(AuditKind::Configured, Uuid::nil(), sync.side, None).note(format!(
            "{}: sync `{}` is {}",
            actor.name,
            sync.name,
            sync.status.name()
        ));
        append_audit(inner, tx.as_mut(), sync.tenant, 0, &[entry].into_iter().collect()).await?;
        tx.commit().await?;
        Ok(sync.value)
    }
}

/// When a connection runs next by itself: the soonest of its syncs, as they are stored by now.
pub(crate) async fn next_run(tx: &mut dyn Transaction, tenant: TenantId, connection: u64) -> Result<Option<Timestamp>> {
    let query = DocumentQuery::new(DocumentKind::Sync)
        .tenant(tenant)
        .scope(connection)
        .status(SyncStatus::Active.name());
    let syncs = document::find::<Sync>(tx, &query).await?;
    Ok(syncs.iter().filter_map(|sync| sync.next_run_at).min())
}

/// Shows it at the connection.
pub(crate) async fn show_next_run(tx: &mut dyn Transaction, tenant: TenantId, connection: u64) -> Result<()> {
    let next = next_run(tx, tenant, connection).await?;
    let mut connection = document::get::<Connection>(tx, connection).await?;
    if connection.next_run_at != next {
        connection.next_run_at = next;
        document::put(tx, &mut connection).await?;
    }
    Ok(())
}

/// A connection by its number, if it is there for the actor.
pub(super) async fn load_connection(inner: &Inner, id: u64, actor: &Actor) -> Result<Connection> {
    let mut tx = inner.store.begin(Mode::Read).await?;
    Ok(document::get_for::<Connection>(tx.as_mut(), id, actor).await?.value)
}

/// The syncs of a blueprint.
pub(crate) async fn siblings(tx: &mut dyn Transaction, tenant: TenantId, blueprint: u32) -> Result<Vec<Sync>> {
    let query = DocumentQuery::new(DocumentKind::Sync).tenant(tenant);
    let found = document::find::<Sync>(tx, &query).await?;
    Ok(found
        .into_iter()
        .map(|sync| sync.value)
        .filter(|sync| sync.blueprint == blueprint)
        .collect())
}
