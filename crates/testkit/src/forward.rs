//! Transactions over other ones: every call of the port handed on, with something around it.

/// Implements [`syncline_core::store::Transaction`] for a type. `$around` is a macro that is given each call, as
/// `self, inner => inner.call(arguments)`, and the commit, as `self, commit`.
macro_rules! forward_transaction {
    ($type:ident, $around:ident) => {
        const _: () = {
            use jiff::Timestamp;
            use syncline_core::model::{BlueprintId, TenantId};
            use syncline_core::sighting::{Known, Sighting};
            use syncline_core::state::{
                CreatedPage, Entity, EntityId, Linked, Operation, OperationState, Side, SideFlags, SideId, SideKey,
            };
            use syncline_core::store::{
                AuditBlock, Document, DocumentKind, DocumentQuery, EntityQuery, InboxEntry, IndexEntry, IndexQuery,
                Key, Sequence, SideCounts, SideHead, Touch,
            };
            use uuid::Uuid;

            crate::forward::forward_calls! { $type, $around;
                fn reserve(sequence: Sequence, count: u64) -> u64;
                fn document(kind: DocumentKind, id: u64) -> Option<Document>;
                fn documents(query: &DocumentQuery) -> Vec<Document>;
                fn count_documents(query: &DocumentQuery) -> u64;
                fn put_document(document: &Document) -> u64;
                fn delete_document(kind: DocumentKind, id: u64) -> ();
                fn heads(side: SideId, exts: &[&str]) -> Vec<Option<SideHead>>;
                fn compare(side: SideId, sightings: &[Sighting<'_>], mapping_version: u32) -> Vec<Known>;
                fn load(entities: &[EntityId]) -> Vec<Linked>;
                fn load_entities(entities: &[EntityId]) -> Vec<Entity>;
                fn find_uids(tenant: TenantId, uids: &[Uuid]) -> Vec<Option<EntityId>>;
                fn entities(query: &EntityQuery) -> Vec<Entity>;
                fn entity_after(query: &EntityQuery, skip: u64) -> Option<EntityId>;
                fn count_entities(query: &EntityQuery) -> u64;
                fn put_entities(entities: &[&Entity]) -> ();
                fn delete_entities(entities: &[EntityId]) -> ();
                fn put_sides(sides: &[&Side]) -> ();
                fn put_created(page: &CreatedPage<'_>) -> ();
                fn touch_sides(touches: &[Touch]) -> ();
                fn flag_sides(entities: &[EntityId], flags: SideFlags, but: SideId) -> ();
                fn flagged(side: SideId, flags: SideFlags, after: EntityId, limit: usize) -> Vec<EntityId>;
                fn delete_sides(keys: &[SideKey]) -> ();
                fn live_sides(side: SideId, after: EntityId, limit: usize) -> Vec<(SideKey, String, Option<Timestamp>)>;
                fn without_side(blueprint: BlueprintId, side: SideId, after: EntityId, limit: usize) -> Vec<EntityId>;
                fn side_counts(side: SideId) -> SideCounts;
                fn put_alias(side: SideId, old: &str, current: &str) -> ();
                fn resolve_alias(side: SideId, ext: &str) -> String;
                fn find_keys(space: u64, hashes: &[u64]) -> Vec<Key>;
                fn put_keys(keys: &[Key]) -> ();
                fn delete_keys(keys: &[Key]) -> ();
                fn find_index(query: &IndexQuery) -> Vec<IndexEntry>;
                fn put_index(entries: &[IndexEntry]) -> ();
                fn delete_index(entries: &[IndexEntry]) -> ();
                fn clear_space(space: u64) -> ();
                fn put_operations(operations: &[&Operation]) -> ();
                fn operations(side: SideId, states: &[OperationState], limit: usize) -> Vec<Operation>;
                fn operations_of_run(run: u64, after: Option<Uuid>, limit: usize) -> Vec<Operation>;
                fn purge_operations(before: Timestamp) -> u64;
                fn put_hints(hints: &[InboxEntry]) -> ();
                fn hints(side: SideId, limit: usize) -> Vec<InboxEntry>;
                fn clear_hints(side: SideId, exts: &[&str], mark: u64) -> ();
                fn audit_head(tenant: TenantId) -> (u64, [u8; 32]);
                fn append_audit(block: &AuditBlock) -> ();
                fn audit(tenant: TenantId, run: Option<u64>, after: u64, limit: usize) -> Vec<AuditBlock>;
                fn purge_audit(tenant: TenantId, before: Timestamp) -> u64;
                fn forget_side(side: SideId) -> ();
            }
        };
    };
}

macro_rules! forward_calls {
    ($type:ident, $around:ident; $(fn $name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        #[async_trait::async_trait]
        impl syncline_core::store::Transaction for $type {
            $(async fn $name(&mut self, $($argument: $kind),*) -> syncline_core::Result<$answer> {
                $around!(self, inner => inner.$name($($argument),*))
            })*

            async fn commit(self: Box<Self>) -> syncline_core::Result<()> {
                $around!(self, commit)
            }
        }
    };
}

pub(crate) use {forward_calls, forward_transaction};
