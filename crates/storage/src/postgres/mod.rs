//! [`PostgresStore`]: everything in one schema of a Postgres database.

mod audit;
mod created;
mod document;
mod entity;
mod error;
mod generation;
mod inbox;
mod index;
mod key;
mod locks;
mod migration;
mod operation;
mod rows;
mod sequence;
mod side;
mod sighting;
mod transaction;
mod url;
mod wake;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, Postgres};
use syncline_core::model::TenantId;
use syncline_core::store::{Dispatcher, Generation, Mode, Noted, Store, Transaction};
use syncline_core::{Error, Result};

use error::{failed, is_disconnect};
use locks::Locks;
use transaction::PostgresTransaction;
use wake::Channel;

/// How long a transaction waits for others: of this process for a connection, of any for its tenant's lock.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(120);
/// Transactions for writing, and as many for reading, that a process has open at once; more wait. They do not wait for
/// each other, so that who writes can read besides.
const CONNECTIONS: u32 = 8;
/// Connections found dead before a server counts as gone: those that it left behind when it was started anew.
const TRIES: u32 = CONNECTIONS + 2;

const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
// Each statement sees what is committed when it begins: what it may not see change, the tenant's lock keeps.
const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

const SETTINGS: [(&str, &str); 10] = [
    // A process that stands still within a transaction keeps its tenant's lock: the server then takes it away.
    ("idle_in_transaction_session_timeout", "30s"),
    ("lock_timeout", "120s"),
    // Plans are made for the lists at hand and for the tables as large as they are now, not as they were when a
    // connection first asked.
    ("plan_cache_mode", "force_custom_plan"),
    ("jit", "off"),
    // Every statement is written for an index, lists outside and tables looked up inside. Left to itself, the planner
    // reads a whole table per page once it thinks too little of how many records a side has: by default one in 200.
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_material", "off"),
    ("client_min_messages", "warning"),
];

/// A store in one schema of a Postgres database, for any number of processes. Clones share the connections.
///
/// Transactions of one tenant take turns when they write, over all processes; those of different tenants, and all that
/// read, run side by side.
///
/// ```no_run
/// use syncline_core::store::Store;
/// use syncline_storage::PostgresStore;
///
/// # async fn example() -> syncline_core::Result<()> {
/// let store = PostgresStore::open("postgres://app:secret@db.example.com/app").await?;
/// assert_eq!(store.label(), "Postgres at db.example.com:5432/app, schema syncline");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresStore {
    label: Arc<str>,
    locks: Locks,
    writers: PgPool,
    readers: PgPool,
    channel: Arc<Channel>,
}

// By hand: a pool knows the password.
impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Connects, makes the schema if there is none, and brings it to what this build knows.
    ///
    /// The URL is that of libpq: `postgres://user:password@host:port/database`, with `sslmode`, `sslrootcert`, `host`
    /// (also a socket's folder) and the like as parameters; what it leaves out comes from `PGHOST` and its kin. One
    /// parameter is ours: `schema`, the schema that the tables are in, `syncline` if it is left out.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](syncline_core::ErrorKind::Invalid) when the URL can't be read;
    /// [`ErrorKind::Store`](syncline_core::ErrorKind::Store) when the server can't be reached or refuses, when the schema
    /// belongs to another program, or when a newer Syncline wrote it.
    pub async fn open(url: &str) -> Result<Self> {
        let (options, schema) = url::read(url)?;
        let label = url::label(&options, &schema);
        let named = |error: Error| error.with("store", &label);
        let options = options
            // Whose sessions these are, for who looks into `pg_stat_activity`.
            .application_name(&format!("syncline {schema}"))
            .options(SETTINGS)
            .options([("search_path", schema.as_str())])
            // A page's statement is long, and its records are nobody's business.
            .disable_statement_logging();
        let pool = || {
            PgPoolOptions::new()
                .max_connections(CONNECTIONS)
                .acquire_timeout(QUEUE_TIMEOUT)
                .test_before_acquire(false)
        };
        let writers = pool().connect_lazy_with(options.clone());
        let document: i64 = {
            let mut connection = connect(&options).await.map_err(named)?;
            migration::migrate(&mut connection, &schema).await.map_err(named)?;
            let number = sqlx::query_scalar("SELECT 'document'::regclass::oid::bigint")
                .fetch_one(&mut connection)
                .await;
            let number = number.map_err(|error| named(failed(error)))?;
            // A connection that ends badly has done its work.
            let _ended = sqlx::Connection::close(connection).await;
            number
        };
        let readers = pool().connect_lazy_with(options.clone());
        Ok(Self {
            locks: Locks::new(u32::try_from(document).unwrap_or_default()),
            channel: Arc::new(Channel::new(&schema, readers.clone(), options)),
            readers,
            writers,
            label: label.into(),
        })
    }

    /// Waits for open transactions, then ends all connections; every later call fails.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }

    async fn try_begin(
        &self,
        tenant: TenantId,
        mode: Mode,
    ) -> Result<sqlx::Transaction<'static, Postgres>, sqlx::Error> {
        let (pool, begin) = match mode {
            Mode::Read => (&self.readers, BEGIN_READ),
            Mode::Write | Mode::WriteDurable => (&self.writers, BEGIN_WRITE),
        };
        let mut transaction = pool.begin_with(begin).await?;
        sqlx::raw_sql(sqlx::AssertSqlSafe(self.locks.statement(tenant, mode)))
            .execute(&mut *transaction)
            .await?;
        Ok(transaction)
    }
}

async fn connect(options: &PgConnectOptions) -> Result<sqlx::PgConnection> {
    options.connect().await.map_err(failed)
}

#[async_trait]
impl Store for PostgresStore {
    async fn noted_generation(&self) -> Result<Noted> {
        generation::read(&self.readers).await
    }

    async fn note_generation(&self, generation: Generation) -> Result<()> {
        generation::write(&self.readers, generation).await
    }

    async fn begin(&self, mode: Mode) -> Result<Box<dyn Transaction>> {
        self.begin_for(0, mode).await
    }

    async fn begin_for(&self, tenant: TenantId, mode: Mode) -> Result<Box<dyn Transaction>> {
        let mut tries = 1;
        let transaction = loop {
            match self.try_begin(tenant, mode).await {
                // Nothing was done in it yet, so it may as well be begun on another connection.
                Err(error) if is_disconnect(&error) && tries < TRIES => tries += 1,
                begun => break begun.map_err(|error| failed(error).with("store", &self.label))?,
            }
        };
        Ok(Box::new(PostgresTransaction::new(
            transaction,
            mode,
            self.locks,
            Arc::clone(&self.label),
        )))
    }

    fn dispatcher(&self) -> Option<&dyn Dispatcher> {
        Some(self.channel.as_ref())
    }

    fn label(&self) -> String {
        self.label.to_string()
    }
}
