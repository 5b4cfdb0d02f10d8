use sqlx::PgConnection;
use syncline_core::Result;
use syncline_core::state::EntityId;
use syncline_core::store::{IndexEntry, IndexQuery};

use super::error::{column, failed};
use super::rows::limit;

pub(super) const PUT: &str = "INSERT INTO entity_index (space, sort, entity) \
    SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[]) ON CONFLICT DO NOTHING";
pub(super) const DELETE: &str = "DELETE FROM entity_index USING unnest($1::bigint[], $2::bytea[], $3::bigint[]) \
    AS gone (space, sort, entity) \
    WHERE entity_index.space = gone.space AND entity_index.sort = gone.sort AND entity_index.entity = gone.entity";
pub(super) const CLEAR: &str = "DELETE FROM entity_index WHERE space = $1";

/// A statement over the range from one place to another, both excluded; an open end has no bound at all.
macro_rules! find {
    ($upper:literal, $order:literal) => {
        concat!(
            "SELECT sort, entity FROM entity_index WHERE space = $1 AND (sort, entity) > ($2, $3)",
            $upper,
            " ORDER BY sort ",
            $order,
            ", entity ",
            $order,
            " LIMIT $4"
        )
    };
}

pub(super) const ASCENDING: &str = find!("", "ASC");
pub(super) const ASCENDING_UNTIL: &str = find!(" AND (sort, entity) < ($5, $6)", "ASC");
pub(super) const DESCENDING: &str = find!("", "DESC");
pub(super) const DESCENDING_UNTIL: &str = find!(" AND (sort, entity) < ($5, $6)", "DESC");

pub(super) async fn find(connection: &mut PgConnection, query: &IndexQuery) -> Result<Vec<IndexEntry>> {
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
    let rows = bound.fetch_all(connection).await.map_err(failed)?;
    rows.iter()
        .map(|row| {
            Ok(IndexEntry {
                space: query.space,
                sort: column(row, 0)?,
                entity: column(row, 1)?,
            })
        })
        .collect()
}

pub(super) async fn put(connection: &mut PgConnection, entries: &[IndexEntry]) -> Result<()> {
    // In the order of the tree, so that a page's entries land near each other.
    let mut entries: Vec<&IndexEntry> = entries.iter().collect();
    entries.sort_unstable();
    execute(connection, PUT, &entries).await
}

pub(super) async fn delete(connection: &mut PgConnection, entries: &[IndexEntry]) -> Result<()> {
    let entries: Vec<&IndexEntry> = entries.iter().collect();
    execute(connection, DELETE, &entries).await
}

async fn execute(connection: &mut PgConnection, statement: &'static str, entries: &[&IndexEntry]) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let spaces: Vec<i64> = entries.iter().map(|entry| entry.space.cast_signed()).collect();
    let sorts: Vec<&[u8]> = entries.iter().map(|entry| entry.sort.as_slice()).collect();
    let entities: Vec<i64> = entries.iter().map(|entry| entry.entity).collect();
    sqlx::query(statement)
        .bind(spaces)
        .bind(sorts)
        .bind(entities)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}
