//! Rows under an id that another record stands for: it was merged into that one, or made anew under its id.

use syncline_core::batch::{ReadClass, RowRef, RowState};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::state::{Linked, Presence};
use syncline_core::store::InboxEntry;

use super::context::SyncContext;
use super::fresh::fail_row;
use super::outcome::dirty;
use super::page::PageTally;
use super::session::Page;
use crate::engine::Inner;

/// Takes in a row under an id that is no longer the side's own.
///
/// An index may not have heard of the merge, so that only a read by id is believed: it is done next. If the record is
/// there all the same, somebody brought it back beside the one that stands for it, and has to say which is meant.
#[expect(
    clippy::too_many_arguments,
    reason = "a row is planned from exactly these, and each has another owner"
)]
pub(super) async fn take(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: u64,
    linked: &mut Linked,
    index: usize,
    row: &RowRef<'_>,
    class: ReadClass,
    tally: &mut PageTally,
) -> Result<()> {
    if row.state() != RowState::Live {
        tally.ledger.unchanged += 1;
        return Ok(());
    }
    let side = &linked.sides[index];
    if class == ReadClass::Strong && side.presence == Presence::Live {
        let current = side.ext.as_deref().unwrap_or_default();
        let error = Error::new(
            ErrorKind::Exists,
            format!(
                "it was brought back beside {current}, which stands for the same entity since; merge the two in the \
                 CRM or delete one of them, until then nothing is read from this one or written to it"
            ),
        );
        fail_row(inner, context, page, run, row, &error).await?;
        tally.ledger.failed += 1;
        return Ok(());
    }
    let hint = InboxEntry {
        side: context.side(),
        ext: row.id().to_owned(),
        seq: inner.marks.next(inner.clock.now()).0,
    };
    page.tx()?.put_hints(&[hint]).await?;
    dirty(inner, linked, index);
    tally.ledger.deferred += 1;
    Ok(())
}
