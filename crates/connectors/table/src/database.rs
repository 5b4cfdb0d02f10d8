//! [`Database`]: statements in, rows of text out, alike for both kinds of database.

use std::time::Duration;

#[cfg(feature = "postgres")]
use sqlx::postgres::{PgPool, PgPoolOptions};
#[cfg(feature = "sqlite")]
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use syncline_core::{Error, ErrorKind, Result};

use crate::dialect::Dialect;
use crate::error::failed;

/// Connections to the database; a host's own work needs the others.
const CONNECTIONS: u32 = 4;
const PATIENCE: Duration = Duration::from_secs(30);

/// A value that is handed to a statement. Nothing else of a record ever gets near one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bind {
    Null,
    Int(i64),
    Text(String),
}

/// A statement with its values. Names in its text are quoted, and come from the catalog.
#[derive(Debug, Clone, Default)]
pub(crate) struct Statement {
    pub(crate) text: String,
    pub(crate) binds: Vec<Bind>,
}

impl Statement {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            binds: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds a value and returns its number.
    pub(crate) fn bind(&mut self, value: Bind) -> usize {
        self.binds.push(value);
        self.binds.len()
    }
}

/// A row: every column as text.
pub(crate) type Cells = Vec<Option<String>>;

/// A database of the host's.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    #[cfg(feature = "sqlite")]
    Sqlite(SqlitePool),
    #[cfg(feature = "postgres")]
    Postgres(PgPool),
}

/// A transaction that may write.
pub(crate) enum Transaction {
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

macro_rules! rows {
    ($kind:ident, $executor:expr, $statement:expr) => {{
        let mut query = sqlx::query::<sqlx::$kind>(AssertSqlSafe($statement.text.clone()));
        for bind in &$statement.binds {
            query = match bind {
                Bind::Null => query.bind(None::<String>),
                Bind::Int(number) => bind_int!($kind, query, *number),
                Bind::Text(text) => query.bind(text.clone()),
            };
        }
        let rows = query.fetch_all($executor).await.map_err(failed)?;
        rows.iter()
            .map(|row| {
                let width = sqlx::Row::len(row);
                (0..width)
                    .map(|column| sqlx::Row::try_get::<Option<String>, usize>(row, column).map_err(failed))
                    .collect()
            })
            .collect::<Result<Vec<Cells>>>()
    }};
}

// Postgres casts each value from text by itself.
macro_rules! bind_int {
    (Sqlite, $query:expr, $number:expr) => {
        $query.bind($number)
    };
    (Postgres, $query:expr, $number:expr) => {
        $query.bind($number.to_string())
    };
}

macro_rules! execute {
    ($kind:ident, $executor:expr, $statement:expr) => {{
        let mut query = sqlx::query::<sqlx::$kind>(AssertSqlSafe($statement.text.clone()));
        for bind in &$statement.binds {
            query = match bind {
                Bind::Null => query.bind(None::<String>),
                Bind::Int(number) => bind_int!($kind, query, *number),
                Bind::Text(text) => query.bind(text.clone()),
            };
        }
        let done = query.execute($executor).await.map_err(failed)?;
        Ok(done.rows_affected())
    }};
}

impl Database {
    /// Opens a database: the path of a SQLite file, which has to be there, or the URL of a Postgres database.
    pub(crate) async fn open(database: &str) -> Result<Self> {
        if database.starts_with("postgres:") || database.starts_with("postgresql:") {
            return open_postgres(database).await;
        }
        open_sqlite(database.strip_prefix("sqlite:").unwrap_or(database)).await
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Dialect::Sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    pub(crate) async fn rows(&self, statement: &Statement) -> Result<Vec<Cells>> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pool) => rows!(Sqlite, pool, statement),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => rows!(Postgres, pool, statement),
        }
    }

    /// Begins to write. In SQLite it is the writer from now on.
    pub(crate) async fn begin(&self) -> Result<Transaction> {
        Ok(match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pool) => Transaction::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?),
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => Transaction::Postgres(pool.begin().await.map_err(failed)?),
        })
    }
}

impl Transaction {
    pub(crate) async fn rows(&mut self, statement: &Statement) -> Result<Vec<Cells>> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction) => rows!(Sqlite, &mut **transaction, statement),
            #[cfg(feature = "postgres")]
            Self::Postgres(transaction) => rows!(Postgres, &mut **transaction, statement),
        }
    }

    pub(crate) async fn execute(&mut self, statement: &Statement) -> Result<u64> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction) => execute!(Sqlite, &mut **transaction, statement),
            #[cfg(feature = "postgres")]
            Self::Postgres(transaction) => execute!(Postgres, &mut **transaction, statement),
        }
    }

    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(transaction) => transaction.commit().await.map_err(failed),
            #[cfg(feature = "postgres")]
            Self::Postgres(transaction) => transaction.commit().await.map_err(failed),
        }
    }
}

#[cfg(feature = "sqlite")]
async fn open_sqlite(path: &str) -> Result<Database> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(PATIENCE)
        .foreign_keys(true)
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .connect_with(options)
        .await
        .map_err(|error| failed(error).with("database", path))?;
    Ok(Database::Sqlite(pool))
}

#[cfg(not(feature = "sqlite"))]
async fn open_sqlite(_: &str) -> Result<Database> {
    Err(lacking("sqlite"))
}

#[cfg(feature = "postgres")]
async fn open_postgres(url: &str) -> Result<Database> {
    use sqlx::postgres::PgConnectOptions;
    let options: PgConnectOptions = url.parse().map_err(|_| {
        // What can't be read may hold a password.
        let message = "the database's URL can't be read; write it as postgres://user:password@host:5432/database";
        Error::new(ErrorKind::Invalid, message)
    })?;
    // Times and numbers are read as text, so their form must not depend on the server's settings.
    let options = options
        .options([
            ("timezone", "UTC"),
            ("datestyle", "ISO, YMD"),
            ("extra_float_digits", "1"),
        ])
        .disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .connect_with(options)
        .await
        .map_err(failed)?;
    Ok(Database::Postgres(pool))
}

#[cfg(not(feature = "postgres"))]
async fn open_postgres(_: &str) -> Result<Database> {
    Err(lacking("postgres"))
}

#[cfg(not(all(feature = "sqlite", feature = "postgres")))]
fn lacking(feature: &str) -> Error {
    let message = format!("this build does not know such databases; build it with the feature `{feature}`");
    Error::new(ErrorKind::Unsupported, message)
}
