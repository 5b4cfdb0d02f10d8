use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{BlueprintId, TenantId};
use syncline_core::state::{Entity, EntityId, Linked, Presence, Side, SideFlags, SideId, SideKey};
use syncline_core::store::{EntityQuery, SideCounts, SideHead, Touch, Transaction};
use uuid::Uuid;

use super::kept;
use super::names::Names;

/// Entities that were written to, each with all its sides: they hide those below.
#[derive(Clone, Default)]
pub(super) struct Records {
    rows: RedBlackTreeMapSync<EntityId, Arc<Row>>,
    uids: RedBlackTreeMapSync<(TenantId, Uuid), EntityId>,
    exts: RedBlackTreeMapSync<(SideId, String), EntityId>,
    /// Sides with any flag.
    flagged: RedBlackTreeSetSync<(SideId, EntityId)>,
    /// By how much the counts differ from those below.
    sides: RedBlackTreeMapSync<SideId, Difference>,
    entities: RedBlackTreeMapSync<(TenantId, BlueprintId, bool), i64>,
}

/// Everything about one number: no entity, if it was removed.
#[derive(Clone, Default)]
struct Row {
    entity: Option<Entity>,
    sides: Vec<Side>,
}

#[derive(Clone, Copy, Default)]
struct Difference {
    linked: i64,
    push: i64,
    read: i64,
}

/// Pages through what is below until there are enough that the overlay does not hide, and adds its own; by ascending
/// number. Not a function: a closure over the transaction below can't be one whose future may change threads.
macro_rules! merged {
    ($self:ident, $after:expr, $limit:expr, $mine:expr, $number:expr, |$from:ident| $page:expr) => {{
        let mut found = Vec::new();
        let mut $from: EntityId = $after;
        loop {
            let page = $page?;
            let is_last = page.len() < $limit || $limit == 0;
            $from = page.last().map_or($from, $number);
            found.extend(page.into_iter().filter(|one| !$self.rows.contains_key(&$number(one))));
            if is_last || found.len() >= $limit {
                break;
            }
        }
        found.extend($mine);
        found.sort_by_key($number);
        found.truncate($limit);
        Ok(found)
    }};
}

impl Records {
    pub(super) fn len(&self) -> usize {
        self.rows.size()
    }

    pub(super) async fn heads(
        &self,
        base: &mut dyn Transaction,
        names: &Names,
        side: SideId,
        exts: &[&str],
    ) -> Result<Vec<Option<SideHead>>> {
        let mut current: Vec<String> = exts.iter().map(|ext| (*ext).to_owned()).collect();
        if !names.is_empty() {
            for ext in &mut current {
                *ext = names.resolve(base, side, ext).await?;
            }
        }
        let wanted: Vec<&str> = current.iter().map(String::as_str).collect();
        let below = base.heads(side, &wanted).await?;
        let mut found = Vec::with_capacity(exts.len());
        for (below, ext) in below.into_iter().zip(&current) {
            let below = below.filter(|below| !self.rows.contains_key(&below.key.entity));
            let mine = if below.is_some() || self.exts.is_empty() {
                None
            } else if names.is_empty() {
                // What is an alias below leads to the record of the overlay that has the current name.
                self.head_of(side, &base.resolve_alias(side, ext).await?)
            } else {
                self.head_of(side, ext)
            };
            found.push(mine.or(below));
        }
        Ok(found)
    }

    fn head_of(&self, side: SideId, ext: &str) -> Option<SideHead> {
        let entity = self.exts.get(&(side, ext.to_owned()))?;
        let sides = &self.rows.get(entity)?.sides;
        sides.iter().find(|held| held.key.side == side).map(head)
    }

    pub(super) async fn load(&self, base: &mut dyn Transaction, entities: &[EntityId]) -> Result<Vec<Linked>> {
        let below: Vec<EntityId> = entities
            .iter()
            .copied()
            .filter(|entity| !self.rows.contains_key(entity))
            .collect();
        let mut found = base.load(&below).await?;
        let mine: BTreeSet<EntityId> = entities.iter().copied().collect();
        found.extend(mine.iter().filter_map(|entity| {
            let row = self.rows.get(entity)?;
            let (entity, sides) = (row.entity.clone()?, row.sides.clone());
            Some(Linked { entity, sides })
        }));
        found.sort_by_key(|linked| linked.entity.id);
        Ok(found)
    }

    pub(super) async fn load_entities(&self, base: &mut dyn Transaction, entities: &[EntityId]) -> Result<Vec<Entity>> {
        let below: Vec<EntityId> = entities
            .iter()
            .copied()
            .filter(|entity| !self.rows.contains_key(entity))
            .collect();
        let mut found = base.load_entities(&below).await?;
        let mine: BTreeSet<EntityId> = entities.iter().copied().collect();
        found.extend(mine.iter().filter_map(|entity| self.rows.get(entity)?.entity.clone()));
        found.sort_by_key(|entity| entity.id);
        Ok(found)
    }

    pub(super) async fn find_uids(
        &self,
        base: &mut dyn Transaction,
        tenant: TenantId,
        uids: &[Uuid],
    ) -> Result<Vec<Option<EntityId>>> {
        let below = base.find_uids(tenant, uids).await?;
        let found = below.into_iter().zip(uids).map(|(below, uid)| {
            let mine = self.uids.get(&(tenant, *uid)).copied();
            mine.or_else(|| below.filter(|below| !self.rows.contains_key(below)))
        });
        Ok(found.collect())
    }

    pub(super) async fn entities(&self, base: &mut dyn Transaction, query: &EntityQuery) -> Result<Vec<Entity>> {
        let mine = self
            .above(query.after)
            .filter_map(|(_, row)| row.entity.as_ref())
            .filter(|entity| {
                entity.tenant == query.tenant
                    && entity.blueprint == query.blueprint
                    && query.deleted.is_none_or(|deleted| entity.deleted == deleted)
            })
            .take(query.limit)
            .cloned();
        merged!(
            self,
            query.after,
            query.limit,
            mine,
            |entity: &Entity| entity.id,
            |after| { base.entities(&EntityQuery { after, ..query.clone() }).await }
        )
    }

    pub(super) async fn count_entities(&self, base: &mut dyn Transaction, query: &EntityQuery) -> Result<u64> {
        let below = base.count_entities(query).await?;
        let difference: i64 = [true, false]
            .into_iter()
            .filter(|deleted| query.deleted.is_none_or(|wanted| wanted == *deleted))
            .filter_map(|deleted| self.entities.get(&(query.tenant, query.blueprint, deleted)))
            .sum();
        Ok(below.saturating_add_signed(difference))
    }

    pub(super) async fn put_entities(&mut self, base: &mut dyn Transaction, entities: &[&Entity]) -> Result<()> {
        for entity in entities {
            check_number(entity.id)?;
        }
        let ids: Vec<EntityId> = entities.iter().map(|entity| entity.id).collect();
        self.copy_up(base, &ids).await?;
        for entity in entities {
            let owner = self.find_uids(base, entity.tenant, &[entity.uid]).await?;
            if owner.into_iter().flatten().any(|owner| owner != entity.id) {
                return Err(Error::new(
                    ErrorKind::Exists,
                    "another entity of this tenant has the same uid; give the new one a uid of its own",
                ));
            }
            let mut row = self.row(entity.id);
            row.entity = Some(kept::entity(entity)?);
            self.replace(entity.id, row);
        }
        Ok(())
    }

    pub(super) async fn delete_entities(&mut self, base: &mut dyn Transaction, entities: &[EntityId]) -> Result<()> {
        self.copy_up(base, entities).await?;
        if let Some(entity) = entities.iter().find(|entity| !self.row(**entity).sides.is_empty()) {
            return Err(Error::new(
                ErrorKind::Internal,
                format!(
                    "entity {entity} can't be removed while remote records are linked to it; remove their sides first"
                ),
            ));
        }
        for &entity in entities {
            self.replace(entity, Row::default());
        }
        Ok(())
    }

    /// All given sides let go of their remote ids before any takes a new one, so that their order does not count.
    pub(super) async fn put_sides(&mut self, base: &mut dyn Transaction, sides: &[&Side]) -> Result<()> {
        for side in sides {
            check_number(side.key.entity)?;
        }
        let ids: Vec<EntityId> = sides.iter().map(|side| side.key.entity).collect();
        self.copy_up(base, &ids).await?;
        let mut rows: BTreeMap<EntityId, Row> = ids.iter().map(|&id| (id, self.row(id))).collect();
        for side in sides {
            if let Some(row) = rows.get_mut(&side.key.entity) {
                row.sides.retain(|held| held.key.slot != side.key.slot);
            }
        }
        for (&id, row) in &rows {
            self.replace(id, row.clone());
        }
        let mut by_side: BTreeMap<SideId, Vec<&str>> = BTreeMap::new();
        for side in sides {
            if let Some(ext) = &side.ext {
                by_side.entry(side.key.side).or_default().push(ext);
            }
        }
        let mut taken: BTreeSet<(SideId, &str)> = BTreeSet::new();
        for (side, exts) in by_side {
            for (ext, below) in exts.iter().zip(base.heads(side, &exts).await?) {
                let Some(below) = below.filter(|below| !self.rows.contains_key(&below.key.entity)) else {
                    continue;
                };
                // It may only be called that: heads follow aliases.
                let owner = base.load(&[below.key.entity]).await?;
                let holds = |held: &Side| held.key.side == side && held.ext.as_deref() == Some(*ext);
                if owner.iter().flat_map(|linked| &linked.sides).any(holds) {
                    taken.insert((side, *ext));
                }
            }
        }
        for side in sides {
            let mut row = self.row(side.key.entity);
            row.sides.retain(|held| held.key.slot != side.key.slot);
            self.replace(side.key.entity, row.clone());
            if let Some(ext) = &side.ext
                && (taken.contains(&(side.key.side, ext.as_str()))
                    || self.exts.contains_key(&(side.key.side, ext.clone())))
            {
                return Err(Error::new(
                    ErrorKind::Exists,
                    "the remote record is already linked to another entity; unlink that one first",
                )
                .with("remote id", ext));
            }
            row.sides.push(kept::side(side)?);
            row.sides.sort_by_key(|side| side.key.slot);
            self.replace(side.key.entity, row);
        }
        Ok(())
    }

    pub(super) async fn touch_sides(&mut self, base: &mut dyn Transaction, touches: &[Touch]) -> Result<()> {
        let ids: Vec<EntityId> = touches.iter().map(|touch| touch.key.entity).collect();
        self.copy_up(base, &ids).await?;
        for touch in touches {
            let mut row = self.row(touch.key.entity);
            let Some(side) = row.sides.iter_mut().find(|side| side.key == touch.key) else {
                continue;
            };
            side.stamp = touch.stamp.map(kept::time);
            side.obs_seq = touch.obs_seq;
            if touch.clean {
                side.dirty_seq = 0;
                side.flags.clear(SideFlags::READ);
            }
            self.replace(touch.key.entity, row);
        }
        Ok(())
    }

    pub(super) async fn flag_sides(
        &mut self,
        base: &mut dyn Transaction,
        entities: &[EntityId],
        flags: SideFlags,
        but: SideId,
    ) -> Result<()> {
        self.copy_up(base, entities).await?;
        for &entity in entities {
            let mut row = self.row(entity);
            for side in &mut row.sides {
                if side.presence == Presence::Live && side.key.side != but {
                    side.flags.set(flags);
                }
            }
            self.replace(entity, row);
        }
        Ok(())
    }

    pub(super) async fn flagged(
        &self,
        base: &mut dyn Transaction,
        side: SideId,
        flags: SideFlags,
        after: EntityId,
        limit: usize,
    ) -> Result<Vec<EntityId>> {
        let mine = self
            .flagged
            .range((Bound::Excluded((side, after)), Bound::Included((side, EntityId::MAX))))
            .map(|(_, entity)| *entity)
            .filter(|entity| {
                self.rows.get(entity).is_some_and(|row| {
                    let mut held = row.sides.iter();
                    held.any(|held| held.key.side == side && held.flags.0 & flags.0 != 0)
                })
            })
            .take(limit);
        merged!(self, after, limit, mine, |entity: &EntityId| *entity, |after| {
            base.flagged(side, flags, after, limit).await
        })
    }

    pub(super) async fn delete_sides(&mut self, base: &mut dyn Transaction, keys: &[SideKey]) -> Result<()> {
        let ids: Vec<EntityId> = keys.iter().map(|key| key.entity).collect();
        self.copy_up(base, &ids).await?;
        for key in keys {
            let mut row = self.row(key.entity);
            row.sides.retain(|side| side.key != *key);
            self.replace(key.entity, row);
        }
        Ok(())
    }

    pub(super) async fn live_sides(
        &self,
        base: &mut dyn Transaction,
        side: SideId,
        after: EntityId,
        limit: usize,
    ) -> Result<Vec<(SideKey, String, Option<jiff::Timestamp>)>> {
        let mine = self
            .above(after)
            .flat_map(|(_, row)| &row.sides)
            .filter(|held| held.key.side == side && held.presence == Presence::Live)
            .filter_map(|held| Some((held.key, held.ext.clone()?, held.stamp)))
            .take(limit);
        let number = |live: &(SideKey, String, Option<jiff::Timestamp>)| live.0.entity;
        merged!(self, after, limit, mine, number, |after| base
            .live_sides(side, after, limit)
            .await)
    }

    pub(super) async fn without_side(
        &self,
        base: &mut dyn Transaction,
        blueprint: BlueprintId,
        side: SideId,
        after: EntityId,
        limit: usize,
    ) -> Result<Vec<EntityId>> {
        let mine = self
            .above(after)
            .filter(|(_, row)| {
                let entity = row.entity.as_ref();
                entity.is_some_and(|entity| entity.blueprint == blueprint && !entity.deleted)
                    && row.sides.iter().all(|held| held.key.side != side)
            })
            .map(|(entity, _)| *entity)
            .take(limit);
        merged!(self, after, limit, mine, |entity: &EntityId| *entity, |after| {
            base.without_side(blueprint, side, after, limit).await
        })
    }

    pub(super) async fn side_counts(&self, base: &mut dyn Transaction, side: SideId) -> Result<SideCounts> {
        let below = base.side_counts(side).await?;
        let difference = self.sides.get(&side).copied().unwrap_or_default();
        Ok(SideCounts {
            linked: below.linked.saturating_add_signed(difference.linked),
            push: below.push.saturating_add_signed(difference.push),
            read: below.read.saturating_add_signed(difference.read),
        })
    }

    fn above(&self, after: EntityId) -> impl Iterator<Item = (&EntityId, &Arc<Row>)> {
        self.rows.range((Bound::Excluded(after), Bound::Unbounded))
    }

    fn row(&self, entity: EntityId) -> Row {
        self.rows
            .get(&entity)
            .map_or_else(Row::default, |row| row.as_ref().clone())
    }

    /// Takes entities over from below before they are written to. The counts stay as they are.
    async fn copy_up(&mut self, base: &mut dyn Transaction, entities: &[EntityId]) -> Result<()> {
        let missing: BTreeSet<EntityId> = entities
            .iter()
            .copied()
            .filter(|entity| !self.rows.contains_key(entity))
            .collect();
        let missing: Vec<EntityId> = missing.into_iter().collect();
        let mut loaded: BTreeMap<EntityId, Row> = missing.iter().map(|&id| (id, Row::default())).collect();
        for Linked { entity, sides } in base.load(&missing).await? {
            let entity_id = entity.id;
            let entity = Some(entity);
            loaded.insert(entity_id, Row { entity, sides });
        }
        for (id, row) in loaded {
            self.index(id, &row);
            self.rows.insert_mut(id, Arc::new(row));
        }
        Ok(())
    }

    fn replace(&mut self, id: EntityId, row: Row) {
        let before = self.row(id);
        for side in &before.sides {
            if let Some(ext) = &side.ext {
                self.exts.remove_mut(&(side.key.side, ext.clone()));
            }
            self.flagged.remove_mut(&(side.key.side, id));
            self.count(side, -1);
        }
        for (entity, by) in [(&before.entity, -1), (&row.entity, 1)] {
            let Some(entity) = entity else { continue };
            if by < 0 {
                self.uids.remove_mut(&(entity.tenant, entity.uid));
            }
            let of = (entity.tenant, entity.blueprint, entity.deleted);
            let count = self.entities.get(&of).copied().unwrap_or(0);
            self.entities.insert_mut(of, count + by);
        }
        for side in &row.sides {
            self.count(side, 1);
        }
        self.index(id, &row);
        self.rows.insert_mut(id, Arc::new(row));
    }

    fn index(&mut self, id: EntityId, row: &Row) {
        if let Some(entity) = &row.entity {
            self.uids.insert_mut((entity.tenant, entity.uid), id);
        }
        for side in &row.sides {
            if let Some(ext) = &side.ext {
                self.exts.insert_mut((side.key.side, ext.clone()), id);
            }
            if side.flags.0 != 0 {
                self.flagged.insert_mut((side.key.side, id));
            }
        }
    }

    fn count(&mut self, side: &Side, by: i64) {
        let mut counts = self.sides.get(&side.key.side).copied().unwrap_or_default();
        counts.linked += by * i64::from(side.presence == Presence::Live && side.ext.is_some());
        counts.push += by * i64::from(side.flags.has(SideFlags::PUSH));
        counts.read += by * i64::from(side.flags.has(SideFlags::READ));
        self.sides.insert_mut(side.key.side, counts);
    }
}

fn head(side: &Side) -> SideHead {
    SideHead {
        key: side.key,
        presence: side.presence.clone(),
        flags: side.flags,
        stamp: side.stamp,
        obs_seq: side.obs_seq,
        write_seq: side.write_seq,
        dirty_seq: side.dirty_seq,
        mapping_version: side.mapping_version,
        hash: side.hash,
    }
}

fn check_number(entity: EntityId) -> Result<()> {
    if (1..1 << 55).contains(&entity) {
        Ok(())
    } else {
        Err(Error::new(
            ErrorKind::Invalid,
            format!("{entity} is no entity number: reserve one from the store first"),
        ))
    }
}
