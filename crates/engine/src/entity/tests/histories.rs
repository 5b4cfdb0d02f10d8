use serde_json::json;
use syncline_core::ErrorKind;
use syncline_core::audit::AuditKind;
use syncline_core::mapping::Strategy;

use super::stage::{Stage, values};
use crate::actor::Actor;
use crate::entity::{EntityHistory, EntityRead};

async fn history(stage: &Stage, uid: uuid::Uuid) -> EntityHistory {
    let entities = stage.engine.entities();
    entities
        .history(stage.tenant, uid, None, 100, &stage.ada)
        .await
        .unwrap()
}

async fn set(stage: &Stage, uid: uuid::Uuid, patch: serde_json::Value, actor: &Actor) -> u64 {
    let entities = stage.engine.entities();
    let read = EntityRead::Rev(entities.get(stage.tenant, uid, actor).await.unwrap().rev);
    let edited = entities.update(stage.tenant, uid, values(patch), read, actor).await;
    edited.unwrap().entity.rev
}

#[tokio::test]
async fn a_history_tells_who_changed_what_and_from_which_side_newest_first() {
    let stage = Stage::new().await;
    let entities = stage.engine.entities();
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    let uid = stage.pull(&sync, "003A", &[("Name", "Ada"), ("City", "Graz")]).await;
    let other = values(json!({ "name": "Bo" }));
    let other = entities
        .create(stage.tenant, "person", other, &stage.ada)
        .await
        .unwrap()
        .uid;
    set(&stage, uid, json!({ "city": "Wien" }), &Actor::admin("eve")).await;
    set(&stage, other, json!({ "city": "Rom" }), &stage.ada).await;
    // What was before anybody asked, and what comes afterwards.
    assert_eq!(history(&stage, uid).await.entries.len(), 2);
    stage.pull(&sync, "003A", &[("Name", "Ada L."), ("City", "Graz")]).await;
    entities.delete(stage.tenant, uid, &stage.ada).await.unwrap();
    let found = history(&stage, uid).await;
    let told: Vec<_> = found
        .entries
        .iter()
        .map(|entry| (entry.kind, entry.sync.as_deref(), entry.note.as_str()))
        .collect();
    assert_eq!(told[0], (AuditKind::Deleted, None, "ada"));
    assert_eq!((told[1].0, told[1].1), (AuditKind::Decided, Some("contact")));
    assert_eq!(told[2], (AuditKind::Decided, None, "eve"));
    assert_eq!((told[3].0, told[3].1), (AuditKind::Created, Some("contact")));
    assert_eq!((told.len(), found.next, found.purged), (4, None, false));
    let change = &found.entries[2].changes[0];
    assert_eq!(
        (change.field.as_str(), &change.before, &change.after),
        ("city", &json!("Graz"), &json!("Wien"))
    );
    // Page by page it is the same.
    let (mut paged, mut before) = (Vec::new(), None);
    loop {
        let page = entities
            .history(stage.tenant, uid, before, 1, &stage.ada)
            .await
            .unwrap();
        paged.extend(page.entries);
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(paged, found.entries);
    let nobody = entities
        .history(stage.tenant, uuid::Uuid::nil(), None, 0, &stage.ada)
        .await;
    assert_eq!(nobody.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn an_earlier_state_comes_back_as_a_new_edit() {
    let stage = Stage::new().await;
    let entities = stage.engine.entities();
    let made = values(json!({ "name": "Ada", "city": "Graz", "age": 36 }));
    let made = entities.create(stage.tenant, "person", made, &stage.ada).await.unwrap();
    let first = set(&stage, made.uid, json!({ "city": "Wien" }), &stage.ada).await;
    set(
        &stage,
        made.uid,
        json!({ "city": null, "age": 37, "phone": "12345" }),
        &stage.ada,
    )
    .await;
    set(&stage, made.uid, json!({ "city": "Rom", "name": "Ada L." }), &stage.ada).await;
    let restored = entities
        .restore(stage.tenant, made.uid, first, &stage.ada)
        .await
        .unwrap();
    let held = |name: &str| restored.entity.values[name].clone();
    assert_eq!(
        (held("name"), held("city"), held("age"), held("phone")),
        (json!("Ada"), json!("Wien"), json!(36), json!(null))
    );
    assert!(restored.entity.rev > 4);
    assert_eq!(restored.changed, ["name", "city", "phone", "age"]);
    let first = entities
        .restore(stage.tenant, made.uid, made.rev, &stage.ada)
        .await
        .unwrap();
    assert_eq!(first.entity.values, made.values);
    assert_eq!(first.changed, ["city"]);
    for wrong in [0, 99] {
        let refused = entities
            .restore(stage.tenant, made.uid, wrong, &stage.ada)
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{refused}");
    }
    entities.delete(stage.tenant, made.uid, &stage.ada).await.unwrap();
    let refused = entities
        .restore(stage.tenant, made.uid, 1, &stage.ada)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
}
