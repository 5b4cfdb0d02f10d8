//! Records that a create of ours made although its answer was lost. They carry our unique key, so a pull that sees them
//! before the write is resolved must not take them for somebody else's: it would make the entity a second time.

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::batch::RowRef;
use syncline_core::error::Result;
use syncline_core::state::SideFlags;
use uuid::Uuid;

use super::context::SyncContext;
use super::session::Page;

/// Splits rows without a link into those of others, and the number of those that a write under way has made. The
/// latter are linked when that write is resolved, by a strong read of their key.
pub(crate) async fn spare_own_creates<'a>(
    context: &SyncContext,
    page: &mut Page,
    rows: Vec<RowRef<'a>>,
) -> Result<(Vec<RowRef<'a>>, u64)> {
    let marker = context.mapping.marker.as_ref();
    let Some(place) = marker.and_then(|field| context.mapping.projection.position(field)) else {
        return Ok((rows, 0));
    };
    let mut marked: BTreeMap<Uuid, usize> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        let key = row.value(place)?;
        if let Some(uid) = key
            .as_ref()
            .and_then(|key| key.as_text())
            .and_then(|text| text.parse().ok())
        {
            marked.insert(uid, index);
        }
    }
    if marked.is_empty() {
        return Ok((rows, 0));
    }
    let uids: Vec<Uuid> = marked.keys().copied().collect();
    let found = page.tx()?.find_uids(context.sync.tenant, &uids).await?;
    let entities: Vec<_> = found.into_iter().flatten().collect();
    let mut own = BTreeSet::new();
    for linked in page.tx()?.load(&entities).await? {
        let side = linked.side_index(context.side()).map(|index| &linked.sides[index]);
        if side.is_some_and(|side| side.ext.is_none() && side.flags.has(SideFlags::IN_FLIGHT)) {
            own.extend(marked.get(&linked.entity.uid).copied());
        }
    }
    let spared = own.len() as u64;
    let others = rows
        .into_iter()
        .enumerate()
        .filter(|(index, _)| !own.contains(index))
        .map(|(_, row)| row)
        .collect();
    Ok((others, spared))
}
