//! Webhooks: only what is signed and of a sensible size becomes a hint.
#![allow(missing_docs, reason = "a test has no public interface")]
#![allow(clippy::unwrap_used, reason = "a test's support may fail the test")]

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use syncline_connector_hubspot::HubSpot;
use syncline_core::ErrorKind;
use syncline_core::connector::RawRequest;
use syncline_core::mapping::{Mapping, Rule};
use syncline_core::model::{Field, FieldType};
use syncline_core::store::{InboxEntry, Mode, Store};
use syncline_engine::Engine;
use syncline_engine::actor::Actor;
use syncline_engine::connection::{Connection, TokenRequest};
use syncline_engine::run::{RunRequest, RunStatus};
use syncline_engine::settings::Settings;
use syncline_engine::sync::{NewSync, Schedule, SweepInterval, Sync};
use syncline_engine::vault::{InMemoryKeyProvider, SecretKey};
use syncline_simulators::Options;
use syncline_simulators::hubspot::HubSpot as Simulator;
use syncline_storage::MemoryStore;

const URL: &str = "https://app.example/webhooks/hubspot";

struct World {
    engine: Engine,
    store: Arc<MemoryStore>,
    simulator: Simulator,
    connection: Connection,
    sync: Sync,
    secret: String,
    actor: Actor,
}

impl World {
    async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    async fn with(settings: Settings) -> Self {
        let simulator = Simulator::new(Options {
            records: 3,
            ..Options::default()
        })
        .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = simulator.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let store = Arc::new(MemoryStore::new());
        let engine = Engine::builder(
            store.clone(),
            Arc::new(InMemoryKeyProvider::new(SecretKey::new([7; 32]))),
        )
        .connector(HubSpot::new())
        .settings(settings)
        .allow_loopback(true)
        .build()
        .unwrap();
        let actor = Actor::admin("ada");
        let tenant = engine.tenant("Acme", &actor).await.unwrap().id;
        let credentials = simulator.credentials();
        let request = TokenRequest {
            tenant,
            provider: "hubspot".into(),
            name: "hubspot".into(),
            login_url: Some(base.clone()),
            base_url: Some(base),
            client_id: credentials.client_id.clone(),
            client_secret: Some(credentials.client_secret.clone().into()),
            access_token: credentials.access_token.clone().into(),
            refresh_token: Some(credentials.refresh_token.clone().into()),
            expires_at: None,
            settings: BTreeMap::new(),
        };
        let connection = engine.connections().connect_with_tokens(request, &actor).await.unwrap();
        let mut mapping = Mapping::new("person", "contacts");
        mapping.rules = vec![Rule::new("email", "email")];
        let new = NewSync {
            name: "people".into(),
            connection: connection.id,
            mapping,
            fields: vec![Field::new("email", FieldType::Text)],
            groups: Vec::new(),
            schedule: Schedule::Hour,
            sweep: SweepInterval::Usual,
            files: false,
            start: false,
        };
        let sync = engine.syncs().save(new, &actor).await.unwrap().sync;
        Self {
            engine,
            store,
            simulator,
            connection,
            sync,
            secret: credentials.client_secret.clone(),
            actor,
        }
    }

    /// A request signed with a secret, as HubSpot signs it.
    fn signed(&self, secret: &str, body: &str) -> RawRequest {
        let time = self.engine.now().as_millisecond().to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("POST{URL}{body}{time}").as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        RawRequest {
            method: "POST".into(),
            url: URL.into(),
            headers: [
                ("x-hubspot-request-timestamp".to_owned(), time),
                ("x-hubspot-signature-v3".to_owned(), signature),
            ]
            .into(),
            body: body.to_owned().into(),
        }
    }

    async fn told(&self, body: &str) -> usize {
        let request = self.signed(&self.secret, body);
        self.engine.webhook(self.connection.id, &request).await.unwrap()
    }

    async fn known(&self) -> Sync {
        self.engine.syncs().get(self.sync.id, &self.actor).await.unwrap()
    }

    async fn hints(&self) -> Vec<InboxEntry> {
        let mut tx = self.store.begin(Mode::Read).await.unwrap();
        tx.hints(self.sync.side, 100).await.unwrap()
    }
}

const EVENTS: &str = r#"[
    {"subscriptionType": "contact.propertyChange", "objectId": 101, "propertyName": "email"},
    {"subscriptionType": "contact.creation", "objectId": 102},
    {"subscriptionType": "contact.propertyChange", "objectId": 101, "propertyName": "city"},
    {"subscriptionType": "deal.creation", "objectId": 7}
]"#;

#[tokio::test]
async fn signed_events_become_one_hint_per_record_of_what_is_synced() {
    let world = World::new().await;
    let request = world.signed(&world.secret, EVENTS);
    assert_eq!(world.engine.webhook(world.connection.id, &request).await.unwrap(), 2);
    let hinted: Vec<String> = world.hints().await.into_iter().map(|hint| hint.ext).collect();
    assert_eq!(hinted, ["101", "102"]);

    let again = world.signed(&world.secret, EVENTS);
    world.engine.webhook(world.connection.id, &again).await.unwrap();
    assert_eq!(world.hints().await.len(), 2, "a repetition is the same hint");
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_are_accepted() {
    let world = World::new().await;
    let secrets = ["the next one".to_owned().into(), "and another".to_owned().into()];
    for secret in [world.secret.as_str(), "the next one", "and another"] {
        let request = world.signed(secret, EVENTS);
        let taken = world
            .engine
            .webhook_signed_by(world.connection.id, &request, &secrets)
            .await;
        assert_eq!(taken.unwrap(), 2);
    }
    let request = world.signed("the next one", EVENTS);
    assert!(world.engine.webhook(world.connection.id, &request).await.is_err());
}

#[tokio::test]
async fn a_forged_an_oversized_and_a_paused_one_leave_no_hint() {
    let world = World::new().await;
    let forged = world.signed("guessed", EVENTS);
    let refused = world.engine.webhook(world.connection.id, &forged).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);

    let oversized = world.signed(&world.secret, &format!("[{}]", " ".repeat(1024 * 1024)));
    let refused = world.engine.webhook(world.connection.id, &oversized).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);

    let connections = world.engine.connections();
    connections
        .pause(world.connection.id, Some("holidays"), &world.actor)
        .await
        .unwrap();
    let request = world.signed(&world.secret, EVENTS);
    let refused = world.engine.webhook(world.connection.id, &request).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert!(refused.message().contains("holidays"), "{refused}");
    assert!(world.hints().await.is_empty());
}

/// As many changes as ids.
fn changes(ids: &[String]) -> String {
    let events: Vec<String> = ids
        .iter()
        .map(|id| {
            format!(r#"{{"subscriptionType": "contact.propertyChange", "objectId": {id}, "propertyName": "email"}}"#)
        })
        .collect();
    format!("[{}]", events.join(","))
}

#[tokio::test]
async fn more_hints_than_are_kept_become_one_poll_that_misses_nothing() {
    let settings = Settings {
        inbox_hints: 2,
        ..Settings::default()
    };
    let world = World::with(settings).await;
    let run = async || {
        let request = RunRequest::tenant(world.sync.tenant);
        let run = world.engine.runs().run(request, &world.actor).await.unwrap().remove(0);
        assert_eq!(run.status, RunStatus::Completed, "{:?}", run.error);
    };
    run().await;
    let ids: Vec<String> = world
        .simulator
        .records("contacts")
        .into_iter()
        .map(|record| record.id)
        .collect();
    assert_eq!(ids.len(), 3);
    for id in &ids {
        let email = [("email".to_owned(), format!("changed-{id}@example.com").into())];
        world.simulator.update("contacts", id, email.into()).unwrap();
    }
    assert_eq!(world.told(&changes(&ids[..2])).await, 2);
    assert_eq!((world.hints().await.len(), world.known().await.dirty_since), (2, None));
    let planned = world.known().await.next_run_at.unwrap();
    assert!(planned > world.engine.now());

    assert_eq!(world.told(&changes(&ids)).await, 3);
    let overloaded = world.known().await;
    assert!(world.hints().await.is_empty(), "they are one note now");
    assert!(overloaded.dirty_since.is_some() && overloaded.next_run_at.unwrap() <= world.engine.now());
    world.told(&changes(&ids[..1])).await;
    assert!(world.hints().await.is_empty() && world.known().await.dirty_since > overloaded.dirty_since);

    run().await;
    let answered = world.known().await;
    assert_eq!(answered.dirty_since, None);
    assert!(
        answered.next_run_at.unwrap() > world.engine.now(),
        "and the schedule is as before"
    );
    let list = syncline_engine::entity::EntityListQuery::default();
    let entities = world.engine.entities();
    let people = entities
        .list(world.sync.tenant, "person", &list, &world.actor)
        .await
        .unwrap();
    let changed = |value: &serde_json::Value| value.as_str().unwrap().starts_with("changed-");
    assert_eq!(people.entities.len(), 3);
    assert!(
        people.entities.iter().all(|person| changed(&person.values["email"])),
        "{people:?}"
    );
    world.told(&changes(&ids[..1])).await;
    assert_eq!(world.hints().await.len(), 1, "few hints are kept one by one again");
}
