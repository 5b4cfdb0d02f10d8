//! The connector against the simulated organisation.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test panics"
)]

mod bulk_read;
mod bulk_write;
mod change_events;
mod coverage;
mod support;
mod wide;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use support::{PulledRow, World};
use syncline_core::batch::{Batch, OutcomeKind, Projection, RowState, ValueKind};
use syncline_core::connector::Connector;
use syncline_core::job::{Budget, Fetch, FetchBy, Job, Progress, Start, Verb, Write};
use syncline_core::schema::Described;
use syncline_core::{ErrorKind, Value};
use syncline_simulators::fault::Fault;

const CONTACT: [(&str, ValueKind); 4] = [
    ("LastName", ValueKind::Text),
    ("Email", ValueKind::Text),
    ("Account.Name", ValueKind::Text),
    ("Birthdate", ValueKind::Date),
];
const NAME: [(&str, ValueKind); 1] = [("LastName", ValueKind::Text)];

fn fields(pairs: &[(&str, serde_json::Value)]) -> BTreeMap<String, serde_json::Value> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}

fn write(verb: Verb, fields: &[(&str, Value)]) -> Write {
    let fields = fields
        .iter()
        .map(|(path, value)| ((*path).to_owned(), value.clone()))
        .collect();
    Write {
        operation: uuid::Uuid::nil(),
        verb,
        fields,
    }
}

fn create(marker: Option<&str>, fields: &[(&str, Value)]) -> Write {
    write(
        Verb::Create {
            marker: marker.map(|key| ("External_Id__c".to_owned(), key.to_owned())),
        },
        fields,
    )
}

fn update(id: &str, fields: &[(&str, Value)]) -> Write {
    write(
        Verb::Update {
            id: id.to_owned(),
            expected_stamp: None,
        },
        fields,
    )
}

fn live_ids(world: &World, object: &str) -> BTreeSet<String> {
    world
        .simulator
        .records(object)
        .into_iter()
        .filter(|record| !record.deleted)
        .map(|record| record.id)
        .collect()
}

fn ids(rows: &[PulledRow]) -> BTreeSet<String> {
    rows.iter().map(|row| row.id.clone()).collect()
}

async fn fetch(world: &World, object: &str, fields: &[(&str, ValueKind)], by: FetchBy) -> Batch {
    let mut batch = Batch::new(fields.len());
    let fetch = Fetch {
        object: object.into(),
        projection: Projection::new(fields.iter().copied()),
        by,
    };
    world
        .connector
        .fetch(world, &world.config, &fetch, &mut batch)
        .await
        .unwrap();
    batch
}

fn first_id(world: &World, object: &str) -> String {
    live_ids(world, object).into_iter().next().unwrap()
}

#[tokio::test]
async fn it_knows_itself_its_objects_its_fields_and_its_users() {
    let world = World::new(10);
    let account = world.connector.account(&world, &world.config).await.unwrap();
    assert_eq!(account.id, world.simulator.organization_id());
    assert_eq!(account.user_id, world.simulator.integration_user_id());

    let objects = world.connector.objects(&world, &world.config).await.unwrap();
    let names: Vec<_> = objects.iter().map(|object| object.name.as_str()).collect();
    for name in ["Account", "Case", "Contact", "Lead", "Opportunity"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    assert!(names.is_sorted());

    let described = world
        .connector
        .describe(&world, &world.config, "Contact", None)
        .await
        .unwrap();
    let Described::Schema(schema) = described else {
        panic!("a first description is whole")
    };
    assert!(schema.field("LastName").unwrap().required);
    assert!(schema.field("External_Id__c").unwrap().external_id);
    assert!(schema.field("MailingAddress").is_none() && schema.field("MailingCity").is_some());
    let again = world
        .connector
        .describe(&world, &world.config, "Contact", schema.version.as_deref())
        .await
        .unwrap();
    assert_eq!(again, Described::Unchanged);
    world.pass(60);
    world
        .simulator
        .add_custom_field("Contact", "Nick__c", "Nick", "string(40)")
        .unwrap();
    let changed = world
        .connector
        .describe(&world, &world.config, "Contact", schema.version.as_deref())
        .await
        .unwrap();
    assert!(matches!(changed, Described::Schema(schema) if schema.field("Nick__c").is_some()));
    let nothing = world
        .connector
        .describe(&world, &world.config, "Nothing__c", None)
        .await
        .unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::NotFound);

    let users = world.connector.users(&world, &world.config).await.unwrap();
    assert!(users.iter().any(|user| user.id == account.user_id && user.active));
}

#[tokio::test]
async fn everything_is_pulled_once_and_then_nothing_but_what_changed() {
    let world = World::new(1_000);
    let first = world.pull("Contact", &CONTACT, Start::Beginning).await;
    assert_eq!(first.rows.len(), 1_000);
    assert_eq!(ids(&first.rows), live_ids(&world, "Contact"));
    for row in first.rows.iter().take(50) {
        let truth = world.simulator.record("Contact", &row.id).unwrap();
        assert_eq!(row.values[0].to_json(), truth.fields["LastName"]);
        assert_eq!(row.values[1].to_json(), truth.fields["Email"]);
        assert_eq!(row.stamp, Some(truth.modified));
        let account = truth.fields.get("AccountId").and_then(|id| id.as_str());
        let name = account.map(|id| world.simulator.record("Account", id).unwrap().fields["Name"].clone());
        assert_eq!(row.values[2].to_json(), name.unwrap_or_default());
    }

    world.pass(3_600);
    let id = first_id(&world, "Contact");
    world
        .simulator
        .update("Contact", &id, fields(&[("LastName", json!("Changed"))]))
        .unwrap();
    let second = world.pull("Contact", &CONTACT, Start::Cursor(first.cursor)).await;
    assert_eq!(ids(&second.rows), BTreeSet::from([id]));
    assert_eq!(second.rows[0].values[0], Value::text("Changed"));
    world.pass(3_600);
    let overlapping = world.pull("Contact", &CONTACT, Start::Cursor(second.cursor)).await;
    assert_eq!(ids(&overlapping.rows), ids(&second.rows));
    world.pass(3_600);
    let quiet = world.pull("Contact", &CONTACT, Start::Cursor(overlapping.cursor)).await;
    assert!(quiet.rows.is_empty());
}

#[tokio::test]
async fn more_changes_of_one_second_than_a_page_holds_are_all_seen() {
    let world = World::new(1_500);
    let cursor = world.pull("Contact", &NAME, Start::Beginning).await.cursor;
    world.pass(3_600);
    world.simulator.touch_all("Contact").unwrap();
    world.pass(60);
    let pulled = world.pull("Contact", &NAME, Start::Cursor(cursor)).await;
    assert_eq!(ids(&pulled.rows).len(), 1_500);
    assert!(
        pulled.rows.len() < 1_600,
        "{} rows for 1,500 records",
        pulled.rows.len()
    );
}

#[tokio::test]
async fn a_record_changed_while_pages_are_read_is_in_this_pull_or_the_next() {
    let world = World::new(1_000);
    let cursor = world.pull("Contact", &NAME, Start::Beginning).await.cursor;
    world.pass(3_600);
    world.simulator.touch_all("Contact").unwrap();
    world.pass(60);
    let all: Vec<_> = live_ids(&world, "Contact").into_iter().collect();
    let pulled = world
        .pull_with("Contact", &NAME, Start::Cursor(cursor), |step, world| {
            world.pass(5);
            let id = &all[all.len() - step];
            world
                .simulator
                .update("Contact", id, fields(&[("LastName", json!(format!("Late {step}")))]))
                .unwrap();
        })
        .await;
    world.pass(5);
    let next = world.pull("Contact", &NAME, Start::Cursor(pulled.cursor)).await;
    let mut known = BTreeMap::new();
    for row in pulled.rows.into_iter().chain(next.rows) {
        known.insert(row.id, row.values[0].to_json());
    }
    for record in world.simulator.records("Contact") {
        assert_eq!(known.get(&record.id), Some(&record.fields["LastName"]), "{}", record.id);
    }
}

#[tokio::test]
async fn a_commit_that_comes_minutes_late_is_not_missed() {
    let world = World::new(20);
    let cursor = world.pull("Contact", &NAME, Start::Beginning).await.cursor;
    world.pass(3_600);
    let id = first_id(&world, "Contact");
    world.simulator.next_commit_late(jiff::SignedDuration::from_mins(8));
    world
        .simulator
        .update("Contact", &id, fields(&[("LastName", json!("Late"))]))
        .unwrap();
    world.pass(60);
    let before = world.pull("Contact", &NAME, Start::Cursor(cursor)).await;
    assert!(!ids(&before.rows).contains(&id));
    world.pass(480);
    let after = world.pull("Contact", &NAME, Start::Cursor(before.cursor)).await;
    assert!(
        after
            .rows
            .iter()
            .any(|row| row.id == id && row.values[0] == Value::text("Late"))
    );
}

#[tokio::test]
async fn deletes_merges_undeletes_and_conversions_are_seen() {
    let world = World::new(20);
    let lead = world
        .simulator
        .create(
            "Lead",
            fields(&[("LastName", json!("Doe")), ("Company", json!("Acme"))]),
        )
        .unwrap();
    let contacts = world.pull("Contact", &NAME, Start::Beginning).await;
    let leads = world.pull("Lead", &NAME, Start::Beginning).await;
    world.pass(3_600);
    let all: Vec<_> = live_ids(&world, "Contact").into_iter().collect();
    world.simulator.delete("Contact", &all[0]).unwrap();
    world.simulator.merge("Contact", &all[1], &[all[2].clone()]).unwrap();
    world.simulator.delete("Contact", &all[3]).unwrap();
    world.simulator.undelete("Contact", &all[3]).unwrap();
    let converted = world.simulator.convert_lead(&lead, None).unwrap();
    world.pass(5);

    let pulled = world.pull("Contact", &NAME, Start::Cursor(contacts.cursor)).await;
    let state = |id: &str| {
        let row = pulled.rows.iter().find(|row| row.id == id).unwrap();
        (row.state, row.merged_into.clone())
    };
    assert_eq!(state(&all[0]), (RowState::Deleted, None));
    assert_eq!(state(&all[2]), (RowState::Merged, Some(all[1].clone())));
    assert_eq!(state(&all[3]), (RowState::Live, None));
    let pulled = world.pull("Lead", &NAME, Start::Cursor(leads.cursor)).await;
    assert_eq!(pulled.rows[0].state, RowState::Converted);
    assert_eq!(pulled.rows[0].merged_into, Some(converted.contact));

    world.simulator.hard_delete("Contact", &all[4]).unwrap();
    let wanted = [&all[0], &all[2], &all[3], &all[4]].map(Clone::clone).to_vec();
    let batch = fetch(&world, "Contact", &CONTACT, FetchBy::Ids(wanted.clone())).await;
    let by_path: BTreeMap<_, _> = batch.rows().map(|row| (row.id().to_owned(), row.state())).collect();
    let batch = fetch(&world, "Contact", &NAME, FetchBy::Ids(wanted)).await;
    let by_collection: BTreeMap<_, _> = batch.rows().map(|row| (row.id().to_owned(), row.state())).collect();
    assert_eq!(by_path, by_collection);
    assert_eq!(by_collection[&all[0]], RowState::Deleted);
    assert_eq!(by_collection[&all[1]], RowState::Live);
    assert_eq!(by_collection[&all[2]], RowState::Merged);
    assert_eq!(by_collection[&all[3]], RowState::Live);
    assert_eq!(by_collection[&all[4]], RowState::Missing);
}

#[tokio::test]
async fn what_was_written_is_read_back() {
    let world = World::new(20);
    let values = [
        ("LastName", Value::text("O'Hara \\ \"x\" ü")),
        ("Birthdate", Value::Date(jiff::civil::date(1980, 2, 29))),
        ("Email", Value::text("ada@example.com")),
        ("DoNotCall", Value::Bool(true)),
    ];
    let outcomes = world
        .push(
            "Contact",
            vec![
                create(Some("it's 1"), &values[..3]),
                create(None, &values[..3]),
                create(Some("2"), &[]),
            ],
        )
        .await;
    assert_eq!(outcomes[0].kind, OutcomeKind::Applied { created: true });
    assert_eq!(outcomes[1].kind, OutcomeKind::Applied { created: true });
    assert_eq!(
        outcomes[2].kind,
        OutcomeKind::Rejected {
            fields: vec!["LastName".into()]
        }
    );

    // Sent again it makes no second record.
    let again = world.push("Contact", vec![create(Some("it's 1"), &values[..3])]).await;
    assert_eq!(
        (&again[0].kind, &again[0].id),
        (&OutcomeKind::Applied { created: false }, &outcomes[0].id)
    );

    let asked = [
        ("LastName", ValueKind::Text),
        ("Birthdate", ValueKind::Date),
        ("External_Id__c", ValueKind::Text),
    ];
    let key = FetchBy::Key {
        field: "External_Id__c".into(),
        values: vec!["it's 1".into(), "unknown".into()],
    };
    let batch = fetch(&world, "Contact", &asked, key).await;
    assert_eq!(batch.rows().len(), 1);
    let row = batch.get(0).unwrap();
    assert_eq!(Some(row.id()), outcomes[0].id.as_deref());
    assert_eq!(row.value(0).unwrap(), Some(values[0].1.clone()));
    assert_eq!(row.value(1).unwrap(), Some(values[1].1.clone()));

    let id = outcomes[0].id.clone().unwrap();
    let other = outcomes[1].id.clone().unwrap();
    let cleared = world
        .push(
            "Contact",
            vec![
                update(&id, &[("Birthdate", Value::Null)]),
                update(&other, &[("LastName", Value::text("B"))]),
            ],
        )
        .await;
    assert!(
        cleared
            .iter()
            .all(|outcome| outcome.kind == OutcomeKind::Applied { created: false })
    );
    let batch = fetch(&world, "Contact", &asked, FetchBy::Ids(vec![id.clone()])).await;
    assert_eq!(batch.get(0).unwrap().value(1).unwrap(), Some(Value::Null));

    let deletes = vec![
        write(Verb::Delete { id: id.clone() }, &[]),
        write(Verb::Delete { id: other.clone() }, &[]),
    ];
    let gone = world.push("Contact", deletes.clone()).await;
    assert!(
        gone.iter()
            .all(|outcome| matches!(outcome.kind, OutcomeKind::Applied { .. }))
    );
    let again = world.push("Contact", deletes).await;
    assert!(
        again.iter().all(|outcome| outcome.kind == OutcomeKind::Gone),
        "{again:?}"
    );
    let late = world
        .push("Contact", vec![update(&id, &values[..1]), update(&other, &values[..1])])
        .await;
    assert!(late.iter().all(|outcome| outcome.kind == OutcomeKind::Gone), "{late:?}");
}

#[tokio::test]
async fn a_unique_value_that_is_taken_names_its_record() {
    let world = World::new(5);
    let name = ("LastName", Value::text("A"));
    let first = world
        .push("Contact", vec![create(Some("k"), std::slice::from_ref(&name))])
        .await;
    let key = ("External_Id__c", Value::text("k"));
    let second = world.push("Contact", vec![create(None, &[name, key])]).await;
    assert_eq!(
        second[0].kind,
        OutcomeKind::Duplicate {
            existing: first[0].id.clone().unwrap()
        }
    );
}

#[tokio::test]
async fn one_update_is_refused_when_somebody_changed_the_record_meanwhile() {
    let world = World::new(5);
    let id = first_id(&world, "Contact");
    let guarded = |stamp, name: &str| {
        vec![write(
            Verb::Update {
                id: id.clone(),
                expected_stamp: stamp,
            },
            &[("LastName", Value::text(name))],
        )]
    };
    let seen = fetch(&world, "Contact", &NAME, FetchBy::Ids(vec![id.clone()]))
        .await
        .get(0)
        .unwrap()
        .stamp();
    world.pass(10);
    let ours = world.push("Contact", guarded(seen, "Ours")).await;
    assert_eq!(ours[0].kind, OutcomeKind::Applied { created: false });
    world.pass(10);
    world
        .simulator
        .update("Contact", &id, fields(&[("LastName", json!("Theirs"))]))
        .unwrap();
    let late = world.push("Contact", guarded(seen, "Late")).await;
    assert_eq!(late[0].kind, OutcomeKind::Conflict);
    assert_eq!(
        world.simulator.record("Contact", &id).unwrap().fields["LastName"],
        json!("Theirs")
    );
}

#[tokio::test]
async fn a_sweep_gives_every_live_id_and_its_stamp() {
    let world = World::new(300);
    let gone = first_id(&world, "Contact");
    world.simulator.delete("Contact", &gone).unwrap();
    let mut task = world.open(
        Job::Sweep {
            object: "Contact".into(),
            projection: Projection::default(),
        },
        None,
    );
    let mut found = BTreeSet::new();
    loop {
        let mut batch = Batch::new(0);
        let progress = task
            .step(&world, Budget { rows: 200, calls: 1 }, &mut batch)
            .await
            .unwrap();
        found.extend(batch.rows().map(|row| row.id().to_owned()));
        assert!(batch.rows().all(|row| row.stamp().is_some()));
        if let Progress::Done { .. } = progress {
            break;
        }
    }
    assert_eq!(found, live_ids(&world, "Contact"));
}

#[tokio::test]
async fn a_pull_survives_dead_locators_and_every_fault_of_the_network() {
    let world = World::new(900);
    for fault in [
        Fault::Unauthorized,
        Fault::RateLimited,
        Fault::RateLimitedRetryAfter,
        Fault::ServerError,
        Fault::HtmlError,
        Fault::Reset,
        Fault::Truncated,
        Fault::Timeout,
    ] {
        world.simulator.faults().set_rate(fault, 0.05);
    }
    let pulled = world
        .pull_with("Contact", &NAME, Start::Beginning, |_, world| {
            world.simulator.expire_locators();
        })
        .await;
    assert_eq!(pulled.rows.len(), 900);
    assert_eq!(ids(&pulled.rows), live_ids(&world, "Contact"));
}

#[tokio::test]
async fn what_a_fault_does_to_a_write_is_told_truthfully() {
    let world = World::new(5);
    let names = |prefix: &str| {
        (0..3)
            .map(|n| create(None, &[("LastName", Value::text(format!("{prefix}{n}")))]))
            .collect::<Vec<_>>()
    };
    let held = |prefix: &str| {
        let records = world.simulator.records("Contact");
        records
            .iter()
            .filter(|r| r.fields["LastName"].as_str().unwrap().starts_with(prefix))
            .count()
    };
    for (fault, prefix) in [
        (Fault::Unauthorized, "Ua"),
        (Fault::RateLimited, "Rl"),
        (Fault::RateLimitedRetryAfter, "Ra"),
        (Fault::ServerError, "Se"),
        (Fault::HtmlError, "He"),
        (Fault::Reset, "Re"),
        (Fault::Truncated, "Tr"),
        (Fault::Timeout, "Ti"),
        (Fault::AppliedTimeout, "At"),
        (Fault::Validation, "Va"),
        (Fault::RowLock, "Lo"),
    ] {
        world.simulator.faults().script(fault, 1);
        let outcomes = world.push("Contact", names(prefix)).await;
        let count = |wanted: fn(&OutcomeKind) -> bool| outcomes.iter().filter(|o| wanted(&o.kind)).count();
        let applied = count(|kind| matches!(kind, OutcomeKind::Applied { .. }));
        let unknown = count(|kind| matches!(kind, OutcomeKind::Unknown));
        // What is told as applied was, what is told as not applied was not, the rest is said to be unknown.
        assert!(
            held(prefix) >= applied && held(prefix) <= applied + unknown,
            "{fault:?}: {outcomes:?}"
        );
        world.simulator.faults().clear();
    }
}

#[tokio::test]
async fn a_field_that_may_no_longer_be_seen_is_gone_and_an_encrypted_one_is_told_with_the_reason() {
    let world = World::new(1);
    let simulator = &world.simulator;
    let added = simulator.add_custom_field("Contact", "Secret__c", "Secret", "encryptedstring(40)");
    added.unwrap();
    world.pass(60);
    let describe = async |version: Option<&str>| {
        let described = world
            .connector
            .describe(&world, &world.config, "Contact", version)
            .await;
        match described.unwrap() {
            Described::Schema(schema) => Some(schema),
            Described::Unchanged => None,
        }
    };
    let schema = describe(None).await.unwrap();
    let left = schema.left_out.iter().find(|left| left.path == "Secret__c").unwrap();
    assert!(left.reason.contains("View Encrypted Data"), "{}", left.reason);
    assert!(schema.field("Title").is_some());
    assert!(describe(schema.version.as_deref()).await.is_none());

    world.pass(60);
    simulator.let_see("Contact", "Title", false).unwrap();
    simulator.let_view_encrypted(true);
    let schema = describe(schema.version.as_deref()).await.expect("permissions changed");
    assert!(schema.field("Title").is_none() && schema.field("Secret__c").is_some());

    let id = first_id(&world, "Contact");
    let secret = [("Secret__c", ValueKind::Text)];
    simulator
        .update("Contact", &id, fields(&[("Secret__c", json!("s3cret"))]))
        .unwrap();
    let read = async || {
        let batch = fetch(&world, "Contact", &secret, FetchBy::Ids(vec![id.clone()])).await;
        batch.get(0).unwrap().value(0).unwrap().unwrap()
    };
    assert_eq!(read().await, Value::text("s3cret"));
    simulator.let_view_encrypted(false);
    assert_eq!(read().await, Value::text("******"), "the mask that must not be mapped");
}
