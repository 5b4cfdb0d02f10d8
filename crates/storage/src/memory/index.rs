use std::ops::Bound;

use rpds::RedBlackTreeSetSync;
use syncline_core::state::EntityId;
use syncline_core::store::{IndexEntry, IndexQuery};

#[derive(Clone, Default)]
pub(super) struct Index {
    entries: RedBlackTreeSetSync<IndexEntry>,
}

impl Index {
    pub(super) fn find(&self, query: &IndexQuery) -> Vec<IndexEntry> {
        let entry = |sort: &[u8], entity| IndexEntry {
            space: query.space,
            sort: sort.to_vec(),
            entity,
        };
        let mut from = Bound::Included(entry(&query.from, EntityId::MIN));
        let mut until = match &query.until {
            Some(until) => Bound::Excluded(entry(until, EntityId::MIN)),
            None => query.space.checked_add(1).map_or(Bound::Unbounded, |space| {
                Bound::Excluded(IndexEntry {
                    space,
                    sort: Vec::new(),
                    entity: EntityId::MIN,
                })
            }),
        };
        if let Some((sort, entity)) = &query.after {
            let place = entry(sort, *entity);
            if query.descending {
                until = lower(until, place);
            } else {
                from = higher(from, place);
            }
        }
        if is_empty(&from, &until) {
            return Vec::new();
        }
        let found = self.entries.range((from, until));
        if query.descending {
            found.rev().take(query.limit).cloned().collect()
        } else {
            found.take(query.limit).cloned().collect()
        }
    }

    pub(super) fn put(&mut self, entries: &[IndexEntry]) {
        for entry in entries {
            self.entries.insert_mut(entry.clone());
        }
    }

    pub(super) fn delete(&mut self, entries: &[IndexEntry]) {
        for entry in entries {
            self.entries.remove_mut(entry);
        }
    }

    pub(super) fn clear(&mut self, space: u64) {
        let found: Vec<IndexEntry> = self
            .entries
            .iter()
            .filter(|entry| entry.space == space)
            .cloned()
            .collect();
        self.delete(&found);
    }
}

fn place(bound: &Bound<IndexEntry>) -> Option<&IndexEntry> {
    match bound {
        Bound::Included(entry) | Bound::Excluded(entry) => Some(entry),
        Bound::Unbounded => None,
    }
}

/// The page before ended at `after`, which may lie outside of the range.
fn higher(from: Bound<IndexEntry>, after: IndexEntry) -> Bound<IndexEntry> {
    if place(&from).is_some_and(|from| *from > after) {
        return from;
    }
    Bound::Excluded(after)
}

fn lower(until: Bound<IndexEntry>, after: IndexEntry) -> Bound<IndexEntry> {
    if place(&until).is_some_and(|until| *until < after) {
        return until;
    }
    Bound::Excluded(after)
}

/// Whether nothing can lie between: the tree's range panics then.
fn is_empty(from: &Bound<IndexEntry>, until: &Bound<IndexEntry>) -> bool {
    match (place(from), place(until)) {
        (Some(from), Some(until)) => from >= until,
        _ => false,
    }
}
