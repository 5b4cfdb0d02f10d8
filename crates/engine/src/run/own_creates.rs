//! Remote records that a create of our own made: after a lost answer or a crash they come in like strangers, and taking
//! them for strangers would make a second entity of each.

use std::collections::BTreeMap;

use syncline_core::audit::AuditEntry;
use syncline_core::batch::{RowRef, RowState};
use syncline_core::error::Result;
use syncline_core::state::{EntityId, Linked, OperationState, OperationVerb, Presence, Side, SideFlags, SideKey};
use syncline_core::store::Transaction;
use uuid::Uuid;

use super::context::SyncContext;
use super::page::linked_entry;
use super::read_back::has_its_key;
use super::resolve::applied;

/// More creates than this are never open at once: a pass of writing settles its own before the next begins.
const MOST_OPEN: usize = 10_000;

/// Rows without a link, by whose they are.
pub(super) struct Sifted<'a> {
    /// Records that users made.
    pub(super) strangers: Vec<RowRef<'a>>,
    /// Records with our key, and the entity that the key names.
    pub(super) ours: Vec<(RowRef<'a>, EntityId)>,
    /// Records that a create under way made, or may have made: how that one ended is found out first.
    pub(super) open: u64,
}

/// Tells the records that we made from those of users.
pub(super) async fn sift<'a>(
    context: &SyncContext,
    tx: &mut dyn Transaction,
    rows: Vec<RowRef<'a>>,
) -> Result<Sifted<'a>> {
    let mut sifted = Sifted {
        strangers: Vec::new(),
        ours: Vec::new(),
        open: 0,
    };
    if rows.is_empty() {
        return Ok(sifted);
    }
    let named = named_entities(context, tx, &rows).await?;
    let states = [OperationState::Sent, OperationState::Unknown];
    let mut open = tx.operations(context.side(), &states, MOST_OPEN).await?;
    open.retain(|operation| operation.verb == OperationVerb::Create && operation.marker.is_none());
    for row in rows {
        match marker_of(context, &row)?.and_then(|uid| named.get(&uid)) {
            Some(Named::Open) => sifted.open += 1,
            Some(Named::Free(entity)) => sifted.ours.push((row, *entity)),
            None => {
                let mut is_ours = false;
                for operation in &open {
                    is_ours |=
                        applied(context, operation, row.encoded())? || has_its_key(context, operation, row.encoded())?;
                }
                if is_ours {
                    sifted.open += 1;
                } else {
                    sifted.strangers.push(row);
                }
            }
        }
    }
    Ok(sifted)
}

/// The entity that a record's key names.
enum Named {
    /// It has no record here, and none is being created.
    Free(EntityId),
    /// Its record is being created.
    Open,
}

async fn named_entities(
    context: &SyncContext,
    tx: &mut dyn Transaction,
    rows: &[RowRef<'_>],
) -> Result<BTreeMap<Uuid, Named>> {
    let mut uids = Vec::new();
    for row in rows {
        uids.extend(marker_of(context, row)?);
    }
    if uids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let numbers: Vec<EntityId> = tx
        .find_uids(context.sync.tenant, &uids)
        .await?
        .into_iter()
        .flatten()
        .collect();
    let mut named = BTreeMap::new();
    for linked in tx.load(&numbers).await? {
        if linked.entity.blueprint != context.sync.blueprint {
            continue;
        }
        let side = linked.side_index(context.side()).map(|index| &linked.sides[index]);
        let whose = match side {
            None => Named::Free(linked.entity.id),
            Some(side) if side.presence == Presence::NeverSeen && side.flags.has(SideFlags::IN_FLIGHT) => Named::Open,
            Some(side) if side.presence == Presence::NeverSeen => Named::Free(linked.entity.id),
            // It has its record, or had one that is gone for good: this one is somebody's copy.
            Some(_) => continue,
        };
        named.insert(linked.entity.uid, whose);
    }
    Ok(named)
}

/// Our key in a record, if it holds one.
fn marker_of(context: &SyncContext, row: &RowRef<'_>) -> Result<Option<Uuid>> {
    let Some(field) = &context.mapping.marker else {
        return Ok(None);
    };
    let place = context.mapping.projection.position(field);
    if row.state() != RowState::Live {
        return Ok(None);
    }
    let value = place.map(|place| row.value(place)).transpose()?.flatten();
    Ok(value.and_then(|value| value.to_string().parse().ok()))
}

/// Joins a record to the entity that its key names. What it holds is still to be observed.
pub(super) fn claim(context: &SyncContext, linked: &mut Linked, ext: &str) -> AuditEntry {
    let index = linked.side_index(context.side()).unwrap_or_else(|| {
        let key = SideKey {
            entity: linked.entity.id,
            side: context.side(),
            slot: context.mapping.slot,
        };
        linked.sides.push(Side::new(key));
        linked.sides.sort_by_key(|side| side.key.slot);
        linked.side_index(context.side()).unwrap_or_default()
    });
    let marker = linked.entity.uid.to_string();
    let side = &mut linked.sides[index];
    *side = Side::new(side.key);
    side.ext = Some(ext.to_owned());
    side.presence = Presence::Live;
    side.marker = Some(marker);
    side.flags.set(SideFlags::PUSH);
    linked_entry(context, linked, ext, "it carries our key".to_owned())
}
