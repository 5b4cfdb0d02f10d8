//! Remote merges and conversions (section 5, rows L10 to L12 and L16): a merge is a new link, never a delete and a
//! create.

use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::batch::{RowRef, RowState};
use syncline_core::error::Result;
use syncline_core::plan::ReviewReason;
use syncline_core::state::{Linked, Presence, SideFlags};

use super::context::SyncContext;
use super::model::Run;
use super::page::PageTally;
use super::session::Page;
use crate::conflict::open_match_review;
use crate::engine::Inner;

/// Takes in that the record of a side was merged into another.
#[expect(
    clippy::too_many_arguments,
    reason = "a merge is planned from exactly these, and each has another owner"
)]
pub(crate) async fn merged(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: &mut Run,
    linked: &mut Linked,
    index: usize,
    row: RowRef<'_>,
    tally: &mut PageTally,
) -> Result<()> {
    let Some(winner) = row.merged_into() else {
        tally.ledger.unchanged += 1;
        return Ok(());
    };
    let side = &mut linked.sides[index];
    // That it is gone may have been told before where it went.
    let may_have_merged = matches!(
        side.presence,
        Presence::Live | Presence::Inaccessible | Presence::Deleted(_) | Presence::Archived
    );
    let is_gone = linked.entity.deleted && !matches!(side.presence, Presence::Live | Presence::Inaccessible);
    if side.ext.as_deref() == Some(winner) || !may_have_merged || is_gone {
        tally.ledger.unchanged += 1;
        return Ok(());
    }
    let entry = AuditEntry::new(
        AuditKind::Merged,
        linked.entity.uid,
        context.side(),
        side.ext.as_deref(),
    )
    .note(format!("into {winner}"));
    page.audit.push(entry);
    if linked.entity.deleted {
        // The delete has nothing left to delete: under the old id a provider would delete the survivor, which holds
        // what users made of two records.
        side.presence = ended(row.state(), winner);
        side.flags = SideFlags::default();
        tally.ledger.deleted += 1;
        return Ok(());
    }
    let holder = page
        .tx()?
        .heads(context.side(), &[winner])
        .await?
        .into_iter()
        .next()
        .flatten();
    let mut holder = holder.filter(|head| head.key.entity != side.key.entity);
    if let Some(staged) = holder.as_ref().filter(|head| head.flags.has(SideFlags::STAGED)) {
        // The survivor came in a page before, and is nobody's yet.
        page.tx()?.delete_sides(&[staged.key]).await?;
        page.tx()?.delete_entities(&[staged.key.entity]).await?;
        holder = None;
    }
    match holder {
        None if row.state() == RowState::Merged => {
            // The survivor is nobody's yet: the link moves to it, bases kept, and its values are read next.
            page.tx()?.put_alias(context.side(), row.id(), winner).await?;
            side.ext = Some(winner.to_owned());
            side.presence = Presence::Live;
            side.flags.set(SideFlags::READ);
            side.dirty_seq = inner.marks.next(inner.clock.now()).0;
            tally.ledger.updated += 1;
        }
        holder => {
            side.presence = ended(row.state(), winner);
            side.flags = SideFlags::default();
            if let Some(holder) = holder {
                let why = format!("both records were linked, and {} was merged into {winner}", row.id());
                let reason = ReviewReason::MergeCollision;
                let (loser, survivor) = ([linked.entity.id], [holder.key.entity]);
                open_match_review(inner, page, run.id, context, &loser, &survivor, &why, reason).await?;
                tally.ledger.conflicted += 1;
            } else {
                tally.ledger.deleted += 1;
            }
        }
    }
    Ok(())
}

fn ended(state: RowState, winner: &str) -> Presence {
    match state {
        RowState::Converted => Presence::Converted(winner.to_owned()),
        _ => Presence::MergedInto(winner.to_owned()),
    }
}
