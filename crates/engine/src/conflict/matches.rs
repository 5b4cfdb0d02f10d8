//! Resolving what is about whole records: records that may be the same, and records that were merged in the CRM.

use std::collections::BTreeSet;

use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::PRESENCE;
use syncline_core::plan::ReviewReason;
use syncline_core::state::{Cause, EntityId, Linked, Presence, SideFlags, SideKey};
use syncline_core::store::{DocumentKind, DocumentQuery, Transaction};
use syncline_core::value::Value;
use uuid::Uuid;

use super::model::{Review, ReviewStatus};
use super::offline::{context_of, no_run};
use crate::actor::Actor;
use crate::document;
use crate::engine::Inner;
use crate::entity::{EntityTransaction, UniqueFields, blueprint_by_id, delete_by, is_provisional, witness};
use crate::run::{Page, SyncContext, link, links_for, publish, store};

/// Why a match can't be decided as it was shown.
pub(super) fn settled_meanwhile(review: &Review) -> Error {
    Error::new(
        ErrorKind::Stale,
        format!(
            "conflict {} was settled meanwhile: its record is no longer waiting; list the conflicts again",
            review.id
        ),
    )
}

/// The record that waits to be matched; `None` when it no longer does.
pub(super) async fn staged(page: &mut Page, review: &Review) -> Result<Option<Linked>> {
    Ok(page
        .tx()?
        .load(&[review.entity])
        .await?
        .into_iter()
        .next()
        .filter(is_provisional))
}

/// Joins the staged record to one of its candidates.
pub(super) async fn link_to(
    inner: &Inner,
    page: &mut Page,
    review: &Review,
    staged: Linked,
    chosen: Uuid,
    actor: &Actor,
) -> Result<String> {
    let context = context_of(inner, page.tx()?, review.sync, actor).await?;
    let mut target = candidate(inner, page, review, &context, chosen).await?;
    witness(inner, &target);
    witness(inner, &staged);
    let Some(from) = staged.side_index(context.side()) else {
        return Err(settled_meanwhile(review));
    };
    let side = staged.sides[from].clone();
    let both = [staged, target.clone()];
    let links = links_for(&context, page, &both).await?;
    let mut run = no_run(review.tenant, actor, inner.clock.now());
    let note = format!("{}: the same record, by decision", actor.name);
    // The provisional entity gives its remote id free before the other takes it.
    page.tx()?.delete_sides(&[both[0].sides[from].key]).await?;
    page.tx()?.delete_entities(&[both[0].entity.id]).await?;
    link(inner, &context, page, &mut run, &mut target, side, &links, note).await?;
    target.entity.updated_by.0.clone_from(&actor.name);
    store(page.tx()?, std::slice::from_ref(&target)).await?;
    page.audit.push(decided(review, &target, actor, "linked"));
    release(page.tx()?, review, &context, Some(target.entity.id)).await?;
    Ok(format!("linked to record {chosen}"))
}

/// The staged record becomes one of its own.
pub(super) async fn separate(
    inner: &Inner,
    page: &mut Page,
    review: &Review,
    mut staged: Linked,
    actor: &Actor,
) -> Result<String> {
    let context = context_of(inner, page.tx()?, review.sync, actor).await?;
    let mut unique = UniqueFields::open(page.tx()?, &context.blueprint).await?;
    let values = [staged.entity.values.clone()];
    unique.load(page.tx()?, &values).await?;
    if let Some((position, _)) = unique.taken(staged.entity.id, &[], &values[0]).first() {
        let field = &context.blueprint.fields[*position];
        return Err(context.blueprint.taken(field, &values[0][*position]));
    }
    publish(&mut staged);
    // It may be new to the other CRMs, and its own may be behind where fields were taken from elsewhere.
    for side in &mut staged.sides {
        side.flags.set(SideFlags::PUSH);
    }
    store(page.tx()?, std::slice::from_ref(&staged)).await?;
    page.audit.push(decided(review, &staged, actor, "a record of its own"));
    release(page.tx()?, review, &context, None).await?;
    Ok("kept as a record of its own".to_owned())
}

/// Both records stay: the one whose CRM record is gone is without a link.
pub(super) async fn keep_both(page: &mut Page, review: &Review, actor: &Actor) -> Result<String> {
    if let Some(loser) = page.tx()?.load(&[review.entity]).await?.into_iter().next() {
        page.audit.push(decided(review, &loser, actor, "both stay"));
    }
    Ok(match review.reason {
        ReviewReason::Converted => "the record stays".to_owned(),
        _ => "both records stay".to_owned(),
    })
}

/// The app's record whose CRM record was merged away is deleted.
pub(super) async fn delete_loser<'a>(
    inner: &'a Inner,
    mut page: Page,
    review: &Review,
    actor: &'a Actor,
) -> Result<(EntityTransaction<'a>, String)> {
    let Some(before) = page.load(inner, &[review.entity]).await?.into_iter().next() else {
        return Err(settled_meanwhile(review));
    };
    witness(inner, &before);
    let blueprint = blueprint_by_id(&mut page, before.entity.blueprint).await?;
    let mut work = EntityTransaction::open(inner, page, blueprint, actor).await?;
    let mut after = before.clone();
    work.page.audit.push(decided(review, &before, actor, "deleted"));
    if !before.entity.deleted {
        let links = std::collections::BTreeMap::new();
        let scene = work.sides.scene(inner, &work.blueprint, &links, &actor.name);
        let entry = delete_by(Cause::Review, &mut after, &scene);
        work.page.audit.push(entry);
    }
    work.keep(Some(&before.entity), after);
    Ok((work, "the app's record is deleted".to_owned()))
}

async fn candidate(
    inner: &Inner,
    page: &mut Page,
    review: &Review,
    context: &SyncContext,
    chosen: Uuid,
) -> Result<Linked> {
    let refused = |why: &str| Error::new(ErrorKind::Refused, format!("record {chosen} {why}"));
    let loaded = page.load(inner, &review.candidates).await?;
    let Some(target) = loaded.into_iter().find(|linked| linked.entity.uid == chosen) else {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("record {chosen} is not one of the candidates of conflict {}", review.id),
        ));
    };
    if target.entity.deleted {
        return Err(refused("was deleted meanwhile; restore it first, or choose another"));
    }
    let held = target.side_index(context.side()).map(|index| &target.sides[index]);
    match held {
        // A placeholder, or a link that was cut.
        Some(side) if side.ext.is_some() && !matches!(side.presence, Presence::Unlinked | Presence::NeverSeen) => {
            let record = side.ext.clone().unwrap_or_default();
            Err(refused(&format!(
                "is linked to {} {record} already; choose another, or keep them separate",
                context.mapping.object
            )))
        }
        Some(side) if side.flags.has(SideFlags::IN_FLIGHT) => Err(refused(
            "is being created in the CRM right now; try again when that is done",
        )),
        _ => Ok(target),
    }
}

/// Candidates that no other open item names may be created in the CRM from now on.
async fn release(
    tx: &mut dyn Transaction,
    review: &Review,
    context: &SyncContext,
    linked: Option<EntityId>,
) -> Result<()> {
    let mut free: BTreeSet<EntityId> = review
        .candidates
        .iter()
        .copied()
        .filter(|id| Some(*id) != linked)
        .collect();
    let mut query = DocumentQuery::new(DocumentKind::Review)
        .tenant(review.tenant)
        .scope(review.sync)
        .status(ReviewStatus::Pending.name())
        .status(ReviewStatus::Ignored.name());
    while !free.is_empty() {
        let page = document::find::<Review>(tx, &query).await?;
        let Some(last) = page.last().map(|item| item.id) else {
            break;
        };
        for item in page
            .iter()
            .filter(|item| item.id != review.id && item.reason == ReviewReason::AmbiguousMatch)
        {
            for candidate in &item.candidates {
                free.remove(candidate);
            }
        }
        query.before = Some(last);
    }
    let ids: Vec<EntityId> = free.into_iter().collect();
    let placeholders: Vec<SideKey> = tx
        .load(&ids)
        .await?
        .iter()
        .flat_map(|linked| &linked.sides)
        .filter(|side| side.key.side == context.side() && side.flags.has(SideFlags::HELD) && side.ext.is_none())
        .map(|side| side.key)
        .collect();
    tx.delete_sides(&placeholders).await
}

fn decided(review: &Review, linked: &Linked, actor: &Actor, what: &str) -> AuditEntry {
    let record = review.sides.first().and_then(|side| side.record.as_deref());
    let side = review.sides.first().map_or(0, |side| side.side);
    AuditEntry::new(AuditKind::ConflictResolved, linked.entity.uid, side, record)
        .values(
            PRESENCE,
            linked.entity.rev,
            Vec::new(),
            vec![Value::Bool(!linked.entity.deleted)],
        )
        .note(format!("{}: conflict {}: {what}", actor.name, review.id))
}
