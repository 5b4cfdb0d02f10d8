use serde_json::json;
use syncline_core::ErrorKind;

use super::stage::{Stage, values};
use crate::entity::UpsertedAs;

#[tokio::test]
async fn records_are_made_or_updated_by_their_unique_field_and_a_bad_one_does_not_stop_the_rest() {
    let stage = Stage::new().await;
    let entities = stage.engine.entities();
    let known = values(json!({ "name": "Ada", "email": "ada@x.org", "city": "Wien" }));
    let ada = entities
        .create(stage.tenant, "person", known, &stage.ada)
        .await
        .unwrap();
    let records = vec![
        values(json!({ "email": "Ada@x.org", "city": "Graz" })),
        values(json!({ "email": "bo@x.org", "name": "Bo" })),
        values(json!({ "email": "cy@x.org", "name": "Cy", "age": "old" })),
        values(json!({ "name": "Nobody" })),
        values(json!({ "email": "bo@x.org", "name": "Bo", "city": "Linz" })),
        values(json!({ "email": "bo@x.org", "city": "Linz" })),
        values(json!({ "email": "di@x.org" })),
    ];
    let answers = entities
        .bulk_upsert(stage.tenant, "person", "email", records, &stage.ada)
        .await
        .unwrap();
    let outcome = |place: usize| {
        answers[place]
            .as_ref()
            .map(|answer| answer.outcome)
            .map_err(syncline_core::Error::kind)
    };
    assert_eq!(outcome(0), Ok(UpsertedAs::Updated));
    assert_eq!(answers[0].as_ref().unwrap().uid, ada.uid);
    assert_eq!(outcome(1), Ok(UpsertedAs::Created));
    assert_eq!(outcome(2), Err(ErrorKind::Invalid));
    assert_eq!(outcome(3), Err(ErrorKind::Invalid));
    assert_eq!(outcome(4), Ok(UpsertedAs::Updated));
    assert_eq!(outcome(5), Ok(UpsertedAs::Unchanged));
    assert_eq!(outcome(6), Err(ErrorKind::Invalid));
    let bo = entities
        .get(stage.tenant, answers[1].as_ref().unwrap().uid, &stage.ada)
        .await
        .unwrap();
    assert_eq!((bo.values["city"].clone(), bo.rev), (json!("Linz"), 2));
}

#[tokio::test]
async fn more_records_than_one_transaction_takes_are_all_written() {
    let stage = Stage::new().await;
    let records: Vec<_> = (0..1_200)
        .map(|n| values(json!({ "name": "x", "email": format!("p{}@x.org", n % 900) })))
        .collect();
    let answers = stage
        .engine
        .entities()
        .bulk_upsert(stage.tenant, "person", "email", records, &stage.ada)
        .await;
    let answers = answers.unwrap();
    let made = answers
        .iter()
        .filter(|answer| answer.as_ref().unwrap().outcome == UpsertedAs::Created)
        .count();
    assert_eq!((answers.len(), made), (1_200, 900));
    assert_eq!(
        stage
            .engine
            .entities()
            .count(stage.tenant, "person", false, &stage.ada)
            .await
            .unwrap(),
        900
    );
}

#[tokio::test]
async fn records_are_found_by_unique_fields_only() {
    let stage = Stage::new().await;
    let records = vec![values(json!({ "name": "Ada" }))];
    let error = stage
        .engine
        .entities()
        .bulk_upsert(stage.tenant, "person", "name", records, &stage.ada)
        .await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("email"), "{error}");
}
