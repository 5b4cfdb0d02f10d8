//! Real processes on real databases: killed at the n-th failpoint, out of room, on a store that fails, restored, and many
//! at once. What the next process makes of it is what a run that nothing happened to makes.
//!
//! Every failpoint is tried by `cargo xtask crashes`; here every so many.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test has no public interface and may panic"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sqlx::Connection;
use syncline_core::store::Store;
use syncline_core::value::Value;
use syncline_simulators::Options;
use syncline_storage::{MemoryStore, SqliteStore};
use syncline_testkit::crash::{Assignment, Crms, Ended, FailingStore, Process, Work, machine_clock, open};
use syncline_testkit::postgres::Schema;
use syncline_testkit::stage::{HUBSPOT, SALESFORCE, Stage};
use tempfile::TempDir;

const WORKER: &str = env!("CARGO_BIN_EXE_worker");

/// Only each so-manieth failpoint, unless all are asked for.
fn step(usual: usize) -> usize {
    if std::env::var_os("SYNCLINE_ALL_CRASHES").is_some() {
        1
    } else {
        usual
    }
}

fn options() -> Options {
    Options {
        records: 6,
        overlap: 0.5,
        ..Options::default()
    }
}

/// CRMs and a database, mapped and not yet read.
struct Theatre {
    stage: Stage,
    crms: Crms,
    database: String,
}

impl Theatre {
    async fn set(database: &str) -> Self {
        let clock = machine_clock();
        let options = Options {
            clock: Arc::new(clock.clone()),
            ..options()
        };
        let stage = Stage::set_by(open(database).await.unwrap(), options, clock)
            .await
            .unwrap();
        stage.map_all().await.unwrap();
        let routes = BTreeMap::from([
            (SALESFORCE.to_owned(), stage.salesforce.router()),
            (HUBSPOT.to_owned(), stage.hubspot.router()),
        ]);
        Self {
            stage,
            crms: Crms::serve(routes).await.unwrap(),
            database: database.to_owned(),
        }
    }

    fn assignment(&self, work: Work, dies_at: Option<u64>) -> Assignment {
        Assignment {
            database: self.database.clone(),
            crms: self.crms.base_url().to_owned(),
            tenant: self.stage.tenant,
            work,
            dies_at,
        }
    }

    /// Lets a worker do its rounds; how it ended.
    async fn worker(&self, rounds: usize, dies_at: Option<u64>) -> Ended {
        let assignment = self.assignment(Work::Rounds(rounds), dies_at);
        wait(Process::start(Path::new(WORKER), &assignment).unwrap()).await
    }

    /// What everybody holds: the app's people, once both CRMs hold the same, and how many records they have.
    async fn outcome(&self) -> Outcome {
        assert_eq!(self.stage.differences().await.unwrap(), Vec::<String>::new());
        let mut people: Vec<Vec<Value>> = self
            .stage
            .entities("person")
            .await
            .unwrap()
            .into_iter()
            .map(|linked| linked.entity.values)
            .collect();
        people.sort_by_key(|values| format!("{values:?}"));
        Outcome {
            contacts: [
                self.stage.salesforce.count("Contact"),
                self.stage.hubspot.count("contacts"),
            ],
            // References are numbers of this database.
            people: people.into_iter().map(|values| format!("{:?}", &values[..5])).collect(),
        }
    }
}

#[derive(Debug, PartialEq)]
struct Outcome {
    contacts: [usize; 2],
    people: Vec<String>,
}

/// Waits without keeping the CRMs from answering.
async fn wait(process: Process) -> Ended {
    tokio::task::spawn_blocking(move || process.wait())
        .await
        .unwrap()
        .unwrap()
}

/// A database of its own for each history.
enum Database {
    File(TempDir),
    Schema(Schema),
}

impl Database {
    async fn new(on_postgres: bool) -> Self {
        if on_postgres {
            Self::Schema(Schema::new().await.unwrap())
        } else {
            Self::File(tempfile::tempdir().unwrap())
        }
    }

    fn name(&self) -> String {
        match self {
            Self::File(folder) => folder.path().join("test.db").display().to_string(),
            Self::Schema(schema) => schema.url(),
        }
    }

    async fn remove(self) {
        if let Self::Schema(schema) = self {
            schema.remove().await.unwrap();
        }
    }
}

async fn killed_at_every_failpoint(on_postgres: bool, usual: usize) {
    let untouched = {
        let database = Database::new(on_postgres).await;
        let theatre = Theatre::set(&database.name()).await;
        assert_eq!(theatre.worker(3, None).await, Ended::Well);
        let outcome = theatre.outcome().await;
        drop(theatre);
        database.remove().await;
        outcome
    };
    let mut killed = 0;
    for n in (1..).step_by(step(usual)) {
        let database = Database::new(on_postgres).await;
        let theatre = Theatre::set(&database.name()).await;
        let ended = theatre.worker(2, Some(n)).await;
        assert_ne!(ended, Ended::Failed, "failpoint {n}");
        // Twice, since what is unknown is left alone for a moment first.
        for _ in 0..2 {
            assert_eq!(theatre.worker(2, None).await, Ended::Well, "after failpoint {n}");
        }
        assert_eq!(theatre.outcome().await, untouched, "failpoint {n}");
        drop(theatre);
        database.remove().await;
        if ended == Ended::Well {
            break;
        }
        killed += 1;
    }
    assert!(killed * step(usual) > 80, "only {killed} failpoints were met");
}

#[tokio::test]
async fn a_process_killed_at_any_failpoint_loses_nothing_on_sqlite() {
    killed_at_every_failpoint(false, 41).await;
}

#[tokio::test]
async fn a_process_killed_at_any_failpoint_loses_nothing_on_postgres() {
    if !Schema::is_skipped() {
        killed_at_every_failpoint(true, 43).await;
    }
}

/// The n-th call of the store fails in the middle of a run; the runs after it make it good.
async fn failing_at_every_call(store: impl AsyncFn() -> Arc<dyn Store>, usual: usize) {
    let mut untouched = None;
    for n in (0..).step_by(step(usual)) {
        let store = store().await;
        let mut stage = Stage::set(store.clone(), options()).await.unwrap();
        stage.map_all().await.unwrap();
        let (failing, calls) = FailingStore::at(store.clone(), n);
        stage.reopen(Arc::new(failing)).unwrap();
        for provider in ["salesforce", "hubspot", "salesforce", "hubspot"] {
            // A run that can't even be begun says so; one that fails is there with its reason.
            let _told = stage.sync(provider, Default::default()).await;
        }
        let is_through = calls.calls() < n;
        stage.reopen(store).unwrap();
        for _ in 0..3 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            stage.rounds(1).await.unwrap();
        }
        assert_eq!(stage.differences().await.unwrap(), Vec::<String>::new(), "call {n}");
        let counts = (
            stage.entities("person").await.unwrap().len(),
            stage.salesforce.count("Contact"),
            stage.hubspot.count("contacts"),
        );
        assert_eq!(counts, *untouched.get_or_insert(counts), "call {n}");
        if is_through {
            assert!(n > 200, "only {n} calls were made");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_of_the_store_that_fails_loses_nothing() {
    failing_at_every_call(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>, 71).await;
}

#[tokio::test]
async fn a_call_of_sqlite_that_fails_loses_nothing() {
    failing_at_every_call(
        async || Arc::new(SqliteStore::in_memory().await.unwrap()) as Arc<dyn Store>,
        179,
    )
    .await;
}

#[tokio::test]
async fn a_full_disk_fails_runs_and_loses_nothing() {
    let database = Database::new(false).await;
    let theatre = Theatre::set(&database.name()).await;
    let size = std::fs::metadata(database.name()).unwrap().len();
    // Too little to open it, and then enough for a part of what there is to write.
    for room in [size / 2, size + 16_384, size + 131_072] {
        let assignment = theatre.assignment(Work::Rounds(1), None);
        let worker = Process::start_with_little_room(Path::new(WORKER), &assignment, room).unwrap();
        assert_ne!(wait(worker).await, Ended::Killed, "with {room} bytes");
    }
    for _ in 0..2 {
        assert_eq!(theatre.worker(2, None).await, Ended::Well);
    }
    let outcome = theatre.outcome().await;
    assert_eq!(outcome.contacts, [outcome.people.len(); 2]);
}

#[tokio::test]
async fn a_damaged_page_is_reported_and_an_old_copy_goes_on_from_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("test.db"), folder.path().join("copy.db"));
    let mut stage = Stage::set(Arc::new(SqliteStore::open(&path).await.unwrap()), options())
        .await
        .unwrap();
    stage.map_all().await.unwrap();
    stage.rounds(1).await.unwrap();
    let raw = |statement: &'static str| {
        let url = format!("sqlite://{}", path.display());
        async move {
            let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    };
    raw("PRAGMA wal_checkpoint(TRUNCATE)").await;
    std::fs::copy(&path, &copy).unwrap();
    stage.rounds(2).await.unwrap();
    raw("PRAGMA wal_checkpoint(TRUNCATE)").await;

    // The second half of the file, page by page.
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 8_192 * 4_096;
    bytes[half..].fill(0xa5);
    let damaged = folder.path().join("damaged.db");
    std::fs::write(&damaged, &bytes).unwrap();
    std::fs::copy(
        folder.path().join("test.db.generation"),
        folder.path().join("damaged.db.generation"),
    )
    .unwrap();
    let told = match SqliteStore::open(&damaged).await {
        Ok(store) => {
            stage.reopen(Arc::new(store)).unwrap();
            match stage.rounds(1).await {
                Ok(runs) => runs
                    .into_iter()
                    .filter_map(|run| run.error)
                    .collect::<Vec<_>>()
                    .join("; "),
                Err(error) => error.to_string(),
            }
        }
        Err(error) => error.to_string(),
    };
    assert!(
        told.contains("damaged") && told.contains("restore it from a backup"),
        "{told}"
    );

    // The copy is older than the note beside the database.
    let restored = folder.path().join("restored.db");
    std::fs::copy(&copy, &restored).unwrap();
    std::fs::copy(
        folder.path().join("test.db.generation"),
        folder.path().join("restored.db.generation"),
    )
    .unwrap();
    stage
        .reopen(Arc::new(SqliteStore::open(&restored).await.unwrap()))
        .unwrap();
    assert!(stage.engine.restored(&stage.actor).await.unwrap().is_some());
    stage.rounds(3).await.unwrap();
    assert_eq!(stage.differences().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_postgres_database_put_back_from_an_old_copy_is_noticed() {
    if Schema::is_skipped() {
        return;
    }
    let schema = Schema::new().await.unwrap();
    let name = schema.name();
    let mut stage = Stage::set(Arc::new(schema.open().await.unwrap()), options())
        .await
        .unwrap();
    stage.map_all().await.unwrap();
    stage.rounds(1).await.unwrap();
    assert!(stage.engine.restored(&stage.actor).await.unwrap().is_none());
    let mut connection = schema.connect().await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = $1")
        .bind(name)
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let mut run = async |statement: String| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .unwrap();
    };
    run(format!("CREATE SCHEMA {name}_copy")).await;
    for table in &tables {
        run(format!("CREATE TABLE {name}_copy.{table} AS TABLE {name}.{table}")).await;
    }
    stage.rounds(1).await.unwrap();
    run(format!("DROP SCHEMA {name} CASCADE")).await;

    let store = schema.open().await.unwrap();
    for table in &tables {
        let fill = format!("DELETE FROM {name}.{table}; INSERT INTO {name}.{table} SELECT * FROM {name}_copy.{table}");
        run(fill).await;
    }
    run(format!("DROP SCHEMA {name}_copy CASCADE")).await;
    stage.reopen(Arc::new(store)).unwrap();
    assert!(stage.engine.restored(&stage.actor).await.unwrap().is_some());
    stage.rounds(3).await.unwrap();
    assert_eq!(stage.differences().await.unwrap(), Vec::<String>::new());
    schema.remove().await.unwrap();
}

#[tokio::test]
async fn a_database_that_another_program_locks_is_waited_for_and_then_named() {
    let database = Database::new(false).await;
    let theatre = Theatre::set(&database.name()).await;
    let url = format!("sqlite://{}", database.name());
    let mut other = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    assert_eq!(theatre.worker(1, None).await, Ended::Failed);
    let stage = &theatre.stage;
    let told = stage.sync("salesforce", Default::default()).await.unwrap_err();
    assert!(told.to_string().contains("locked by another process"), "{told}");
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    for _ in 0..2 {
        assert_eq!(theatre.worker(2, None).await, Ended::Well);
    }
    assert_eq!(
        theatre.outcome().await.contacts[0],
        theatre.outcome().await.people.len()
    );
}
