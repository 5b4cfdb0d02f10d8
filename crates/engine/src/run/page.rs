//! One page of rows: accepted or not, planned, and stored within a transaction.

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::batch::{Batch, ReadClass, RowRef, RowState};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::io::Mark;
use syncline_core::mapping::DeletePolicy;
use syncline_core::model::{Blueprint, Computation};
use syncline_core::plan::{self, Acceptance, Gone, Observation};
use syncline_core::sighting::{Known, Sighting};
use syncline_core::state::{Cause, Entity, EntityId, Linked, Presence, Side, SideFlags};
use syncline_core::store::{DocumentKind, SideHead, Touch, Transaction};
use syncline_core::value::{Value, content_hash};
use uuid::Uuid;

use super::context::SyncContext;
use super::fresh::{fail_row, take_fresh};
use super::gone;
use super::links::Links;
use super::model::{Ledger, Run};
use super::own_creates::{self, Sifted};
use super::references;
use super::session::{Page, settle};
use crate::actor::Actor;
use crate::document;
use crate::engine::Inner;
use crate::entity::Consequences;
use crate::flow::Judged;
use crate::incoming::Hooks;

/// What one page did, before it is committed.
#[derive(Debug, Default)]
pub(crate) struct PageTally {
    pub(crate) ledger: Ledger,
    pub(crate) overwrites: u64,
    /// Linked records that a decision was taken about, whoever won.
    pub(crate) decided: u64,
    pub(crate) deletes: u64,
    /// Entities that a delete in the CRM deleted.
    gone: Vec<Entity>,
}

/// Plans and stores the rows of one page within a transaction.
pub(crate) async fn take_page(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: &mut Run,
    batch: &Batch,
    rows: usize,
    mark: Mark,
) -> Result<PageTally> {
    let mut tally = PageTally::default();
    let rows = last_of_each(batch, rows, &mut tally);
    tally.ledger.read += rows.len() as u64;
    // Merges move links, so they come before the rows that may belong to the survivor.
    let (merges, rows): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .partition(|row| matches!(row.state(), RowState::Merged | RowState::Converted));
    take_merges(inner, context, page, run, &merges, &mut tally).await?;
    let sightings: Vec<Sighting<'_>> = rows.iter().map(|row| sighting(row, batch.class)).collect();
    let known = page
        .tx()?
        .compare(context.side(), &sightings, context.mapping.version)
        .await?;

    let mut touches = Vec::new();
    let mut to_plan: Vec<(RowRef<'_>, &SideHead)> = Vec::new();
    let mut stale = Vec::new();
    let mut fresh: Vec<RowRef<'_>> = Vec::new();
    for (row, known) in rows.iter().zip(&known) {
        let head = match known {
            Known::Side(head) => head,
            Known::Same(mark) => {
                inner.marks.witness(*mark);
                tally.ledger.unchanged += 1;
                continue;
            }
            Known::Unknown => {
                match row.state() {
                    RowState::Live => fresh.push(*row),
                    _ => tally.ledger.unchanged += 1,
                }
                continue;
            }
        };
        inner.marks.witness(head.obs_seq.max(head.write_seq));
        if row.state() != RowState::Live {
            let overlaps = mark.0 <= head.obs_seq.max(head.write_seq) || head.flags.has(SideFlags::IN_FLIGHT);
            if overlaps && head.presence == Presence::Live {
                tally.ledger.deferred += 1;
                stale.push(head.key.entity);
            } else {
                to_plan.push((*row, head));
            }
            continue;
        }
        if head.presence == Presence::Unlinked {
            tally.ledger.filtered += 1;
            continue;
        }
        let observation = Observation {
            mark,
            class: batch.class,
            stamp: row.stamp(),
            encoded: row.encoded(),
            carried: row.carried(),
        };
        if !row.is_complete() {
            // A part of a record does not say what it holds.
            tally.ledger.deferred += 1;
            stale.push(head.key.entity);
            continue;
        }
        let hash = content_hash(row.encoded());
        match plan::accept(head, &observation, hash, context.mapping.version) {
            Acceptance::Same => tally.ledger.unchanged += 1,
            Acceptance::Touch => {
                tally.ledger.unchanged += 1;
                let clean = mark.0 > head.dirty_seq && batch.class == ReadClass::Strong;
                touches.push(Touch {
                    key: head.key,
                    stamp: row.stamp(),
                    obs_seq: mark.0,
                    clean,
                });
            }
            Acceptance::Stale => {
                tally.ledger.deferred += 1;
                stale.push(head.key.entity);
            }
            Acceptance::Apply => to_plan.push((*row, head)),
        }
    }
    page.tx()?.touch_sides(&touches).await?;
    mark_stale(inner, context, page.tx()?, &stale).await?;
    let Sifted {
        strangers: fresh,
        ours,
        open,
    } = own_creates::sift(context, page.tx()?, fresh).await?;
    tally.ledger.deferred += open;
    let numbers: Vec<EntityId> = to_plan
        .iter()
        .map(|(_, head)| head.key.entity)
        .chain(ours.iter().map(|(_, entity)| *entity))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let loaded = page.load(inner, &numbers).await?;
    let encoded = || {
        let known = to_plan.iter().map(|(row, _)| row.encoded());
        let ours = ours.iter().map(|(row, _)| row.encoded());
        known.chain(ours).chain(fresh.iter().map(RowRef::encoded))
    };
    let entities = || loaded.iter().map(|linked| &linked.entity);
    let mut links = Links::load(
        page.tx()?,
        &context.mapping,
        &context.objects,
        encoded(),
        entities(),
        context.sync.tenant,
    )
    .await?;
    references::resolve_others(context, page.tx()?, &mut links, encoded()).await?;
    links
        .know_unique(page.tx()?, &context.blueprint, &context.mapping, encoded(), entities())
        .await?;
    let hooks = Hooks::of(inner, &context.mapping.label);
    links.ask(hooks.clone());
    let mut known: BTreeMap<EntityId, Linked> = loaded.into_iter().map(|linked| (linked.entity.id, linked)).collect();
    for (row, entity) in &ours {
        if let Some(linked) = known.get_mut(entity) {
            page.audit.push(own_creates::claim(context, linked, row.id()));
        }
    }
    let to_plan = to_plan.iter().map(|(row, head)| (row, head.key.entity));
    for (row, entity) in to_plan.chain(ours.iter().map(|(row, entity)| (row, *entity))) {
        let Some(linked) = known.get_mut(&entity) else {
            continue;
        };
        apply_known(
            inner,
            context,
            page,
            run,
            linked,
            *row,
            batch.class,
            mark,
            &links,
            &mut tally,
        )
        .await?;
    }
    let mut changed: Vec<Linked> = known.into_values().collect();
    let fresh = take_fresh(inner, context, page, run, &fresh, batch.class, mark, &links, &mut tally).await?;
    changed.extend(fresh.made);
    store(page.tx()?, &changed).await?;
    if let Some(created) = &fresh.created {
        crate::entity::keep_created(page.tx()?, created).await?;
        page.tx()?.put_created(created).await?;
        page.audit.push_created(created, &context.actor);
    }
    if let Some(hooks) = hooks {
        let lent = page.lend();
        *page = Box::pin(hooks.carry_out(inner, lent, &context.blueprint)).await?;
    }
    let gone = std::mem::take(&mut tally.gone);
    if !gone.is_empty() {
        let gone: Vec<&Entity> = gone.iter().collect();
        let consequences = Consequences::of(page.tx()?, context.sync.tenant, &gone).await?;
        let mut actor = Actor::system();
        actor.name.clone_from(&context.actor);
        let lent = page.lend();
        *page = Box::pin(consequences.carry_out(inner, lent, Cause::Side(context.side()), &actor)).await?;
    }
    Ok(tally)
}

async fn take_merges(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: &mut Run,
    merges: &[RowRef<'_>],
    tally: &mut PageTally,
) -> Result<()> {
    let losers: Vec<&str> = merges.iter().map(RowRef::id).collect();
    let heads = page.tx()?.heads(context.side(), &losers).await?;
    for (row, head) in merges.iter().zip(heads) {
        let mut loaded = match head {
            Some(head) => page.load(inner, &[head.key.entity]).await?,
            None => Vec::new(),
        };
        let index = loaded.first().and_then(|linked| linked.side_index(context.side()));
        match (loaded.first_mut(), index) {
            (Some(linked), Some(index)) => {
                super::merge::merged(inner, context, page, run, linked, index, *row, tally).await?;
                store(page.tx()?, &loaded).await?;
            }
            _ => tally.ledger.unchanged += 1,
        }
    }
    Ok(())
}

/// What tells whether a row is news. Of a strong read the mark counts too, so its side is looked at in any case.
pub(super) fn sighting<'b>(row: &RowRef<'b>, class: ReadClass) -> Sighting<'b> {
    let comparable = class == ReadClass::Weak && row.state() == RowState::Live;
    Sighting {
        ext: row.id(),
        hash: row.hash().filter(|_| comparable),
        stamp: row.stamp(),
    }
}

/// Only the last row of each record counts; the others are accounted for as unchanged.
fn last_of_each<'a>(batch: &'a Batch, rows: usize, tally: &mut PageTally) -> Vec<RowRef<'a>> {
    let is_ascending = batch.rows().take(rows).is_sorted_by(|one, next| one.id() < next.id());
    if is_ascending {
        // In the order of their ids no record comes twice.
        return batch.rows().take(rows).collect();
    }
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, row) in batch.rows().take(rows).enumerate() {
        last.insert(row.id(), index);
    }
    let kept = batch
        .rows()
        .take(rows)
        .enumerate()
        .filter(|(index, row)| last.get(row.id()) == Some(index))
        .map(|(_, row)| row)
        .collect::<Vec<_>>();
    let repeated = (rows.min(batch.len()) - kept.len()) as u64;
    tally.ledger.read += repeated;
    tally.ledger.unchanged += repeated;
    kept
}

pub(crate) async fn mark_stale(
    inner: &Inner,
    context: &SyncContext,
    tx: &mut dyn Transaction,
    entities: &[EntityId],
) -> Result<()> {
    if entities.is_empty() {
        return Ok(());
    }
    let dirty_seq = inner.marks.next(inner.clock.now()).0;
    let mut loaded = tx.load(entities).await?;
    for linked in &mut loaded {
        if let Some(index) = linked.side_index(context.side()) {
            linked.sides[index].flags.set(SideFlags::READ);
            linked.sides[index].dirty_seq = dirty_seq;
        }
    }
    let sides: Vec<&Side> = loaded.iter().flat_map(|linked| &linked.sides).collect();
    tx.put_sides(&sides).await
}

/// Computes an entity's computed fields; sides that may be written are looked at when one of them is another now.
pub(crate) fn compute(blueprint: &Blueprint, linked: &mut Linked) {
    if blueprint.has_computed() && linked.entity.blueprint_version == blueprint.version {
        compute_by(&blueprint.computation(), linked);
    }
}

fn compute_by(computation: &Computation<'_>, linked: &mut Linked) {
    if !computation.compute(&mut linked.entity.values).changed.is_empty() {
        for side in linked.sides.iter_mut().filter(|side| side.presence == Presence::Live) {
            side.flags.set(SideFlags::PUSH);
        }
    }
}

/// Entities with their computed fields; `None` where no blueprint has any.
async fn computed(tx: &mut dyn Transaction, changed: &[Linked]) -> Result<Option<Vec<Linked>>> {
    let mut all: Option<Vec<Linked>> = None;
    let blueprints: BTreeSet<u32> = changed.iter().map(|linked| linked.entity.blueprint).collect();
    for id in blueprints {
        let Some(document) = tx.document(DocumentKind::Blueprint, u64::from(id)).await? else {
            continue;
        };
        let blueprint = document::read::<Blueprint>(document)?;
        if blueprint.has_computed() {
            let all = all.get_or_insert_with(|| changed.to_vec());
            let computation = blueprint.computation();
            let is_own =
                |entity: &Entity| entity.blueprint == id && entity.blueprint_version == blueprint.value.version;
            for linked in all.iter_mut().filter(|linked| is_own(&linked.entity)) {
                compute_by(&computation, linked);
            }
        }
    }
    Ok(all)
}

/// Stores entities with all their sides, their computed fields computed.
pub(crate) async fn store(tx: &mut dyn Transaction, changed: &[Linked]) -> Result<()> {
    store_judged(tx, changed, &Judged::new()).await
}

/// As [`store`], where some changes of state were judged already.
pub(crate) async fn store_judged(tx: &mut dyn Transaction, changed: &[Linked], judged: &Judged) -> Result<()> {
    let computed = computed(tx, changed).await?;
    let changed = computed.as_deref().unwrap_or(changed);
    let entities: Vec<&Entity> = changed.iter().map(|linked| &linked.entity).collect();
    let sides: Vec<&Side> = changed.iter().flat_map(|linked| &linked.sides).collect();
    crate::entity::keep_written(tx, &entities).await?;
    crate::flow::note_changes(tx, &entities, judged).await?;
    tx.put_entities(&entities).await?;
    tx.put_sides(&sides).await
}

#[expect(
    clippy::too_many_arguments,
    reason = "a row is planned from exactly these, and each has another owner"
)]
async fn apply_known(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: &mut Run,
    linked: &mut Linked,
    row: RowRef<'_>,
    class: ReadClass,
    mark: Mark,
    links: &Links,
    tally: &mut PageTally,
) -> Result<()> {
    let Some(index) = linked.side_index(context.side()) else {
        return Ok(());
    };
    if linked.sides[index].ext.as_deref() != Some(row.id()) {
        return super::replaced::take(inner, context, page, run.id, linked, index, &row, class, tally).await;
    }
    let had_failed = linked.sides[index].flags.has(SideFlags::FAILED);
    let nothing = Links::default();
    let mut scene = context.scene(inner, links, &nothing);
    scene.ask_unresolved = references::is_final(context, links, &page.known, &linked.sides[index]);
    let was_deleted = linked.entity.deleted;
    let before = links.has_unique().then(|| linked.clone());
    let effects = match row.state() {
        RowState::Live if row.is_complete() && !in_filter(context, &row)? => {
            // Out of the filter is out of sight, which is no delete: it is left alone until it comes back.
            tally.ledger.filtered += 1;
            let effects = plan::gone(linked, index, Gone::Inaccessible, None, &scene)?;
            page.audit.extend(effects.audit);
            return Ok(());
        }
        RowState::Live => {
            let mut effects = plan::restored(linked, index, &scene);
            let observation = Observation {
                mark,
                class,
                stamp: row.stamp(),
                encoded: row.encoded(),
                carried: row.carried(),
            };
            effects.absorb(plan::observe(linked, index, &observation, &scene)?);
            effects
        }
        RowState::Deleted | RowState::Archived | RowState::Missing => {
            let before = linked.clone();
            let mut taken = gone::take(inner, context, page, linked, index, &row, class, mark, &scene)?;
            if linked.entity.deleted && !was_deleted {
                let consequences = Consequences::of(page.tx()?, context.sync.tenant, &[&linked.entity]).await?;
                if let Some(who) = consequences.refusal() {
                    // It has happened there, and refusing it would bring nothing back: the entity lives on without it.
                    *linked = before;
                    let mut kept = context.mapping.clone();
                    kept.on_crm_delete = DeletePolicy::Unlink;
                    let scene = context.scene(inner, links, &nothing).side(&kept, links);
                    taken = gone::take(inner, context, page, linked, index, &row, class, mark, &scene)?;
                    let entry = AuditEntry::new(AuditKind::Unlinked, linked.entity.uid, context.side(), Some(row.id()));
                    page.audit
                        .push(entry.note(format!("kept though it was deleted in the CRM: {who}")));
                } else {
                    tally.gone.push(linked.entity.clone());
                }
            }
            match taken {
                Some(effects) => effects,
                None => {
                    tally.ledger.deferred += 1;
                    return Ok(());
                }
            }
        }
        RowState::Merged | RowState::Converted => {
            return Err(Error::new(ErrorKind::Internal, "a merge was to be planned as a record"));
        }
    };
    if let Some(before) = before
        && let Err(error) = links.take(&context.blueprint, Some(&before.entity), &linked.entity)
    {
        // Only what comes back from a delete takes a value without being asked for each field.
        *linked = before;
        linked.sides[index].flags.set(SideFlags::FAILED);
        fail_row(inner, context, page, run.id, &row, &error).await?;
        tally.ledger.failed += 1;
        return Ok(());
    }
    let moved = effects.hub_moved();
    let went = matches!(row.state(), RowState::Deleted | RowState::Archived | RowState::Missing);
    let touched = !effects.audit.is_empty();
    let settled = settle(inner, page, run, context, linked, index, "pull", had_failed, effects).await?;
    tally.decided += u64::from(touched);
    if settled.failed {
        tally.ledger.failed += 1;
    } else if settled.conflicted {
        tally.ledger.conflicted += 1;
    } else if settled.waiting {
        tally.ledger.deferred += 1;
    } else if went && touched {
        tally.ledger.deleted += 1;
        tally.deletes += u64::from(!was_deleted);
    } else if moved {
        tally.ledger.updated += 1;
        tally.overwrites += 1;
    } else {
        tally.ledger.unchanged += 1;
    }
    Ok(())
}

/// Whether a remote record belongs.
pub(crate) fn in_filter(context: &SyncContext, row: &RowRef<'_>) -> Result<bool> {
    let Some(filter) = &context.filter else { return Ok(true) };
    let mut remote = BTreeMap::new();
    for (place, field) in context.mapping.projection.fields.iter().enumerate() {
        remote.insert(field.path.clone(), row.value(place)?.unwrap_or(Value::Null));
    }
    filter.matches_remote(&remote, context.config.user_id.as_deref())
}

/// A new unique id, ascending with time.
pub(crate) fn uid(inner: &Inner) -> Uuid {
    crate::ports::new_uid(inner.clock.as_ref(), inner.random.as_ref())
}

/// Writes down that a link was made.
pub(crate) fn linked_entry(context: &SyncContext, linked: &Linked, ext: &str, note: String) -> AuditEntry {
    AuditEntry::new(AuditKind::Linked, linked.entity.uid, context.side(), Some(ext)).note(note)
}
