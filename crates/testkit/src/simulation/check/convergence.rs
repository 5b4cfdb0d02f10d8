//! I3: all sides agree.

use syncline_core::mapping::Direction;
use syncline_core::state::{Presence, SideFlags};
use syncline_core::value::decode_all;

use super::Invariant;
use super::knowledge::{Knowledge, same_form, text_of};
use crate::simulation::crm::Object;
use crate::simulation::world::World;

/// Every live link's record holds what the app holds, but for what waits for a person.
pub(super) fn sides_agree(world: &World, known: &Knowledge) {
    let sides = world.all_sides();
    let mut found = Vec::new();
    let ghost = world.ghost();
    for entity in known.entities.iter().filter(|entity| !entity.linked.entity.deleted) {
        let linked = &entity.linked;
        for side in linked.sides.iter().filter(|side| side.presence == Presence::Live) {
            let Some(&(crm, object)) = sides.get(&side.key.side) else {
                continue;
            };
            let ext = side.ext.clone().unwrap_or_default();
            let records = ghost.records.get(&(crm, object));
            let Some(shown) = records
                .and_then(|records| records.get(&ext))
                .filter(|shown| !shown.deleted)
            else {
                if !known.is_held(linked) {
                    found.push(format!(
                        "crm{crm} {ext} is gone, and entity {} holds it as live",
                        linked.entity.uid
                    ));
                }
                continue;
            };
            for field in object.fields() {
                let group = entity.group(field);
                let direction = world.scenario.crms[crm]
                    .directions
                    .iter()
                    .find(|(name, _)| *name == field);
                let one_way = direction.is_some_and(|(_, direction)| *direction != Direction::Bidirectional);
                let waits = linked.entity.frozen_by(group).is_some()
                    || linked.entity.frozen_by(0).is_some()
                    || side.groups.get(&group).is_some_and(|state| state.quarantine.is_some())
                    || known.is_open(&ext)
                    || known
                        .failures
                        .iter()
                        .any(|failure| failure["entity"] == linked.entity.id);
                let (ours, theirs) = (entity.text(field), shown.value(field));
                if !one_way && !waits && same_form(field, &ours) != same_form(field, theirs) {
                    found.push(format!(
                        "crm{crm} {ext} {field} holds `{theirs}` and the app `{ours}` (entity {}, flags {:?}, {:?})",
                        linked.entity.uid,
                        side.flags,
                        side.groups.get(&group)
                    ));
                }
            }
        }
    }
    drop(ghost);
    for what in found {
        world.violate(Invariant::Convergence, what);
    }
}

/// Whether a person works for the same company on all sides, as far as both are linked everywhere.
pub(super) fn references_agree(world: &World, known: &Knowledge) {
    let sides = world.all_sides();
    let companies = Object::Person.fields().len();
    for entity in known.entities.iter().filter(|entity| entity.object == Object::Person) {
        let linked = &entity.linked;
        if linked.entity.deleted || known.is_held(linked) || linked.entity.frozen.iter().any(|(group, _)| *group == 7) {
            continue;
        }
        let ours = linked.entity.value(companies).to_string();
        let company = known.of_uid(&ours).filter(|company| !company.linked.entity.deleted);
        for side in linked.sides.iter().filter(|side| side.presence == Presence::Live) {
            let (Some(&(crm, Object::Person)), Some(ext)) = (sides.get(&side.key.side), &side.ext) else {
                continue;
            };
            let theirs = world.crms[crm].employer(ext);
            let side_of_companies = world.side(crm, Object::Company);
            let theirs_is = theirs
                .as_deref()
                .and_then(|theirs| known.of_record(side_of_companies?, theirs))
                .map(|company| company.linked.entity.uid.to_string());
            // A company without a live record there can't be referred to there.
            let there = company.and_then(|company| {
                company
                    .linked
                    .side_index(side_of_companies?)
                    .map(|at| &company.linked.sides[at])
            });
            let expected = there
                .filter(|side| side.presence == Presence::Live)
                .map(|_| ours.clone());
            if expected.is_some() && expected != theirs_is {
                world.violate(
                    Invariant::Convergence,
                    format!(
                        "crm{crm} {ext} works for {theirs:?} ({theirs_is:?}), and in the app for {ours} (entity {}, flags {:?}, {:?})",
                        linked.entity.uid,
                        side.flags,
                        side.groups.get(&7)
                    ),
                );
            }
        }
    }
}

/// Everybody who is live in the app is in each CRM, and the other way round, but for what waits for a person, was cut
/// off on purpose or is outside of a filter.
pub(super) fn everybody_is_everywhere(world: &World, known: &Knowledge) {
    let mut found = Vec::new();
    let ghost = world.ghost();
    let objects: &[Object] = if world.scenario.companies {
        &Object::ALL
    } else {
        &[Object::Person]
    };
    for (crm, plan) in world.scenario.crms.iter().enumerate() {
        for object in objects {
            let Some(number) = world.side(crm, *object) else {
                continue;
            };
            for entity in known
                .entities
                .iter()
                .filter(|entity| entity.object == *object && entity.tenant == plan.tenant)
            {
                let linked = &entity.linked;
                if linked.entity.deleted || known.is_held(linked) {
                    continue;
                }
                let side = linked.side_index(number).map(|index| &linked.sides[index]);
                let waits = side.is_some_and(|side| {
                    side.presence != Presence::NeverSeen
                        || side.flags.has(SideFlags::HELD)
                        || side.flags.has(SideFlags::FAILED)
                });
                if !waits {
                    found.push(format!(
                        "entity {} ({}) is not in crm{crm}: {:?}",
                        linked.entity.uid,
                        entity.text(object.required()),
                        side.map(|side| (&side.presence, side.flags))
                    ));
                }
            }
            for (ext, shown) in ghost.records.get(&(crm, *object)).into_iter().flatten() {
                let outside = plan.filter && *object == Object::Person && shown.value("city").starts_with('x');
                if shown.deleted || shown.merged_into.is_some() || outside || known.is_open(ext) {
                    continue;
                }
                if known.of_record(number, ext).is_none() {
                    found.push(format!(
                        "crm{crm} {} {ext} (`{}`) belongs to no entity",
                        object.blueprint(),
                        shown.value(object.required())
                    ));
                }
            }
        }
    }
    drop(ghost);
    for what in found {
        world.violate(Invariant::Convergence, what);
    }
}

/// I23: what each live record shows is what the store holds as last observed of it.
pub(super) fn nothing_is_stale(world: &World, known: &Knowledge) {
    let sides = world.all_sides();
    let ghost = world.ghost();
    let mut found = Vec::new();
    for entity in &known.entities {
        let linked = &entity.linked;
        for side in linked.sides.iter().filter(|side| side.presence == Presence::Live) {
            let (Some(&(crm, object)), Some(ext)) = (sides.get(&side.key.side), &side.ext) else {
                continue;
            };
            let shown = ghost.records.get(&(crm, object)).and_then(|records| records.get(ext));
            let Some(shown) = shown.filter(|shown| !shown.deleted && !world.is_remapped(crm) && !known.is_held(linked))
            else {
                continue;
            };
            let observed = decode_all(&side.obs).unwrap_or_default();
            for (place, field) in object.fields().enumerate() {
                // Mappings list the fields in the blueprint's order.
                let seen = observed.get(place).map(text_of).unwrap_or_default();
                if seen.trim() != shown.value(field).trim() {
                    found.push(format!(
                        "crm{crm} {ext} {field} is `{}`, and was last seen as `{seen}` (entity {}, flags {:?})",
                        shown.value(field),
                        linked.entity.uid,
                        side.flags
                    ));
                }
            }
        }
    }
    drop(ghost);
    for what in found {
        world.violate(Invariant::BoundedStaleness, what);
    }
}
