use sqlx::SqliteConnection;
use sqlx::error::BoxDynError;
use syncline_core::Result;
use syncline_core::state::EntityId;
use syncline_core::store::{IndexEntry, IndexQuery};

use super::error::failed;
use super::packed_rows::{self, Blob};
use super::rows::{Bound, Rows, limit};

pub(super) static PUT: Rows = Rows::new(
    "INSERT INTO entity_index (space, sort, entity) VALUES ",
    3,
    " ON CONFLICT DO NOTHING",
);
pub(super) static DELETE: Rows = Rows::new(
    "DELETE FROM entity_index WHERE (space, sort, entity) IN (VALUES ",
    3,
    ")",
);
pub(super) const CLEAR: &str = "DELETE FROM entity_index WHERE space = ?1";

/// A statement over the range from one place to another, both excluded. An open end has no bound at all: the planner
/// would take one that may be null for a filter, and read on to the end of the index.
macro_rules! find {
    ($upper:literal, $order:literal) => {
        concat!(
            "SELECT json_group_array(json_array(hex(sort), entity)) FROM (SELECT sort, entity FROM entity_index \
             WHERE space = ?1 AND (sort, entity) > (?2, ?3)",
            $upper,
            " ORDER BY sort ",
            $order,
            ", entity ",
            $order,
            " LIMIT ?4)"
        )
    };
}

pub(super) const ASCENDING: &str = find!("", "ASC");
pub(super) const ASCENDING_UNTIL: &str = find!(" AND (sort, entity) < (?5, ?6)", "ASC");
pub(super) const DESCENDING: &str = find!("", "DESC");
pub(super) const DESCENDING_UNTIL: &str = find!(" AND (sort, entity) < (?5, ?6)", "DESC");

pub(super) async fn find(connection: &mut SqliteConnection, query: &IndexQuery) -> Result<Vec<IndexEntry>> {
    let mut from: (&[u8], EntityId) = (&query.from, EntityId::MIN);
    let mut until: Option<(&[u8], EntityId)> = query.until.as_deref().map(|until| (until, EntityId::MIN));
    if let Some((sort, entity)) = &query.after {
        let after = (sort.as_slice(), *entity);
        if query.descending {
            until = Some(until.map_or(after, |until| until.min(after)));
        } else {
            from = from.max(after);
        }
    }
    let statement = match (query.descending, until.is_some()) {
        (false, false) => ASCENDING,
        (false, true) => ASCENDING_UNTIL,
        (true, false) => DESCENDING,
        (true, true) => DESCENDING_UNTIL,
    };
    let mut bound = sqlx::query(statement)
        .bind(query.space.cast_signed())
        .bind(from.0)
        .bind(from.1)
        .bind(limit(query.limit));
    if let Some((sort, entity)) = until {
        bound = bound.bind(sort).bind(entity);
    }
    let row = bound.fetch_one(connection).await.map_err(failed)?;
    let found: Vec<(Blob, EntityId)> = packed_rows::read(&row)?;
    let entry = |(sort, entity): (Blob, EntityId)| IndexEntry {
        space: query.space,
        sort: sort.0,
        entity,
    };
    Ok(found.into_iter().map(entry).collect())
}

pub(super) async fn put(connection: &mut SqliteConnection, entries: &[IndexEntry]) -> Result<()> {
    // In the order of the tree, so that a page's entries land near each other.
    let mut entries: Vec<&IndexEntry> = entries.iter().collect();
    entries.sort_unstable();
    PUT.execute(connection, &entries, |entry, row| bind(entry, row))
        .await
        .map_err(failed)
}

pub(super) async fn delete(connection: &mut SqliteConnection, entries: &[IndexEntry]) -> Result<()> {
    DELETE.execute(connection, entries, bind).await.map_err(failed)
}

fn bind(entry: &IndexEntry, row: &mut Bound) -> Result<(), BoxDynError> {
    row.add(entry.space.cast_signed())?
        .add(entry.sort.as_slice())?
        .add(entry.entity)?;
    Ok(())
}
