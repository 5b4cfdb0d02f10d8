use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use rpds::RedBlackTreeSetSync;
use syncline_core::state::EntityId;
use syncline_core::store::Key;

#[derive(Clone, Default)]
pub(super) struct Keys {
    keys: RedBlackTreeSetSync<Key>,
    by_entity: RedBlackTreeSetSync<(EntityId, u64, u128)>,
}

impl Keys {
    /// By hash, then entity.
    pub(super) fn find(&self, space: u64, hashes: &[u128]) -> Vec<Key> {
        let hashes: BTreeSet<u128> = hashes.iter().copied().collect();
        let key = |hash, entity| Key { space, hash, entity };
        hashes
            .into_iter()
            .flat_map(|hash| self.keys.range(key(hash, EntityId::MIN)..=key(hash, EntityId::MAX)))
            .copied()
            .collect()
    }

    pub(super) fn put(&mut self, keys: &[Key]) {
        for key in keys {
            self.keys.insert_mut(*key);
            self.by_entity.insert_mut((key.entity, key.space, key.hash));
        }
    }

    pub(super) fn delete(&mut self, space: u64, entities: &[EntityId]) {
        for entity in entities {
            self.remove((*entity, space, u128::MIN)..=(*entity, space, u128::MAX));
        }
    }

    /// In every space.
    pub(super) fn delete_all(&mut self, entities: &[EntityId]) {
        for entity in entities {
            self.remove((*entity, u64::MIN, u128::MIN)..=(*entity, u64::MAX, u128::MAX));
        }
    }

    fn remove(&mut self, range: RangeInclusive<(EntityId, u64, u128)>) {
        let found: Vec<(EntityId, u64, u128)> = self.by_entity.range(range).copied().collect();
        for (entity, space, hash) in found {
            self.by_entity.remove_mut(&(entity, space, hash));
            self.keys.remove_mut(&Key { space, hash, entity });
        }
    }
}
