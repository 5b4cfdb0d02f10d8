//! Which entities the users work on: linked to a live record in both CRMs, each used once.

use std::collections::{BTreeMap, BTreeSet};

use syncline::Result;
use syncline::entity::EntityView;
use syncline::ports::{Random, SeededRandom};
use syncline::state::Presence;
use uuid::Uuid;

use super::app;
use super::mapping::Syncs;
use super::world::World;

/// Most people that a demo's users work on.
const MOST: usize = 800;

/// Entities taken where one was drawn: to ask for each alone takes longer than all that the users do.
const NEIGHBOURS: usize = 16;

/// An entity to work on.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) uid: Uuid,
    /// Its revision as read now.
    pub(super) rev: u64,
    /// The CRMs' records by provider.
    pub(super) records: BTreeMap<&'static str, String>,
}

/// Entities to work on, by blueprint.
#[derive(Debug, Clone, Default)]
pub(super) struct Targets {
    pub(super) people: Vec<Target>,
    pub(super) companies: Vec<Target>,
}

/// Draws entities at random, without ever holding them all.
///
/// # Errors
/// What the engine reports.
pub(super) async fn choose(world: &World, syncs: &Syncs, seed: u64) -> Result<Targets> {
    let random = SeededRandom::new(seed ^ 0x64_65_6d_6f);
    Ok(Targets {
        people: draw(world, syncs, "person", MOST, &random).await?,
        companies: draw(world, syncs, "company", MOST / 10, &random).await?,
    })
}

async fn draw(
    world: &World,
    syncs: &Syncs,
    blueprint: &str,
    most: usize,
    random: &SeededRandom,
) -> Result<Vec<Target>> {
    let Some(first) = app::following(world, blueprint, 0, 1).await?.into_iter().next() else {
        return Ok(Vec::new());
    };
    // Numbers are dense: every one of them was given to a record of some CRM.
    let span = world.records().max(1) as u64;
    let wanted = (world.crms()[0].count(blueprint) / 2).min(most);
    let mut seen = BTreeSet::new();
    let mut chosen = Vec::new();
    for _ in 0..wanted * 6 + 20 {
        if chosen.len() >= wanted {
            break;
        }
        let after = first.number - 1 + i64::try_from(random.u64() % span).unwrap_or(0);
        for entity in app::following(world, blueprint, after, NEIGHBOURS).await? {
            if chosen.len() < wanted
                && seen.insert(entity.uid)
                && let Some(target) = target(syncs, &entity)
            {
                chosen.push(target);
            }
        }
    }
    Ok(chosen)
}

fn target(syncs: &Syncs, entity: &EntityView) -> Option<Target> {
    let mut records = BTreeMap::new();
    for link in entity
        .links
        .iter()
        .filter(|link| link.presence == Presence::Live && !link.held && !link.failed)
    {
        records.insert(syncs.by_id(link.sync)?.provider, link.record.clone()?);
    }
    (records.len() == 2 && entity.conflicts.is_empty()).then_some(Target {
        uid: entity.uid,
        rev: entity.rev,
        records,
    })
}
