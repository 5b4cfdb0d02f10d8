//! Remote records that go away (section 5, rows L5, L6, L9 and L15).

use jiff::Timestamp;

use super::decide::prune;
use super::delete_conflict::ask;
use super::scene::{Effects, ReviewChange, Scene};
use crate::audit::{AuditEntry, AuditKind};
use crate::error::{Error, ErrorKind, Result};
use crate::mapping::{DeletePolicy, SideMapping, Strategy};
use crate::model::PRESENCE;
use crate::state::{Cause, Decision, Linked, Presence, SideFlags, Stamp};
use crate::value::Value;

/// The evidence of a delete that we carried out ourselves.
pub const DELETED_BY_US: &str = "deleted in the app";

/// How a remote record went away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// The provider says that it was deleted.
    Deleted,
    /// The provider's recycle bin has it.
    Archived,
    /// It can't be seen any more, which is not a delete.
    Inaccessible,
}

/// Takes in that a remote record is gone.
///
/// # Errors
/// [`ErrorKind::Internal`] when the side has no mapping here.
pub fn gone(
    linked: &mut Linked,
    index: usize,
    how: Gone,
    stamp: Option<Timestamp>,
    scene: &Scene<'_>,
) -> Result<Effects> {
    let mut effects = Effects::default();
    let side_id = linked.sides[index].key.side;
    let known = *scene
        .sides
        .get(&side_id)
        .ok_or_else(|| Error::new(ErrorKind::Internal, "a side without a mapping was deleted"))?;
    if !matches!(linked.sides[index].presence, Presence::Live | Presence::Inaccessible) {
        return Ok(effects);
    }
    let entry = |linked: &Linked, kind| {
        let side = &linked.sides[index];
        AuditEntry::new(kind, linked.entity.uid, side_id, side.ext.as_deref()).note(known.mapping.label.clone())
    };
    if how == Gone::Inaccessible {
        if linked.sides[index].presence == Presence::Live {
            effects.audit.push(entry(linked, AuditKind::Inaccessible));
            linked.sides[index].presence = Presence::Inaccessible;
        }
        linked.sides[index]
            .flags
            .clear(SideFlags(SideFlags::PUSH.0 | SideFlags::READ.0));
        return Ok(effects);
    }
    effects.audit.push(entry(linked, AuditKind::Deleted));
    let side = &mut linked.sides[index];
    side.presence = match how {
        Gone::Archived => Presence::Archived,
        _ => Presence::Deleted("the provider reports it as deleted".to_owned()),
    };
    side.stamp = stamp.or(side.stamp);
    side.flags.clear(SideFlags(
        SideFlags::PUSH.0 | SideFlags::READ.0 | SideFlags::WAITING.0 | SideFlags::FAILED.0 | SideFlags::QUARANTINED.0,
    ));
    if linked.entity.deleted {
        // L9: deleted on both sides, and so there is nothing left to ask.
        presence_agreed(linked, &mut effects);
        return Ok(effects);
    }
    if linked.entity.frozen_by(PRESENCE).is_some() {
        return Ok(effects);
    }
    if scene.hold_deletes {
        ask(linked, index, known.mapping, &mut effects);
        return Ok(effects);
    }
    let source = stamp
        .unwrap_or(scene.now)
        .as_microsecond()
        .min(scene.now.as_microsecond());
    let edits = edits_elsewhere(linked, index, known.mapping);
    // A field that a person is asked about was changed, whoever did.
    let is_asked = linked.entity.frozen.iter().any(|(group, _)| *group != PRESENCE);
    if edits.is_empty() && !is_asked {
        apply_delete(linked, index, known.mapping.on_crm_delete, source, scene, &mut effects);
        return Ok(effects);
    }
    let delete_wins = match known.mapping.delete_strategy {
        Strategy::CrmWins | Strategy::CrmAuthoritative => Some(true),
        Strategy::AppWins | Strategy::AppAuthoritative => Some(false),
        Strategy::LastWriteWins if is_asked => None,
        Strategy::LastWriteWins => Some(edits.iter().all(|stamp| source > stamp.at)),
        Strategy::ManualReview => None,
    };
    match delete_wins {
        Some(true) => {
            let hub = linked.entity.values.clone();
            effects.audit.push(
                entry(linked, AuditKind::Overruled)
                    .values(PRESENCE, linked.entity.rev, hub, Vec::new())
                    .note("the delete in the CRM came after these edits"),
            );
            apply_delete(linked, index, known.mapping.on_crm_delete, source, scene, &mut effects);
        }
        Some(false) => recreate(linked, index, &mut effects),
        None => ask(linked, index, known.mapping, &mut effects),
    }
    Ok(effects)
}

/// Record-level "changed": decisions on fields by another cause than this side that it has not seen.
fn edits_elsewhere(linked: &Linked, index: usize, mapping: &SideMapping) -> Vec<Stamp> {
    let side = &linked.sides[index];
    let is_unseen = |decision: &Decision, group| match mapping.group(group) {
        Some(_) => decision.rev > side.base_rev(group),
        // What this side never holds was changed since it was last looked at.
        None => decision.mark > side.obs_seq.max(side.write_seq),
    };
    linked
        .entity
        .decisions
        .iter()
        .filter(|decision| decision.cause != Cause::Side(side.key.side))
        .filter(|decision| {
            decision
                .groups
                .iter()
                .any(|(group, _)| *group != PRESENCE && is_unseen(decision, *group))
        })
        .map(|decision| decision.stamp)
        .collect()
}

fn apply_delete(
    linked: &mut Linked,
    index: usize,
    policy: DeletePolicy,
    source: i64,
    scene: &Scene<'_>,
    effects: &mut Effects,
) {
    if policy == DeletePolicy::Unlink {
        return;
    }
    let side = linked.sides[index].key.side;
    let rank = scene.sides.get(&side).map_or(0, |known| known.mapping.rank);
    let header = (
        linked.entity.rev + 1,
        scene.mark,
        Cause::Side(side),
        Stamp {
            at: source,
            source,
            rank,
        },
    );
    linked
        .entity
        .decide(scene.blueprint, PRESENCE, vec![Value::Bool(false)], header);
    linked.entity.updated_at = scene.now;
    effects.decided.push(PRESENCE);
    effects
        .audit
        .push(AuditEntry::new(AuditKind::Deleted, linked.entity.uid, 0, None).values(
            PRESENCE,
            linked.entity.rev,
            vec![Value::Bool(true)],
            vec![Value::Bool(false)],
        ));
    for (place, other) in linked.sides.iter_mut().enumerate() {
        if place != index {
            other.flags.set(SideFlags::PUSH);
        }
    }
    prune(linked);
}

/// The app's edits win over the delete: the record is made again, under a new id.
fn recreate(linked: &mut Linked, index: usize, effects: &mut Effects) {
    let uid = linked.entity.uid;
    let side = &mut linked.sides[index];
    effects.audit.push(
        AuditEntry::new(AuditKind::Restored, uid, side.key.side, side.ext.as_deref())
            .note("edited in the app after it was deleted in the CRM; it is created again"),
    );
    side.forget_record();
}

/// Closes the question whether a record is to be deleted, where nothing disagrees any more: the entity and all of its
/// records are there, or none is.
pub fn presence_agreed(linked: &mut Linked, effects: &mut Effects) {
    let is_live = !linked.entity.deleted;
    let agrees = |presence: &Presence| match presence {
        Presence::Live => is_live,
        Presence::Deleted(_) | Presence::Archived => !is_live,
        // Whether there is a record is not known, or a question of its own.
        Presence::NeverSeen => false,
        _ => true,
    };
    if linked.entity.frozen_by(PRESENCE).is_none() || !linked.sides.iter().all(|side| agrees(&side.presence)) {
        return;
    }
    linked.entity.frozen.retain(|(group, _)| *group != PRESENCE);
    for side in &mut linked.sides {
        side.flags.set(SideFlags::PUSH);
    }
    effects.reviews.push(ReviewChange {
        group: PRESENCE,
        reason: None,
    });
}
