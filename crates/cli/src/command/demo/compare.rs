//! All three sides read back directly and compared field by field, under each mapping: the CRMs from their own shelves,
//! the app through its entities. Nothing that the engine remembers of the CRMs is used.

use std::collections::BTreeMap;

use syncline::entity::{EntityLink, EntityView};
use syncline::mapping::{Direction, SideGroup};
use syncline::model::Blueprint;
use syncline::state::Presence;
use syncline::{Result, Value};
use syncline_simulators::SimulatedRecord;

use super::app;
use super::audit::texts;
use super::conflicts;
use super::crm::Crm;
use super::links::Links;
use super::mapping::{BLUEPRINTS, DemoSync, Syncs};
use super::raw;
use super::report::{Comparison, Disagreement};
use super::world::World;

/// Disagreements shown; all are counted.
const SHOWN: usize = 20;

/// Compares everything.
///
/// # Errors
/// What the engine or the store reports.
pub(super) async fn compare(world: &World, syncs: &Syncs) -> Result<Comparison> {
    let mut comparison = Comparison::default();
    let mut waiting: BTreeMap<u64, u64> = BTreeMap::new();
    let mut known = BTreeMap::new();
    conflicts::visit_pending_records(world, |sync, record| {
        known.insert((sync, record), ());
    })
    .await?;
    let mut links: BTreeMap<&'static str, Links> = BTreeMap::new();
    for blueprint in BLUEPRINTS {
        let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
        for deleted in [false, true] {
            let mut after = None;
            loop {
                let page = app::page(world, blueprint, after.take(), deleted).await?;
                for entity in &page.entities {
                    let mut held = Held::new();
                    for link in &entity.links {
                        let (Some(sync), Some(record)) = (syncs.by_id(link.sync), &link.record) else {
                            continue;
                        };
                        known.remove(&(sync.sync.id, record.clone()));
                        let found = live(world.crm(sync.provider), blueprint, record);
                        *seen.entry(sync.sync.id).or_default() += u64::from(found.is_some());
                        held.extend(found.map(|found| (sync.sync.id, found)));
                        if link.presence == Presence::Live && !deleted {
                            links
                                .entry(sync.provider)
                                .or_default()
                                .add(&sync.sync.mapping.object, record, entity.uid);
                        }
                    }
                    comparison.entities += u64::from(!deleted);
                    comparison.deleted_entities += u64::from(deleted);
                    if !deleted {
                        compare_entity(world, syncs, &links, entity, &held, &mut comparison)?;
                    }
                }
                let Some(next) = page.next else { break };
                after = Some(next);
            }
        }
        for sync in syncs.of(blueprint) {
            let crm = world.crm(sync.provider);
            let asked = known
                .keys()
                .filter(|(id, record)| *id == sync.sync.id && live(crm, blueprint, record).is_some());
            let asked = asked.count() as u64;
            *waiting.entry(sync.sync.id).or_default() += asked;
            let held = crm.count(blueprint) as u64;
            let accounted = seen.get(&sync.sync.id).copied().unwrap_or_default() + asked;
            comparison.records += held;
            if held != accounted {
                disagree(
                    &mut comparison,
                    Disagreement {
                        blueprint: blueprint.to_owned(),
                        side: crm.label().to_owned(),
                        entity: None,
                        record: None,
                        field: "(the record)".to_owned(),
                        app: format!("{accounted} linked or in review"),
                        crm: format!("{held} live"),
                    },
                );
            }
        }
    }
    comparison.records_in_review = waiting.values().sum();
    Ok(comparison)
}

/// The live records of one entity, by sync.
type Held = BTreeMap<u64, SimulatedRecord>;

/// A record that is neither deleted nor merged away.
fn live(crm: &Crm, blueprint: &str, record: &str) -> Option<SimulatedRecord> {
    crm.record(blueprint, record)
        .filter(|record| !record.deleted && record.merged_into.is_none())
}

fn disagree(comparison: &mut Comparison, disagreement: Disagreement) {
    comparison.disagreements += 1;
    if comparison.shown.len() < SHOWN {
        comparison.shown.push(disagreement);
    }
}

fn compare_entity(
    world: &World,
    syncs: &Syncs,
    links: &BTreeMap<&'static str, Links>,
    entity: &EntityView,
    held: &Held,
    comparison: &mut Comparison,
) -> Result<()> {
    if entity.conflicts.iter().any(|conflict| conflict.fields.is_empty()) {
        comparison.entities_in_review += 1;
        return Ok(());
    }
    let nothing = Links::default();
    for sync in syncs.of(&entity.blueprint) {
        let crm = world.crm(sync.provider);
        let link = entity.links.iter().find(|link| link.sync == sync.sync.id);
        let about = |field: &str, app: String, held: String, record: Option<&String>| Disagreement {
            blueprint: entity.blueprint.clone(),
            side: crm.label().to_owned(),
            entity: Some(entity.uid),
            record: record.cloned(),
            field: field.to_owned(),
            app,
            crm: held,
        };
        let record = match place(link) {
            Place::Linked(record) => record,
            Place::Cut(record) => {
                comparison.unlinked += 1;
                // A link is cut since the record is gone, or since a person cut it; then it may still be there.
                let gone =
                    link.is_some_and(|link| matches!(link.presence, Presence::Deleted(_) | Presence::MergedInto(_)));
                if gone && held.contains_key(&sync.sync.id) {
                    disagree(
                        comparison,
                        about("(the record)", "deleted there".into(), "live".into(), record),
                    );
                }
                continue;
            }
            Place::InReview => {
                comparison.entities_in_review += 1;
                continue;
            }
            Place::Missing => {
                if sync.side.create_in_crm {
                    disagree(comparison, about("(the record)", "live".into(), "missing".into(), None));
                }
                continue;
            }
        };
        let Some(held) = held.get(&sync.sync.id) else {
            disagree(
                comparison,
                about("(the record)", "live".into(), "deleted".into(), Some(record)),
            );
            continue;
        };
        let frozen: Vec<&String> = entity.conflicts.iter().flat_map(|conflict| &conflict.fields).collect();
        for group in &sync.side.groups {
            let name = sync.blueprint.group_name(group.group);
            if frozen
                .iter()
                .any(|field| name.split('+').any(|part| part == field.as_str()))
            {
                comparison.fields_in_review += 1;
            } else if group.direction.pushes() {
                comparison.fields += 1;
                let context = links.get(sync.provider).unwrap_or(&nothing);
                if let Some((app, held)) = difference(crm, sync, group, entity, held, context)? {
                    disagree(comparison, about(&name, app, held, Some(record)));
                }
            } else if group.direction == Direction::Pull {
                comparison.one_way_fields += 1;
            }
        }
    }
    Ok(())
}

enum Place<'a> {
    Linked(&'a String),
    Cut(Option<&'a String>),
    InReview,
    Missing,
}

fn place(link: Option<&EntityLink>) -> Place<'_> {
    let Some(link) = link else { return Place::Missing };
    match (&link.presence, &link.record) {
        _ if link.held => Place::InReview,
        (Presence::Live, Some(record)) => Place::Linked(record),
        (Presence::NeverSeen | Presence::Live, _) => Place::Missing,
        (_, record) => Place::Cut(record.as_ref()),
    }
}

/// What the app and a CRM hold where they disagree on a group: what the CRM holds is compared, by its own mapping's
/// idea of equal, with what would be written there.
pub(super) fn difference(
    crm: &Crm,
    sync: &DemoSync,
    group: &SideGroup,
    entity: &EntityView,
    record: &SimulatedRecord,
    links: &Links,
) -> Result<Option<(String, String)>> {
    let hub = group
        .fields
        .iter()
        .map(|&field| hub_value(&sync.blueprint, entity, field))
        .collect::<Result<Vec<_>>>()?;
    let raw = raw::of_group(crm, &sync.side, group, record);
    let written = match group.put(&hub, &raw, links) {
        Ok(written) => written,
        Err(error) => return Ok(Some((texts(&hub), format!("{}: {error}", texts(&raw))))),
    };
    if group.canon(&written) == group.canon(&raw) {
        return Ok(None);
    }
    let held = group.get(&raw, &hub, links).unwrap_or(raw);
    Ok(Some((texts(&hub), texts(&held))))
}

fn hub_value(blueprint: &Blueprint, entity: &EntityView, field: usize) -> Result<Value> {
    let Some(field) = blueprint.fields.get(field) else {
        return Ok(Value::Null);
    };
    let json = entity.values.get(&field.name).cloned().unwrap_or_default();
    blueprint.check_value(field, Value::from_json(json))
}
