//! Answers that other projects recorded from the real service, read in place where the folder is there.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "what tests share may fail the test"
)]

mod support;

use std::path::PathBuf;

use support::{Answered, World, update, write};
use syncline_core::batch::OutcomeKind;
use syncline_core::connector::Connector;
use syncline_core::io::{Class, Head};
use syncline_core::job::{Verb, Write};
use syncline_core::schema::{Described, FieldKind};
use syncline_core::value::Value;

/// Status and body of a recorded answer.
fn recorded(name: &str) -> Option<(u16, &'static str)> {
    let shared = std::env::var_os("SYNCLINE_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared"),
        PathBuf::from,
    );
    let path = shared.join("recorded/hubspot").join(name);
    let Ok(text) = std::fs::read(&path) else {
        println!("skipped: {name} is not there; set SYNCLINE_SHARED to the folder that holds recorded/hubspot");
        return None;
    };
    let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let status = json["response"]["status"].as_u64().unwrap();
    Some((
        u16::try_from(status).unwrap(),
        json["response"]["body"].to_string().leak(),
    ))
}

fn classify(status: u16, body: &str) -> Class {
    World::new(1).connector.classify(
        &Head {
            status,
            headers: Vec::new(),
        },
        body.as_bytes(),
    )
}

#[tokio::test]
async fn a_search_over_its_limit_is_not_the_daily_limit() {
    let Some((status, body)) = recorded("grouparoo-POST--crm-v3-objects-CONTACT-search-429.json") else {
        return;
    };
    assert!(matches!(
        classify(status, body),
        Class::RateLimited {
            daily: false,
            after: Some(_)
        }
    ));
}

#[tokio::test]
async fn a_batch_with_unknown_properties_names_them() {
    let Some((status, body)) = recorded("amp-batch-update-contacts-err-many-invalid-properties.json") else {
        return;
    };
    let Class::Rejected { code, message } = classify(status, body) else {
        panic!("not rejected")
    };
    assert_eq!(code, "PROPERTY_DOESNT_EXIST");
    assert!(message.contains("first000name") && message.contains("last000name"));
    let world = World::new(1);
    world.answer("/batch/update", Answered::Instead(status, body));
    let field = |name: &'static str| [(name, Value::text("x"))];
    let outcomes = world
        .push(
            "contacts",
            vec![update("1", &field("first000name")), update("2", &field("last000name"))],
        )
        .await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome.kind, OutcomeKind::Rejected { .. }))
    );
}

#[tokio::test]
async fn a_partly_failed_create_is_told_apart() {
    let Some((status, body)) = recorded("amp-batch-create-contacts-err-partial-success.json") else {
        return;
    };
    let world = World::new(1);
    world.answer("/batch/create", Answered::Instead(status, body));
    let create = |name: &str| write(Verb::Create { marker: None }, &[("firstname", Value::text(name))]);
    let outcomes = world.push("contacts", vec![create("Someone"), create("Siena")]).await;
    assert_eq!(
        outcomes[0].kind,
        OutcomeKind::Duplicate {
            existing: "171591000198".into()
        }
    );
    assert_eq!(outcomes[1].kind, OutcomeKind::Applied { created: true });
    assert_eq!(outcomes[1].id.as_deref(), Some("171596044870"));
}

#[tokio::test]
async fn results_without_traces_find_their_companies() {
    let Some((status, body)) = recorded("grouparoo-POST--crm-v3-objects-COMPANY-batch-create-201.json") else {
        return;
    };
    let world = World::new(1);
    world.answer("/batch/create", Answered::Instead(status, body));
    let create = |name: &str| -> Write {
        let domain = Value::text(format!("{name}.grouparoo.com"));
        write(
            Verb::Create { marker: None },
            &[("name", Value::text(name)), ("domain", domain)],
        )
    };
    let outcomes = world.push("companies", vec![create("bossa"), create("samba")]).await;
    assert_eq!(outcomes[0].id.as_deref(), Some("7945038518"));
    assert_eq!(outcomes[1].id.as_deref(), Some("7945038519"));
}

#[tokio::test]
async fn recorded_properties_and_schemas_are_described() {
    let Some((_, properties)) = recorded("amp-metadata-contacts-properties-sampled.json") else {
        return;
    };
    let world = World::new(1);
    world.answer("/properties/2026-09/contacts", Answered::Instead(200, properties));
    let described = world
        .connector
        .describe(&world, &world.config, "contacts", None)
        .await
        .unwrap();
    let Described::Schema(schema) = described else {
        panic!("no schema")
    };
    let kind = |path: &str| schema.field(path).unwrap().kind;
    assert_eq!(kind("mobilephone"), FieldKind::Phone);
    assert_eq!(kind("autogen"), FieldKind::Bool);
    assert_eq!(kind("hs_all_assigned_business_unit_ids"), FieldKind::MultiChoice);
    assert!(schema.field("hobby__c").unwrap().external_id);
    assert!(!schema.field("hubspotscore").unwrap().writable());
    let Some((_, schemas)) = recorded("grouparoo-GET--crm-v3-schemas-200.json") else {
        return;
    };
    world.answer("/schemas", Answered::Instead(200, schemas));
    let objects = world.connector.objects(&world, &world.config).await.unwrap();
    let custom = objects
        .iter()
        .find(|object| object.name == "p20858235_grouparoo_company")
        .unwrap();
    assert!(custom.custom && custom.label == "Grouparoo Companies");
}
