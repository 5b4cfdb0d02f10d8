//! The dry run of a migration: what would change, what would fail and why, with examples. Nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::migration::{Migration, StepFailure};
use syncline_core::model::{Blueprint, TenantId};
use syncline_core::state::{Entity, EntityId};
use syncline_core::store::Mode;
use syncline_core::value::{content_hash, encode_all};
use uuid::Uuid;

use super::cross::Crosser;
use super::migrate::{Migrations, all};
use super::service::{all_wrong, invalid};
use super::syncs::adapted;
use crate::actor::{Action, Actor};
use crate::entity::{EntitySides, blueprint_by_name};

/// So many examples are shown of what changes, and of each reason for a failure.
const EXAMPLES: usize = 10;

/// What a dry run is of.
#[derive(Debug, Clone, PartialEq)]
pub enum MigrationTarget {
    /// The current version.
    Current,
    /// Another version that was saved.
    Version(u32),
    /// What a migration that is not saved yet would make of the current version.
    Migration(Migration),
}

/// One entity before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MigrationExample {
    /// The entity.
    pub uid: Uuid,
    /// What changes, as it is.
    pub before: Map<String, Json>,
    /// The same afterwards.
    pub after: Map<String, Json>,
}

/// A reason for failures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReasonCount {
    /// The fields concerned.
    pub fields: Vec<String>,
    /// An example of what is wrong.
    pub reason: String,
    /// How many entities it keeps from coming over.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<Uuid>,
}

/// What a migration would do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MigrationPreview {
    /// The version that it would bring entities to.
    pub to: u32,
    /// Entities, deleted ones among them.
    pub total: u64,
    /// Those whose values would change.
    pub changed: u64,
    /// Those that would only be said to be of the version, or are already.
    pub unchanged: u64,
    /// Those that would stay as they are.
    pub failed: u64,
    /// Remote records that would be written because of it.
    pub writes: u64,
    /// Examples of what changes.
    pub examples: Vec<MigrationExample>,
    /// Why some would stay, the most frequent first.
    pub reasons: Vec<ReasonCount>,
}

impl Migrations<'_> {
    /// What bringing all entities of a blueprint to a version would do.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint or version;
    /// [`ErrorKind::Invalid`] with everything that is wrong with the migration.
    pub async fn dry_run(
        &self,
        tenant: TenantId,
        blueprint: &str,
        target: &MigrationTarget,
        actor: &Actor,
    ) -> Result<MigrationPreview> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadEntities)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let blueprint = blueprint_by_name(tx.as_mut(), tenant, blueprint).await?;
        let mut crosser = Crosser::open(inner, tx.as_mut(), &blueprint).await?;
        let to = match target {
            MigrationTarget::Current => blueprint.version,
            MigrationTarget::Version(version) => *version,
            MigrationTarget::Migration(migration) => {
                let made = crosser.history.derive(blueprint.version, migration);
                let made = made.map_err(|findings| invalid(&blueprint.name, &all_wrong(&findings)))?;
                let version = made.blueprint.version;
                crosser.history.push(made);
                version
            }
        };
        let missing = || {
            Error::new(
                ErrorKind::NotFound,
                format!("there is no version {to} of `{}`", blueprint.name),
            )
        };
        crosser.blueprint = crosser
            .history
            .blueprint(to)
            .filter(|found| found.version == to)
            .ok_or_else(missing)?;
        // Mappings by the names that fields would have then; one that could not run takes no part.
        let syncs = adapted(inner, tx.as_mut(), &blueprint, &crosser.blueprint).await?;
        let syncs = syncs.into_iter().map(|sync| sync.sync.value).collect();
        crosser.sides = EntitySides::with(inner, tx.as_mut(), &crosser.blueprint, syncs).await?;
        let mut preview = MigrationPreview {
            to,
            ..MigrationPreview::default()
        };
        let mut reasons: BTreeMap<(Vec<String>, u32), ReasonCount> = BTreeMap::new();
        let mut unique = Unique::new(&crosser.blueprint);
        let mut after = 0;
        loop {
            let page = tx.entities(&all(&blueprint, after, inner.settings.page_rows)).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            let ids: Vec<EntityId> = page.iter().map(|entity| entity.id).collect();
            for mut linked in tx.load(&ids).await? {
                preview.total += 1;
                let before = linked.entity.clone();
                let outcome = crosser.cross(inner, &mut linked, &actor.name);
                let outcome = outcome.and_then(|crossed| unique.enter(&linked.entity).map(|()| crossed));
                match outcome {
                    Ok(crossed) => {
                        let (old, new) = changes(&crosser, &before, &linked.entity);
                        if old == new {
                            preview.unchanged += 1;
                            continue;
                        }
                        preview.changed += 1;
                        preview.writes += crossed.pushes as u64;
                        if preview.examples.len() < EXAMPLES {
                            preview.examples.push(MigrationExample {
                                uid: before.uid,
                                before: old,
                                after: new,
                            });
                        }
                    }
                    Err(failures) => {
                        preview.failed += 1;
                        for failure in failures {
                            let reason =
                                reasons
                                    .entry((failure.fields.clone(), failure.version))
                                    .or_insert_with(|| ReasonCount {
                                        fields: failure.fields,
                                        reason: failure.reason,
                                        count: 0,
                                        examples: Vec::new(),
                                    });
                            reason.count += 1;
                            if reason.examples.len() < EXAMPLES {
                                reason.examples.push(before.uid);
                            }
                        }
                    }
                }
            }
        }
        preview.reasons = reasons.into_values().collect();
        preview
            .reasons
            .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.fields.cmp(&b.fields)));
        Ok(preview)
    }
}

/// The fields that differ, by their names on either side.
fn changes(crosser: &Crosser, before: &Entity, after: &Entity) -> (Map<String, Json>, Map<String, Json>) {
    let shown = |entity: &Entity| -> BTreeMap<String, Json> {
        let blueprint = crosser.history.blueprint(entity.blueprint_version);
        let blueprint = blueprint.unwrap_or_else(|| crosser.blueprint.clone());
        let fields = blueprint.live_fields();
        fields
            .map(|(place, field)| (field.name.clone(), entity.value(place).to_json()))
            .collect()
    };
    let (before, after) = (shown(before), shown(after));
    let differing = |one: &BTreeMap<String, Json>, other: &BTreeMap<String, Json>| -> Map<String, Json> {
        let differs = |(name, value): &(&String, &Json)| other.get(*name) != Some(value);
        one.iter()
            .filter(differs)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    (differing(&before, &after), differing(&after, &before))
}

/// Unique values, as they would be.
struct Unique {
    places: Vec<(usize, String)>,
    held: BTreeSet<(usize, u128)>,
    version: u32,
}

impl Unique {
    fn new(blueprint: &Blueprint) -> Self {
        let fields = blueprint.live_fields().filter(|(_, field)| field.unique);
        Self {
            places: fields.map(|(place, field)| (place, field.name.clone())).collect(),
            held: BTreeSet::new(),
            version: blueprint.version,
        }
    }

    fn enter(&mut self, entity: &Entity) -> Result<(), Vec<StepFailure>> {
        if entity.deleted {
            return Ok(());
        }
        let mut failures = Vec::new();
        for (place, name) in &self.places {
            let value = entity.value(*place);
            let hash = content_hash(&encode_all([value]));
            if !value.is_empty() && !self.held.insert((*place, hash)) {
                failures.push(StepFailure {
                    version: self.version,
                    fields: vec![name.clone()],
                    reason: format!("`{name}` is unique and another record would have {value}"),
                });
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(failures) }
    }
}
