//! A stage under a clock that jumps instead of waiting.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's support may fail the test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use syncline_connector_hubspot::HubSpot;
use syncline_connector_salesforce::Salesforce;
use syncline_core::state::Linked;
use syncline_engine::Engine;
use syncline_engine::ports::{Clock, SeededRandom};
use syncline_engine::run::{Run, RunParameters, RunStatus};
use syncline_engine::settings::Settings;
use syncline_engine::vault::{InMemoryKeyProvider, SecretKey};
use syncline_simulators::{Fields, Options};
use syncline_storage::MemoryStore;
use syncline_testkit::stage::{HUBSPOT, RouterTransport, SALESFORCE, Stage, VirtualClock};

/// Who waits makes time pass, a moment later.
#[derive(Debug)]
pub struct JumpingClock(Mutex<Timestamp>);

impl JumpingClock {
    pub fn advance(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    pub fn time(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

#[async_trait]
impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        self.time()
    }

    async fn sleep_until(&self, until: Timestamp) {
        // Others get their turn before time jumps.
        tokio::time::sleep(Duration::from_millis(2)).await;
        let mut now = self.0.lock().unwrap();
        *now = until.max(*now);
    }
}

impl syncline_simulators::clock::Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        self.time()
    }
}

/// A stage whose engine and simulators share the clock.
pub async fn stage(records: usize, settings: Settings) -> (Stage, Arc<JumpingClock>) {
    let clock = Arc::new(JumpingClock(Mutex::new("2026-11-20T10:00:00Z".parse().unwrap())));
    let options = Options {
        records,
        overlap: 1.0,
        clock: clock.clone(),
        ..Options::default()
    };
    let store = Arc::new(MemoryStore::new());
    let mut stage = Stage::set_by(store.clone(), options, VirtualClock::new())
        .await
        .unwrap();
    let transport = RouterTransport::default()
        .route(SALESFORCE, stage.salesforce.router())
        .route(HUBSPOT, stage.hubspot.router());
    stage.engine = Engine::builder(store, Arc::new(InMemoryKeyProvider::new(SecretKey::new([7; 32]))))
        .connector(Salesforce::new())
        .connector(HubSpot::new())
        .settings(settings)
        .ports(clock.clone(), Arc::new(SeededRandom::new(1)))
        .allow_loopback(true)
        .transport(Arc::new(transport))
        .build()
        .unwrap();
    clock.advance(3_600);
    (stage, clock)
}

/// Deletes count at once.
pub fn settings() -> Settings {
    Settings {
        delete_grace: Duration::ZERO,
        ..Settings::default()
    }
}

/// A stage on which everything agrees.
pub async fn settled(records: usize) -> (Stage, Arc<JumpingClock>) {
    let (stage, clock) = stage(records, settings()).await;
    settle(&stage, &clock).await;
    (stage, clock)
}

/// Lets everything on a stage come to agree.
pub async fn settle(stage: &Stage, clock: &JumpingClock) {
    stage.map_all().await.unwrap();
    for _ in 0..2 {
        stage.rounds(1).await.unwrap();
        clock.advance(3_600);
    }
}

pub fn field(name: &str, value: &str) -> Fields {
    [(name.to_owned(), serde_json::Value::from(value))].into()
}

/// The remote record of a person.
pub fn ext(person: &Linked, provider: &str) -> String {
    person.sides[usize::from(provider == "hubspot")].ext.clone().unwrap()
}

/// The people in a fixed order.
pub async fn people(stage: &Stage) -> Vec<Linked> {
    stage.entities("person").await.unwrap()
}

/// Runs one CRM's syncs and expects that to go well.
pub async fn sync(stage: &Stage, clock: &JumpingClock, provider: &str) -> Run {
    clock.advance(60);
    let run = stage.sync(provider, RunParameters::default()).await.unwrap();
    clock.advance(60);
    assert!(
        matches!(run.status, RunStatus::Completed | RunStatus::Partial),
        "{:?} {:?} {:?}",
        run.status,
        run.error,
        run.ledgers
    );
    run
}
