use serde_json::json;
use syncline_core::ErrorKind;
use syncline_core::model::Field;
use uuid::Uuid;

use super::stage::{Stage, values};
use crate::entity::{EntityRead, EntityView};

/// Tasks refer to people by each rule, and steps to tasks.
async fn stage() -> Stage {
    let stage = Stage::new().await;
    let fields = |json| serde_json::from_value::<Vec<Field>>(json).unwrap();
    let tasks = fields(json!([
        {"name": "what", "type": "text"},
        {"name": "owner", "type": "reference", "blueprint": "person", "on_delete": "cascade"},
        {"name": "helper", "type": "reference", "blueprint": "person", "on_delete": "clear"},
        {"name": "judge", "type": "reference", "blueprint": "person", "on_delete": "restrict"},
        {"name": "seen_by", "type": "reference", "blueprint": "person"},
    ]));
    let steps = fields(json!([
        {"name": "task", "type": "reference", "blueprint": "task", "on_delete": "cascade"},
        {"name": "doer", "type": "reference", "blueprint": "person", "on_delete": "restrict"},
    ]));
    for (name, fields) in [("task", tasks), ("step", steps)] {
        stage
            .engine
            .save_blueprint(stage.tenant, name, &fields, &[], &stage.ada)
            .await
            .unwrap();
    }
    stage
}

async fn make(stage: &Stage, blueprint: &str, json: serde_json::Value) -> EntityView {
    let entities = stage.engine.entities();
    entities
        .create(stage.tenant, blueprint, values(json), &stage.ada)
        .await
        .unwrap()
}

async fn get(stage: &Stage, uid: Uuid) -> EntityView {
    stage
        .engine
        .entities()
        .get(stage.tenant, uid, &stage.ada)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_delete_is_refused_by_name_or_takes_with_it_what_refers_to_it() {
    let stage = stage().await;
    let entities = stage.engine.entities();
    let (ada, bob) = (
        stage.create(json!({"name": "Ada"})).await,
        stage.create(json!({"name": "Bob"})).await,
    );
    let owned = make(
        &stage,
        "task",
        json!({"what": "own", "owner": ada.uid, "judge": bob.uid}),
    )
    .await;
    let helped = make(
        &stage,
        "task",
        json!({"what": "help", "owner": bob.uid, "helper": ada.uid, "seen_by": ada.uid}),
    )
    .await;
    let judged = make(&stage, "task", json!({"what": "judge", "judge": ada.uid})).await;
    // It would refuse, but goes with the task.
    let step = make(&stage, "step", json!({"task": owned.uid, "doer": ada.uid})).await;
    let refused = entities.delete(stage.tenant, ada.uid, &stage.ada).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    let text = refused.to_string();
    assert!(
        text.contains(&format!("task {} by `judge`", judged.uid)) && !text.contains(&step.uid.to_string()),
        "{text}"
    );
    assert!(!get(&stage, owned.uid).await.deleted, "nothing of it was done");

    let patch = values(json!({"judge": null}));
    entities
        .update(stage.tenant, judged.uid, patch, EntityRead::Blind, &stage.ada)
        .await
        .unwrap();
    assert!(
        entities
            .delete(stage.tenant, ada.uid, &stage.ada)
            .await
            .unwrap()
            .deleted
    );
    assert!(get(&stage, owned.uid).await.deleted && get(&stage, step.uid).await.deleted);
    let helped = get(&stage, helped.uid).await;
    assert_eq!((helped.deleted, &helped.values["helper"]), (false, &json!(null)));
    assert_eq!(
        helped.values["seen_by"],
        json!(ada.uid),
        "kept, so that restoring her mends it"
    );
    let gone = entities.delete(stage.tenant, bob.uid, &stage.ada).await.unwrap();
    assert!(gone.deleted);
}

#[tokio::test]
async fn rules_are_for_references_and_what_is_required_is_not_cleared() {
    let stage = Stage::new().await;
    let fields: Vec<Field> = serde_json::from_value(json!([
        {"name": "a", "type": "text", "on_delete": "clear"},
        {"name": "b", "type": "reference", "blueprint": "person", "required": true, "on_delete": "clear"},
    ]))
    .unwrap();
    let refused = stage
        .engine
        .save_blueprint(stage.tenant, "odd", &fields, &[], &stage.ada)
        .await
        .unwrap_err();
    let text = refused.to_string();
    assert!(
        text.contains("a: only a reference") && text.contains("b: it is required"),
        "{text}"
    );
}
