//! Rows that say that a record is gone: noted first, believed after a while, and told where it is merely out of sight.

use syncline_core::batch::{ReadClass, RowRef, RowState};
use syncline_core::error::Result;
use syncline_core::io::Mark;
use syncline_core::plan::{self, Effects, Gone, Scene};
use syncline_core::state::{Linked, Presence, SideFlags};

use super::context::SyncContext;
use super::session::Page;
use crate::engine::Inner;
use crate::event::EventKind;

/// Records shown in one event.
const SHOWN: usize = 10;

/// Takes in that a record is gone. `None` while the delete is only noted.
#[expect(
    clippy::too_many_arguments,
    reason = "a row is planned from exactly these, and each has another owner"
)]
pub(super) fn take(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    linked: &mut Linked,
    index: usize,
    row: &RowRef<'_>,
    class: ReadClass,
    mark: Mark,
    scene: &Scene<'_>,
) -> Result<Option<Effects>> {
    let side = &mut linked.sides[index];
    let is_strong = class == ReadClass::Strong;
    if is_strong && mark.0 > side.dirty_seq && !matches!(side.presence, Presence::ReportedDeleted(_)) {
        side.dirty_seq = 0;
        side.flags.clear(SideFlags::READ);
    }
    let how = match (row.state(), &side.presence) {
        // It was reported as deleted and is nowhere to be found: even its trace is gone by now.
        (RowState::Missing, Presence::ReportedDeleted(_)) => Gone::Deleted,
        (RowState::Missing, _) => {
            let was_live = side.presence == Presence::Live;
            let effects = plan::gone(linked, index, Gone::Inaccessible, row.stamp(), scene)?;
            if was_live {
                alert(context, page, row.id());
            }
            return Ok(Some(effects));
        }
        (RowState::Archived, _) => Gone::Archived,
        _ => Gone::Deleted,
    };
    let now = inner.clock.now();
    match side.presence {
        Presence::ReportedDeleted(until) if !is_strong || now < until => return Ok(None),
        // Where the app deleted it too there is nothing to wait for.
        Presence::Live | Presence::Inaccessible if !inner.settings.delete_grace.is_zero() && !linked.entity.deleted => {
            let until = now.saturating_add(inner.settings.delete_grace).unwrap_or(now);
            plan::reported_deleted(linked, index, until, scene);
            return Ok(None);
        }
        _ => {}
    }
    plan::gone(linked, index, how, row.stamp(), scene).map(Some)
}

/// Whether a record that was reported as deleted is still to be left alone.
pub(super) fn waits(inner: &Inner, presence: &Presence) -> bool {
    matches!(presence, Presence::ReportedDeleted(until) if inner.clock.now() < *until)
}

/// Tells the host, once for a page.
fn alert(context: &SyncContext, page: &mut Page, record: &str) {
    let told = page.events.iter_mut().find_map(|event| match event {
        EventKind::RecordsInaccessible {
            sync, count, records, ..
        } if *sync == context.sync.name => Some((count, records)),
        _ => None,
    });
    match told {
        Some((count, records)) => {
            *count += 1;
            if records.len() < SHOWN {
                records.push(record.to_owned());
            }
        }
        None => page.events.push(EventKind::RecordsInaccessible {
            sync: context.sync.name.clone(),
            count: 1,
            records: vec![record.to_owned()],
            message: format!(
                "{} no longer shows them and does not say that they were deleted; check the permissions of the \
                 connection's user. Nothing is written to them meanwhile",
                context.mapping.label
            ),
        }),
    }
}
