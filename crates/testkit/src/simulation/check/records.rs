//! I2, I7, I10, I12, I13, I22: records, what they hold, and whose they are.

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::Value;
use syncline_core::audit::AuditKind;
use syncline_core::state::{Base, Presence};
use syncline_core::value::decode_all;

use super::Invariant;
use super::knowledge::{Knowledge, same_form};
use crate::simulation::crm::Object;
use crate::simulation::ghost::{Ghost, Place, Who};
use crate::simulation::world::World;

/// I2: every value of a record was set by some user.
pub(super) fn no_invention(world: &World, _: &Knowledge) {
    let mut found = Vec::new();
    let ghost = world.ghost();
    let mut set: BTreeSet<(usize, String)> = ghost
        .edits
        .iter()
        .flat_map(|edit| {
            [
                (edit.tenant, same_form(edit.field, &edit.after)),
                (edit.tenant, same_form(edit.field, &edit.before)),
            ]
        })
        .collect();
    for change in ghost
        .changes
        .iter()
        .filter(|change| matches!(change.who, Who::User(_) | Who::Itself))
    {
        let tenant = world.scenario.crms[change.crm].tenant;
        if let Some(field) = change.field {
            set.insert((tenant, same_form(field, &change.after)));
        }
    }
    set.extend(
        world
            .decided()
            .into_iter()
            // A decision is on any field, and the title is compared as far as the shortest side keeps it.
            .flat_map(|(tenant, value)| ["", "title"].map(|field| (tenant, same_form(field, &value)))),
    );
    for ((crm, object), records) in &ghost.records {
        let tenant = world.scenario.crms[*crm].tenant;
        for (ext, shown) in records.iter().filter(|(_, shown)| !shown.deleted) {
            for field in object.fields() {
                let value = same_form(field, shown.value(field));
                if !value.is_empty() && !set.contains(&(tenant, value)) {
                    found.push(format!(
                        "crm{crm} {ext} {field} holds `{}`, which nobody set",
                        shown.value(field)
                    ));
                }
            }
        }
    }
    drop(ghost);
    for what in found {
        world.violate(Invariant::NoInvention, what);
    }
}

/// I7: a record that somebody made once is there once.
pub(super) fn one_create(world: &World, known: &Knowledge) {
    // A record's first title is used by nobody else, so two live entities that began with one are one too many.
    let mut begun: BTreeMap<(usize, String), BTreeSet<String>> = BTreeMap::new();
    for told in known.audit.iter().filter(|told| told.entry.kind == AuditKind::Created) {
        let Some(entity) = known.of_uid(&told.entry.entity.to_string()) else {
            continue;
        };
        let title = told.entry.after.get(4).map(ToString::to_string).unwrap_or_default();
        if entity.object == Object::Person && !entity.linked.entity.deleted && title.starts_with('v') {
            let key = (told.tenant, same_form("title", &title));
            begun
                .entry(key)
                .or_default()
                .insert(entity.linked.entity.uid.to_string());
        }
    }
    for ((_, title), uids) in begun {
        if uids.len() > 1
            && !uids.iter().any(|uid| known.is_open(uid) || world.is_separate(uid))
            && !may_be_two(world, known, &uids)
        {
            world.violate(
                Invariant::OneCreate,
                format!(
                    "the record that began as `{title}` is in the app {} times: {uids:?}",
                    uids.len()
                ),
            );
        }
    }
    let ghost = world.ghost();
    let mut found = Vec::new();
    for ((crm, object), records) in &ghost.records {
        let mut marked: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
        for (ext, shown) in records
            .iter()
            .filter(|(_, shown)| !shown.deleted && !shown.marker.is_empty())
        {
            marked.entry(&shown.marker).or_default().push(ext);
        }
        for (marker, exts) in marked.into_iter().filter(|(_, exts)| exts.len() > 1) {
            // Made anew while it was in the bin, and then taken out of it.
            if exts.iter().any(|ext| is_brought_back(&ghost, *crm, ext)) {
                world.cover("a record was brought back beside the one made anew for it");
                continue;
            }
            found.push(format!(
                "crm{crm} has {} {}s of entity {marker}: {exts:?}",
                exts.len(),
                object.blueprint()
            ));
        }
    }
    drop(ghost);
    for what in found {
        world.violate(Invariant::OneCreate, what);
    }
}

/// Whether somebody made two of one: merged the record away that an entity had while that was deleted, or changed a
/// record that the engine had made without a marker before it could be recognised.
fn may_be_two(world: &World, known: &Knowledge, uids: &BTreeSet<String>) -> bool {
    let ghost = world.ghost();
    let sides = world.all_sides();
    let entities = uids.iter().filter_map(|uid| known.of_uid(uid));
    let is_merged = |presence: &Presence| matches!(presence, Presence::MergedInto(_));
    if entities
        .flat_map(|entity| &entity.linked.sides)
        .any(|side| is_merged(&side.presence))
    {
        world.cover("a record was merged away while its entity was deleted");
        return true;
    }
    let begun = known
        .audit
        .iter()
        .filter(|told| told.entry.kind == AuditKind::Created && uids.contains(&told.entry.entity.to_string()));
    for told in begun {
        let Some((crm, object)) = sides.get(&told.entry.side) else {
            continue;
        };
        let ext = &told.entry.ext;
        if world.scenario.crms[*crm].marker {
            continue;
        }
        let merges = ghost
            .records
            .get(&(*crm, *object))
            .is_some_and(|records| records.values().any(|shown| shown.merged_into.is_some()));
        let of_record = |field: Option<&'static str>| {
            ghost.changes.iter().filter(move |change| {
                (change.crm, change.object, &change.ext, change.field) == (*crm, *object, ext, field)
            })
        };
        let is_ours = of_record(None).any(|change| matches!(change.who, Who::Engine(_) | Who::Late));
        let is_changed = of_record(Some("email")).any(|change| matches!(change.who, Who::User(_) | Who::Itself));
        if is_ours && (is_changed || merges) {
            world.cover("a create without a marker was changed before it was recognised");
            return true;
        }
    }
    false
}

/// Whether a user brought a record back.
fn is_brought_back(ghost: &Ghost, crm: usize, ext: &str) -> bool {
    let place = Place::Crm(crm, ext.to_owned());
    // What was made at first stands there without a position.
    ghost
        .presence
        .iter()
        .any(|(seq, _, at, live)| *seq > 0 && *live && *at == place)
}

/// I10: what is taken for a side's own value was really there at some moment.
pub(super) fn base_soundness(world: &World, known: &Knowledge) {
    let sides = world.all_sides();
    let ghost = world.ghost();
    let mut found = Vec::new();
    for entity in &known.entities {
        for side in &entity.linked.sides {
            let (Some(&(crm, object)), Some(ext)) = (sides.get(&side.key.side), &side.ext) else {
                continue;
            };
            let mut check = |field: &'static str, what: &str, value: &Value| {
                let text = value.as_text().unwrap_or_default();
                let held = ghost.held.get(&(crm, object, ext.clone(), field));
                // Who merges takes over what the other record held.
                let somewhere = || {
                    let all = ghost
                        .held
                        .iter()
                        .filter(|((at, of, _, name), _)| (*at, *of, *name) == (crm, object, field));
                    all.flat_map(|(_, values)| values)
                        .any(|value| same_form(field, value) == same_form(field, text))
                };
                let merged = ghost
                    .records
                    .get(&(crm, object))
                    .is_some_and(|records| records.values().any(|shown| shown.merged_into.is_some()));
                // A rollback gives back a base as the CRM keeps it.
                let held =
                    held.is_some_and(|held| held.iter().any(|held| same_form(field, held) == same_form(field, text)));
                let known = held || text.is_empty() || merged && somewhere();
                if !known {
                    found.push(format!(
                        "crm{crm} {ext} never held `{text}` in {field}, which is taken for its {what}"
                    ));
                }
            };
            let Ok(row) = decode_all(&side.obs) else { continue };
            let names: Vec<&'static str> = object.fields().collect();
            // Mappings list the fields in the blueprint's order.
            if row.len() >= names.len() && !world.is_remapped(crm) {
                for (field, value) in names.iter().zip(&row) {
                    check(field, "observation", value);
                }
            }
            for (group, state) in &side.groups {
                let Some(field) = names.get(usize::from(*group).wrapping_sub(1)) else {
                    continue;
                };
                if let Base::Held(values) = &state.base
                    && let Some(value) = values.first()
                {
                    check(field, "base", value);
                }
            }
        }
    }
    drop(ghost);
    for what in found {
        world.violate(Invariant::BaseSoundness, what);
    }
}

/// I12: what the engine deleted was deleted by somebody first.
pub(super) fn delete_safety(world: &World, known: &Knowledge) {
    let ghost = world.ghost();
    let mut found = Vec::new();
    let deletes = ghost.changes.iter().filter(|change| {
        change.field.is_none() && change.after.is_empty() && matches!(change.who, Who::Engine(_) | Who::Late)
    });
    for change in deletes {
        let side = world.side(change.crm, change.object);
        let entity = side.and_then(|side| known.by_ext.get(&(side, change.ext.clone())));
        let wanted = ghost.presence.iter().any(|(seq, _, place, live)| {
            !live
                && *seq < change.seq
                && match place {
                    Place::App(uid) => entity.is_some_and(|entity| entity.to_string() == *uid),
                    Place::Crm(crm, ext) => {
                        let side = world.side(*crm, change.object);
                        side.is_some_and(|side| known.by_ext.get(&(side, ext.clone())) == entity)
                    }
                }
        });
        if !wanted && !world.rolled_back() {
            found.push(format!(
                "crm{} {} was deleted by us, and no user deleted it anywhere",
                change.crm, change.ext
            ));
        }
    }
    drop(ghost);
    for what in found {
        world.violate(Invariant::DeleteSafety, what);
    }
}

/// I13: one remote record, one entity.
pub(super) fn identity(world: &World, known: &Knowledge) {
    let mut owners: BTreeMap<(u32, &String), BTreeSet<i64>> = BTreeMap::new();
    for entity in &known.entities {
        for side in entity
            .linked
            .sides
            .iter()
            .filter(|side| side.presence == Presence::Live)
        {
            if let Some(ext) = &side.ext {
                owners
                    .entry((side.key.side, ext))
                    .or_default()
                    .insert(entity.linked.entity.id);
            }
        }
    }
    for ((side, ext), entities) in owners.into_iter().filter(|(_, entities)| entities.len() > 1) {
        world.violate(
            Invariant::Identity,
            format!("{ext} of side {side} belongs to entities {entities:?}"),
        );
    }
}

/// I22: sides and operations of an entity are of its own tenant's CRMs.
pub(super) fn isolation(world: &World, known: &Knowledge) {
    let sides = world.all_sides();
    for entity in &known.entities {
        for side in &entity.linked.sides {
            let of = sides
                .get(&side.key.side)
                .map(|(crm, _)| world.scenario.crms[*crm].tenant);
            if of != Some(entity.tenant) {
                world.violate(
                    Invariant::Isolation,
                    format!(
                        "entity {} of tenant {} has a side of tenant {of:?}",
                        entity.linked.entity.uid, entity.tenant
                    ),
                );
            }
        }
    }
    for operation in &known.operations {
        let of = sides
            .get(&operation.key.side)
            .map(|(crm, _)| world.tenant(world.scenario.crms[*crm].tenant));
        if of != Some(operation.tenant) {
            world.violate(
                Invariant::Isolation,
                format!("operation {} is of another tenant's side", operation.id),
            );
        }
    }
}
