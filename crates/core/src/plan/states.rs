//! Flows over the blueprint: what becomes of a side's change of a state.

use super::app_edit::{Patch, ReadPoint, app_edit};
use super::decide::Table;
use super::scene::{Effects, ReviewReason, Scene};
use crate::flow::{Breach, CompiledFlow, Judgement, Taker};
use crate::mapping::{Role, SideGroup, Strategy};
use crate::model::GroupId;
use crate::state::Linked;
use crate::value::Value;

/// A transition that a side's change turned out to be.
pub(super) struct Followed<'a> {
    flow: &'a CompiledFlow,
    transition: String,
}

/// The groups in the order in which they are decided: those that hold a state come last, so that guards see all of what
/// the side says.
pub(super) fn in_order<'g>(groups: &'g [SideGroup], scene: &Scene<'_>) -> impl Iterator<Item = &'g SideGroup> {
    let states: Vec<GroupId> = scene
        .flows
        .iter()
        .map(|flow| scene.blueprint.group_of(flow.field()))
        .collect();
    let (last, first): (Vec<&SideGroup>, Vec<&SideGroup>) =
        groups.iter().partition(|group| states.contains(&group.group));
    first.into_iter().chain(last)
}

impl<'a> Table<'a> {
    /// Whether the flows keep a side's values from becoming the hub's, which is seen to then. A record's first values are
    /// where it begins, and a state that was never known can't be left.
    pub(super) fn breaks(&mut self, linked: &mut Linked, group: &SideGroup, values: &[Value], hub: &[Value]) -> bool {
        let Some(before) = self.before.clone().filter(|_| self.scene.force.is_none()) else {
            return false;
        };
        let id = group.group;
        let scene: &'a Scene<'a> = self.scene;
        let flows = scene
            .flows
            .iter()
            .filter(|flow| scene.blueprint.group_of(flow.field()) == id);
        let mut after = linked.entity.values.clone();
        after.resize(scene.blueprint.fields.len().max(after.len()), Value::Null);
        for (field, value) in scene.blueprint.fields_of(id).into_iter().zip(values) {
            after[field] = value.clone();
        }
        let taker = Taker::crm(&self.known.mapping.label);
        for flow in flows {
            if flow.state_of(&before).is_none() {
                continue;
            }
            match flow.judge(Some(&before), &after, &taker, scene.now) {
                Judgement::Breaks(why) => {
                    let why = format!("it breaks flow `{}`: {why}", flow.flow().name);
                    match flow.flow().inbound {
                        Breach::Apply => {}
                        Breach::Refuse => {
                            self.lose(linked, group, values.to_vec(), hub.to_vec(), &why);
                            return true;
                        }
                        Breach::Review => {
                            self.freeze(linked, id, values.to_vec(), hub.to_vec(), ReviewReason::BreaksFlow);
                            if let Some(entry) = self.effects.audit.last_mut() {
                                entry.note.clone_from(&why);
                            }
                            self.effects.explanations.push((id, why));
                            return true;
                        }
                    }
                }
                Judgement::Follows(transition) => self.followed.push(Followed { flow, transition }),
                Judgement::Begins | Judgement::Stays => {}
            }
        }
        false
    }
}

/// Makes the updates of transitions that were taken on a side, as an edit of the app that follows: fields that the side
/// said something about itself, that a person is asked about or that a CRM is authoritative for are left alone.
pub(super) fn follow_up(
    linked: &mut Linked,
    index: usize,
    before: &[Value],
    followed: &[Followed<'_>],
    scene: &Scene<'_>,
    effects: &mut Effects,
) {
    let label = scene
        .sides
        .get(&linked.sides[index].key.side)
        .map_or(String::new(), |known| known.mapping.label.clone());
    let taker = Taker::crm(&label);
    let mut patch = Patch::new();
    for Followed { flow, transition } in followed {
        // What can't be evaluated breaks the flow, and was found by the judgement.
        let updates = flow.follow_up(transition, before, &linked.entity.values, &taker, scene.now);
        patch.extend(updates.unwrap_or_default());
    }
    patch.retain(|&position, value| {
        let group = scene.blueprint.group_of(position);
        let is_authoritative = scene.sides.values().any(|known| {
            let rules = known.mapping.group(group);
            known.mapping.role == Role::Crm && rules.is_some_and(|rules| rules.strategy == Strategy::CrmAuthoritative)
        });
        linked.entity.value(position) != value
            && !effects.decided.contains(&group)
            && linked.entity.frozen_by(group).is_none()
            && !is_authoritative
    });
    let now = ReadPoint::Rev(linked.entity.rev);
    match app_edit(linked, &patch, &now, scene) {
        Ok(edited) => {
            effects.absorb(edited);
            linked.entity.updated_by.0 = label;
        }
        Err(error) => {
            let first = patch
                .keys()
                .next()
                .map_or(0, |&position| scene.blueprint.group_of(position));
            effects.failures.push((first, error));
        }
    }
}
