//! I1: no update is lost.

use jiff::SignedDuration;
use syncline_core::audit::AuditKind;
use syncline_core::state::Presence;

use super::Invariant;
use super::knowledge::{Knowledge, Known, same_form};
use crate::simulation::ghost::{Change, Edit, Ghost, Place, Who};
use crate::simulation::world::World;

/// Each value that a user set is held by the app (and, by I3, everywhere), was replaced by a user who saw it, or is
/// named as a loser in the audit or an open item.
pub(super) fn no_lost_update(world: &World, known: &Knowledge) {
    let ghost = world.ghost();
    let mut lost = Vec::new();
    for edit in &ghost.edits {
        if let Some(why) = is_lost(world, known, &ghost, edit) {
            lost.push(why);
        }
    }
    drop(ghost);
    for what in lost {
        world.violate(Invariant::NoLostUpdate, what);
    }
}

fn is_lost(world: &World, known: &Knowledge, ghost: &Ghost, edit: &Edit) -> Option<String> {
    let value = same_form(edit.field, &edit.after);
    if value.is_empty() {
        return is_filled_again(world, known, ghost, edit);
    }
    let entity = match &edit.place {
        Place::App(uid) => known.of_uid(uid),
        Place::Crm(crm, ext) => {
            let side = world.side(*crm, edit.object)?;
            let survivor = survivor(ghost, *crm, edit, ext);
            known.of_record(side, &survivor).or_else(|| known.of_record(side, ext))
        }
    };
    if entity.is_some_and(|entity| same_form(edit.field, &entity.text(edit.field)) == value) {
        return None;
    }
    let replaced = ghost.replaced.iter().any(|replaced| {
        replaced.seq > edit.seq
            && replaced.tenant == edit.tenant
            && replaced.object == edit.object
            && same_form(edit.field, &replaced.value) == value
    });
    if replaced {
        world.cover("an edit was knowingly overwritten");
        return None;
    }
    let raw = edit.after.trim().to_lowercase();
    if known.losers.contains(&(edit.tenant, raw.clone())) || known.losers.contains(&(edit.tenant, value.clone())) {
        world.cover("an edit lost and the audit says so");
        return None;
    }
    if known.is_open(&value) {
        world.cover("an edit waits for a person");
        return None;
    }
    if let Place::Crm(crm, ext) = &edit.place {
        // A commit that came late met a later one of another user, within the CRM.
        let key = (*crm, edit.object, ext.clone(), edit.field);
        if !ghost.held.get(&key).is_some_and(|held| held.contains(&edit.after)) {
            return None;
        }
    }
    if let Place::Crm(crm, ext) = &edit.place
        && still_there(
            world,
            ghost,
            known,
            *crm,
            &survivor(ghost, *crm, edit, ext),
            edit,
            entity,
        )
    {
        return None;
    }
    if puts_back_unseen(ghost, edit) {
        world.cover("a value was put back before anybody had read what replaced it");
        return None;
    }
    if overwritten_unseen(ghost, edit) {
        world.cover("a write met an edit that nobody had read");
        let mut unseen = world.unseen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        unseen.insert(format!("#{} {} `{}`", edit.step, edit.field, edit.after));
        return None;
    }
    let held = entity.map_or_else(
        || "the record belongs to no entity".to_owned(),
        |entity| {
            format!(
                "entity {}{} holds `{}`",
                entity.linked.entity.uid,
                if entity.linked.entity.deleted { " (deleted)" } else { "" },
                entity.text(edit.field)
            )
        },
    );
    Some(format!(
        "edit #{} ({}) of {} {:?} {}: `{}` -> `{}` is gone; {held}, and neither audit nor an open item names it",
        edit.step,
        edit.at,
        edit.object.blueprint(),
        edit.place,
        edit.field,
        edit.before,
        edit.after
    ))
}

/// Whether a field that a user emptied holds again what it held before, though nobody said so.
fn is_filled_again(world: &World, known: &Knowledge, ghost: &Ghost, edit: &Edit) -> Option<String> {
    let before = same_form(edit.field, &edit.before);
    let entity = match &edit.place {
        Place::App(uid) => known.of_uid(uid),
        Place::Crm(crm, ext) => known.of_record(world.side(*crm, edit.object)?, ext),
    }?;
    let uid = entity.linked.entity.uid;
    if before.is_empty() || same_form(edit.field, &entity.text(edit.field)) != before || entity.linked.entity.deleted {
        return None;
    }
    let set_again = ghost.edits.iter().any(|other| {
        other.seq > edit.seq && other.tenant == edit.tenant && same_form(other.field, &other.after) == before
    });
    // On linking for the first time, or again, nothing loses to something without a word.
    let is_linked_since = known.audit.iter().any(|told| {
        told.entry.entity == uid
            && matches!(
                told.entry.kind,
                AuditKind::Created
                    | AuditKind::Linked
                    | AuditKind::Restored
                    | AuditKind::Merged
                    | AuditKind::RolledBack
            )
            && told.at + SignedDuration::from_mins(10) > edit.at
    });
    let group = entity.group(edit.field);
    let is_named = known.emptied_losers.contains(&(uid, group))
        || entity.linked.entity.frozen_by(group).is_some()
        || known.is_held(&entity.linked)
        || world.rolled_back();
    let stands = match &edit.place {
        Place::Crm(crm, ext) => still_there(world, ghost, known, *crm, ext, edit, Some(entity)),
        Place::App(_) => false,
    };
    // Who deleted the record has seen what it held, and nobody can read it any more.
    let deleted_since = ghost
        .presence
        .iter()
        .any(|(seq, _, place, live)| *seq > edit.seq && !live && *place == edit.place);
    if set_again || is_linked_since || is_named || stands || deleted_since {
        return None;
    }
    if overwritten_unseen(ghost, edit) {
        return None;
    }
    world.cover("a field was emptied and is checked");
    Some(format!(
        "edit #{} ({}) of {} {:?} {}: emptied, and holds `{}` again (entity {uid}), and neither audit nor an open item \
         says why",
        edit.step,
        edit.at,
        edit.object.blueprint(),
        edit.place,
        edit.field,
        edit.before
    ))
}

/// The record that one was merged into, however often.
fn survivor(ghost: &Ghost, crm: usize, edit: &Edit, ext: &str) -> String {
    let mut at = ext.to_owned();
    for _ in 0..10 {
        let records = ghost.records.get(&(crm, edit.object));
        let Some(next) = records
            .and_then(|records| records.get(&at))
            .and_then(|shown| shown.merged_into.clone())
        else {
            break;
        };
        at = next;
    }
    at
}

/// Whether the value stands where it was set, and the record is one that is not synced: outside of the filter, out of
/// sight, or cut off on purpose.
fn still_there(
    world: &World,
    ghost: &Ghost,
    known: &Knowledge,
    crm: usize,
    ext: &str,
    edit: &Edit,
    entity: Option<&Known>,
) -> bool {
    let records = ghost.records.get(&(crm, edit.object));
    let Some(shown) = records
        .and_then(|records| records.get(ext))
        .filter(|shown| !shown.deleted)
    else {
        return false;
    };
    if same_form(edit.field, shown.value(edit.field)) != same_form(edit.field, &edit.after) {
        return false;
    }
    let outside = world.scenario.crms[crm].filter && shown.value("city").starts_with('x');
    if outside {
        world.cover("an edit stands outside of the filter");
        return true;
    }
    let Some(entity) = entity else {
        return known.is_open(ext);
    };
    let side = world.side(crm, edit.object);
    entity
        .linked
        .sides
        .iter()
        .filter(|at| Some(at.key.side) == side)
        .all(|at| !matches!(at.presence, Presence::Live | Presence::NeverSeen))
}

/// Whether a write of ours replaced a value that was set after the guard read of that write: the race that remains
/// where a CRM has no compare-and-set.
fn overwritten_unseen(ghost: &Ghost, edit: &Edit) -> bool {
    let Place::Crm(crm, ext) = &edit.place else {
        return false;
    };
    ghost.changes.iter().any(|change| {
        change.seq > edit.seq
            && change.crm == *crm
            && change.object == edit.object
            && change.ext == *ext
            && (change.field == Some(edit.field)
                && same_form(edit.field, &change.before) == same_form(edit.field, &edit.after)
                || change.field.is_none() && change.after.is_empty())
            && matches!(change.who, Who::Engine(_) | Who::Late)
            && change.unread
    })
}

/// Whether the edit puts back what its record held when it was last read, after edits that no answer has shown: changed
/// and changed back between two reads is no change, since only values are compared.
fn puts_back_unseen(ghost: &Ghost, edit: &Edit) -> bool {
    let Place::Crm(crm, ext) = &edit.place else {
        return false;
    };
    let of_field = |change: &&Change| {
        change.crm == *crm && change.object == edit.object && change.ext == *ext && change.field == Some(edit.field)
    };
    let Some(own) = ghost
        .changes
        .iter()
        .find(|change| of_field(change) && change.seq > edit.seq)
    else {
        return false;
    };
    let value = same_form(edit.field, &edit.after);
    let earlier = ghost.changes.iter().rev().filter(of_field);
    let mut is_unread = own.unread;
    for change in earlier.filter(|change| change.seq < own.seq) {
        if !is_unread {
            return false;
        }
        if same_form(edit.field, &change.before) == value {
            return true;
        }
        is_unread = change.unread;
    }
    false
}
