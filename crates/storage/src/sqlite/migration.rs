//! Brings a database file to the schema that this build knows.

use sqlx::{Connection, SqliteConnection};
use syncline_core::{Error, ErrorKind, Result};

use super::error::failed;

/// One script per schema version, in order. A script that was ever released is never changed; the next one alters.
const SCRIPTS: [&str; 2] = [
    include_str!("../../migrations/sqlite/0001_initial.sql"),
    include_str!("../../migrations/sqlite/0002_index.sql"),
];

/// What marks a file as ours in its header: `SYNL`.
const APPLICATION: i32 = 0x53_59_4e_4c;

/// Runs the scripts that the database has not seen yet, all or none of them.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<()> {
    let newest = SCRIPTS.len();
    // In one snapshot: another process may be making the schema between two of these questions.
    let mut snapshot = connection.begin_with("BEGIN").await.map_err(failed)?;
    let found = version(&mut snapshot).await?;
    snapshot.rollback().await.map_err(failed)?;
    if found == newest {
        return Ok(());
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    // Read again: another process may have migrated it while this one waited for the lock.
    let stored = version(&mut transaction).await?;
    if stored > newest {
        return Err(Error::new(
            ErrorKind::Store,
            format!(
                "the database was written by a newer Syncline: its schema is version {stored}, and this build knows \
                 versions up to {newest}; upgrade Syncline, or open the backup from before the upgrade"
            ),
        ));
    }
    for script in SCRIPTS.iter().skip(stored) {
        sqlx::raw_sql(*script)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    let mark = format!("PRAGMA user_version = {newest}; PRAGMA application_id = {APPLICATION}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(mark))
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

/// The schema version of the database; 0 for an empty one. Fails if it is somebody else's database.
async fn version(connection: &mut SqliteConnection) -> Result<usize> {
    let application: i32 = pragma(connection, "PRAGMA application_id").await?;
    let version: i32 = pragma(connection, "PRAGMA user_version").await?;
    let objects: i32 = pragma(connection, "SELECT count(*) FROM sqlite_schema").await?;
    if application != APPLICATION && objects > 0 {
        return Err(Error::new(
            ErrorKind::Store,
            "the file is a SQLite database of another program; choose another path for Syncline's",
        ));
    }
    usize::try_from(version).map_err(|_| crate::packed::damaged("a negative schema version"))
}

async fn pragma(connection: &mut SqliteConnection, statement: &'static str) -> Result<i32> {
    sqlx::query_scalar(statement)
        .fetch_one(connection)
        .await
        .map_err(failed)
}
