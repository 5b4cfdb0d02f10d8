//! A delete of the entity that meets an edit on a side (section 5, row L8), and bringing the entity back.

use super::presence::{DELETED_BY_US, presence_agreed};
use super::scene::{Effects, ReviewChange, ReviewReason, Scene};
use crate::audit::{AuditEntry, AuditKind};
use crate::mapping::{SideMapping, Strategy};
use crate::model::PRESENCE;
use crate::state::{Cause, Linked, Presence, SideFlags, Stamp};
use crate::value::Value;

/// Takes in that a remote record is back (L14): the link lives on with its old bases. An entity that this side's
/// delete had deleted comes back too, and so does one whose delete had reached this side: who restores a record saw it
/// deleted. Where the delete never got there, the restore meets it like any other edit.
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
        presence_agreed(linked, &mut effects);
        return effects;
    }
    let now = scene.now.as_microsecond();
    let stamp = Stamp {
        at: now,
        source: now,
        rank: 0,
    };
    let app_decides = scene
        .sides
        .get(&linked.sides[index].key.side)
        .is_some_and(|known| known.mapping.delete_strategy == Strategy::AppAuthoritative);
    if decided == Some(by_side) || was_ours && !app_decides {
        revive(linked, index, stamp, scene, &mut effects);
    } else if was_ours {
        settle_delete(linked, index, Some(stamp), scene, &mut effects);
    } else {
        linked.sides[index].flags.set(SideFlags::PUSH);
    }
    effects
}

/// An edit on a side that meets a delete of the entity (L8). `effects` are those of taking the edit in.
pub(super) fn meets_delete(linked: &mut Linked, index: usize, effects: &mut Effects, scene: &Scene<'_>) {
    let me = Cause::Side(linked.sides[index].key.side);
    if !linked.entity.deleted || effects.decided.is_empty() {
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
        settle_delete(linked, index, Some(stamp), scene, effects);
    }
}

/// A delete of the entity while a person is asked about one of its fields: the delete would answer for them. Called
/// where [`super::PushPlan::delete_is_asked`] says so.
pub fn ask_before_delete(linked: &mut Linked, index: usize, scene: &Scene<'_>) -> Effects {
    let mut effects = Effects::default();
    settle_delete(linked, index, None, scene, &mut effects);
    effects
}

/// Decides between a delete of the entity and an edit on a side, by the mapping's policy. Of an edit that a person is
/// still asked about the time is not known.
fn settle_delete(linked: &mut Linked, index: usize, edit: Option<Stamp>, scene: &Scene<'_>, effects: &mut Effects) {
    let side = &linked.sides[index];
    let Some(known) = scene.sides.get(&side.key.side) else {
        return;
    };
    let (uid, side_id, ext) = (linked.entity.uid, side.key.side, side.ext.clone());
    let entry = |kind| AuditEntry::new(kind, uid, side_id, ext.as_deref()).note(known.mapping.label.clone());
    let deleted = linked.entity.last_decision(PRESENCE).map(|delete| delete.stamp);
    let edit_wins = match known.mapping.delete_strategy {
        _ if scene.hold_deletes => None,
        Strategy::CrmWins | Strategy::CrmAuthoritative => Some(true),
        Strategy::AppWins | Strategy::AppAuthoritative => Some(false),
        Strategy::LastWriteWins => edit.map(|edit| deleted.is_none_or(|deleted| edit.at > deleted.at)),
        Strategy::ManualReview => None,
    };
    match edit_wins {
        Some(true) => {
            let now = scene.now.as_microsecond();
            let stamp = edit.unwrap_or(Stamp {
                at: now,
                source: now,
                rank: 0,
            });
            revive(linked, index, stamp, scene, effects);
        }
        Some(false) => {
            let hub = linked.entity.values.clone();
            let entry = entry(AuditKind::Overruled).values(PRESENCE, linked.entity.rev, hub, Vec::new());
            effects
                .audit
                .push(entry.note("edited in the CRM, and deleted in the app all the same"));
            linked.sides[index].flags.set(SideFlags::PUSH);
        }
        None if linked.entity.frozen_by(PRESENCE).is_some() => effects.reviews.push(ReviewChange {
            group: PRESENCE,
            reason: Some(ReviewReason::DeleteConflict),
        }),
        None => ask(linked, index, known.mapping, effects),
    }
}

/// A person decides whether the record stays.
pub(super) fn ask(linked: &mut Linked, index: usize, mapping: &SideMapping, effects: &mut Effects) {
    let side = &linked.sides[index];
    effects.audit.push(
        AuditEntry::new(
            AuditKind::ConflictOpened,
            linked.entity.uid,
            side.key.side,
            side.ext.as_deref(),
        )
        .note(mapping.label.clone()),
    );
    linked.entity.frozen.push((PRESENCE, 0));
    effects.reviews.push(ReviewChange {
        group: PRESENCE,
        reason: Some(ReviewReason::DeleteConflict),
    });
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
            Presence::Unlinked => relink(other, scene),
            Presence::Deleted(how) if deleted_it || how == DELETED_BY_US => other.forget_record(),
            Presence::Archived if deleted_it => other.forget_record(),
            _ => {}
        }
        other.flags.set(SideFlags::PUSH);
    }
    presence_agreed(linked, effects);
}

/// A link that was cut lives again. Nobody looked at its record meanwhile.
pub(super) fn relink(side: &mut crate::state::Side, scene: &Scene<'_>) {
    side.presence = Presence::Live;
    side.dirty_seq = scene.mark;
    side.flags.set(SideFlags::READ);
}
