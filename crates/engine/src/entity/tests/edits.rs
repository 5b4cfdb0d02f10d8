use serde_json::json;
use syncline_core::ErrorKind;
use syncline_core::audit::AuditKind;
use syncline_core::mapping::Strategy;
use syncline_core::value::Value;

use super::stage::{Stage, values};
use crate::actor::Actor;
use crate::entity::EntityRead;

#[tokio::test]
async fn everything_wrong_with_a_new_record_is_told_at_once_by_field() {
    let stage = Stage::new().await;
    let wrong = values(json!({
        "email": ["a", "b"], "age": "many", "status": "odd", "colour": "red",
        "friend": "0198c0de-0000-7000-8000-000000000000",
    }));
    let error = stage
        .engine
        .entities()
        .create(stage.tenant, "person", wrong, &stage.ada)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let fields: Vec<&str> = error.context().map(|(_, field)| field).collect();
    for field in ["name", "email", "age", "status", "colour", "friend"] {
        assert!(fields.contains(&field), "{field} is not in {fields:?}");
        assert!(error.message().contains(&format!("`{field}`")), "{error}");
    }
    assert!(stage.audited().await.is_empty());
}

#[tokio::test]
async fn a_new_record_takes_defaults_and_is_audited_with_its_maker() {
    let stage = Stage::new().await;
    let made = values(json!({ "name": "Ada", "age": " 36 " }));
    let view = stage
        .engine
        .entities()
        .create(stage.tenant, "person", made, &stage.ada)
        .await
        .unwrap();
    assert_eq!((view.rev, view.updated_by.as_str()), (1, "ada"));
    assert_eq!(view.values["age"], json!(36));
    assert_eq!(view.values["status"], json!("new"));
    assert_eq!(view.values["city"], json!(null));
    assert_eq!(
        stage
            .engine
            .entities()
            .get(stage.tenant, view.uid, &stage.ada)
            .await
            .unwrap(),
        view
    );
    let audited = stage.audited().await;
    assert_eq!((audited[0].kind, audited[0].note.as_str()), (AuditKind::Created, "ada"));
}

#[tokio::test]
async fn a_form_that_saves_the_whole_record_does_not_revert_what_a_pull_brought_in() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::AppWins).await;
    let uid = stage
        .pull(&sync, "003A", &[("Name", "Ada"), ("City", "Wien"), ("Phone", "1")])
        .await;
    let form = stage
        .engine
        .entities()
        .get(stage.tenant, uid, &stage.ada)
        .await
        .unwrap();
    stage
        .pull(&sync, "003A", &[("Name", "Ada"), ("City", "Graz"), ("Phone", "1")])
        .await;
    let mut all = form.values.clone();
    all.insert("phone".into(), json!("2"));
    let read = EntityRead::Values(form.values);
    let edited = stage
        .engine
        .entities()
        .update(stage.tenant, uid, all, read, &stage.ada)
        .await
        .unwrap();
    assert_eq!(edited.changed, ["phone"]);
    assert_eq!(edited.entity.values["city"], json!("Graz"));
    assert_eq!(
        stage.behind(&sync, uid).await,
        [("Phone".to_owned(), "2".to_owned())].into()
    );
}

#[tokio::test]
async fn a_form_that_names_the_revision_it_read_never_reverts_a_pull() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::AppWins).await;
    let lead = stage.sync("Lead", Strategy::AppWins).await;
    let uid = stage
        .pull(&sync, "003A", &[("Name", "Ada"), ("City", "Wien"), ("Phone", "1")])
        .await;
    // A side that has not seen the pull yet keeps the older value known.
    let mut stored = stage.stored(uid).await.unwrap();
    let mut waiting = stored.sides[0].clone();
    (waiting.key.side, waiting.key.slot, waiting.ext) = (lead.side, lead.slot, Some("00QA".into()));
    stored.sides.push(waiting);
    stage.overwrite(&stored).await;
    let form = stage
        .engine
        .entities()
        .get(stage.tenant, uid, &stage.ada)
        .await
        .unwrap();
    stage
        .pull(&sync, "003A", &[("Name", "Ada"), ("City", "Graz"), ("Phone", "1")])
        .await;
    let mut all = form.values.clone();
    all.insert("phone".into(), json!("2"));
    let read = EntityRead::Rev(form.rev);
    let edited = stage
        .engine
        .entities()
        .update(stage.tenant, uid, all, read, &stage.ada)
        .await
        .unwrap();
    assert_eq!(edited.changed, ["phone"]);
    assert_eq!(edited.entity.values["city"], json!("Graz"));
}

#[tokio::test]
async fn an_edit_of_what_the_crm_changed_meanwhile_loses_under_crm_wins_and_is_audited() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::CrmWins).await;
    let uid = stage.pull(&sync, "003A", &[("Name", "Ada"), ("City", "Wien")]).await;
    let form = stage
        .engine
        .entities()
        .get(stage.tenant, uid, &stage.ada)
        .await
        .unwrap();
    stage.pull(&sync, "003A", &[("Name", "Ada"), ("City", "Graz")]).await;
    let read = EntityRead::Values(form.values);
    let patch = values(json!({ "city": "Linz" }));
    let edited = stage
        .engine
        .entities()
        .update(stage.tenant, uid, patch, read, &stage.ada)
        .await
        .unwrap();
    assert_eq!((edited.changed.len(), edited.overruled), (0, vec!["city".to_owned()]));
    assert_eq!(edited.entity.values["city"], json!("Graz"));
    let lost = stage
        .audited()
        .await
        .into_iter()
        .find(|entry| entry.kind == AuditKind::Overruled)
        .unwrap();
    assert_eq!(
        (lost.before, lost.after),
        (vec![Value::text("Linz")], vec![Value::text("Graz")])
    );
}

#[tokio::test]
async fn a_field_that_a_crm_is_authoritative_for_is_not_edited_here() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::CrmAuthoritative).await;
    let uid = stage.pull(&sync, "003A", &[("Name", "Ada"), ("City", "Wien")]).await;
    let patch = values(json!({ "city": "Linz" }));
    let refused = stage
        .engine
        .entities()
        .update(stage.tenant, uid, patch, EntityRead::Blind, &stage.ada)
        .await;
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("`city`"), "{error}");
    // Sending the value that it has is no edit.
    let same = values(json!({ "city": "Wien", "age": 36 }));
    let edited = stage
        .engine
        .entities()
        .update(stage.tenant, uid, same, EntityRead::Blind, &stage.ada)
        .await
        .unwrap();
    assert_eq!(edited.changed, ["age"]);
}

#[tokio::test]
async fn a_blind_edit_writes_down_what_it_replaces() {
    let stage = Stage::new().await;
    let made = values(json!({ "name": "Ada", "city": "Wien" }));
    let view = stage
        .engine
        .entities()
        .create(stage.tenant, "person", made, &stage.ada)
        .await
        .unwrap();
    let patch = values(json!({ "city": "Linz" }));
    stage
        .engine
        .entities()
        .update(stage.tenant, view.uid, patch, EntityRead::Blind, &stage.ada)
        .await
        .unwrap();
    let lost = stage
        .audited()
        .await
        .into_iter()
        .find(|entry| entry.kind == AuditKind::Overruled)
        .unwrap();
    assert_eq!(lost.before, [Value::text("Wien")]);
}

#[tokio::test]
async fn a_refused_edit_changes_nothing() {
    let stage = Stage::new().await;
    let made = values(json!({ "name": "Ada", "city": "Wien" }));
    let view = stage
        .engine
        .entities()
        .create(stage.tenant, "person", made, &stage.ada)
        .await
        .unwrap();
    let before = stage.stored(view.uid).await;
    let patch = values(json!({ "city": "Linz", "name": "" }));
    let refused = stage
        .engine
        .entities()
        .update(stage.tenant, view.uid, patch, EntityRead::Blind, &stage.ada)
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(stage.stored(view.uid).await, before);
}

#[tokio::test]
async fn members_see_records_but_do_not_edit_them() {
    let stage = Stage::new().await;
    let made = values(json!({ "name": "Ada" }));
    let view = stage
        .engine
        .entities()
        .create(stage.tenant, "person", made.clone(), &stage.ada)
        .await
        .unwrap();
    let member = Actor::member("bo");
    stage
        .engine
        .entities()
        .get(stage.tenant, view.uid, &member)
        .await
        .unwrap();
    let refused = stage
        .engine
        .entities()
        .create(stage.tenant, "person", made, &member)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
}

#[tokio::test]
async fn a_record_of_another_tenant_is_not_there() {
    let stage = Stage::new().await;
    let made = values(json!({ "name": "Ada" }));
    let view = stage
        .engine
        .entities()
        .create(stage.tenant, "person", made, &stage.ada)
        .await
        .unwrap();
    let other = stage.engine.tenant("Other", &stage.ada).await.unwrap().id;
    let missing = stage
        .engine
        .entities()
        .get(other, view.uid, &stage.ada)
        .await
        .unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let missing = stage
        .engine
        .entities()
        .delete(other, view.uid, &stage.ada)
        .await
        .unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_record_that_waits_to_be_matched_is_not_there() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    let uid = stage.stage(&sync, "003A", &[("Name", "Ada")]).await;
    let entities = stage.engine.entities();
    assert_eq!(
        entities.get(stage.tenant, uid, &stage.ada).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(
        entities
            .undelete(stage.tenant, uid, &stage.ada)
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::NotFound
    );
    for deleted in [false, true] {
        let query = crate::entity::EntityListQuery {
            deleted,
            ..Default::default()
        };
        assert!(
            entities
                .list(stage.tenant, "person", &query, &stage.ada)
                .await
                .unwrap()
                .entities
                .is_empty()
        );
    }
}

#[tokio::test]
async fn what_is_entered_has_the_form_of_its_field_but_what_a_crm_holds_is_kept() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::AppWins).await;
    let uid = stage
        .pull(&sync, "003A", &[("Name", "Ada"), ("Email", "nowhere")])
        .await;
    let entities = stage.engine.entities();
    let edit = async |json| {
        let edited = entities.update(stage.tenant, uid, values(json), EntityRead::Blind, &stage.ada);
        edited.await.map(|edited| edited.entity)
    };
    let view = edit(json!({ "email": "nowhere", "city": "Graz" })).await.unwrap();
    assert_eq!(
        (&view.values["email"], &view.values["city"]),
        (&json!("nowhere"), &json!("Graz"))
    );
    let error = edit(json!({ "email": "notanemail" })).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(
        error.message().contains("`notanemail` is not an e-mail address"),
        "{error}"
    );
    let made = values(json!({ "name": "Bob", "email": "@" }));
    let error = entities
        .create(stage.tenant, "person", made, &stage.ada)
        .await
        .unwrap_err();
    assert!(error.message().contains("`email`"), "{error}");
    assert!(edit(json!({ "email": "ada@example.org" })).await.is_ok());
}
