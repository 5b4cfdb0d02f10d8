use serde_json::json;
use syncline_core::ErrorKind;
use syncline_core::mapping::Strategy;
use syncline_core::migration::{Difference, Migration};

use crate::entity::EntityRead;
use crate::entity::tests::stage::{Stage, values};

pub(super) fn migration(rules: serde_json::Value) -> Migration {
    serde_json::from_value(json!({ "rules": rules })).unwrap()
}

#[tokio::test]
async fn a_new_version_touches_no_entity_and_each_is_read_by_its_own() {
    let stage = Stage::new().await;
    let ada = stage.create(json!({"name": "Ada", "age": 36})).await;
    let rules = migration(json!([
        {"rule": "rename", "field": "name", "to": "full_name"},
        {"rule": "retype", "field": "age", "to": {"type": "text"}},
    ]));
    let versions = stage.engine.versions();
    let second = versions.save(stage.tenant, "person", &rules, &stage.ada).await.unwrap();
    assert_eq!(second.version, 2);
    let new = stage.create(json!({"full_name": "Bob", "age": "twelve"})).await;
    let get = async |uid| {
        stage
            .engine
            .entities()
            .get(stage.tenant, uid, &stage.ada)
            .await
            .unwrap()
    };
    let (old, new) = (get(ada.uid).await, get(new.uid).await);
    assert_eq!(
        (old.version, &old.values["name"], &old.values["age"]),
        (1, &json!("Ada"), &json!(36))
    );
    assert_eq!((new.version, &new.values["full_name"]), (2, &json!("Bob")));
    let all = versions.list(stage.tenant, "person", &stage.ada).await.unwrap();
    assert_eq!(all.iter().map(|version| version.parent).collect::<Vec<_>>(), [0, 1]);
    let lines = versions.diff(stage.tenant, "person", (1, 2), &stage.ada).await.unwrap();
    let lines: Vec<String> = lines.iter().map(Difference::label).collect();
    assert!(lines.contains(&"~ name is called full_name".to_owned()), "{lines:?}");

    // An edit speaks the current version's language, and brings the entity over.
    let edited = stage
        .engine
        .entities()
        .update(
            stage.tenant,
            ada.uid,
            values(json!({"city": "London"})),
            EntityRead::Blind,
            &stage.ada,
        )
        .await
        .unwrap()
        .entity;
    assert_eq!((edited.version, &edited.values["age"]), (2, &json!("36")));
}

#[tokio::test]
async fn an_edit_mends_what_keeps_an_entity_from_coming_over() {
    let stage = Stage::new().await;
    let ada = stage.create(json!({"name": "Ada", "city": "London"})).await;
    let rules = migration(json!([{"rule": "retype", "field": "city", "to": {"type": "integer"}}]));
    stage
        .engine
        .versions()
        .save(stage.tenant, "person", &rules, &stage.ada)
        .await
        .unwrap();
    let update = async |patch| {
        let read = EntityRead::Blind;
        stage
            .engine
            .entities()
            .update(stage.tenant, ada.uid, values(patch), read, &stage.ada)
            .await
    };
    let refused = update(json!({"name": "Ada L."})).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert!(refused.to_string().contains("`London`"), "{refused}");
    let edited = update(json!({"city": 1090})).await.unwrap().entity;
    assert_eq!((edited.version, &edited.values["city"]), (2, &json!(1090)));
}

#[tokio::test]
async fn mappings_take_new_names_over_and_what_they_use_cannot_be_given_up() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    let versions = stage.engine.versions();
    let dropped = migration(json!([{"rule": "drop", "field": "city"}, {"rule": "drop", "field": "age"}]));
    let findings = versions
        .check(stage.tenant, "person", &dropped, &stage.ada)
        .await
        .unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(
        findings[0].place.contains("contact") && findings[0].message.contains("`city`"),
        "{findings:?}"
    );
    let refused = versions
        .save(stage.tenant, "person", &dropped, &stage.ada)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    let renamed = migration(json!([
        {"rule": "rename", "field": "city", "to": "town"},
        {"rule": "add", "field": {"name": "city", "type": "text"}},
    ]));
    let told = versions
        .check(stage.tenant, "person", &renamed, &stage.ada)
        .await
        .unwrap();
    assert_eq!(told.len(), 1, "what adapts by itself is told: {told:?}");
    versions
        .save(stage.tenant, "person", &renamed, &stage.ada)
        .await
        .unwrap();
    let sync = stage.engine.syncs().get(sync.id, &stage.ada).await.unwrap();
    let fields: Vec<&str> = sync.mapping.rules.iter().map(|rule| rule.fields[0].as_str()).collect();
    assert_eq!(fields, ["name", "email", "town", "phone"]);
    assert_eq!(sync.mapping.version, 1, "what it reads is the same");
}

#[tokio::test]
async fn a_unique_field_that_was_renamed_is_still_unique_and_so_is_who_takes_its_name() {
    let stage = Stage::new().await;
    stage.create(json!({"name": "Ada", "email": "ada@acme.example"})).await;
    let rules = migration(json!([
        {"rule": "rename", "field": "email", "to": "work_email"},
        {"rule": "add", "field": {"name": "email", "type": "email", "unique": true}},
    ]));
    stage
        .engine
        .versions()
        .save(stage.tenant, "person", &rules, &stage.ada)
        .await
        .unwrap();
    let create = async |values_: serde_json::Value| {
        stage
            .engine
            .entities()
            .create(stage.tenant, "person", values(values_), &stage.ada)
            .await
    };
    let taken = create(json!({"name": "Bob", "work_email": "ada@acme.example"}))
        .await
        .unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Exists);
    create(json!({"name": "Bob", "email": "ada@acme.example"}))
        .await
        .unwrap();
    let taken = create(json!({"name": "Cyd", "email": "ada@acme.example"}))
        .await
        .unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Exists);
}
