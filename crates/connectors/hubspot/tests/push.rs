//! Pushes against the simulator.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what tests share may fail the test")]

mod support;

use support::{Answered, World, delete, update, write};
use syncline_core::batch::{Batch, OutcomeKind, Projection, ValueKind};
use syncline_core::connector::Connector;
use syncline_core::error::ErrorKind;
use syncline_core::job::{Budget, FetchBy, Job, Push, Verb, Write};
use syncline_core::value::Value;

fn create(email: &str) -> Write {
    write(
        Verb::Create { marker: None },
        &[("email", Value::text(email)), ("firstname", Value::text("New"))],
    )
}

fn upsert(key: &str, fields: &[(&str, Value)]) -> Write {
    write(
        Verb::Create {
            marker: Some(("external_id".into(), key.into())),
        },
        fields,
    )
}

fn first(world: &World, object: &str) -> String {
    world.simulator.records(object)[0].id.clone()
}

fn field(world: &World, id: &str, name: &str) -> Option<String> {
    let fields = world.simulator.record("contacts", id).unwrap().fields;
    fields.get(name).and_then(|value| value.as_str()).map(str::to_owned)
}

#[tokio::test]
async fn many_creates_give_one_outcome_each_with_the_id_of_their_own_record() {
    let world = World::new(10);
    let writes: Vec<Write> = (0..250).map(|n| create(&format!("new{n}@made.test"))).collect();
    let outcomes = world.push("contacts", writes).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.kind, OutcomeKind::Applied { created: true });
        let id = outcome.id.as_ref().unwrap();
        assert_eq!(field(&world, id, "email"), Some(format!("new{n}@made.test")));
    }
    assert_eq!(world.count("/batch/create"), 3);
}

#[tokio::test]
async fn a_taken_email_is_a_duplicate_and_harms_no_other_record() {
    let world = World::new(10);
    let taken = first(&world, "contacts");
    let email = field(&world, &taken, "email").unwrap();
    let outcomes = world
        .push(
            "contacts",
            vec![create("a@made.test"), create(&email), create("b@made.test")],
        )
        .await;
    assert_eq!(outcomes[0].kind, OutcomeKind::Applied { created: true });
    assert_eq!(outcomes[1].kind, OutcomeKind::Duplicate { existing: taken });
    assert_eq!(outcomes[2].kind, OutcomeKind::Applied { created: true });
}

#[tokio::test]
async fn an_upsert_by_the_marker_makes_one_record_however_often_it_is_sent() {
    let world = World::new(10);
    let company = first(&world, "companies");
    let fields = [
        ("firstname", Value::text("Ada")),
        ("associations.company", Value::text(&company)),
    ];
    let made = world.push("contacts", vec![upsert("k-1", &fields)]).await;
    let again = world.push("contacts", vec![upsert("k-1", &fields)]).await;
    assert_eq!(made[0].kind, OutcomeKind::Applied { created: true });
    assert_eq!(again[0].kind, OutcomeKind::Applied { created: false });
    assert_eq!(made[0].id, again[0].id);
    let id = made[0].id.clone().unwrap();
    assert_eq!(field(&world, &id, "external_id").as_deref(), Some("k-1"));
    assert_eq!(world.simulator.associated("contacts", &id, "companies"), [company]);
}

#[tokio::test]
async fn updates_set_and_clear_and_deletes_archive() {
    let world = World::new(10);
    let records = world.simulator.records("contacts");
    let (one, two) = (records[0].id.clone(), records[1].id.clone());
    let fields = [("firstname", Value::text("Ada")), ("phone", Value::Null)];
    let outcomes = world
        .push(
            "contacts",
            vec![
                update(&one, &fields),
                delete(&two),
                update("999", &fields),
                update("x", &fields),
            ],
        )
        .await;
    assert_eq!(outcomes[0].kind, OutcomeKind::Applied { created: false });
    assert!(outcomes[0].stamp.is_some());
    assert_eq!(outcomes[1].kind, OutcomeKind::Applied { created: false });
    assert_eq!(outcomes[2].kind, OutcomeKind::Gone);
    assert_eq!(outcomes[3].kind, OutcomeKind::Gone);
    assert_eq!(
        (
            field(&world, &one, "firstname").as_deref(),
            field(&world, &one, "phone")
        ),
        (Some("Ada"), None)
    );
    assert!(world.simulator.record("contacts", &two).unwrap().deleted);
}

#[tokio::test]
async fn answers_give_rows_of_what_they_tell() {
    let world = World::new(10);
    let id = first(&world, "contacts");
    let run = async |projection: Projection| {
        let writes = vec![update(
            &id,
            &[("firstname", Value::text("Ada")), ("lastname", Value::Null)],
        )];
        let push = Push {
            object: "contacts".into(),
            projection: projection.clone(),
            writes,
        };
        let mut task = world.connector.open(&world.config, Job::Push(push), None).unwrap();
        let mut batch = Batch::new(projection.fields.len());
        task.step(&world, Budget::default(), &mut batch).await.unwrap();
        let row = batch.get(batch.outcomes[0].row.unwrap()).unwrap();
        let values = (0..projection.fields.len()).map(|slot| row.value(slot).unwrap());
        (row.is_complete(), values.collect::<Vec<_>>())
    };
    let ada = Some(Value::text("Ada"));
    let told = Projection::new([("firstname", ValueKind::Text)]);
    assert_eq!(run(told).await, (true, vec![ada.clone()]));
    let untold = Projection::new([("firstname", ValueKind::Text), ("jobtitle", ValueKind::Text)]);
    assert_eq!(run(untold).await, (false, vec![ada, None]));
}

#[tokio::test]
async fn one_bad_record_is_found_and_the_others_are_written() {
    let world = World::new(120);
    let ids: Vec<String> = world
        .simulator
        .records("contacts")
        .into_iter()
        .map(|record| record.id)
        .collect();
    let writes = ids.iter().enumerate().map(|(n, id)| match n {
        17 => update(id, &[("lifecyclestage", Value::text("no such stage"))]),
        18 => update(id, &[("no_such_property", Value::text("x"))]),
        _ => update(id, &[("firstname", Value::text(format!("F{n}")))]),
    });
    let outcomes = world.push("contacts", writes.collect()).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        match n {
            17 => assert_eq!(
                outcome.kind,
                OutcomeKind::Rejected {
                    fields: vec!["lifecyclestage".into()]
                }
            ),
            18 => assert_eq!(
                outcome.kind,
                OutcomeKind::Rejected {
                    fields: vec!["no_such_property".into()]
                }
            ),
            _ => assert_eq!(outcome.kind, OutcomeKind::Applied { created: false }),
        }
    }
    assert_eq!(field(&world, &ids[99], "firstname").as_deref(), Some("F99"));
}

#[tokio::test]
async fn a_link_is_replaced_and_removed() {
    let world = World::new(40);
    let companies: Vec<String> = world
        .simulator
        .records("companies")
        .into_iter()
        .map(|record| record.id)
        .collect();
    let contacts = world.simulator.records("contacts");
    let id = contacts
        .iter()
        .map(|c| &c.id)
        .find(|id| !world.simulator.associated("contacts", id, "companies").is_empty());
    let id = id.unwrap();
    let old = world.simulator.associated("contacts", id, "companies")[0].clone();
    let new = companies.iter().find(|company| **company != old).unwrap();
    let projection = Projection::new([("associations.company", ValueKind::Text)]);
    let read = async || {
        let rows = world
            .fetch("contacts", &projection, FetchBy::Ids(vec![id.clone()]))
            .await;
        rows[0].text(0).map(str::to_owned)
    };
    assert_eq!(read().await, Some(old.clone()));
    let link = |value: Value| {
        update(
            id,
            &[("firstname", Value::text("Ada")), ("associations.company", value)],
        )
    };
    let outcomes = world.push("contacts", vec![link(Value::text(new))]).await;
    assert_eq!(outcomes[0].kind, OutcomeKind::Applied { created: false });
    assert_eq!(
        world.simulator.associated("contacts", id, "companies"),
        std::slice::from_ref(new)
    );
    assert_eq!(read().await, Some(new.clone()));
    let outcomes = world
        .push(
            "contacts",
            vec![update(id, &[("associations.company", Value::text("77"))])],
        )
        .await;
    assert_eq!(
        outcomes[0].kind,
        OutcomeKind::Rejected {
            fields: vec!["associations.company".into()]
        }
    );
    assert_eq!(read().await, Some(new.clone()));
    world
        .push("contacts", vec![update(id, &[("associations.company", Value::Null)])])
        .await;
    assert_eq!(read().await, None);
}

#[tokio::test]
async fn a_deal_is_made_with_its_links() {
    let world = World::new(20);
    let (company, contact) = (first(&world, "companies"), first(&world, "contacts"));
    let deal = write(
        Verb::Create { marker: None },
        &[
            ("dealname", Value::text("Big")),
            ("dealstage", Value::text("appointmentscheduled")),
            ("pipeline", Value::text("default")),
            ("associations.company", Value::text(&company)),
            ("associations.contact", Value::text(&contact)),
        ],
    );
    let outcomes = world.push("deals", vec![deal]).await;
    assert_eq!(
        outcomes[0].kind,
        OutcomeKind::Applied { created: true },
        "{:?}",
        outcomes[0].message
    );
    let projection = Projection::new([
        ("associations.company", ValueKind::Text),
        ("associations.contact", ValueKind::Text),
    ]);
    let id = outcomes[0].id.clone().unwrap();
    let rows = world.fetch("deals", &projection, FetchBy::Ids(vec![id])).await;
    assert_eq!(
        (rows[0].text(0), rows[0].text(1)),
        (Some(company.as_str()), Some(contact.as_str()))
    );
}

#[tokio::test]
async fn what_was_surely_not_applied_is_told_from_what_is_unknown() {
    let world = World::new(10);
    let id = first(&world, "contacts");
    let write = || vec![update(&id, &[("firstname", Value::text("Ada"))])];
    world.answer(
        "/batch/update",
        Answered::Instead(429, r#"{"policyName":"TEN_SECONDLY_ROLLING"}"#),
    );
    let limited = world.push("contacts", write()).await;
    assert!(matches!(
        limited[0].kind,
        OutcomeKind::NotApplied { not_before: Some(_) }
    ));
    world.answer("/batch/update", Answered::Instead(423, "{}"));
    assert!(matches!(
        world.push("contacts", write()).await[0].kind,
        OutcomeKind::NotApplied { .. }
    ));
    world.answer("/batch/update", Answered::Instead(502, "<html>"));
    assert_eq!(world.push("contacts", write()).await[0].kind, OutcomeKind::Unknown);
    world.answer("/batch/create", Answered::Lost);
    let asked = world.count("/batch/create");
    assert_eq!(
        world.push("contacts", vec![create("lost@made.test")]).await[0].kind,
        OutcomeKind::Unknown
    );
    assert_eq!(
        world.count("/batch/create"),
        asked + 1,
        "a lost create is not sent again"
    );
    world.answer("/batch/read", Answered::Instead(502, ""));
    world.answer(
        "/batch/update",
        Answered::Instead(403, r#"{"category":"MISSING_SCOPES","message":"no"}"#),
    );
    assert_eq!(
        world.push("contacts", write()).await[0].kind,
        OutcomeKind::Rejected { fields: vec![] }
    );
}

#[tokio::test]
async fn a_lost_connection_stops_a_push_before_it_began() {
    let world = World::new(10);
    let id = first(&world, "contacts");
    world.answer(
        "/batch/update",
        Answered::Instead(401, r#"{"category":"EXPIRED_AUTHENTICATION"}"#),
    );
    let push = Push {
        object: "contacts".into(),
        projection: Projection::default(),
        writes: vec![update(&id, &[("firstname", Value::text("Ada"))])],
    };
    let mut task = world.connector.open(&world.config, Job::Push(push), None).unwrap();
    let mut batch = Batch::new(0);
    let error = task.step(&world, Budget::default(), &mut batch).await.unwrap_err();
    assert_eq!((error.kind(), batch.outcomes.len()), (ErrorKind::Reauthorise, 0));
    task.step(&world, Budget::default(), &mut batch).await.unwrap();
    assert_eq!(batch.outcomes[0].kind, OutcomeKind::Applied { created: false });
}

#[tokio::test]
async fn an_upsert_by_email_is_refused_with_the_way_out() {
    let world = World::new(1);
    let marker = Some(("email".to_owned(), "a@b.test".to_owned()));
    let push = Push {
        object: "contacts".into(),
        projection: Projection::default(),
        writes: vec![write(Verb::Create { marker }, &[])],
    };
    let error = world
        .connector
        .open(&world.config, Job::Push(push), None)
        .err()
        .unwrap();
    assert!(error.kind() == ErrorKind::Invalid && error.message().contains("unique property"));
}
