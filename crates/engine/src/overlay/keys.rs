use std::collections::BTreeSet;

use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};
use syncline_core::error::Result;
use syncline_core::state::EntityId;
use syncline_core::store::{IndexEntry, IndexQuery, Key, Transaction};

/// Keys and index entries: whether each is there, of those that were written.
#[derive(Clone, Default)]
pub(super) struct Keys {
    keys: RedBlackTreeMapSync<Key, bool>,
    index: RedBlackTreeMapSync<IndexEntry, bool>,
    /// Spaces of which nothing below counts.
    cleared: RedBlackTreeSetSync<u64>,
}

impl Keys {
    pub(super) async fn find(&self, base: &mut dyn Transaction, space: u64, hashes: &[u64]) -> Result<Vec<Key>> {
        let mut found = BTreeSet::new();
        if !self.cleared.contains(&space) {
            let below = base.find_keys(space, hashes).await?;
            found.extend(below.into_iter().filter(|key| self.keys.get(key) != Some(&false)));
        }
        let key = |hash, entity| Key { space, hash, entity };
        for &hash in hashes {
            let mine = self.keys.range(key(hash, EntityId::MIN)..=key(hash, EntityId::MAX));
            found.extend(mine.filter(|(_, is_there)| **is_there).map(|(key, _)| *key));
        }
        Ok(found.into_iter().collect())
    }

    pub(super) fn put(&mut self, keys: &[Key], is_there: bool) {
        for key in keys {
            self.keys.insert_mut(*key, is_there);
        }
    }

    pub(super) async fn find_index(&self, base: &mut dyn Transaction, query: &IndexQuery) -> Result<Vec<IndexEntry>> {
        let mut found = BTreeSet::new();
        let mut below = query.clone();
        while !self.cleared.contains(&query.space) {
            let page = base.find_index(&below).await?;
            let is_last = page.len() < below.limit || below.limit == 0;
            below.after = page.last().map(|last| (last.sort.clone(), last.entity));
            found.extend(page.into_iter().filter(|entry| self.index.get(entry) != Some(&false)));
            if is_last || found.len() >= query.limit {
                break;
            }
        }
        let first = IndexEntry {
            space: query.space,
            sort: query.from.clone(),
            entity: EntityId::MIN,
        };
        let mine = self.index.range(first..).map(|(entry, is_there)| (entry, *is_there));
        let mine = mine.take_while(|(entry, _)| {
            let is_below = query.until.as_ref().is_none_or(|until| entry.sort < *until);
            entry.space == query.space && is_below
        });
        let is_beyond = |entry: &IndexEntry| {
            query.after.as_ref().is_none_or(|(sort, entity)| {
                let (place, after) = ((&entry.sort, entry.entity), (sort, *entity));
                if query.descending { place < after } else { place > after }
            })
        };
        found.extend(
            mine.filter(|(entry, is_there)| *is_there && is_beyond(entry))
                .map(|(entry, _)| entry.clone()),
        );
        Ok(if query.descending {
            found.into_iter().rev().take(query.limit).collect()
        } else {
            found.into_iter().take(query.limit).collect()
        })
    }

    pub(super) fn put_index(&mut self, entries: &[IndexEntry], is_there: bool) {
        for entry in entries {
            self.index.insert_mut(entry.clone(), is_there);
        }
    }

    pub(super) fn clear(&mut self, space: u64) {
        self.cleared.insert_mut(space);
        let keys: Vec<Key> = self.keys.keys().filter(|key| key.space == space).copied().collect();
        for key in keys {
            self.keys.remove_mut(&key);
        }
        let entries = self.index.keys().filter(|entry| entry.space == space);
        for entry in entries.cloned().collect::<Vec<_>>() {
            self.index.remove_mut(&entry);
        }
    }
}
