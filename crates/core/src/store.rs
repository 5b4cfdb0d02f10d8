//! The [`Store`] port: everything durable, in transactions.
//!
//! Two kinds of things are stored. *Records* (entities, sides, keys, operations, hints, audit) are many and packed;
//! they are read and written a page at a time, never one by one. *Documents* (settings, runs, conflicts, failures,
//! cursors, leases) are few; each is a JSON body with a handful of columns to find it by.

mod document;

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Result;
use crate::model::{BlueprintId, TenantId};
use crate::sighting::{Known, Sighting};
use crate::state::{
    CreatedPage, Entity, EntityId, Linked, Operation, OperationState, Presence, Side, SideFlags, SideId, SideKey,
};

pub use document::{Document, DocumentKind, DocumentQuery};

/// The little of a side that tells whether a row brings anything new.
#[derive(Debug, Clone, PartialEq)]
pub struct SideHead {
    /// Which side.
    pub key: SideKey,
    /// Where the remote record stands.
    pub presence: Presence,
    /// What has to be done about it.
    pub flags: SideFlags,
    /// The provider's version as last observed.
    pub stamp: Option<Timestamp>,
    /// Mark of the read that produced the observation.
    pub obs_seq: u64,
    /// Mark at which our last write finished.
    pub write_seq: u64,
    /// Mark at which it became dirty; 0 when it is not.
    pub dirty_seq: u64,
    /// Mapping version of the observation.
    pub mapping_version: u32,
    /// Content hash of the observation.
    pub hash: u128,
}

/// A new stamp for a side whose content is as it was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Touch {
    /// Which side.
    pub key: SideKey,
    /// The provider's version.
    pub stamp: Option<Timestamp>,
    /// Mark of the read.
    pub obs_seq: u64,
    /// Whether the dirty mark and [`SideFlags::READ`] are cleared.
    pub clean: bool,
}

/// A key by which entities are found: unique fields, match keys. The space tells them apart.
///
/// Keys are a hint, not a fact: whoever finds an entity by one looks at the entity itself, so that a hash that two
/// values share, or a key that outlived its value, does no harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Which key of which blueprint.
    pub space: u64,
    /// Hash of the normalised value.
    pub hash: u64,
    /// The entity.
    pub entity: EntityId,
}

/// An entity's place in an index: what lists are filtered and sorted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct IndexEntry {
    /// Which field of which blueprint.
    pub space: u64,
    /// The value as bytes whose order is that of the values.
    pub sort: Vec<u8>,
    /// The entity.
    pub entity: EntityId,
}

/// Which part of an index to read, by sort key, then entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexQuery {
    /// Which field of which blueprint.
    pub space: u64,
    /// At or above this sort key; the empty one is below all.
    pub from: Vec<u8>,
    /// Below this sort key.
    pub until: Option<Vec<u8>>,
    /// Beyond this place: where the page before ended.
    pub after: Option<(Vec<u8>, EntityId)>,
    /// Largest first.
    pub descending: bool,
    /// At most this many.
    pub limit: usize,
}

/// "This remote record may have changed", kept until a read answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxEntry {
    /// The sync's side.
    pub side: SideId,
    /// The remote record.
    pub ext: String,
    /// Engine sequence at which the latest hint came.
    pub seq: u64,
}

/// The audit entries of one transaction, chained by hash to those before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditBlock {
    /// Position within the tenant's chain, from 1.
    pub seq: u64,
    /// The tenant.
    pub tenant: TenantId,
    /// The run, or 0.
    pub run: u64,
    /// When it was written.
    pub at: Timestamp,
    /// Number of entries.
    pub count: u32,
    /// Root of the block before.
    pub previous: [u8; 32],
    /// Root of this block: over `previous` and the salted leaf hashes of the entries.
    pub root: [u8; 32],
    /// The entries, packed.
    pub body: Vec<u8>,
}

/// Which entities to list, by ascending number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityQuery {
    /// Of this tenant.
    pub tenant: TenantId,
    /// Of this blueprint.
    pub blueprint: BlueprintId,
    /// Only numbers above this: where the page before ended.
    pub after: EntityId,
    /// Deleted ones (true) or live ones (false) only; both otherwise.
    pub deleted: Option<bool>,
    /// At most this many.
    pub limit: usize,
}

/// Number sequences of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Sequence {
    /// Engine marks.
    Mark = 1,
    /// Entity numbers.
    Entity = 2,
    /// Numbers of syncs' sides.
    Side = 3,
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Only reading, at one consistent point.
    Read,
    /// Reading and writing; waits for other writers.
    Write,
    /// As `Write`, and on the disk when the commit returns, however the store keeps the rest: for what nobody could give
    /// us again.
    WriteDurable,
}

/// Counts of a side's records, for listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SideCounts {
    /// Linked, live records.
    pub linked: u64,
    /// Sides waiting to be pushed.
    pub push: u64,
    /// Sides waiting to be read.
    pub read: u64,
}

/// How far a store has come, noted in it and, in the same words, beside it. A backup that is put back brings an earlier
/// one with it, and what is beside it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Which store.
    pub store: Uuid,
    /// Goes up with every run.
    pub number: u64,
}

/// What a store has beside it. See [`Generation`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It has no place that a backup does not reach.
    Nowhere,
    /// Nothing was noted there, or it was taken away.
    Nothing,
    /// The last note.
    Generation(Generation),
}

/// Tells the workers that share a store that there is work, so that they need not wait for their next look.
///
/// Losing a call may only delay: whoever is due is known from the store, and workers look by themselves from time to
/// time. So nobody fails because of it, and whether anybody listens does not matter.
#[async_trait]
pub trait Dispatcher: Send + Sync + Debug {
    /// Says that a connection has something to do from a time on; `None` where it can be any of them.
    async fn wake(&self, connection: Option<u64>, at: Timestamp);

    /// Waits until another worker has said so. What was said meanwhile may come as one.
    async fn woken(&self);
}

/// Everything durable. Cheap to share.
#[async_trait]
pub trait Store: Send + Sync + Debug {
    /// What was last noted beside the store. By default there is no place for it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Store`] when it can't be read.
    async fn noted_generation(&self) -> Result<Noted> {
        Ok(Noted::Nowhere)
    }

    /// Notes a generation beside the store, durably before this returns. By default it is forgotten.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Store`] when it can't be written.
    async fn note_generation(&self, generation: Generation) -> Result<()> {
        let _ = generation;
        Ok(())
    }

    /// Begins a transaction. Dropping it undoes it.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Store`] when the store can't be reached.
    async fn begin(&self, mode: Mode) -> Result<Box<dyn Transaction>>;

    /// Begins a transaction that reads and writes only what belongs to this tenant, or to none. A store may run it beside
    /// writers of other tenants, and may refuse it their records. By default it is as any other.
    ///
    /// # Errors
    /// As [`Store::begin`].
    async fn begin_for(&self, tenant: TenantId, mode: Mode) -> Result<Box<dyn Transaction>> {
        let _ = tenant;
        self.begin(mode).await
    }

    /// How the workers of this store are told of work. Without one they find out by looking.
    fn dispatcher(&self) -> Option<&dyn Dispatcher> {
        None
    }

    /// Overwrites what was removed, as far as the store can, so that no trace of it is left in its files. Nothing may be
    /// under way. By default there is nothing to overwrite.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Store`] when that can't be done now.
    async fn scrub(&self) -> Result<()> {
        Ok(())
    }

    /// What people call the store, such as `SQLite at ./syncline.db`. Never holds a password.
    fn label(&self) -> String;
}

/// A transaction. Every method reads its own earlier writes.
///
/// # Errors
/// Each method fails with [`crate::ErrorKind::Store`] when the store fails, and `Corrupt` when what it holds can't be
/// read; further conditions are named where they exist. After an error the transaction can only be dropped.
#[async_trait]
pub trait Transaction: Send {
    /// Reserves `count` numbers of a sequence and returns the first. Numbers start at 1 and are never given twice once
    /// the transaction is committed.
    async fn reserve(&mut self, sequence: Sequence, count: u64) -> Result<u64>;

    /// The document of this number.
    async fn document(&mut self, kind: DocumentKind, id: u64) -> Result<Option<Document>>;

    /// Documents found by a query, newest (largest number) first.
    async fn documents(&mut self, query: &DocumentQuery) -> Result<Vec<Document>>;

    /// Number of documents that a query would find without its limit.
    async fn count_documents(&mut self, query: &DocumentQuery) -> Result<u64>;

    /// Writes a document and returns its number. `document.version` is the version that was read, 0 for a new one.
    ///
    /// Fails with `Stale` when another version is stored, and with `Exists` when another document has the same key.
    async fn put_document(&mut self, document: &Document) -> Result<u64>;

    /// Removes a document; nothing happens if there is none.
    async fn delete_document(&mut self, kind: DocumentKind, id: u64) -> Result<()>;

    /// For each remote id, in the given order, the head of the side linked to it, after following aliases.
    async fn heads(&mut self, side: SideId, exts: &[&str]) -> Result<Vec<Option<SideHead>>>;

    /// For each sighting, in the given order, what the store knows of it: what [`Known::of`] makes of
    /// [`Transaction::heads`].
    async fn compare(&mut self, side: SideId, sightings: &[Sighting<'_>], mapping_version: u32) -> Result<Vec<Known>> {
        let exts: Vec<&str> = sightings.iter().map(|sighting| sighting.ext).collect();
        let heads = self.heads(side, &exts).await?;
        let known = sightings.iter().zip(heads);
        Ok(known
            .map(|(sighting, head)| Known::of(sighting, head, mapping_version))
            .collect())
    }

    /// These entities with all their sides, by ascending number; those that do not exist are left out.
    async fn load(&mut self, entities: &[EntityId]) -> Result<Vec<Linked>>;

    /// These entities alone, by ascending number; those that do not exist are left out.
    async fn load_entities(&mut self, entities: &[EntityId]) -> Result<Vec<Entity>>;

    /// The numbers of these entities of a tenant, in the given order.
    async fn find_uids(&mut self, tenant: TenantId, uids: &[Uuid]) -> Result<Vec<Option<EntityId>>>;

    /// Entities without their sides.
    async fn entities(&mut self, query: &EntityQuery) -> Result<Vec<Entity>>;

    /// The number of the entity that comes after so many that [`Transaction::entities`] would find without its limit.
    async fn entity_after(&mut self, query: &EntityQuery, skip: u64) -> Result<Option<EntityId>> {
        let mut query = EntityQuery {
            limit: 1_000,
            ..query.clone()
        };
        let mut left = skip;
        loop {
            let found = self.entities(&query).await?;
            if let Some(entity) = usize::try_from(left).ok().and_then(|left| found.get(left)) {
                return Ok(Some(entity.id));
            }
            left = left.saturating_sub(found.len() as u64);
            match found.last() {
                Some(last) if found.len() == query.limit => query.after = last.id,
                _ => return Ok(None),
            }
        }
    }

    /// Number of entities that a query would find without its limit and `after`.
    async fn count_entities(&mut self, query: &EntityQuery) -> Result<u64>;

    /// Inserts or replaces entities by their number, which must not be 0.
    async fn put_entities(&mut self, entities: &[&Entity]) -> Result<()>;

    /// Removes entities for good; their sides must have been removed or moved before.
    async fn delete_entities(&mut self, entities: &[EntityId]) -> Result<()>;

    /// Inserts or replaces sides by their key. Fails with `Exists` when another entity's side has the same remote id.
    async fn put_sides(&mut self, sides: &[&Side]) -> Result<()>;

    /// Inserts new entities with their sides: what [`Transaction::put_entities`] and [`Transaction::put_sides`] do with
    /// [`CreatedPage::linked`], and fails as they do.
    async fn put_created(&mut self, page: &CreatedPage<'_>) -> Result<()> {
        let linked = page.linked()?;
        let entities: Vec<&Entity> = linked.iter().map(|linked| &linked.entity).collect();
        self.put_entities(&entities).await?;
        let sides: Vec<&Side> = linked.iter().flat_map(|linked| &linked.sides).collect();
        self.put_sides(&sides).await
    }

    /// Gives sides a new stamp and read mark without touching anything else.
    async fn touch_sides(&mut self, touches: &[Touch]) -> Result<()>;

    /// Sets flags on all live sides of these entities but the given one (0: none is left out).
    async fn flag_sides(&mut self, entities: &[EntityId], flags: SideFlags, but: SideId) -> Result<()>;

    /// Entities whose side of this sync has any of these flags, by ascending number above `after`.
    async fn flagged(&mut self, side: SideId, flags: SideFlags, after: EntityId, limit: usize)
    -> Result<Vec<EntityId>>;

    /// Removes sides, freeing their remote ids.
    async fn delete_sides(&mut self, keys: &[SideKey]) -> Result<()>;

    /// Live sides of a sync by ascending entity number above `after`: key, remote id and stamp. For sweeps and checks.
    async fn live_sides(
        &mut self,
        side: SideId,
        after: EntityId,
        limit: usize,
    ) -> Result<Vec<(SideKey, String, Option<Timestamp>)>>;

    /// Live entities of a blueprint that have no side of this sync at all, by ascending number above `after`.
    async fn without_side(
        &mut self,
        blueprint: BlueprintId,
        side: SideId,
        after: EntityId,
        limit: usize,
    ) -> Result<Vec<EntityId>>;

    /// Counts of a sync's sides.
    async fn side_counts(&mut self, side: SideId) -> Result<SideCounts>;

    /// Says that `old` is now found as `current` on this side. Chains are followed.
    async fn put_alias(&mut self, side: SideId, old: &str, current: &str) -> Result<()>;

    /// What a remote id is found as now: itself if it has no alias.
    async fn resolve_alias(&mut self, side: SideId, ext: &str) -> Result<String>;

    /// Entities that have one of these keys, by hash, then entity.
    async fn find_keys(&mut self, space: u64, hashes: &[u64]) -> Result<Vec<Key>>;

    /// Adds keys; those that exist already are left as they are.
    async fn put_keys(&mut self, keys: &[Key]) -> Result<()>;

    /// Removes keys; nothing happens to those that do not exist.
    async fn delete_keys(&mut self, keys: &[Key]) -> Result<()>;

    /// Entities in the order of an index.
    async fn find_index(&mut self, query: &IndexQuery) -> Result<Vec<IndexEntry>>;

    /// Adds entities to indexes; those that are there already are left as they are.
    async fn put_index(&mut self, entries: &[IndexEntry]) -> Result<()>;

    /// Takes entities out of indexes; nothing happens to those that are not there.
    async fn delete_index(&mut self, entries: &[IndexEntry]) -> Result<()>;

    /// Removes all keys and index entries of a space.
    async fn clear_space(&mut self, space: u64) -> Result<()>;

    /// Inserts or replaces operations by their id.
    async fn put_operations(&mut self, operations: &[&Operation]) -> Result<()>;

    /// Operations of a side in one of these states, oldest first.
    async fn operations(&mut self, side: SideId, states: &[OperationState], limit: usize) -> Result<Vec<Operation>>;

    /// Operations of a run, oldest first, with ids above `after`.
    async fn operations_of_run(&mut self, run: u64, after: Option<Uuid>, limit: usize) -> Result<Vec<Operation>>;

    /// Removes closed operations planned before this time; returns how many.
    async fn purge_operations(&mut self, before: Timestamp) -> Result<u64>;

    /// Adds hints; one per record is kept, with the latest sequence number.
    async fn put_hints(&mut self, hints: &[InboxEntry]) -> Result<()>;

    /// Hints of a side, oldest first.
    async fn hints(&mut self, side: SideId, limit: usize) -> Result<Vec<InboxEntry>>;

    /// Removes the hints of these records whose sequence number is below `mark`.
    async fn clear_hints(&mut self, side: SideId, exts: &[&str], mark: u64) -> Result<()>;

    /// Sequence number and root of a tenant's last audit block; zeros before the first.
    async fn audit_head(&mut self, tenant: TenantId) -> Result<(u64, [u8; 32])>;

    /// Appends an audit block. Fails with `Stale` unless its number follows the head's.
    async fn append_audit(&mut self, block: &AuditBlock) -> Result<()>;

    /// Audit blocks of a tenant above a sequence number, oldest first; of one run only if one is given.
    async fn audit(&mut self, tenant: TenantId, run: Option<u64>, after: u64, limit: usize) -> Result<Vec<AuditBlock>>;

    /// Removes the bodies of audit blocks written before this time, keeping the chain; returns how many.
    async fn purge_audit(&mut self, tenant: TenantId, before: Timestamp) -> Result<u64>;

    /// Removes everything that is kept of a sync's side for good: its sides, whatever state they are in, aliases, hints
    /// and operations. Entities stay.
    async fn forget_side(&mut self, side: SideId) -> Result<()>;

    /// Makes everything durable.
    async fn commit(self: Box<Self>) -> Result<()>;
}
