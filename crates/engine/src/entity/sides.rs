//! The sides of a blueprint's entities: its syncs, with their mappings ready for planning outside of a run.

use std::collections::BTreeMap;

use syncline_core::error::Result;
use syncline_core::lens::NoLinks;
use syncline_core::mapping::SideMapping;
use syncline_core::model::{Blueprint, TenantId};
use syncline_core::plan::Scene;
use syncline_core::state::{Linked, SideId};
use syncline_core::store::{DocumentKind, DocumentQuery, Transaction};

use crate::connection::Connection;
use crate::document;
use crate::engine::Inner;
use crate::run::{Links, ObjectSides, compile_sync, schema_of};
use crate::sync::{Sync, SyncStatus};

/// One sync of a blueprint.
#[derive(Debug)]
pub(crate) struct EntitySide {
    pub(crate) sync: Sync,
    pub(crate) mapping: SideMapping,
    /// The objects of its connection, for references.
    objects: ObjectSides,
}

/// The syncs of a blueprint.
#[derive(Debug, Default)]
pub(crate) struct EntitySides {
    /// All of them, oldest first, also those that were deleted: their links stay.
    pub(crate) syncs: Vec<Sync>,
    /// Those whose mapping takes part in decisions.
    pub(crate) active: Vec<EntitySide>,
}

/// Links of references by side.
pub(crate) type SideLinks = BTreeMap<SideId, Links>;

/// The syncs of a tenant, oldest first.
pub(crate) async fn syncs_of(tx: &mut dyn Transaction, tenant: TenantId) -> Result<Vec<Sync>> {
    let found = document::find::<Sync>(tx, &DocumentQuery::new(DocumentKind::Sync).tenant(tenant)).await?;
    Ok(found.into_iter().rev().map(|sync| sync.value).collect())
}

impl EntitySides {
    /// Loads and compiles the syncs of a blueprint. One that can't be compiled takes no part: an app must be able to
    /// edit its own records while a mapping is broken.
    pub(crate) async fn load(inner: &Inner, tx: &mut dyn Transaction, blueprint: &Blueprint) -> Result<Self> {
        let all = syncs_of(tx, blueprint.tenant).await?;
        Self::compile(inner, tx, blueprint, all).await
    }

    /// As [`EntitySides::load`], with these syncs instead of those that are stored.
    pub(crate) async fn with(
        inner: &Inner,
        tx: &mut dyn Transaction,
        blueprint: &Blueprint,
        changed: Vec<Sync>,
    ) -> Result<Self> {
        let mut all = syncs_of(tx, blueprint.tenant).await?;
        for sync in &mut all {
            if let Some(other) = changed.iter().find(|other| other.id == sync.id) {
                sync.clone_from(other);
            }
        }
        Self::compile(inner, tx, blueprint, all).await
    }

    async fn compile(inner: &Inner, tx: &mut dyn Transaction, blueprint: &Blueprint, all: Vec<Sync>) -> Result<Self> {
        let mut objects: BTreeMap<u64, ObjectSides> = BTreeMap::new();
        for sync in all.iter().filter(|sync| sync.status != SyncStatus::Deleted) {
            objects
                .entry(sync.connection)
                .or_default()
                .insert(sync.mapping.object.clone(), sync.side);
        }
        let mut sides = Self::default();
        for sync in all.into_iter().filter(|sync| sync.blueprint == blueprint.id) {
            sides.syncs.push(sync.clone());
            if sync.status == SyncStatus::Deleted {
                continue;
            }
            let connection = document::get::<Connection>(tx, sync.connection).await?;
            let compiled = match schema_of(tx, sync.connection, &sync.mapping.object).await {
                Ok(schema) => compile_sync(inner, &sync, &connection.provider, blueprint, &schema),
                Err(error) => Err(error),
            };
            match compiled {
                Ok(mapping) => {
                    let objects = objects.get(&sync.connection).cloned().unwrap_or_default();
                    sides.active.push(EntitySide { sync, mapping, objects });
                }
                Err(error) => {
                    tracing::warn!(sync = %sync.name, %error, "an edit does not look at this sync's mapping");
                }
            }
        }
        Ok(sides)
    }

    /// The mappings of all sides.
    pub(crate) fn mappings(&self) -> Vec<&SideMapping> {
        self.active.iter().map(|side| &side.mapping).collect()
    }

    /// What the references of an entity and of its sides are linked to.
    pub(crate) async fn links(&self, tx: &mut dyn Transaction, linked: &Linked) -> Result<SideLinks> {
        let mut links = SideLinks::new();
        for known in &self.active {
            let Some(index) = linked.side_index(known.sync.side) else {
                continue;
            };
            let rows = [linked.sides[index].obs.as_slice()];
            let loaded = Links::load(
                tx,
                &known.mapping,
                &known.objects,
                rows,
                [&linked.entity],
                known.sync.tenant,
            )
            .await?;
            links.insert(known.sync.side, loaded);
        }
        Ok(links)
    }

    /// The scene for planning an edit or a decision by a person.
    pub(crate) fn scene<'a>(
        &'a self,
        inner: &Inner,
        blueprint: &'a Blueprint,
        links: &'a SideLinks,
        actor: &'a str,
    ) -> Scene<'a> {
        let now = inner.clock.now();
        let mut scene = Scene::new(blueprint, now, inner.marks.next(now).0);
        for known in &self.active {
            scene = match links.get(&known.sync.side) {
                Some(links) => scene.side(&known.mapping, links),
                None => scene.side(&known.mapping, &NoLinks),
            };
        }
        scene.oscillation = Some(inner.settings.oscillation());
        scene.late_write_horizon = inner.settings.late_write_horizon;
        scene.actor = actor;
        scene
    }
}
