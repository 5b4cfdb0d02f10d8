use sqlx::PgConnection;
use syncline_core::Result;
use syncline_core::store::Key;

use super::error::{column, failed};

pub(super) const PUT: &str = "INSERT INTO match_key (space, hash, entity) \
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) ON CONFLICT DO NOTHING";
pub(super) const DELETE: &str = "DELETE FROM match_key USING unnest($1::bigint[], $2::bigint[], $3::bigint[]) \
    AS gone (space, hash, entity) \
    WHERE match_key.space = gone.space AND match_key.hash = gone.hash AND match_key.entity = gone.entity";
pub(super) const FIND: &str = "SELECT hash, entity FROM match_key WHERE space = $1 AND hash = ANY($2)";
pub(super) const CLEAR: &str = "DELETE FROM match_key WHERE space = $1";

/// By hash, then entity.
pub(super) async fn find(connection: &mut PgConnection, space: u64, hashes: &[u64]) -> Result<Vec<Key>> {
    let wanted: Vec<i64> = hashes.iter().map(|hash| hash.cast_signed()).collect();
    let rows = sqlx::query(FIND)
        .bind(space.cast_signed())
        .bind(wanted)
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    let mut found = rows
        .iter()
        .map(|row| {
            Ok(Key {
                space,
                hash: column::<i64>(row, 0)?.cast_unsigned(),
                entity: column(row, 1)?,
            })
        })
        .collect::<Result<Vec<Key>>>()?;
    found.sort_unstable();
    Ok(found)
}

pub(super) async fn put(connection: &mut PgConnection, keys: &[Key]) -> Result<()> {
    // In the order of the tree, so that a page's keys land near each other.
    let mut keys = keys.to_vec();
    keys.sort_unstable_by_key(|key| (key.space, key.hash.cast_signed(), key.entity));
    execute(connection, PUT, &keys).await
}

pub(super) async fn delete(connection: &mut PgConnection, keys: &[Key]) -> Result<()> {
    execute(connection, DELETE, keys).await
}

async fn execute(connection: &mut PgConnection, statement: &'static str, keys: &[Key]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let spaces: Vec<i64> = keys.iter().map(|key| key.space.cast_signed()).collect();
    let hashes: Vec<i64> = keys.iter().map(|key| key.hash.cast_signed()).collect();
    let entities: Vec<i64> = keys.iter().map(|key| key.entity).collect();
    sqlx::query(statement)
        .bind(spaces)
        .bind(hashes)
        .bind(entities)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}
