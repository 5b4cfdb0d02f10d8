//! Which entities: what lists, counts, aggregates, bulk edits, exports and reports have in common.

use serde::{Deserialize, Serialize};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{Blueprint, TenantId};
use syncline_core::search::{Search, searched_fields};
use syncline_core::state::{Entity, EntityId};
use syncline_core::store::{EntityQuery, IndexQuery, Mode, Transaction};

use super::index::{Definition, fill_all, fill_words, space_of};
use super::list_filter::{EntityFilter, SortRange};
use super::transaction::{blueprint_by_name, is_provisional};
use crate::engine::Inner;

/// Entities read from the store at once while a selection is gone through.
pub(super) const SCAN: usize = 1_000;
/// A demand that selects no more than this is answered from its index alone; where one selects more, the next fitting
/// entity is never far.
pub(super) const FEW: usize = 2_000;
/// Entries of an index read to find what several demands have in common, or to count: what keeps memory bounded.
pub(super) const MANY: usize = 200_000;
/// Entries of an index read at once.
const ENTRIES: usize = 10_000;

/// Which entities of a blueprint.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EntitySelection {
    /// Those for which this CEL expression is true. Fields are named `entity.city`, or `city` alone. Comparisons with a
    /// fixed value and `startsWith` on indexed fields, joined by `&&`, are answered from their index.
    pub filter: Option<String>,
    /// Those with words that begin like each of these, whatever their case and accents, in the fields that are searched.
    pub search: Option<String>,
    /// Deleted ones instead of live ones.
    pub deleted: bool,
}

/// What a selection demands, with the indexes that can answer it.
pub(crate) struct Selection {
    pub(crate) blueprint: Blueprint,
    pub(super) deleted: bool,
    filter: Option<EntityFilter>,
    search: Option<Search>,
    searched: Vec<usize>,
    demands: Vec<Demand>,
}

/// A part of an index that holds every entity of a selection.
#[derive(Debug, Clone)]
pub(super) struct Demand {
    pub(super) space: u64,
    /// Which field is indexed; `None` for words.
    pub(super) field: Option<usize>,
    pub(super) range: SortRange,
}

impl Selection {
    /// Reads a selection, and fills the indexes that answer it.
    pub(crate) async fn open(
        inner: &Inner,
        tenant: TenantId,
        blueprint: &str,
        wanted: &EntitySelection,
    ) -> Result<Self> {
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let blueprint = blueprint_by_name(tx.as_mut(), tenant, blueprint).await?;
        drop(tx);
        Self::of_blueprint(inner, blueprint, wanted).await
    }

    /// As [`Selection::open`], for a blueprint that is known.
    pub(super) async fn of_blueprint(inner: &Inner, blueprint: Blueprint, wanted: &EntitySelection) -> Result<Self> {
        let filter = wanted.filter.as_deref();
        let filter = filter.map(|text| EntityFilter::compile(text, &blueprint)).transpose()?;
        let search = wanted.search.as_deref().map(Search::parse).transpose()?;
        let searched = searched_fields(&blueprint);
        if search.is_some() && searched.is_empty() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "a {} has no field of text to search; filter it instead, or declare fields `searchable`",
                    blueprint.name
                ),
            ));
        }
        let mut selection = Self {
            deleted: wanted.deleted,
            filter,
            search,
            searched,
            demands: Vec::new(),
            blueprint,
        };
        // Deleted entities are in no index.
        if !selection.deleted {
            selection.find_demands(inner).await?;
        }
        Ok(selection)
    }

    async fn find_demands(&mut self, inner: &Inner) -> Result<()> {
        let blueprint = &self.blueprint;
        let ranges = self.filter.as_ref().map(|filter| filter.ranges(blueprint));
        let mut wanted: Vec<(Definition, Option<usize>, SortRange)> = Vec::new();
        for (position, range) in ranges.into_iter().flatten() {
            wanted.push((Definition::sorted(&blueprint.fields[position]), Some(position), range));
        }
        let sorted: Vec<Definition> = wanted.iter().map(|(definition, ..)| definition.clone()).collect();
        fill_all(inner, blueprint, &sorted).await?;
        if let (Some(search), Some(words)) = (&self.search, Definition::words(blueprint)) {
            fill_words(inner, blueprint, &words).await?;
            for prefix in search.prefixes() {
                wanted.push((words.clone(), None, SortRange::of_prefix(prefix)));
            }
        }
        let mut tx = inner.store.begin_for(blueprint.tenant, Mode::Read).await?;
        let mut demands = Vec::new();
        for (definition, field, range) in wanted {
            if let Some(space) = space_of(tx.as_mut(), blueprint, &definition).await? {
                demands.push(Demand {
                    space: space.id,
                    field,
                    range,
                });
            }
        }
        self.demands = demands;
        Ok(())
    }

    pub(super) fn demands(&self) -> &[Demand] {
        &self.demands
    }

    /// Whether every entity of the blueprint is selected.
    pub(super) const fn is_everything(&self) -> bool {
        self.filter.is_none() && self.search.is_none()
    }

    /// Whether the indexes alone say which entities are selected.
    const fn is_answered(&self) -> bool {
        self.filter.is_none() && self.search.is_some() && !self.deleted
    }

    /// Whether an entity is selected. Records that wait to be matched are sorted out when they are loaded.
    pub(crate) fn fits(&self, entity: &Entity) -> Result<bool> {
        if entity.blueprint != self.blueprint.id || entity.deleted != self.deleted {
            return Ok(false);
        }
        if let Some(search) = &self.search
            && !search.finds(self.searched.iter().map(|position| entity.value(*position)))
        {
            return Ok(false);
        }
        self.filter.as_ref().map_or(Ok(true), |filter| filter.matches(entity))
    }

    /// The numbers of entities among which are all that are selected, ascending, where the indexes tell them within
    /// `most` entries each; whether these are all and no others comes with [`Selection::is_answered`].
    pub(super) async fn candidates(&self, tx: &mut dyn Transaction, most: usize) -> Result<Option<Vec<EntityId>>> {
        let mut common: Option<Vec<EntityId>> = None;
        for demand in &self.demands {
            let Some(found) = within(tx, demand, most).await? else {
                continue;
            };
            common = Some(match common {
                None => found,
                Some(known) => known
                    .into_iter()
                    .filter(|entity| found.binary_search(entity).is_ok())
                    .collect(),
            });
        }
        Ok(common)
    }

    /// Number of selected entities.
    pub(super) async fn count(&self, tx: &mut dyn Transaction) -> Result<u64> {
        if self.is_everything() && !self.deleted {
            let query = self.query(0, 1);
            return tx.count_entities(&query).await;
        }
        if self.is_answered() {
            // Each entity once, however many of its words begin like this: eight bytes for each.
            let found = self.candidates(tx, usize::MAX).await?;
            return Ok(found.map_or(0, |found| found.len() as u64));
        }
        let mut walk = self.walk(tx).await?;
        let mut count = 0;
        while let Some(entities) = walk.next(self, tx).await? {
            count += entities.len() as u64;
        }
        Ok(count)
    }

    /// Goes through all selected entities by ascending number.
    pub(crate) async fn walk(&self, tx: &mut dyn Transaction) -> Result<Walk> {
        let candidates = self.candidates(tx, MANY).await?;
        Ok(self.walk_of(candidates))
    }

    /// Goes through those of some candidates that are selected; through all entities if none are given.
    pub(super) const fn walk_of(&self, candidates: Option<Vec<EntityId>>) -> Walk {
        Walk { candidates, after: 0 }
    }

    pub(super) const fn query(&self, after: EntityId, limit: usize) -> EntityQuery {
        EntityQuery {
            tenant: self.blueprint.tenant,
            blueprint: self.blueprint.id,
            after,
            deleted: Some(self.deleted),
            limit,
        }
    }
}

/// The entities that an index has in a range, ascending; `None` when it has more entries than `most`.
async fn within(tx: &mut dyn Transaction, demand: &Demand, most: usize) -> Result<Option<Vec<EntityId>>> {
    let mut query = IndexQuery {
        space: demand.space,
        from: demand.range.from.clone(),
        until: demand.range.until.clone(),
        after: None,
        descending: false,
        limit: ENTRIES.min(most.saturating_add(1)),
    };
    let (mut found, mut entries) = (Vec::new(), 0);
    loop {
        let page = tx.find_index(&query).await?;
        let is_last = page.len() < query.limit;
        entries += page.len();
        if entries > most {
            return Ok(None);
        }
        found.extend(page.iter().map(|entry| entry.entity));
        match page.into_iter().last() {
            Some(last) if !is_last => query.after = Some((last.sort, last.entity)),
            _ => break,
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(Some(found))
}

/// The way through a selection, by ascending number. It holds no transaction, so each step may be another's.
#[derive(Debug)]
pub(crate) struct Walk {
    candidates: Option<Vec<EntityId>>,
    /// The last entity that was looked at.
    pub(super) after: EntityId,
}

impl Walk {
    /// The selected ones of the next entities, which may be none of them; `None` when there are no more.
    pub(crate) async fn next(
        &mut self,
        selection: &Selection,
        tx: &mut dyn Transaction,
    ) -> Result<Option<Vec<Entity>>> {
        let entities = match &self.candidates {
            Some(candidates) => {
                let start = candidates.partition_point(|entity| *entity <= self.after);
                let page = &candidates[start..candidates.len().min(start + SCAN)];
                let Some(last) = page.last() else { return Ok(None) };
                self.after = *last;
                tx.load_entities(page).await?
            }
            None => {
                let entities = tx.entities(&selection.query(self.after, SCAN)).await?;
                let Some(last) = entities.last() else { return Ok(None) };
                self.after = last.id;
                entities
            }
        };
        let mut fitting = Vec::with_capacity(entities.len());
        for entity in entities {
            if selection.fits(&entity)? {
                fitting.push(entity);
            }
        }
        if selection.deleted {
            let ids: Vec<EntityId> = fitting.iter().map(|entity| entity.id).collect();
            let loaded = tx.load(&ids).await?;
            fitting = loaded
                .into_iter()
                .filter(|linked| !is_provisional(linked))
                .map(|linked| linked.entity)
                .collect();
        }
        Ok(Some(fitting))
    }
}
