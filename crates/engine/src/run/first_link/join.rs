//! Joining staged records to the entities that they were recognised as.

use std::collections::BTreeMap;

use syncline_core::error::Result;
use syncline_core::io::Mark;
use syncline_core::model::PRESENCE;
use syncline_core::plan;
use syncline_core::state::{Base, EntityId, Linked, Side, SideFlags};

use crate::conflict::close_settled;
use crate::document::Versioned;
use crate::engine::Inner;
use crate::run::context::SyncContext;
use crate::run::links::Links;
use crate::run::model::Run;
use crate::run::page::{linked_entry, store};
use crate::run::references;
use crate::run::session::{Page, Session, settle};

/// Links pairs of a staged record and an entity.
pub(super) async fn link_pairs(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    pairs: &[(EntityId, EntityId, f64)],
) -> Result<()> {
    let mut page = session.begin().await?;
    let ids: Vec<EntityId> = pairs.iter().flat_map(|&(left, right, _)| [left, right]).collect();
    let mut ids = ids;
    ids.sort_unstable();
    let mut loaded: BTreeMap<EntityId, Linked> = page
        .load(inner, &ids)
        .await?
        .into_iter()
        .map(|linked| (linked.entity.id, linked))
        .collect();
    let rows = || {
        let sides = loaded.values().flat_map(|linked| &linked.sides);
        let own = sides.filter(|side| side.key.side == context.side());
        own.map(|side| side.obs.as_slice())
    };
    let entities = || loaded.values().map(|linked| &linked.entity);
    let mut links = Links::load(
        page.tx()?,
        &context.mapping,
        &context.objects,
        rows(),
        entities(),
        context.sync.tenant,
    )
    .await?;
    references::resolve_others(context, page.tx()?, &mut links, rows()).await?;
    links
        .know_unique(page.tx()?, &context.blueprint, &context.mapping, rows(), entities())
        .await?;
    let mut changed = Vec::new();
    let mut gone = Vec::new();
    let mut freed = Vec::new();
    for (left, right, score) in pairs {
        let (Some(provisional), Some(mut target)) = (loaded.remove(left), loaded.remove(right)) else {
            continue;
        };
        let Some(from) = provisional.side_index(context.side()) else {
            continue;
        };
        if target.entity.deleted {
            // It was deleted a moment ago; the next run looks again.
            continue;
        }
        close_settled(inner, &mut page, &provisional, PRESENCE, "only one candidate is left").await?;
        freed.push(provisional.sides[from].key);
        gone.push(provisional.entity.id);
        let side = provisional.sides[from].clone();
        let before = links.has_unique().then(|| target.entity.clone());
        let note = if *score >= 1.0 {
            "by an exact key".to_owned()
        } else {
            format!("{:.1} % alike", score * 100.0)
        };
        link(inner, context, &mut page, run, &mut target, side, &links, note).await?;
        links.take(&context.blueprint, before.as_ref(), &target.entity)?;
        changed.push(target);
        let ledger = run.ledger(&context.sync.name, "pull");
        let counted_as = if context.mapping.create_in_app {
            &mut ledger.created
        } else {
            &mut ledger.filtered
        };
        if *counted_as > 0 {
            *counted_as -= 1;
            ledger.updated += 1;
        }
    }
    page.tx()?.delete_sides(&freed).await?;
    page.tx()?.delete_entities(&gone).await?;
    store(page.tx()?, &changed).await?;
    session.commit(page, run).await
}

/// Joins a staged side to an entity, without a base (L3): equal values agree, an empty one takes the other, and two
/// that differ go through the policy.
#[expect(
    clippy::too_many_arguments,
    reason = "a link is made from exactly these, and each has another owner"
)]
pub(crate) async fn link(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: &mut Run,
    target: &mut Linked,
    mut side: Side,
    links: &Links,
    note: String,
) -> Result<()> {
    side.key.entity = target.entity.id;
    side.flags.clear(SideFlags(SideFlags::STAGED.0 | SideFlags::HELD.0));
    side.base_rev = 0;
    side.groups.clear();
    for group in &context.mapping.groups {
        side.group_mut(group.group).base = Base::Never;
    }
    let mark = Mark(side.obs_seq.max(inner.marks.next(inner.clock.now()).0));
    let ext = side.ext.clone().unwrap_or_default();
    target.sides.retain(|held| held.key.side != context.side());
    target.sides.push(side);
    target.sides.sort_by_key(|side| side.key.slot);
    let Some(index) = target.side_index(context.side()) else {
        return Ok(());
    };
    let nothing = Links::default();
    let scene = context.scene(inner, links, &nothing);
    page.audit.push(linked_entry(context, target, &ext, note));
    let effects = plan::reconcile(target, index, Some(mark), None, &scene)?;
    target.sides[index].flags.set(SideFlags::PUSH);
    settle(inner, page, run, context, target, index, "pull", false, effects).await?;
    Ok(())
}
