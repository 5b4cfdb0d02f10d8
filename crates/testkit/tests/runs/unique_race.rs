//! Writers racing on one unique value, through engines of their own, on every store.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use syncline_core::ErrorKind;
use syncline_core::model::{Field, FieldType};
use syncline_core::store::Store;
use syncline_engine::Engine;
use syncline_engine::actor::Actor;
use syncline_engine::entity::{EntityRead, EntitySelection};
use syncline_engine::ports::SeededRandom;
use syncline_engine::vault::{InMemoryKeyProvider, SecretKey};
use syncline_storage::{MemoryStore, SqliteStore};
use syncline_testkit::postgres::Schema;

fn engine(store: Arc<dyn Store>) -> Engine {
    let keys = InMemoryKeyProvider::new(SecretKey::generate(&SeededRandom::new(1)));
    Engine::builder(store, Arc::new(keys)).build().unwrap()
}

fn person(json: Json) -> Map<String, Json> {
    json.as_object().cloned().unwrap()
}

/// Each store stands for a process; they share what is durable.
async fn race(stores: [Arc<dyn Store>; 2]) {
    let engines = stores.map(engine);
    let actor = Actor::admin("ada");
    let tenant = engines[0].tenant("Acme", &actor).await.unwrap().id;
    let mut fields = [
        Field::new("name", FieldType::Text),
        Field::new("email", FieldType::Email),
    ];
    fields[1].unique = true;
    engines[0]
        .save_blueprint(tenant, "person", &fields, &[], &actor)
        .await
        .unwrap();
    let mut others = Vec::new();
    for n in 0..4 {
        let other = person(json!({ "name": format!("n{n}"), "email": format!("n{n}@x.org") }));
        others.push(
            engines[0]
                .entities()
                .create(tenant, "person", other, &actor)
                .await
                .unwrap()
                .uid,
        );
    }
    // Four make a record with the address, and four give it to one of theirs.
    let mut tasks = Vec::new();
    for n in 0..8 {
        let (engine, actor, other) = (engines[n % 2].clone(), actor.clone(), others[n % 4]);
        tasks.push(tokio::spawn(async move {
            let taken = person(json!({ "email": "Ada@x.org" }));
            if n < 4 {
                engine
                    .entities()
                    .create(tenant, "person", taken, &actor)
                    .await
                    .map(|_| ())
            } else {
                let edited = engine
                    .entities()
                    .update(tenant, other, taken, EntityRead::Blind, &actor)
                    .await;
                edited.map(|_| ())
            }
        }));
    }
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => won += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Exists, "{error}");
                assert!(error.to_string().contains("`email` is unique"), "{error}");
            }
        }
    }
    assert_eq!(won, 1);
    let holders = EntitySelection {
        filter: Some("email == 'Ada@x.org'".to_owned()),
        ..EntitySelection::default()
    };
    let count = engines[1]
        .entities()
        .count_selected(tenant, "person", &holders, &actor)
        .await;
    assert_eq!(count.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_writers_racing_on_one_unique_value_one_wins_in_memory() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    race([Arc::clone(&store), store]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_writers_racing_on_one_unique_value_one_wins_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&folder.path().join("race.db")).await.unwrap());
    race([Arc::clone(&store), store]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_writers_racing_on_one_unique_value_one_wins_on_postgres_across_processes() {
    if Schema::is_skipped() {
        return;
    }
    let schema = Schema::new().await.unwrap();
    let (one, two) = (schema.open().await.unwrap(), schema.open().await.unwrap());
    race([Arc::new(one), Arc::new(two)]).await;
    schema.remove().await.unwrap();
}
