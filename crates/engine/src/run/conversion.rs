//! Records that became others of another kind (section 5, row L16): a lead that was made a contact is not deleted. Its
//! link goes on in the sync of what it became, or ends with a question.

use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::batch::{Became, RowRef};
use syncline_core::error::Result;
use syncline_core::mapping::SideMapping;
use syncline_core::plan::ReviewReason;
use syncline_core::state::{Base, EntityId, Linked, Presence, Side, SideFlags, SideKey};

use super::context::SyncContext;
use super::model::Run;
use super::page::PageTally;
use super::session::Page;
use crate::conflict::open_match_review;
use crate::engine::Inner;

/// Takes in that the record of a side was converted.
#[expect(
    clippy::too_many_arguments,
    reason = "a conversion is planned from exactly these, and each has another owner"
)]
pub(super) async fn converted(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: &mut Run,
    linked: &mut Linked,
    index: usize,
    row: RowRef<'_>,
    tally: &mut PageTally,
) -> Result<()> {
    let became = row.converted_into();
    let side = &mut linked.sides[index];
    if matches!(
        side.presence,
        Presence::Converted(_) | Presence::MergedInto(_) | Presence::Unlinked
    ) {
        tally.ledger.unchanged += 1;
        return Ok(());
    }
    let what = words(became);
    page.audit.push(
        AuditEntry::new(AuditKind::Merged, linked.entity.uid, context.side(), Some(row.id()))
            .note(format!("converted into {what}")),
    );
    let first = became.first().map(|became| became.id.clone());
    side.presence = Presence::Converted(first.unwrap_or_default());
    side.flags = SideFlags::default();
    if linked.entity.deleted {
        tally.ledger.deleted += 1;
        return Ok(());
    }
    let target = became
        .iter()
        .find_map(|became| Some((became, follows(context, became)?)));
    let holder = match target {
        Some((became, mapping)) => holder(inner, page, mapping, became).await?,
        None => None,
    };
    let holder = holder.filter(|holder| holder.entity.id != linked.entity.id);
    match (target, holder) {
        (Some(_), Some(other)) if !is_ours_alone(&other, run) => {
            let why = format!(
                "{} was converted into {what}, which is another record of the app",
                row.id()
            );
            ask(inner, context, page, run, linked.entity.id, &[other.entity.id], &why).await?;
            tally.ledger.conflicted += 1;
        }
        (Some((became, mapping)), holder) if is_free(linked, mapping, became) => {
            if let Some(other) = holder {
                // It came in a moment ago as a record of its own, before anybody knew whose it is.
                let sides: Vec<SideKey> = other.sides.iter().map(|side| side.key).collect();
                let mut entity = other.entity.clone();
                entity.deleted = true;
                // Its unique values are free again.
                crate::entity::keep_written(page.tx()?, &[&entity]).await?;
                page.tx()?.delete_sides(&sides).await?;
                page.tx()?.delete_entities(&[other.entity.id]).await?;
            }
            follow(inner, linked, mapping, became);
            page.audit.push(
                AuditEntry::new(AuditKind::Linked, linked.entity.uid, mapping.side, Some(&became.id))
                    .note(format!("{} was converted into it", row.id())),
            );
            tally.ledger.updated += 1;
        }
        _ => {
            let why = format!(
                "{} was converted into {what}; the app's record is linked to it no more",
                row.id()
            );
            ask(inner, context, page, run, linked.entity.id, &[], &why).await?;
            tally.ledger.conflicted += 1;
        }
    }
    Ok(())
}

/// The sync of the same connection and blueprint that goes on with the record.
fn follows<'a>(context: &'a SyncContext, became: &Became) -> Option<&'a SideMapping> {
    let side = context.objects.get(&became.object)?;
    context.siblings.iter().find(|sibling| sibling.side == *side)
}

async fn holder(inner: &Inner, page: &mut Page, mapping: &SideMapping, became: &Became) -> Result<Option<Linked>> {
    let head = page
        .tx()?
        .heads(mapping.side, &[&became.id])
        .await?
        .into_iter()
        .next()
        .flatten();
    Ok(match head {
        Some(head) => page.load(inner, &[head.key.entity]).await?.into_iter().next(),
        None => None,
    })
}

/// Whether nobody has seen this record yet: it waits to be matched, or came in during this run and nothing else is
/// known of it.
fn is_ours_alone(other: &Linked, run: &Run) -> bool {
    let [side] = other.sides.as_slice() else { return false };
    let is_fresh = other.entity.rev <= 1 && run.started_at.is_some_and(|started| other.entity.created_at >= started);
    side.flags.has(SideFlags::STAGED) || is_fresh
}

/// Whether the record has no other one in that object.
fn is_free(linked: &Linked, mapping: &SideMapping, became: &Became) -> bool {
    linked.side_index(mapping.side).is_none_or(|index| {
        let side = &linked.sides[index];
        side.ext.as_deref() == Some(became.id.as_str())
            || side.presence == Presence::NeverSeen && !side.flags.has(SideFlags::IN_FLIGHT)
    })
}

/// The link goes on there, where nothing was ever agreed: it is read next.
fn follow(inner: &Inner, linked: &mut Linked, mapping: &SideMapping, became: &Became) {
    let is_linked = linked
        .side_index(mapping.side)
        .is_some_and(|index| linked.sides[index].ext.as_deref() == Some(became.id.as_str()));
    if is_linked {
        return;
    }
    let mut side = Side::new(SideKey {
        entity: linked.entity.id,
        side: mapping.side,
        slot: mapping.slot,
    });
    side.ext = Some(became.id.clone());
    side.presence = Presence::Live;
    for group in &mapping.groups {
        side.group_mut(group.group).base = Base::Never;
    }
    side.flags.set(SideFlags::READ);
    side.dirty_seq = inner.marks.next(inner.clock.now()).0;
    linked.sides.retain(|held| held.key.side != mapping.side);
    linked.sides.push(side);
    linked.sides.sort_by_key(|side| side.key.slot);
}

async fn ask(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: &Run,
    entity: EntityId,
    others: &[EntityId],
    why: &str,
) -> Result<()> {
    let reason = if others.is_empty() {
        ReviewReason::Converted
    } else {
        ReviewReason::MergeCollision
    };
    open_match_review(inner, page, run.id, context, &[entity], others, why, reason).await
}

fn words(became: &[Became]) -> String {
    if became.is_empty() {
        return "another record".to_owned();
    }
    let words: Vec<String> = became
        .iter()
        .map(|became| format!("{} {}", became.object, became.id))
        .collect();
    words.join(", ")
}
