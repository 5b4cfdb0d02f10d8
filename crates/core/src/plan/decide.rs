//! The group-level decision table (section 4).

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::Timestamp;

use super::compare::{base_of, changed, holds, pick, same_to};
use super::scene::{Effects, Force, ReviewChange, ReviewReason, Scene, SceneSide};
use super::thaw::thaw;
use crate::audit::{AuditEntry, AuditKind};
use crate::error::{Error, ErrorKind, Result};
use crate::io::Mark;
use crate::mapping::{EmptyPolicy, Role, SideGroup, Strategy};
use crate::model::GroupId;
use crate::state::{Base, Cause, Linked, Presence, SideFlags, Stamp};
use crate::value::{Value, decode_all};

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
    groups(linked, index, mark, previous_stamp, &BTreeSet::new(), scene)
}

/// As [`reconcile`]; `added` are groups that a change of the mapping has just joined to a record known before.
pub(super) fn groups(
    linked: &mut Linked,
    index: usize,
    mark: Option<Mark>,
    previous_stamp: Option<Timestamp>,
    added: &BTreeSet<GroupId>,
    scene: &Scene<'_>,
) -> Result<Effects> {
    let known = *scene
        .sides
        .get(&linked.sides[index].key.side)
        .ok_or_else(|| Error::new(ErrorKind::Internal, "a side without a mapping was reconciled"))?;
    let places = places(&linked.sides[index].obs)?;
    let settled_rev = linked.entity.rev;
    let is_new = linked.entity.rev == 0;
    let mut table = Table {
        index,
        mark,
        previous_stamp,
        added,
        scene,
        known,
        rev: linked.entity.rev + 1,
        effects: Effects::default(),
    };
    for group in &known.mapping.groups {
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
    let Table { mut effects, rev, .. } = table;
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
        .filter(|side| matches!(side.presence, Presence::Live | Presence::NeverSeen))
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

struct Table<'a> {
    index: usize,
    mark: Option<Mark>,
    previous_stamp: Option<Timestamp>,
    added: &'a BTreeSet<GroupId>,
    scene: &'a Scene<'a>,
    known: SceneSide<'a>,
    rev: u64,
    effects: Effects,
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
        if linked.entity.rev_of(id) == 0 && hub.iter().all(Value::is_empty) && !self.reverts_lone_change(group) {
            // Nobody ever said anything about it, as for every field of a new record: no need to compare.
            if canonical.iter().all(Value::is_empty) {
                self.consume(linked, id);
            } else {
                self.take(linked, group, canonical, hub, None, false, true);
            }
            return Ok(());
        }
        let base = base_of(&linked.sides[self.index], id, &observed);
        let moved = linked.entity.rev_of(id) > linked.sides[self.index].base_rev(id);

        if self.loses_as_empty(group, base.is_none(), &canonical, &hub) {
            if base.is_some() {
                let note = "an empty value does not overwrite this field";
                self.lose(linked, group, canonical, hub, note);
                return Ok(());
            }
            self.consume(linked, id);
            linked.sides[self.index].flags.set(SideFlags::PUSH);
            return Ok(());
        }
        let same_to_side = holds(group, &hub, &observed, self.known.links).unwrap_or(canonical == hub);
        if !moved {
            if same_to_side {
                self.consume(linked, id);
                self.agree(linked, id);
            } else if self.reverts_lone_change(group) {
                self.lose(linked, group, canonical, hub, "the app is authoritative for this field");
            } else {
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
        match (self.mark, linked.entity.last_decision(group)) {
            (_, None) => true,
            (Some(mark), Some(decision)) => mark.0 > decision.mark,
            (None, Some(_)) => false,
        }
    }

    fn canonical(&self, linked: &Linked, group: &SideGroup, observed: &[Value], hub: &[Value]) -> Result<Vec<Value>> {
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

    fn loses_as_empty(&self, group: &SideGroup, never_agreed: bool, canonical: &[Value], hub: &[Value]) -> bool {
        let empty = canonical.iter().all(Value::is_empty) && !hub.iter().all(Value::is_empty);
        empty && (never_agreed || group.empty == EmptyPolicy::Never)
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

    fn conflict(&mut self, linked: &mut Linked, group: &SideGroup, canonical: Vec<Value>, hub: Vec<Value>) {
        let id = group.group;
        let base_rev = linked.sides[self.index].base_rev(id);
        let me = Cause::Side(self.known.mapping.side);
        let rivals: Vec<(Cause, Stamp)> = linked
            .entity
            .decisions_on(self.scene.blueprint, id)
            .filter(|(decision, value)| {
                decision.rev > base_rev
                    && decision.cause != me
                    && *value != canonical
                    && !same_to(group, value, &canonical, self.known.links)
            })
            .map(|(decision, _)| (decision.cause, decision.stamp))
            .collect();
        let (stamp, low_confidence) = self.stamp(linked, id, &rivals);
        let mine = (self.known.mapping.role, self.known.mapping.rank);
        let wins = match (self.scene.force, group.strategy) {
            _ if rivals.is_empty() => true,
            (Some(Force::Side(side)), _) => side == self.known.mapping.side,
            (Some(Force::App), _) => false,
            (None, Strategy::ManualReview) => {
                self.freeze(linked, id, canonical, hub);
                return;
            }
            // The record's stamp says nothing of a field that nobody has looked at before.
            (None, Strategy::LastWriteWins) if self.added.contains(&id) => false,
            (None, Strategy::LastWriteWins) => rivals.iter().all(|(_, rival)| stamp > *rival),
            (None, Strategy::CrmWins | Strategy::CrmAuthoritative) => rivals
                .iter()
                .all(|(cause, _)| self.seat(mine, Role::Crm) > self.seat(self.rank_of(*cause), Role::Crm)),
            (None, Strategy::AppWins) => rivals
                .iter()
                .all(|(cause, _)| self.seat(mine, Role::App) > self.seat(self.rank_of(*cause), Role::App)),
            (None, Strategy::AppAuthoritative) => self.known.mapping.role == Role::App,
        };
        if wins {
            self.win(linked, group, canonical, hub, Some("won a conflict"), low_confidence);
        } else {
            let note = if low_confidence {
                "lost a conflict; low confidence"
            } else {
                "lost a conflict"
            };
            self.lose(linked, group, canonical, hub, note);
        }
    }

    fn seat(&self, (role, rank): (Role, i32), first: Role) -> (bool, i32) {
        (role == first, rank)
    }

    fn rank_of(&self, cause: Cause) -> (Role, i32) {
        match cause {
            Cause::Side(side) => self
                .scene
                .sides
                .get(&side)
                .map_or((Role::Crm, i32::MIN), |known| (known.mapping.role, known.mapping.rank)),
            _ => (Role::App, 0),
        }
    }

    /// The stamp of this side's edit, and whether the clocks leave its order to the rivals open.
    fn stamp(&self, linked: &Linked, group: GroupId, rivals: &[(Cause, Stamp)]) -> (Stamp, bool) {
        let side = &linked.sides[self.index];
        let now = self.scene.now.as_microsecond();
        let source = side.stamp.map_or(now, |stamp| stamp.as_microsecond().min(now));
        let before = linked.entity.stamp_up_to(group, side.base_rev(group)).saturating_add(1);
        let stamp = Stamp {
            at: source.max(before),
            source,
            rank: self.known.mapping.rank,
        };
        let since = self.previous_stamp.map_or(i64::MIN, Timestamp::as_microsecond);
        (
            stamp,
            rivals
                .iter()
                .any(|(_, rival)| rival.source >= since && rival.source <= source),
        )
    }

    /// Whether hub and canonical are the same to the side that decided last.
    fn same_to_cause(&self, linked: &Linked, group: GroupId, canonical: &[Value], hub: &[Value]) -> bool {
        if canonical == hub {
            return true;
        }
        let Some(Cause::Side(side)) = linked.entity.last_decision(group).map(|decision| decision.cause) else {
            return false;
        };
        self.scene
            .sides
            .get(&side)
            .and_then(|known| known.mapping.group(group).map(|rules| (rules, known.links)))
            .is_some_and(|(rules, links)| same_to(rules, canonical, hub, links))
    }

    fn merge_sets(
        &self,
        group: &SideGroup,
        base: Option<&[Value]>,
        canonical: &[Value],
        hub: &[Value],
    ) -> Result<Vec<Value>> {
        let base = base.map(|base| group.get(base, hub, self.known.links)).transpose()?;
        let merged = canonical.iter().zip(hub).enumerate().map(|(place, (mine, hub))| {
            let before = base.as_ref().map(|base| items(&base[place])).unwrap_or_default();
            let mine = items(mine);
            let mut merged: Vec<Value> = items(hub)
                .into_iter()
                .filter(|item| mine.contains(item) || !before.contains(item))
                .collect();
            for item in mine {
                if !before.contains(&item) && !merged.contains(&item) {
                    merged.push(item);
                }
            }
            merged.sort_by_key(ToString::to_string);
            if merged.is_empty() {
                Value::Null
            } else {
                Value::List(merged)
            }
        });
        Ok(merged.collect())
    }

    /// Nothing that is known resolves a reference. Only this group waits for a person.
    fn ask_for_reference(&mut self, linked: &mut Linked, group: GroupId, hub: Vec<Value>) {
        linked.entity.frozen.push((group, 0));
        let entry = self
            .entry(linked, AuditKind::ConflictOpened)
            .values(group, linked.entity.rev, hub, Vec::new())
            .note("a reference that nothing resolves");
        self.effects.audit.push(entry);
        self.effects.reviews.push(ReviewChange {
            group,
            reason: Some(ReviewReason::UnresolvedReference),
        });
    }

    /// Lets a reference go on that a person was asked about and that can be resolved by now. Only such a group is
    /// frozen before anybody ever decided on it.
    fn thaw_reference(&mut self, linked: &mut Linked, group: &SideGroup, observed: &[Value]) -> bool {
        let id = group.group;
        let hub = linked.entity.group_values(self.scene.blueprint, id);
        let is_reference = group.rules.iter().any(|rule| !rule.lens.references().is_empty());
        if !is_reference || linked.entity.rev_of(id) > 0 || self.canonical(linked, group, observed, &hub).is_err() {
            return false;
        }
        linked.entity.frozen.retain(|(frozen, _)| *frozen != id);
        self.effects.reviews.push(ReviewChange {
            group: id,
            reason: None,
        });
        true
    }

    fn freeze(&mut self, linked: &mut Linked, group: GroupId, canonical: Vec<Value>, hub: Vec<Value>) {
        linked.entity.frozen.push((group, 0));
        let entry = self
            .entry(linked, AuditKind::ConflictOpened)
            .values(group, linked.entity.rev, hub, canonical);
        self.effects.audit.push(entry);
        self.effects.reviews.push(ReviewChange {
            group,
            reason: Some(ReviewReason::Conflict),
        });
    }

    /// The side's value becomes the hub's.
    fn win(
        &mut self,
        linked: &mut Linked,
        group: &SideGroup,
        values: Vec<Value>,
        hub: Vec<Value>,
        note: Option<&str>,
        low_confidence: bool,
    ) {
        let held = holds(group, &values, &pick_now(linked, self.index, group), self.known.links).unwrap_or(true);
        self.take(linked, group, values, hub, note, low_confidence, held);
    }

    /// A value becomes the hub's. `held` says whether the side, as coarse as it is, holds it too.
    #[expect(clippy::too_many_arguments, reason = "a decision is written down with exactly these")]
    fn take(
        &mut self,
        linked: &mut Linked,
        group: &SideGroup,
        values: Vec<Value>,
        hub: Vec<Value>,
        note: Option<&str>,
        low_confidence: bool,
        held: bool,
    ) {
        let id = group.group;
        self.decide(linked, id, values.clone());
        let mut entry = self.entry(linked, AuditKind::Decided).values(id, self.rev, hub, values);
        if let Some(note) = note {
            entry.note = note.to_owned();
        }
        if low_confidence {
            entry.note.push_str("; low confidence");
        }
        self.effects.audit.push(entry);
        self.consume(linked, id);
        if held {
            linked.sides[self.index].group_mut(id).base_rev = Some(self.rev);
        } else {
            linked.sides[self.index].flags.set(SideFlags::PUSH);
        }
    }

    /// The side's value is overruled and written down.
    fn lose(&mut self, linked: &mut Linked, group: &SideGroup, loser: Vec<Value>, hub: Vec<Value>, note: &str) {
        let entry = self
            .entry(linked, AuditKind::Overruled)
            .values(group.group, linked.entity.rev, loser, hub)
            .note(note);
        self.effects.audit.push(entry);
        self.consume(linked, group.group);
        if group.direction.pushes() {
            linked.sides[self.index].flags.set(SideFlags::PUSH);
        }
    }

    /// The side came to the value that the hub holds already: a decision of its own, and no write.
    fn agreement(&mut self, linked: &mut Linked, group: &SideGroup, finer: Vec<Value>, hub: Vec<Value>) {
        let id = group.group;
        self.decide(linked, id, finer.clone());
        let entry = self.entry(linked, AuditKind::Agreed).values(id, self.rev, hub, finer);
        self.effects.audit.push(entry);
        self.consume(linked, id);
        linked.sides[self.index].group_mut(id).base_rev = Some(self.rev);
    }

    fn decide(&mut self, linked: &mut Linked, group: GroupId, values: Vec<Value>) {
        let (stamp, _) = self.stamp(linked, group, &[]);
        let header = (self.rev, self.scene.mark, Cause::Side(self.known.mapping.side), stamp);
        linked.entity.decide(self.scene.blueprint, group, values, header);
        linked.entity.updated_by.0 = self.known.mapping.label.clone();
        self.effects.decided.push(group);
    }

    fn consume(&self, linked: &mut Linked, group: GroupId) {
        let base_rev = linked.sides[self.index].base_rev(group);
        let state = linked.sides[self.index].group_mut(group);
        state.base = Base::AsObserved;
        state.base_rev = Some(base_rev);
    }

    fn agree(&self, linked: &mut Linked, group: GroupId) {
        let rev = linked.entity.rev;
        linked.sides[self.index].group_mut(group).base_rev = Some(rev);
    }

    fn entry(&self, linked: &Linked, kind: AuditKind) -> AuditEntry {
        let side = &linked.sides[self.index];
        AuditEntry::new(kind, linked.entity.uid, side.key.side, side.ext.as_deref()).note(self.scene.actor)
    }
}

fn pick_now(linked: &Linked, index: usize, group: &SideGroup) -> Vec<Value> {
    decode_all(&linked.sides[index].obs)
        .map(|row| pick(&row, group))
        .unwrap_or_default()
}

fn items(value: &Value) -> Vec<Value> {
    match value {
        Value::List(list) => list.clone(),
        Value::Null => Vec::new(),
        other => vec![other.clone()],
    }
}
