//! A page of a list under way: by number, along an index, or the first of all that fit.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use syncline_core::error::Result;
use syncline_core::state::{EntityId, Linked};
use syncline_core::store::{IndexQuery, Transaction};

use super::list_filter::SortRange;
use super::list_order::{Order, Place};
use super::selection::{FEW, MANY, SCAN, Selection};
use super::transaction::is_provisional;

/// Index entries skipped at once on the way to a numbered page.
const SKIPPED: usize = 10_000;
/// Most places kept while the first of all that fit are looked for; a page that begins further on takes several passes.
const RANKED: usize = 50_000;

/// A page under way: entities that fit with their places, one more than is shown.
pub(super) struct List<'a> {
    pub(super) tx: &'a mut dyn Transaction,
    pub(super) selection: &'a Selection,
    pub(super) order: &'a Order,
    /// The space of the index that is in the list's order.
    pub(super) index: Option<u64>,
    pub(super) limit: usize,
    /// How many that fit come before the page.
    pub(super) skip: usize,
    pub(super) found: Vec<(Linked, Place)>,
    /// How many were looked at last: where most fit a page is soon full, and where few do each look takes more.
    pub(super) looked_at: usize,
}

impl List<'_> {
    /// Finds the page after a place.
    pub(super) async fn find(&mut self, after: Option<Place>) -> Result<()> {
        let candidates = self.candidates().await?;
        match (candidates, self.index) {
            // Where more fit, the next one along the index is never far.
            (Some(candidates), Some(space)) if candidates.len() > FEW => {
                self.walk(space, None, after, Some(&candidates)).await
            }
            (Some(candidates), _) if self.order.is_sorted() => self.ranked(Some(&candidates), after).await,
            (Some(candidates), _) => self.in_turn(&candidates, after.map_or(0, |place| place.entity)).await,
            (None, Some(space)) => {
                let demands = self.selection.demands();
                let own = demands.iter().find(|demand| demand.space == space);
                let range = own.map(|demand| demand.range.clone());
                self.walk(space, range, after, None).await
            }
            (None, None) if self.order.is_sorted() => self.ranked(None, after).await,
            (None, None) => {
                let after = after.map_or(0, |place| place.entity);
                let demands = self.selection.demands();
                let single = demands
                    .iter()
                    .find(|demand| demand.field.is_some() && demand.range.is_single());
                match single {
                    // Those with one value lie in the order of their making.
                    Some(single) => {
                        let after = Place {
                            sort: single.range.from.clone(),
                            entity: after,
                        };
                        self.walk(single.space, Some(single.range.clone()), Some(after), None)
                            .await
                    }
                    None => self.scan(after).await,
                }
            }
        }
    }

    /// The entities that can fit, where the indexes tell them and it is worth it.
    async fn candidates(&mut self) -> Result<Option<Vec<EntityId>>> {
        let few = self.selection.candidates(self.tx, FEW).await?;
        // What an index in another order does not tell, all entities have to be looked through for.
        let is_ranked = self.order.is_sorted() && self.index.is_none();
        if few.is_some() || (self.selection.demands().len() < 2 && !is_ranked) {
            return Ok(few);
        }
        self.selection.candidates(self.tx, MANY).await
    }

    const fn is_full(&self) -> bool {
        self.found.len() > self.limit
    }

    const fn wanted(&self) -> usize {
        // One more than is shown tells whether there is another page.
        self.limit + 1 - self.found.len()
    }

    /// How many to look at next.
    fn next_look(&mut self) -> usize {
        if self.selection.is_everything() {
            return self.limit + 1;
        }
        self.looked_at = (self.looked_at * 4).max((self.limit + 1) * 4).min(SCAN);
        self.looked_at
    }

    /// Takes as many as are still wanted, but for those that come before the page.
    async fn take_next(&mut self, mut places: Vec<Place>) -> Result<()> {
        let skipped = places.len().min(self.skip);
        self.skip -= skipped;
        places.drain(..skipped);
        // Records that wait to be matched are kept as deleted ones, and sorted out only when they are loaded.
        if !self.selection.deleted {
            places.truncate(self.wanted());
        }
        self.take(places).await
    }

    /// By number, out of candidates.
    async fn in_turn(&mut self, candidates: &[EntityId], after: EntityId) -> Result<()> {
        let start = candidates.partition_point(|entity| *entity <= after);
        let mut rest = &candidates[start..];
        while !rest.is_empty() && !self.is_full() {
            let (ids, others) = rest.split_at(self.next_look().min(rest.len()));
            rest = others;
            let mut places = Vec::new();
            for entity in self.tx.load_entities(ids).await? {
                if self.selection.fits(&entity)? {
                    places.push(self.order.place(&entity));
                }
            }
            self.take_next(places).await?;
        }
        Ok(())
    }

    /// By number.
    async fn scan(&mut self, mut after: EntityId) -> Result<()> {
        if self.skip > 0 && self.selection.is_everything() && !self.selection.deleted {
            let query = self.selection.query(after, 1);
            match self.tx.entity_after(&query, self.skip as u64).await? {
                Some(first) => after = first - 1,
                None => return Ok(()),
            }
            self.skip = 0;
        }
        while !self.is_full() {
            let look = self.next_look();
            let entities = self.tx.entities(&self.selection.query(after, look)).await?;
            let Some(last) = entities.last() else { break };
            after = last.id;
            let mut places = Vec::new();
            for entity in &entities {
                if self.selection.fits(entity)? {
                    places.push(self.order.place(entity));
                }
                if places.len() >= self.skip + self.wanted() && !self.selection.deleted {
                    break;
                }
            }
            self.take_next(places).await?;
        }
        Ok(())
    }

    /// Along an index; of these candidates only, if some are given.
    async fn walk(
        &mut self,
        space: u64,
        range: Option<SortRange>,
        after: Option<Place>,
        candidates: Option<&[EntityId]>,
    ) -> Result<()> {
        let (from, until) = range.map_or((Vec::new(), None), |range| (range.from, range.until));
        let mut query = IndexQuery {
            space,
            from,
            until,
            after: after.map(|place| (place.sort, place.entity)),
            descending: self.order.is_reversed(),
            limit: 0,
        };
        while !self.is_full() {
            query.limit = match self.skip {
                1.. if self.selection.is_everything() => self.skip.min(SKIPPED),
                _ => self.next_look(),
            };
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
            if let Some(candidates) = candidates {
                places.retain(|place| candidates.binary_search(&place.entity).is_ok());
            }
            if !self.selection.is_everything() {
                let ids: Vec<EntityId> = places.iter().map(|place| place.entity).collect();
                let mut fitting = BTreeSet::new();
                for entity in self.tx.load_entities(&ids).await? {
                    if self.selection.fits(&entity)? {
                        fitting.insert(entity.id);
                    }
                }
                places.retain(|place| fitting.contains(&place.entity));
            }
            self.take_next(places).await?;
        }
        Ok(())
    }

    /// The first of all that fit, in an order that no index has.
    async fn ranked(&mut self, candidates: Option<&[EntityId]>, mut after: Option<Place>) -> Result<()> {
        while self.skip > RANKED {
            let first = self.first(candidates, after.as_ref(), RANKED).await?;
            self.skip -= first.len();
            match first.into_iter().last() {
                Some(last) => after = Some(last),
                None => return Ok(()),
            }
        }
        let wanted = self.skip + self.limit + 1;
        let places = self.first(candidates, after.as_ref(), wanted).await?;
        self.take_next(places).await
    }

    async fn first(
        &mut self,
        candidates: Option<&[EntityId]>,
        after: Option<&Place>,
        most: usize,
    ) -> Result<Vec<Place>> {
        let mut walk = self.selection.walk_of(candidates.map(<[EntityId]>::to_vec));
        let mut first: BinaryHeap<Ranked<'_>> = BinaryHeap::new();
        while let Some(entities) = walk.next(self.selection, self.tx).await? {
            for entity in &entities {
                let place = self.order.place(entity);
                if self.order.is_beyond(&place, after) {
                    let order = self.order;
                    first.push(Ranked { place, order });
                    if first.len() > most {
                        first.pop();
                    }
                }
            }
        }
        Ok(first.into_sorted_vec().into_iter().map(|ranked| ranked.place).collect())
    }

    /// Loads what was found, in the given order.
    async fn take(&mut self, places: Vec<Place>) -> Result<()> {
        let ids: Vec<EntityId> = places.iter().map(|place| place.entity).collect();
        let loaded = self.tx.load(&ids).await?;
        let mut loaded: BTreeMap<EntityId, Linked> =
            loaded.into_iter().map(|linked| (linked.entity.id, linked)).collect();
        for place in places {
            let linked = loaded.remove(&place.entity);
            if let Some(linked) = linked.filter(|linked| !is_provisional(linked)) {
                self.found.push((linked, place));
            }
        }
        Ok(())
    }
}

/// A place in the list's order.
struct Ranked<'a> {
    place: Place,
    order: &'a Order,
}

impl Ord for Ranked<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order.compare(&self.place, &other.place)
    }
}

impl PartialOrd for Ranked<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked<'_> {}
