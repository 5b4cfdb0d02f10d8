//! Taking a person's decision in (section 10).

use super::compare::{changed, pick};
use super::decide::prune;
use super::delete_conflict::relink;
use super::scene::{Effects, ReviewChange, Scene};
use crate::audit::{AuditEntry, AuditKind};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{GroupId, PRESENCE};
use crate::state::{Base, Cause, Linked, Presence, SideFlags, SideId, Stamp};
use crate::value::{Value, decode_all};

/// What a person chose for a group.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// What the app holds.
    App,
    /// What this side holds.
    Side(SideId),
    /// These values, one per field of the group.
    Values(Vec<Value>),
}

/// Resolves a conflict: a decision like any other, which sets `base := obs` on every side, so that what was not chosen
/// is consumed; each value not chosen is written down. The group is no longer frozen.
///
/// # Errors
/// [`ErrorKind::Invalid`] when the chosen value does not fit, [`ErrorKind::NotFound`] when the side is not linked or
/// nothing is frozen.
pub fn resolve(linked: &mut Linked, group: GroupId, choice: &Choice, scene: &Scene<'_>) -> Result<Effects> {
    if linked.entity.frozen_by(group).is_none() {
        return Err(Error::new(
            ErrorKind::NotFound,
            "there is no open conflict on this field; list them again",
        ));
    }
    let hub = linked.entity.group_values(scene.blueprint, group);
    let values = match choice {
        Choice::App => hub.clone(),
        Choice::Values(values) => checked(scene, group, values.clone())?,
        Choice::Side(side) => {
            let index = linked
                .side_index(*side)
                .ok_or_else(|| Error::new(ErrorKind::NotFound, "that side is no longer linked to this record"))?;
            checked(scene, group, side_values(linked, index, group, &hub, scene)?)?
        }
    };
    let mut effects = Effects::default();
    linked.entity.frozen.retain(|(frozen, _)| *frozen != group);
    // Whoever decided knows of the flipping; only what comes after counts.
    linked.entity.trail.retain(|visit| visit.group != group);
    if group == PRESENCE {
        match values.as_slice() {
            [Value::Bool(false)] => forgo_edits(linked, scene, &mut effects)?,
            _ if linked.entity.deleted => linked
                .sides
                .iter_mut()
                .filter(|side| side.presence == Presence::Unlinked)
                .for_each(|side| relink(side, scene)),
            _ => {}
        }
    }
    for index in 0..linked.sides.len() {
        let theirs = side_values(linked, index, group, &hub, scene).unwrap_or_default();
        let side = &mut linked.sides[index];
        if !theirs.is_empty() && theirs != values {
            effects.audit.push(
                AuditEntry::new(
                    AuditKind::Overruled,
                    linked.entity.uid,
                    side.key.side,
                    side.ext.as_deref(),
                )
                .values(group, linked.entity.rev, theirs, values.clone())
                .note(format!("{}: not chosen", scene.actor)),
            );
        }
        if !side.obs.is_empty() && group != PRESENCE {
            side.group_mut(group).base = Base::AsObserved;
        }
        side.flags.set(SideFlags::PUSH);
    }
    if hub != values {
        effects.audit.push(
            AuditEntry::new(AuditKind::Overruled, linked.entity.uid, 0, None)
                .values(group, linked.entity.rev, hub.clone(), values.clone())
                .note(format!("{}: not chosen", scene.actor)),
        );
    }
    let now = scene.now.as_microsecond();
    let at = now.max(linked.entity.stamp_up_to(group, u64::MAX).saturating_add(1));
    let header = (
        linked.entity.rev + 1,
        scene.mark,
        Cause::Review,
        Stamp {
            at,
            source: now,
            rank: i32::MAX,
        },
    );
    linked.entity.decide(scene.blueprint, group, values.clone(), header);
    linked.entity.updated_at = scene.now;
    linked.entity.updated_by.0 = scene.actor.to_owned();
    effects.decided.push(group);
    effects.audit.push(
        AuditEntry::new(AuditKind::ConflictResolved, linked.entity.uid, 0, None)
            .values(group, linked.entity.rev, hub, values)
            .note(scene.actor),
    );
    for side in &mut linked.sides {
        side.tidy();
    }
    prune(linked);
    Ok(effects)
}

/// A person deletes the record, whatever else was to be decided about it: every edit that is still open is written down
/// and asked about no more.
fn forgo_edits(linked: &mut Linked, scene: &Scene<'_>, effects: &mut Effects) -> Result<()> {
    let frozen = std::mem::take(&mut linked.entity.frozen);
    effects.reviews.extend(
        frozen
            .into_iter()
            .map(|(group, _)| ReviewChange { group, reason: None }),
    );
    let uid = linked.entity.uid;
    for side in linked.sides.iter_mut().filter(|side| !side.obs.is_empty()) {
        let Some(known) = scene.sides.get(&side.key.side) else {
            continue;
        };
        let row = decode_all(&side.obs)?;
        for group in &known.mapping.groups {
            let observed = pick(&row, group);
            if !changed(side, group, &observed) {
                continue;
            }
            let hub = linked.entity.group_values(scene.blueprint, group.group);
            let entry = AuditEntry::new(AuditKind::Overruled, uid, side.key.side, side.ext.as_deref());
            effects.audit.push(
                entry
                    .values(group.group, linked.entity.rev, observed, hub)
                    .note(format!("{}: deleted with the record", scene.actor)),
            );
            side.group_mut(group.group).base = Base::AsObserved;
        }
    }
    Ok(())
}

fn side_values(linked: &Linked, index: usize, group: GroupId, hub: &[Value], scene: &Scene<'_>) -> Result<Vec<Value>> {
    let side = &linked.sides[index];
    if group == PRESENCE {
        return Ok(vec![Value::Bool(side.presence.is_live())]);
    }
    let Some(known) = scene.sides.get(&side.key.side) else {
        return Ok(Vec::new());
    };
    let (Some(rules), false) = (known.mapping.group(group), side.obs.is_empty()) else {
        return Ok(Vec::new());
    };
    rules.get(&pick(&decode_all(&side.obs)?, rules), hub, known.links)
}

fn checked(scene: &Scene<'_>, group: GroupId, mut values: Vec<Value>) -> Result<Vec<Value>> {
    if group == PRESENCE {
        return match values.as_slice() {
            [Value::Bool(_)] => Ok(values),
            _ => Err(Error::new(
                ErrorKind::Invalid,
                "choose whether the record stays or is deleted",
            )),
        };
    }
    let fields = scene.blueprint.fields_of(group);
    if fields.len() != values.len() {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("this conflict is about {} values", fields.len()),
        ));
    }
    for (field, value) in fields.into_iter().zip(&mut values) {
        *value = scene
            .blueprint
            .check_value(&scene.blueprint.fields[field], std::mem::take(value))?;
    }
    Ok(values)
}
