//! The trash: a deleted blueprint keeps its entities until it is restored or purged, and tells no CRM of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{Blueprint, FieldType, TenantId};
use syncline_core::state::EntityId;
use syncline_core::store::{DocumentKind, DocumentQuery, Mode, Transaction};
use uuid::Uuid;

use super::migrate::all;
use crate::actor::{Action, Actor};
use crate::document::{self, Versioned};
use crate::engine::{Engine, Inner};
use crate::entity::{blueprint_by_name, forget_spaces};
use crate::run::append_audit;
use crate::sync::{Sync, SyncStatus, show_next_run, siblings};

/// Entities removed per transaction, so that nobody waits long for the store.
const BATCH: usize = 500;

/// A blueprint in the trash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrashedBlueprint {
    /// The blueprint.
    pub blueprint: Blueprint,
    /// Since when.
    pub trashed_at: Timestamp,
    /// Entities that are kept, deleted ones among them.
    pub entities: u64,
}

/// What purging a blueprint removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PurgedBlueprint {
    /// Entities.
    pub entities: u64,
    /// Syncs.
    pub syncs: u64,
}

/// Why a sync of a blueprint in the trash is paused: by this it is known again.
fn reason(blueprint: &str) -> String {
    format!("blueprint `{blueprint}` is in the trash")
}

impl Engine {
    /// Puts a blueprint into the trash: its syncs are paused, no CRM is told, and its entities can be looked at and not
    /// changed until it is restored.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`]; [`ErrorKind::Refused`] when it is there already.
    pub async fn trash_blueprint(&self, tenant: TenantId, name: &str, actor: &Actor) -> Result<TrashedBlueprint> {
        let inner = &self.inner;
        inner.allow_in(actor, tenant, Action::ManageMappings)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
        let mut known = known(tx.as_mut(), tenant, name).await?;
        known.check_not_trashed()?;
        let at = inner.clock.now();
        known.value.trashed_at = Some(at);
        document::put(tx.as_mut(), &mut known).await?;
        for sync in siblings(tx.as_mut(), tenant, known.value.id).await? {
            if sync.status == SyncStatus::Active {
                set_sync(tx.as_mut(), &sync, SyncStatus::Paused, Some(reason(name))).await?;
            }
        }
        let entities = tx.count_entities(&all(&known, 0, 1)).await?;
        let note = format!("{actor} put blueprint `{name}` into the trash, with {entities} records");
        write_down(inner, tx.as_mut(), tenant, note).await?;
        tx.commit().await?;
        Ok(TrashedBlueprint {
            blueprint: known.value,
            trashed_at: at,
            entities,
        })
    }

    /// The blueprints in the trash, by name.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy.
    pub async fn trashed_blueprints(&self, tenant: TenantId, actor: &Actor) -> Result<Vec<TrashedBlueprint>> {
        let inner = &self.inner;
        inner.allow_in(actor, tenant, Action::ReadMappings)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let query = DocumentQuery::new(DocumentKind::Blueprint)
            .tenant(tenant)
            .status("trashed");
        let mut found = Vec::new();
        for blueprint in document::find::<Blueprint>(tx.as_mut(), &query).await? {
            found.push(TrashedBlueprint {
                trashed_at: blueprint.trashed_at.unwrap_or_default(),
                entities: tx.count_entities(&all(&blueprint, 0, 1)).await?,
                blueprint: blueprint.value,
            });
        }
        found.sort_by(|a, b| a.blueprint.name.cmp(&b.blueprint.name));
        Ok(found)
    }

    /// Takes a blueprint out of the trash, with its entities; the syncs that this had paused go on.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] when there is none of this name in the trash.
    pub async fn restore_blueprint(&self, tenant: TenantId, name: &str, actor: &Actor) -> Result<Blueprint> {
        let inner = &self.inner;
        inner.allow_in(actor, tenant, Action::ManageMappings)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
        let mut known = trashed(tx.as_mut(), tenant, name).await?;
        known.value.trashed_at = None;
        document::put(tx.as_mut(), &mut known).await?;
        for sync in siblings(tx.as_mut(), tenant, known.value.id).await? {
            if sync.status == SyncStatus::Paused && sync.paused_because.as_deref() == Some(&reason(name)) {
                set_sync(tx.as_mut(), &sync, SyncStatus::Active, None).await?;
            }
        }
        let note = format!("{actor} took blueprint `{name}` out of the trash");
        write_down(inner, tx.as_mut(), tenant, note).await?;
        tx.commit().await?;
        inner.wake(None).await;
        Ok(known.value)
    }

    /// Removes a blueprint in the trash for good, with its entities, its syncs and what they know. No CRM is told. What
    /// the audit holds of them stays until its time is over. A purge that broke off is gone on with by asking again.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] when there is none of this name in the trash;
    /// [`ErrorKind::Refused`] while another blueprint has a field that refers to it.
    pub async fn purge_blueprint(&self, tenant: TenantId, name: &str, actor: &Actor) -> Result<PurgedBlueprint> {
        let inner = &self.inner;
        inner.allow_in(actor, tenant, Action::ManageMappings)?;
        let blueprint = {
            let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
            let blueprint = trashed(tx.as_mut(), tenant, name).await?.value;
            let referring = referring(tx.as_mut(), &blueprint).await?;
            if !referring.is_empty() {
                return Err(Error::new(
                    ErrorKind::Refused,
                    format!(
                        "blueprint `{name}` is referred to by {}; drop these fields first",
                        referring.join(", ")
                    ),
                ));
            }
            blueprint
        };
        let purged = forget_blueprint(inner, &blueprint).await?;
        let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
        tx.delete_document(DocumentKind::Blueprint, u64::from(blueprint.id))
            .await?;
        let note = format!("{actor} purged blueprint `{name}`: {} records", purged.entities);
        write_down(inner, tx.as_mut(), tenant, note).await?;
        tx.commit().await?;
        Ok(purged)
    }
}

/// Removes everything that hangs on a blueprint, but for itself.
pub(crate) async fn forget_blueprint(inner: &Inner, blueprint: &Blueprint) -> Result<PurgedBlueprint> {
    let tenant = blueprint.tenant;
    let mut purged = PurgedBlueprint::default();
    let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
    for sync in siblings(tx.as_mut(), tenant, blueprint.id).await? {
        tx.forget_side(sync.side).await?;
        for kind in [
            DocumentKind::Cursor,
            DocumentKind::Failure,
            DocumentKind::Review,
            DocumentKind::Tombstone,
            DocumentKind::FileHint,
        ] {
            forget_documents(tx.as_mut(), DocumentQuery::new(kind).tenant(tenant).scope(sync.id)).await?;
        }
        tx.delete_document(DocumentKind::Sync, sync.id).await?;
        show_next_run(tx.as_mut(), tenant, sync.connection).await?;
        purged.syncs += 1;
    }
    forget_spaces(tx.as_mut(), blueprint).await?;
    let states = DocumentQuery::new(DocumentKind::StateChange).tenant(tenant);
    let has_states = tx.count_documents(&states).await? > 0;
    tx.commit().await?;
    loop {
        let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
        let page = tx.entities(&all(blueprint, 0, BATCH)).await?;
        let ids: Vec<EntityId> = page.iter().map(|entity| entity.id).collect();
        // Sides of syncs that are gone since long.
        let sides: Vec<_> = tx
            .load(&ids)
            .await?
            .iter()
            .flat_map(|linked| &linked.sides)
            .map(|side| side.key)
            .collect();
        tx.delete_sides(&sides).await?;
        if has_states {
            for id in &ids {
                let query = DocumentQuery::new(DocumentKind::StateChange)
                    .tenant(tenant)
                    .scope(id.cast_unsigned());
                forget_documents(tx.as_mut(), query).await?;
            }
        }
        crate::file::forget(tx.as_mut(), tenant, &ids).await?;
        tx.delete_entities(&ids).await?;
        tx.commit().await?;
        purged.entities += ids.len() as u64;
        if ids.len() < BATCH {
            break;
        }
    }
    let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
    for kind in [
        DocumentKind::Flow,
        DocumentKind::BlueprintVersion,
        DocumentKind::MigrationJob,
        DocumentKind::MigrationFailure,
    ] {
        let query = DocumentQuery::new(kind).tenant(tenant).scope(u64::from(blueprint.id));
        forget_documents(tx.as_mut(), query).await?;
    }
    tx.commit().await?;
    Ok(purged)
}

/// Removes all documents of a query.
async fn forget_documents(tx: &mut dyn Transaction, query: DocumentQuery) -> Result<()> {
    loop {
        let found = tx.documents(&query).await?;
        for document in &found {
            tx.delete_document(document.kind, document.id).await?;
        }
        if found.len() < query.limit {
            return Ok(());
        }
    }
}

async fn known(tx: &mut dyn Transaction, tenant: TenantId, name: &str) -> Result<Versioned<Blueprint>> {
    let found = blueprint_by_name(tx, tenant, name).await?;
    document::get::<Blueprint>(tx, u64::from(found.id)).await
}

async fn trashed(tx: &mut dyn Transaction, tenant: TenantId, name: &str) -> Result<Versioned<Blueprint>> {
    let known = known(tx, tenant, name).await?;
    if known.trashed_at.is_none() {
        let message = format!("there is no blueprint `{name}` in the trash");
        return Err(Error::new(ErrorKind::NotFound, message));
    }
    Ok(known)
}

/// Fields of other blueprints that refer to this one.
async fn referring(tx: &mut dyn Transaction, blueprint: &Blueprint) -> Result<Vec<String>> {
    let query = DocumentQuery::new(DocumentKind::Blueprint).tenant(blueprint.tenant);
    let mut found = Vec::new();
    for other in document::find::<Blueprint>(tx, &query).await? {
        if other.value.id == blueprint.id || other.trashed_at.is_some() {
            continue;
        }
        let refers = |kind: &FieldType| matches!(kind, FieldType::Reference { blueprint: to } if *to == blueprint.name);
        let fields = other.live_fields().filter(|(_, field)| refers(&field.kind));
        found.extend(fields.map(|(_, field)| format!("`{}` of {}", field.name, other.name)));
    }
    found.sort();
    Ok(found)
}

async fn set_sync(
    tx: &mut dyn Transaction,
    sync: &Sync,
    status: SyncStatus,
    paused_because: Option<String>,
) -> Result<()> {
    let mut known = document::get::<Sync>(tx, sync.id).await?;
    (known.value.status, known.value.paused_because) = (status, paused_because);
    document::put(tx, &mut known).await?;
    show_next_run(tx, sync.tenant, sync.connection).await
}

async fn write_down(inner: &Inner, tx: &mut dyn Transaction, tenant: TenantId, note: String) -> Result<()> {
    let entry = AuditEntry::new(AuditKind::Configured, Uuid::nil(), 0, None).note(note);
    append_audit(inner, tx, tenant, 0, &[entry].into_iter().collect()).await
}
