use serde_json::json;
use syncline_core::ErrorKind;
use syncline_core::mapping::Strategy;
use syncline_core::model::{Blueprint, Field, FieldType};
use syncline_core::store::{Mode, Store};

use super::stage::{Stage, values};
use crate::document;
use crate::entity::{EntityListQuery, EntityRead, EntitySort, blueprint_by_name};

const CITIES: [&str; 4] = ["Graz", "Grödig", "Linz", "Wien"];

/// Some that were there before their fields were indexed, and as many that came later.
async fn people(stage: &Stage) {
    upsert(stage, 0..60).await;
    let mut fields = vec![
        Field::new("city", FieldType::Text),
        Field::new("age", FieldType::Integer),
        Field::new("born", FieldType::Date),
        Field::new("worth", FieldType::Decimal),
        Field::new("seen", FieldType::DateTime),
    ];
    fields.iter_mut().for_each(|field| field.indexed = true);
    let (engine, ada) = (&stage.engine, &stage.ada);
    engine
        .save_blueprint(stage.tenant, "person", &fields, &[], ada)
        .await
        .unwrap();
    upsert(stage, 60..120).await;
}

async fn upsert(stage: &Stage, numbers: std::ops::Range<i64>) {
    let person = |n: i64| {
        let mut person = values(json!({ "name": format!("p{n}"), "email": format!("p{n:03}@x.org") }));
        if n % 7 != 0 {
            person.insert("city".into(), CITIES[n as usize % 4].into());
            person.insert("age".into(), (n % 50 - 10).into());
        }
        if n >= 60 {
            person.insert("born".into(), format!("19{:02}-0{}-15", n % 90 + 10, n % 9 + 1).into());
            person.insert("worth".into(), format!("{}.{:02}", n - 90, n % 100).into());
            person.insert(
                "seen".into(),
                format!("2026-03-{:02}T10:00:{:02}Z", n % 28 + 1, n % 60).into(),
            );
        }
        person
    };
    let records = numbers.map(person).collect();
    let entities = stage.engine.entities();
    entities
        .bulk_upsert(stage.tenant, "person", "email", records, &stage.ada)
        .await
        .unwrap();
}

/// All pages of a list, as names.
async fn all(stage: &Stage, query: EntityListQuery) -> Vec<String> {
    let mut query = EntityListQuery { limit: 7, ..query };
    let mut names = Vec::new();
    loop {
        let entities = stage.engine.entities();
        let page = entities.list(stage.tenant, "person", &query, &stage.ada).await.unwrap();
        let name = |view: &crate::entity::EntityView| view.values["name"].as_str().unwrap().to_owned();
        names.extend(page.entities.iter().map(name));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return names,
        }
    }
}

fn filter(text: &str) -> EntityListQuery {
    EntityListQuery {
        filter: Some(text.to_owned()),
        ..EntityListQuery::default()
    }
}

#[tokio::test]
async fn an_indexed_filter_finds_what_a_scan_finds() {
    let stage = Stage::new().await;
    people(&stage).await;
    for text in [
        "city == 'Graz'",
        "city == null",
        "city.startsWith('Gr')",
        "entity.city.startsWith('') && age > 0",
        "age == 3",
        "age >= 10 && age < 20",
        "age < 0",
        "30 <= age",
        "city == 'Wien' && age > 12 && name != 'p91'",
        "born >= '1980-01-01' && born < '1990-06-01'",
        "worth > -5 && worth <= 7.5",
        "worth == -20.70",
        "seen > '2026-03-10T10:00:20Z'",
        "seen == '2026-03-11T10:00:06Z'",
        "seen < '2026-03-05'",
        "email == 'p017@x.org'",
        "email.startsWith('p01')",
        "city == 'Rom'",
    ] {
        // An alternative is nothing that an index answers.
        let scanned = all(&stage, filter(&format!("({text}) || false"))).await;
        assert_eq!(all(&stage, filter(text)).await, scanned, "{text}");
        assert_eq!(scanned.is_empty(), text.contains("Rom"), "{text}");
    }
}

#[tokio::test]
async fn a_sorted_list_has_everybody_once_in_either_direction_and_those_without_a_value_first() {
    let stage = Stage::new().await;
    people(&stage).await;
    let sorted = |field: &str, descending, filter: Option<&str>| EntityListQuery {
        sort: vec![EntitySort {
            field: field.to_owned(),
            descending,
        }],
        filter: filter.map(str::to_owned),
        ..EntityListQuery::default()
    };
    for (field, filter) in [
        ("age", None),
        ("city", None),
        ("worth", Some("age > 5")),
        ("email", Some("city == 'Graz'")),
        ("age", Some("age > 3 && city.startsWith('Gr')")),
    ] {
        let upwards = all(&stage, sorted(field, false, filter)).await;
        let mut downwards = all(&stage, sorted(field, true, filter)).await;
        downwards.reverse();
        assert_eq!(upwards, downwards, "{field} {filter:?}");
        let mut everybody = all(
            &stage,
            EntityListQuery {
                filter: filter.map(str::to_owned),
                ..Default::default()
            },
        )
        .await;
        everybody.sort();
        let mut sorted = upwards;
        sorted.sort();
        assert_eq!(sorted, everybody, "{field} {filter:?}");
    }
    let by_age = all(&stage, sorted("age", false, None)).await;
    // Every seventh has no age; of the others the youngest are minus ten.
    assert_eq!(by_age[..2], ["p0", "p7"]);
    assert_eq!(by_age[18..20], ["p50", "p100"]);
}

#[tokio::test]
async fn the_index_follows_edits_deletes_undeletes_and_pulls() {
    let stage = Stage::new().await;
    people(&stage).await;
    let entities = stage.engine.entities();
    let rome = || filter("city == 'Rom'");
    assert!(all(&stage, rome()).await.is_empty());
    let found = entities
        .list(stage.tenant, "person", &filter("name == 'p61'"), &stage.ada)
        .await
        .unwrap();
    let uid = found.entities[0].uid;
    let move_to = |city: &str| values(json!({ "city": city }));
    entities
        .update(stage.tenant, uid, move_to("Rom"), EntityRead::Blind, &stage.ada)
        .await
        .unwrap();
    assert_eq!(all(&stage, rome()).await, ["p61"]);
    entities.delete(stage.tenant, uid, &stage.ada).await.unwrap();
    assert!(all(&stage, rome()).await.is_empty());
    entities.undelete(stage.tenant, uid, &stage.ada).await.unwrap();
    assert_eq!(all(&stage, rome()).await, ["p61"]);
    entities
        .update(stage.tenant, uid, move_to("Bonn"), EntityRead::Blind, &stage.ada)
        .await
        .unwrap();
    assert!(all(&stage, rome()).await.is_empty());
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    stage.pull(&sync, "003A", &[("Name", "Nero"), ("City", "Rom")]).await;
    assert_eq!(all(&stage, rome()).await, ["Nero"]);
}

#[tokio::test]
async fn what_there_is_not_can_not_be_sorted_by_and_a_place_belongs_to_its_list() {
    let stage = Stage::new().await;
    people(&stage).await;
    let sort = |field: &str| EntityListQuery {
        sort: vec![EntitySort::ascending(field)],
        ..EntityListQuery::default()
    };
    let elsewhere = |after: &str| EntityListQuery {
        after: Some(after.to_owned()),
        ..sort("age")
    };
    let twice = EntityListQuery {
        page: Some(2),
        ..elsewhere("01.1")
    };
    let before_the_first = EntityListQuery {
        page: Some(0),
        ..sort("age")
    };
    for (query, said) in [
        (sort("colour"), "no field `colour`"),
        (elsewhere("12"), "where a page of this list ended"),
        (elsewhere("zz.1"), "where a page of this list ended"),
        (twice, "by its number or by where"),
        (before_the_first, "counted from 1"),
    ] {
        let entities = stage.engine.entities();
        let error = entities
            .list(stage.tenant, "person", &query, &stage.ada)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn an_index_is_of_the_field_and_not_of_its_name() {
    let stage = Stage::new().await;
    people(&stage).await;
    let graz = all(&stage, filter("city == 'Graz'")).await;
    // The field goes by another name, and another field takes the old one.
    let change = |rename: fn(&mut Vec<Field>)| {
        let stage = &stage;
        async move {
            let mut tx = stage.store.begin(Mode::Write).await.unwrap();
            let mut blueprint = blueprint_by_name(tx.as_mut(), stage.tenant, "person").await.unwrap();
            rename(&mut blueprint.fields);
            let known = document::get::<Blueprint>(tx.as_mut(), u64::from(blueprint.id))
                .await
                .unwrap();
            let mut changed = document::Versioned {
                value: blueprint,
                version: known.version,
            };
            document::put(tx.as_mut(), &mut changed).await.unwrap();
            tx.commit().await.unwrap();
        }
    };
    change(|fields| {
        let city = fields.iter_mut().find(|field| field.name == "city").unwrap();
        city.name = "town".to_owned();
        let mut city = Field::new("city", FieldType::Text);
        city.indexed = true;
        fields.push(city);
    })
    .await;
    assert_eq!(all(&stage, filter("town == 'Graz'")).await, graz);
    assert!(all(&stage, filter("city == 'Graz'")).await.is_empty());
    let made = values(json!({ "name": "new", "city": "Graz", "town": "Rom" }));
    let entities = stage.engine.entities();
    entities.create(stage.tenant, "person", made, &stage.ada).await.unwrap();
    assert_eq!(all(&stage, filter("city == 'Graz'")).await, ["new"]);
    // Away and back again: what was written meanwhile is there too.
    change(|fields| fields.last_mut().unwrap().name = "village".to_owned()).await;
    let made = values(json!({ "name": "newer", "village": "Graz" }));
    entities.create(stage.tenant, "person", made, &stage.ada).await.unwrap();
    change(|fields| fields.last_mut().unwrap().name = "city".to_owned()).await;
    assert_eq!(all(&stage, filter("city == 'Graz'")).await, ["new", "newer"]);
}
