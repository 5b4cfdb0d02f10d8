//! [`SqliteStore`]: everything in one SQLite file.

mod audit;
mod created;
mod document;
mod entity;
mod error;
mod generation;
mod inbox;
mod index;
mod key;
mod migration;
mod operation;
mod packed_rows;
#[cfg(test)]
mod plan;
mod rows;
mod sequence;
mod side;
mod sighting;
mod transaction;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use syncline_core::store::{Generation, Mode, Noted, Store, Transaction};
use syncline_core::{Error, ErrorKind, Result};
use tempfile::TempDir;

use error::failed;
use transaction::SqliteTransaction;

/// How long a statement waits for another process to let go of the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a transaction waits for others of this process.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(120);
/// Transactions for reading that run at once; more wait.
const READERS: u32 = 4;
/// Page cache of the connection that writes, in KiB; negative is how SQLite tells KiB from pages.
const CACHE: &str = "-20480";
/// Page cache of each connection that reads: what the writer changes is dropped from it anyway.
const READER_CACHE: &str = "-8192";
/// Pages of the log (32 MiB) after which it is copied into the file. Larger than SQLite's 4 MiB, which is three pages
/// of records, so that index pages that many transactions touch are copied once.
const CHECKPOINT: &str = "8000";
/// Rows that a query may be ahead of who reads them: a page, so that the two hardly wait for each other.
const ROW_BUFFER: usize = 2_048;

// Taking the snapshot at once, not at the first query, is what makes two transactions begun together see the same.
const BEGIN_READ: &str = "BEGIN; SELECT last FROM sequence LIMIT 1";
// A connection remembers how it last waited for the disk, and can't be told within a transaction.
const BEGIN_WRITE: &str = "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE";
const BEGIN_DURABLE: &str = "PRAGMA synchronous = FULL; BEGIN IMMEDIATE";
/// In a temporary database nothing waits for the disk.
const BEGIN_TEMPORARY: &str = "BEGIN IMMEDIATE";

/// A store in one SQLite file, for one process. Clones share the connections.
///
/// Reading never waits for writing: the file is in write-ahead mode, with one connection that writes and a few that
/// read. A power failure can lose the last moments' transactions (`synchronous = NORMAL`), never half of one, and none
/// of mode [`Mode::WriteDurable`]; a crash of the process alone loses nothing that was committed.
///
/// ```no_run
/// use syncline_core::store::Store;
/// use syncline_storage::SqliteStore;
///
/// # async fn example() -> syncline_core::Result<()> {
/// let store = SqliteStore::open("./syncline.db").await?;
/// assert_eq!(store.label(), "SQLite at ./syncline.db");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SqliteStore {
    label: Arc<str>,
    path: Arc<Path>,
    writer: SqlitePool,
    readers: SqlitePool,
    /// Removed with the last clone.
    temporary: Option<Arc<TempDir>>,
}

impl SqliteStore {
    /// Opens the database, makes it if there is none, and brings it to the schema of this build.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when the file can't be made, opened or locked, when it belongs to another program, or
    /// when a newer Syncline wrote it; [`ErrorKind::Corrupt`] when it is damaged.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let label = format!("SQLite at {}", path.display());
        Self::connect(path.to_owned(), label, SqliteSynchronous::Normal, None).await
    }

    /// A temporary database for tests and demonstrations, gone with the last clone of the store.
    ///
    /// It is a file in a private temporary folder, since SQLite's own in-memory mode has no write-ahead log, and so
    /// no reading beside a writer.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when no temporary file can be made.
    pub async fn in_memory() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("syncline-")
            .tempdir()
            .map_err(|error| {
                Error::new(
                    ErrorKind::Store,
                    "no temporary folder can be made for the database; check that the system's temporary folder \
                     exists and has space",
                )
                .because(error)
            })?;
        let path = folder.path().join("temporary.db");
        Self::connect(
            path,
            "temporary SQLite".to_owned(),
            SqliteSynchronous::Off,
            Some(Arc::new(folder)),
        )
        .await
    }

    async fn connect(
        path: PathBuf,
        label: String,
        synchronous: SqliteSynchronous,
        temporary: Option<Arc<TempDir>>,
    ) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(synchronous)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .row_buffer_size(ROW_BUFFER)
            .pragma("cache_size", CACHE)
            .pragma("temp_store", "MEMORY")
            .pragma("wal_autocheckpoint", CHECKPOINT)
            // A page's statement is long, and its records are nobody's business.
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .acquire_timeout(QUEUE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false);
        let named = |error: Error| error.with("store", &label);
        let writer = pool
            .clone()
            .max_connections(1)
            .connect_with(options.clone())
            .await
            .map_err(|error| named(failed(error)))?;
        {
            let mut connection = writer.acquire().await.map_err(|error| named(failed(error)))?;
            migration::migrate(&mut connection).await.map_err(named)?;
        }
        let readers = pool.max_connections(READERS).connect_lazy_with(
            options
                .create_if_missing(false)
                .pragma("cache_size", READER_CACHE)
                .pragma("query_only", "ON"),
        );
        Ok(Self {
            label: label.into(),
            path: path.into(),
            writer,
            readers,
            temporary,
        })
    }

    /// Waits for open transactions, then closes the file; every later call fails. Dropping the store closes it too,
    /// but some time later.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn noted_generation(&self) -> Result<Noted> {
        generation::read(&self.path)
    }

    async fn note_generation(&self, generation: Generation) -> Result<()> {
        generation::write(&self.path, generation)
    }

    async fn begin(&self, mode: Mode) -> Result<Box<dyn Transaction>> {
        let (pool, statement) = match mode {
            Mode::Read => (&self.readers, BEGIN_READ),
            Mode::Write | Mode::WriteDurable if self.temporary.is_some() => (&self.writer, BEGIN_TEMPORARY),
            Mode::Write => (&self.writer, BEGIN_WRITE),
            Mode::WriteDurable => (&self.writer, BEGIN_DURABLE),
        };
        let transaction = pool
            .begin_with(statement)
            .await
            .map_err(|error| failed(error).with("store", &self.label))?;
        Ok(Box::new(SqliteTransaction::new(
            transaction,
            mode,
            Arc::clone(&self.label),
        )))
    }

    async fn scrub(&self) -> Result<()> {
        let mut connection = self.writer.acquire().await.map_err(failed)?;
        // What was deleted stays in free pages and in the log until these are rewritten.
        for statement in ["VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"] {
            sqlx::query(statement)
                .execute(&mut *connection)
                .await
                .map_err(|error| failed(error).with("store", &self.label))?;
        }
        Ok(())
    }

    fn label(&self) -> String {
        self.label.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_what_has_to_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("test.db")).await.unwrap();
        for (mode, level) in [
            (Mode::WriteDurable, 2),
            (Mode::Write, 1),
            (Mode::WriteDurable, 2),
            (Mode::Write, 1),
        ] {
            store.begin(mode).await.unwrap().commit().await.unwrap();
            let kept: i64 = sqlx::query_scalar("PRAGMA synchronous")
                .fetch_one(&store.writer)
                .await
                .unwrap();
            assert_eq!(kept, level, "{mode:?}");
        }
    }
}
