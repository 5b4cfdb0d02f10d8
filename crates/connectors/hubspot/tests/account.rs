//! Account, objects, fields, owners and webhooks.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what tests share may fail the test")]

mod support;

use support::{Answered, World};
use syncline_core::connector::{Connector, RawRequest};
use syncline_core::error::ErrorKind;
use syncline_core::schema::{Described, FieldKind, ObjectSchema};

async fn describe(world: &World, object: &str) -> ObjectSchema {
    match world
        .connector
        .describe(world, &world.config, object, None)
        .await
        .unwrap()
    {
        Described::Schema(schema) => schema,
        Described::Unchanged => panic!("no version was given"),
    }
}

#[tokio::test]
async fn the_account_is_named_by_its_portal() {
    let world = World::new(1);
    let account = world.connector.account(&world, &world.config).await.unwrap();
    assert_eq!(account.id, world.simulator.portal_id().to_string());
    assert!(account.time_zone.is_some());
}

#[tokio::test]
async fn objects_are_sorted_and_custom_ones_need_their_scope() {
    let world = World::new(1);
    let names = async || {
        let objects = world.connector.objects(&world, &world.config).await.unwrap();
        objects.into_iter().map(|object| object.name).collect::<Vec<_>>()
    };
    let all = names().await;
    let custom = |name: &String| name.starts_with('p') && name.contains("_project");
    assert!(all.is_sorted() && all.iter().any(custom), "{all:?}");
    world.answer(
        "/schemas",
        Answered::Instead(403, r#"{"category":"MISSING_SCOPES","message":"no"}"#),
    );
    let standard = names().await;
    assert!(standard.is_sorted() && !standard.iter().any(custom), "{standard:?}");
    for name in [
        "appointments",
        "companies",
        "contacts",
        "deals",
        "leads",
        "notes",
        "tickets",
    ] {
        assert!(standard.iter().any(|known| known == name), "{name}");
    }
}

#[tokio::test]
async fn fields_say_what_they_hold_and_links_are_references() {
    let world = World::new(1);
    let contacts = describe(&world, "contacts").await;
    let kind = |path: &str| contacts.field(path).unwrap().kind;
    assert_eq!(
        (kind("email"), kind("phone"), kind("createdate")),
        (FieldKind::Email, FieldKind::Phone, FieldKind::DateTime)
    );
    let company = contacts.field("associations.company").unwrap();
    assert!(company.writable() && company.kind == FieldKind::Reference && company.references == ["companies"]);
    assert!(contacts.field("external_id").unwrap().external_id);
    assert!(!contacts.field("hs_object_id").unwrap().writable());
    let deals = describe(&world, "deals").await;
    assert!(deals.field("associations.contact").is_some() && deals.field("dealstage").unwrap().required);
    assert!(!deals.field("dealstage").unwrap().choices.is_empty());
    for object in world.connector.objects(&world, &world.config).await.unwrap() {
        assert!(
            !describe(&world, &object.name).await.fields.is_empty(),
            "{}",
            object.name
        );
    }
    let error = world
        .connector
        .describe(&world, &world.config, "unicorns", None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn owners_come_with_former_ones() {
    let world = World::new(1);
    let users = world.connector.users(&world, &world.config).await.unwrap();
    assert!(users.iter().any(|user| user.active && user.email.is_some()));
    assert_eq!(world.count("archived=true"), 1);
}

fn signed(body: &'static str, signature: &str, timestamp: &str, url: &str) -> RawRequest {
    RawRequest {
        method: "POST".into(),
        url: url.into(),
        headers: [
            ("x-hubspot-signature-v3".to_owned(), signature.to_owned()),
            ("x-hubspot-request-timestamp".to_owned(), timestamp.to_owned()),
        ]
        .into(),
        body: body.into(),
    }
}

#[tokio::test]
async fn a_webhook_is_taken_only_with_its_signature_and_in_time() {
    let mut world = World::new(1);
    let sign = "n7XfKsk5uncjZY2ZDfjIMEq34K7eLT7FWxZ6GOFpfYY=";
    let request = signed("[]", sign, "1790000001000", "http://127.0.0.1:8080/hooks/hubspot");
    world.secret = "sim-secret".into();
    world.clock.set("2026-09-21T14:14:00Z".parse().unwrap());
    assert_eq!(
        world.connector.webhook(&world, &world.config, &request).await.unwrap(),
        []
    );
    let mut forged = request.clone();
    forged.body = "[{}]".into();
    let refused = async |request: &RawRequest| {
        world
            .connector
            .webhook(&world, &world.config, request)
            .await
            .unwrap_err()
            .kind()
    };
    assert_eq!(refused(&forged).await, ErrorKind::Forbidden);
    world.pass(3_600);
    assert_eq!(refused(&request).await, ErrorKind::Forbidden);
}

#[tokio::test]
async fn hubspots_own_signature_vector_is_accepted() {
    let mut world = World::new(1);
    world.secret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy".into();
    world.clock.set("2023-09-02T12:26:00Z".parse().unwrap());
    let sign = "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=";
    let body = "{'example_field':'example_value'}";
    let request = signed(body, sign, "1693657560000", "https://www.example.com/webhook_uri");
    // The body of the vector is no JSON, so it fails only once the signature has passed.
    let error = world
        .connector
        .webhook(&world, &world.config, &request)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}
