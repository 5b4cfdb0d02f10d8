//! Tests that every statement finds its rows by an index: the planner knows no sizes and guesses wrong where it may.

use sqlx::{AssertSqlSafe, Row};

use super::{SqliteStore, audit, document, entity, inbox, index, key, operation, side, sighting};

/// How SQLite would run a statement, one step a line.
async fn plan(store: &SqliteStore, statement: &str) -> Vec<String> {
    let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")))
        .fetch_all(&store.writer)
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
    rows.iter().map(|row| row.get::<String, _>("detail")).collect()
}

#[tokio::test]
async fn no_statement_scans_a_table() {
    let store = SqliteStore::in_memory().await.unwrap();
    let touch = side::TOUCH.text(64);
    let (delete_keys, delete_index) = (key::DELETE.text(8), index::DELETE.text(8));
    let statements = [
        side::HEADS,
        side::OF_ENTITIES,
        side::ANY,
        side::FLAG,
        side::FLAGGED,
        side::DELETE,
        side::FREE,
        side::TAKEN,
        side::LIVE_SIDES,
        side::COUNTS,
        side::ALIAS,
        side::REPOINT,
        side::DELETE_ALIAS,
        sighting::ANY_BETWEEN,
        sighting::COMPARE,
        &touch,
        entity::LOAD,
        entity::FIND_UIDS,
        entity::FIND,
        entity::FIND_AFTER,
        entity::COUNT,
        entity::WITHOUT_SIDE,
        entity::DELETE,
        key::FIND,
        key::CLEAR,
        &delete_keys,
        index::ASCENDING,
        index::ASCENDING_UNTIL,
        index::DESCENDING,
        index::DESCENDING_UNTIL,
        index::CLEAR,
        &delete_index,
        operation::OF_SIDE,
        operation::OF_RUN,
        inbox::FIND,
        inbox::CLEAR,
        audit::HEAD,
        audit::FIND,
        audit::FIND_RUN,
        document::GET,
        document::VERSION,
        document::DELETE,
    ];
    for statement in statements {
        let steps = plan(&store, statement).await;
        for step in &steps {
            let given = [
                "SCAN json_each",
                "SCAN wanted",
                "SCAN touched",
                "SCAN (",
                "SCAN CONSTANT ROW",
                "SCAN 64",
                "SCAN 8-ROW",
            ];
            assert!(
                !step.starts_with("SCAN") || given.iter().any(|given| step.starts_with(given)),
                "{statement}\n{steps:#?}"
            );
            assert!(!step.contains("AUTOMATIC"), "{statement}\n{steps:#?}");
        }
    }
}

#[tokio::test]
async fn counts_read_indexes_alone() {
    let store = SqliteStore::in_memory().await.unwrap();
    let covered = |steps: &[String], index: &str| {
        let covering = format!("COVERING INDEX {index} ");
        steps.iter().filter(|step| step.contains(&covering)).count()
    };
    let steps = plan(&store, side::COUNTS).await;
    assert_eq!(covered(&steps, "side_ext"), 1, "{steps:#?}");
    assert_eq!(covered(&steps, "side_gone"), 1, "{steps:#?}");
    assert_eq!(covered(&steps, "side_flagged"), 2, "{steps:#?}");
    let steps = plan(&store, entity::COUNT).await;
    assert_eq!(covered(&steps, "entity_listing"), 1, "{steps:#?}");
}

#[tokio::test]
async fn records_of_an_entity_are_found_by_number() {
    let store = SqliteStore::in_memory().await.unwrap();
    for statement in [
        side::OF_ENTITIES,
        side::FLAG,
        entity::WITHOUT_SIDE,
        side::LIVE_SIDES,
        &side::TOUCH.text(8),
    ] {
        let steps = plan(&store, statement).await;
        assert!(
            steps
                .iter()
                .any(|step| step.contains("SEARCH side USING INTEGER PRIMARY KEY")),
            "{statement}\n{steps:#?}"
        );
    }
}
