//! Which rows of the decision tables a history has reached, as its audit shows.

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::mapping::Strategy;
use syncline_core::state::Presence;
use uuid::Uuid;

use super::knowledge::{Knowledge, Told};
use crate::simulation::scenario::Provider;
use crate::simulation::world::World;

/// Notes which rows were reached.
pub(super) fn cover(world: &World, known: &Knowledge) {
    let mut gone = BTreeSet::new();
    for Told { entry, .. } in &known.audit {
        match group_row(entry) {
            Some(row) => match strategy(world, entry) {
                Some(strategy) => world.cover(format!("{row}, {strategy:?}")),
                None => world.cover(row),
            },
            None => world.cover(format!("audit {:?}", entry.kind)),
        }
        record_row(world, entry, &mut gone);
    }
    for operation in &known.operations {
        world.cover(format!("operation {:?} {:?}", operation.verb, operation.state));
    }
    for reason in &known.asked {
        world.cover(format!("asked {reason}"));
    }
    kept_rows(world, known);
}

/// The policy of the field that an entry is about.
fn strategy(world: &World, entry: &AuditEntry) -> Option<Strategy> {
    let (crm, object) = *world.all_sides().get(&entry.side)?;
    let field = object.fields().nth(usize::from(entry.group).wrapping_sub(1));
    let plan = &world.scenario.crms[crm];
    let own = plan
        .strategies
        .iter()
        .find(|(name, _)| Some(*name) == field && !name.is_empty());
    Some(own.map_or(plan.strategies[0].1, |(_, strategy)| *strategy))
}

/// The row of the table of groups.
fn group_row(entry: &AuditEntry) -> Option<&'static str> {
    Some(match entry.kind {
        AuditKind::Decided if entry.note.contains("won a conflict") => "a conflict is won",
        AuditKind::Decided if entry.side > 0 => "a lone change is taken",
        AuditKind::Overruled if entry.note.contains("lost a conflict") && entry.side > 0 => "a conflict is lost",
        AuditKind::Overruled if entry.note.contains("lost a conflict") => "an edit of the app loses",
        AuditKind::Overruled if entry.note.contains("replaced by an edit in the app") => "an edit of the app overrules",
        AuditKind::Overruled if entry.note.contains("authoritative") => "a lone change is reverted",
        AuditKind::Overruled if entry.note.contains("empty value") => "an empty value loses",
        AuditKind::Overruled if entry.note.contains("only flows") => "an edit of a side that is only written",
        AuditKind::Agreed => "sides agree",
        AuditKind::ConflictOpened if entry.group > 0 => "a group is frozen",
        _ => return None,
    })
}

/// The row of the table of records.
fn record_row(world: &World, entry: &AuditEntry, gone: &mut BTreeSet<Uuid>) {
    let crm = world.all_sides().get(&entry.side).map(|(crm, _)| *crm);
    let Some(crm) = crm else {
        match entry.kind {
            AuditKind::Deleted => {
                gone.insert(entry.entity);
            }
            AuditKind::Restored => {
                gone.remove(&entry.entity);
                if entry.note.is_empty() {
                    world.cover("L8 the edit wins over the delete in the app, or L14");
                }
            }
            _ => {}
        }
        return;
    };
    let plan = &world.scenario.crms[crm];
    let is_ours = entry.note == syncline_core::plan::DELETED_BY_US;
    let row = match entry.kind {
        AuditKind::Created => "L2 new in a CRM".to_owned(),
        AuditKind::Linked => "L3 made on both sides and linked".to_owned(),
        AuditKind::Deleted if is_ours => format!("L7 deleted in the app, {:?}", plan.on_app_delete),
        AuditKind::Deleted if gone.contains(&entry.entity) => "L9 deleted on both sides".to_owned(),
        AuditKind::Deleted => format!("L5 deleted in a CRM, {:?}", plan.on_crm_delete),
        AuditKind::Unlinked => "L7 deleted in the app, Unlink".to_owned(),
        AuditKind::Overruled if entry.note.starts_with("the delete in the CRM came after") => {
            "L6 the delete in a CRM wins over the edit".to_owned()
        }
        AuditKind::Restored if entry.note.starts_with("edited in the app after") => {
            "L6 the edit wins over the delete in a CRM".to_owned()
        }
        AuditKind::Overruled if entry.note.starts_with("edited in the CRM, and deleted") => {
            "L8 the delete in the app wins over the edit".to_owned()
        }
        AuditKind::ConflictOpened if entry.group == 0 => "L6 or L8 a person is asked".to_owned(),
        AuditKind::Merged if plan.provider == Provider::HubSpot => "L12 merged into a new record".to_owned(),
        AuditKind::Merged => "L10 or L11 merged".to_owned(),
        AuditKind::Restored if entry.note.is_empty() => "L14 restored in a CRM".to_owned(),
        AuditKind::Inaccessible => "L15 out of sight".to_owned(),
        _ => return,
    };
    world.cover(row);
}

/// Rows that what is left shows.
fn kept_rows(world: &World, known: &Knowledge) {
    let merged: BTreeSet<(u32, Uuid)> = known
        .audit
        .iter()
        .filter(|told| told.entry.kind == AuditKind::Merged)
        .map(|told| (told.entry.side, told.entry.entity))
        .collect();
    let mut people: BTreeMap<(usize, String), Vec<bool>> = BTreeMap::new();
    for entity in &known.entities {
        let linked = &entity.linked;
        for side in &linked.sides {
            if side.presence == Presence::Live && merged.contains(&(side.key.side, linked.entity.uid)) {
                world.cover("L10 a link has moved to the survivor of a merge");
            }
        }
        if linked.entity.deleted && linked.sides.iter().all(|side| side.ext.is_none()) {
            world.cover("L18 made and deleted before anything was sent");
        }
        let key = (entity.tenant, entity.text("email"));
        people.entry(key).or_default().push(linked.entity.deleted);
    }
    if people
        .iter()
        .any(|((_, email), deleted)| !email.is_empty() && deleted.contains(&true) && deleted.contains(&false))
    {
        world.cover("L17 made anew after it was deleted");
    }
    if known.operations.iter().any(|operation| {
        operation.verb == syncline_core::state::OperationVerb::Create
            && operation.state == syncline_core::state::OperationState::Confirmed
    }) {
        world.cover("L1 new in the app");
    }
}
