//! The group-level decision table (section 4).

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::Timestamp;

use super::compare::{base_of, changed, holds};
use super::scene::{Effects, Force, ReviewChange, ReviewReason, Scene, SceneSide};
use super::states::{Followed, follow_up, in_order};
use super::thaw::thaw;
use crate::audit::{AuditEntry, AuditKind};
use crate::batch::Carried;
use crate::error::{Error, ErrorKind, Result};
use crate::io::Mark;
use crate::mapping::{EmptyPolicy, Role, SideGroup, Strategy};
use crate::model::GroupId;
use crate::state::{Linked, Presence, SideFlags};
use crate::value::Value;

/// Decides every group of a side over what it was last observed to hold. `mark` is that of the read when this follows
/// an accepted one. Called again after a failure was mended, it takes up what was left unconsumed.
///
/// # Errors
/// As [`super::observe`].
pub fn reconcile(
    linked: &mut Linked,
    index: usize,
    mark: Option<Mark>,
    previous_stamp: Option<Timestamp>,
    scene: &Scene<'_>,
) -> Result<Effects> {
    let seen = Seen {
        mark,
        previous_stamp,
        added: &BTreeSet::new(),
        carried: None,
    };
    groups(linked, index, &seen, scene)
}

/// What is known of the read that is decided over.
pub(super) struct Seen<'a> {
    /// Its mark.
    pub(super) mark: Option<Mark>,
    /// The provider's version that was known before.
    pub(super) previous_stamp: Option<Timestamp>,
    /// Groups that a change of the mapping has just joined to a record known before.
    pub(super) added: &'a BTreeSet<GroupId>,
    /// Which fields the answer carried, where it is at hand.
    pub(super) carried: Option<Carried<'a>>,
}

/// As [`reconcile`].
pub(super) fn groups(linked: &mut Linked, index: usize, seen: &Seen<'_>, scene: &Scene<'_>) -> Result<Effects> {
    let known = *scene
        .sides
        .get(&linked.sides[index].key.side)
        .ok_or_else(|| Error::new(ErrorKind::Internal, "a side without a mapping was reconciled"))?;
    let places = places(&linked.sides[index].obs)?;
    let settled_rev = linked.entity.rev;
    let is_new = linked.entity.rev == 0;
    let mut table = Table {
        index,
        seen,
        scene,
        known,
        rev: linked.entity.rev + 1,
        effects: Effects::default(),
        before: (!is_new && !scene.flows.is_empty()).then(|| linked.entity.values.clone()),
        followed: Vec::new(),
    };
    for group in in_order(&known.mapping.groups, scene) {
        if is_settled(linked, index, group.group, settled_rev) {
            continue;
        }
        let observed = observed(&linked.sides[index].obs, &places, group)?;
        if let Err(error) = table.group(linked, group, observed) {
            if error.kind() == ErrorKind::Pending {
                table.effects.waiting = true;
            } else {
                table.effects.failures.push((group.group, error));
            }
        }
    }
    let Table {
        mut effects,
        rev,
        before,
        followed,
        ..
    } = table;
    if is_new {
        // One entry with all values tells as much as one for each field.
        effects.audit.retain(|entry| entry.kind != AuditKind::Decided);
        let side = &linked.sides[index];
        effects.audit.push(
            AuditEntry::new(
                AuditKind::Created,
                linked.entity.uid,
                side.key.side,
                side.ext.as_deref(),
            )
            .values(0, rev, Vec::new(), linked.entity.values.clone())
            .note(scene.actor),
        );
    }
    let side = &mut linked.sides[index];
    match (effects.waiting, effects.failures.is_empty()) {
        (true, _) => side.flags.set(SideFlags::WAITING),
        (false, _) => side.flags.clear(SideFlags::WAITING),
    }
    if effects.failures.is_empty() {
        side.flags.clear(SideFlags::FAILED);
    } else {
        side.flags.set(SideFlags::FAILED);
    }
    settle_base_rev(linked, index, known);
    if effects.hub_moved() {
        linked.entity.updated_at = scene.now;
        for (place, other) in linked.sides.iter_mut().enumerate() {
            if place != index {
                other.flags.set(SideFlags::PUSH);
            }
        }
        prune(linked);
    }
    if let Some(before) = before.filter(|_| !followed.is_empty()) {
        follow_up(linked, index, &before, &followed, scene, &mut effects);
    }
    effects.decided.dedup();
    Ok(effects)
}

/// Forgets decisions that no side can still ask for.
pub(super) fn prune(linked: &mut Linked) {
    let Linked { entity, sides } = linked;
    if entity.decisions.len() < 2 {
        return;
    }
    let asking: Vec<_> = sides
        .iter()
        .filter(|side| {
            matches!(
                side.presence,
                Presence::Live | Presence::NeverSeen | Presence::ReportedDeleted(_)
            )
        })
        .collect();
    entity.prune(|group| asking.iter().map(|side| side.base_rev(group)).min().unwrap_or(u64::MAX));
}

/// Stores a revision that all groups share once, in the side itself.
fn settle_base_rev(linked: &mut Linked, index: usize, known: SceneSide<'_>) {
    // Agreed with the last decision on a group is agreed up to now, whatever was decided on other groups.
    let entity = &linked.entity;
    let side = &mut linked.sides[index];
    let settled = |group: GroupId| {
        let rev = side.base_rev(group);
        if rev >= entity.rev_of(group) { entity.rev } else { rev }
    };
    let revs = known
        .mapping
        .groups
        .iter()
        .map(|group| (group.group, settled(group.group)));
    let Some((_, least)) = revs.clone().min_by_key(|(_, rev)| *rev) else {
        return;
    };
    // Nearly all share it and have no state of their own.
    let others: Vec<(GroupId, u64)> = revs.filter(|(_, rev)| *rev != least).collect();
    for (group, state) in &mut side.groups {
        if known.mapping.group(*group).is_some() {
            state.base_rev = None;
        }
    }
    for (group, rev) in others {
        side.group_mut(group).base_rev = Some(rev);
    }
    side.base_rev = least;
    side.tidy();
}

/// Where each value of an observation lies.
fn places(obs: &[u8]) -> Result<Vec<Range<usize>>> {
    let mut places = Vec::with_capacity(16);
    let mut rest = obs;
    while !rest.is_empty() {
        let start = obs.len() - rest.len();
        Value::skip(&mut rest)?;
        places.push(start..obs.len() - rest.len());
    }
    Ok(places)
}

/// A group's raw values out of an observation.
fn observed(obs: &[u8], places: &[Range<usize>], group: &SideGroup) -> Result<Vec<Value>> {
    let value = |path: &usize| match places.get(*path) {
        Some(place) => Value::decode(&mut &obs[place.clone()]),
        None => Ok(Value::Null),
    };
    group.paths.iter().map(value).collect()
}

/// Whether a side has certainly nothing to say about a group, and nothing to learn: it holds what it held when it
/// agreed with the revision that this observation met.
fn is_settled(linked: &Linked, index: usize, group: GroupId, met: u64) -> bool {
    let side = &linked.sides[index];
    met > 0
        && side.base_rev >= met
        && !side.obs.is_empty()
        && !side.groups.contains_key(&group)
        && linked.entity.frozen_by(group).is_none()
}

/// The table over one side, while its groups are decided.
pub(super) struct Table<'a> {
    pub(super) index: usize,
    pub(super) seen: &'a Seen<'a>,
    pub(super) scene: &'a Scene<'a>,
    pub(super) known: SceneSide<'a>,
    pub(super) rev: u64,
    pub(super) effects: Effects,
    /// The values before anything was decided, where flows are asked.
    pub(super) before: Option<Vec<Value>>,
    /// Transitions that the side's changes turned out to be.
    pub(super) followed: Vec<Followed<'a>>,
}

impl Table<'_> {
    fn group(&mut self, linked: &mut Linked, group: &SideGroup, observed: Vec<Value>) -> Result<()> {
        let id = group.group;
        let side = &linked.sides[self.index];
        if !changed(side, group, &observed) {
            return self.unchanged(linked, group, &observed);
        }
        if !self.scene.direction.pulls() && self.scene.force.is_none() {
            // A run that only writes leaves what users did to one that reads.
            self.effects.waiting = true;
            return Ok(());
        }
        if self.is_ghost(linked, group, &observed) {
            self.ghost(linked, group, &observed);
            return Ok(());
        }
        if linked.entity.frozen_by(id).is_some() && self.thaw_reference(linked, group, &observed) {
            // Resolved by now: it is taken like any other edit.
        } else if linked.entity.frozen_by(id).is_some() {
            // No side takes a decision while a person is asked; the item shows the newest observation.
            let hub = linked.entity.group_values(self.scene.blueprint, id);
            if holds(group, &hub, &observed, self.known.links).unwrap_or(false) {
                thaw(linked, id, self.scene, &mut self.effects);
                if linked.entity.frozen_by(id).is_none() {
                    return self.unchanged(linked, group, &observed);
                }
            }
            let unresolved = self.canonical(linked, group, &observed, &hub).is_err_and(|error| {
                // What can't be resolved is still the question.
                error.kind() == ErrorKind::Pending && linked.entity.rev_of(id) == 0
            });
            let reason = if unresolved {
                ReviewReason::UnresolvedReference
            } else {
                ReviewReason::Conflict
            };
            self.effects.reviews.push(ReviewChange {
                group: id,
                reason: Some(reason),
            });
            return Ok(());
        }
        let hub = linked.entity.group_values(self.scene.blueprint, id);
        if !group.direction.pulls() {
            return self.consume_without_effect(linked, group, &observed, &hub);
        }
        let canonical = match self.canonical(linked, group, &observed, &hub) {
            Err(error) if error.kind() == ErrorKind::Pending && self.scene.ask_unresolved => {
                self.ask_for_reference(linked, id, hub);
                return Ok(());
            }
            other => other?,
        };
        let base = base_of(&linked.sides[self.index], id, &observed);
        let reverts = base.is_some() && self.reverts_lone_change(group);
        if linked.entity.rev_of(id) == 0 && hub.iter().all(Value::is_empty) && !reverts {
            // Nobody ever said anything about it, as for every field of a new record: no need to compare.
            if canonical.iter().all(Value::is_empty) {
                self.consume(linked, id);
            } else {
                self.take(linked, group, canonical, hub, None, false, true);
            }
            return Ok(());
        }
        let moved = linked.entity.rev_of(id) > linked.sides[self.index].base_rev(id);

        if canonical.iter().all(Value::is_empty) && !hub.iter().all(Value::is_empty) {
            let note = match (base.is_some(), group.empty) {
                (true, EmptyPolicy::Always) => None,
                (true, EmptyPolicy::Never) => Some("an empty value does not overwrite this field"),
                (true, EmptyPolicy::OnClearEvent) => match self.was_cleared(group) {
                    Some(true) => None,
                    Some(false) => Some("the CRM did not say that it was cleared"),
                    // What the answer said is no longer at hand: it is read again.
                    None => {
                        linked.sides[self.index].dirty_seq = self.scene.mark;
                        linked.sides[self.index].flags.set(SideFlags::READ);
                        return Ok(());
                    }
                },
                (false, _) => Some(""),
            };
            match note {
                Some("") => {
                    self.consume(linked, id);
                    linked.sides[self.index].flags.set(SideFlags::PUSH);
                    return Ok(());
                }
                Some(note) => {
                    self.lose(linked, group, canonical, hub, note);
                    return Ok(());
                }
                None => {}
            }
        }
        let same_to_side = holds(group, &hub, &observed, self.known.links).unwrap_or(canonical == hub);
        if !moved {
            if same_to_side {
                self.consume(linked, id);
                self.agree(linked, id);
            } else if self.reverts_lone_change(group) {
                // Whoever is authoritative: without a base, an empty value has lost to a set one above.
                self.lose(linked, group, canonical, hub, "the app is authoritative for this field");
            } else {
                self.overrule_unshown(linked, group, base.as_deref(), &canonical, &hub);
                self.win(linked, group, canonical, hub, None, false);
            }
            return Ok(());
        }

        let hub_is_empty = hub.iter().all(Value::is_empty);
        if base.is_none() && hub_is_empty && !canonical.iter().all(Value::is_empty) {
            self.win(linked, group, canonical, hub, None, false);
            return Ok(());
        }
        if base.is_none() && same_to_side {
            // Nobody edited anything: a decision would only make a rival of a record that was linked.
            self.consume(linked, id);
            if self.began_after(linked, id) {
                self.agree(linked, id);
            }
            return Ok(());
        }
        if same_to_side || self.same_to_cause(linked, id, &canonical, &hub) {
            // The coarser side's word would make the hub coarser too: the finer value stays.
            let finer = if same_to_side { hub.clone() } else { canonical };
            self.agreement(linked, group, finer, hub);
            return Ok(());
        }
        if group.set {
            let merged = self.merge_sets(group, base.as_deref(), &canonical, &hub)?;
            self.win(
                linked,
                group,
                merged,
                hub,
                Some("both sides changed the set; the changes were merged"),
                false,
            );
            return Ok(());
        }
        self.conflict(linked, group, canonical, hub);
        Ok(())
    }

    /// A side that is only read never shows what the hub holds, so who edits there has not seen what they replace.
    fn overrule_unshown(
        &mut self,
        linked: &Linked,
        group: &SideGroup,
        base: Option<&[Value]>,
        canonical: &[Value],
        hub: &[Value],
    ) {
        let was_shown = |base| holds(group, hub, base, self.known.links).unwrap_or(false);
        if group.direction.pushes() || hub.iter().all(Value::is_empty) || base.is_some_and(was_shown) {
            return;
        }
        let entry = self
            .entry(linked, AuditKind::Overruled)
            .values(group.group, linked.entity.rev, hub.to_vec(), canonical.to_vec())
            .note("replaced by an edit where it is never written to");
        self.effects.audit.push(entry);
    }

    /// Nothing of its own to say: only learn that it holds the hub's value, or that it is behind.
    fn unchanged(&mut self, linked: &mut Linked, group: &SideGroup, observed: &[Value]) -> Result<()> {
        let id = group.group;
        let side = &linked.sides[self.index];
        if side.base_rev(id) >= linked.entity.rev {
            return Ok(());
        }
        let began_after = self.began_after(linked, id);
        let hub = linked.entity.group_values(self.scene.blueprint, id);
        if holds(group, &hub, observed, self.known.links)? {
            if began_after {
                self.agree(linked, id);
            }
            thaw(linked, id, self.scene, &mut self.effects);
        } else if group.direction.pushes() {
            linked.sides[self.index].flags.set(SideFlags::PUSH);
        } else if began_after {
            // A side that is only read is never behind.
            self.agree(linked, id);
        }
        Ok(())
    }

    /// Whether the read began after the last decision on a group.
    fn began_after(&self, linked: &Linked, group: GroupId) -> bool {
        match (self.seen.mark, linked.entity.last_decision(group)) {
            (_, None) => true,
            (Some(mark), Some(decision)) => mark.0 > decision.mark,
            (None, Some(_)) => false,
        }
    }

    pub(super) fn canonical(
        &self,
        linked: &Linked,
        group: &SideGroup,
        observed: &[Value],
        hub: &[Value],
    ) -> Result<Vec<Value>> {
        let mut values = group.get(observed, hub, self.known.links)?;
        for (place, &position) in group.fields.iter().enumerate() {
            if let Some(field) = self.scene.blueprint.fields.get(position) {
                values[place] = self
                    .scene
                    .blueprint
                    .check_value(field, std::mem::take(&mut values[place]))?;
                if field.required && values[place].is_empty() && !hub[place].is_empty() {
                    return Err(Error::new(
                        ErrorKind::Invalid,
                        format!(
                            "`{}` is required and was cleared in {}",
                            field.name, self.known.mapping.label
                        ),
                    ));
                }
                // What is deleted, or waits to be matched, takes nothing away from anybody.
                let is_new = !linked.entity.deleted && values[place] != hub[place];
                let taken = self.scene.unique.filter(|_| field.unique && is_new);
                if taken.is_some_and(|unique| unique.is_taken(linked.entity.id, position, &values[place])) {
                    return Err(self.scene.blueprint.taken(field, &values[place]));
                }
            }
        }
        Ok(values)
    }

    /// Whether the answer carried the group's fields; `None` where that is not known any more.
    fn was_cleared(&self, group: &SideGroup) -> Option<bool> {
        let carried = self.seen.carried?;
        Some(group.paths.iter().all(|&path| carried.has(path)))
    }

    fn reverts_lone_change(&self, group: &SideGroup) -> bool {
        match self.scene.force {
            Some(Force::Side(side)) => side != self.known.mapping.side,
            Some(Force::App) => true,
            None => group.strategy == Strategy::AppAuthoritative && self.known.mapping.role == Role::Crm,
        }
    }

    fn is_ghost(&self, linked: &Linked, group: &SideGroup, observed: &[Value]) -> bool {
        let canon = group.canon(observed);
        linked.sides[self.index].groups.get(&group.group).is_some_and(|state| {
            state
                .ghosts
                .iter()
                .any(|ghost| ghost.until > self.scene.now && group.canon(&ghost.values) == canon)
        })
    }

    /// A value that a delayed write of ours may have set is no decision: the hub's is pushed again.
    fn ghost(&mut self, linked: &mut Linked, group: &SideGroup, observed: &[Value]) {
        let id = group.group;
        let hub = linked.entity.group_values(self.scene.blueprint, id);
        let entry =
            self.entry(linked, AuditKind::LateWriteOrUser)
                .values(id, linked.entity.rev, observed.to_vec(), hub);
        self.effects.audit.push(entry);
        self.consume(linked, id);
        linked.sides[self.index].flags.set(SideFlags::PUSH);
    }

    fn consume_without_effect(
        &mut self,
        linked: &mut Linked,
        group: &SideGroup,
        observed: &[Value],
        hub: &[Value],
    ) -> Result<()> {
        let id = group.group;
        let first = base_of(&linked.sides[self.index], id, observed).is_none();
        if holds(group, hub, observed, self.known.links)? {
            self.consume(linked, id);
            self.agree(linked, id);
            return Ok(());
        }
        if !first || !observed.iter().all(Value::is_empty) {
            let entry = self
                .entry(linked, AuditKind::Overruled)
                .values(id, linked.entity.rev, observed.to_vec(), hub.to_vec())
                .note("this field only flows from the app to the CRM");
            self.effects.audit.push(entry);
        }
        self.consume(linked, id);
        if group.direction.pushes() {
            linked.sides[self.index].flags.set(SideFlags::PUSH);
        }
        Ok(())
    }
}
