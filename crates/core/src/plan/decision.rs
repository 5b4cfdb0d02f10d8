//! Taking a decision on a group, or none: what it does to the hub, to the side and to the audit.

use super::compare::{holds, pick};
use super::decide::Table;
use super::scene::{ReviewChange, ReviewReason};
use crate::audit::{AuditEntry, AuditKind};
use crate::mapping::SideGroup;
use crate::model::GroupId;
use crate::state::{Base, Cause, Linked, SideFlags};
use crate::value::{Value, decode_all};

impl Table<'_> {
    pub(super) fn freeze(
        &mut self,
        linked: &mut Linked,
        group: GroupId,
        canonical: Vec<Value>,
        hub: Vec<Value>,
        reason: ReviewReason,
    ) {
        linked.entity.frozen.push((group, 0));
        let entry = self
            .entry(linked, AuditKind::ConflictOpened)
            .values(group, linked.entity.rev, hub, canonical);
        self.effects.audit.push(entry);
        self.effects.reviews.push(ReviewChange {
            group,
            reason: Some(reason),
        });
    }

    /// The side's value becomes the hub's.
    pub(super) fn win(
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
    pub(super) fn take(
        &mut self,
        linked: &mut Linked,
        group: &SideGroup,
        values: Vec<Value>,
        hub: Vec<Value>,
        note: Option<&str>,
        low_confidence: bool,
        held: bool,
    ) {
        if self.breaks(linked, group, &values, &hub) {
            return;
        }
        let id = group.group;
        let since = self.scene.oscillates_since();
        if self.scene.oscillation.is_some_and(|oscillation| {
            values != hub && linked.entity.returns(id, &values, since) >= oscillation.returns
        }) {
            self.freeze(linked, id, values, hub, ReviewReason::Oscillation);
            return;
        }
        if self.scene.oscillation.is_some() {
            let visit = (values.as_slice(), self.scene.mark);
            linked.entity.note_visit(self.scene.blueprint, id, visit, since, true);
        }
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
    pub(super) fn lose(
        &mut self,
        linked: &mut Linked,
        group: &SideGroup,
        loser: Vec<Value>,
        hub: Vec<Value>,
        note: &str,
    ) {
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
    pub(super) fn agreement(&mut self, linked: &mut Linked, group: &SideGroup, finer: Vec<Value>, hub: Vec<Value>) {
        let id = group.group;
        self.decide(linked, id, finer.clone());
        let entry = self.entry(linked, AuditKind::Agreed).values(id, self.rev, hub, finer);
        self.effects.audit.push(entry);
        self.consume(linked, id);
        linked.sides[self.index].group_mut(id).base_rev = Some(self.rev);
    }

    pub(super) fn decide(&mut self, linked: &mut Linked, group: GroupId, values: Vec<Value>) {
        let (stamp, _) = self.stamp(linked, group, &[]);
        let header = (self.rev, self.scene.mark, Cause::Side(self.known.mapping.side), stamp);
        linked.entity.decide(self.scene.blueprint, group, values, header);
        linked.entity.updated_by.0 = self.known.mapping.label.clone();
        self.effects.decided.push(group);
    }

    pub(super) fn consume(&self, linked: &mut Linked, group: GroupId) {
        let base_rev = linked.sides[self.index].base_rev(group);
        let state = linked.sides[self.index].group_mut(group);
        state.base = Base::AsObserved;
        state.base_rev = Some(base_rev);
    }

    pub(super) fn agree(&self, linked: &mut Linked, group: GroupId) {
        let rev = linked.entity.rev;
        linked.sides[self.index].group_mut(group).base_rev = Some(rev);
    }

    pub(super) fn entry(&self, linked: &Linked, kind: AuditKind) -> AuditEntry {
        let side = &linked.sides[self.index];
        AuditEntry::new(kind, linked.entity.uid, side.key.side, side.ext.as_deref()).note(self.scene.actor)
    }
}

fn pick_now(linked: &Linked, index: usize, group: &SideGroup) -> Vec<Value> {
    decode_all(&linked.sides[index].obs)
        .map(|row| pick(&row, group))
        .unwrap_or_default()
}
