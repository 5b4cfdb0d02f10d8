use sqlx::SqliteConnection;
use syncline_core::Result;
use syncline_core::state::EntityId;
use syncline_core::store::Key;

use super::error::{bytes, column, failed};
use super::rows::{Rows, hex, json};

pub(super) static PUT: Rows = Rows::new(
    "INSERT INTO match_key (space, hash, entity) VALUES ",
    3,
    " ON CONFLICT DO NOTHING",
);
pub(super) const FIND: &str = "SELECT hash, entity FROM json_each(?1) CROSS JOIN match_key \
    ON match_key.space = ?2 AND match_key.hash = unhex(value)";
pub(super) const DELETE: &str =
    "DELETE FROM match_key WHERE space = ?1 AND entity IN (SELECT value FROM json_each(?2))";

pub(super) const DELETE_ALL: &str = "DELETE FROM match_key WHERE entity IN (SELECT value FROM json_each(?1))";

/// By hash, then entity.
pub(super) async fn find(connection: &mut SqliteConnection, space: u64, hashes: &[u128]) -> Result<Vec<Key>> {
    let mut wanted = hashes.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let wanted: Vec<String> = wanted.iter().map(|hash| hex(&hash.to_be_bytes())).collect();
    let rows = sqlx::query(FIND)
        .bind(json(&wanted))
        .bind(space.cast_signed())
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    rows.iter()
        .map(|row| {
            Ok(Key {
                space,
                hash: u128::from_be_bytes(bytes(row, 0)?),
                entity: column(row, 1)?,
            })
        })
        .collect()
}

pub(super) async fn put(connection: &mut SqliteConnection, keys: &[Key]) -> Result<()> {
    // In the order of the tree, so that a page's keys land near each other.
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    PUT.execute(connection, &keys, |key, row| {
        row.add(key.space.cast_signed())?
            .add(&key.hash.to_be_bytes()[..])?
            .add(key.entity)?;
        Ok(())
    })
    .await
    .map_err(failed)
}

pub(super) async fn delete(connection: &mut SqliteConnection, space: u64, entities: &[EntityId]) -> Result<()> {
    sqlx::query(DELETE)
        .bind(space.cast_signed())
        .bind(json(entities))
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

/// In every space.
pub(super) async fn delete_all(connection: &mut SqliteConnection, entities: &[EntityId]) -> Result<()> {
    sqlx::query(DELETE_ALL)
        .bind(json(entities))
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}
