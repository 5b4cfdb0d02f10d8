//! Webhooks as the simulator signs and sends them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what tests share may fail the test")]

mod support;

use std::collections::BTreeSet;

use support::World;
use syncline_core::connector::{Connector, RawRequest};
use syncline_core::error::ErrorKind;
use syncline_simulators::hubspot::WebhookDelivery;

const URL: &str = "https://app.example.com/hooks/hubspot?tenant=a%3Ab";

fn request(delivery: &WebhookDelivery) -> RawRequest {
    RawRequest {
        method: delivery.method.clone(),
        url: delivery.url.clone(),
        headers: delivery.headers.iter().cloned().collect(),
        body: delivery.body.clone().into(),
    }
}

fn world() -> World {
    let mut world = World::new(12);
    world.secret = world.simulator.credentials().client_secret;
    for event in [
        "contact.creation",
        "contact.deletion",
        "contact.merge",
        "contact.restore",
        "contact.privacyDeletion",
        "contact.associationChange",
        "company.creation",
    ] {
        world.simulator.subscribe_webhook(event, None);
    }
    world
        .simulator
        .subscribe_webhook("contact.propertyChange", Some("phone"));
    world
}

#[tokio::test]
async fn every_event_that_hubspot_sends_hints_at_its_records() {
    let world = world();
    let people: Vec<String> = world
        .simulator
        .records("contacts")
        .into_iter()
        .map(|record| record.id)
        .collect();
    let phone = [("phone".to_owned(), "1".into())];
    world
        .simulator
        .update("contacts", &people[0], phone.into_iter().collect())
        .unwrap();
    world.simulator.delete("contacts", &people[1]).unwrap();
    world.simulator.undelete("contacts", &people[1]).unwrap();
    world.simulator.hard_delete("contacts", &people[2]).unwrap();
    let survivor = world.simulator.merge("contacts", &people[3], &people[4..5]).unwrap();
    let name = [("name".to_owned(), "New".into())];
    let firm = world.simulator.create("companies", name.into_iter().collect()).unwrap();
    world
        .simulator
        .associate("contacts", &people[5], "companies", &firm)
        .unwrap();
    let deliveries = world.simulator.take_webhooks(URL);
    let mut told = BTreeSet::new();
    for delivery in &deliveries {
        let hints = world
            .connector
            .webhook(&world, &world.config, &request(delivery))
            .await
            .unwrap();
        told.extend(hints.into_iter().map(|hint| (hint.object, hint.id.unwrap())));
    }
    for id in [
        &people[0], &people[1], &people[2], &people[3], &people[4], &people[5], &survivor,
    ] {
        assert!(told.contains(&("contacts".to_owned(), id.clone())), "{id} of {told:?}");
    }
    assert!(told.contains(&("companies".to_owned(), firm)));
    assert!(world.simulator.take_webhooks(URL).is_empty(), "each is sent once");
}

#[tokio::test]
async fn a_delivery_is_refused_once_it_is_old_and_when_it_was_changed() {
    let world = world();
    let name = [("name".to_owned(), "New".into())];
    world.simulator.create("companies", name.into_iter().collect()).unwrap();
    let delivery = world.simulator.take_webhooks(URL).remove(0);
    let refused = async |request: &RawRequest| {
        let answer = world.connector.webhook(&world, &world.config, request).await;
        answer.map_err(|error| error.kind())
    };
    assert!(refused(&request(&delivery)).await.is_ok());
    let mut elsewhere = request(&delivery);
    elsewhere.url = "https://app.example.com/hooks/hubspot?tenant=b".into();
    assert_eq!(refused(&elsewhere).await, Err(ErrorKind::Forbidden));
    world.pass(301);
    assert_eq!(refused(&request(&delivery)).await, Err(ErrorKind::Forbidden));
}

#[tokio::test]
async fn an_older_signature_is_accepted_only_where_it_was_asked_for() {
    let mut world = world();
    let name = [("name".to_owned(), "New".into())];
    world.simulator.create("companies", name.into_iter().collect()).unwrap();
    let delivery = world.simulator.take_webhooks(URL).remove(0);
    let mut old = request(&delivery);
    old.headers.remove("x-hubspot-signature-v3");
    let error = world.connector.webhook(&world, &world.config, &old).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.message().contains("webhook_signatures"));
    world.config.settings.insert("webhook_signatures".into(), "any".into());
    assert_eq!(
        world
            .connector
            .webhook(&world, &world.config, &old)
            .await
            .unwrap()
            .len(),
        1
    );
    old.body = "[]".into();
    assert!(world.connector.webhook(&world, &world.config, &old).await.is_err());
    // Where there is a newer one it decides, and can't be talked down.
    let mut broken = request(&delivery);
    broken.headers.insert("x-hubspot-signature-v3".into(), "AAAA".into());
    assert!(world.connector.webhook(&world, &world.config, &broken).await.is_err());
}
