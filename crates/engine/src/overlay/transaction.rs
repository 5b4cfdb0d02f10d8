//! The port's methods, each one handed to the file of its topic.

use async_trait::async_trait;
use jiff::Timestamp;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{BlueprintId, TenantId};
use syncline_core::state::{Entity, EntityId, Linked, Operation, OperationState, Side, SideFlags, SideId, SideKey};
use syncline_core::store::{
    AuditBlock, Document, DocumentKind, DocumentQuery, EntityQuery, InboxEntry, IndexEntry, IndexQuery, Key, Mode,
    Sequence, SideCounts, SideHead, Touch, Transaction,
};
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::{Delta, OverlayStore};

/// An open transaction. Dropping it undoes it.
pub(super) struct OverlayTransaction {
    store: OverlayStore,
    base: Box<dyn Transaction>,
    delta: Delta,
    /// Whether a step failed, or was cancelled half done.
    failed: bool,
    /// Held by the one writer.
    writer: Option<OwnedMutexGuard<()>>,
}

impl OverlayTransaction {
    pub(super) const fn new(
        store: OverlayStore,
        base: Box<dyn Transaction>,
        delta: Delta,
        writer: Option<OwnedMutexGuard<()>>,
    ) -> Self {
        Self {
            store,
            base,
            delta,
            failed: false,
            writer,
        }
    }

    /// Begins a step. The transaction counts as failed until [`OverlayTransaction::leave`].
    fn enter(&mut self, mode: Mode) -> Result<(&mut dyn Transaction, &mut Delta)> {
        if self.failed {
            return Err(Error::new(
                ErrorKind::Store,
                "an earlier step of this transaction failed or was cancelled, so nothing of it is kept; begin a new one",
            ));
        }
        self.failed = true;
        if mode == Mode::Write && self.writer.is_none() {
            return Err(Error::new(
                ErrorKind::Internal,
                "a transaction that was begun for reading can't write; begin it for writing",
            ));
        }
        Ok((self.base.as_mut(), &mut self.delta))
    }

    fn leave<T>(&mut self, result: Result<T>) -> Result<T> {
        self.failed = result.is_err();
        result
    }
}

/// One step over the store below and the delta, which notes whether it went well.
macro_rules! step {
    ($self:ident, $mode:ident, |$base:ident, $delta:ident| $step:expr) => {{
        let ($base, $delta) = $self.enter(Mode::$mode)?;
        let result: Result<_> = $step;
        $self.leave(result)
    }};
}

fn unsupported(what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("an overlay does not {what}; ask the store below it"),
    )
}

#[async_trait]
impl Transaction for OverlayTransaction {
    async fn reserve(&mut self, sequence: Sequence, count: u64) -> Result<u64> {
        let first = self.store.numbers.of_sequence(sequence);
        step!(self, Write, |_base, delta| {
            let next = delta.sequences.entry(sequence).or_insert(first);
            let given = *next;
            *next += count;
            Ok(given)
        })
    }

    async fn document(&mut self, kind: DocumentKind, id: u64) -> Result<Option<Document>> {
        step!(self, Read, |base, delta| delta.documents.get(base, kind, id).await)
    }

    async fn documents(&mut self, query: &DocumentQuery) -> Result<Vec<Document>> {
        step!(self, Read, |base, delta| delta.documents.find(base, query).await)
    }

    async fn count_documents(&mut self, query: &DocumentQuery) -> Result<u64> {
        step!(self, Read, |base, delta| delta.documents.count(base, query).await)
    }

    async fn put_document(&mut self, document: &Document) -> Result<u64> {
        let first = self.store.numbers.of_documents(document.kind);
        step!(self, Write, |base, delta| delta
            .documents
            .put(base, document, first)
            .await)
    }

    async fn delete_document(&mut self, kind: DocumentKind, id: u64) -> Result<()> {
        step!(self, Write, |_base, delta| {
            delta.documents.delete(kind, id);
            Ok(())
        })
    }

    async fn heads(&mut self, side: SideId, exts: &[&str]) -> Result<Vec<Option<SideHead>>> {
        step!(self, Read, |base, delta| delta
            .records
            .heads(base, &delta.names, side, exts)
            .await)
    }

    async fn load(&mut self, entities: &[EntityId]) -> Result<Vec<Linked>> {
        step!(self, Read, |base, delta| delta.records.load(base, entities).await)
    }

    async fn load_entities(&mut self, entities: &[EntityId]) -> Result<Vec<Entity>> {
        step!(self, Read, |base, delta| delta
            .records
            .load_entities(base, entities)
            .await)
    }

    async fn find_uids(&mut self, tenant: TenantId, uids: &[Uuid]) -> Result<Vec<Option<EntityId>>> {
        step!(self, Read, |base, delta| delta
            .records
            .find_uids(base, tenant, uids)
            .await)
    }

    async fn entities(&mut self, query: &EntityQuery) -> Result<Vec<Entity>> {
        step!(self, Read, |base, delta| delta.records.entities(base, query).await)
    }

    async fn count_entities(&mut self, query: &EntityQuery) -> Result<u64> {
        step!(self, Read, |base, delta| delta
            .records
            .count_entities(base, query)
            .await)
    }

    async fn put_entities(&mut self, entities: &[&Entity]) -> Result<()> {
        step!(self, Write, |base, delta| delta
            .records
            .put_entities(base, entities)
            .await)
    }

    async fn delete_entities(&mut self, entities: &[EntityId]) -> Result<()> {
        step!(self, Write, |base, delta| delta
            .records
            .delete_entities(base, entities)
            .await)
    }

    async fn put_sides(&mut self, sides: &[&Side]) -> Result<()> {
        step!(self, Write, |base, delta| delta.records.put_sides(base, sides).await)
    }

    async fn touch_sides(&mut self, touches: &[Touch]) -> Result<()> {
        step!(self, Write, |base, delta| delta
            .records
            .touch_sides(base, touches)
            .await)
    }

    async fn flag_sides(&mut self, entities: &[EntityId], flags: SideFlags, but: SideId) -> Result<()> {
        step!(self, Write, |base, delta| delta
            .records
            .flag_sides(base, entities, flags, but)
            .await)
    }

    async fn flagged(
        &mut self,
        side: SideId,
        flags: SideFlags,
        after: EntityId,
        limit: usize,
    ) -> Result<Vec<EntityId>> {
        step!(self, Read, |base, delta| delta
            .records
            .flagged(base, side, flags, after, limit)
            .await)
    }

    async fn delete_sides(&mut self, keys: &[SideKey]) -> Result<()> {
        step!(self, Write, |base, delta| delta.records.delete_sides(base, keys).await)
    }

    async fn live_sides(
        &mut self,
        side: SideId,
        after: EntityId,
        limit: usize,
    ) -> Result<Vec<(SideKey, String, Option<Timestamp>)>> {
        step!(self, Read, |base, delta| delta
            .records
            .live_sides(base, side, after, limit)
            .await)
    }

    async fn without_side(
        &mut self,
        blueprint: BlueprintId,
        side: SideId,
        after: EntityId,
        limit: usize,
    ) -> Result<Vec<EntityId>> {
        step!(self, Read, |base, delta| delta
            .records
            .without_side(base, blueprint, side, after, limit)
            .await)
    }

    async fn side_counts(&mut self, side: SideId) -> Result<SideCounts> {
        step!(self, Read, |base, delta| delta.records.side_counts(base, side).await)
    }

    async fn put_alias(&mut self, side: SideId, old: &str, current: &str) -> Result<()> {
        step!(self, Write, |base, delta| delta
            .names
            .put_alias(base, side, old, current)
            .await)
    }

    async fn resolve_alias(&mut self, side: SideId, ext: &str) -> Result<String> {
        step!(self, Read, |base, delta| delta.names.resolve(base, side, ext).await)
    }

    async fn find_keys(&mut self, space: u64, hashes: &[u64]) -> Result<Vec<Key>> {
        step!(self, Read, |base, delta| delta.keys.find(base, space, hashes).await)
    }

    async fn put_keys(&mut self, keys: &[Key]) -> Result<()> {
        step!(self, Write, |_base, delta| {
            delta.keys.put(keys, true);
            Ok(())
        })
    }

    async fn delete_keys(&mut self, keys: &[Key]) -> Result<()> {
        step!(self, Write, |_base, delta| {
            delta.keys.put(keys, false);
            Ok(())
        })
    }

    async fn find_index(&mut self, query: &IndexQuery) -> Result<Vec<IndexEntry>> {
        step!(self, Read, |base, delta| delta.keys.find_index(base, query).await)
    }

    async fn put_index(&mut self, entries: &[IndexEntry]) -> Result<()> {
        step!(self, Write, |_base, delta| {
            delta.keys.put_index(entries, true);
            Ok(())
        })
    }

    async fn delete_index(&mut self, entries: &[IndexEntry]) -> Result<()> {
        step!(self, Write, |_base, delta| {
            delta.keys.put_index(entries, false);
            Ok(())
        })
    }

    async fn clear_space(&mut self, space: u64) -> Result<()> {
        step!(self, Write, |_base, delta| {
            delta.keys.clear(space);
            Ok(())
        })
    }

    async fn put_operations(&mut self, operations: &[&Operation]) -> Result<()> {
        step!(self, Write, |_base, delta| delta.journal.put_operations(operations))
    }

    async fn operations(&mut self, side: SideId, states: &[OperationState], limit: usize) -> Result<Vec<Operation>> {
        step!(self, Read, |base, delta| delta
            .journal
            .operations(base, side, states, limit)
            .await)
    }

    async fn operations_of_run(&mut self, run: u64, after: Option<Uuid>, limit: usize) -> Result<Vec<Operation>> {
        step!(self, Read, |base, delta| delta
            .journal
            .operations_of_run(base, run, after, limit)
            .await)
    }

    async fn purge_operations(&mut self, _before: Timestamp) -> Result<u64> {
        step!(self, Write, |_base, _delta| Err(unsupported("remove old operations")))
    }

    async fn put_hints(&mut self, hints: &[InboxEntry]) -> Result<()> {
        step!(self, Write, |_base, delta| {
            delta.inbox.put(hints);
            Ok(())
        })
    }

    async fn hints(&mut self, side: SideId, limit: usize) -> Result<Vec<InboxEntry>> {
        step!(self, Read, |base, delta| delta.inbox.find(base, side, limit).await)
    }

    async fn clear_hints(&mut self, side: SideId, exts: &[&str], mark: u64) -> Result<()> {
        step!(self, Write, |_base, delta| {
            delta.inbox.clear(side, exts, mark);
            Ok(())
        })
    }

    async fn audit_head(&mut self, tenant: TenantId) -> Result<(u64, [u8; 32])> {
        step!(self, Read, |base, delta| delta.journal.audit_head(base, tenant).await)
    }

    async fn append_audit(&mut self, block: &AuditBlock) -> Result<()> {
        step!(self, Write, |base, delta| delta.journal.append_audit(base, block).await)
    }

    async fn audit(&mut self, tenant: TenantId, run: Option<u64>, after: u64, limit: usize) -> Result<Vec<AuditBlock>> {
        step!(self, Read, |base, delta| delta
            .journal
            .audit(base, tenant, run, after, limit)
            .await)
    }

    async fn purge_audit(&mut self, _tenant: TenantId, _before: Timestamp) -> Result<u64> {
        step!(self, Write, |_base, _delta| Err(unsupported(
            "remove old bodies of the audit"
        )))
    }

    async fn forget_side(&mut self, _side: SideId) -> Result<()> {
        step!(self, Write, |_base, _delta| Err(unsupported("forget a side")))
    }

    async fn commit(self: Box<Self>) -> Result<()> {
        if self.failed {
            return Err(Error::new(
                ErrorKind::Store,
                "a step of this transaction failed or was cancelled, so nothing of it is kept; begin a new one",
            ));
        }
        let Self {
            store, delta, writer, ..
        } = *self;
        // What only read has nothing to keep, and may have been overtaken.
        if writer.is_some() { store.commit(delta) } else { Ok(()) }
    }
}
