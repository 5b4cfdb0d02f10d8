use std::ops::ControlFlow;

use serde_json::json;
use syncline_core::ErrorKind;

use super::stage::{Stage, values};
use crate::entity::{EntityBulkChange, EntityBulkOutcome, EntityListQuery, EntitySelection};

async fn people(stage: &Stage) {
    let person = |n: i64| {
        let city = if n % 3 == 0 { "Wien" } else { "Graz" };
        values(json!({ "name": format!("p{n}"), "email": format!("p{n:04}@x.org"), "age": n, "city": city }))
    };
    let entities = stage.engine.entities();
    let made = entities.bulk_upsert(
        stage.tenant,
        "person",
        "email",
        (0..1_203).map(person).collect(),
        &stage.ada,
    );
    made.await.unwrap();
}

fn from(filter: &str) -> EntitySelection {
    EntitySelection {
        filter: Some(filter.to_owned()),
        ..EntitySelection::default()
    }
}

async fn count(stage: &Stage, filter: &str) -> u64 {
    let entities = stage.engine.entities();
    entities
        .count_selected(stage.tenant, "person", &from(filter), &stage.ada)
        .await
        .unwrap()
}

fn set(json: serde_json::Value) -> EntityBulkChange {
    EntityBulkChange::Set(values(json))
}

fn go_on(_: &EntityBulkOutcome) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[tokio::test]
async fn a_preview_shows_what_would_change_and_changes_nothing() {
    let stage = Stage::new().await;
    people(&stage).await;
    let entities = stage.engine.entities();
    let (wien, vienna) = (
        from("city == 'Wien'"),
        set(json!({ "city": "Vienna", "status": "new" })),
    );
    let preview = entities
        .preview_bulk(stage.tenant, "person", &wien, &vienna, &stage.ada)
        .await
        .unwrap();
    assert_eq!(
        (preview.selected, preview.tried.selected, preview.tried.changed),
        (401, 401, 401)
    );
    assert_eq!(preview.examples.len(), 10);
    // `status` is like that already.
    assert_eq!(preview.examples[0].before, values(json!({ "city": "Wien" })));
    assert_eq!(preview.examples[0].after, Some(values(json!({ "city": "Vienna" }))));
    assert_eq!(count(&stage, "city == 'Wien'").await, 401);
    let clear = set(json!({ "name": null }));
    let refused = entities
        .preview_bulk(stage.tenant, "person", &wien, &clear, &stage.ada)
        .await
        .unwrap();
    assert_eq!((refused.tried.refused, refused.tried.changed), (401, 0));
    assert!(refused.tried.failures[0].reason.contains("`name` is required"));
    let deleted = entities.preview_bulk(stage.tenant, "person", &wien, &EntityBulkChange::Delete, &stage.ada);
    let deleted = deleted.await.unwrap();
    assert_eq!((deleted.selected, deleted.examples[0].after.is_none()), (401, true));
    let wrong = set(json!({ "age": "old" }));
    let wrong = entities
        .preview_bulk(stage.tenant, "person", &wien, &wrong, &stage.ada)
        .await
        .unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn what_is_refused_is_told_and_the_others_go_on() {
    let stage = Stage::new().await;
    people(&stage).await;
    let entities = stage.engine.entities();
    let one = set(json!({ "email": "one@x.org" }));
    let outcome = entities
        .bulk(
            stage.tenant,
            "person",
            &from("age >= 600"),
            &one,
            &mut go_on,
            &stage.ada,
        )
        .await
        .unwrap();
    // One address can only be one person's, over all pages.
    assert_eq!((outcome.selected, outcome.changed, outcome.refused), (603, 1, 602));
    assert!(
        outcome.failures[0].reason.contains("`email` is unique"),
        "{:?}",
        outcome.failures[0]
    );
    assert_eq!(count(&stage, "email == 'one@x.org'").await, 1);
}

#[tokio::test]
async fn a_bulk_edit_that_was_stopped_goes_on_when_it_is_done_again() {
    let stage = Stage::new().await;
    people(&stage).await;
    let entities = stage.engine.entities();
    let (young, graz) = (from("age < 900"), set(json!({ "city": "Linz" })));
    let mut stop = |_: &EntityBulkOutcome| ControlFlow::Break(());
    let first = entities
        .bulk(stage.tenant, "person", &young, &graz, &mut stop, &stage.ada)
        .await
        .unwrap();
    assert_eq!((first.changed, first.stopped), (500, true));
    let second = entities
        .bulk(stage.tenant, "person", &young, &graz, &mut go_on, &stage.ada)
        .await
        .unwrap();
    assert_eq!(
        (second.selected, second.changed, second.unchanged, second.stopped),
        (900, 400, 500, false)
    );
    assert_eq!(count(&stage, "city == 'Linz'").await, 900);
    let delete = EntityBulkChange::Delete;
    let gone = entities
        .bulk(stage.tenant, "person", &young, &delete, &mut go_on, &stage.ada)
        .await;
    assert_eq!(gone.unwrap().changed, 900);
    let left = EntityListQuery {
        count: true,
        ..EntityListQuery::default()
    };
    let left = entities.list(stage.tenant, "person", &left, &stage.ada).await.unwrap();
    assert_eq!(left.total, Some(303));
}
