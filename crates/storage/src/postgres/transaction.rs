//! The port's methods, each one handed to the file of its topic.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{PgConnection, Postgres};
use syncline_core::model::{BlueprintId, TenantId};
use syncline_core::sighting::{Known, Sighting};
use syncline_core::state::{
    CreatedPage, Entity, EntityId, Linked, Operation, OperationState, Side, SideFlags, SideId, SideKey,
};
use syncline_core::store::{
    AuditBlock, Document, DocumentKind, DocumentQuery, EntityQuery, InboxEntry, IndexEntry, IndexQuery, Key, Mode,
    Sequence, SideCounts, SideHead, Touch, Transaction,
};
use syncline_core::{ErrorKind, Result};
use uuid::Uuid;

use super::error::failed;
use super::locks::Locks;
use super::{audit, created, document, entity, inbox, index, key, operation, sequence, side, sighting};
use crate::refusal;

/// An open transaction. Dropping it rolls it back.
pub(super) struct PostgresTransaction {
    transaction: sqlx::Transaction<'static, Postgres>,
    mode: Mode,
    /// Whether a step failed, or was cancelled half done.
    failed: bool,
    locks: Locks,
    /// Whether it holds the counters.
    counts: bool,
    label: Arc<str>,
}

impl PostgresTransaction {
    pub(super) fn new(
        transaction: sqlx::Transaction<'static, Postgres>,
        mode: Mode,
        locks: Locks,
        label: Arc<str>,
    ) -> Self {
        Self {
            transaction,
            mode,
            failed: false,
            locks,
            counts: false,
            label,
        }
    }

    /// The connection for one step. The transaction counts as failed until [`PostgresTransaction::leave`].
    fn enter(&mut self, mode: Mode) -> Result<&mut PgConnection> {
        if self.failed {
            return Err(refusal::failed_before());
        }
        self.failed = true;
        if mode == Mode::Write && self.mode == Mode::Read {
            return Err(refusal::read_only());
        }
        Ok(&mut self.transaction)
    }

    /// Takes the counters, the first time that one is needed.
    async fn count(&mut self) -> Result<()> {
        if self.counts {
            return Ok(());
        }
        let statement = sqlx::AssertSqlSafe(self.locks.numbers());
        let connection = self.enter(Mode::Write)?;
        let taken = sqlx::raw_sql(statement).execute(connection).await;
        self.counts = taken.is_ok();
        self.leave(taken.map(|_| ()).map_err(failed))
    }

    fn leave<T>(&mut self, result: Result<T>) -> Result<T> {
        self.failed = result.is_err();
        result.map_err(|error| match error.kind() {
            ErrorKind::Store | ErrorKind::Corrupt => error.with("store", &self.label),
            _ => error,
        })
    }
}

/// One step: reads or writes with the connection, and notes whether it went well.
macro_rules! step {
    ($self:ident, $mode:ident, |$connection:ident| $step:expr) => {{
        let $connection = $self.enter(Mode::$mode)?;
        let result = $step.await;
        $self.leave(result)
    }};
}

#[async_trait]
impl Transaction for PostgresTransaction {
    async fn reserve(&mut self, sequence: Sequence, count: u64) -> Result<u64> {
        self.count().await?;
        step!(self, Write, |connection| sequence::reserve(connection, sequence, count))
    }

    async fn document(&mut self, kind: DocumentKind, id: u64) -> Result<Option<Document>> {
        step!(self, Read, |connection| document::get(connection, kind, id))
    }

    async fn documents(&mut self, query: &DocumentQuery) -> Result<Vec<Document>> {
        step!(self, Read, |connection| document::find(connection, query))
    }

    async fn count_documents(&mut self, query: &DocumentQuery) -> Result<u64> {
        step!(self, Read, |connection| document::count(connection, query))
    }

    async fn put_document(&mut self, document: &Document) -> Result<u64> {
        if document.version == 0 {
            self.count().await?;
        }
        step!(self, Write, |connection| document::put(connection, document))
    }

    async fn delete_document(&mut self, kind: DocumentKind, id: u64) -> Result<()> {
        step!(self, Write, |connection| document::delete(connection, kind, id))
    }

    async fn heads(&mut self, side: SideId, exts: &[&str]) -> Result<Vec<Option<SideHead>>> {
        step!(self, Read, |connection| side::heads(connection, side, exts))
    }

    async fn compare(&mut self, side: SideId, sightings: &[Sighting<'_>], mapping_version: u32) -> Result<Vec<Known>> {
        step!(self, Read, |connection| sighting::compare(
            connection,
            side,
            sightings,
            mapping_version
        ))
    }

    async fn load(&mut self, entities: &[EntityId]) -> Result<Vec<Linked>> {
        step!(self, Read, |connection| load(connection, entities))
    }

    async fn load_entities(&mut self, entities: &[EntityId]) -> Result<Vec<Entity>> {
        step!(self, Read, |connection| entity::load(connection, entities))
    }

    async fn find_uids(&mut self, tenant: TenantId, uids: &[Uuid]) -> Result<Vec<Option<EntityId>>> {
        step!(self, Read, |connection| entity::find_uids(connection, tenant, uids))
    }

    async fn entities(&mut self, query: &EntityQuery) -> Result<Vec<Entity>> {
        step!(self, Read, |connection| entity::find(connection, query))
    }

    async fn entity_after(&mut self, query: &EntityQuery, skip: u64) -> Result<Option<EntityId>> {
        step!(self, Read, |connection| entity::find_after(connection, query, skip))
    }

    async fn count_entities(&mut self, query: &EntityQuery) -> Result<u64> {
        step!(self, Read, |connection| entity::count(connection, query))
    }

    async fn put_entities(&mut self, entities: &[&Entity]) -> Result<()> {
        step!(self, Write, |connection| entity::put(connection, entities))
    }

    async fn delete_entities(&mut self, entities: &[EntityId]) -> Result<()> {
        step!(self, Write, |connection| delete_entities(connection, entities))
    }

    async fn put_sides(&mut self, sides: &[&Side]) -> Result<()> {
        step!(self, Write, |connection| side::put(connection, sides))
    }

    async fn put_created(&mut self, page: &CreatedPage<'_>) -> Result<()> {
        step!(self, Write, |connection| created::put(connection, page))
    }

    async fn touch_sides(&mut self, touches: &[Touch]) -> Result<()> {
        step!(self, Write, |connection| side::touch(connection, touches))
    }

    async fn flag_sides(&mut self, entities: &[EntityId], flags: SideFlags, but: SideId) -> Result<()> {
        step!(self, Write, |connection| side::flag(connection, entities, flags, but))
    }

    async fn flagged(
        &mut self,
        side: SideId,
        flags: SideFlags,
        after: EntityId,
        limit: usize,
    ) -> Result<Vec<EntityId>> {
        step!(self, Read, |connection| side::flagged(
            connection, side, flags, after, limit
        ))
    }

    async fn delete_sides(&mut self, keys: &[SideKey]) -> Result<()> {
        step!(self, Write, |connection| side::delete(connection, keys))
    }

    async fn live_sides(
        &mut self,
        side: SideId,
        after: EntityId,
        limit: usize,
    ) -> Result<Vec<(SideKey, String, Option<Timestamp>)>> {
        step!(self, Read, |connection| side::live(connection, side, after, limit))
    }

    async fn without_side(
        &mut self,
        blueprint: BlueprintId,
        side: SideId,
        after: EntityId,
        limit: usize,
    ) -> Result<Vec<EntityId>> {
        step!(self, Read, |connection| entity::without_side(
            connection, blueprint, side, after, limit
        ))
    }

    async fn side_counts(&mut self, side: SideId) -> Result<SideCounts> {
        step!(self, Read, |connection| side::counts(connection, side))
    }

    async fn put_alias(&mut self, side: SideId, old: &str, current: &str) -> Result<()> {
        step!(self, Write, |connection| side::put_alias(
            connection, side, old, current
        ))
    }

    async fn resolve_alias(&mut self, side: SideId, ext: &str) -> Result<String> {
        step!(self, Read, |connection| side::resolve_alias(connection, side, ext))
    }

    async fn find_keys(&mut self, space: u64, hashes: &[u64]) -> Result<Vec<Key>> {
        step!(self, Read, |connection| key::find(connection, space, hashes))
    }

    async fn put_keys(&mut self, keys: &[Key]) -> Result<()> {
        step!(self, Write, |connection| key::put(connection, keys))
    }

    async fn delete_keys(&mut self, keys: &[Key]) -> Result<()> {
        step!(self, Write, |connection| key::delete(connection, keys))
    }

    async fn find_index(&mut self, query: &IndexQuery) -> Result<Vec<IndexEntry>> {
        step!(self, Read, |connection| index::find(connection, query))
    }

    async fn put_index(&mut self, entries: &[IndexEntry]) -> Result<()> {
        step!(self, Write, |connection| index::put(connection, entries))
    }

    async fn delete_index(&mut self, entries: &[IndexEntry]) -> Result<()> {
        step!(self, Write, |connection| index::delete(connection, entries))
    }

    async fn clear_space(&mut self, space: u64) -> Result<()> {
        step!(self, Write, |connection| clear_space(connection, space))
    }

    async fn put_operations(&mut self, operations: &[&Operation]) -> Result<()> {
        step!(self, Write, |connection| operation::put(connection, operations))
    }

    async fn operations(&mut self, side: SideId, states: &[OperationState], limit: usize) -> Result<Vec<Operation>> {
        step!(self, Read, |connection| operation::of_side(
            connection, side, states, limit
        ))
    }

    async fn operations_of_run(&mut self, run: u64, after: Option<Uuid>, limit: usize) -> Result<Vec<Operation>> {
        step!(self, Read, |connection| operation::of_run(
            connection, run, after, limit
        ))
    }

    async fn purge_operations(&mut self, before: Timestamp) -> Result<u64> {
        step!(self, Write, |connection| operation::purge(connection, before))
    }

    async fn forget_side(&mut self, side: SideId) -> Result<()> {
        step!(self, Write, |connection| forget_side(connection, side))
    }

    async fn put_hints(&mut self, hints: &[InboxEntry]) -> Result<()> {
        step!(self, Write, |connection| inbox::put(connection, hints))
    }

    async fn hints(&mut self, side: SideId, limit: usize) -> Result<Vec<InboxEntry>> {
        step!(self, Read, |connection| inbox::find(connection, side, limit))
    }

    async fn clear_hints(&mut self, side: SideId, exts: &[&str], mark: u64) -> Result<()> {
        step!(self, Write, |connection| inbox::clear(connection, side, exts, mark))
    }

    async fn audit_head(&mut self, tenant: TenantId) -> Result<(u64, [u8; 32])> {
        step!(self, Read, |connection| audit::head(connection, tenant))
    }

    async fn append_audit(&mut self, block: &AuditBlock) -> Result<()> {
        step!(self, Write, |connection| audit::append(connection, block))
    }

    async fn audit(&mut self, tenant: TenantId, run: Option<u64>, after: u64, limit: usize) -> Result<Vec<AuditBlock>> {
        step!(self, Read, |connection| audit::find(
            connection, tenant, run, after, limit
        ))
    }

    async fn purge_audit(&mut self, tenant: TenantId, before: Timestamp) -> Result<u64> {
        step!(self, Write, |connection| audit::purge(connection, tenant, before))
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        self.enter(Mode::Read)?;
        let label = self.label;
        self.transaction
            .commit()
            .await
            .map_err(|error| failed(error).with("store", &label))
    }
}

/// Entities, unless one still has a side.
async fn delete_entities(connection: &mut PgConnection, entities: &[EntityId]) -> Result<()> {
    if let Some(entity) = side::any(&mut *connection, entities).await? {
        return Err(refusal::entity_has_sides(entity));
    }
    entity::delete(connection, entities).await
}

/// Everything that is kept of a side.
async fn forget_side(connection: &mut PgConnection, side: SideId) -> Result<()> {
    const STATEMENTS: [&str; 4] = [
        "DELETE FROM operation WHERE side = $1",
        "DELETE FROM inbox WHERE side = $1",
        "DELETE FROM alias WHERE side = $1",
        "DELETE FROM side WHERE side = $1",
    ];
    for statement in STATEMENTS {
        sqlx::query(statement)
            .bind(i64::from(side))
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
    }
    Ok(())
}

/// All keys and index entries of a space.
async fn clear_space(connection: &mut PgConnection, space: u64) -> Result<()> {
    for statement in [key::CLEAR, index::CLEAR] {
        sqlx::query(statement)
            .bind(space.cast_signed())
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
    }
    Ok(())
}

/// Entities with their sides: both lists are by ascending number, so that one pass joins them.
async fn load(connection: &mut PgConnection, entities: &[EntityId]) -> Result<Vec<Linked>> {
    let entities = entity::load(&mut *connection, entities).await?;
    let found: Vec<EntityId> = entities.iter().map(|entity| entity.id).collect();
    let mut sides = side::of_entities(connection, &found).await?.into_iter().peekable();
    let join = |entity: Entity| {
        let mut own = Vec::new();
        while let Some(side) = sides.next_if(|side| side.key.entity == entity.id) {
            own.push(side);
        }
        Linked { entity, sides: own }
    };
    Ok(entities.into_iter().map(join).collect())
}
