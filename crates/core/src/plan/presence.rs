//! Deletes, restores and what they do to the other side (section 5, rows L5 to L9, L14 and L15).

use jiff::Timestamp;

use super::decide::prune;
use super::scene::{Effects, ReviewChange, ReviewReason, Scene};
use crate::audit::{AuditEntry, AuditKind};
use crate::error::{Error, ErrorKind, Result};
use crate::mapping::{DeletePolicy, Strategy};
use crate::model::PRESENCE;
use crate::state::{Cause, Linked, Presence, Side, SideFlags, Stamp};
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
        return Ok(effects); // L9: deleted on both sides
    }
    let source = stamp
        .unwrap_or(scene.now)
        .as_microsecond()
        .min(scene.now.as_microsecond());
    let edits = edits_elsewhere(linked, index);
    // A field that a person is asked about was changed, whoever did.
    let is_asked = linked.entity.frozen.iter().any(|(group, _)| *group != PRESENCE);
    if edits.is_empty() && !is_asked {
        apply_delete(linked, index, known.mapping.on_crm_delete, source, scene, &mut effects);
        return Ok(effects);
    }
    let delete_wins = match known.mapping.strategy {
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
/// delete had deleted comes back too; where the app had deleted it, the restore is an edit that meets the delete.
pub fn restored(linked: &mut Linked, index: usize, scene: &Scene<'_>) -> Effects {
    let mut effects = Effects::default();
    let uid = linked.entity.uid;
    let side = &mut linked.sides[index];
    if side.presence == Presence::Live {
        return effects;
    }
    let was_ours = matches!(&side.presence, Presence::Deleted(how) if how == DELETED_BY_US);
    side.presence = Presence::Live;
    effects.audit.push(AuditEntry::new(
        AuditKind::Restored,
        uid,
        side.key.side,
        side.ext.as_deref(),
    ));
    let by_side = Cause::Side(side.key.side);
    let decided = linked.entity.last_decision(PRESENCE).map(|decision| decision.cause);
    if !linked.entity.deleted || decided.is_none() {
        return effects;
    }
    let now = scene.now.as_microsecond();
    let stamp = Stamp {
        at: now,
        source: now,
        rank: 0,
    };
    if decided == Some(by_side) {
        revive(linked, index, stamp, scene, &mut effects);
    } else if was_ours {
        settle_delete(linked, index, stamp, scene, &mut effects);
    } else {
        linked.sides[index].flags.set(SideFlags::PUSH);
    }
    effects
}

/// An edit on a side that meets a delete of the entity (L8). `effects` are those of taking the edit in.
pub(super) fn meets_delete(linked: &mut Linked, index: usize, effects: &mut Effects, scene: &Scene<'_>) {
    let side = &linked.sides[index];
    let me = Cause::Side(side.key.side);
    let policy = scene.sides.get(&side.key.side).map(|known| known.mapping.on_app_delete);
    // Where the link is merely cut, the CRM keeps what was edited.
    if !linked.entity.deleted
        || effects.decided.is_empty()
        || policy.is_none_or(|policy| policy == DeletePolicy::Unlink)
    {
        return;
    }
    let Some(delete) = linked
        .entity
        .last_decision(PRESENCE)
        .filter(|delete| delete.cause != me)
    else {
        return;
    };
    let rev = delete.rev;
    let edits = linked
        .entity
        .decisions
        .iter()
        .filter(|edit| edit.cause == me && edit.rev > rev);
    if let Some(stamp) = edits.map(|edit| edit.stamp).max() {
        settle_delete(linked, index, stamp, scene, effects);
    }
}

/// Decides between a delete of the entity and an edit on a side, by the mapping's strategy.
fn settle_delete(linked: &mut Linked, index: usize, edit: Stamp, scene: &Scene<'_>, effects: &mut Effects) {
    let side = &linked.sides[index];
    let Some(known) = scene.sides.get(&side.key.side) else {
        return;
    };
    let (uid, side_id, ext) = (linked.entity.uid, side.key.side, side.ext.clone());
    let entry = |kind| AuditEntry::new(kind, uid, side_id, ext.as_deref()).note(known.mapping.label.clone());
    let deleted = linked.entity.last_decision(PRESENCE).map(|delete| delete.stamp);
    let edit_wins = match known.mapping.strategy {
        Strategy::CrmWins | Strategy::CrmAuthoritative => Some(true),
        Strategy::AppWins | Strategy::AppAuthoritative => Some(false),
        Strategy::LastWriteWins => Some(deleted.is_none_or(|deleted| edit.at > deleted.at)),
        Strategy::ManualReview => None,
    };
    match edit_wins {
        Some(true) => revive(linked, index, edit, scene, effects),
        Some(false) => {
            let hub = linked.entity.values.clone();
            let entry = entry(AuditKind::Overruled).values(PRESENCE, linked.entity.rev, hub, Vec::new());
            effects
                .audit
                .push(entry.note("edited in the CRM, and deleted in the app all the same"));
            linked.sides[index].flags.set(SideFlags::PUSH);
        }
        None if linked.entity.frozen_by(PRESENCE).is_some() => {}
        None => {
            linked.entity.frozen.push((PRESENCE, 0));
            effects.audit.push(entry(AuditKind::ConflictOpened));
            effects.reviews.push(ReviewChange {
                group: PRESENCE,
                reason: Some(ReviewReason::DeleteConflict),
            });
        }
    }
}

/// A deleted entity lives again since one of its records does. What its delete had cut or deleted elsewhere follows.
fn revive(linked: &mut Linked, index: usize, stamp: Stamp, scene: &Scene<'_>, effects: &mut Effects) {
    let side = &linked.sides[index];
    let me = Cause::Side(side.key.side);
    let uid = linked.entity.uid;
    let culprit = linked.entity.last_decision(PRESENCE).map(|delete| delete.cause);
    let header = (linked.entity.rev + 1, scene.mark, me, stamp);
    linked
        .entity
        .decide(scene.blueprint, PRESENCE, vec![Value::Bool(true)], header);
    linked.entity.updated_at = scene.now;
    effects.decided.push(PRESENCE);
    effects
        .audit
        .push(AuditEntry::new(AuditKind::Restored, uid, 0, None).values(
            PRESENCE,
            linked.entity.rev,
            vec![Value::Bool(false)],
            vec![Value::Bool(true)],
        ));
    for (place, other) in linked.sides.iter_mut().enumerate() {
        let deleted_it = culprit == Some(Cause::Side(other.key.side));
        match &other.presence {
            _ if place == index => {}
            Presence::Unlinked => {
                // Nobody looked at the record while its link was cut.
                other.presence = Presence::Live;
                other.dirty_seq = scene.mark;
                other.flags.set(SideFlags::READ);
            }
            Presence::Deleted(how) if deleted_it || how == DELETED_BY_US => *other = Side::new(other.key),
            Presence::Archived if deleted_it => *other = Side::new(other.key),
            _ => {}
        }
        other.flags.set(SideFlags::PUSH);
    }
}
