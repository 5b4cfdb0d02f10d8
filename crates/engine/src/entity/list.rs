//! Lists of entities, a page at a time.

use serde::{Deserialize, Serialize};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{Blueprint, TenantId};
use syncline_core::sort_key::sort_key;
use syncline_core::state::{Entity, EntityId, Linked};
use syncline_core::store::{EntityQuery, IndexQuery, Mode, Transaction};

use super::index::{Definition, fill_all, is_sorted, space_of};
use super::list_filter::{EntityFilter, SortRange};
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
/// An indexed condition that selects no more than this is answered from its index alone; where it selects more, the
/// next fitting entity is never far.
const FEW: usize = 2_000;

/// Which entities to list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EntityListQuery {
    /// Only those for which this CEL expression is true. Fields are named `entity.city`, or `city` alone. Comparisons
    /// with a fixed value and `startsWith` on indexed fields, joined by `&&`, are answered from their index.
    pub filter: Option<String>,
    /// By this indexed or unique field, empty values first; in the order of their making otherwise.
    pub sort: Option<String>,
    /// In the opposite order of `sort`.
    pub descending: bool,
    /// Only those after this place: [`EntityPage::next`] of the page before.
    pub after: Option<String>,
    /// At most this many, up to 1,000; 25 if 0.
    pub limit: usize,
    /// Deleted ones instead of live ones; these are in the order of their making.
    pub deleted: bool,
}

/// A page of entities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntityPage {
    /// The entities.
    pub entities: Vec<EntityView>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

/// Where a page ended: the last entity, and its sort key where the list is sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Place {
    sort: Vec<u8>,
    entity: EntityId,
}

impl Place {
    fn text(&self, is_sorted: bool) -> String {
        if !is_sorted {
            return self.entity.to_string();
        }
        let sort: String = self.sort.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{sort}.{}", self.entity)
    }

    fn parse(text: &str, is_sorted: bool) -> Result<Self> {
        let parsed = match text.split_once('.') {
            Some((sort, entity)) if is_sorted => unhex(sort).zip(entity.parse().ok()),
            None if !is_sorted => text.parse().ok().map(|entity| (Vec::new(), entity)),
            _ => None,
        };
        let (sort, entity) = parsed.ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                format!("`{text}` is not where a page of this list ended; give back what the page before said"),
            )
        })?;
        Ok(Self { sort, entity })
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

impl Entities<'_> {
    /// A page of a blueprint's entities, in the order of their making unless they are sorted.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint; [`ErrorKind::Invalid`] when
    /// the filter is no expression, names a field that there is not, or can't be applied to a record, when the field to
    /// sort by is not indexed, and when `after` is of another list.
    pub async fn list(
        &self,
        tenant: TenantId,
        blueprint: &str,
        query: &EntityListQuery,
        actor: &Actor,
    ) -> Result<EntityPage> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadEntities)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let blueprint = blueprint_by_name(tx.as_mut(), tenant, blueprint).await?;
        let filter = query
            .filter
            .as_deref()
            .map(|text| EntityFilter::compile(text, &blueprint))
            .transpose()?;
        let ranges = match &filter {
            Some(filter) if !query.deleted => filter.ranges(&blueprint),
            _ => std::collections::BTreeMap::new(),
        };
        let sort = query
            .sort
            .as_deref()
            .map(|name| sorted_by(name, query, &blueprint))
            .transpose()?;
        let after = match &query.after {
            Some(text) => Some(Place::parse(text, sort.is_some())?),
            None => None,
        };
        let needed: Vec<usize> = ranges.keys().copied().chain(sort).collect();
        let definitions: Vec<Definition> = needed
            .iter()
            .map(|&position| Definition::sorted(&blueprint.fields[position]))
            .collect();
        drop(tx);
        fill_all(inner, &blueprint, &definitions).await?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let mut indexes = Vec::new();
        for (position, definition) in needed.into_iter().zip(&definitions) {
            if let Some(space) = space_of(tx.as_mut(), &blueprint, definition).await? {
                indexes.push((position, space.id));
            }
        }
        let limit = match query.limit {
            0 => PAGE,
            limit => limit.min(LARGEST_PAGE),
        };
        let syncs = syncs_of(tx.as_mut(), tenant).await?;
        let mut list = List {
            tx: tx.as_mut(),
            blueprint: &blueprint,
            filter: filter.as_ref(),
            deleted: query.deleted,
            limit,
            found: Vec::new(),
        };
        let index_of = |wanted: usize| {
            indexes
                .iter()
                .find(|(position, _)| *position == wanted)
                .map(|(_, id)| *id)
        };
        let ranges: Vec<(u64, SortRange)> = ranges
            .iter()
            .filter_map(|(position, range)| Some((index_of(*position)?, range.clone())))
            .collect();
        let few = list.few(&ranges).await?;
        match (sort, few) {
            (sort, Some(ids)) => list.take_few(ids, sort, query.descending, after).await?,
            (Some(position), None) => {
                let space = index_of(position).unwrap_or_default();
                let range = ranges.into_iter().find(|(of, _)| *of == space).map(|(_, range)| range);
                list.walk(space, range, query.descending, after).await?;
            }
            (None, None) => {
                let after = after.map_or(0, |place| place.entity);
                match ranges.into_iter().find(|(_, range)| range.is_single()) {
                    // Those with one value lie in the order of their making.
                    Some((space, range)) => {
                        let after = Place {
                            sort: range.from.clone(),
                            entity: after,
                        };
                        list.walk(space, Some(range), false, Some(after)).await?;
                    }
                    None => list.scan(after).await?,
                }
            }
        }
        let mut found = list.found;
        let next = (found.len() > limit).then(|| {
            found.truncate(limit);
            found.last().map(|(linked, key)| {
                let place = Place {
                    sort: key.clone(),
                    entity: linked.entity.id,
                };
                place.text(sort.is_some())
            })
        });
        let names = EntityNames {
            blueprint: &blueprint,
            syncs: &syncs,
        };
        Ok(EntityPage {
            entities: found.iter().map(|(linked, _)| names.view(linked)).collect(),
            next: next.flatten(),
        })
    }

    /// Number of a blueprint's entities, live or deleted, in the whole store. Deleted ones include records that wait
    /// to be matched.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint.
    pub async fn count(&self, tenant: TenantId, blueprint: &str, deleted: bool, actor: &Actor) -> Result<u64> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadEntities)?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
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

/// The position of the field to sort by.
fn sorted_by(name: &str, query: &EntityListQuery, blueprint: &Blueprint) -> Result<usize> {
    let refused = |message: String| Error::new(ErrorKind::Invalid, message);
    if query.deleted {
        return Err(refused(
            "deleted records are listed in the order of their making; leave the sorting out".to_owned(),
        ));
    }
    let sorted = |field: &&syncline_core::model::Field| is_sorted(field);
    let Some(position) = blueprint.position(name) else {
        let known: Vec<&str> = blueprint
            .fields
            .iter()
            .filter(sorted)
            .map(|field| field.name.as_str())
            .collect();
        let known = if known.is_empty() {
            "none of its fields is indexed".to_owned()
        } else {
            format!("indexed are: {}", known.join(", "))
        };
        return Err(refused(format!(
            "a {} has no field `{name}` to sort by; {known}",
            blueprint.name
        )));
    };
    if !is_sorted(&blueprint.fields[position]) {
        return Err(refused(format!(
            "`{name}` is not indexed, so a list can't be sorted by it; declare it `indexed` in the blueprint"
        )));
    }
    Ok(position)
}

/// A page under way: entities that fit with their sort keys, one more than is shown.
struct List<'a> {
    tx: &'a mut dyn Transaction,
    blueprint: &'a Blueprint,
    filter: Option<&'a EntityFilter>,
    deleted: bool,
    limit: usize,
    found: Vec<(Linked, Vec<u8>)>,
}

impl List<'_> {
    const fn is_full(&self) -> bool {
        self.found.len() > self.limit
    }

    const fn chunk(&self) -> usize {
        // One more than is shown tells whether there is another page.
        if self.filter.is_some() { SCAN } else { self.limit + 1 }
    }

    fn fits(&self, entity: &Entity) -> Result<bool> {
        Ok(entity.blueprint == self.blueprint.id
            && entity.deleted == self.deleted
            && self.filter.map_or(Ok(true), |filter| filter.matches(entity))?)
    }

    /// The entities that the narrowest of these ranges holds, where they are few.
    async fn few(&mut self, ranges: &[(u64, SortRange)]) -> Result<Option<Vec<EntityId>>> {
        for (space, range) in ranges {
            let query = IndexQuery {
                space: *space,
                from: range.from.clone(),
                until: range.until.clone(),
                after: None,
                descending: false,
                limit: FEW + 1,
            };
            let entries = self.tx.find_index(&query).await?;
            if entries.len() <= FEW {
                return Ok(Some(entries.into_iter().map(|entry| entry.entity).collect()));
            }
        }
        Ok(None)
    }

    /// Out of few entities, those that fit, in order.
    async fn take_few(
        &mut self,
        mut ids: Vec<EntityId>,
        sort: Option<usize>,
        descending: bool,
        after: Option<Place>,
    ) -> Result<()> {
        ids.sort_unstable();
        let mut places = Vec::new();
        for ids in ids.chunks(SCAN) {
            for entity in self.tx.load_entities(ids).await? {
                let place = Place {
                    sort: sort
                        .map(|position| sort_key(entity.value(position)))
                        .unwrap_or_default(),
                    entity: entity.id,
                };
                let is_beyond = after.as_ref().is_none_or(|after| {
                    let order = (&place.sort, place.entity).cmp(&(&after.sort, after.entity));
                    if descending && sort.is_some() {
                        order.is_lt()
                    } else {
                        order.is_gt()
                    }
                });
                if is_beyond && self.fits(&entity)? {
                    places.push(place);
                }
            }
            if sort.is_none() && places.len() > self.limit {
                break;
            }
        }
        places.sort_by(|a, b| (&a.sort, a.entity).cmp(&(&b.sort, b.entity)));
        if descending && sort.is_some() {
            places.reverse();
        }
        places.truncate(self.limit + 1);
        self.take(places).await
    }

    /// Along an index.
    async fn walk(
        &mut self,
        space: u64,
        range: Option<SortRange>,
        descending: bool,
        after: Option<Place>,
    ) -> Result<()> {
        let (from, until) = range.map_or((Vec::new(), None), |range| (range.from, range.until));
        let mut query = IndexQuery {
            space,
            from,
            until,
            after: after.map(|place| (place.sort, place.entity)),
            descending,
            limit: self.chunk(),
        };
        while !self.is_full() {
            let entries = self.tx.find_index(&query).await?;
            let Some(last) = entries.last() else { break };
            query.after = Some((last.sort.clone(), last.entity));
            let mut places: Vec<Place> = entries
                .into_iter()
                .map(|entry| Place {
                    sort: entry.sort,
                    entity: entry.entity,
                })
                .collect();
            if self.filter.is_some() {
                let ids: Vec<EntityId> = places.iter().map(|place| place.entity).collect();
                let mut fitting = std::collections::BTreeSet::new();
                for entity in self.tx.load_entities(&ids).await? {
                    if self.fits(&entity)? {
                        fitting.insert(entity.id);
                    }
                }
                places.retain(|place| fitting.contains(&place.entity));
                places.truncate(self.limit + 1 - self.found.len());
            }
            self.take(places).await?;
        }
        Ok(())
    }

    /// By number.
    async fn scan(&mut self, after: EntityId) -> Result<()> {
        let mut scan = EntityQuery {
            tenant: self.blueprint.tenant,
            blueprint: self.blueprint.id,
            after,
            deleted: Some(self.deleted),
            limit: self.chunk(),
        };
        while !self.is_full() {
            let entities = self.tx.entities(&scan).await?;
            let Some(last) = entities.last() else { break };
            scan.after = last.id;
            let mut places = Vec::new();
            for entity in &entities {
                if self.fits(entity)? {
                    places.push(Place {
                        sort: Vec::new(),
                        entity: entity.id,
                    });
                }
                // Records that wait to be matched are kept as deleted ones, and sorted out only when they are loaded.
                if self.found.len() + places.len() > self.limit && !self.deleted {
                    break;
                }
            }
            self.take(places).await?;
        }
        Ok(())
    }

    /// Loads what was found, in the given order.
    async fn take(&mut self, places: Vec<Place>) -> Result<()> {
        let ids: Vec<EntityId> = places.iter().map(|place| place.entity).collect();
        let loaded = self.tx.load(&ids).await?;
        let mut loaded: std::collections::BTreeMap<EntityId, Linked> =
            loaded.into_iter().map(|linked| (linked.entity.id, linked)).collect();
        for place in places {
            let linked = loaded.remove(&place.entity);
            if let Some(linked) = linked.filter(|linked| !is_provisional(linked)) {
                self.found.push((linked, place.sort));
            }
        }
        Ok(())
    }
}
