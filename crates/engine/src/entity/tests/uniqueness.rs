use serde_json::json;
use syncline_core::ErrorKind;
use syncline_core::mapping::Strategy;

use super::stage::{Stage, values};
use crate::entity::EntityRead;

#[tokio::test]
async fn of_concurrent_creates_with_one_unique_value_exactly_one_succeeds() {
    let stage = Stage::new().await;
    let mut tasks = Vec::new();
    for number in 0..8 {
        let (engine, tenant, ada) = (stage.engine.clone(), stage.tenant, stage.ada.clone());
        tasks.push(tokio::spawn(async move {
            let made = values(json!({ "name": format!("Ada {number}"), "email": "ada@x.org" }));
            engine.entities().create(tenant, "person", made, &ada).await
        }));
    }
    let mut made = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Exists);
                assert!(error.to_string().contains("`email`"), "{error}");
            }
        }
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn a_unique_value_is_free_again_after_a_change_or_a_delete() {
    let stage = Stage::new().await;
    let entities = stage.engine.entities();
    let ada = values(json!({ "name": "Ada", "email": "Ada@x.org" }));
    let first = entities
        .create(stage.tenant, "person", ada.clone(), &stage.ada)
        .await
        .unwrap();
    let taken = entities.create(
        stage.tenant,
        "person",
        values(json!({ "name": "B", "email": "ada@X.org" })),
        &stage.ada,
    );
    assert_eq!(taken.await.unwrap_err().kind(), ErrorKind::Exists);
    let patch = values(json!({ "email": "ada@y.org" }));
    entities
        .update(stage.tenant, first.uid, patch, EntityRead::Blind, &stage.ada)
        .await
        .unwrap();
    let second = entities
        .create(stage.tenant, "person", ada.clone(), &stage.ada)
        .await
        .unwrap();
    entities.delete(stage.tenant, second.uid, &stage.ada).await.unwrap();
    entities.create(stage.tenant, "person", ada, &stage.ada).await.unwrap();
    let back = entities
        .undelete(stage.tenant, second.uid, &stage.ada)
        .await
        .unwrap_err();
    assert_eq!(back.kind(), ErrorKind::Exists);
}

#[tokio::test]
async fn a_record_may_keep_its_own_unique_value() {
    let stage = Stage::new().await;
    let entities = stage.engine.entities();
    let made = values(json!({ "name": "Ada", "email": "ada@x.org" }));
    let view = entities.create(stage.tenant, "person", made, &stage.ada).await.unwrap();
    let patch = values(json!({ "name": "Ada L.", "email": "ADA@x.org" }));
    let edited = entities
        .update(stage.tenant, view.uid, patch, EntityRead::Rev(view.rev), &stage.ada)
        .await
        .unwrap();
    assert_eq!(edited.changed, ["name", "email"]);
}

#[tokio::test]
async fn values_that_came_by_pull_are_taken_too() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    // One before the index of the field exists, one after.
    stage
        .pull(&sync, "003A", &[("Name", "Ada"), ("Email", "ada@x.org")])
        .await;
    let entities = stage.engine.entities();
    let ada = values(json!({ "name": "A", "email": "ada@x.org" }));
    assert_eq!(
        entities
            .create(stage.tenant, "person", ada, &stage.ada)
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::Exists
    );
    entities
        .create(stage.tenant, "person", values(json!({ "name": "C" })), &stage.ada)
        .await
        .unwrap();
    stage
        .pull(&sync, "003B", &[("Name", "Bo"), ("Email", "bo@x.org")])
        .await;
    let bo = values(json!({ "name": "B", "email": "bo@x.org" }));
    assert_eq!(
        entities
            .create(stage.tenant, "person", bo, &stage.ada)
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::Exists
    );
}
