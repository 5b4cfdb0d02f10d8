//! Recognising new records set-wise: they are staged as provisional entities, matched all at once when the pull is
//! through, then linked, published, or put before a person. Row by row, the first page would link what the fiftieth
//! shows to be ambiguous.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use syncline_core::error::Result;
use syncline_core::io::Mark;
use syncline_core::lens::NoLinks;
use syncline_core::mapping::{MatchKey, MatchPart};
use syncline_core::matching::{Candidate, key_hash, keys_fields, link_by_keys};
use syncline_core::model::PRESENCE;
use syncline_core::plan::{self, ReviewReason};
use syncline_core::state::{Base, EntityId, Linked, Presence, Side, SideFlags, SideKey};
use syncline_core::store::{EntityQuery, Transaction};
use syncline_core::value::Value;

use super::context::SyncContext;
use super::links::Links;
use super::model::Run;
use super::page::{linked_entry, store};
use super::references;
use super::reporter::Reporter;
use super::session::{FailureNote, Page, Session, record_failure, settle};
use crate::conflict::{Review, close_settled, open_match_review};
use crate::document::{self, Versioned};
use crate::engine::Inner;

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

struct Matchable {
    ids: Vec<EntityId>,
    candidates: Vec<Candidate>,
}

impl Matchable {
    const fn new() -> Self {
        Self {
            ids: Vec::new(),
            candidates: Vec::new(),
        }
    }

    fn add(&mut self, linked: &Linked, fields: &[usize]) {
        let values = fields.iter().map(|&field| linked.entity.value(field).clone()).collect();
        self.push(linked.entity.id, values);
    }

    /// Adds a staged record by what it holds itself: of fields that are only written, the entity has nothing.
    fn add_staged(&mut self, context: &SyncContext, linked: &Linked, side: &Side, fields: &[usize]) -> Result<()> {
        let groups = &context.mapping.groups;
        let raw = plan::raw_groups(side, groups)?;
        let value = |field: usize| {
            let held = linked.entity.value(field);
            let place = groups
                .iter()
                .position(|group| group.fields.contains(&field))
                .filter(|_| held.is_empty())?;
            let group = &groups[place];
            let got = group.get(&raw[place], &[], &NoLinks).ok()?;
            got.get(group.fields.iter().position(|of| *of == field)?).cloned()
        };
        let values = fields
            .iter()
            .map(|&field| value(field).unwrap_or_else(|| linked.entity.value(field).clone()));
        self.push(linked.entity.id, values.collect());
        Ok(())
    }

    fn push(&mut self, entity: EntityId, values: Vec<Value>) {
        self.ids.push(entity);
        self.candidates.push(Candidate { values });
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
        let loaded = page.tx()?.load(&ids).await?;
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
    let mut free = Matchable::new();
    let mut after = 0;
    loop {
        let ids = page
            .tx()?
            .without_side(context.sync.blueprint, context.side(), after, size)
            .await?;
        let Some(&last) = ids.last() else { break };
        after = last;
        for linked in page.tx()?.load(&ids).await? {
            free.add(&linked, &fields);
        }
    }
    let mut after = 0;
    loop {
        // Those that are held, and those that could not be created so far.
        let open = SideFlags(
            SideFlags::HELD.0
                | SideFlags::PUSH.0
                | SideFlags::WAITING.0
                | SideFlags::QUARANTINED.0
                | SideFlags::FAILED.0,
        );
        let ids = page.tx()?.flagged(context.side(), open, after, size).await?;
        let Some(&last) = ids.last() else { break };
        after = last;
        for linked in page.tx()?.load(&ids).await? {
            let side = linked.side_index(context.side()).map(|index| &linked.sides[index]);
            let is_free =
                side.is_some_and(|side| side.presence == Presence::NeverSeen && !side.flags.has(SideFlags::IN_FLIGHT));
            if is_free && !linked.entity.deleted {
                free.add(&linked, &fields);
            }
        }
    }
    session.commit(page, run).await?;

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
    let (alone, taken) = sort_out_unmatched(context, session, run, &staged, &found.unmatched_left, size).await?;
    for ids in alone.chunks(size) {
        let mut page = session.begin().await?;
        let mut loaded = page.tx()?.load(ids).await?;
        if !context.mapping.create_in_app {
            drop_staged(inner, &mut page, &loaded).await?;
            session.commit(page, run).await?;
            continue;
        }
        let taken = publish_free(inner, context, &mut page, run, &mut loaded).await?;
        drop_staged(inner, &mut page, &taken).await?;
        store(page.tx()?, &loaded).await?;
        session.commit(page, run).await?;
    }
    let unclear = found.review.into_iter().map(|(left, right, why)| {
        let lefts: Vec<EntityId> = left.into_iter().map(|left| staged.ids[left]).collect();
        let rights: Vec<EntityId> = right.into_iter().map(|right| free.ids[right]).collect();
        (lefts, rights, why)
    });
    let asked: Vec<(Vec<EntityId>, Vec<EntityId>, String)> = unclear.chain(taken).collect();
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

/// Who is alone and can be published, and who looks like a record that is linked already: a later arrival whose only
/// candidate is taken is a person's to decide. Those about whom somebody is asked already go on waiting.
async fn sort_out_unmatched(
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    staged: &Matchable,
    unmatched: &[usize],
    size: usize,
) -> Result<(Vec<EntityId>, Vec<(Vec<EntityId>, Vec<EntityId>, String)>)> {
    if context.sync.last_run_at.is_none() {
        // The first import: equal records of one CRM are its own affair.
        return Ok((unmatched.iter().map(|&left| staged.ids[left]).collect(), Vec::new()));
    }
    let keys = &context.sync.mapping.match_keys;
    let names = keys_fields(keys);
    let exact: Vec<(&[MatchPart], Vec<usize>)> = keys
        .iter()
        .filter_map(|key| match key {
            MatchKey::Exact { parts } => {
                let place = |part: &MatchPart| names.iter().position(|name| *name == part.field);
                Some((parts.as_slice(), parts.iter().filter_map(place).collect()))
            }
            MatchKey::Fuzzy { .. } => None,
        })
        .collect();
    let hashes = |values: &[Value]| -> Vec<(usize, u128)> {
        let hash = |(number, (parts, places)): (usize, &(&[MatchPart], Vec<usize>))| {
            let values: Vec<Value> = places.iter().map(|&place| values[place].clone()).collect();
            key_hash(parts, &values).map(|hash| (number, hash))
        };
        exact.iter().enumerate().filter_map(hash).collect()
    };
    let mut page = session.begin().await?;
    let mut fresh = Vec::new();
    for &left in unmatched {
        let key = format!("{}:{PRESENCE}", staged.ids[left]);
        let asked = document::by_key::<Review>(page.tx()?, context.sync.tenant, context.sync.id, &key).await?;
        if asked.is_none() {
            fresh.push(left);
        }
    }
    let mut wanted: BTreeMap<(usize, u128), Vec<usize>> = BTreeMap::new();
    for &left in &fresh {
        for hash in hashes(&staged.candidates[left].values) {
            wanted.entry(hash).or_default().push(left);
        }
    }
    let fields: Vec<usize> = names
        .iter()
        .filter_map(|name| context.blueprint.position(name))
        .collect();
    let mut holders: BTreeMap<usize, Vec<EntityId>> = BTreeMap::new();
    let mut after = 0;
    while !wanted.is_empty() {
        let query = EntityQuery {
            tenant: context.sync.tenant,
            blueprint: context.sync.blueprint,
            after,
            deleted: Some(false),
            limit: size,
        };
        // Also those whose link was cut: their record came back under another id.
        let entities = page.tx()?.entities(&query).await?;
        let Some(last) = entities.last() else { break };
        after = last.id;
        for entity in &entities {
            let values: Vec<Value> = fields.iter().map(|&field| entity.value(field).clone()).collect();
            for left in hashes(&values).iter().filter_map(|hash| wanted.get(hash)).flatten() {
                holders.entry(*left).or_default().push(entity.id);
            }
        }
    }
    session.commit(page, run).await?;
    let alone = fresh
        .iter()
        .filter(|left| !holders.contains_key(left))
        .map(|&left| staged.ids[left])
        .collect();
    let why = "the only record like it is linked to another record of this CRM already";
    let taken = holders
        .into_iter()
        .map(|(left, mut rights)| {
            rights.dedup();
            (vec![staged.ids[left]], rights, why.to_owned())
        })
        .collect();
    Ok((alone, taken))
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
) -> Result<Vec<Linked>> {
    let mut links = Links::default();
    let entities = staged.iter().map(|linked| &linked.entity);
    links
        .know_unique(page.tx()?, &context.blueprint, &context.mapping, [], entities)
        .await?;
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

async fn link_pairs(
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
        .tx()?
        .load(&ids)
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
    page: &mut super::session::Page,
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
