//! Brings a schema of a database to what this build knows.

use sqlx::{Connection, PgConnection};
use syncline_core::store::DocumentKind;
use syncline_core::{Error, ErrorKind, Result};

use super::error::failed;

/// One script per schema version, in order. A script that was ever released is never changed; the next one alters.
const SCRIPTS: [&str; 1] = [include_str!("../../migrations/postgres/0001_initial.sql")];

/// Processes that start together take turns: `SYNL` as a number.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1398361676)";
const FIND_SCHEMA: &str = "SELECT to_regnamespace($1) IS NOT NULL, \
    EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace($1)), to_regclass($1 || '.migration') IS NOT NULL";
const MAKE_TABLE: &str = "CREATE TABLE migration (version integer PRIMARY KEY)";
/// Counters stand from the beginning, so that nobody has to make one.
const COUNTERS: &str =
    "INSERT INTO sequence (number, last) SELECT *, 0 FROM generate_series(1, 3) ON CONFLICT DO NOTHING";
const DOCUMENT_COUNTERS: &str =
    "INSERT INTO document_number (kind, last) SELECT *, 0 FROM generate_series(1, $1) ON CONFLICT DO NOTHING";

/// Runs the scripts that the schema has not seen yet, all or none of them. The connection's search path is the schema.
pub(super) async fn migrate(connection: &mut PgConnection, schema: &str) -> Result<()> {
    let newest = SCRIPTS.len();
    let mut transaction = connection.begin().await.map_err(failed)?;
    sqlx::raw_sql(LOCK).execute(&mut *transaction).await.map_err(failed)?;
    let (exists, in_use, is_ours): (bool, bool, bool) = sqlx::query_as(FIND_SCHEMA)
        .bind(schema)
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
    if in_use && !is_ours {
        return Err(Error::new(
            ErrorKind::Store,
            format!(
                "the schema `{schema}` of this database belongs to another program; let Syncline have one of its own, by \
                 adding ?schema=NAME to the URL"
            ),
        ));
    }
    if !exists {
        let make = format!("CREATE SCHEMA {schema}");
        run(&mut transaction, make).await?;
    }
    if !is_ours {
        run(&mut transaction, MAKE_TABLE.to_owned()).await?;
    }
    let stored: Option<i32> = sqlx::query_scalar("SELECT max(version) FROM migration")
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
    let stored = usize::try_from(stored.unwrap_or(0)).unwrap_or(0);
    if stored > newest {
        return Err(Error::new(
            ErrorKind::Store,
            format!(
                "the database was written by a newer Syncline: its schema is version {stored}, and this build knows \
                 versions up to {newest}; upgrade Syncline, or restore the backup from before the upgrade"
            ),
        ));
    }
    for (version, script) in (1..).zip(SCRIPTS).skip(stored) {
        run(&mut transaction, script.to_owned()).await?;
        sqlx::query("INSERT INTO migration (version) VALUES ($1)")
            .bind::<i32>(version)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    run(&mut transaction, COUNTERS.to_owned()).await?;
    sqlx::query(DOCUMENT_COUNTERS)
        .bind(DocumentKind::LAST as i32)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

async fn run(connection: &mut PgConnection, statement: String) -> Result<()> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}
