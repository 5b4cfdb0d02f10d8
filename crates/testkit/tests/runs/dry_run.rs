use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use sqlx::{Column, Row};
use syncline_core::mapping::Strategy;
use syncline_engine::Engine;
use syncline_engine::run::{PlannedChange, Run, RunParameters, RunStatus};
use syncline_engine::settings::Settings;
use syncline_engine::vault::{InMemoryKeyProvider, SecretKey};
use syncline_simulators::{Fault, Options};
use syncline_storage::{MemoryStore, SqliteStore};
use tempfile::TempDir;

use crate::gate::Gate;
use crate::play::{HUBSPOT, Play, SALESFORCE};

fn dry() -> RunParameters {
    RunParameters {
        dry_run: true,
        ..RunParameters::default()
    }
}

async fn on_disk() -> (Play, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("test.db")).await.unwrap();
    let options = Options {
        records: 0,
        ..Options::default()
    };
    (Play::over(Arc::new(store), options, |_, _| {}).await, folder)
}

/// Everything in the database, table by table and row by row, but for what a dry run leaves on purpose: the run itself
/// with its events, the connection's times, the lease, and tokens that had to be refreshed.
async fn content(folder: &TempDir) -> BTreeMap<String, BTreeSet<Vec<String>>> {
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("test.db"))
        .read_only(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
        .fetch_all(&pool)
        .await
        .unwrap();
    let mut content = BTreeMap::new();
    for table in tables {
        let rest = match table.as_str() {
            // Connection, credential, run, lease, how far the store has come, event.
            "document" => " WHERE kind NOT IN (3, 4, 6, 10, 13, 14)",
            "document_number" => " WHERE kind NOT IN (6, 10, 13, 14)",
            _ => "",
        };
        let empty = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT * FROM {table} LIMIT 1")))
            .fetch_optional(&pool)
            .await
            .unwrap();
        let Some(first) = empty else { continue };
        let columns: Vec<String> = first
            .columns()
            .iter()
            .map(|column| format!("quote({})", column.name()))
            .collect();
        let query = format!("SELECT {} FROM {table}{rest}", columns.join(", "));
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(&pool).await.unwrap();
        let rows = rows
            .iter()
            .map(|row| (0..columns.len()).map(|place| row.get::<String, _>(place)).collect())
            .collect();
        content.insert(table, rows);
    }
    pool.close().await;
    content
}

/// A history with something of everything to plan: new on each side, edited on each side, deleted, in conflict.
async fn busy(play: &Play) {
    for number in 0..4 {
        play.create(
            SALESFORCE,
            &format!("p{number}@x.org"),
            &[("city", "Bern"), ("title", "Captain")],
        );
    }
    play.settle().await;
    play.later().await;
    let ext = |person| play.ext(&person, SALESFORCE);
    play.edit(SALESFORCE, &ext(play.person("p0@x.org").await), "title", "Admiral");
    let hubspot = play.ext(&play.person("p1@x.org").await, HUBSPOT);
    play.edit(HUBSPOT, &hubspot, "city", "Genf");
    play.app_edit("p2@x.org", "city", "Basel").await;
    let both = play.person("p3@x.org").await;
    play.edit(SALESFORCE, &ext(both), "title", "Major");
    play.later().await;
    play.app_edit("p3@x.org", "title", "General").await;
    play.app_create("new@x.org", &[("title", "Ensign")]).await;
    play.create(SALESFORCE, "fresh@x.org", &[("city", "Chur")]);
}

#[tokio::test]
async fn a_dry_run_leaves_every_byte_as_it_was_and_sends_nothing_that_writes() {
    let (play, folder) = on_disk().await;
    busy(&play).await;
    for provider in [SALESFORCE, HUBSPOT] {
        for full in [false, true] {
            let (before, writes) = (content(&folder).await, play.writes());
            let run = play
                .stage
                .sync(provider, RunParameters { full, ..dry() })
                .await
                .unwrap();
            assert_eq!(run.status, RunStatus::Completed, "{:?} {:?}", run.error, run.ledgers);
            assert!(run.planned > 0, "{:?}", run.ledgers);
            assert!(run.balances(), "{:?}", run.ledgers);
            assert_eq!(play.writes(), writes);
            let after = content(&folder).await;
            for (table, rows) in &before {
                let changed: Vec<_> = rows.symmetric_difference(&after[table]).collect();
                assert!(changed.is_empty(), "{provider}, full {full}: {table} {changed:#?}");
            }
        }
    }
}

fn app_changes(run: &Run) -> BTreeSet<(String, String)> {
    let of_app = run.plan.iter().filter(|change| change.target == "app");
    of_app
        .map(|change| (change.field.clone(), change.after.to_string()))
        .collect()
}

#[tokio::test]
async fn the_plan_names_every_field_that_the_real_run_then_changes() {
    let play = Play::mapped(|_, sync| sync.mapping.strategy = Strategy::LastWriteWins).await;
    busy(&play).await;
    let before = play.people().await;
    let plan = play.stage.sync(SALESFORCE, dry()).await.unwrap();
    let real = play.run(SALESFORCE).await;
    assert_eq!(plan.ledgers, real.ledgers, "both count alike");
    let tells = |run: &Run, doing: &str| run.timeline.iter().any(|moment| moment.what.starts_with(doing));
    assert!(
        tells(&plan, "planning writes to") && !tells(&plan, "writing"),
        "{:?}",
        plan.timeline
    );
    assert!(
        tells(&real, "writing") && !tells(&real, "planning"),
        "{:?}",
        real.timeline
    );

    // What was to change in the app did, and nothing else.
    let mut changed = BTreeSet::new();
    let blueprint = play
        .stage
        .engine
        .blueprint(play.stage.tenant, "person", &play.stage.actor)
        .await
        .unwrap();
    for now in play.people().await {
        let then = before.iter().find(|then| then.entity.uid == now.entity.uid);
        for (place, field) in blueprint.fields.iter().enumerate() {
            let value = now.entity.value(place);
            let was_empty = then.is_none() && value.is_empty();
            if !was_empty && then.is_none_or(|then| then.entity.value(place) != value) {
                changed.insert((field.name.clone(), value.to_json().to_string()));
            }
        }
    }
    assert_eq!(app_changes(&plan), changed);

    // What was to be written to the CRM is what it holds now.
    let written: Vec<&PlannedChange> = plan.plan.iter().filter(|change| change.target != "app").collect();
    assert!(written.iter().any(|change| change.action == "create"));
    assert!(written.iter().any(|change| change.action == "update"));
    for change in written {
        let held = match change.action.as_str() {
            "update" => play.stage.salesforce.record("Contact", &change.record).unwrap(),
            _ => {
                let person = play.person("new@x.org").await;
                assert_eq!(change.record, person.entity.uid.to_string());
                let ext = play.ext(&person, SALESFORCE);
                play.stage.salesforce.record("Contact", &ext).unwrap()
            }
        };
        assert_eq!(held.fields.get(&change.field), Some(&change.after), "{change:?}");
    }
}

#[tokio::test]
async fn a_delete_that_would_be_written_is_in_the_plan() {
    let play = Play::mapped(|_, sync| {
        sync.mapping.on_app_delete = syncline_core::mapping::DeletePolicy::Delete;
    })
    .await;
    play.create(SALESFORCE, "a@x.org", &[]);
    play.settle().await;
    let ext = play.ext(&play.person("a@x.org").await, SALESFORCE);
    play.app_delete("a@x.org").await;
    let run = play.stage.sync(SALESFORCE, dry()).await.unwrap();
    let deletes: Vec<&PlannedChange> = run.plan.iter().filter(|change| change.action == "delete").collect();
    assert_eq!(deletes.len(), 1, "{:?}", run.plan);
    assert_eq!(deletes[0].record, ext);
}

#[tokio::test]
async fn an_edit_of_the_app_during_a_dry_run_proceeds_at_once() {
    for on_file in [false, true] {
        let (mut play, _folder) = if on_file {
            let (play, folder) = on_disk().await;
            (play, Some(folder))
        } else {
            (Play::empty().await, None)
        };
        busy(&play).await;
        let gate = Gate::before(&play.stage);
        play.stage.engine = gated(&play, gate.clone());
        gate.hold("/query");
        let edit = async {
            gate.arrived().await;
            let edit = play.app_edit("p1@x.org", "title", "Marshal");
            tokio::time::timeout(Duration::from_secs(2), edit).await.unwrap();
            gate.release();
        };
        let (run, ()) = tokio::join!(play.stage.sync(SALESFORCE, dry()), edit);
        assert_eq!(run.unwrap().status, RunStatus::Completed);
        assert_eq!(play.app("p1@x.org", "title").await, "Marshal");
    }
}

fn gated(play: &Play, gate: Arc<Gate>) -> Engine {
    syncline_testkit::stage::Stage::engine_over(play.stage.store.clone(), gate, &play.stage.clock).unwrap()
}

#[tokio::test]
async fn a_token_refused_in_the_middle_is_refreshed_and_the_plan_goes_on() {
    for on_file in [false, true] {
        let (play, _folder) = if on_file {
            let (play, folder) = on_disk().await;
            (play, Some(folder))
        } else {
            (Play::empty().await, None)
        };
        busy(&play).await;
        for provider in [SALESFORCE, HUBSPOT] {
            let faults = if provider == SALESFORCE {
                play.stage.salesforce.faults()
            } else {
                play.stage.hubspot.faults()
            };
            let refused = |count: &BTreeMap<Fault, u64>| count.get(&Fault::Unauthorized).copied().unwrap_or(0);
            let before = refused(&faults.injected());
            faults.script(Fault::Unauthorized, 1);
            let run = tokio::time::timeout(Duration::from_secs(20), play.stage.sync(provider, dry()))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(run.status, RunStatus::Completed, "{:?}", run.error);
            assert_eq!(refused(&faults.injected()), before + 1, "it struck");
            assert!(run.planned > 0);
        }
    }
}

#[tokio::test]
async fn a_dry_run_that_would_plan_too_much_ends_with_what_it_has() {
    let play = Play::empty().await;
    for number in 0..8 {
        play.create(SALESFORCE, &format!("p{number}@x.org"), &[]);
    }
    let mut play = play;
    let settings = Settings {
        dry_run_records: 3,
        page_rows: 2,
        ..Settings::default()
    };
    let keys = Arc::new(InMemoryKeyProvider::new(SecretKey::new([7; 32])));
    play.stage.engine = Engine::builder(play.stage.store.clone(), keys)
        .connector(syncline_connector_salesforce::Salesforce::new())
        .connector(syncline_connector_hubspot::HubSpot::new())
        .settings(settings)
        .allow_loopback(true)
        .transport(Gate::before(&play.stage))
        .build()
        .unwrap();
    let parameters = RunParameters {
        batch_size: Some(2),
        ..dry()
    };
    let run = play.stage.sync(SALESFORCE, parameters).await.unwrap();
    assert_eq!(run.status, RunStatus::Stopped);
    assert!(run.error.unwrap().contains("fewer records"));
    assert!(run.planned > 0);
    let some = RunParameters {
        max_records: Some(1),
        ..dry()
    };
    let run = play.stage.sync(SALESFORCE, some).await.unwrap();
    assert_eq!(run.status, RunStatus::Completed, "{:?}", run.error);
}

#[tokio::test]
async fn a_dry_first_import_matches_people_as_the_real_one_does() {
    let options = Options {
        records: 12,
        overlap: 0.5,
        ..Options::default()
    };
    let play = Play::over(Arc::new(MemoryStore::new()), options, |_, _| {}).await;
    play.run(SALESFORCE).await;
    let plan = play.stage.sync(HUBSPOT, dry()).await.unwrap();
    let real = play.run(HUBSPOT).await;
    let pulls = |run: &Run| run.total("pull");
    assert_eq!(pulls(&plan), pulls(&real));
    assert!(
        pulls(&real).updated > 0 && pulls(&real).created > 0,
        "some were matched and some new"
    );
}
