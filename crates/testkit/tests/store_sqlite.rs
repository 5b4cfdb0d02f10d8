//! The SQLite store does what a store has to do, answers as the memory store does, and keeps it on disk.

#![allow(clippy::unwrap_used, reason = "a test that can't go on says why by panicking")]

use libtest_mimic::{Arguments, Failed, Trial};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use syncline_core::store::{Document, DocumentKind, InboxEntry, Mode, Sequence, Store};
use syncline_core::{ErrorKind, Result};
use syncline_storage::{MemoryStore, SqliteStore};
use syncline_testkit::store;
use tempfile::TempDir;

/// Seeds of the comparison with the memory store, unless `SYNCLINE_STORE_SEEDS` asks for more.
const SEEDS: u64 = 12;
const STEPS: usize = 600;

fn main() {
    let mut trials: Vec<Trial> = store::cases()
        .into_iter()
        .map(|case| {
            Trial::test(case.name, move || {
                run(async move { case.run(&SqliteStore::in_memory().await?).await })
            })
        })
        .collect();
    let seeds = std::env::var("SYNCLINE_STORE_SEEDS").map_or(Ok(SEEDS), |seeds| seeds.parse());
    for seed in 0..seeds.unwrap_or(SEEDS) {
        trials.push(Trial::test(
            format!("random_calls_answer_as_in_memory_{seed}"),
            move || {
                run(async move {
                    let sqlite = SqliteStore::in_memory().await?;
                    store::compare(&MemoryStore::new(), &sqlite, seed, STEPS).await
                })
            },
        ));
    }
    trials.extend([
        trial(
            "what_is_committed_is_there_after_reopening",
            what_is_committed_is_there_after_reopening,
        ),
        trial(
            "files_copied_during_a_transaction_hold_what_was_committed",
            files_copied_during_a_transaction_hold_what_was_committed,
        ),
        trial("two_stores_on_one_file_take_turns", two_stores_on_one_file_take_turns),
        trial(
            "the_file_of_a_newer_syncline_is_refused",
            the_file_of_a_newer_syncline_is_refused,
        ),
        trial(
            "the_file_of_another_program_is_refused",
            the_file_of_another_program_is_refused,
        ),
        trial(
            "a_file_that_is_no_database_is_refused",
            a_file_that_is_no_database_is_refused,
        ),
        trial("a_missing_folder_is_named", a_missing_folder_is_named),
        trial(
            "damaged_content_is_reported_with_its_record",
            damaged_content_is_reported_with_its_record,
        ),
        trial(
            "a_cancelled_step_fails_the_transaction",
            a_cancelled_step_fails_the_transaction,
        ),
    ]);
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn trial<F: Future<Output = Result<()>> + 'static>(name: &str, case: fn() -> F) -> Trial {
    Trial::test(name, move || run(case()))
}

fn run(case: impl Future<Output = Result<()>>) -> std::result::Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failed::from)?;
    runtime.block_on(case).map_err(Failed::from)
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

async fn raw(path: &std::path::Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    options.connect().await.unwrap()
}

async fn execute(connection: &mut SqliteConnection, statement: &'static str) {
    sqlx::raw_sql(statement).execute(connection).await.unwrap();
}

fn setting(name: &str) -> Document {
    Document {
        kind: DocumentKind::Setting,
        id: 0,
        tenant: 0,
        scope: 0,
        key: Some(name.to_owned()),
        status: String::new(),
        at: jiff::Timestamp::UNIX_EPOCH,
        version: 0,
        body: name.into(),
    }
}

fn hint(number: u64) -> InboxEntry {
    InboxEntry {
        side: 1,
        ext: number.to_string(),
        seq: number,
    }
}

async fn what_is_committed_is_there_after_reopening() -> Result<()> {
    let folder = folder();
    let path = folder.path().join("kept.db");
    let store = SqliteStore::open(&path).await?;
    assert_eq!(store.label(), format!("SQLite at {}", path.display()));
    let mut transaction = store.begin(Mode::Write).await?;
    transaction.put_document(&setting("kept")).await?;
    transaction.reserve(Sequence::Entity, 7).await?;
    transaction.commit().await?;
    let mut open = store.begin(Mode::Write).await?;
    open.put_document(&setting("lost")).await?;
    drop(open);
    store.close().await;
    assert!(store.begin(Mode::Read).await.is_err());

    let store = SqliteStore::open(&path).await?;
    let mut transaction = store.begin(Mode::Write).await?;
    let kept = transaction.document(DocumentKind::Setting, 1).await?;
    assert_eq!(kept.map(|kept| kept.body), Some("kept".into()));
    assert_eq!(transaction.document(DocumentKind::Setting, 2).await?, None);
    assert_eq!(transaction.reserve(Sequence::Entity, 1).await?, 8);
    Ok(())
}

/// What a power failure leaves behind.
async fn files_copied_during_a_transaction_hold_what_was_committed() -> Result<()> {
    let (folder, copies) = (folder(), folder());
    let store = SqliteStore::open(folder.path().join("a.db")).await?;
    let mut committed = store.begin(Mode::Write).await?;
    committed.put_hints(&[hint(1)]).await?;
    committed.commit().await?;
    let mut open = store.begin(Mode::Write).await?;
    let many: Vec<InboxEntry> = (2..200_000).map(hint).collect();
    open.put_hints(&many).await?;
    for file in ["a.db", "a.db-wal"] {
        std::fs::copy(folder.path().join(file), copies.path().join(file)).unwrap();
    }
    let copy = SqliteStore::open(copies.path().join("a.db")).await?;
    assert_eq!(copy.begin(Mode::Write).await?.hints(1, 10).await?, [hint(1)]);
    Ok(())
}

async fn two_stores_on_one_file_take_turns() -> Result<()> {
    let folder = folder();
    let path = folder.path().join("shared.db");
    let stores = futures::future::try_join(SqliteStore::open(&path), SqliteStore::open(&path)).await?;
    let reserve = |store: SqliteStore| async move {
        for _ in 0..20 {
            let mut transaction = store.begin(Mode::Write).await?;
            transaction.reserve(Sequence::Mark, 1).await?;
            transaction.commit().await?;
        }
        Ok::<(), syncline_core::Error>(())
    };
    futures::future::try_join(reserve(stores.0.clone()), reserve(stores.1)).await?;
    let next = stores.0.begin(Mode::Write).await?.reserve(Sequence::Mark, 1).await?;
    assert_eq!(next, 41);
    Ok(())
}

async fn the_file_of_a_newer_syncline_is_refused() -> Result<()> {
    let folder = folder();
    let path = folder.path().join("newer.db");
    SqliteStore::open(&path).await?.close().await;
    execute(&mut raw(&path).await, "PRAGMA user_version = 99").await;
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    let said = error.to_string();
    for part in ["newer Syncline", "version 99", "upgrade", "newer.db"] {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
    Ok(())
}

async fn the_file_of_another_program_is_refused() -> Result<()> {
    let folder = folder();
    let path = folder.path().join("foreign.db");
    execute(&mut raw(&path).await, "CREATE TABLE theirs (id INTEGER)").await;
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(error.to_string().contains("another program"), "{error}");
    Ok(())
}

async fn a_file_that_is_no_database_is_refused() -> Result<()> {
    let folder = folder();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "not a database, but long enough to have a header ".repeat(20)).unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("not a SQLite database"), "{error}");
    Ok(())
}

async fn a_missing_folder_is_named() -> Result<()> {
    let folder = folder();
    let error = SqliteStore::open(folder.path().join("none/at/all.db"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    let said = error.to_string();
    assert!(
        said.contains("folder exists") && said.contains("none/at/all.db"),
        "{said}"
    );
    Ok(())
}

async fn damaged_content_is_reported_with_its_record() -> Result<()> {
    let folder = folder();
    let path = folder.path().join("damaged.db");
    let store = SqliteStore::open(&path).await?;
    let mut connection = raw(&path).await;
    let insert = "INSERT INTO entity VALUES (5, zeroblob(16), 1, 1, 1, 1, 0, 0, 0, '', x'ff', x'0000')";
    execute(&mut connection, insert).await;
    connection.close().await.unwrap();
    let error = store.begin(Mode::Read).await?.load(&[5]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("entity: 5"), "{error}");
    Ok(())
}

async fn a_cancelled_step_fails_the_transaction() -> Result<()> {
    let store = SqliteStore::in_memory().await?;
    let mut transaction = store.begin(Mode::Write).await?;
    {
        // Several statements: more than one poll can see through.
        let hints: Vec<InboxEntry> = (0..5_000).map(hint).collect();
        let mut step = transaction.put_hints(&hints);
        assert!(futures::poll!(step.as_mut()).is_pending());
    }
    let after = transaction.reserve(Sequence::Mark, 1).await;
    assert_eq!(after.unwrap_err().kind(), ErrorKind::Store);
    assert!(transaction.commit().await.is_err());
    assert!(store.begin(Mode::Write).await?.hints(1, 10).await?.is_empty());
    Ok(())
}
