//! Lists of entities, a page at a time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::expression::{Filter, Variables};
use syncline_core::model::{Blueprint, TenantId};
use syncline_core::state::{Entity, EntityId};
use syncline_core::store::{EntityQuery, Mode};

use super::model::EntityView;
use super::service::Entities;
use super::sides::syncs_of;
use super::transaction::{blueprint_by_name, is_provisional};
use super::view::EntityNames;
use crate::actor::{Action, Actor};

/// Entities on a page that does not say how many.
const PAGE: usize = 25;
/// Most entities on a page.
const LARGEST_PAGE: usize = 1_000;
/// Entities read from the store at once while a filter is applied.
const SCAN: usize = 1_000;

/// Which entities to list, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EntityListQuery {
    /// Only those for which this CEL expression is true. Fields are named `entity.city`, or `city` alone.
    pub filter: Option<String>,
    /// Only those after this one: [`EntityPage::next`] of the page before.
    pub after: EntityId,
    /// At most this many, up to 1,000; 25 if 0.
    pub limit: usize,
    /// Deleted ones instead of live ones.
    pub deleted: bool,
}

/// A page of entities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntityPage {
    /// The entities.
    pub entities: Vec<EntityView>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<EntityId>,
}

impl Entities<'_> {
    /// A page of a blueprint's entities, in the order of their making.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint; [`ErrorKind::Invalid`] when
    /// the filter is no expression, names a field that there is not, or can't be applied to a record.
    pub async fn list(
        &self,
        tenant: TenantId,
        blueprint: &str,
        query: &EntityListQuery,
        actor: &Actor,
    ) -> Result<EntityPage> {
        let inner = &self.0.inner;
        inner.allow(actor, Action::ReadEntities)?;
        let mut tx = inner.store.begin(Mode::Read).await?;
        let blueprint = blueprint_by_name(tx.as_mut(), tenant, blueprint).await?;
        let filter = query
            .filter
            .as_deref()
            .map(|text| EntityFilter::compile(text, &blueprint))
            .transpose()?;
        let limit = if query.limit == 0 {
            PAGE
        } else {
            query.limit.min(LARGEST_PAGE)
        };
        let syncs = syncs_of(tx.as_mut(), tenant).await?;
        let names = EntityNames {
            blueprint: &blueprint,
            syncs: &syncs,
        };
        let mut entities: Vec<EntityView> = Vec::new();
        let mut scan = EntityQuery {
            tenant,
            blueprint: blueprint.id,
            after: query.after,
            deleted: Some(query.deleted),
            // One more than is shown tells whether there is another page.
            limit: if filter.is_some() { SCAN } else { limit + 1 },
        };
        loop {
            let found = tx.entities(&scan).await?;
            let Some(last) = found.last().map(|entity| entity.id) else {
                break;
            };
            let mut fitting = Vec::new();
            for entity in &found {
                if filter.as_ref().map_or(Ok(true), |filter| filter.matches(entity))? {
                    fitting.push(entity.id);
                }
                if entities.len() + fitting.len() > limit && !query.deleted {
                    break;
                }
            }
            let loaded = tx.load(&fitting).await?;
            // Records that wait to be matched are kept as deleted ones.
            let shown = loaded
                .iter()
                .filter(|linked| !is_provisional(linked))
                .map(|linked| names.view(linked));
            entities.extend(shown);
            if entities.len() > limit {
                entities.truncate(limit);
                let next = entities.last().map(|entity| entity.number);
                return Ok(EntityPage { entities, next });
            }
            scan.after = last;
        }
        Ok(EntityPage { entities, next: None })
    }

    /// Number of a blueprint's entities, live or deleted, in the whole store. Deleted ones include records that wait
    /// to be matched.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint.
    pub async fn count(&self, tenant: TenantId, blueprint: &str, deleted: bool, actor: &Actor) -> Result<u64> {
        let inner = &self.0.inner;
        inner.allow(actor, Action::ReadEntities)?;
        let mut tx = inner.store.begin(Mode::Read).await?;
        let blueprint = blueprint_by_name(tx.as_mut(), tenant, blueprint).await?;
        let query = EntityQuery {
            tenant,
            blueprint: blueprint.id,
            after: 0,
            deleted: Some(deleted),
            limit: 1,
        };
        tx.count_entities(&query).await
    }
}

/// A filter over the fields of a blueprint.
struct EntityFilter {
    filter: Filter,
    /// Fields that it reads below `entity`, and by their bare name.
    below: BTreeMap<String, usize>,
    bare: BTreeMap<String, usize>,
}

impl EntityFilter {
    fn compile(text: &str, blueprint: &Blueprint) -> Result<Self> {
        let filter = Filter::compile(text)?;
        let (mut below, mut bare) = (BTreeMap::new(), BTreeMap::new());
        for path in filter.paths() {
            let (fields, name) = match path.strip_prefix("entity.") {
                Some(rest) => (&mut below, rest),
                None => (&mut bare, path.as_str()),
            };
            let name = name.split('.').next().unwrap_or(name);
            let Some(position) = blueprint.position(name) else {
                let known: Vec<&str> = blueprint.fields.iter().map(|field| field.name.as_str()).collect();
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!(
                        "the filter names `{path}`; a {} has {}",
                        blueprint.name,
                        known.join(", ")
                    ),
                ));
            };
            fields.insert(name.to_owned(), position);
        }
        Ok(Self { filter, below, bare })
    }

    fn matches(&self, entity: &Entity) -> Result<bool> {
        let mut variables = Variables::new();
        for (name, position) in &self.bare {
            variables.set(name, entity.value(*position));
        }
        variables.record(
            "entity",
            self.below
                .iter()
                .map(|(name, position)| (name.as_str(), entity.value(*position))),
        );
        self.filter
            .matches(&variables)
            .map_err(|error| Error::new(error.kind(), format!("{} (at record {})", error.message(), entity.uid)))
    }
}
