//! Undoing the decisions of one audit block, newest first, in one transaction.

use std::collections::BTreeMap;

use syncline_core::audit::{AuditEntry, AuditKind, open_block};
use syncline_core::error::Result;
use syncline_core::lens::{LensContext, NoLinks};
use syncline_core::mapping::SideGroup;
use syncline_core::model::{Blueprint, GroupId, PRESENCE};
use syncline_core::plan::{ReviewReason, raw_groups};
use syncline_core::state::{Base, Cause, EntityId, GroupState, Linked, Presence, Side, SideFlags, SideId};
use syncline_core::store::DocumentKind;
use syncline_core::value::Value;
use uuid::Uuid;

use super::super::model::{RollbackRelease, Run};
use super::super::page::store;
use super::super::session::{Page, Session};
use super::{Rollback, Undone, name_of};
use crate::conflict::{Review, ReviewPlace, ReviewStatus, open_review_at};
use crate::document::{self, Versioned};
use crate::entity::{EntitySides, recreate, spare_held, witness};

/// How a side's group is mapped, and what the side holds there.
fn rules_of<'a>(sides: &'a EntitySides, side: &Side, group: GroupId) -> Option<(&'a SideGroup, Vec<Value>)> {
    let known = sides.active.iter().find(|known| known.sync.side == side.key.side)?;
    let groups = &known.mapping.groups;
    let place = groups.iter().position(|rules| rules.group == group)?;
    Some((&groups[place], raw_groups(side, groups).ok()?.swap_remove(place)))
}

impl Rollback<'_> {
    /// Undoes the entries of a block.
    pub(super) async fn undo_block(
        &self,
        session: &mut Session<'_>,
        run: &mut Versioned<Run>,
        block: u64,
    ) -> Result<()> {
        let mut page = session.begin().await?;
        let blocks = page
            .tx()?
            .audit(self.undone.tenant, Some(self.undone.id), block - 1, 1)
            .await?;
        let entries = blocks.first().map(open_block).transpose()?.unwrap_or_default();
        let uids: Vec<Uuid> = entries
            .iter()
            .map(|entry| entry.entity)
            .filter(|uid| !uid.is_nil())
            .collect();
        let mut numbers: Vec<EntityId> = page
            .tx()?
            .find_uids(self.undone.tenant, &uids)
            .await?
            .into_iter()
            .flatten()
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        let loaded = page.tx()?.load(&numbers).await?;
        let mut known: BTreeMap<Uuid, Linked> = loaded.into_iter().map(|linked| (linked.entity.uid, linked)).collect();
        let mut changed = BTreeMap::new();
        for entry in entries.iter().rev() {
            // What is not there any more was provisional, or was removed for good: nothing of it is left to undo.
            let Some(linked) = known.get_mut(&entry.entity) else {
                continue;
            };
            let Some((blueprint, sides)) = self.blueprints.get(&linked.entity.blueprint) else {
                continue;
            };
            witness(self.inner, linked);
            if let Some(undone) = self.undo(&mut page, run, blueprint, sides, linked, entry).await? {
                self.count(run, blueprint.id, entry.side, undone);
                if matches!(undone, Undone::Restored | Undone::Deleted) {
                    changed.insert(entry.entity, linked.clone());
                }
            }
        }
        let changed: Vec<Linked> = changed.into_values().collect();
        store(page.tx()?, &changed).await?;
        session.commit(page, run).await
    }

    /// Undoes one entry, if it tells of something that can be undone.
    async fn undo(
        &self,
        page: &mut Page,
        run: &mut Run,
        blueprint: &Blueprint,
        sides: &EntitySides,
        linked: &mut Linked,
        entry: &AuditEntry,
    ) -> Result<Option<Undone>> {
        let record = if entry.ext.is_empty() {
            linked.entity.uid.to_string()
        } else {
            entry.ext.clone()
        };
        match entry.kind {
            AuditKind::Decided | AuditKind::Agreed | AuditKind::ConflictResolved if !entry.after.is_empty() => {}
            AuditKind::Deleted | AuditKind::Restored if entry.side == 0 && !entry.after.is_empty() => {}
            AuditKind::Unlinked if entry.side != 0 => {
                return self
                    .link_again(page, run, blueprint, sides, linked, entry)
                    .await
                    .map(Some);
            }
            AuditKind::Deleted if entry.note == DELETED_BY_US => {
                let index = linked.side_index(entry.side);
                let Some(index) = index.filter(|_| self.undone.rolls_back.is_some() && !linked.entity.deleted) else {
                    let reason = "the run deleted it in the CRM; restore it from the recycle bin there";
                    run.diverge(record, name_of(blueprint, PRESENCE), reason);
                    return Ok(Some(Undone::Diverged));
                };
                recreate(&mut linked.sides[index]);
                return Ok(Some(Undone::Restored));
            }
            AuditKind::Merged => {
                run.diverge(
                    record,
                    name_of(blueprint, PRESENCE),
                    "a merge in the CRM can't be undone",
                );
                return Ok(Some(Undone::Diverged));
            }
            _ => return Ok(None),
        }
        if entry.before == entry.after {
            return Ok(None);
        }
        let group = entry.group;
        let width = if group == PRESENCE {
            1
        } else {
            blueprint.fields_of(group).len()
        };
        if width != entry.before.len() {
            run.diverge(
                record,
                name_of(blueprint, group),
                "the blueprint's fields are others since",
            );
            return Ok(Some(Undone::Diverged));
        }
        let now = linked.entity.group_values(blueprint, group);
        if group != PRESENCE && linked.entity.rev_of(group) == entry.rev && now != entry.after {
            run.diverge(
                record,
                name_of(blueprint, group),
                "the record was brought to another version of its blueprint since",
            );
            return Ok(Some(Undone::Diverged));
        }
        let by_rollback = linked
            .entity
            .last_decision(group)
            .is_some_and(|last| last.cause == Cause::Rollback);
        // A later decision that was itself rolled back has left the value that this one had made.
        let is_ours = linked.entity.rev_of(group) == entry.rev || by_rollback && now == entry.after;
        if !is_ours {
            if by_rollback && now == entry.before {
                return Ok(Some(Undone::Already));
            }
            run.diverge(
                record,
                name_of(blueprint, group),
                self.why_diverged(sides, linked, group),
            );
            return Ok(Some(Undone::Diverged));
        }
        if group != PRESENCE && linked.entity.deleted {
            run.diverge(record, name_of(blueprint, group), "the record was deleted since");
            return Ok(Some(Undone::Diverged));
        }
        // A deletion's entry names no side; whose it was is in the decision.
        let source = match linked.entity.last_decision(group).map(|last| last.cause) {
            Some(Cause::Side(side)) if entry.side == 0 => side,
            _ => entry.side,
        };
        let rev = self.decide(page, run, blueprint, linked, group, entry.before.clone());
        if group == PRESENCE {
            self.presence_restored(run, sides, linked, source);
            return Ok(Some(if linked.entity.deleted {
                Undone::Deleted
            } else {
                Undone::Restored
            }));
        }
        for side in linked.sides.iter_mut().filter(|side| side.key.side != source) {
            side.flags.set(SideFlags::PUSH);
        }
        spare_held(linked);
        if self.undone.rolls_back.is_some() {
            self.lift(page, blueprint, sides, linked, group, rev).await?;
        }
        if linked.side_index(source).is_some() {
            let links = sides.links(page.tx()?, linked).await?;
            let links: &dyn LensContext = links.get(&source).map_or(&NoLinks, |links| links);
            self.restore_source(sides, linked, source, group, (&entry.before, rev), links)?;
            if self.release == RollbackRelease::Hold {
                self.hold(page, run, blueprint, sides, linked, source, group).await?;
            }
        }
        Ok(Some(Undone::Restored))
    }

    /// Gives the side that a change came from the base that it had before the run, so that what it holds counts as not
    /// consumed yet. Without that, releasing the rollback would write to it.
    fn restore_source(
        &self,
        sides: &EntitySides,
        linked: &mut Linked,
        source: SideId,
        group: GroupId,
        (before, rev): (&[Value], u64),
        links: &dyn LensContext,
    ) -> Result<()> {
        let uid = linked.entity.uid;
        let Some(index) = linked.side_index(source) else {
            return Ok(());
        };
        let side = &mut linked.sides[index];
        let rules = rules_of(sides, side, group);
        let base = match (self.release, rules) {
            (RollbackRelease::Everywhere, _) | (_, None) => Base::AsObserved,
            _ if self.linked.contains(&(uid, source)) => Base::Never,
            (_, Some((rules, held))) => match rules.put(before, &held, links) {
                Ok(put) if rules.canon(&put) == rules.canon(&held) => Base::AsObserved,
                Ok(put) => Base::Held(put),
                Err(_) => Base::Never,
            },
        };
        let state = side.group_mut(group);
        state.base = base;
        state.base_rev = Some(rev);
        match self.release {
            RollbackRelease::Hold => {}
            RollbackRelease::AcceptSourceNext => {
                side.dirty_seq = self.inner.marks.next(self.inner.clock.now()).0;
                side.flags.set(SideFlags::READ);
            }
            RollbackRelease::Everywhere => side.flags.set(SideFlags::PUSH),
        }
        side.tidy();
        Ok(())
    }

    /// Freezes a group until a person decides.
    #[expect(
        clippy::too_many_arguments,
        reason = "an item shows exactly these, and each has another owner"
    )]
    pub(super) async fn hold(
        &self,
        page: &mut Page,
        run: &Run,
        blueprint: &Blueprint,
        sides: &EntitySides,
        linked: &mut Linked,
        source: SideId,
        group: GroupId,
    ) -> Result<()> {
        let Some(sync) = sides.syncs.iter().find(|sync| sync.side == source) else {
            return Ok(());
        };
        if linked.entity.frozen_by(group).is_none() {
            linked.entity.frozen.push((group, 0));
        }
        let place = ReviewPlace {
            sync,
            blueprint,
            mappings: sides.mappings(),
            explanation: "",
        };
        let review = open_review_at(
            self.inner,
            page,
            run.id,
            &place,
            linked,
            group,
            ReviewReason::RollbackHold,
        )
        .await?;
        if let Some(frozen) = linked.entity.frozen.iter_mut().find(|(frozen, _)| *frozen == group) {
            frozen.1 = review;
        }
        Ok(())
    }

    /// Ends what the rollback that is itself rolled back had held: the sides that hold what comes back agree with it.
    pub(super) async fn lift(
        &self,
        page: &mut Page,
        blueprint: &Blueprint,
        sides: &EntitySides,
        linked: &mut Linked,
        group: GroupId,
        rev: u64,
    ) -> Result<()> {
        let mut source = None;
        if let Some(id) = linked.entity.frozen_by(group) {
            let Some(document) = page.tx()?.document(DocumentKind::Review, id).await? else {
                return Ok(());
            };
            let mut review: Versioned<Review> = document::read(document)?;
            if review.run != self.undone.id {
                return Ok(());
            }
            source = sides
                .syncs
                .iter()
                .find(|sync| sync.id == review.sync)
                .map(|sync| sync.side);
            review.status = ReviewStatus::Resolved;
            review.resolution = Some("the rollback was itself rolled back".to_owned());
            review.resolved_at = Some(self.inner.clock.now());
            document::put(page.tx()?, &mut review).await?;
            linked.entity.frozen.retain(|(frozen, _)| *frozen != group);
        }
        let hub = linked.entity.group_values(blueprint, group);
        let links = sides.links(page.tx()?, linked).await?;
        for side in linked.sides.iter_mut().filter(|side| !side.obs.is_empty()) {
            side.flags.set(SideFlags::PUSH);
            let is_open = |state: &GroupState| state.base != Base::AsObserved;
            if !side.groups.get(&group).is_some_and(is_open) {
                continue;
            }
            let links: &dyn LensContext = links.get(&side.key.side).map_or(&NoLinks, |links| links);
            let rules = rules_of(sides, side, group);
            let put = rules
                .as_ref()
                .and_then(|(rules, held)| Some((rules.put(&hub, held, links).ok()?, rules, held)));
            let base = match put {
                Some((put, rules, held)) if rules.canon(&put) == rules.canon(held) => Base::AsObserved,
                // Somebody edited there while it was held, on top of what comes back.
                Some((put, ..)) if Some(side.key.side) == source => Base::Held(put),
                // Or on top of something else: it is decided like any other edit.
                _ => {
                    side.dirty_seq = self.inner.marks.next(self.inner.clock.now()).0;
                    side.flags.set(SideFlags::READ);
                    continue;
                }
            };
            if base != Base::AsObserved {
                side.dirty_seq = self.inner.marks.next(self.inner.clock.now()).0;
                side.flags.set(SideFlags::READ);
            }
            let state = side.group_mut(group);
            state.base = base;
            state.base_rev = Some(rev);
            side.tidy();
        }
        Ok(())
    }

    /// What a restored or deleted entity means for its sides. The one that the change came from knows already.
    fn presence_restored(&self, run: &mut Run, sides: &EntitySides, linked: &mut Linked, source: SideId) {
        let live = !linked.entity.deleted;
        let dirty_seq = self.inner.marks.next(self.inner.clock.now()).0;
        for side in &mut linked.sides {
            let is_source = side.key.side == source;
            match side.presence {
                Presence::Unlinked if live && !is_source => {
                    side.presence = Presence::Live;
                    side.dirty_seq = dirty_seq;
                    side.flags.set(SideFlags(SideFlags::READ.0 | SideFlags::PUSH.0));
                }
                Presence::Deleted(_) | Presence::Archived
                    if live && (!is_source || self.release == RollbackRelease::Everywhere) =>
                {
                    let label = label_of(sides, side.key.side);
                    let record = side.ext.clone().unwrap_or_default();
                    let reason = format!("it is created again in {label}, under a new id");
                    run.diverge(record, "(the record)".to_owned(), reason);
                    recreate(side);
                }
                _ if !is_source => side.flags.set(SideFlags::PUSH),
                _ => {}
            }
        }
        spare_held(linked);
    }

    /// Undoes that a link was cut. Where the app's record is deleted, a person decides before anything else is done.
    async fn link_again(
        &self,
        page: &mut Page,
        run: &mut Run,
        blueprint: &Blueprint,
        sides: &EntitySides,
        linked: &mut Linked,
        entry: &AuditEntry,
    ) -> Result<Undone> {
        let index = linked.side_index(entry.side);
        let Some(index) = index.filter(|&index| linked.sides[index].presence == Presence::Unlinked) else {
            return Ok(Undone::Already);
        };
        let dirty_seq = self.inner.marks.next(self.inner.clock.now()).0;
        let uid = linked.entity.uid;
        let side = &mut linked.sides[index];
        side.presence = Presence::Live;
        side.dirty_seq = dirty_seq;
        side.flags.set(SideFlags::READ);
        page.audit.push(
            AuditEntry::new(AuditKind::Linked, uid, entry.side, side.ext.as_deref())
                .note(format!("{}: rolls run {} back", run.initiator, self.undone.id)),
        );
        if linked.entity.deleted {
            self.hold(page, run, blueprint, sides, linked, entry.side, PRESENCE)
                .await?;
        }
        Ok(Undone::Restored)
    }

    fn why_diverged(&self, sides: &EntitySides, linked: &Linked, group: GroupId) -> String {
        let what = if group == PRESENCE {
            "deleted or restored"
        } else {
            "changed"
        };
        match linked.entity.last_decision(group).map(|last| last.cause) {
            Some(Cause::App) => format!("it was {what} in the app since"),
            Some(Cause::Side(side)) => format!("it was {what} in {} since", label_of(sides, side)),
            Some(Cause::Review) => "a person decided on it since".to_owned(),
            Some(Cause::Rollback) => "another rollback changed it since".to_owned(),
            Some(Cause::Mapping) | None => format!("it was {what} since"),
        }
    }
}

/// How the audit words a delete that we sent.
const DELETED_BY_US: &str = "deleted in the app";

fn label_of(sides: &EntitySides, side: SideId) -> String {
    let mapping = sides
        .active
        .iter()
        .find(|known| known.sync.side == side)
        .map(|known| known.mapping.label.clone());
    mapping
        .or_else(|| {
            sides
                .syncs
                .iter()
                .find(|sync| sync.side == side)
                .map(|sync| sync.name.clone())
        })
        .unwrap_or_else(|| format!("side {side}"))
}
