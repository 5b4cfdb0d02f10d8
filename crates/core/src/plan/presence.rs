//! Deletes, restores and what they do to the other side (section 5, rows L5 to L9, L14 and L15).

use jiff::Timestamp;

use super::decide::prune;
use super::scene::{Effects, ReviewChange, ReviewReason, Scene};
use crate::audit::{AuditEntry, AuditKind};
use crate::error::{Error, ErrorKind, Result};
use crate::mapping::{DeletePolicy, Strategy};
use crate::model::PRESENCE;
use crate::state::{Cause, Linked, Presence, SideFlags, Stamp};
use crate::value::Value;

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
            linked.sides[index]
                .flags
                .clear(SideFlags(SideFlags::PUSH.0 | SideFlags::READ.0));
        }
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
        return Ok(effects); // L9: deleted on both sides
    }
    let source = stamp
        .unwrap_or(scene.now)
        .as_microsecond()
        .min(scene.now.as_microsecond());
    let edits = edits_elsewhere(linked, index);
    if edits.is_empty() {
        apply_delete(linked, index, known.mapping.on_crm_delete, source, scene, &mut effects);
        return Ok(effects);
    }
    let delete_wins = match known.mapping.strategy {
        Strategy::CrmWins | Strategy::CrmAuthoritative => Some(true),
        Strategy::AppWins | Strategy::AppAuthoritative => Some(false),
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
        None => {
            linked.entity.frozen.push((PRESENCE, 0));
            effects.audit.push(entry(linked, AuditKind::ConflictOpened));
            effects.reviews.push(ReviewChange {
                group: PRESENCE,
                reason: Some(ReviewReason::DeleteConflict),
            });
        }
    }
    Ok(effects)
}

/// Record-level "changed": decisions on fields by another cause than this side that it has not seen.
fn edits_elsewhere(linked: &Linked, index: usize) -> Vec<Stamp> {
    let side = &linked.sides[index];
    linked
        .entity
        .decisions
        .iter()
        .filter(|decision| decision.cause != Cause::Side(side.key.side))
        .filter(|decision| {
            decision
                .groups
                .iter()
                .any(|(group, _)| *group != PRESENCE && decision.rev > side.base_rev(*group))
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
    side.ext = None;
    side.presence = Presence::NeverSeen;
    side.obs = Vec::new();
    side.hash = 0;
    side.stamp = None;
    side.groups.clear();
    side.base_rev = 0;
    side.flags.set(SideFlags::PUSH);
}

/// Takes in that a remote record is back (L14): the link lives on with its old bases. An entity that this side's
/// delete had deleted comes back too.
pub fn restored(linked: &mut Linked, index: usize, scene: &Scene<'_>) -> Effects {
    let mut effects = Effects::default();
    let uid = linked.entity.uid;
    let side = &mut linked.sides[index];
    if side.presence == Presence::Live {
        return effects;
    }
    side.presence = Presence::Live;
    effects.audit.push(AuditEntry::new(
        AuditKind::Restored,
        uid,
        side.key.side,
        side.ext.as_deref(),
    ));
    let by_side = Cause::Side(side.key.side);
    let deleted_here = linked
        .entity
        .last_decision(PRESENCE)
        .is_some_and(|decision| decision.cause == by_side);
    if linked.entity.deleted && deleted_here {
        let now = scene.now.as_microsecond();
        let header = (
            linked.entity.rev + 1,
            scene.mark,
            by_side,
            Stamp {
                at: now,
                source: now,
                rank: 0,
            },
        );
        linked
            .entity
            .decide(scene.blueprint, PRESENCE, vec![Value::Bool(true)], header);
        effects.decided.push(PRESENCE);
    }
    effects
}
