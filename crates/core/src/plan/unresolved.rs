//! References that nothing resolves: once all that could be referred to was read, a person is asked (section 2).

use super::decide::Table;
use super::scene::{ReviewChange, ReviewReason};
use crate::audit::AuditKind;
use crate::mapping::SideGroup;
use crate::model::GroupId;
use crate::state::Linked;
use crate::value::Value;

impl Table<'_> {
    /// Nothing that is known resolves a reference. Only this group waits for a person.
    pub(super) fn ask_for_reference(&mut self, linked: &mut Linked, group: GroupId, hub: Vec<Value>) {
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
    pub(super) fn thaw_reference(&mut self, linked: &mut Linked, group: &SideGroup, observed: &[Value]) -> bool {
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
}
