//! The primary store of one object type: live and archived records, aliases, unique values, history.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::property::Source;
use super::record::{Record, Version};
use super::schema::ObjectType;
use super::search_index::SearchIndex;
use super::stamp::Stamp;

/// Where a record was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shelf {
    Live,
    Archived,
}

/// Every record of one object type.
#[derive(Debug)]
pub(super) struct ObjectStore {
    pub(super) object: ObjectType,
    live: BTreeMap<u64, Arc<Record>>,
    archived: BTreeMap<u64, Arc<Record>>,
    /// Merged-away id to the id that it became.
    aliases: BTreeMap<u64, u64>,
    /// Looked up only, never iterated.
    unique: HashMap<u32, HashMap<Arc<str>, u64>>,
    history: HashMap<u64, Vec<Version>>,
    pub(super) index: SearchIndex,
    next_id: u64,
    email: Option<u32>,
    additional_emails: Option<u32>,
}

impl ObjectStore {
    pub(super) fn new(object: ObjectType) -> Self {
        let next_id = object.first_id;
        let contacts = object.plural == "contacts";
        let email = object.properties.number("email").filter(|_| contacts);
        let additional_emails = object.properties.number("hs_additional_emails").filter(|_| contacts);
        Self {
            object,
            live: BTreeMap::new(),
            archived: BTreeMap::new(),
            aliases: BTreeMap::new(),
            unique: HashMap::new(),
            history: HashMap::new(),
            index: SearchIndex::default(),
            next_id,
            email,
            additional_emails,
        }
    }

    /// The number of the contacts' e-mail property; no other type has a built-in unique one.
    pub(super) fn email(&self) -> Option<u32> {
        self.email
    }

    /// An id that was never used.
    pub(super) fn new_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// Follows merges to the id that stands for `id` today.
    pub(super) fn resolve(&self, id: u64) -> u64 {
        let mut current = id;
        // A chain is at most as long as there are aliases, whatever they say.
        for _ in 0..=self.aliases.len() {
            match self.aliases.get(&current) {
                Some(next) => current = *next,
                None => break,
            }
        }
        current
    }

    /// The live record that `id`, perhaps a merged-away one, stands for.
    pub(super) fn live(&self, id: u64) -> Option<&Arc<Record>> {
        self.live.get(&id).or_else(|| self.live.get(&self.resolve(id)))
    }

    pub(super) fn archived(&self, id: u64) -> Option<&Arc<Record>> {
        self.archived.get(&id).or_else(|| self.archived.get(&self.resolve(id)))
    }

    pub(super) fn shelf(&self, shelf: Shelf) -> &BTreeMap<u64, Arc<Record>> {
        match shelf {
            Shelf::Live => &self.live,
            Shelf::Archived => &self.archived,
        }
    }

    /// Merged-away ids and the ids they stand for today.
    pub(super) fn aliases(&self) -> impl Iterator<Item = (u64, u64)> {
        self.aliases.keys().map(|old| (*old, self.resolve(*old)))
    }

    /// The live record that owns a value of a unique property; e-mails match additional ones too.
    pub(super) fn owner_of(&self, property: u32, value: &str) -> Option<u64> {
        let owners = self.unique.get(&property)?;
        if Some(property) == self.email {
            owners.get(value.trim().to_lowercase().as_str()).copied()
        } else {
            owners.get(value).copied()
        }
    }

    /// Whether a property's values identify records.
    pub(super) fn identifies(&self, name: &str) -> Option<u32> {
        let property = self.object.properties.get(name)?;
        match property.source {
            Source::Stored(number) if property.unique || Some(number) == self.email => Some(number),
            _ => None,
        }
    }

    fn unique_values(&self, record: &Record) -> Vec<(u32, Arc<str>)> {
        let mut values = Vec::new();
        for (number, value) in record.values() {
            if Some(number) == self.email {
                values.push((number, value.to_lowercase().into()));
            } else if Some(number) == self.additional_emails {
                if let Some(email) = self.email {
                    values.extend(value.split(';').map(|one| (email, one.to_lowercase().into())));
                }
            } else if self
                .object
                .properties
                .numbered(number)
                .is_some_and(|property| property.unique)
            {
                values.push((number, Arc::clone(value)));
            }
        }
        values
    }

    fn claim(&mut self, record: &Record) {
        for (number, value) in self.unique_values(record) {
            self.unique.entry(number).or_default().insert(value, record.id);
        }
    }

    fn release(&mut self, record: &Record) {
        for (number, value) in self.unique_values(record) {
            if let Some(owners) = self.unique.get_mut(&number)
                && owners.get(&value) == Some(&record.id)
            {
                owners.remove(&value);
            }
        }
    }

    /// Stores a new version of a live record. The search index is the caller's business.
    pub(super) fn put(&mut self, record: Record) -> Arc<Record> {
        if let Some(previous) = self.live.get(&record.id).cloned() {
            self.release(&previous);
        }
        self.claim(&record);
        let record = Arc::new(record);
        self.live.insert(record.id, Arc::clone(&record));
        record
    }

    /// Loads a record as is, for seeding: neither index nor history learn of it.
    pub(super) fn load(&mut self, record: Record) {
        self.claim(&record);
        self.next_id = self.next_id.max(record.id + 1);
        self.live.insert(record.id, Arc::new(record));
    }

    /// Puts every live record into the search index, replacing what was there.
    pub(super) fn rebuild_index(&mut self) {
        self.index.rebuild(self.live.values().cloned());
    }

    /// Moves a record to the bin; `false` when there is no live record of that id.
    pub(super) fn archive(&mut self, id: u64, now: Stamp, revision: u64, by_integration: bool) -> bool {
        let Some(record) = self.live.remove(&id) else {
            return false;
        };
        self.release(&record);
        self.index.remove(id);
        let mut record = Arc::unwrap_or_clone(record);
        record.archived_at = Some(now);
        record.revision = revision;
        record.by_integration = by_integration;
        self.archived.insert(id, Arc::new(record));
        true
    }

    /// Takes a record out of the bin, to be stored again with [`ObjectStore::put`].
    pub(super) fn take_archived(&mut self, id: u64) -> Option<Record> {
        self.archived.remove(&id).map(|record| {
            let mut record = Arc::unwrap_or_clone(record);
            record.archived_at = None;
            record
        })
    }

    /// Removes every trace of a record, live or archived; `false` when there is none.
    pub(super) fn purge(&mut self, id: u64) -> bool {
        let live = self.live.remove(&id);
        if let Some(record) = &live {
            self.release(record);
        }
        self.index.remove(id);
        self.history.remove(&id);
        live.is_some() | self.archived.remove(&id).is_some()
    }

    /// Takes a record out because it became `survivor`.
    pub(super) fn merge_away(&mut self, id: u64, survivor: u64) -> Option<Arc<Record>> {
        let record = self.live.remove(&id)?;
        self.release(&record);
        self.index.remove(id);
        self.aliases.insert(id, survivor);
        Some(record)
    }

    /// Adds to a record's history and drops versions beyond what HubSpot keeps.
    pub(super) fn remember(&mut self, id: u64, version: Version) {
        let keep = if self.email.is_some() { 45 } else { 20 };
        let versions = self.history.entry(id).or_default();
        let property = version.property;
        versions.push(version);
        let mut excess = versions
            .iter()
            .filter(|version| version.property == property)
            .count()
            .saturating_sub(keep);
        versions.retain(|version| {
            let drop = excess > 0 && version.property == property;
            excess -= usize::from(drop);
            !drop
        });
    }

    /// The versions of one property, newest first.
    pub(super) fn versions(&self, id: u64, property: u32) -> impl Iterator<Item = &Version> {
        self.history
            .get(&id)
            .into_iter()
            .flatten()
            .rev()
            .filter(move |version| version.property == property)
    }

    /// Hands a merged-away record's history to the survivor.
    pub(super) fn inherit_history(&mut self, from: u64, to: u64) {
        if let Some(mut versions) = self.history.remove(&from) {
            let own = self.history.entry(to).or_default();
            own.append(&mut versions);
            own.sort_by_key(|version| version.at);
        }
    }
}
