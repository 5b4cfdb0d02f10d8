//! Databases for tests on Postgres: a schema each, within the database that the environment names.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use syncline_core::{Error, ErrorKind, Result};
use syncline_storage::PostgresStore;

/// The variable that names the database, as `cargo xtask test` sets it.
pub const VARIABLE: &str = "SYNCLINE_POSTGRES_URL";

static MADE: AtomicU64 = AtomicU64::new(0);

/// The name of a schema that nobody else has.
#[derive(Debug, Clone)]
pub struct Schema {
    server: String,
    name: String,
}

impl Schema {
    /// The database of the environment.
    pub fn server() -> Option<String> {
        std::env::var(VARIABLE).ok().filter(|url| !url.is_empty())
    }

    /// Whether there is no server to test on, which is then said.
    #[allow(
        clippy::print_stderr,
        reason = "a test that was not made must not look like one that was"
    )]
    pub fn is_skipped() -> bool {
        let missing = Self::server().is_none();
        if missing {
            eprintln!("skipped: {VARIABLE} names no database; `cargo xtask test` starts a server");
        }
        missing
    }

    /// Takes a new name; the schema itself is made by whoever opens it first.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the environment names no database.
    pub async fn new() -> Result<Self> {
        let Some(server) = Self::server() else {
            return Err(Error::new(ErrorKind::Store, format!("{VARIABLE} names no database")));
        };
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        Ok(Self { server, name })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL, as hosts write it.
    pub fn url(&self) -> String {
        let joint = if self.server.contains('?') { '&' } else { '?' };
        format!("{}{joint}schema={}", self.server, self.name)
    }

    /// Opens the store in it.
    ///
    /// # Errors
    /// As [`PostgresStore::open`].
    pub async fn open(&self) -> Result<PostgresStore> {
        PostgresStore::open(&self.url()).await
    }

    /// A connection to the database, with nothing set.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the server can't be reached.
    pub async fn connect(&self) -> Result<PgConnection> {
        PgConnection::connect(&self.server).await.map_err(failed)
    }

    /// Removes it with all that it holds.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the server can't be reached, or will not.
    pub async fn remove(&self) -> Result<()> {
        let statement = AssertSqlSafe(format!("DROP SCHEMA IF EXISTS {} CASCADE", self.name));
        let mut connection = self.connect().await?;
        sqlx::raw_sql(statement)
            .execute(&mut connection)
            .await
            .map_err(failed)?;
        Ok(())
    }
}

fn failed(error: sqlx::Error) -> Error {
    Error::new(ErrorKind::Store, "the tests' database failed").because(error)
}
