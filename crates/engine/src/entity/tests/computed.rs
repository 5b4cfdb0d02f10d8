use serde_json::json;
use syncline_core::ErrorKind;
use syncline_core::mapping::Strategy;
use syncline_core::migration::Migration;
use syncline_core::model::Field;
use syncline_core::state::SideFlags;

use super::stage::{Stage, values};
use crate::entity::EntityRead;

#[tokio::test]
async fn a_computed_field_follows_from_the_others_and_nobody_sets_it() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    let old = stage.pull(&sync, "003A", &[("Name", "Old"), ("City", "Graz")]).await;
    let fields: Vec<Field> = serde_json::from_value(json!([
        {"name": "line", "type": "text", "computed": "name + ' of ' + city"},
        {"name": "share", "type": "integer", "computed": "100 / age"},
    ]))
    .unwrap();
    stage
        .engine
        .save_blueprint(stage.tenant, "person", &fields, &[], &stage.ada)
        .await
        .unwrap();
    let entities = stage.engine.entities();
    let ada = stage.create(json!({"name": "Ada", "city": "Wien", "age": 50})).await;
    assert_eq!(
        (&ada.values["line"], &ada.values["share"]),
        (&json!("Ada of Wien"), &json!(2))
    );
    let update = async |uid, patch| {
        let edited = entities
            .update(stage.tenant, uid, values(patch), EntityRead::Blind, &stage.ada)
            .await;
        edited.map(|edited| edited.entity)
    };
    let refused = update(ada.uid, json!({"line": "mine"})).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert!(refused.to_string().contains("is computed"), "{refused}");
    let moved = update(ada.uid, json!({"city": "Linz", "age": 0})).await.unwrap();
    assert_eq!(
        (&moved.values["line"], &moved.values["share"]),
        (&json!("Ada of Linz"), &json!(null))
    );
    assert!(
        moved.findings[0].contains("`share` can't be computed"),
        "{:?}",
        moved.findings
    );

    // What a CRM says counts like what the app says, and those who were there are computed when they are migrated.
    let pulled = stage.pull(&sync, "003B", &[("Name", "Bob"), ("City", "Enns")]).await;
    let get = async |uid| entities.get(stage.tenant, uid, &stage.ada).await.unwrap();
    assert_eq!(get(pulled).await.values["line"], json!("Bob of Enns"));
    stage.pull(&sync, "003B", &[("Name", "Bob"), ("City", "Wels")]).await;
    assert_eq!(get(pulled).await.values["line"], json!("Bob of Wels"));
    assert_eq!(get(old).await.values.get("line"), None);
    stage
        .engine
        .migrations()
        .run(stage.tenant, "person", &stage.ada)
        .await
        .unwrap();
    assert_eq!(get(old).await.values["line"], json!("Old of Graz"));
    assert!(
        stage.stored(old).await.unwrap().sides[0].flags.has(SideFlags::PUSH),
        "a sync may write it"
    );
}

#[tokio::test]
async fn a_field_is_computed_from_what_there_is_and_not_from_itself() {
    let stage = Stage::new().await;
    let rules: Migration = serde_json::from_value(json!({"rules": [
        {"rule": "add", "field": {"name": "line", "type": "text", "computed": "line + nowhere"}}]}))
    .unwrap();
    let refused = stage
        .engine
        .versions()
        .save(stage.tenant, "person", &rules, &stage.ada)
        .await
        .unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("`nowhere`") && text.contains("from itself"), "{text}");
}
