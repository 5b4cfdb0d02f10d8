use serde_json::json;
use syncline_core::ErrorKind;
use syncline_core::audit::AuditKind;
use syncline_core::mapping::Strategy;
use syncline_core::plan::ReviewReason;
use syncline_core::value::Value;
use uuid::Uuid;

use crate::actor::Actor;
use crate::conflict::{Always, ConflictQuery, FieldChoice, Resolution, Review, ReviewStatus};
use crate::entity::EntityRead;
use crate::entity::tests::stage::{Stage, values};
use crate::sync::Sync;

fn choose(field: &str, choice: FieldChoice) -> Resolution {
    Resolution::Fields([(field.to_owned(), choice)].into())
}

/// The same city changed in the app and in the CRM.
async fn conflict(stage: &Stage, sync: &Sync, record: &str) -> (Uuid, Review) {
    let uid = stage.pull(sync, record, &[("Name", "Ada"), ("City", "Wien")]).await;
    let patch = values(json!({ "city": "Graz" }));
    stage
        .engine
        .entities()
        .update(stage.tenant, uid, patch, EntityRead::Blind, &stage.ada)
        .await
        .unwrap();
    stage.pull(sync, record, &[("Name", "Ada"), ("City", "Linz")]).await;
    (uid, open(stage, uid).await)
}

async fn open(stage: &Stage, uid: Uuid) -> Review {
    let query = ConflictQuery {
        entity: Some(uid),
        ..ConflictQuery::default()
    };
    let found = stage
        .engine
        .conflicts()
        .list(stage.tenant, &query, &stage.ada)
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    found.into_iter().next().unwrap()
}

async fn city(stage: &Stage, uid: Uuid) -> serde_json::Value {
    stage
        .engine
        .entities()
        .get(stage.tenant, uid, &stage.ada)
        .await
        .unwrap()
        .values["city"]
        .clone()
}

#[tokio::test]
async fn an_item_shows_both_sides_and_the_base() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::ManualReview).await;
    let (uid, review) = conflict(&stage, &sync, "003A").await;
    assert_eq!(
        (review.uid, review.reason, review.status),
        (uid, ReviewReason::Conflict, ReviewStatus::Pending)
    );
    assert_eq!(
        (review.fields.clone(), review.app.clone()),
        (vec!["city".to_owned()], vec![json!("Graz")])
    );
    assert_eq!(
        (review.sides[0].values.clone(), review.sides[0].base.clone()),
        (vec![json!("Linz")], vec![json!("Wien")])
    );
    assert!(review.id > 0 && review.version > 0);
    let view = stage
        .engine
        .entities()
        .get(stage.tenant, uid, &stage.ada)
        .await
        .unwrap();
    assert_eq!(view.conflicts[0].conflict, review.id);
}

#[tokio::test]
async fn each_choice_ends_the_conflict_on_all_sides_and_audits_what_was_not_chosen() {
    for (choice, expected, pushed) in [
        (FieldChoice::App, "Graz", Some("Graz")),
        (FieldChoice::Crm, "Linz", None),
        (FieldChoice::Value(json!("Steyr")), "Steyr", Some("Steyr")),
    ] {
        let stage = Stage::new().await;
        let sync = stage.sync("Contact", Strategy::ManualReview).await;
        let (uid, review) = conflict(&stage, &sync, "003A").await;
        let bo = Actor::member("bo");
        let resolution = choose("city", choice.clone());
        let conflicts = stage.engine.conflicts();
        let done = conflicts
            .resolve(stage.tenant, review.id, review.version, &resolution, &bo)
            .await
            .unwrap();
        assert_eq!(
            (done.status, done.resolved_by.as_deref()),
            (ReviewStatus::Resolved, Some("bo"))
        );
        assert!(done.resolved_at.is_some() && done.resolution.unwrap().starts_with("city: "));
        assert_eq!(city(&stage, uid).await, json!(expected));
        assert_eq!(
            stage.behind(&sync, uid).await.get("City").map(String::as_str),
            pushed,
            "{choice:?}"
        );
        let lost: Vec<Value> = stage
            .audited()
            .await
            .into_iter()
            .filter(|entry| entry.kind == AuditKind::Overruled && entry.note.contains("not chosen"))
            .flat_map(|entry| entry.before)
            .collect();
        let wanted: Vec<Value> = ["Linz", "Graz"]
            .into_iter()
            .filter(|city| *city != expected)
            .map(Value::text)
            .collect();
        assert_eq!(lost, wanted);
        assert!(
            stage
                .engine
                .entities()
                .get(stage.tenant, uid, &bo)
                .await
                .unwrap()
                .conflicts
                .is_empty()
        );
    }
}

#[tokio::test]
async fn a_resolution_of_what_changed_meanwhile_is_refused_and_the_refreshed_item_can_be_resolved() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::ManualReview).await;
    let (uid, seen) = conflict(&stage, &sync, "003A").await;
    stage.pull(&sync, "003A", &[("Name", "Ada"), ("City", "Wels")]).await;
    let resolution = choose("city", FieldChoice::Crm);
    let conflicts = stage.engine.conflicts();
    let stale = conflicts
        .resolve(stage.tenant, seen.id, seen.version, &resolution, &stage.ada)
        .await
        .unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::Stale);
    assert_eq!(city(&stage, uid).await, json!("Graz"));
    let fresh = conflicts.get(stage.tenant, seen.id, &stage.ada).await.unwrap();
    assert_eq!(fresh.sides[0].values, [json!("Wels")]);
    conflicts
        .resolve(stage.tenant, fresh.id, fresh.version, &resolution, &stage.ada)
        .await
        .unwrap();
    assert_eq!(city(&stage, uid).await, json!("Wels"));
    let again = conflicts
        .resolve(stage.tenant, fresh.id, fresh.version, &resolution, &stage.ada)
        .await
        .unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Refused);
    assert!(again.to_string().contains("ada"), "{again}");
}

#[tokio::test]
async fn a_read_that_shows_nothing_new_does_not_make_a_decision_stale() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::ManualReview).await;
    let (uid, seen) = conflict(&stage, &sync, "003A").await;
    stage
        .pull(&sync, "003A", &[("Name", "Ada Lovelace"), ("City", "Linz")])
        .await;
    assert_eq!(open(&stage, uid).await.version, seen.version);
}

#[tokio::test]
async fn an_app_edit_of_a_frozen_field_refreshes_the_item() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::ManualReview).await;
    let (uid, seen) = conflict(&stage, &sync, "003A").await;
    let patch = values(json!({ "city": "Bregenz" }));
    let edited = stage
        .engine
        .entities()
        .update(stage.tenant, uid, patch, EntityRead::Blind, &stage.ada)
        .await
        .unwrap();
    assert_eq!(edited.conflicts, [seen.id]);
    let fresh = open(&stage, uid).await;
    assert_eq!(
        (fresh.app, fresh.version > seen.version),
        (vec![json!("Bregenz")], true)
    );
    assert!(stage.behind(&sync, uid).await.is_empty());
}

#[tokio::test]
async fn an_edit_made_on_an_older_read_asks_under_manual_review() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::ManualReview).await;
    let uid = stage.pull(&sync, "003A", &[("Name", "Ada"), ("City", "Wien")]).await;
    let form = stage
        .engine
        .entities()
        .get(stage.tenant, uid, &stage.ada)
        .await
        .unwrap();
    stage.pull(&sync, "003A", &[("Name", "Ada"), ("City", "Linz")]).await;
    let (patch, read) = (values(json!({ "city": "Graz" })), EntityRead::Values(form.values));
    let edited = stage
        .engine
        .entities()
        .update(stage.tenant, uid, patch, read, &stage.ada)
        .await
        .unwrap();
    let review = open(&stage, uid).await;
    assert_eq!((edited.conflicts, review.sync), (vec![review.id], sync.id));
    assert_eq!(city(&stage, uid).await, json!("Graz"));
    assert!(stage.behind(&sync, uid).await.is_empty());
}

#[tokio::test]
async fn an_ignored_conflict_leaves_the_sides_alone_until_one_of_them_changes() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::ManualReview).await;
    let (uid, seen) = conflict(&stage, &sync, "003A").await;
    let conflicts = stage.engine.conflicts();
    let ignored = conflicts
        .ignore(stage.tenant, seen.id, seen.version, &stage.ada)
        .await
        .unwrap();
    assert_eq!(ignored.status, ReviewStatus::Ignored);
    stage.pull(&sync, "003A", &[("Name", "Ada L."), ("City", "Linz")]).await;
    assert_eq!(open(&stage, uid).await.status, ReviewStatus::Ignored);
    assert!(stage.behind(&sync, uid).await.is_empty());
    stage.pull(&sync, "003A", &[("Name", "Ada L."), ("City", "Wels")]).await;
    let reopened = open(&stage, uid).await;
    assert_eq!((reopened.id, reopened.status), (seen.id, ReviewStatus::Pending));
    assert!(reopened.resolved_by.is_none());
}

#[tokio::test]
async fn always_sets_the_policy_of_the_field_and_resolves_the_others_alike() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::ManualReview).await;
    let (ada, first) = conflict(&stage, &sync, "003A").await;
    let (bo, second) = conflict(&stage, &sync, "003B").await;
    let conflicts = stage.engine.conflicts();
    let member = Actor::member("cy");
    let refused = conflicts
        .resolve_always(stage.tenant, first.id, first.version, Always::Crm, &member)
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    let done = conflicts
        .resolve_always(stage.tenant, first.id, first.version, Always::Crm, &stage.ada)
        .await
        .unwrap();
    assert_eq!((done.resolved, done.left.len()), (vec![second.id], 0));
    assert_eq!(city(&stage, ada).await, json!("Linz"));
    assert_eq!(city(&stage, bo).await, json!("Linz"));
    let saved = stage.engine.syncs().get(sync.id, &stage.ada).await.unwrap();
    let strategy = |field: &str| {
        saved
            .mapping
            .rules
            .iter()
            .find(|rule| rule.fields == [field])
            .unwrap()
            .strategy
    };
    assert_eq!((strategy("city"), strategy("phone")), (Some(Strategy::CrmWins), None));
    assert_eq!(saved.mapping.version, sync.mapping.version);
    // From now on nobody is asked.
    let (cy, form) = {
        let uid = stage.pull(&sync, "003C", &[("Name", "Cy"), ("City", "Wien")]).await;
        (
            uid,
            stage
                .engine
                .entities()
                .get(stage.tenant, uid, &stage.ada)
                .await
                .unwrap(),
        )
    };
    stage.pull(&sync, "003C", &[("Name", "Cy"), ("City", "Linz")]).await;
    let (patch, read) = (values(json!({ "city": "Graz" })), EntityRead::Values(form.values));
    let edited = stage
        .engine
        .entities()
        .update(stage.tenant, cy, patch, read, &stage.ada)
        .await
        .unwrap();
    assert_eq!((edited.overruled, edited.conflicts.len()), (vec!["city".to_owned()], 0));
}

#[tokio::test]
async fn a_resolution_is_checked_against_the_conflict_and_its_fields() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::ManualReview).await;
    let (_, review) = conflict(&stage, &sync, "003A").await;
    for wrong in [
        Resolution::Fields([].into()),
        choose("phone", FieldChoice::App),
        choose("city", FieldChoice::Value(json!({ "a": 1 }))),
        Resolution::Separate,
        Resolution::DeleteRecord,
    ] {
        let refused = stage
            .engine
            .conflicts()
            .resolve(stage.tenant, review.id, review.version, &wrong, &stage.ada)
            .await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid, "{wrong:?}");
    }
    let gone = choose("city", FieldChoice::Side(99));
    let refused = stage
        .engine
        .conflicts()
        .resolve(stage.tenant, review.id, review.version, &gone, &stage.ada)
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn conflicts_of_another_tenant_are_not_there() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::ManualReview).await;
    let (_, review) = conflict(&stage, &sync, "003A").await;
    let other = stage.engine.tenant("Other", &stage.ada).await.unwrap().id;
    let conflicts = stage.engine.conflicts();
    assert_eq!(
        conflicts.get(other, review.id, &stage.ada).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let resolution = choose("city", FieldChoice::App);
    let refused = conflicts
        .resolve(other, review.id, review.version, &resolution, &stage.ada)
        .await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(
        conflicts
            .list(other, &ConflictQuery::default(), &stage.ada)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn conflicts_are_listed_by_connection_object_status_and_page() {
    let stage = Stage::new().await;
    let contact = stage.sync("Contact", Strategy::ManualReview).await;
    let lead = stage.sync("Lead", Strategy::ManualReview).await;
    let (_, first) = conflict(&stage, &contact, "003A").await;
    let (_, second) = conflict(&stage, &lead, "00QA").await;
    let ids = async |query: ConflictQuery| -> Vec<u64> {
        let found = stage
            .engine
            .conflicts()
            .list(stage.tenant, &query, &stage.ada)
            .await
            .unwrap();
        found.into_iter().map(|review| review.id).collect()
    };
    assert_eq!(ids(ConflictQuery::pending()).await, [second.id, first.id]);
    assert_eq!(
        ids(ConflictQuery {
            connection: Some(contact.connection),
            ..Default::default()
        })
        .await,
        [first.id]
    );
    assert_eq!(
        ids(ConflictQuery {
            object: Some("Lead".into()),
            ..Default::default()
        })
        .await,
        [second.id]
    );
    assert_eq!(
        ids(ConflictQuery {
            status: vec![ReviewStatus::Resolved],
            ..Default::default()
        })
        .await,
        [0; 0]
    );
    assert_eq!(
        ids(ConflictQuery {
            limit: 1,
            ..Default::default()
        })
        .await,
        [second.id]
    );
    assert_eq!(
        ids(ConflictQuery {
            before: Some(second.id),
            ..Default::default()
        })
        .await,
        [first.id]
    );
}
