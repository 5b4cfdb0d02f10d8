use serde_json::json;
use syncline_core::ErrorKind;

use super::stage::{Stage, values};
use crate::entity::EntityListQuery;

async fn people(stage: &Stage, count: u32) {
    let records = (0..count)
        .map(|n| {
            let city = if n % 10 == 0 { json!("Graz") } else { json!(null) };
            values(json!({ "name": format!("p{n}"), "email": format!("p{n}@x.org"), "age": n, "city": city }))
        })
        .collect();
    stage
        .engine
        .entities()
        .bulk_upsert(stage.tenant, "person", "email", records, &stage.ada)
        .await
        .unwrap();
}

async fn names(stage: &Stage, query: EntityListQuery) -> (Vec<String>, Option<String>) {
    let page = stage
        .engine
        .entities()
        .list(stage.tenant, "person", &query, &stage.ada)
        .await
        .unwrap();
    let names = page
        .entities
        .iter()
        .map(|view| view.values["name"].as_str().unwrap().to_owned())
        .collect();
    (names, page.next)
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let stage = Stage::new().await;
    people(&stage, 60).await;
    let (mut all, mut sizes, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let (names, next) = names(
            &stage,
            EntityListQuery {
                after,
                ..Default::default()
            },
        )
        .await;
        sizes.push(names.len());
        all.extend(names);
        let Some(next) = next else { break };
        after = Some(next);
    }
    assert_eq!(sizes, [25, 25, 10]);
    assert_eq!(all, (0..60).map(|n| format!("p{n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_page_is_filled_however_rarely_the_filter_fits() {
    let stage = Stage::new().await;
    people(&stage, 120).await;
    let filter = |text: &str, after| EntityListQuery {
        filter: Some(text.into()),
        after,
        limit: 5,
        ..Default::default()
    };
    let (first, next) = names(&stage, filter("entity.city == 'Graz'", None)).await;
    assert_eq!(first, ["p0", "p10", "p20", "p30", "p40"]);
    let (second, _) = names(&stage, filter("city == 'Graz' && age >= 50", next)).await;
    assert_eq!(second, ["p50", "p60", "p70", "p80", "p90"]);
    let (rest, next) = names(&stage, filter("city == 'Graz' && entity.age > 100", None)).await;
    assert_eq!((rest, next), (vec!["p110".to_owned()], None));
}

#[tokio::test]
async fn a_filter_names_fields_that_there_are() {
    let stage = Stage::new().await;
    for wrong in ["colour == 'red'", "entity.colour == 'red'", "city ="] {
        let query = EntityListQuery {
            filter: Some(wrong.into()),
            ..Default::default()
        };
        let error = stage
            .engine
            .entities()
            .list(stage.tenant, "person", &query, &stage.ada)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{wrong}");
    }
}

#[tokio::test]
async fn deleted_records_are_listed_on_request_only() {
    let stage = Stage::new().await;
    people(&stage, 3).await;
    let all = stage
        .engine
        .entities()
        .list(stage.tenant, "person", &Default::default(), &stage.ada)
        .await
        .unwrap();
    stage
        .engine
        .entities()
        .delete(stage.tenant, all.entities[1].uid, &stage.ada)
        .await
        .unwrap();
    assert_eq!(names(&stage, EntityListQuery::default()).await.0, ["p0", "p2"]);
    assert_eq!(
        names(
            &stage,
            EntityListQuery {
                deleted: true,
                ..Default::default()
            }
        )
        .await
        .0,
        ["p1"]
    );
}
