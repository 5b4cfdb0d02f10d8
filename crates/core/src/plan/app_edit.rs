//! Taking an edit by the app in (section 3, point 3).

use std::collections::BTreeMap;

use super::decide::prune;
use super::scene::{Effects, ReviewChange, ReviewReason, Scene};
use super::thaw::thaw;
use crate::audit::{AuditEntry, AuditKind};
use crate::error::{Error, ErrorKind, Result};
use crate::mapping::{Role, Strategy};
use crate::model::GroupId;
use crate::state::{Cause, Linked, SideFlags, Stamp};
use crate::value::Value;

/// New values by the position of their field.
pub type Patch = BTreeMap<usize, Value>;

/// What the app had read before it edited.
#[derive(Debug, Clone, PartialEq)]
pub enum ReadPoint {
    /// The entity at this revision.
    Rev(u64),
    /// These values, for hosts whose reads are older than what is kept.
    Values(Patch),
    /// It did not look: a blind overwrite.
    Blind,
}

/// Applies a patch to the hub. Fields that the patch leaves as the app had read them are dropped from it; fields that
/// were decided meanwhile go through the decision table as a conflict. No side takes part.
///
/// # Errors
/// [`ErrorKind::Invalid`] when a value does not fit its field; [`ErrorKind::Refused`] when a CRM is authoritative for
/// it, or the entity is deleted; [`ErrorKind::Stale`] when what was read is no longer kept. Nothing is changed then.
pub fn app_edit(linked: &mut Linked, patch: &Patch, read: &ReadPoint, scene: &Scene<'_>) -> Result<Effects> {
    if linked.entity.deleted {
        return Err(Error::new(
            ErrorKind::Refused,
            "the entity is deleted; restore it first",
        ));
    }
    let mut groups: BTreeMap<GroupId, Patch> = BTreeMap::new();
    for (&position, value) in patch {
        let Some(field) = scene.blueprint.fields.get(position) else {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("there is no field number {position}"),
            ));
        };
        let value = scene.blueprint.check_value(field, value.clone())?;
        if field.required && value.is_empty() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("`{}` is required; give it a value", field.name),
            ));
        }
        groups
            .entry(scene.blueprint.group_of(position))
            .or_default()
            .insert(position, value);
    }
    let mut planned = Vec::new();
    for (group, patch) in groups {
        if let Some(step) = plan_group(linked, group, patch, read, scene)? {
            planned.push(step);
        }
    }
    let mut effects = Effects::default();
    let rev = linked.entity.rev + 1;
    for step in planned {
        apply(linked, step, rev, scene, &mut effects);
    }
    if effects.hub_moved() {
        linked.entity.updated_at = scene.now;
        linked.entity.updated_by.0 = scene.actor.to_owned();
        linked.entity.blueprint_version = scene.blueprint.version;
        for side in &mut linked.sides {
            side.flags.set(SideFlags::PUSH);
        }
        prune(linked);
    }
    Ok(effects)
}

struct Step {
    group: GroupId,
    values: Vec<Value>,
    hub: Vec<Value>,
    /// `false`: the edit loses a conflict and is only written down.
    wins: bool,
    freeze: bool,
    overrules: bool,
}

fn plan_group(
    linked: &Linked,
    group: GroupId,
    patch: Patch,
    read: &ReadPoint,
    scene: &Scene<'_>,
) -> Result<Option<Step>> {
    let entity = &linked.entity;
    let fields = scene.blueprint.fields_of(group);
    let hub = entity.group_values(scene.blueprint, group);
    let (then, since) = match read {
        ReadPoint::Blind => (None, entity.rev_of(group)),
        ReadPoint::Values(values) => {
            let then: Vec<Value> = fields
                .iter()
                .zip(&hub)
                .map(|(field, now)| values.get(field).unwrap_or(now).clone())
                .collect();
            let rev = entity
                .decisions_on(scene.blueprint, group)
                .filter(|(_, value)| *value == then)
                .map(|(decision, _)| decision.rev)
                .last()
                .unwrap_or(0);
            (Some(then), rev)
        }
        ReadPoint::Rev(rev) if *rev >= entity.rev_of(group) => (Some(hub.clone()), entity.rev_of(group)),
        ReadPoint::Rev(rev) => {
            let value = entity
                .decisions_on(scene.blueprint, group)
                .filter(|(decision, _)| decision.rev <= *rev)
                .map(|(_, value)| value)
                .last();
            let value = value.ok_or_else(|| {
                Error::new(
                    ErrorKind::Stale,
                    format!(
                        "`{}` was changed too often since revision {rev}; read the entity again, or pass the values read",
                        scene.blueprint.group_name(group)
                    ),
                )
            })?;
            (Some(value), *rev)
        }
    };
    let mut values = hub.clone();
    let mut edited = false;
    for (place, field) in fields.iter().enumerate() {
        if let Some(value) = patch.get(field)
            && then.as_ref().is_none_or(|then| then[place] != *value)
        {
            values[place] = value.clone();
            edited = true;
        }
    }
    if !edited || values == hub {
        return Ok(None);
    }
    let rules: Vec<_> = scene
        .sides
        .values()
        .filter_map(|known| known.mapping.group(group).map(|rules| (known, rules)))
        .collect();
    if let Some((known, _)) = rules
        .iter()
        .find(|(known, rules)| rules.strategy == Strategy::CrmAuthoritative && known.mapping.role == Role::Crm)
    {
        return Err(Error::new(
            ErrorKind::Refused,
            format!(
                "{} is authoritative for `{}`; change it there",
                known.mapping.label,
                scene.blueprint.group_name(group)
            ),
        ));
    }
    let rivals: Vec<Cause> = entity
        .decisions_on(scene.blueprint, group)
        .filter(|(decision, value)| decision.rev > since && decision.cause != Cause::App && *value != values)
        .map(|(decision, _)| decision.cause)
        .collect();
    let strategies: Vec<Strategy> = rules.iter().map(|(_, rules)| rules.strategy).collect();
    let conflict = !rivals.is_empty();
    let crm_rival = rivals.iter().any(|cause| matches!(cause, Cause::Side(_)));
    let wins = !(conflict && crm_rival && strategies.contains(&Strategy::CrmWins));
    let freeze = conflict && strategies.contains(&Strategy::ManualReview);
    let overrules = conflict || then.is_none_or(|then| then != hub);
    Ok(Some(Step {
        group,
        values,
        hub,
        wins,
        freeze,
        // What it replaces without having read it loses, whoever set it.
        overrules,
    }))
}

fn apply(linked: &mut Linked, step: Step, rev: u64, scene: &Scene<'_>, effects: &mut Effects) {
    let Step {
        group,
        values,
        hub,
        wins,
        freeze,
        overrules,
    } = step;
    let uid = linked.entity.uid;
    if !wins {
        effects.audit.push(
            AuditEntry::new(AuditKind::Overruled, uid, 0, None)
                .values(group, linked.entity.rev, values, hub)
                .note(format!("{}: lost a conflict", scene.actor)),
        );
        return;
    }
    let now = scene.now.as_microsecond();
    let at = now.max(linked.entity.stamp_up_to(group, u64::MAX).saturating_add(1));
    let header = (
        rev,
        scene.mark,
        Cause::App,
        Stamp {
            at,
            source: now,
            rank: 0,
        },
    );
    linked.entity.decide(scene.blueprint, group, values.clone(), header);
    effects.decided.push(group);
    if overrules && !hub.iter().all(Value::is_empty) {
        effects.audit.push(
            AuditEntry::new(AuditKind::Overruled, uid, 0, None)
                .values(group, rev, hub.clone(), values.clone())
                .note(format!("{}: replaced by an edit in the app", scene.actor)),
        );
    }
    effects.audit.push(
        AuditEntry::new(AuditKind::Decided, uid, 0, None)
            .values(group, rev, hub, values)
            .note(scene.actor),
    );
    if linked.entity.frozen_by(group).is_some() {
        thaw(linked, group, scene, effects);
        if linked.entity.frozen_by(group).is_none() {
            return;
        }
        effects.reviews.push(ReviewChange {
            group,
            reason: Some(ReviewReason::Conflict),
        });
    } else if freeze {
        linked.entity.frozen.push((group, 0));
        effects.reviews.push(ReviewChange {
            group,
            reason: Some(ReviewReason::Conflict),
        });
    }
}
