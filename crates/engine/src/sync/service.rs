use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::mapping::{Mapping, check, check_together};
use syncline_core::model::{Blueprint, Field, Finding, Severity, TenantId};
use syncline_core::schema::{Described, ObjectSchema};
use syncline_core::state::SideId;
use syncline_core::store::{Document, DocumentKind, DocumentQuery, Mode, Sequence, SideCounts, Transaction};
use uuid::Uuid;

use super::blueprint::extend;
use super::{Schedule, Sync, SyncStatus};
use crate::actor::{Action, Actor};
use crate::connection::Connection;
use crate::document::{self, Versioned};
use crate::engine::{Engine, Inner};
use crate::http::StopFlag;
use crate::run::append_audit;

/// So many earlier versions of a mapping are kept: a record that was not read since before them is read as if anew.
const EARLIER_MAPPINGS: usize = 8;

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
}

/// A saved sync and what was found.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedSync {
    /// The sync.
    pub sync: Sync,
    /// Everything worth knowing about its mapping.
    pub findings: Vec<Finding>,
}

/// The syncs of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Syncs<'a>(pub(crate) &'a Engine);

impl Engine {
    /// The syncs.
    pub const fn syncs(&self) -> Syncs<'_> {
        Syncs(self)
    }

    /// Describes an object now and keeps the description, for mappings and runs.
    ///
    /// # Errors
    /// As [`syncline_core::connector::Connector::describe`]; `Refused` for a connection that may not be used.
    pub async fn describe(&self, connection: &Connection, object: &str) -> Result<ObjectSchema> {
        let connector = self.inner.connector(&connection.provider)?;
        let io = self.inner.connections.io(connection, StopFlag::new()).await?;
        let config = self.inner.connections.config(connection);
        let Described::Schema(schema) = connector.describe(io.as_ref(), &config, object, None).await? else {
            return Err(Error::new(ErrorKind::Protocol, format!("`{object}` was not described")));
        };
        let mut tx = self.inner.store.begin(Mode::Write).await?;
        put_schema(tx.as_mut(), connection, object, &schema, self.inner.clock.now()).await?;
        tx.commit().await?;
        Ok(schema)
    }
}

async fn put_schema(
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
    /// Makes a sync, or changes the one of this name on the connection; a deleted one is reactivated. A change that
    /// widens the mapping makes the next run read everything.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::Invalid`] when the mapping has errors, all of which are in the
    /// message; as [`Engine::describe`].
    pub async fn save(&self, new: NewSync, actor: &Actor) -> Result<SavedSync> {
        let inner = &self.0.inner;
        inner.allow(actor, Action::ManageSyncs)?;
        crate::schedule::check(&new.schedule)?;
        let connection = load_connection(inner, new.connection).await?;
        let schema = self.0.describe(&connection, &new.mapping.object).await?;
        let mut tx = inner.store.begin(Mode::Write).await?;
        let blueprint = extend(
            tx.as_mut(),
            connection.tenant,
            &new.mapping.blueprint,
            &new.fields,
            &new.groups,
        )
        .await?;
        let findings = self.findings(tx.as_mut(), &new, &blueprint, &schema).await?;
        let errors: Vec<String> = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| format!("{}: {}", finding.place, finding.message))
            .collect();
        if !errors.is_empty() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the mapping of sync `{}` can't be saved: {}",
                    new.name,
                    errors.join("; ")
                ),
            ));
        }
        let now = inner.clock.now();
        let known = document::by_key::<Sync>(tx.as_mut(), connection.tenant, connection.id, &new.name).await?;
        let mut sync = match known {
            Some(mut known) => {
                if known.mapping.object != new.mapping.object || known.mapping.blueprint != new.mapping.blueprint {
                    return Err(Error::new(
                        ErrorKind::Invalid,
                        format!(
                            "sync `{}` joins {} and {}; another object or blueprint is another sync",
                            new.name, known.mapping.blueprint, known.mapping.object
                        ),
                    ));
                }
                let mut mapping = new.mapping;
                mapping.version = known.mapping.version;
                if mapping != known.mapping {
                    mapping.version += 1;
                    // A row read under the old mapping lacks what the new one asks for.
                    known.value.backfill = true;
                    let before = std::mem::replace(&mut known.value.mapping, mapping);
                    known.value.earlier.push(before);
                    let surplus = known.value.earlier.len().saturating_sub(EARLIER_MAPPINGS);
                    known.value.earlier.drain(..surplus);
                }
                known.value.schedule = new.schedule;
                known.value.status = SyncStatus::Active;
                known.value.paused_because = None;
                known
            }
            None => {
                let side = SideId::try_from(tx.reserve(Sequence::Side, 1).await?).unwrap_or(SideId::MAX);
                let others = siblings(tx.as_mut(), connection.tenant, blueprint.id).await?;
                let slot = (0..=u8::MAX).find(|slot| others.iter().all(|other| other.slot != *slot));
                let slot = slot.ok_or_else(|| {
                    Error::new(
                        ErrorKind::Invalid,
                        format!("`{}` is in 256 syncs, which is the most", blueprint.name),
                    )
                })?;
                Versioned {
                    value: Sync {
                        id: 0,
                        tenant: connection.tenant,
                        connection: connection.id,
                        name: new.name,
                        blueprint: blueprint.id,
                        mapping: new.mapping,
                        earlier: Vec::new(),
                        side,
                        slot,
                        rank: i32::MAX - i32::try_from(side).unwrap_or(i32::MAX),
                        schedule: new.schedule,
                        status: SyncStatus::Active,
                        paused_because: None,
                        backfill: false,
                        created_by: actor.name.clone(),
                        created_at: now,
                        last_run_at: None,
                        next_run_at: None,
                    },
                    version: 0,
                }
            }
        };
        let tenant = document::get::<syncline_core::model::Tenant>(tx.as_mut(), u64::from(sync.tenant)).await?;
        sync.value.next_run_at = crate::schedule::next(&sync.schedule, now, &tenant.time_zone);
        document::put(tx.as_mut(), &mut sync).await?;
        let entry = AuditEntry::new(AuditKind::Configured, Uuid::nil(), sync.side, None)
            .note(format!("{} saved sync `{}`", actor.name, sync.name));
        append_audit(inner, tx.as_mut(), sync.tenant, 0, &[entry].into_iter().collect()).await?;
        tx.commit().await?;
        Ok(SavedSync {
            sync: sync.value,
            findings,
        })
    }

    /// Everything to say about a mapping before it is saved.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; as [`Engine::describe`].
    pub async fn check(&self, new: &NewSync, actor: &Actor) -> Result<Vec<Finding>> {
        let inner = &self.0.inner;
        inner.allow(actor, Action::ReadMappings)?;
        let connection = load_connection(inner, new.connection).await?;
        let schema = self.0.describe(&connection, &new.mapping.object).await?;
        let mut tx = inner.store.begin(Mode::Write).await?;
        let blueprint = extend(
            tx.as_mut(),
            connection.tenant,
            &new.mapping.blueprint,
            &new.fields,
            &new.groups,
        )
        .await?;
        self.findings(tx.as_mut(), new, &blueprint, &schema).await
    }

    async fn findings(
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
        self.0.inner.allow(actor, Action::ReadRuns)?;
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
        Ok(document::get::<Sync>(tx.as_mut(), id).await?.value)
    }

    /// Counts of a sync's records.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy.
    pub async fn counts(&self, sync: &Sync, actor: &Actor) -> Result<SideCounts> {
        self.0.inner.allow(actor, Action::ReadRuns)?;
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
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`].
    pub async fn resume(&self, id: u64, actor: &Actor) -> Result<Sync> {
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
        let mut sync = document::get::<Sync>(tx.as_mut(), id).await?;
        change(&mut sync.value);
        document::put(tx.as_mut(), &mut sync).await?;
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

/// A connection by its number.
async fn load_connection(inner: &Inner, id: u64) -> Result<Connection> {
    let mut tx = inner.store.begin(Mode::Read).await?;
    Ok(document::get::<Connection>(tx.as_mut(), id).await?.value)
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
