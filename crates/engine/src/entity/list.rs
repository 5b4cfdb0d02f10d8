//! Lists of entities, a page at a time.

use serde::{Deserialize, Serialize};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::TenantId;
use syncline_core::store::{EntityQuery, Mode};

use super::index::{Definition, fill_all, space_of};
use super::list_order::{EntitySort, Order, Place};
use super::list_page::List;
use super::model::EntityView;
use super::selection::{EntitySelection, Selection};
use super::service::Entities;
use super::sides::syncs_of;
use super::transaction::blueprint_by_name;
use super::view::EntityNames;
use crate::actor::{Action, Actor};
use crate::blueprint::history_of;

/// Entities on a page that does not say how many.
const PAGE: usize = 25;
/// Most entities on a page.
const LARGEST_PAGE: usize = 1_000;

/// Which entities to list, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EntityListQuery {
    /// See [`EntitySelection::filter`].
    pub filter: Option<String>,
    /// See [`EntitySelection::search`].
    pub search: Option<String>,
    /// By these keys, empty values first; in the order of their making otherwise. By one indexed or unique field a page
    /// is read from its index; by anything else all that fit is looked through for each page.
    pub sort: Vec<EntitySort>,
    /// Only those after this place: [`EntityPage::next`] of the page before. It stays right while entities come and go.
    pub after: Option<String>,
    /// The page of this number instead, from 1.
    pub page: Option<u64>,
    /// At most this many, up to 1,000; 25 if 0.
    pub limit: usize,
    /// Deleted ones instead of live ones.
    pub deleted: bool,
    /// Whether to count all that fit, which takes looking through them unless everything is listed or only searched.
    pub count: bool,
}

impl EntityListQuery {
    /// Which entities it lists.
    pub fn selection(&self) -> EntitySelection {
        EntitySelection {
            filter: self.filter.clone(),
            search: self.search.clone(),
            deleted: self.deleted,
        }
    }
}

/// A page of entities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntityPage {
    /// The entities.
    pub entities: Vec<EntityView>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
    /// How many there are on all pages, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

impl Entities<'_> {
    /// A page of a blueprint's entities, in the order of their making unless they are sorted.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint; [`ErrorKind::Invalid`] when
    /// the filter is no expression, names a field that there is not, or can't be applied to a record, when there is
    /// nothing to search for, when there is no field to sort by, when `after` is of another list, and when both `after`
    /// and `page` are given.
    pub async fn list(
        &self,
        tenant: TenantId,
        blueprint: &str,
        query: &EntityListQuery,
        actor: &Actor,
    ) -> Result<EntityPage> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadEntities)?;
        let selection = Selection::open(inner, tenant, blueprint, &query.selection()).await?;
        let blueprint = &selection.blueprint;
        let order = Order::of(&query.sort, blueprint, query.deleted)?;
        let after = query
            .after
            .as_deref()
            .map(|text| Place::parse(text, &order))
            .transpose()?;
        let limit = match query.limit {
            0 => PAGE,
            limit => limit.min(LARGEST_PAGE),
        };
        let skip = skipped(query, limit)?;
        let sorted = order
            .indexed
            .map(|position| Definition::sorted(&blueprint.fields[position]));
        if let Some(sorted) = &sorted {
            fill_all(inner, blueprint, std::slice::from_ref(sorted)).await?;
        }
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let index = match &sorted {
            Some(sorted) => space_of(tx.as_mut(), blueprint, sorted).await?.map(|space| space.id),
            None => None,
        };
        let syncs = syncs_of(tx.as_mut(), tenant).await?;
        let mut list = List {
            tx: tx.as_mut(),
            selection: &selection,
            order: &order,
            index,
            limit,
            skip,
            found: Vec::new(),
            looked_at: 0,
        };
        list.find(after).await?;
        let mut found = list.found;
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| has_more).map(|(_, place)| place.text(&order));
        let total = if query.count {
            Some(selection.count(tx.as_mut()).await?)
        } else {
            None
        };
        let history = history_of(tx.as_mut(), blueprint).await?;
        let names = EntityNames {
            blueprint,
            history: Some(&history),
            syncs: &syncs,
        };
        Ok(EntityPage {
            entities: found.iter().map(|(linked, _)| names.view(linked)).collect(),
            next,
            total,
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

    /// Number of the entities that a selection holds, exactly.
    ///
    /// # Errors
    /// As [`Entities::list`].
    pub async fn count_selected(
        &self,
        tenant: TenantId,
        blueprint: &str,
        selection: &EntitySelection,
        actor: &Actor,
    ) -> Result<u64> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadEntities)?;
        let selection = Selection::open(inner, tenant, blueprint, selection).await?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        selection.count(tx.as_mut()).await
    }
}

/// How many entities come before the page that is asked for by its number.
fn skipped(query: &EntityListQuery, limit: usize) -> Result<usize> {
    let refused = |message: &str| Err(Error::new(ErrorKind::Invalid, message));
    match query.page {
        None => Ok(0),
        Some(_) if query.after.is_some() => refused("ask for a page by its number or by where the one before ended"),
        Some(0) => refused("pages are counted from 1"),
        Some(page) => Ok(usize::try_from(page - 1).unwrap_or(usize::MAX).saturating_mul(limit)),
    }
}
