use std::sync::Arc;

use serde_json::json;
use syncline_connector_salesforce::Salesforce;
use syncline_core::mapping::Strategy;
use syncline_core::state::SideFlags;

use super::versions::migration;
use crate::Engine;
use crate::blueprint::{MigrationStatus, MigrationTarget};
use crate::entity::EntityView;
use crate::entity::tests::stage::Stage;
use crate::ports::SeededRandom;
use crate::settings::Settings;
use crate::vault::{InMemoryKeyProvider, SecretKey};

/// Another process on the same store, with small pages.
fn other_process(stage: &Stage) -> Engine {
    let keys = InMemoryKeyProvider::new(SecretKey::generate(&SeededRandom::new(1)));
    let settings = Settings {
        page_rows: 2,
        ..Settings::default()
    };
    let engine = Engine::builder(stage.store.clone(), Arc::new(keys)).connector(Salesforce::new());
    engine.settings(settings).build().unwrap()
}

async fn get(stage: &Stage, entity: &EntityView) -> EntityView {
    stage
        .engine
        .entities()
        .get(stage.tenant, entity.uid, &stage.ada)
        .await
        .unwrap()
}

async fn people(stage: &Stage) -> Vec<EntityView> {
    let mut people = Vec::new();
    for number in 0..7 {
        people.push(
            stage
                .create(json!({"name": format!("P{number} Q"), "age": number, "city": "12"}))
                .await,
        );
    }
    people
}

#[tokio::test]
async fn a_migration_killed_half_way_goes_on_and_leaves_what_fails_in_place_with_its_reason() {
    let stage = Stage::new().await;
    let people = people(&stage).await;
    let odd = stage.create(json!({"name": "Odd", "city": "London"})).await;
    let rules = migration(json!([
        {"rule": "split", "field": "name", "into": [
            {"name": "first_name", "type": "text"}, {"name": "last_name", "type": "text"}]},
        {"rule": "retype", "field": "city", "to": {"type": "integer"}},
    ]));
    stage
        .engine
        .versions()
        .save(stage.tenant, "person", &rules, &stage.ada)
        .await
        .unwrap();

    let dry = stage.engine.migrations();
    let dry = dry
        .dry_run(stage.tenant, "person", &MigrationTarget::Current, &stage.ada)
        .await
        .unwrap();
    assert_eq!((dry.total, dry.changed, dry.failed, dry.writes), (8, 7, 1, 0));
    assert_eq!(
        (dry.reasons[0].fields.as_slice(), dry.reasons[0].examples.as_slice()),
        (&["city".to_owned()][..], &[odd.uid][..])
    );
    assert_eq!(dry.examples[0].before["name"], json!("P0 Q"));
    assert_eq!(dry.examples[0].after["first_name"], json!("P0"));
    assert_eq!(get(&stage, &people[0]).await.version, 1, "a dry run writes nothing");

    let first = other_process(&stage);
    let job = first.migrations();
    let job = job.open(stage.tenant, "person", &stage.ada).await.unwrap();
    super::super::migrate::step(&first.inner, job.id).await.unwrap();
    let half = super::super::migrate::step(&first.inner, job.id).await.unwrap();
    assert_eq!(
        (half.status, half.read, half.migrated),
        (MigrationStatus::Running, 4, 4)
    );
    drop(first);
    assert_eq!(
        get(&stage, &people[6]).await.values["name"],
        json!("P6 Q"),
        "read by its own version"
    );

    let second = other_process(&stage);
    let done = second
        .migrations()
        .run(stage.tenant, "person", &stage.ada)
        .await
        .unwrap();
    assert_eq!(done.id, job.id);
    assert_eq!(
        (done.status, done.read, done.migrated, done.failed),
        (MigrationStatus::Completed, 8, 7, 1)
    );
    let moved = get(&stage, &people[6]).await;
    assert_eq!(
        (moved.version, &moved.values["last_name"], &moved.values["city"]),
        (2, &json!("Q"), &json!(12))
    );
    let failed = second
        .migrations()
        .failures(stage.tenant, "person", &stage.ada)
        .await
        .unwrap();
    assert_eq!((failed.len(), failed[0].uid, failed[0].version), (1, odd.uid, 1));
    assert!(failed[0].failures[0].reason.contains("`London`"), "{failed:?}");
    assert_eq!(get(&stage, &odd).await.values["city"], json!("London"));

    // And back, to the bit, also for what failed: it never left.
    stage
        .engine
        .versions()
        .go_back(stage.tenant, "person", 1, &stage.ada)
        .await
        .unwrap();
    let back = second
        .migrations()
        .run(stage.tenant, "person", &stage.ada)
        .await
        .unwrap();
    assert_eq!((back.migrated, back.unchanged, back.failed), (7, 1, 0));
    for person in &people {
        let now = get(&stage, person).await;
        assert_eq!((now.version, &now.values), (1, &person.values));
    }
}

#[tokio::test]
async fn a_stopped_migration_goes_on_where_it_was() {
    let stage = Stage::new().await;
    people(&stage).await;
    let rules = migration(json!([{"rule": "set_default", "field": "phone", "value": "none"}]));
    stage
        .engine
        .versions()
        .save(stage.tenant, "person", &rules, &stage.ada)
        .await
        .unwrap();
    let engine = other_process(&stage);
    let migrations = engine.migrations();
    let job = migrations.open(stage.tenant, "person", &stage.ada).await.unwrap();
    super::super::migrate::step(&engine.inner, job.id).await.unwrap();
    migrations.stop(job.id, &stage.ada).await.unwrap();
    let stopped = super::super::migrate::drive(&engine.inner, job.id).await.unwrap();
    assert_eq!((stopped.status, stopped.read), (MigrationStatus::Stopped, 2));
    let done = migrations.run(stage.tenant, "person", &stage.ada).await.unwrap();
    assert_eq!((done.id, done.read, done.migrated), (job.id, 7, 7));
}

#[tokio::test]
async fn a_migration_writes_to_a_crm_only_what_is_another_value_there() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    let ada = stage
        .pull(&sync, "003A", &[("Name", "Ada"), ("City", "12"), ("Phone", "1")])
        .await;
    let ada = stage
        .engine
        .entities()
        .get(stage.tenant, ada, &stage.ada)
        .await
        .unwrap();
    let save = async |rules| {
        let rules = migration(rules);
        stage
            .engine
            .versions()
            .save(stage.tenant, "person", &rules, &stage.ada)
            .await
            .unwrap();
        stage
            .engine
            .migrations()
            .run(stage.tenant, "person", &stage.ada)
            .await
            .unwrap()
    };
    let flags = async || stage.stored(ada.uid).await.unwrap().sides[0].flags;
    save(json!([{"rule": "rename", "field": "name", "to": "title"}])).await;
    save(json!([{"rule": "retype", "field": "city", "to": {"type": "integer"}}])).await;
    assert_eq!(get(&stage, &ada).await.values["city"], json!(12));
    assert!(!flags().await.has(SideFlags::PUSH), "the CRM holds the same");
    let rev = get(&stage, &ada).await.rev;
    let stamp = stage.stored(ada.uid).await.unwrap().entity.stamp_up_to(4, u64::MAX);
    save(
        json!([{"rule": "retype", "field": "phone", "to": {"type": "choice", "choices": []}},
        {"rule": "map_choices", "field": "phone", "choices": [{"value": "one", "label": "One"}], "map": {"1": "one"}}]),
    )
    .await;
    assert!(flags().await.has(SideFlags::PUSH));
    let linked = stage.stored(ada.uid).await.unwrap();
    assert_eq!(linked.entity.rev, rev + 1);
    let person = stage
        .engine
        .blueprint(stage.tenant, "person", &stage.ada)
        .await
        .unwrap();
    let (decision, _) = linked.entity.decisions_on(&person, 4).last().unwrap();
    assert_eq!(decision.stamp.at, stamp, "it is no newer than the value it replaces");
}
