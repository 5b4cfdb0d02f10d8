use std::collections::BTreeSet;

use rpds::RedBlackTreeSetSync;
use syncline_core::state::EntityId;
use syncline_core::store::Key;

#[derive(Clone, Default)]
pub(super) struct Keys {
    keys: RedBlackTreeSetSync<Key>,
    by_entity: RedBlackTreeSetSync<(u64, EntityId, u128)>,
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
            self.by_entity.insert_mut((key.space, key.entity, key.hash));
        }
    }

    pub(super) fn delete(&mut self, space: u64, entities: &[EntityId]) {
        for entity in entities {
            let found: Vec<u128> = self
                .by_entity
                .range((space, *entity, u128::MIN)..=(space, *entity, u128::MAX))
                .map(|(_, _, hash)| *hash)
                .collect();
            for hash in found {
                self.by_entity.remove_mut(&(space, *entity, hash));
                self.keys.remove_mut(&Key {
                    space,
                    hash,
                    entity: *entity,
                });
            }
        }
    }

    /// Removes the keys of these entities in all spaces.
    pub(super) fn forget(&mut self, entities: &[EntityId]) {
        let spaces: BTreeSet<u64> = self.by_entity.iter().map(|(space, _, _)| *space).collect();
        for space in spaces {
            self.delete(space, entities);
        }
    }
}
