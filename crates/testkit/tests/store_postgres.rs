//! The Postgres store does what a store has to do, answers as the memory store does, and keeps tenants and writers apart.
//!
//! `SYNCLINE_POSTGRES_URL` names a database in which each test makes a schema of its own, and removes it when it is
//! through; without it nothing is tested here. `cargo xtask test` starts a server and sets it.

#![allow(clippy::unwrap_used, reason = "a test that can't go on says why by panicking")]

use libtest_mimic::{Arguments, Failed, Trial};
use sqlx::{AssertSqlSafe, PgConnection};
use syncline_core::store::{Document, DocumentKind, Generation, InboxEntry, Key, Mode, Noted, Sequence, Store};
use syncline_core::{ErrorKind, Result};
use syncline_storage::{MemoryStore, PostgresStore};
use syncline_testkit::postgres::Schema;
use syncline_testkit::store;
use uuid::Uuid;

/// Seeds of the comparison with the memory store, unless `SYNCLINE_STORE_SEEDS` asks for more.
const SEEDS: u64 = 12;
const STEPS: usize = 600;

fn main() {
    let arguments = Arguments::from_args();
    if Schema::is_skipped() {
        libtest_mimic::run(&arguments, Vec::new()).exit();
    }
    let mut trials: Vec<Trial> = store::cases()
        .into_iter()
        .map(|case| {
            Trial::test(case.name, move || {
                run(async move |schema: &Schema| case.run(&schema.open().await?).await)
            })
        })
        .collect();
    let seeds = std::env::var("SYNCLINE_STORE_SEEDS").map_or(Ok(SEEDS), |seeds| seeds.parse());
    for seed in 0..seeds.unwrap_or(SEEDS) {
        trials.push(Trial::test(
            format!("random_calls_answer_as_in_memory_{seed}"),
            move || {
                run(async move |schema: &Schema| {
                    store::compare(&MemoryStore::new(), &schema.open().await?, seed, STEPS).await
                })
            },
        ));
    }
    macro_rules! trials {
        ($($name:ident),+ $(,)?) => { trials.extend([$(Trial::test(stringify!($name), || run($name))),+]) };
    }
    trials![
        what_is_committed_is_there_after_reopening,
        several_processes_open_a_new_schema_at_once,
        the_schema_of_a_newer_syncline_is_refused,
        the_schema_of_another_program_is_refused,
        a_server_that_is_not_there_is_named_without_the_password,
        a_cancelled_step_fails_the_transaction,
        writers_of_one_tenant_take_turns_and_those_of_two_do_not_wait,
        a_writer_for_all_tenants_is_alone,
        tenants_that_need_numbers_do_not_wait_in_a_circle,
        a_tenants_transaction_sees_nothing_of_another_tenant,
        a_tenants_transaction_writes_nothing_of_another_tenant,
        a_writer_that_stands_still_does_not_keep_the_others_waiting_for_ever,
        connections_that_the_server_ended_are_made_anew,
        a_note_counts_for_nothing_in_another_place,
        looking_records_up_uses_the_indexes,
        a_call_wakes_other_processes_and_not_oneself,
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

fn run(case: impl AsyncFnOnce(&Schema) -> Result<()>) -> std::result::Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failed::from)?;
    runtime.block_on(async {
        let schema = Schema::new().await?;
        let done = case(&schema).await;
        schema.remove().await?;
        done
    })?;
    Ok(())
}

async fn raw(schema: &Schema) -> PgConnection {
    schema.connect().await.unwrap()
}

async fn execute(connection: &mut PgConnection, statement: &str) {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .execute(connection)
        .await
        .unwrap();
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

async fn what_is_committed_is_there_after_reopening(schema: &Schema) -> Result<()> {
    let store = schema.open().await?;
    let mut transaction = store.begin(Mode::WriteDurable).await?;
    transaction.put_document(&setting("kept")).await?;
    transaction.reserve(Sequence::Entity, 7).await?;
    transaction.commit().await?;
    let mut open = store.begin(Mode::Write).await?;
    open.put_document(&setting("lost")).await?;
    drop(open);
    store.close().await;
    assert!(store.begin(Mode::Read).await.is_err());

    let store = schema.open().await?;
    let mut transaction = store.begin(Mode::Write).await?;
    let kept = transaction.document(DocumentKind::Setting, 1).await?;
    assert_eq!(kept.map(|kept| kept.body), Some("kept".into()));
    assert_eq!(transaction.document(DocumentKind::Setting, 2).await?, None);
    assert_eq!(transaction.reserve(Sequence::Entity, 1).await?, 8);
    Ok(())
}

async fn several_processes_open_a_new_schema_at_once(schema: &Schema) -> Result<()> {
    let opened = futures::future::try_join_all((0..4).map(|_| schema.open())).await?;
    for store in &opened {
        let mut transaction = store.begin(Mode::Write).await?;
        transaction.reserve(Sequence::Mark, 1).await?;
        transaction.commit().await?;
    }
    let next = opened[0].begin(Mode::Write).await?.reserve(Sequence::Mark, 1).await?;
    assert_eq!(next, 5);
    Ok(())
}

async fn the_schema_of_a_newer_syncline_is_refused(schema: &Schema) -> Result<()> {
    schema.open().await?.close().await;
    let newer = format!("INSERT INTO {}.migration VALUES (99)", schema.name());
    execute(&mut raw(schema).await, &newer).await;
    let error = schema.open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    let said = error.to_string();
    for part in ["newer Syncline", "version 99", "upgrade", schema.name()] {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
    Ok(())
}

async fn the_schema_of_another_program_is_refused(schema: &Schema) -> Result<()> {
    let statement = format!("CREATE SCHEMA {0}; CREATE TABLE {0}.theirs (id integer)", schema.name());
    execute(&mut raw(schema).await, &statement).await;
    let error = schema.open().await.unwrap_err();
    assert!(error.to_string().contains("another program"), "{error}");
    Ok(())
}

async fn a_server_that_is_not_there_is_named_without_the_password(_: &Schema) -> Result<()> {
    let error = PostgresStore::open("postgres://ada:s3cret@localhost/app?host=/nowhere/at/all")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    let said = format!("{error} {error:?}");
    assert!(
        said.contains("/nowhere/at/all") && said.contains("can't be reached"),
        "{said}"
    );
    assert!(!said.contains("s3cret"), "{said}");
    Ok(())
}

async fn a_cancelled_step_fails_the_transaction(schema: &Schema) -> Result<()> {
    let store = schema.open().await?;
    let mut transaction = store.begin(Mode::Write).await?;
    {
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

/// Whether a transaction is begun at once, or waits for a lock that another one holds.
async fn waits(schema: &Schema, store: &PostgresStore, tenant: u32) -> bool {
    let (store, mut watch) = (store.clone(), raw(schema).await);
    let begun = tokio::spawn(async move { store.begin_for(tenant, Mode::Write).await.map(drop) });
    loop {
        if begun.is_finished() {
            begun.await.unwrap().unwrap();
            return false;
        }
        let waiting: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND classid = to_regclass($1 || '.document'))",
        )
        .bind(schema.name())
        .fetch_one(&mut watch)
        .await
        .unwrap();
        if waiting {
            begun.abort();
            return true;
        }
        tokio::task::yield_now().await;
    }
}

async fn writers_of_one_tenant_take_turns_and_those_of_two_do_not_wait(schema: &Schema) -> Result<()> {
    let (one, other) = (schema.open().await?, schema.open().await?);
    let _open = one.begin_for(1, Mode::Write).await?;
    assert!(!waits(schema, &other, 2).await);
    assert!(waits(schema, &other, 1).await);
    Ok(())
}

async fn a_writer_for_all_tenants_is_alone(schema: &Schema) -> Result<()> {
    let (one, other) = (schema.open().await?, schema.open().await?);
    let open = one.begin(Mode::Write).await?;
    assert!(waits(schema, &other, 2).await);
    drop(open);
    let _open = one.begin_for(1, Mode::Write).await?;
    assert!(waits(schema, &other, 0).await);
    Ok(())
}

async fn tenants_that_need_numbers_do_not_wait_in_a_circle(schema: &Schema) -> Result<()> {
    let store = schema.open().await?;
    let kinds = [DocumentKind::Run, DocumentKind::Event];
    let work = (1..=6_u32).map(|tenant| {
        let store = &store;
        async move {
            for round in 0..10 {
                let mut transaction = store.begin_for(tenant, Mode::Write).await?;
                for place in 0..2 {
                    let kind = kinds[(tenant as usize + place) % 2];
                    let document = Document {
                        kind,
                        tenant,
                        key: Some(format!("{round}")),
                        ..setting("")
                    };
                    transaction.put_document(&document).await?;
                    transaction.reserve(Sequence::Entity, 1).await?;
                }
                transaction.commit().await?;
            }
            Ok::<(), syncline_core::Error>(())
        }
    });
    futures::future::try_join_all(work).await?;
    let next = store.begin(Mode::Write).await?.reserve(Sequence::Entity, 1).await?;
    assert_eq!(next, 121);
    Ok(())
}

/// One of everything that a tenant has.
async fn belongings(store: &PostgresStore, tenant: u32) -> Result<()> {
    let mut transaction = store.begin_for(tenant, Mode::Write).await?;
    let kept = Document {
        tenant,
        ..setting("mine")
    };
    transaction.put_document(&kept).await?;
    transaction.put_document(&setting("everybody's")).await?;
    transaction.put_hints(&[hint(7)]).await?;
    transaction.put_alias(1, "old", "new").await?;
    let key = Key {
        space: 1,
        hash: 2,
        entity: 3,
    };
    transaction.put_keys(&[key]).await?;
    transaction.commit().await
}

async fn a_tenants_transaction_sees_nothing_of_another_tenant(schema: &Schema) -> Result<()> {
    let store = schema.open().await?;
    belongings(&store, 1).await?;
    for (reader, sees) in [(1, true), (2, false), (0, true)] {
        let mut on = store.begin_for(reader, Mode::Read).await?;
        assert_eq!(on.document(DocumentKind::Setting, 1).await?.is_some(), sees, "{reader}");
        assert!(on.document(DocumentKind::Setting, 2).await?.is_some(), "{reader}");
        assert_eq!(!on.hints(1, 10).await?.is_empty(), sees, "{reader}");
        assert_eq!(on.resolve_alias(1, "old").await? == "new", sees, "{reader}");
        assert_eq!(!on.find_keys(1, &[2]).await?.is_empty(), sees, "{reader}");
    }
    Ok(())
}

async fn a_tenants_transaction_writes_nothing_of_another_tenant(schema: &Schema) -> Result<()> {
    let store = schema.open().await?;
    belongings(&store, 1).await?;
    let mut on = store.begin_for(2, Mode::Write).await?;
    on.delete_document(DocumentKind::Setting, 1).await?;
    on.clear_hints(1, &["7"], 100).await?;
    on.clear_space(1).await?;
    on.commit().await?;
    let theirs = Document {
        tenant: 1,
        ..setting("theirs")
    };
    assert!(
        store
            .begin_for(2, Mode::Write)
            .await?
            .put_document(&theirs)
            .await
            .is_err()
    );
    assert!(
        store
            .begin_for(2, Mode::Write)
            .await?
            .put_hints(&[hint(7)])
            .await
            .is_err()
    );
    let mut on = store.begin_for(1, Mode::Read).await?;
    assert!(on.document(DocumentKind::Setting, 1).await?.is_some());
    assert_eq!(on.hints(1, 10).await?, [hint(7)]);
    assert_eq!(on.find_keys(1, &[2]).await?.len(), 1);
    Ok(())
}

async fn a_writer_that_stands_still_does_not_keep_the_others_waiting_for_ever(schema: &Schema) -> Result<()> {
    let store = schema.open().await?;
    let mut still = store.begin_for(1, Mode::Write).await?;
    let session: i32 = sqlx::query_scalar(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' \
         AND classid = to_regclass($1 || '.document')",
    )
    .bind(schema.name())
    .fetch_one(&mut raw(schema).await)
    .await
    .unwrap();
    // What the server does when that time is over.
    sqlx::query("SELECT pg_terminate_backend($1)")
        .bind(session)
        .execute(&mut raw(schema).await)
        .await
        .unwrap();
    let other = schema.open().await?;
    other.begin_for(1, Mode::Write).await?.commit().await?;
    let error = still.reserve(Sequence::Mark, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    assert!(
        error.to_string().contains("nothing of this transaction was kept"),
        "{error}"
    );
    Ok(())
}

async fn connections_that_the_server_ended_are_made_anew(schema: &Schema) -> Result<()> {
    let store = schema.open().await?;
    let opened: Vec<_> =
        futures::future::try_join_all((1..5).map(|tenant| store.begin_for(tenant, Mode::Write))).await?;
    drop(opened);
    store.begin(Mode::Write).await?.commit().await?;
    // As a server that is started anew, but only the sessions of this test: they have the schema in their settings.
    let ended: i64 =
        sqlx::query_scalar("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1")
            .bind(format!("syncline {}", schema.name()))
            .fetch_one(&mut raw(schema).await)
            .await
            .unwrap();
    assert!(ended >= 4, "{ended}");
    while sessions(schema).await > 0 {
        tokio::task::yield_now().await;
    }
    store.begin(Mode::Write).await?.commit().await
}

/// The store's sessions.
async fn sessions(schema: &Schema) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE application_name = $1")
        .bind(format!("syncline {}", schema.name()))
        .fetch_one(&mut raw(schema).await)
        .await
        .unwrap()
}

async fn a_note_counts_for_nothing_in_another_place(schema: &Schema) -> Result<()> {
    let store = schema.open().await?;
    let generation = Generation {
        store: Uuid::from_u128(7),
        number: 3,
    };
    store.note_generation(generation).await?;
    assert_eq!(store.noted_generation().await?, Noted::Generation(generation));
    // As a dump does that is loaded into a schema of the same name: the rows are the same, the tables are not.
    let mut connection = raw(schema).await;
    let path = format!("SET search_path = {}", schema.name());
    execute(&mut connection, &path).await;
    let copy =
        "CREATE TABLE copy (LIKE document INCLUDING ALL); DROP TABLE document; ALTER TABLE copy RENAME TO document";
    execute(&mut connection, copy).await;
    assert_eq!(store.noted_generation().await?, Noted::Nothing);
    Ok(())
}

async fn looking_records_up_uses_the_indexes(schema: &Schema) -> Result<()> {
    let store = schema.open().await?;
    let mut connection = raw(schema).await;
    execute(&mut connection, &format!("SET search_path = {}", schema.name())).await;
    // As after a backfill of which the statistics have not heard.
    execute(
        &mut connection,
        "SET syncline.tenant = '1'; \
         INSERT INTO side (entity, slot, side, presence, flags, obs_seq, write_seq, dirty_seq, mapping_version, base_rev, \
         hash, ext, obs) SELECT n, 0, 1, 1, 0, 0, 0, 0, 1, 1, decode(repeat('00', 16), 'hex'), 'ext ' || n, '' FROM generate_series(1, 100000) AS n",
    )
    .await;
    let mut transaction = store.begin_for(1, Mode::Write).await?;
    let exts: Vec<String> = (1..=2_000).map(|number| format!("ext {}", number * 31)).collect();
    let exts: Vec<&str> = exts.iter().map(String::as_str).collect();
    let before = scans(&mut connection).await;
    assert!(transaction.heads(1, &exts).await?.iter().all(Option::is_some));
    transaction
        .flag_sides(
            &(1..=2_000).collect::<Vec<_>>(),
            syncline_core::state::SideFlags::PUSH,
            0,
        )
        .await?;
    assert_eq!(
        transaction
            .flagged(1, syncline_core::state::SideFlags::PUSH, 0, 5_000)
            .await?
            .len(),
        2_000
    );
    transaction.commit().await?;
    store.close().await;
    // They say what they have read when they end.
    while sessions(schema).await > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(scans(&mut connection).await, before, "the whole table was read");
    Ok(())
}

/// How often the whole of the table was read.
async fn scans(connection: &mut PgConnection) -> i64 {
    execute(connection, "SELECT pg_stat_clear_snapshot()").await;
    sqlx::query_scalar(
        "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'side' AND schemaname = current_schema()",
    )
    .fetch_one(connection)
    .await
    .unwrap()
}

async fn a_call_wakes_other_processes_and_not_oneself(schema: &Schema) -> Result<()> {
    let (one, other) = (schema.open().await?, schema.open().await?);
    let listening = other.clone();
    let mut woken = tokio::spawn(async move { listening.dispatcher().unwrap().woken().await });
    let mut watch = raw(schema).await;
    let count = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND application_name = $1";
    let name = format!("syncline {}", schema.name());
    while sqlx::query_scalar::<_, i64>(count)
        .bind(&name)
        .fetch_one(&mut watch)
        .await
        .unwrap()
        == 0
    {
        tokio::task::yield_now().await;
    }
    let now = jiff::Timestamp::UNIX_EPOCH;
    other.dispatcher().unwrap().wake(Some(1), now).await;
    other.dispatcher().unwrap().wake(None, now).await;
    tokio::task::yield_now().await;
    assert!(futures::poll!(&mut woken).is_pending());
    one.dispatcher().unwrap().wake(Some(1), now).await;
    woken.await.unwrap();
    Ok(())
}
