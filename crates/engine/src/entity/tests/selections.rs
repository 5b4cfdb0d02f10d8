use serde_json::json;
use syncline_core::ErrorKind;
use syncline_core::mapping::Strategy;
use syncline_core::model::{Field, FieldType};

use super::stage::{Stage, values};
use crate::entity::{EntityListQuery, EntityRead, EntitySelection, EntitySort};

/// 120 people of whom some have the same name and no age.
async fn people(stage: &Stage) {
    let person = |n: i64| {
        let name = ["Zoë Müßig", "Ada King", "Łukasz O'Neill", "adam kinsky"][n as usize % 4];
        let age = if n % 7 == 0 { json!(null) } else { json!(n % 10) };
        let city = ["Graz", "Grödig", "Linz"][n as usize % 3];
        values(json!({ "name": name, "email": format!("p{n:03}@x.org"), "age": age, "city": city }))
    };
    let entities = stage.engine.entities();
    let made = entities.bulk_upsert(
        stage.tenant,
        "person",
        "email",
        (0..120).map(person).collect(),
        &stage.ada,
    );
    made.await.unwrap();
}

/// All pages of a list as numbers within the e-mail addresses, each page begun where the one before ended.
async fn all(stage: &Stage, query: &EntityListQuery) -> Vec<i64> {
    let mut query = query.clone();
    let mut numbers = Vec::new();
    loop {
        let entities = stage.engine.entities();
        let page = entities.list(stage.tenant, "person", &query, &stage.ada).await.unwrap();
        for view in &page.entities {
            numbers.push(view.values["email"].as_str().unwrap()[1..4].parse().unwrap());
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return numbers,
        }
    }
}

async fn numbered(stage: &Stage, query: &EntityListQuery) -> Vec<i64> {
    let mut numbers = Vec::new();
    for page in 1.. {
        let entities = stage.engine.entities();
        let query = EntityListQuery {
            page: Some(page),
            count: true,
            ..query.clone()
        };
        let found = entities.list(stage.tenant, "person", &query, &stage.ada).await.unwrap();
        if found.entities.is_empty() {
            assert_eq!(found.total, Some(numbers.len() as u64));
            break;
        }
        for view in &found.entities {
            numbers.push(view.values["email"].as_str().unwrap()[1..4].parse().unwrap());
        }
    }
    numbers
}

async fn count(stage: &Stage, selection: EntitySelection) -> u64 {
    let entities = stage.engine.entities();
    entities
        .count_selected(stage.tenant, "person", &selection, &stage.ada)
        .await
        .unwrap()
}

fn search(text: &str) -> EntityListQuery {
    EntityListQuery {
        search: Some(text.to_owned()),
        limit: 7,
        ..EntityListQuery::default()
    }
}

fn sorted(keys: &[(&str, bool)]) -> EntityListQuery {
    let key = |(field, descending): &(&str, bool)| EntitySort {
        field: (*field).to_owned(),
        descending: *descending,
    };
    EntityListQuery {
        sort: keys.iter().map(key).collect(),
        limit: 7,
        ..EntityListQuery::default()
    }
}

#[tokio::test]
async fn words_are_found_by_their_beginnings_whatever_their_case_and_accents() {
    let stage = Stage::new().await;
    people(&stage).await;
    let of = |rest: i64| -> Vec<i64> { (0..120).filter(|n| n % 4 == rest).collect() };
    assert_eq!(all(&stage, &search("MUSS zo")).await, of(0));
    assert_eq!(all(&stage, &search("lukasz neil")).await, of(2));
    let adas: Vec<i64> = (0..120).filter(|n| n % 4 % 2 == 1).collect();
    assert_eq!(all(&stage, &search("ada ki")).await, adas);
    assert_eq!(all(&stage, &search("ada ki grodig")).await.len(), 20);
    assert_eq!(all(&stage, &search("p017@x")).await, [17]);
    assert!(all(&stage, &search("ada nobody")).await.is_empty());
    let both = EntityListQuery {
        filter: Some("age == 3".to_owned()),
        ..search("ada")
    };
    let expected: Vec<i64> = (0..120).filter(|n| n % 2 == 1 && n % 10 == 3 && n % 7 != 0).collect();
    assert_eq!(all(&stage, &both).await, expected);
    assert_eq!(numbered(&stage, &both).await, expected);
    let entities = stage.engine.entities();
    let nothing = search("?!");
    let refused = entities.list(stage.tenant, "person", &nothing, &stage.ada).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn the_words_follow_edits_deletes_pulls_and_the_fields_that_are_searched() {
    let stage = Stage::new().await;
    people(&stage).await;
    let found = |text: &'static str| {
        let stage = &stage;
        async move { all(stage, &search(text)).await }
    };
    assert_eq!(found("p001").await, [1]);
    let entities = stage.engine.entities();
    let page = entities
        .list(stage.tenant, "person", &search("p001"), &stage.ada)
        .await
        .unwrap();
    let uid = page.entities[0].uid;
    let patch = values(json!({ "name": "Grace Hopper" }));
    entities
        .update(stage.tenant, uid, patch, EntityRead::Blind, &stage.ada)
        .await
        .unwrap();
    assert_eq!(found("hopp").await, [1]);
    entities.delete(stage.tenant, uid, &stage.ada).await.unwrap();
    assert!(found("hopper").await.is_empty());
    let deleted = EntityListQuery {
        deleted: true,
        ..search("hopper")
    };
    assert_eq!(all(&stage, &deleted).await, [1]);
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    stage
        .pull(&sync, "003A", &[("Name", "Nero"), ("Email", "q999@x.org")])
        .await;
    assert_eq!(found("nero").await, [999]);
    // Once fields are declared, the others are no longer searched.
    let mut city = Field::new("city", FieldType::Text);
    city.searchable = true;
    stage
        .engine
        .save_blueprint(stage.tenant, "person", &[city], &[], &stage.ada)
        .await
        .unwrap();
    assert!(found("nero").await.is_empty());
    assert_eq!(found("grodig").await.len(), 39);
}

#[tokio::test]
async fn lists_are_sorted_by_several_keys_each_in_its_own_direction() {
    let stage = Stage::new().await;
    people(&stage).await;
    let name = |n: i64| ["Zoë Müßig", "Ada King", "Łukasz O'Neill", "adam kinsky"][n as usize % 4];
    let age = |n: i64| if n % 7 == 0 { -1 } else { n % 10 };
    let by = |key: &dyn Fn(i64, i64) -> std::cmp::Ordering| -> Vec<i64> {
        let mut numbers: Vec<i64> = (0..120).collect();
        numbers.sort_by(|a, b| key(*a, *b).then(a.cmp(b)));
        numbers
    };
    let cases: [(EntityListQuery, Vec<i64>); 4] = [
        (sorted(&[("name", false)]), by(&|a, b| name(a).cmp(name(b)))),
        (
            sorted(&[("age", true), ("name", false)]),
            by(&|a, b| age(b).cmp(&age(a)).then(name(a).cmp(name(b)))),
        ),
        (
            sorted(&[("name", true), ("age", false), ("email", true)]),
            by(&|a, b| name(b).cmp(name(a)).then(age(a).cmp(&age(b))).then(b.cmp(&a))),
        ),
        (sorted(&[("email", true)]), by(&|a, b| b.cmp(&a))),
    ];
    for (query, expected) in cases {
        assert_eq!(all(&stage, &query).await, expected, "{:?}", query.sort);
        assert_eq!(numbered(&stage, &query).await, expected, "{:?}", query.sort);
        let filtered = EntityListQuery {
            filter: Some("age > 4".to_owned()),
            search: Some("a".to_owned()),
            ..query
        };
        let expected: Vec<i64> = expected.into_iter().filter(|n| age(*n) > 4 && n % 2 == 1).collect();
        assert_eq!(all(&stage, &filtered).await, expected, "{:?}", filtered.sort);
        assert_eq!(numbered(&stage, &filtered).await, expected, "{:?}", filtered.sort);
    }
}

#[tokio::test]
async fn numbered_pages_are_those_of_the_whole_list_and_counts_are_exact() {
    let stage = Stage::new().await;
    people(&stage).await;
    let plain = EntityListQuery {
        limit: 7,
        ..EntityListQuery::default()
    };
    assert_eq!(numbered(&stage, &plain).await, all(&stage, &plain).await);
    let entities = stage.engine.entities();
    let page = entities
        .list(stage.tenant, "person", &EntityListQuery::default(), &stage.ada)
        .await
        .unwrap();
    assert_eq!((page.entities.len(), page.total), (25, None));
    let filter = EntitySelection {
        filter: Some("city == 'Graz'".to_owned()),
        ..EntitySelection::default()
    };
    let searched = EntitySelection {
        search: Some("gra".to_owned()),
        ..EntitySelection::default()
    };
    entities
        .delete(stage.tenant, page.entities[0].uid, &stage.ada)
        .await
        .unwrap();
    let all = EntitySelection::default;
    let deleted = EntitySelection { deleted: true, ..all() };
    assert_eq!((count(&stage, all()).await, count(&stage, deleted).await), (119, 1));
    assert_eq!((count(&stage, filter).await, count(&stage, searched).await), (39, 39));
}
