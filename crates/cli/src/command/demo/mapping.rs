//! Auto-mapping accounts and contacts of both CRMs, and saving the syncs.

use std::collections::BTreeMap;

use syncline::connection::Connection;
use syncline::lens::LensRegistry;
use syncline::mapping::{Direction, Mapping, MatchKey, Role, SideMapping, SidePlace, Strategy, compile};
use syncline::model::Blueprint;
use syncline::sync::{NewSync, Schedule, Sync};
use syncline::{Error, ErrorKind, Result};

use super::report::MappingSummary;
use super::world::World;

/// The demo's blueprints, parents before children.
pub(super) const BLUEPRINTS: [&str; 2] = ["company", "person"];

/// The column that holds the truth of a people file: neither mapped nor matched by.
pub(super) const TRUTH: [&str; 2] = ["Rec_Id__c", "rec_id"];

/// The field whose conflicts the demo puts before a person.
pub(super) const REVIEWED: &str = "job_title";

/// One saved sync with everything needed to read its side without the engine.
pub(super) struct DemoSync {
    pub(super) provider: &'static str,
    pub(super) sync: Sync,
    pub(super) blueprint: Blueprint,
    pub(super) side: SideMapping,
}

/// The demo's syncs, by blueprint and then CRM.
pub(super) struct Syncs {
    pub(super) all: Vec<DemoSync>,
    /// What auto-map proposed, for the report.
    notes: BTreeMap<u64, (f64, usize)>,
}

impl Syncs {
    /// The syncs of a blueprint.
    pub(super) fn of<'a>(&'a self, blueprint: &'a str) -> impl Iterator<Item = &'a DemoSync> {
        self.all.iter().filter(move |sync| sync.blueprint.name == blueprint)
    }

    /// The sync of this number.
    pub(super) fn by_id(&self, id: u64) -> Option<&DemoSync> {
        self.all.iter().find(|sync| sync.sync.id == id)
    }

    /// The blueprint of this name.
    pub(super) fn blueprint(&self, name: &str) -> Result<&Blueprint> {
        self.all
            .iter()
            .map(|sync| &sync.blueprint)
            .find(|blueprint| blueprint.name == name)
            .ok_or_else(|| Error::new(ErrorKind::Internal, format!("the demo maps no `{name}`")))
    }
}

/// Proposes and saves all mappings.
///
/// # Errors
/// What the engine reports.
pub(super) async fn map_all(world: &World, connections: &[Connection; 2]) -> Result<Syncs> {
    let mut saved = Vec::new();
    let mut notes = BTreeMap::new();
    for blueprint in BLUEPRINTS {
        for (crm, connection) in world.crms().into_iter().zip(connections) {
            let object = crm.object(blueprint);
            let mut proposal = world.engine.propose(connection, object, None, &world.admin).await?;
            exclude_truth(&mut proposal.mapping);
            proposal.new_fields.retain(|field| {
                proposal
                    .mapping
                    .rules
                    .iter()
                    .any(|rule| rule.fields.contains(&field.name))
            });
            for rule in proposal
                .mapping
                .rules
                .iter_mut()
                .filter(|rule| rule.fields == [REVIEWED])
            {
                rule.strategy = Some(Strategy::ManualReview);
            }
            let (least, left_out) = (
                proposal.rules.iter().map(|rule| rule.confidence).fold(1.0, f64::min),
                proposal.left_out.len(),
            );
            let mut new = NewSync::proposed(format!("{}-{blueprint}", crm.provider()), connection, proposal);
            new.schedule = Schedule::Manual;
            let sync = world.engine.syncs().save(new, &world.admin).await?.sync;
            notes.insert(sync.id, (least, left_out));
            saved.push((crm.provider(), connection, sync));
        }
    }
    // Only now is each blueprint complete: a later mapping may have added fields.
    let mut all = Vec::new();
    for (provider, connection, sync) in saved {
        let schema = world
            .engine
            .describe(connection, &sync.mapping.object, &world.admin)
            .await?;
        let blueprint = world
            .engine
            .blueprint(world.tenant, &sync.mapping.blueprint, &world.admin)
            .await?;
        let place = SidePlace {
            side: sync.side,
            slot: sync.slot,
            label: sync.name.clone(),
            role: Role::Crm,
            rank: sync.rank,
        };
        let side =
            compile(&sync.mapping, &blueprint, &schema, &LensRegistry::standard(), place).map_err(|findings| {
                let text: Vec<String> = findings.into_iter().map(|finding| finding.message).collect();
                Error::new(ErrorKind::Invalid, text.join("; "))
            })?;
        all.push(DemoSync {
            provider,
            sync,
            blueprint,
            side,
        });
    }
    Ok(Syncs { all, notes })
}

fn exclude_truth(mapping: &mut Mapping) {
    let before = mapping.rules.len();
    mapping
        .rules
        .retain(|rule| !rule.remote.iter().any(|path| TRUTH.contains(&path.as_str())));
    if mapping.rules.len() < before {
        let known = TRUTH
            .iter()
            .find(|path| path.ends_with("__c") == (mapping.object == "Contact"));
        mapping.excluded.extend(known.map(|path| (*path).to_owned()));
    }
}

/// What was mapped, for the report.
pub(super) fn summary(syncs: &Syncs) -> Vec<MappingSummary> {
    syncs
        .all
        .iter()
        .map(|one| {
            let (least_confidence, left_out) = syncs.notes.get(&one.sync.id).copied().unwrap_or_default();
            let directions =
                |wanted: fn(Direction) -> bool| one.side.groups.iter().filter(|group| wanted(group.direction)).count();
            MappingSummary {
                sync: one.sync.name.clone(),
                object: one.sync.mapping.object.clone(),
                blueprint: one.blueprint.name.clone(),
                fields: one
                    .sync
                    .mapping
                    .rules
                    .iter()
                    .map(|rule| format!("{} = {}", rule.fields.join("+"), rule.remote.join("+")))
                    .collect(),
                two_way: directions(|direction| direction == Direction::Bidirectional),
                one_way: directions(|direction| matches!(direction, Direction::Pull | Direction::Push)),
                least_confidence,
                left_out,
                match_keys: one.sync.mapping.match_keys.iter().map(match_key).collect(),
            }
        })
        .collect()
}

fn match_key(key: &MatchKey) -> String {
    match key {
        MatchKey::Exact { parts } => {
            let fields: Vec<&str> = parts.iter().map(|part| part.field.as_str()).collect();
            format!("same {}", fields.join(" and "))
        }
        MatchKey::Fuzzy { parts, link, review } => {
            let fields: Vec<&str> = parts.iter().map(|part| part.field.as_str()).collect();
            format!("alike in {} (links from {link}, asks from {review})", fields.join(", "))
        }
    }
}
