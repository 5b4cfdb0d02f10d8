//! Deleting entities and bringing them back: decisions on presence, like on any other group.

use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::model::PRESENCE;
use syncline_core::plan::Scene;
use syncline_core::state::{Cause, Linked, Presence, Side, SideFlags, Stamp};
use syncline_core::value::Value;

use super::transaction::spare_held;

/// Deletes an entity. What that does to its remote records is decided when they are pushed.
pub(crate) fn delete_by(cause: Cause, linked: &mut Linked, scene: &Scene<'_>) -> AuditEntry {
    decide(cause, linked, false, scene);
    for side in &mut linked.sides {
        side.flags.set(SideFlags::PUSH);
    }
    spare_held(linked);
    entry(AuditKind::Deleted, linked, scene)
}

/// Brings a deleted entity back: links that the delete had cut live again, and records that are gone are made anew.
pub(super) fn undelete(linked: &mut Linked, scene: &Scene<'_>) -> Vec<AuditEntry> {
    decide(Cause::App, linked, true, scene);
    let mut written = vec![entry(AuditKind::Restored, linked, scene)];
    for side in &mut linked.sides {
        let note = match side.presence {
            Presence::Unlinked => {
                side.presence = Presence::Live;
                // Nobody looked at the record while its link was cut.
                side.dirty_seq = scene.mark;
                side.flags.set(SideFlags(SideFlags::READ.0 | SideFlags::PUSH.0));
                "restored in the app; its link lives again"
            }
            Presence::Deleted(_) | Presence::Archived => {
                written.push(restored(
                    linked.entity.uid,
                    side,
                    scene,
                    "restored in the app; it is created again",
                ));
                recreate(side);
                continue;
            }
            // What was to be created before the delete is created after all.
            Presence::Live | Presence::NeverSeen => {
                side.flags.set(SideFlags::PUSH);
                continue;
            }
            _ => continue,
        };
        written.push(restored(linked.entity.uid, side, scene, note));
    }
    written
}

/// Makes a side whose record is gone ready to be created under a new id.
pub(crate) fn recreate(side: &mut Side) {
    side.forget_record();
}

fn decide(cause: Cause, linked: &mut Linked, live: bool, scene: &Scene<'_>) {
    let now = scene.now.as_microsecond();
    let at = now.max(linked.entity.stamp_up_to(PRESENCE, u64::MAX).saturating_add(1));
    let header = (
        linked.entity.rev + 1,
        scene.mark,
        cause,
        Stamp {
            at,
            source: now,
            rank: 0,
        },
    );
    linked
        .entity
        .decide(scene.blueprint, PRESENCE, vec![Value::Bool(live)], header);
    linked.entity.updated_at = scene.now;
    scene.actor.clone_into(&mut linked.entity.updated_by.0);
}

fn entry(kind: AuditKind, linked: &Linked, scene: &Scene<'_>) -> AuditEntry {
    let live = kind == AuditKind::Restored;
    AuditEntry::new(kind, linked.entity.uid, 0, None)
        .values(
            PRESENCE,
            linked.entity.rev,
            vec![Value::Bool(!live)],
            vec![Value::Bool(live)],
        )
        .note(scene.actor)
}

fn restored(uid: uuid::Uuid, side: &Side, scene: &Scene<'_>, note: &str) -> AuditEntry {
    AuditEntry::new(AuditKind::Restored, uid, side.key.side, side.ext.as_deref())
        .note(format!("{}: {note}", scene.actor))
}
