//! [`MemoryStore`]: everything in persistent maps, so that a snapshot, an undo and a crash are each one pointer.

mod audit;
mod document;
mod entity;
mod inbox;
mod key;
mod operation;
mod sequence;
mod side;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::lock::{Mutex as AsyncMutex, OwnedMutexGuard};
use jiff::Timestamp;
use syncline_core::Result;
use syncline_core::model::{BlueprintId, TenantId};
use syncline_core::state::{Entity, EntityId, Linked, Operation, OperationState, Side, SideFlags, SideId, SideKey};
use syncline_core::store::{
    AuditBlock, Document, DocumentKind, DocumentQuery, EntityQuery, InboxEntry, Key, Mode, Sequence, SideCounts,
    SideHead, Store, Touch, Transaction,
};
use uuid::Uuid;

use crate::refusal;

/// A store in memory, for tests, simulations and trying things out. Clones share their content.
///
/// It is deterministic, needs no runtime, and knows what a crash is: what was not committed when
/// [`MemoryStore::crash`] is called never happened.
///
/// ```
/// use syncline_core::store::{Mode, Sequence, Store};
/// use syncline_storage::MemoryStore;
///
/// # futures::executor::block_on(async {
/// let store = MemoryStore::new();
/// let mut transaction = store.begin(Mode::Write).await?;
/// assert_eq!(transaction.reserve(Sequence::Entity, 10).await?, 1);
/// transaction.commit().await?;
/// # Ok::<(), syncline_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    current: Arc<Mutex<Current>>,
}

/// What is committed, and who may commit next.
#[derive(Default)]
struct Current {
    committed: State,
    /// Number of crashes: transactions of an earlier life are void.
    life: u64,
    writer: Arc<AsyncMutex<()>>,
}

/// Everything stored. A clone costs a pointer per map and shares the rest.
#[derive(Clone, Default)]
struct State {
    sequences: sequence::Sequences,
    documents: document::Documents,
    entities: entity::Entities,
    sides: side::Sides,
    keys: key::Keys,
    operations: operation::Operations,
    inbox: inbox::Inbox,
    audit: audit::Audit,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Does what a crash of the process does: only committed state survives, and every open transaction, whoever
    /// holds it, fails from now on and keeps nobody waiting.
    pub fn crash(&self) {
        let mut current = self.lock();
        current.life += 1;
        current.writer = Arc::default();
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn begin(&self, mode: Mode) -> Result<Box<dyn Transaction>> {
        let (life, writer) = {
            let current = self.lock();
            (current.life, Arc::clone(&current.writer))
        };
        let writer = match mode {
            Mode::Read => None,
            Mode::Write => Some(writer.lock_owned().await),
        };
        let state = {
            let current = self.lock();
            if current.life != life {
                return Err(refusal::crashed());
            }
            current.committed.clone()
        };
        Ok(Box::new(MemoryTransaction {
            store: self.clone(),
            life,
            state,
            failed: false,
            writer,
        }))
    }

    fn label(&self) -> String {
        "memory".to_owned()
    }
}

/// A private copy of the state, which becomes the committed one in the end.
struct MemoryTransaction {
    store: MemoryStore,
    life: u64,
    state: State,
    failed: bool,
    /// Held by the one writer.
    writer: Option<OwnedMutexGuard<()>>,
}

impl MemoryTransaction {
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

    async fn find_uids(&mut self, tenant: TenantId, uids: &[Uuid]) -> Result<Vec<Option<EntityId>>> {
        self.read(|state| Ok(state.entities.find_uids(tenant, uids)))
    }

    async fn entities(&mut self, query: &EntityQuery) -> Result<Vec<Entity>> {
        self.read(|state| state.entities.find(query))
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
            state.keys.delete_all(entities);
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

    async fn find_keys(&mut self, space: u64, hashes: &[u128]) -> Result<Vec<Key>> {
        self.read(|state| Ok(state.keys.find(space, hashes)))
    }

    async fn put_keys(&mut self, keys: &[Key]) -> Result<()> {
        self.write(|state| {
            state.keys.put(keys);
            Ok(())
        })
    }

    async fn delete_keys(&mut self, space: u64, entities: &[EntityId]) -> Result<()> {
        self.write(|state| {
            state.keys.delete(space, entities);
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
