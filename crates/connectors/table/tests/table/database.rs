//! Databases for these tests, and plain SQL on them as the host's own code would send it.

use std::future::Future;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};
use syncline_testkit::postgres::Schema;
use tokio::runtime::Runtime;

/// Everything that waits for a database waits here, whichever thread asks.
pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
});

static MADE: AtomicU32 = AtomicU32::new(0);

/// Waits for a future from code that is not async.
pub(crate) fn wait<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = std::sync::mpsc::channel();
    RUNTIME.spawn(async move { sender.send(future.await) });
    receiver.recv().unwrap()
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Sqlite,
    /// The URL of a database.
    Postgres(String),
}

/// Where there is a Postgres server to test on.
pub(crate) fn postgres() -> Option<Kind> {
    if Schema::is_skipped() {
        return None;
    }
    Schema::server().map(Kind::Postgres)
}

/// A database, or in Postgres a schema, of its own.
#[derive(Debug)]
pub(crate) struct TestDatabase {
    pub(crate) url: String,
    schema: Option<(String, String)>,
    _folder: Option<tempfile::TempDir>,
}

impl TestDatabase {
    pub(crate) fn new(kind: &Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("app.db").display().to_string();
                std::fs::File::create(&path).unwrap();
                Self {
                    url: path,
                    schema: None,
                    _folder: Some(folder),
                }
            }
            Kind::Postgres(server) => {
                let number = MADE.fetch_add(1, Ordering::Relaxed);
                let name = format!("table_{}_{number}", std::process::id());
                let joint = if server.contains('?') { '&' } else { '?' };
                let made = Self {
                    url: format!("{server}{joint}options=-csearch_path%3D{name}"),
                    schema: Some((server.clone(), name.clone())),
                    _folder: None,
                };
                wait(run_postgres(server.clone(), format!("CREATE SCHEMA {name}")));
                made
            }
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.schema.is_some()
    }

    /// Executes statements as the host's own code does.
    pub(crate) fn execute(&self, sql: &str) {
        let (url, sql) = (self.url.clone(), sql.to_owned());
        if self.is_postgres() {
            wait(run_postgres(url, sql));
        } else {
            wait(async move {
                let mut connection = SqliteConnection::connect(&url).await.unwrap();
                connection
                    .execute(AssertSqlSafe(format!("PRAGMA busy_timeout = 10000; {sql}")))
                    .await
                    .unwrap();
                connection.close().await.unwrap();
            });
        }
    }

    /// The rows of a query, whose columns are texts.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let (url, sql) = (self.url.clone(), sql.to_owned());
        macro_rules! read {
            ($connection:ty) => {
                wait(async move {
                    let mut connection = <$connection>::connect(&url).await.unwrap();
                    let rows = connection.fetch_all(AssertSqlSafe(sql)).await.unwrap();
                    connection.close().await.unwrap();
                    rows.iter()
                        .map(|row| (0..row.len()).map(|column| row.get(column)).collect())
                        .collect()
                })
            };
        }
        if self.is_postgres() {
            read!(PgConnection)
        } else {
            read!(SqliteConnection)
        }
    }

    /// Waits until nothing in an outbox of Postgres is held back by a transaction that is open elsewhere on the server.
    pub(crate) fn wait_for_outbox(&self) {
        let held_back = "SELECT EXISTS (SELECT 1 FROM syncline_outbox \
                         WHERE transaction >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint)::text";
        while self.text(held_back) == "true" {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The one text of a query.
    pub(crate) fn text(&self, sql: &str) -> String {
        self.rows(sql)[0][0].clone().unwrap_or_default()
    }
}

async fn run_postgres(url: String, sql: String) {
    let mut connection = PgConnection::connect(&url).await.unwrap();
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
    connection.close().await.unwrap();
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some((server, name)) = self.schema.take() {
            wait(run_postgres(server, format!("DROP SCHEMA {name} CASCADE")));
        }
    }
}

/// A text as SQL.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
