use serde_json::{Map, Value as Json};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{PRESENCE, TenantId};
use syncline_core::plan::{Effects, ReadPoint, presence_agreed};
use syncline_core::state::{Cause, Linked};
use syncline_core::store::Mode;
use uuid::Uuid;

use super::consequences::Consequences;
use super::findings::Findings;
use super::model::{Edited, EntityRead, EntityView};
use super::presence::{delete_by, undelete};
use super::sides::{SideLinks, syncs_of};
use super::transaction::{EditOutcome, EntityTransaction, Finished, entity_by_uid};
use super::view::EntityNames;
use crate::actor::{Action, Actor};
use crate::blueprint::history_of;
use crate::conflict::close_settled;
use crate::document;
use crate::engine::Engine;

/// The entities of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Entities<'a>(pub(crate) &'a Engine);

impl Engine {
    /// The entities.
    pub const fn entities(&self) -> Entities<'_> {
        Entities(self)
    }
}

impl Entities<'_> {
    /// Makes an entity from values by field name; defaults fill what is not given. Syncs that may create it in their
    /// CRM do so in their next run.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint; [`ErrorKind::Invalid`]
    /// with everything that is wrong, each by the name of its field; [`ErrorKind::Exists`] when all that is wrong is
    /// that unique values are taken.
    pub async fn create(
        &self,
        tenant: TenantId,
        blueprint: &str,
        values: Map<String, Json>,
        actor: &Actor,
    ) -> Result<EntityView> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::EditEntities)?;
        let mut work = EntityTransaction::of_blueprint(inner, tenant, blueprint, actor).await?;
        let mut findings = Findings::default();
        let patch = work.parse(&values, &mut findings);
        work.prepare(&[&patch], &[]).await?;
        work.create(&patch, findings).await?;
        first(&work.finish().await?)
    }

    /// Changes fields of an entity. Fields that are as the app had read them are left alone, so that a form may send
    /// all of its fields without reverting what a pull brought in meanwhile; fields that were decided meanwhile are a
    /// conflict, settled by the field's strategy. Between edits of the app the later wins.
    ///
    /// # Errors
    /// As [`Entities::create`]; [`ErrorKind::Refused`] when the entity is deleted or a CRM is authoritative for a field;
    /// [`ErrorKind::Stale`] when the revision read is too old to be compared with: read again, or pass the values read.
    pub async fn update(
        &self,
        tenant: TenantId,
        uid: Uuid,
        patch: Map<String, Json>,
        read: EntityRead,
        actor: &Actor,
    ) -> Result<Edited> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::EditEntities)?;
        let (mut work, linked) = EntityTransaction::of_entity(inner, tenant, uid, actor).await?;
        let mut findings = Findings::default();
        let patch = work.parse(&patch, &mut findings);
        let read = match read {
            EntityRead::Rev(rev) if rev > linked.entity.rev => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!(
                        "record {uid} is at revision {}; {rev} can't have been read",
                        linked.entity.rev
                    ),
                ));
            }
            EntityRead::Rev(rev) => ReadPoint::Rev(rev),
            EntityRead::Values(values) => ReadPoint::Values(work.parse(&values, &mut findings)),
            EntityRead::Blind => ReadPoint::Blind,
        };
        work.prepare(&[&patch], &[]).await?;
        let outcome = work.edit(&linked, patch, &read, findings).await?;
        let finished = work.finish().await?;
        let names = finished.names();
        let EditOutcome {
            changed,
            overruled,
            conflicts,
        } = outcome;
        let fields = |groups: Vec<u16>| groups.into_iter().flat_map(|group| names.fields_of(group)).collect();
        Ok(Edited {
            entity: names.view(finished.changed.first().unwrap_or(&linked)),
            changed: fields(changed),
            overruled: fields(overruled),
            conflicts,
        })
    }

    /// Deletes an entity; it can be brought back. What happens to its remote records is the policy of their mappings.
    /// Deleting a deleted entity does nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`]; [`ErrorKind::Refused`] while a person is asked
    /// whether it is to be deleted, and where another record refers to it by a field that restricts deletes.
    pub async fn delete(&self, tenant: TenantId, uid: Uuid, actor: &Actor) -> Result<EntityView> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::EditEntities)?;
        let (mut work, linked) = EntityTransaction::of_entity(inner, tenant, uid, actor).await?;
        if linked.entity.deleted {
            return Ok(work.names().view(&linked));
        }
        if let Some(conflict) = linked.entity.frozen_by(PRESENCE) {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("conflict {conflict} asks whether record {uid} is to be deleted; resolve it instead"),
            ));
        }
        let consequences = Consequences::of(work.page.tx()?, tenant, &[&linked.entity]).await?;
        consequences.check(uid)?;
        let mut deleted = linked.clone();
        let links = SideLinks::new();
        let scene = work.sides.scene(inner, &work.blueprint, &links, &actor.name);
        let entry = delete_by(Cause::App, &mut deleted, &scene);
        drop(scene);
        work.page.audit.push(entry);
        work.keep(Some(&linked.entity), deleted);
        first(&work.finish_with(consequences, Cause::App).await?)
    }

    /// Brings a deleted entity back, with its values. Links that its delete had cut live again; records that were
    /// deleted in a CRM are created there anew, under a new id. On an entity that is not deleted it does nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`]; [`ErrorKind::Exists`] when another entity has taken
    /// one of its unique values.
    pub async fn undelete(&self, tenant: TenantId, uid: Uuid, actor: &Actor) -> Result<EntityView> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::EditEntities)?;
        let (mut work, linked) = EntityTransaction::of_entity(inner, tenant, uid, actor).await?;
        if !linked.entity.deleted {
            return Ok(work.names().view(&linked));
        }
        work.prepare(&[], &[&linked.entity]).await?;
        let mut findings = Findings::default();
        work.find_taken(linked.entity.id, &[], &linked.entity.values, &mut findings);
        findings.check(&work.blueprint.name)?;
        let mut restored = linked.clone();
        let links = SideLinks::new();
        let scene = work.sides.scene(inner, &work.blueprint, &links, &actor.name);
        let written = undelete(&mut restored, &scene);
        work.page.audit.extend(written);
        let mut settled = Effects::default();
        presence_agreed(&mut restored, &mut settled);
        drop(scene);
        for change in settled.reviews {
            close_settled(inner, &mut work.page, &restored, change.group, "restored in the app").await?;
        }
        work.keep(Some(&linked.entity), restored);
        first(&work.finish().await?)
    }

    /// An entity with its links, deleted or not.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`].
    pub async fn get(&self, tenant: TenantId, uid: Uuid, actor: &Actor) -> Result<EntityView> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadEntities)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let linked = entity_by_uid(tx.as_mut(), tenant, uid).await?;
        let blueprint =
            document::get::<syncline_core::model::Blueprint>(tx.as_mut(), u64::from(linked.entity.blueprint)).await?;
        let syncs = syncs_of(tx.as_mut(), tenant).await?;
        let history = history_of(tx.as_mut(), &blueprint).await?;
        Ok(EntityNames {
            blueprint: &blueprint,
            history: Some(&history),
            syncs: &syncs,
        }
        .view(&linked))
    }
}

fn first(finished: &Finished) -> Result<EntityView> {
    let stored: Option<&Linked> = finished.changed.first();
    stored
        .map(|linked| finished.names().view(linked))
        .ok_or_else(|| Error::new(ErrorKind::Internal, "an edit stored nothing"))
}
