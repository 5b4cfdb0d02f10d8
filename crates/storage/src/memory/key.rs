use std::collections::BTreeSet;

use rpds::RedBlackTreeSetSync;
use syncline_core::state::EntityId;
use syncline_core::store::Key;

#[derive(Clone, Default)]
pub(super) struct Keys {
    keys: RedBlackTreeSetSync<Key>,
}

impl Keys {
    /// By hash, then entity.
    pub(super) fn find(&self, space: u64, hashes: &[u64]) -> Vec<Key> {
        let hashes: BTreeSet<u64> = hashes.iter().copied().collect();
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
        }
    }

    pub(super) fn delete(&mut self, keys: &[Key]) {
        for key in keys {
            self.keys.remove_mut(key);
        }
    }

    pub(super) fn clear(&mut self, space: u64) {
        let key = |hash, entity| Key { space, hash, entity };
        let range = key(u64::MIN, EntityId::MIN)..=key(u64::MAX, EntityId::MAX);
        let found: Vec<Key> = self.keys.range(range).copied().collect();
        self.delete(&found);
    }
}
