//! Links as references, as sets and by label: read, written, and found although they move no stamp.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what tests share may fail the test")]

mod support;

use std::collections::BTreeMap;

use support::{World, create, pull, update};
use syncline_core::batch::{Batch, OutcomeKind, Projection, ValueKind};
use syncline_core::connector::Connector;
use syncline_core::io::{Effect, Io, Method, Request};
use syncline_core::job::{Budget, FetchBy, Job, Progress, Start};
use syncline_core::schema::{Described, FieldKind};
use syncline_core::value::Value;

const VERSIONS: [&str; 3] = ["2026-09", "2026-03", "v3"];

fn set(ids: &[&str]) -> Value {
    Value::List(ids.iter().map(|id| Value::text(*id)).collect())
}

fn companies(label: u64) -> Projection {
    Projection::new([
        ("associations.company".to_owned(), ValueKind::Text),
        ("associations.company.all".to_owned(), ValueKind::Choices),
        (format!("associations.company.user_{label}"), ValueKind::Choices),
    ])
}

/// Three contacts and three companies that nothing links, and a label for their links.
async fn stage(version: &str) -> (World, Vec<String>, Vec<String>, u64) {
    let world = World::at(version, 0);
    let (mut people, mut firms) = (Vec::new(), Vec::new());
    for number in 0..3 {
        let fields = [("email".to_owned(), format!("p{number}@example.com").into())];
        people.push(
            world
                .simulator
                .create("contacts", fields.into_iter().collect())
                .unwrap(),
        );
        let fields = [("name".to_owned(), format!("Firm {number}").into())];
        firms.push(
            world
                .simulator
                .create("companies", fields.into_iter().collect())
                .unwrap(),
        );
    }
    let url = format!(
        "{}/crm/v4/associations/contacts/companies/labels",
        world.config.base_url
    );
    let body = r#"{"name":"advisor","label":"Advisor","inverseLabel":"Advised by"}"#;
    let request = Request::new(Method::Post, url, Effect::Once).json(body);
    let answer: serde_json::Value = serde_json::from_slice(&world.send(request).await.unwrap().body).unwrap();
    let label = answer["results"][0]["typeId"].as_u64().unwrap();
    (world, people, firms, label)
}

async fn values(world: &World, projection: &Projection, id: &str) -> Vec<Option<Value>> {
    let rows = world
        .fetch("contacts", projection, FetchBy::Ids(vec![id.to_owned()]))
        .await;
    rows[0].values.clone()
}

#[tokio::test]
async fn links_are_one_reference_a_set_and_a_set_by_label() {
    for version in VERSIONS {
        let (world, people, firms, label) = stage(version).await;
        let projection = companies(label);
        let label_path = format!("associations.company.user_{label}");
        let (one, two, three) = (firms[0].as_str(), firms[1].as_str(), firms[2].as_str());
        let outcomes = world
            .push(
                "contacts",
                vec![update(&people[0], &[("associations.company.all", set(&[one, two]))])],
            )
            .await;
        assert_eq!(
            outcomes[0].kind,
            OutcomeKind::Applied { created: false },
            "{outcomes:?}"
        );
        let read = values(&world, &projection, &people[0]).await;
        assert_eq!(read[1], Some(set(&[one, two])));
        assert_eq!(read[2], Some(Value::Null));

        let labelled = [
            ("associations.company.all", set(&[two, three])),
            (label_path.as_str(), set(&[three])),
        ];
        world.push("contacts", vec![update(&people[0], &labelled)]).await;
        let read = values(&world, &projection, &people[0]).await;
        assert_eq!((&read[1], &read[2]), (&Some(set(&[two, three])), &Some(set(&[three]))));

        // Only the label goes; the link stays.
        world
            .push(
                "contacts",
                vec![update(&people[0], &[(label_path.as_str(), Value::Null)])],
            )
            .await;
        let read = values(&world, &projection, &people[0]).await;
        assert_eq!((&read[1], &read[2]), (&Some(set(&[two, three])), &Some(Value::Null)));

        world
            .push(
                "contacts",
                vec![update(&people[0], &[("associations.company.all", Value::Null)])],
            )
            .await;
        assert_eq!(values(&world, &projection, &people[0]).await[1], Some(Value::Null));
    }
}

#[tokio::test]
async fn a_create_carries_sets_and_labels_itself() {
    for version in VERSIONS {
        let (world, _, firms, label) = stage(version).await;
        let path = format!("associations.company.user_{label}");
        let mut write = create("new@example.com");
        write
            .fields
            .push(("associations.company.all".into(), set(&[&firms[0], &firms[1]])));
        write.fields.push((path, set(&[&firms[1]])));
        let outcomes = world.push("contacts", vec![write]).await;
        let id = outcomes[0].id.clone().unwrap();
        assert_eq!(world.count("/associations/"), 1, "only the label was made by the stage");
        let read = values(&world, &companies(label), &id).await;
        assert_eq!(
            (&read[1], &read[2]),
            (&Some(set(&[&firms[0], &firms[1]])), &Some(set(&[&firms[1]])))
        );
    }
}

#[tokio::test]
async fn a_set_that_names_a_record_that_is_gone_is_refused_alone() {
    let (world, people, firms, _) = stage("2026-09").await;
    let wants = |id: &str, ids: &[&str]| update(id, &[("associations.company.all", set(ids))]);
    let outcomes = world
        .push(
            "contacts",
            vec![wants(&people[0], &[&firms[0], "999"]), wants(&people[1], &[&firms[0]])],
        )
        .await;
    assert!(matches!(outcomes[0].kind, OutcomeKind::Rejected { .. }), "{outcomes:?}");
    assert_eq!(outcomes[1].kind, OutcomeKind::Applied { created: false });
}

#[tokio::test]
async fn labels_are_described_as_sets_of_references() {
    for version in VERSIONS {
        let (world, .., label) = stage(version).await;
        let described = world
            .connector
            .describe(&world, &world.config, "contacts", None)
            .await
            .unwrap();
        let Described::Schema(schema) = described else {
            panic!("no schema")
        };
        for path in [
            "associations.company.all".to_owned(),
            format!("associations.company.user_{label}"),
        ] {
            let field = schema.field(&path).unwrap_or_else(|| panic!("no {path}"));
            assert_eq!(
                (field.kind, field.value_kind),
                (FieldKind::MultiChoice, ValueKind::Choices)
            );
            assert_eq!(field.references, ["companies"]);
        }
        let label = schema.field(&format!("associations.company.user_{label}")).unwrap();
        assert!(label.label.contains("Advisor"));
        assert_eq!(schema.field("associations.company").unwrap().kind, FieldKind::Reference);
    }
}

#[tokio::test]
async fn a_sweep_shows_a_changed_link_that_moved_no_stamp_at_no_more_calls_than_its_pages() {
    for version in VERSIONS {
        let (world, people, firms, label) = stage(version).await;
        let projection = companies(label);
        // The first company is the primary one, which is a property and moves the stamp; a second one does not.
        world
            .simulator
            .associate("contacts", &people[0], "companies", &firms[0])
            .unwrap();
        let sweep = || Job::Sweep {
            object: "contacts".into(),
            projection: projection.clone(),
        };
        let mut seen: Vec<BTreeMap<String, (Option<u128>, _)>> = Vec::new();
        for _ in 0..2 {
            let mut task = world.connector.open(&world.config, sweep(), None).unwrap();
            let mut batch = Batch::new(3);
            let progress = task.step(&world, Budget::default(), &mut batch).await.unwrap();
            assert!(matches!(progress, Progress::Done { .. }));
            seen.push(
                batch
                    .rows()
                    .map(|row| (row.id().to_owned(), (row.hash(), row.stamp())))
                    .collect(),
            );
            world.pass(60);
            world
                .simulator
                .associate("contacts", &people[0], "companies", &firms[2])
                .unwrap();
        }
        assert_ne!(seen[0][&people[0]].0, seen[1][&people[0]].0);
        assert_eq!(seen[0][&people[0]].1, seen[1][&people[0]].1, "the stamp stays");
        assert_eq!(seen[0][&people[1]], seen[1][&people[1]]);
        assert_eq!((world.count("/contacts?limit"), world.count("batch/read")), (2, 2));
        let (rows, _) = world
            .pull(
                pull("contacts", &projection, Start::Beginning),
                Budget::default(),
                false,
            )
            .await;
        assert_eq!(rows.len(), 3);
    }
}
