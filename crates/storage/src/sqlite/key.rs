use sqlx::SqliteConnection;
use syncline_core::Result;
use syncline_core::store::Key;

use super::error::failed;
use super::packed_rows;
use super::rows::{Bound, Rows, json};
use sqlx::error::BoxDynError;

pub(super) static PUT: Rows = Rows::new(
    "INSERT INTO match_key (space, hash, entity) VALUES ",
    3,
    " ON CONFLICT DO NOTHING",
);
pub(super) static DELETE: Rows = Rows::new("DELETE FROM match_key WHERE (space, hash, entity) IN (VALUES ", 3, ")");
pub(super) const FIND: &str = "SELECT json_group_array(json_array(hash, entity)) FROM (SELECT hash, entity \
    FROM json_each(?1) AS wanted CROSS JOIN match_key ON match_key.space = ?2 AND match_key.hash = wanted.value)";
pub(super) const CLEAR: &str = "DELETE FROM match_key WHERE space = ?1";

/// By hash, then entity.
pub(super) async fn find(connection: &mut SqliteConnection, space: u64, hashes: &[u64]) -> Result<Vec<Key>> {
    let mut wanted = hashes.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let wanted: Vec<i64> = wanted.iter().map(|hash| hash.cast_signed()).collect();
    let row = sqlx::query(FIND)
        .bind(json(&wanted))
        .bind(space.cast_signed())
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    let found: Vec<(i64, i64)> = packed_rows::read(&row)?;
    let key = |(hash, entity): (i64, i64)| Key {
        space,
        hash: hash.cast_unsigned(),
        entity,
    };
    Ok(found.into_iter().map(key).collect())
}

pub(super) async fn put(connection: &mut SqliteConnection, keys: &[Key]) -> Result<()> {
    // In the order of the tree, so that a page's keys land near each other.
    let mut keys = keys.to_vec();
    keys.sort_unstable_by_key(|key| (key.space, key.hash.cast_signed(), key.entity));
    PUT.execute(connection, &keys, bind).await.map_err(failed)
}

pub(super) async fn delete(connection: &mut SqliteConnection, keys: &[Key]) -> Result<()> {
    DELETE.execute(connection, keys, bind).await.map_err(failed)
}

fn bind(key: &Key, row: &mut Bound) -> Result<(), BoxDynError> {
    row.add(key.space.cast_signed())?
        .add(key.hash.cast_signed())?
        .add(key.entity)?;
    Ok(())
}
