use std::ops::Bound;

use jiff::Timestamp;
use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};
use syncline_core::Result;
use syncline_core::state::{EntityId, Side, SideFlags, SideId, SideKey};
use syncline_core::store::{SideCounts, SideHead, Touch};

use crate::packed::{LIVE, PackedSide, entity_of, instant, key_of, micros, past_entity, row_of, rows_of};
use crate::refusal;

#[derive(Clone, Default)]
pub(super) struct Sides {
    rows: RedBlackTreeMapSync<i64, PackedSide>,
    exts: RedBlackTreeMapSync<(SideId, String), i64>,
    /// Rows with any flag.
    flagged: RedBlackTreeSetSync<(SideId, i64)>,
    aliases: RedBlackTreeMapSync<(SideId, String), String>,
}

impl Sides {
    pub(super) fn heads(&self, side: SideId, exts: &[&str]) -> Result<Vec<Option<SideHead>>> {
        exts.iter()
            .map(|ext| {
                let row = self.exts.get(&(side, self.resolve_alias(side, ext)));
                let found = row.and_then(|row| self.rows.get(row));
                found.map(|found| found.head.clone().unpack()).transpose()
            })
            .collect()
    }

    pub(super) fn of_entity(&self, entity: EntityId) -> Result<Vec<Side>> {
        self.rows_of(entity).map(|row| row.clone().unpack()).collect()
    }

    pub(super) fn any(&self, entity: EntityId) -> bool {
        self.rows_of(entity).next().is_some()
    }

    pub(super) fn has(&self, entity: EntityId, side: SideId) -> bool {
        self.rows_of(entity).any(|row| row.head.side == side)
    }

    fn rows_of(&self, entity: EntityId) -> impl Iterator<Item = &PackedSide> {
        self.rows.range(rows_of(entity)).map(|(_, row)| row)
    }

    /// All given sides let go of their remote ids before any takes a new one, so that their order does not count.
    pub(super) fn put(&mut self, sides: &[&Side]) -> Result<()> {
        for side in sides {
            refusal::check_entity_number(side.key.entity)?;
            self.remove(row_of(side.key));
        }
        for side in sides {
            let row = row_of(side.key);
            self.remove(row);
            if let Some(ext) = &side.ext {
                let ext = (side.key.side, ext.clone());
                if self.exts.contains_key(&ext) {
                    return Err(refusal::side_exists(ext.0, Some(&ext.1)));
                }
                self.exts.insert_mut(ext, row);
            }
            self.insert(PackedSide::pack(side));
        }
        Ok(())
    }

    /// All sides and aliases of a sync's side.
    pub(super) fn forget(&mut self, side: SideId) {
        let own: Vec<i64> = self
            .rows
            .iter()
            .filter(|(_, row)| row.head.side == side)
            .map(|(row, _)| *row)
            .collect();
        for row in own {
            self.remove(row);
        }
        let aliases = self.aliases.keys().filter(|(of, _)| *of == side);
        let aliases: Vec<_> = aliases.cloned().collect();
        for alias in aliases {
            self.aliases.remove_mut(&alias);
        }
    }

    pub(super) fn touch(&mut self, touches: &[Touch]) {
        for touch in touches {
            let Some(mut side) = self.get(touch.key).cloned() else {
                continue;
            };
            side.head.stamp = touch.stamp.map(micros);
            side.head.obs_seq = touch.obs_seq;
            if touch.clean {
                side.head.dirty_seq = 0;
                side.head.flags &= !SideFlags::READ.0;
            }
            self.insert(side);
        }
    }

    pub(super) fn flag(&mut self, entities: &[EntityId], flags: SideFlags, but: SideId) {
        for entity in entities {
            let live: Vec<PackedSide> = self
                .rows_of(*entity)
                .filter(|row| row.head.presence == LIVE && row.head.side != but)
                .cloned()
                .collect();
            for mut side in live {
                side.head.flags |= flags.0;
                self.insert(side);
            }
        }
    }

    pub(super) fn flagged(&self, side: SideId, flags: SideFlags, after: EntityId, limit: usize) -> Vec<EntityId> {
        self.flagged_rows(side, flags, past_entity(after))
            .map(entity_of)
            .take(limit)
            .collect()
    }

    fn flagged_rows(&self, side: SideId, flags: SideFlags, after: i64) -> impl Iterator<Item = i64> {
        self.flagged
            .range((Bound::Excluded((side, after)), Bound::Included((side, i64::MAX))))
            .map(|(_, row)| *row)
            .filter(move |row| self.rows.get(row).is_some_and(|side| side.head.flags & flags.0 != 0))
    }

    pub(super) fn delete(&mut self, keys: &[SideKey]) {
        for key in keys {
            if self.get(*key).is_some() {
                self.remove(row_of(*key));
            }
        }
    }

    pub(super) fn live(
        &self,
        side: SideId,
        after: EntityId,
        limit: usize,
    ) -> Result<Vec<(SideKey, String, Option<Timestamp>)>> {
        self.rows
            .range((Bound::Excluded(past_entity(after)), Bound::Unbounded))
            .filter(|(_, found)| found.head.side == side && found.head.presence == LIVE)
            .filter_map(|(row, found)| Some((row, found.ext.as_ref()?, found.head.stamp)))
            .take(limit)
            .map(|(row, ext, stamp)| Ok((key_of(*row, side), ext.clone(), stamp.map(instant).transpose()?)))
            .collect()
    }

    pub(super) fn counts(&self, side: SideId) -> SideCounts {
        let live = self
            .rows
            .values()
            .filter(|row| row.head.side == side && row.head.presence == LIVE && row.ext.is_some());
        SideCounts {
            linked: live.count() as u64,
            push: self.flagged_rows(side, SideFlags::PUSH, i64::MIN).count() as u64,
            read: self.flagged_rows(side, SideFlags::READ, i64::MIN).count() as u64,
        }
    }

    /// Chains are kept flat: every alias names the record where it ends. Where the new one closes a circle, the
    /// record it names is current again.
    pub(super) fn put_alias(&mut self, side: SideId, old: &str, current: &str) {
        let end = match self.resolve_alias(side, current) {
            end if end == old => current.to_owned(),
            end => end,
        };
        let chained: Vec<String> = self
            .aliases
            .range((side, String::new())..)
            .take_while(|((of, _), _)| *of == side)
            .filter(|(_, target)| *target == old)
            .map(|((_, chained), _)| chained.clone())
            .collect();
        for chained in chained {
            self.aliases.insert_mut((side, chained), end.clone());
        }
        self.aliases.insert_mut((side, old.to_owned()), end.clone());
        self.aliases.remove_mut(&(side, end));
    }

    pub(super) fn resolve_alias(&self, side: SideId, ext: &str) -> String {
        self.aliases
            .get(&(side, ext.to_owned()))
            .map_or_else(|| ext.to_owned(), Clone::clone)
    }

    fn get(&self, key: SideKey) -> Option<&PackedSide> {
        self.rows.get(&row_of(key)).filter(|row| row.head.side == key.side)
    }

    fn insert(&mut self, side: PackedSide) {
        let place = (side.head.side, side.head.row);
        if side.head.flags == 0 {
            self.flagged.remove_mut(&place);
        } else {
            self.flagged.insert_mut(place);
        }
        self.rows.insert_mut(side.head.row, side);
    }

    fn remove(&mut self, row: i64) {
        let Some(side) = self.rows.get(&row) else { return };
        let place = (side.head.side, row);
        if let Some(ext) = side.ext.clone() {
            self.exts.remove_mut(&(place.0, ext));
        }
        self.flagged.remove_mut(&place);
        self.rows.remove_mut(&row);
    }
}
