//! Retention: what is kept how long, and the compaction that removes the rest. The scheduler runs it once a day.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use syncline_core::error::Result;
use syncline_core::model::{Blueprint, TenantId};
use syncline_core::state::{EntityId, Linked, Presence, SideFlags, SideKey};
use syncline_core::store::{DocumentKind, DocumentQuery, EntityQuery, Mode};

use crate::actor::{Action, Actor};
use crate::document;
use crate::engine::{Engine, Inner};
use crate::sync::Sync;

/// Removed per transaction, so that nobody waits long for the store.
const BATCH: usize = 500;

/// What a compaction removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Compacted {
    /// Finished runs.
    pub runs: u64,
    /// Failures that were dismissed.
    pub failures: u64,
    /// Bodies of audit blocks; the chain itself stays.
    pub audit: u64,
    /// Closed operations, of all tenants.
    pub operations: u64,
    /// Entities that are deleted on every side, with what was kept of their sides.
    pub tombstones: u64,
    /// Events for the host.
    pub events: u64,
    /// Hints that no run has answered.
    pub hints: u64,
}

impl Engine {
    /// Removes what is older than [`Retention`](crate::settings::Retention) says. What is open stays whatever its age:
    /// runs under way, failures, conflicts, writes without an outcome, and cut links, since the record would be
    /// created again without them.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`](syncline_core::ErrorKind::Forbidden) by policy.
    pub async fn compact(&self, tenant: TenantId, actor: &Actor) -> Result<Compacted> {
        let inner = &self.inner;
        inner.allow_in(actor, tenant, Action::ManageSettings)?;
        let keep = inner.settings.retention;
        let now = inner.clock.now();
        let before = |days: u32| {
            now.saturating_sub(SignedDuration::from_hours(i64::from(days) * 24))
                .unwrap_or(Timestamp::MIN)
        };
        let documents = |kind| DocumentQuery::new(kind).tenant(tenant).limit(BATCH);
        let mut runs = documents(DocumentKind::Run);
        runs.status = ["completed", "partial", "failed", "stopped"]
            .map(str::to_owned)
            .to_vec();
        let mut failures = documents(DocumentKind::Failure);
        failures.status = vec!["dismissed".to_owned()];
        let mut compacted = Compacted {
            runs: purge(inner, runs, before(keep.runs)).await?,
            failures: purge(inner, failures, before(keep.runs)).await?,
            events: purge(inner, documents(DocumentKind::Event), before(keep.events)).await?,
            tombstones: purge(inner, documents(DocumentKind::Tombstone), before(keep.tombstones)).await?
                + purge_entities(inner, tenant, before(keep.tombstones)).await?,
            hints: purge_hints(inner, tenant, before(keep.hints)).await?,
            ..Compacted::default()
        };
        let mut tx = inner.store.begin(Mode::Write).await?;
        compacted.audit = tx.purge_audit(tenant, before(keep.audit)).await?;
        compacted.operations = tx.purge_operations(before(keep.operations)).await?;
        tx.commit().await?;
        tracing::info!(tenant, ?compacted, "compacted");
        Ok(compacted)
    }
}

/// Removes the documents of a query that are older than a time.
async fn purge(inner: &Inner, mut query: DocumentQuery, before: Timestamp) -> Result<u64> {
    query.until = Some(before);
    let mut count = 0;
    loop {
        let mut tx = inner.store.begin(Mode::Write).await?;
        let found = tx.documents(&query).await?;
        for document in &found {
            tx.delete_document(document.kind, document.id).await?;
        }
        tx.commit().await?;
        count += found.len() as u64;
        if found.len() < query.limit {
            return Ok(count);
        }
    }
}

/// Removes the entities that have been deleted on every side since before a time.
async fn purge_entities(inner: &Inner, tenant: TenantId, before: Timestamp) -> Result<u64> {
    let blueprints = {
        let mut tx = inner.store.begin(Mode::Read).await?;
        document::find::<Blueprint>(tx.as_mut(), &DocumentQuery::new(DocumentKind::Blueprint).tenant(tenant)).await?
    };
    let mut count = 0;
    for blueprint in blueprints {
        let mut query = EntityQuery {
            tenant,
            blueprint: blueprint.id,
            after: 0,
            deleted: Some(true),
            limit: BATCH,
        };
        loop {
            let mut tx = inner.store.begin(Mode::Write).await?;
            let page = tx.entities(&query).await?;
            let Some(last) = page.last() else { break };
            query.after = last.id;
            let old: Vec<EntityId> = page
                .iter()
                .filter(|entity| entity.updated_at < before)
                .map(|entity| entity.id)
                .collect();
            let gone: Vec<Linked> = tx.load(&old).await?.into_iter().filter(is_gone).collect();
            let sides: Vec<SideKey> = gone
                .iter()
                .flat_map(|linked| &linked.sides)
                .map(|side| side.key)
                .collect();
            let entities: Vec<EntityId> = gone.iter().map(|linked| linked.entity.id).collect();
            crate::flow::forget(tx.as_mut(), &gone).await?;
            crate::file::forget(tx.as_mut(), tenant, &entities).await?;
            tx.delete_sides(&sides).await?;
            tx.delete_entities(&entities).await?;
            tx.commit().await?;
            count += entities.len() as u64;
        }
    }
    Ok(count)
}

/// Whether nothing of a deleted entity is left anywhere, so that nothing can bring it back. A side whose link was cut
/// still has its record: forgetting it would create the entity again.
fn is_gone(linked: &Linked) -> bool {
    let provisional = SideFlags::STAGED.0 | SideFlags::HELD.0 | SideFlags::IN_FLIGHT.0;
    linked.entity.frozen.is_empty()
        && linked.sides.iter().all(|side| {
            side.flags.0 & provisional == 0
                && matches!(
                    side.presence,
                    Presence::NeverSeen
                        | Presence::Deleted(_)
                        | Presence::Archived
                        | Presence::MergedInto(_)
                        | Presence::Converted(_)
                )
        })
}

/// Removes hints that nobody answered, such as those of syncs that are paused: the next poll covers them.
async fn purge_hints(inner: &Inner, tenant: TenantId, before: Timestamp) -> Result<u64> {
    let mark = u64::try_from(before.as_microsecond()).unwrap_or(0);
    let mut count = 0;
    let mut tx = inner.store.begin(Mode::Write).await?;
    let syncs = document::find::<Sync>(tx.as_mut(), &DocumentQuery::new(DocumentKind::Sync).tenant(tenant)).await?;
    for sync in syncs {
        loop {
            let hints = tx.hints(sync.side, BATCH).await?;
            // Marks are microseconds since 1970, or later.
            let old: Vec<&str> = hints
                .iter()
                .filter(|hint| hint.seq < mark)
                .map(|hint| hint.ext.as_str())
                .collect();
            tx.clear_hints(sync.side, &old, mark).await?;
            count += old.len() as u64;
            if old.len() < BATCH {
                break;
            }
        }
    }
    tx.commit().await?;
    Ok(count)
}
