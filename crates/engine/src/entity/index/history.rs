use std::collections::BTreeSet;

use syncline_core::audit::{AuditEntries, AuditKind, open_block};
use syncline_core::error::Result;
use syncline_core::model::TenantId;
use syncline_core::state::EntityId;
use syncline_core::store::{Key, Mode, Transaction};
use syncline_core::value::content_hash;
use uuid::Uuid;

use super::definition::Definition;
use super::space::Space;
use crate::document::{self, Versioned};
use crate::engine::Inner;

/// Blocks of the audit entered at once; one may hold a page of thousands of entries.
const BLOCKS: usize = 20;

/// Where in a tenant's audit each entity's changes are: the block stands in the place of the key's entity. That an entity
/// was made is not in it, since a first import would pay for each record; it is found by its time.
async fn space_of(tx: &mut dyn Transaction, tenant: TenantId) -> Result<Option<Versioned<Space>>> {
    document::by_key::<Space>(tx, tenant, 0, &Definition::History.name()).await
}

fn hash(entity: Uuid) -> u64 {
    content_hash(entity.as_bytes()) as u64
}

fn keys(space: u64, block: u64, changed: BTreeSet<Uuid>) -> Vec<Key> {
    let entity = EntityId::try_from(block).unwrap_or(EntityId::MAX);
    changed
        .into_iter()
        .map(|uid| Key {
            space,
            hash: hash(uid),
            entity,
        })
        .collect()
}

/// Enters the changes of a block that is appended, if anybody has ever asked for a history.
pub(crate) async fn keep_history(
    tx: &mut dyn Transaction,
    tenant: TenantId,
    block: u64,
    entries: &AuditEntries,
) -> Result<()> {
    let Some(space) = space_of(tx, tenant).await? else {
        return Ok(());
    };
    tx.put_keys(&keys(space.id, block, entries.changed())).await
}

/// Enters all blocks that were there before anybody asked, step by step, so that others may write in between.
pub(crate) async fn fill_history(inner: &Inner, tenant: TenantId) -> Result<()> {
    loop {
        {
            let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
            if space_of(tx.as_mut(), tenant).await?.is_some_and(|space| space.filled) {
                return Ok(());
            }
        }
        let mut tx = inner.store.begin_for(tenant, Mode::Write).await?;
        let mut space = match space_of(tx.as_mut(), tenant).await? {
            Some(known) => known,
            None => document::insert(tx.as_mut(), Space::of_tenant(tenant, Definition::History)).await?,
        };
        if !space.filled {
            let blocks = tx.audit(tenant, None, space.after.cast_unsigned(), BLOCKS).await?;
            space.value.filled = blocks.is_empty();
            for block in &blocks {
                space.value.after = block.seq.cast_signed();
                // What was tampered with is for `Audit::verify` to tell.
                let entries = open_block(block).unwrap_or_default();
                let changed = entries
                    .iter()
                    .filter(|entry| entry.kind != AuditKind::Created && !entry.entity.is_nil());
                let changed = changed.map(|entry| entry.entity).collect();
                tx.put_keys(&keys(space.id, block.seq, changed)).await?;
            }
            document::put(tx.as_mut(), &mut space).await?;
        }
        tx.commit().await?;
    }
}

/// The blocks in which an entity was changed, oldest first. Another entity may have the same hash.
pub(crate) async fn blocks_of(tx: &mut dyn Transaction, tenant: TenantId, entity: Uuid) -> Result<Vec<u64>> {
    let Some(space) = space_of(tx, tenant).await? else {
        return Ok(Vec::new());
    };
    let found = tx.find_keys(space.id, &[hash(entity)]).await?;
    Ok(found.into_iter().map(|key| key.entity.cast_unsigned()).collect())
}
