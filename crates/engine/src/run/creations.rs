//! The plain part of a first pull: new records about which there is nothing to say but what they hold.

use jiff::Timestamp;
use syncline_core::batch::{ReadClass, RowRef};
use syncline_core::io::Mark;
use syncline_core::plan::{Creations, Observation, Scene};
use syncline_core::state::{Actor, CreatedPage, Entity, EntityId};
use uuid::Uuid;

use super::context::SyncContext;
use crate::engine::Inner;
use crate::ports::new_uids;

/// Rows with the numbers of the entities that they become.
pub(super) type Numbered<'b> = Vec<(EntityId, RowRef<'b>)>;

/// Makes entities of rows, and gives back those that have to be planned one by one.
pub(super) fn create<'b>(
    inner: &Inner,
    context: &SyncContext,
    scene: &Scene<'_>,
    rows: Numbered<'b>,
    class: ReadClass,
    mark: Mark,
    now: Timestamp,
) -> (Option<CreatedPage<'b>>, Numbered<'b>) {
    let Some(mut creations) = Creations::new(scene, context.side()) else {
        return (None, rows);
    };
    let label = Actor(context.mapping.label.clone());
    let template = Entity::new(Uuid::nil(), &context.blueprint, now, label);
    let mut page = creations.page(template, mark);
    let uids = new_uids(inner.clock.as_ref(), inner.random.as_ref(), rows.len());
    let mut rest = Vec::new();
    for ((id, row), uid) in rows.into_iter().zip(uids) {
        let observation = Observation {
            mark,
            class,
            stamp: row.stamp(),
            encoded: row.encoded(),
        };
        if !creations.take(id, uid, row.id(), &observation, &mut page) {
            rest.push((id, row));
        }
    }
    ((!page.is_empty()).then_some(page), rest)
}
