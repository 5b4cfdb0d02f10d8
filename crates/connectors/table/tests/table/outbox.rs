//! The outbox: installing it, and what transactions that end late mean for it.

use syncline_connector_table::{TableSpec, Tables};
use syncline_core::ErrorKind;
use syncline_core::batch::RowState;
use syncline_core::job::Start;
use syncline_testkit::connector::{Remote, Scene};

use crate::database::{Kind, RUNTIME, TestDatabase, postgres, wait};
use crate::remote::{SimulatedTable, people};

fn spec() -> TableSpec {
    TableSpec::new("people").outbox()
}

#[test]
fn a_table_without_its_triggers_says_how_to_get_them_and_its_statements_can_be_a_migration() {
    let database = TestDatabase::new(&Kind::Sqlite);
    people(&database);
    let remote = SimulatedTable::fresh(Kind::Sqlite, spec(), 1);
    remote.database.execute("DROP TRIGGER syncline_insert_people");
    RUNTIME.block_on(async {
        let scene = Scene::new(&remote);
        let job = scene.pull_job(Start::Beginning, Vec::new());
        let error = scene.run(job, false, &mut |_| {}).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains("install_outbox"), "{error}");
    });
    let url = database.url.clone();
    let statements = wait(async move {
        Tables::open(&url)
            .await
            .unwrap()
            .table(spec())
            .outbox_statements()
            .await
    });
    for statement in statements.unwrap().iter().chain(&["SELECT 1".to_owned()]) {
        database.execute(statement);
    }
    database.execute("INSERT INTO people (name, updated_at) VALUES ('Ada', '2026-11-20')");
    assert_eq!(database.text("SELECT row_key FROM syncline_outbox"), "1");
}

#[test]
fn a_row_that_gets_another_key_is_gone_where_it_was() {
    let remote = SimulatedTable::fresh(Kind::Sqlite, spec(), 1);
    RUNTIME.block_on(async {
        let scene = Scene::new(&remote);
        let first = scene.pull(Start::Beginning).await;
        remote.database.execute("UPDATE people SET id = 7");
        let second = scene.pull(Start::Cursor(first.cursor)).await;
        let states: Vec<_> = second.rows.iter().map(|row| (row.id.as_str(), row.state)).collect();
        assert_eq!(states, [("7", RowState::Live), ("1", RowState::Deleted)]);
        assert!(scene.pull(Start::Cursor(second.cursor)).await.rows.is_empty());
    });
}

#[test]
fn a_transaction_of_postgres_that_ends_late_is_not_read_over() {
    use sqlx::{Connection, Executor, PgConnection};
    let Some(kind) = postgres() else { return };
    let remote = SimulatedTable::fresh(kind, spec(), 2);
    RUNTIME.block_on(async {
        let scene = Scene::new(&remote);
        let first = scene.pull(Start::Beginning).await;
        // It writes first and ends last.
        let mut slow = PgConnection::connect(&remote.database.url).await.unwrap();
        slow.execute("BEGIN; UPDATE people SET city = 'Slow' WHERE id = 1")
            .await
            .unwrap();
        remote.edit("2", &[("city", "Quick")]);
        remote.wait_for_outbox(false);
        let second = scene.pull(Start::Cursor(first.cursor)).await;
        slow.execute("COMMIT").await.unwrap();
        remote.wait_for_outbox(true);
        let third = scene.pull(Start::Cursor(second.cursor.clone())).await;
        let mut seen: Vec<_> = second
            .rows
            .iter()
            .chain(&third.rows)
            .map(|row| row.id.as_str())
            .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, ["1", "2"]);
        slow.close().await.unwrap();
    });
}
