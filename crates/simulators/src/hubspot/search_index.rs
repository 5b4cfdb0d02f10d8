//! The delayed copy of an object's records that search looks at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::record::Record;
use super::stamp::Stamp;

/// Record versions that search sees, ordered by id and by modified stamp, and those still on their way.
#[derive(Debug, Default)]
pub(super) struct SearchIndex {
    documents: BTreeMap<u64, Arc<Record>>,
    /// The keys of `documents`, for ranks in logarithmic time.
    ids: Vec<u64>,
    by_modified: BTreeSet<(Stamp, u64)>,
    pending: BTreeMap<(Stamp, u64), Arc<Record>>,
    /// Counts changes to what search sees.
    generation: u64,
    cached: Option<CachedMatches>,
}

/// The ids that one set of conditions matched, valid for one generation.
#[derive(Clone, Debug)]
struct CachedMatches {
    conditions: String,
    generation: u64,
    ids: Arc<Vec<u64>>,
}

impl SearchIndex {
    /// Makes `record` visible at once.
    pub(super) fn put(&mut self, record: Arc<Record>) {
        let id = record.id;
        if let Some(present) = self.documents.get(&id) {
            // Updates travel out of order; an older one that arrives late changes nothing.
            if present.revision > record.revision {
                return;
            }
            self.by_modified.remove(&(present.modified, id));
        } else if self.ids.last().is_none_or(|last| *last < id) {
            self.ids.push(id);
        } else if let Err(position) = self.ids.binary_search(&id) {
            self.ids.insert(position, id);
        }
        self.by_modified.insert((record.modified, id));
        self.documents.insert(id, record);
        self.generation += 1;
    }

    /// Makes `record` visible at `visible_at`.
    pub(super) fn put_later(&mut self, record: Arc<Record>, visible_at: Stamp) {
        self.pending.insert((visible_at, record.revision), record);
    }

    /// Takes a record out at once: archived records never appear.
    pub(super) fn remove(&mut self, id: u64) {
        self.pending.retain(|_, record| record.id != id);
        if let Some(present) = self.documents.remove(&id) {
            self.by_modified.remove(&(present.modified, id));
            if let Ok(position) = self.ids.binary_search(&id) {
                self.ids.remove(position);
            }
            self.generation += 1;
        }
    }

    /// Makes visible whatever is due.
    pub(super) fn settle(&mut self, now: Stamp) {
        while let Some(entry) = self.pending.first_entry() {
            if entry.key().0 > now {
                return;
            }
            let record = entry.remove();
            self.put(record);
        }
    }

    /// Replaces everything, for bulk loads.
    pub(super) fn rebuild(&mut self, records: impl Iterator<Item = Arc<Record>>) {
        self.documents = records.map(|record| (record.id, record)).collect();
        self.ids = self.documents.keys().copied().collect();
        self.by_modified = self
            .documents
            .values()
            .map(|record| (record.modified, record.id))
            .collect();
        self.pending.clear();
        self.generation += 1;
        self.cached = None;
    }

    pub(super) fn get(&self, id: u64) -> Option<&Arc<Record>> {
        self.documents.get(&id)
    }

    /// Every visible id, ascending.
    pub(super) fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// Whether every visible record was modified within the two stamps, both included.
    pub(super) fn all_modified_within(&self, from: Stamp, to: Stamp) -> bool {
        self.by_modified.first().is_none_or(|(first, _)| *first >= from)
            && self.by_modified.last().is_none_or(|(last, _)| *last <= to)
    }

    /// The records modified within the two stamps, both included.
    pub(super) fn modified_within(&self, from: Stamp, to: Stamp) -> impl Iterator<Item = &Arc<Record>> {
        let range = if from <= to {
            Some(self.by_modified.range((from, 0)..=(to, u64::MAX)))
        } else {
            None
        };
        range.into_iter().flatten().filter_map(|(_, id)| self.documents.get(id))
    }

    /// Every visible record by ascending id.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.documents.values()
    }

    /// What these conditions matched when they were last asked, unless something changed since.
    pub(super) fn cached(&self, conditions: &str) -> Option<Arc<Vec<u64>>> {
        let cached = self.cached.as_ref()?;
        (cached.generation == self.generation && cached.conditions == conditions).then(|| Arc::clone(&cached.ids))
    }

    /// Remembers a match, since a client asks for one page after the other.
    pub(super) fn remember(&mut self, conditions: String, ids: Arc<Vec<u64>>) {
        self.cached = Some(CachedMatches {
            conditions,
            generation: self.generation,
            ids,
        });
    }
}
