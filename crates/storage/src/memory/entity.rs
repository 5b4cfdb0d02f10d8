use std::ops::Bound;

use rpds::RedBlackTreeMapSync;
use syncline_core::Result;
use syncline_core::model::{BlueprintId, TenantId};
use syncline_core::state::{Entity, EntityId};
use syncline_core::store::EntityQuery;
use uuid::Uuid;

use crate::packed::PackedEntity;
use crate::refusal;

#[derive(Clone, Default)]
pub(super) struct Entities {
    rows: RedBlackTreeMapSync<EntityId, PackedEntity>,
    uids: RedBlackTreeMapSync<(TenantId, Uuid), EntityId>,
}

impl Entities {
    pub(super) fn load(&self, entities: &[EntityId]) -> Result<Vec<Entity>> {
        let mut wanted = entities.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        wanted
            .iter()
            .filter_map(|entity| self.rows.get(entity))
            .map(|row| row.clone().unpack())
            .collect()
    }

    pub(super) fn find_uids(&self, tenant: TenantId, uids: &[Uuid]) -> Vec<Option<EntityId>> {
        uids.iter().map(|uid| self.uids.get(&(tenant, *uid)).copied()).collect()
    }

    pub(super) fn find(&self, query: &EntityQuery) -> Result<Vec<Entity>> {
        self.above(query.after)
            .filter(|row| fits(query, row))
            .take(query.limit)
            .map(|row| row.clone().unpack())
            .collect()
    }

    pub(super) fn find_after(&self, query: &EntityQuery, skip: u64) -> Option<EntityId> {
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let mut fitting = self.above(query.after).filter(|row| fits(query, row));
        fitting.nth(skip).map(|row| row.id)
    }

    pub(super) fn count(&self, query: &EntityQuery) -> u64 {
        self.rows.values().filter(|row| fits(query, row)).count() as u64
    }

    pub(super) fn live_of(&self, blueprint: BlueprintId, after: EntityId) -> impl Iterator<Item = EntityId> + '_ {
        self.above(after)
            .filter(move |row| row.blueprint == blueprint && !row.deleted)
            .map(|row| row.id)
    }

    pub(super) fn put(&mut self, entities: &[&Entity]) -> Result<()> {
        for entity in entities {
            refusal::check_entity_number(entity.id)?;
            let uid = (entity.tenant, entity.uid);
            if self.uids.get(&uid).is_some_and(|owner| *owner != entity.id) {
                return Err(refusal::entity_exists(entity.tenant, Some(entity.uid)));
            }
            if let Some(old) = self.rows.get(&entity.id) {
                self.uids.remove_mut(&(old.tenant, old.uid));
            }
            self.uids.insert_mut(uid, entity.id);
            self.rows.insert_mut(entity.id, PackedEntity::pack(entity));
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, entities: &[EntityId]) {
        for entity in entities {
            if let Some(old) = self.rows.get(entity) {
                self.uids.remove_mut(&(old.tenant, old.uid));
                self.rows.remove_mut(entity);
            }
        }
    }

    fn above(&self, after: EntityId) -> impl Iterator<Item = &PackedEntity> {
        self.rows
            .range((Bound::Excluded(after), Bound::Unbounded))
            .map(|(_, row)| row)
    }
}

fn fits(query: &EntityQuery, row: &PackedEntity) -> bool {
    row.tenant == query.tenant
        && row.blueprint == query.blueprint
        && query.deleted.is_none_or(|deleted| row.deleted == deleted)
}
