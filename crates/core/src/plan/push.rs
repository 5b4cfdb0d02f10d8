//! What has to be written to a side: derived by value, never by revision.

use super::compare::{behind, changed, pick};
use super::scene::Scene;
use crate::error::{Error, ErrorKind, Result};
use crate::mapping::{DeletePolicy, SideGroup, SideMapping, Strategy};
use crate::model::{GroupId, PRESENCE};
use crate::state::{Entity, Linked, OperationVerb, Presence, Side, SideFlags};
use crate::value::{Value, content_hash, decode_all, encode_all};

/// A write that a side needs, or why it needs none.
#[derive(Debug, Default)]
pub struct PushPlan {
    /// What to do; `None` when there is nothing to write.
    pub verb: Option<OperationVerb>,
    /// The groups that it writes.
    pub groups: Vec<GroupId>,
    /// Position in the projection and raw value to write.
    pub target: Vec<(u16, Value)>,
    /// What those fields hold now.
    pub expected: Vec<(u16, Value)>,
    /// Groups that can't be written, and why.
    pub failures: Vec<(GroupId, Error)>,
    /// A reference has to be resolved first.
    pub waiting: bool,
    /// The side has an edit that has to be decided first: reconcile or read it.
    pub undecided: bool,
    /// The link is to be cut since the entity was deleted.
    pub unlink: bool,
    /// The entity was deleted while a person is asked about one of its fields: [`super::ask_before_delete`] comes first.
    pub delete_is_asked: bool,
}

impl PushPlan {
    /// Whether nothing is left to do about the side for now.
    pub fn is_idle(&self) -> bool {
        self.verb.is_none() && !self.undecided && !self.unlink && !self.delete_is_asked
    }

    /// Hash of what is to be written for a group, for telling whether a quarantined write would be the same again.
    pub fn input_hash(&self, group: &SideGroup) -> u128 {
        let values = self
            .target
            .iter()
            .filter(|(path, _)| group.paths.contains(&usize::from(*path)));
        content_hash(&encode_all(values.map(|(_, value)| value)))
    }
}

/// Plans the write that brings a side to the hub's values (section 4, "for a side that is behind").
///
/// # Errors
/// [`ErrorKind::Corrupt`] when stored state can't be read, [`ErrorKind::Internal`] when the side has no mapping here.
pub fn plan_push(linked: &Linked, index: usize, scene: &Scene<'_>) -> Result<PushPlan> {
    let side = &linked.sides[index];
    let known = scene
        .sides
        .get(&side.key.side)
        .ok_or_else(|| Error::new(ErrorKind::Internal, "a side without a mapping was to be pushed"))?;
    let mut plan = PushPlan::default();
    // Whether there is a record already is not known yet, or a person is asked.
    let unclear = SideFlags::IN_FLIGHT.0 | SideFlags::STAGED.0 | SideFlags::HELD.0;
    if side.flags.0 & unclear != 0 {
        return Ok(plan);
    }
    let entity = &linked.entity;
    match (&side.presence, entity.deleted) {
        (Presence::Live, true) => {
            if entity.frozen_by(PRESENCE).is_some() {
                return Ok(plan);
            }
            if scene.hold_deletes {
                plan.delete_is_asked = true;
                return Ok(plan);
            }
            // Where the app's word counts anyway, nobody has to be asked.
            let app_decides = matches!(
                known.mapping.delete_strategy,
                Strategy::AppWins | Strategy::AppAuthoritative
            );
            if !app_decides && entity.frozen.iter().any(|(group, _)| *group != PRESENCE) {
                plan.delete_is_asked = true;
                return Ok(plan);
            }
            match known.mapping.on_app_delete {
                DeletePolicy::Unlink => plan.unlink = true,
                // Not over an edit that nobody has taken in.
                DeletePolicy::Delete | DeletePolicy::Archive if has_edits(entity, side, known.mapping)? => {
                    plan.undecided = true;
                }
                DeletePolicy::Delete | DeletePolicy::Archive => plan.verb = Some(OperationVerb::Delete),
            }
            return Ok(plan);
        }
        (Presence::Live, false) => {}
        (Presence::NeverSeen, false) if known.mapping.create_in_crm => {
            if entity.frozen_by(PRESENCE).is_some() {
                return Ok(plan);
            }
            plan_create(linked, index, scene, &mut plan);
            return Ok(plan);
        }
        _ => return Ok(plan),
    }
    let row = decode_all(&side.obs)?;
    for group in &known.mapping.groups {
        let observed = pick(&row, group);
        if entity.frozen_by(group.group).is_some() {
            continue;
        }
        if changed(side, group, &observed) {
            plan.undecided = true;
            continue;
        }
        if !group.direction.pushes() {
            continue;
        }
        match behind(entity, side, group, &observed, scene.blueprint, known.links) {
            Ok(false) => {}
            Ok(true) => plan_group(linked, index, group, &observed, scene, &mut plan),
            Err(_) => plan.waiting = true,
        }
    }
    if !plan.groups.is_empty() {
        plan.verb = Some(OperationVerb::Update);
    }
    Ok(plan)
}

fn plan_group(
    linked: &Linked,
    index: usize,
    group: &SideGroup,
    observed: &[Value],
    scene: &Scene<'_>,
    plan: &mut PushPlan,
) {
    let side = &linked.sides[index];
    let Some(known) = scene.sides.get(&side.key.side) else {
        return;
    };
    let hub = linked.entity.group_values(scene.blueprint, group.group);
    let raw = match group.put(&hub, observed, known.links) {
        Ok(raw) => raw,
        Err(error) if error.kind() == ErrorKind::Pending => {
            plan.waiting = true;
            return;
        }
        Err(error) => {
            plan.failures.push((group.group, error));
            return;
        }
    };
    let writes: Vec<(usize, &Value)> = raw
        .iter()
        .enumerate()
        .filter(|(place, value)| observed.get(*place) != Some(value))
        .collect();
    if writes.is_empty() {
        return;
    }
    let quarantined = side
        .groups
        .get(&group.group)
        .and_then(|state| state.quarantine.as_ref());
    let hash = content_hash(&encode_all(writes.iter().map(|(_, value)| *value)));
    if quarantined.is_some_and(|quarantine| quarantine.input_hash == hash) {
        return;
    }
    plan.groups.push(group.group);
    for (place, value) in writes {
        let path = group.paths[place] as u16;
        plan.target.push((path, value.clone()));
        plan.expected
            .push((path, observed.get(place).cloned().unwrap_or_default()));
    }
}

fn plan_create(linked: &Linked, index: usize, scene: &Scene<'_>, plan: &mut PushPlan) {
    let side = &linked.sides[index];
    let Some(known) = scene.sides.get(&side.key.side) else {
        return;
    };
    let mut held_back = false;
    for group in known.mapping.groups.iter().filter(|group| group.direction.pushes()) {
        if linked.entity.frozen_by(group.group).is_some() {
            held_back = true;
            continue;
        }
        let hub = linked.entity.group_values(scene.blueprint, group.group);
        if hub.iter().all(Value::is_empty) {
            plan.groups.push(group.group);
            continue;
        }
        let nothing = vec![Value::Null; group.paths.len()];
        match group.put(&hub, &nothing, known.links) {
            Ok(raw) => {
                plan.groups.push(group.group);
                for (place, value) in raw.into_iter().enumerate().filter(|(_, value)| !value.is_empty()) {
                    plan.target.push((group.paths[place] as u16, value));
                }
            }
            Err(error) if error.kind() == ErrorKind::Pending => plan.waiting = true,
            Err(error) => plan.failures.push((group.group, error)),
        }
    }
    if plan.target.is_empty() && plan.failures.is_empty() && !plan.waiting && !held_back {
        // Neither CRM makes a record of nothing, and a record that never comes must not look like one in agreement.
        let message = "the record holds no value that this sync writes, so there is nothing to create; fill one in";
        plan.failures.push((PRESENCE, Error::new(ErrorKind::Invalid, message)));
    }
    let quarantined = side.groups.get(&PRESENCE).and_then(|state| state.quarantine.as_ref());
    let hash = content_hash(&encode_all(plan.target.iter().map(|(_, value)| value)));
    if plan.target.is_empty() || quarantined.is_some_and(|quarantine| quarantine.input_hash == hash) {
        plan.groups.clear();
        return;
    }
    // What it refers to comes first; but records may refer to each other, so a reference is waited for only once.
    if !plan.waiting || side.flags.has(SideFlags::WAITING) {
        plan.verb = Some(OperationVerb::Create);
    }
}

/// Whether a side holds edits that are not consumed, other than those that a person is asked about.
fn has_edits(entity: &Entity, side: &Side, mapping: &SideMapping) -> Result<bool> {
    let row = decode_all(&side.obs)?;
    Ok(mapping
        .groups
        .iter()
        .filter(|group| group.direction.pulls() && entity.frozen_by(group.group).is_none())
        .any(|group| changed(side, group, &pick(&row, group))))
}
