//! Many entities at once: edited or deleted by what selects them, with a preview, page by page, each refusal told.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::TenantId;
use syncline_core::plan::ReadPoint;
use syncline_core::state::{Entity, EntityId};
use syncline_core::store::Mode;
use uuid::Uuid;

use super::findings::Findings;
use super::selection::{EntitySelection, Selection};
use super::service::Entities;
use super::transaction::{EntityTransaction, is_provisional, witness};
use crate::actor::{Action, Actor};

/// Entities written per transaction.
const CHUNK: usize = 500;
/// Entities that a preview tries.
const PREVIEWED: usize = 1_000;
/// Examples in a preview.
const EXAMPLES: usize = 10;
/// Refusals that are kept with their reasons; all are counted.
const FAILURES: usize = 1_000;

/// What is done to each selected entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityBulkChange {
    /// These values by field name are set.
    Set(Map<String, Json>),
    /// It is deleted; it can be brought back.
    Delete,
}

/// An entity of a bulk edit that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityBulkFailure {
    /// The entity.
    pub uid: Uuid,
    /// Why.
    pub reason: String,
}

/// What a bulk edit would do to one entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntityBulkExample {
    /// The entity.
    pub uid: Uuid,
    /// The fields that would change, or all of an entity that would be deleted, as they are.
    pub before: Map<String, Json>,
    /// The same fields as they would be; `None` where the entity would be deleted.
    pub after: Option<Map<String, Json>>,
}

/// How far a bulk edit has come, and in the end what it came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EntityBulkOutcome {
    /// Selected entities that were looked at.
    pub selected: u64,
    /// Those that were changed or deleted.
    pub changed: u64,
    /// Those that were like this already.
    pub unchanged: u64,
    /// Those that were refused.
    pub refused: u64,
    /// Conflicts that were opened or touched.
    pub conflicts: u64,
    /// The first 1,000 refusals.
    pub failures: Vec<EntityBulkFailure>,
    /// Whether it was stopped before it was through.
    pub stopped: bool,
}

/// What a bulk edit would do. Nothing is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntityBulkPreview {
    /// How many entities are selected.
    pub selected: u64,
    /// What became of the first of them when it was tried: up to 1,000.
    pub tried: EntityBulkOutcome,
    /// Some that would change.
    pub examples: Vec<EntityBulkExample>,
}

impl Entities<'_> {
    /// Tries a bulk edit on the first entities that it selects, and undoes it.
    ///
    /// # Errors
    /// As [`Entities::bulk`].
    pub async fn preview_bulk(
        &self,
        tenant: TenantId,
        blueprint: &str,
        selection: &EntitySelection,
        change: &EntityBulkChange,
        actor: &Actor,
    ) -> Result<EntityBulkPreview> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::EditEntities)?;
        let selection = Selection::open(inner, tenant, blueprint, selection).await?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let mut preview = EntityBulkPreview {
            selected: selection.count(tx.as_mut()).await?,
            tried: EntityBulkOutcome::default(),
            examples: Vec::new(),
        };
        let mut found: Vec<Entity> = Vec::new();
        let mut walk = selection.walk(tx.as_mut()).await?;
        while found.len() < PREVIEWED {
            let Some(page) = walk.next(&selection, tx.as_mut()).await? else {
                break;
            };
            found.extend(page);
        }
        drop(tx);
        found.truncate(PREVIEWED);
        match change {
            EntityBulkChange::Delete => {
                let mut work = EntityTransaction::of_blueprint(inner, tenant, blueprint, actor).await?;
                let ids: Vec<EntityId> = found.iter().map(|entity| entity.id).take(EXAMPLES).collect();
                let loaded = work.page.tx()?.load(&ids).await?;
                preview.tried.selected = found.len() as u64;
                preview.tried.changed = found.len() as u64;
                preview.examples = loaded
                    .iter()
                    .map(|linked| EntityBulkExample {
                        uid: linked.entity.uid,
                        before: work.names().view(linked).values,
                        after: None,
                    })
                    .collect();
            }
            EntityBulkChange::Set(values) => {
                let ids: Vec<EntityId> = found.iter().map(|entity| entity.id).collect();
                let mut work = EntityTransaction::of_blueprint(inner, tenant, blueprint, actor).await?;
                set(&mut work, &selection, &ids, values, &mut preview.tried).await?;
                preview.examples = examples(&work, &found);
                // Dropping the transaction undoes it.
            }
        }
        Ok(preview)
    }

    /// Edits or deletes all entities that are selected, page by page; what is refused is told, and the others go on.
    /// `progress` is told after each page and can stop it there; what was done stays, and doing it again does the rest.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; as [`Entities::list`] for the selection; [`ErrorKind::Invalid`] for values
    /// that no entity of the blueprint can have; [`ErrorKind::Store`] when the store fails, with what was committed
    /// before kept.
    pub async fn bulk(
        &self,
        tenant: TenantId,
        blueprint: &str,
        selection: &EntitySelection,
        change: &EntityBulkChange,
        progress: &mut (dyn FnMut(&EntityBulkOutcome) -> ControlFlow<()> + Send),
        actor: &Actor,
    ) -> Result<EntityBulkOutcome> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::EditEntities)?;
        let selection = Selection::open(inner, tenant, blueprint, selection).await?;
        let mut outcome = EntityBulkOutcome::default();
        let mut walk = {
            let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
            selection.walk(tx.as_mut()).await?
        };
        loop {
            let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
            let Some(page) = walk.next(&selection, tx.as_mut()).await? else {
                break;
            };
            drop(tx);
            for entities in page.chunks(CHUNK) {
                match change {
                    EntityBulkChange::Set(values) => {
                        let ids: Vec<EntityId> = entities.iter().map(|entity| entity.id).collect();
                        let mut work = EntityTransaction::of_blueprint(inner, tenant, blueprint, actor).await?;
                        set(&mut work, &selection, &ids, values, &mut outcome).await?;
                        work.finish().await?;
                    }
                    EntityBulkChange::Delete => {
                        for entity in entities {
                            outcome.selected += 1;
                            match self.delete(tenant, entity.uid, actor).await {
                                Ok(_) => outcome.changed += 1,
                                Err(error) => outcome.refuse(entity.uid, error)?,
                            }
                        }
                    }
                }
                if progress(&outcome).is_break() {
                    outcome.stopped = true;
                    return Ok(outcome);
                }
            }
        }
        Ok(outcome)
    }
}

impl EntityBulkOutcome {
    /// Notes that an entity was refused.
    ///
    /// # Errors
    /// The error itself where it is not the entity's own: the store failed, or an administrator is asked for.
    fn refuse(&mut self, uid: Uuid, error: Error) -> Result<()> {
        if matches!(
            error.kind(),
            ErrorKind::Store | ErrorKind::Corrupt | ErrorKind::Internal | ErrorKind::Forbidden
        ) {
            return Err(error);
        }
        self.refused += 1;
        if self.failures.len() < FAILURES {
            self.failures.push(EntityBulkFailure {
                uid,
                reason: error.message().to_owned(),
            });
        }
        Ok(())
    }
}

/// Sets values of these entities, as far as they are still selected.
async fn set(
    work: &mut EntityTransaction<'_>,
    selection: &Selection,
    ids: &[EntityId],
    values: &Map<String, Json>,
    outcome: &mut EntityBulkOutcome,
) -> Result<()> {
    let mut findings = Findings::default();
    let patch = work.parse(values, &mut findings);
    findings.check(&work.blueprint.name)?;
    work.prepare(&[&patch], &[]).await?;
    for linked in work.page.tx()?.load(ids).await? {
        if is_provisional(&linked) || !selection.fits(&linked.entity)? {
            continue;
        }
        witness(work.inner, &linked);
        outcome.selected += 1;
        let read = ReadPoint::Rev(linked.entity.rev);
        match work.edit(&linked, patch.clone(), &read, Findings::default()).await {
            Ok(edited) => {
                outcome.conflicts += edited.conflicts.len() as u64;
                if edited.changed.is_empty() {
                    outcome.unchanged += 1;
                } else {
                    outcome.changed += 1;
                }
            }
            Err(error) => outcome.refuse(linked.entity.uid, error)?,
        }
    }
    Ok(())
}

/// What some of these would change to.
fn examples(work: &EntityTransaction<'_>, found: &[Entity]) -> Vec<EntityBulkExample> {
    let changed = found
        .iter()
        .filter_map(|entity| Some((entity, work.written(entity.id)?)));
    changed
        .take(EXAMPLES)
        .map(|(before, after)| {
            let fields = work.blueprint.live_fields();
            let differing = fields.filter(|(position, _)| before.value(*position) != after.entity.value(*position));
            let mut example = EntityBulkExample {
                uid: before.uid,
                before: Map::new(),
                after: None,
            };
            let mut values = Map::new();
            for (position, field) in differing {
                example
                    .before
                    .insert(field.name.clone(), before.value(position).to_json());
                values.insert(field.name.clone(), after.entity.value(position).to_json());
            }
            example.after = Some(values);
            example
        })
        .collect()
}
