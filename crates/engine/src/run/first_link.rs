//! Recognising new records set-wise: they are staged as provisional entities, matched all at once when the pull is
//! through, then linked, published, or put before a person. Row by row, the first page would link what the fiftieth
//! shows to be ambiguous.

mod join;
mod pool;
mod taken;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use syncline_core::error::Result;
use syncline_core::matching::{keys_fields, link_by_keys};
use syncline_core::model::PRESENCE;
use syncline_core::plan::ReviewReason;
use syncline_core::state::{EntityId, Linked, Presence, Side, SideFlags, SideKey};
use syncline_core::store::Transaction;

use super::context::SyncContext;
use super::links::Links;
use super::model::Run;
use super::page::store;
use super::reporter::Reporter;
use super::session::{FailureNote, Page, Session, record_failure};
use crate::conflict::{close_settled, open_match_review};
use crate::document::Versioned;
use crate::engine::Inner;
use crate::incoming::Hooks;
use join::link_pairs;
use pool::Matchable;
use taken::{Question, sort_out_unmatched};

pub(crate) use join::link;

/// Whether new records of this sync are matched before they become entities: there is something to match them with.
pub(crate) async fn stages(context: &SyncContext, tx: &mut dyn Transaction) -> Result<bool> {
    if context.sync.mapping.match_keys.is_empty() {
        return Ok(false);
    }
    if !context.siblings.is_empty() {
        return Ok(true);
    }
    let after = context.read_first.load(Ordering::Relaxed);
    let found = tx
        .without_side(context.sync.blueprint, context.side(), after, 1)
        .await?;
    Ok(!found.is_empty())
}

/// Says that this and every earlier entity has a record of this sync, so that [`stages`] need not look at them for each
/// page again.
pub(crate) fn no_need_to_stage_up_to(context: &SyncContext, entity: EntityId) {
    context.read_first.fetch_max(entity, Ordering::Relaxed);
}

/// Makes a new entity provisional.
pub(crate) fn stage(linked: &mut Linked) {
    linked.entity.deleted = true;
    for side in &mut linked.sides {
        side.flags.set(SideFlags::STAGED);
    }
}

/// Matches everything staged, and links, publishes or asks.
pub(crate) async fn link_staged(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    reporter: &Reporter,
) -> Result<()> {
    let keys = &context.sync.mapping.match_keys;
    let fields: Vec<usize> = keys_fields(keys)
        .iter()
        .filter_map(|name| context.blueprint.position(name))
        .collect();
    let size = inner.settings.page_rows;
    let mut page = session.begin().await?;
    let mut staged = Matchable::new();
    let mut after = 0;
    loop {
        let ids = page
            .tx()?
            .flagged(context.side(), SideFlags::STAGED, after, size)
            .await?;
        let Some(&last) = ids.last() else { break };
        after = last;
        let loaded = page.load(inner, &ids).await?;
        let mut gone = Vec::new();
        for linked in loaded {
            let Some(index) = linked.side_index(context.side()) else {
                continue;
            };
            match linked.sides[index].presence {
                Presence::Live => staged.add_staged(context, &linked, &linked.sides[index], &fields)?,
                // It left the filter, and may come back.
                Presence::Inaccessible => {}
                _ => gone.push(linked),
            }
        }
        drop_staged(inner, &mut page, &gone).await?;
    }
    if staged.ids.is_empty() {
        session.commit(page, run).await?;
        return Ok(());
    }
    reporter.stage(context, "match");
    session.commit(page, run).await?;
    let free = pool::free(inner, context, session, run, &staged, &fields).await?;
    reporter.detail(run, || {
        format!(
            "matching of {}: {} new ones with {} that may be the same",
            context.mapping.label,
            staged.ids.len(),
            free.ids.len()
        )
    });

    let found = link_by_keys(&staged.candidates, &free.candidates, keys);
    let pairs: Vec<(EntityId, EntityId, f64)> = found
        .linked
        .iter()
        .map(|&(left, right, score)| (staged.ids[left], free.ids[right], score))
        .collect();
    for pairs in pairs.chunks((size / 2).max(1)) {
        reporter.check_stop()?;
        link_pairs(inner, context, session, run, pairs).await?;
        reporter.progress(context, "pull", run);
    }
    let (alone, taken) =
        sort_out_unmatched(inner, context, session, run, &staged, &found.unmatched_left, &fields).await?;
    for ids in alone.chunks(size) {
        let mut page = session.begin().await?;
        let mut loaded = page.load(inner, ids).await?;
        if !context.mapping.create_in_app {
            drop_staged(inner, &mut page, &loaded).await?;
            session.commit(page, run).await?;
            continue;
        }
        let hooks = Hooks::of(inner, &context.mapping.label);
        let taken = publish_free(inner, context, &mut page, run, &mut loaded, hooks.clone()).await?;
        drop_staged(inner, &mut page, &taken).await?;
        store(page.tx()?, &loaded).await?;
        if let Some(hooks) = hooks {
            page = Box::pin(hooks.carry_out(inner, page, &context.blueprint)).await?;
        }
        session.commit(page, run).await?;
    }
    let unclear = found.review.into_iter().map(|(left, right, why)| {
        let lefts: Vec<EntityId> = left.into_iter().map(|left| staged.ids[left]).collect();
        let rights: Vec<EntityId> = right.into_iter().map(|right| free.ids[right]).collect();
        (lefts, rights, why)
    });
    let asked: Vec<Question> = unclear.chain(taken).collect();
    for asked in asked.chunks((size / 4).max(1)) {
        let mut page = session.begin().await?;
        for (lefts, rights, why) in asked {
            hold(context, page.tx()?, rights).await?;
            open_match_review(
                inner,
                &mut page,
                run.id,
                context,
                lefts,
                rights,
                why,
                ReviewReason::AmbiguousMatch,
            )
            .await?;
            let ledger = run.ledger(&context.sync.name, "pull");
            let moved = (lefts.len() as u64).min(ledger.created);
            ledger.created -= moved;
            ledger.conflicted += moved;
        }
        session.commit(page, run).await?;
    }
    Ok(())
}

/// Provisional entities that come to nothing: their records are gone, or are not to be created in the app.
async fn drop_staged(inner: &Inner, page: &mut Page, staged: &[Linked]) -> Result<()> {
    let keys: Vec<SideKey> = staged
        .iter()
        .flat_map(|linked| &linked.sides)
        .map(|side| side.key)
        .collect();
    let ids: Vec<EntityId> = staged.iter().map(|linked| linked.entity.id).collect();
    for linked in staged {
        close_settled(inner, page, linked, PRESENCE, "the record is gone").await?;
    }
    page.tx()?.delete_sides(&keys).await?;
    page.tx()?.delete_entities(&ids).await
}

/// Publishes those whose unique values nobody has. The others are taken out and returned: each is that record's
/// failure, which is read again later.
async fn publish_free(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: &mut Run,
    staged: &mut Vec<Linked>,
    hooks: Option<Arc<Hooks>>,
) -> Result<Vec<Linked>> {
    let mut links = Links::default();
    let entities = staged.iter().map(|linked| &linked.entity);
    links
        .know_unique(page.tx()?, &context.blueprint, &context.mapping, [], entities)
        .await?;
    links.ask(hooks);
    let mut taken = Vec::new();
    for mut linked in std::mem::take(staged) {
        let before = linked.entity.clone();
        publish(&mut linked);
        match links.take(&context.blueprint, Some(&before), &linked.entity) {
            Ok(()) => staged.push(linked),
            Err(error) => {
                let side = linked.side_index(context.side()).map(|index| &linked.sides[index]);
                let note = FailureNote {
                    record: side.and_then(|side| side.ext.clone()),
                    entity: None,
                    fields: Vec::new(),
                    message: error.message().to_owned(),
                    detail: None,
                };
                record_failure(inner, page, run.id, &context.sync, "pull", note).await?;
                let ledger = run.ledger(&context.sync.name, "pull");
                let moved = 1.min(ledger.created);
                ledger.created -= moved;
                ledger.failed += moved;
                taken.push(linked);
            }
        }
    }
    Ok(taken)
}

/// A provisional entity becomes a real one.
pub(crate) fn publish(linked: &mut Linked) {
    linked.entity.deleted = false;
    for side in &mut linked.sides {
        side.flags.clear(SideFlags::STAGED);
    }
}

/// Nothing is created in this CRM for entities that may be there already.
async fn hold(context: &SyncContext, tx: &mut dyn Transaction, entities: &[EntityId]) -> Result<()> {
    let mut loaded = tx.load(entities).await?;
    for linked in &mut loaded {
        if linked.side_index(context.side()).is_none() {
            let key = SideKey {
                entity: linked.entity.id,
                side: context.side(),
                slot: context.mapping.slot,
            };
            let mut side = Side::new(key);
            side.flags.set(SideFlags::HELD);
            linked.sides.push(side);
        }
    }
    store(tx, &loaded).await
}
