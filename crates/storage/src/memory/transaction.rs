//! The port's methods, each one handed to the file of its topic.

use async_trait::async_trait;
use futures::lock::OwnedMutexGuard;
use jiff::Timestamp;
use syncline_core::Result;
use syncline_core::model::{BlueprintId, TenantId};
use syncline_core::state::{Entity, EntityId, Linked, Operation, OperationState, Side, SideFlags, SideId, SideKey};
use syncline_core::store::{
    AuditBlock, Document, DocumentKind, DocumentQuery, EntityQuery, InboxEntry, IndexEntry, IndexQuery, Key, Sequence,
    SideCounts, SideHead, Touch, Transaction,
};
use uuid::Uuid;

use super::{MemoryStore, State};
use crate::refusal;

/// A private copy of the state, which becomes the committed one in the end.
pub(super) struct MemoryTransaction {
    store: MemoryStore,
    life: u64,
    state: State,
    failed: bool,
    /// Held by the one writer.
    writer: Option<OwnedMutexGuard<()>>,
}

impl MemoryTransaction {
    pub(super) const fn new(store: MemoryStore, life: u64, state: State, writer: Option<OwnedMutexGuard<()>>) -> Self {
        Self {
            store,
            life,
            state,
            failed: false,
            writer,
        }
    }

    fn read<T>(&mut self, step: impl FnOnce(&State) -> Result<T>) -> Result<T> {
        self.step(|state| step(state))
    }

    fn write<T>(&mut self, step: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let writes = self.writer.is_some();
        self.step(|state| if writes { step(state) } else { Err(refusal::read_only()) })
    }

    fn step<T>(&mut self, step: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        self.check()?;
        let result = step(&mut self.state);
        self.failed = result.is_err();
        result
    }

    fn check(&self) -> Result<()> {
        if self.failed {
            return Err(refusal::failed_before());
        }
        if self.store.lock().life != self.life {
            return Err(refusal::crashed());
        }
        Ok(())
    }
}

#[async_trait]
impl Transaction for MemoryTransaction {
    async fn reserve(&mut self, sequence: Sequence, count: u64) -> Result<u64> {
        self.write(|state| Ok(state.sequences.reserve(sequence, count)))
    }

    async fn document(&mut self, kind: DocumentKind, id: u64) -> Result<Option<Document>> {
        self.read(|state| Ok(state.documents.get(kind, id)))
    }

    async fn documents(&mut self, query: &DocumentQuery) -> Result<Vec<Document>> {
        self.read(|state| Ok(state.documents.find(query)))
    }

    async fn count_documents(&mut self, query: &DocumentQuery) -> Result<u64> {
        self.read(|state| Ok(state.documents.count(query)))
    }

    async fn put_document(&mut self, document: &Document) -> Result<u64> {
        self.write(|state| state.documents.put(document))
    }

    async fn delete_document(&mut self, kind: DocumentKind, id: u64) -> Result<()> {
        self.write(|state| {
            state.documents.delete(kind, id);
            Ok(())
        })
    }

    async fn heads(&mut self, side: SideId, exts: &[&str]) -> Result<Vec<Option<SideHead>>> {
        self.read(|state| state.sides.heads(side, exts))
    }

    async fn load(&mut self, entities: &[EntityId]) -> Result<Vec<Linked>> {
        self.read(|state| {
            let found = state.entities.load(entities)?;
            found
                .into_iter()
                .map(|entity| {
                    let sides = state.sides.of_entity(entity.id)?;
                    Ok(Linked { entity, sides })
                })
                .collect()
        })
    }

    async fn load_entities(&mut self, entities: &[EntityId]) -> Result<Vec<Entity>> {
        self.read(|state| state.entities.load(entities))
    }

    async fn find_uids(&mut self, tenant: TenantId, uids: &[Uuid]) -> Result<Vec<Option<EntityId>>> {
        self.read(|state| Ok(state.entities.find_uids(tenant, uids)))
    }

    async fn entities(&mut self, query: &EntityQuery) -> Result<Vec<Entity>> {
        self.read(|state| state.entities.find(query))
    }

    async fn entity_after(&mut self, query: &EntityQuery, skip: u64) -> Result<Option<EntityId>> {
        self.read(|state| Ok(state.entities.find_after(query, skip)))
    }

    async fn count_entities(&mut self, query: &EntityQuery) -> Result<u64> {
        self.read(|state| Ok(state.entities.count(query)))
    }

    async fn put_entities(&mut self, entities: &[&Entity]) -> Result<()> {
        self.write(|state| state.entities.put(entities))
    }

    async fn delete_entities(&mut self, entities: &[EntityId]) -> Result<()> {
        self.write(|state| {
            for entity in entities {
                if state.sides.any(*entity) {
                    return Err(refusal::entity_has_sides(*entity));
                }
            }
            state.entities.delete(entities);
            Ok(())
        })
    }

    async fn put_sides(&mut self, sides: &[&Side]) -> Result<()> {
        self.write(|state| state.sides.put(sides))
    }

    async fn touch_sides(&mut self, touches: &[Touch]) -> Result<()> {
        self.write(|state| {
            state.sides.touch(touches);
            Ok(())
        })
    }

    async fn flag_sides(&mut self, entities: &[EntityId], flags: SideFlags, but: SideId) -> Result<()> {
        self.write(|state| {
            state.sides.flag(entities, flags, but);
            Ok(())
        })
    }

    async fn flagged(
        &mut self,
        side: SideId,
        flags: SideFlags,
        after: EntityId,
        limit: usize,
    ) -> Result<Vec<EntityId>> {
        self.read(|state| Ok(state.sides.flagged(side, flags, after, limit)))
    }

    async fn delete_sides(&mut self, keys: &[SideKey]) -> Result<()> {
        self.write(|state| {
            state.sides.delete(keys);
            Ok(())
        })
    }

    async fn live_sides(
        &mut self,
        side: SideId,
        after: EntityId,
        limit: usize,
    ) -> Result<Vec<(SideKey, String, Option<Timestamp>)>> {
        self.read(|state| state.sides.live(side, after, limit))
    }

    async fn without_side(
        &mut self,
        blueprint: BlueprintId,
        side: SideId,
        after: EntityId,
        limit: usize,
    ) -> Result<Vec<EntityId>> {
        self.read(|state| {
            let live = state.entities.live_of(blueprint, after);
            Ok(live
                .filter(|entity| !state.sides.has(*entity, side))
                .take(limit)
                .collect())
        })
    }

    async fn side_counts(&mut self, side: SideId) -> Result<SideCounts> {
        self.read(|state| Ok(state.sides.counts(side)))
    }

    async fn put_alias(&mut self, side: SideId, old: &str, current: &str) -> Result<()> {
        self.write(|state| {
            state.sides.put_alias(side, old, current);
            Ok(())
        })
    }

    async fn resolve_alias(&mut self, side: SideId, ext: &str) -> Result<String> {
        self.read(|state| Ok(state.sides.resolve_alias(side, ext)))
    }

    async fn find_keys(&mut self, space: u64, hashes: &[u64]) -> Result<Vec<Key>> {
        self.read(|state| Ok(state.keys.find(space, hashes)))
    }

    async fn put_keys(&mut self, keys: &[Key]) -> Result<()> {
        self.write(|state| {
            state.keys.put(keys);
            Ok(())
        })
    }

    async fn delete_keys(&mut self, keys: &[Key]) -> Result<()> {
        self.write(|state| {
            state.keys.delete(keys);
            Ok(())
        })
    }

    async fn find_index(&mut self, query: &IndexQuery) -> Result<Vec<IndexEntry>> {
        self.read(|state| Ok(state.index.find(query)))
    }

    async fn put_index(&mut self, entries: &[IndexEntry]) -> Result<()> {
        self.write(|state| {
            state.index.put(entries);
            Ok(())
        })
    }

    async fn delete_index(&mut self, entries: &[IndexEntry]) -> Result<()> {
        self.write(|state| {
            state.index.delete(entries);
            Ok(())
        })
    }

    async fn clear_space(&mut self, space: u64) -> Result<()> {
        self.write(|state| {
            state.keys.clear(space);
            state.index.clear(space);
            Ok(())
        })
    }

    async fn put_operations(&mut self, operations: &[&Operation]) -> Result<()> {
        self.write(|state| state.operations.put(operations))
    }

    async fn operations(&mut self, side: SideId, states: &[OperationState], limit: usize) -> Result<Vec<Operation>> {
        self.read(|state| state.operations.of_side(side, states, limit))
    }

    async fn operations_of_run(&mut self, run: u64, after: Option<Uuid>, limit: usize) -> Result<Vec<Operation>> {
        self.read(|state| state.operations.of_run(run, after, limit))
    }

    async fn purge_operations(&mut self, before: Timestamp) -> Result<u64> {
        self.write(|state| Ok(state.operations.purge(before)))
    }

    async fn forget_side(&mut self, side: SideId) -> Result<()> {
        self.write(|state| {
            state.sides.forget(side);
            state.inbox.forget(side);
            state.operations.forget(side);
            Ok(())
        })
    }

    async fn put_hints(&mut self, hints: &[InboxEntry]) -> Result<()> {
        self.write(|state| {
            state.inbox.put(hints);
            Ok(())
        })
    }

    async fn hints(&mut self, side: SideId, limit: usize) -> Result<Vec<InboxEntry>> {
        self.read(|state| Ok(state.inbox.find(side, limit)))
    }

    async fn clear_hints(&mut self, side: SideId, exts: &[&str], mark: u64) -> Result<()> {
        self.write(|state| {
            state.inbox.clear(side, exts, mark);
            Ok(())
        })
    }

    async fn audit_head(&mut self, tenant: TenantId) -> Result<(u64, [u8; 32])> {
        self.read(|state| Ok(state.audit.head(tenant)))
    }

    async fn append_audit(&mut self, block: &AuditBlock) -> Result<()> {
        self.write(|state| state.audit.append(block))
    }

    async fn audit(&mut self, tenant: TenantId, run: Option<u64>, after: u64, limit: usize) -> Result<Vec<AuditBlock>> {
        self.read(|state| Ok(state.audit.find(tenant, run, after, limit)))
    }

    async fn purge_audit(&mut self, tenant: TenantId, before: Timestamp) -> Result<u64> {
        self.write(|state| Ok(state.audit.purge(tenant, before)))
    }

    async fn commit(self: Box<Self>) -> Result<()> {
        self.check()?;
        if self.writer.is_some() {
            self.store.lock().committed = self.state;
        }
        Ok(())
    }
}
