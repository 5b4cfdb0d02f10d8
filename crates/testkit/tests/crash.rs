//! The process dies at the n-th request, n = 1, 2, 3, ... until a run gets through: before the request leaves, and after
//! it was applied but before its answer is known. What was committed is all that is left; the next process finishes.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test has no public interface and may panic"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use syncline_core::store::Store;
use syncline_engine::http::{Limits, Transport, TransportError};
use syncline_simulators::Options;
use syncline_storage::{MemoryStore, SqliteStore};
use syncline_testkit::stage::{HUBSPOT, RouterTransport, SALESFORCE, Stage};
use tokio::sync::Notify;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Moment {
    BeforeSending,
    AfterApplying,
}

/// Answers until its countdown is through; then it tells, and never answers again.
#[derive(Debug)]
struct Deadly {
    inner: RouterTransport,
    left: AtomicI64,
    moment: Moment,
    died: Arc<Notify>,
}

#[async_trait]
impl Transport for Deadly {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        limits: &Limits,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let dies = self.left.fetch_sub(1, Ordering::SeqCst) == 1;
        if dies && self.moment == Moment::AfterApplying {
            let _ = self.inner.send(request.map(|body| body), limits).await;
            self.died.notify_one();
            return std::future::pending().await;
        }
        if dies {
            self.died.notify_one();
            return std::future::pending().await;
        }
        self.inner.send(request, limits).await
    }
}

fn routes(stage: &Stage) -> RouterTransport {
    RouterTransport::default()
        .route(SALESFORCE, stage.salesforce.router())
        .route(HUBSPOT, stage.hubspot.router())
}

/// Plays the first sync with a death at the n-th request; whether it came to that.
async fn dies_at(n: i64, moment: Moment, store: Arc<dyn Store>, crash: impl Fn()) -> bool {
    let options = Options {
        records: 8,
        overlap: 0.5,
        ..Options::default()
    };
    let mut stage = Stage::set(store.clone(), options).await.unwrap();
    stage.map_all().await.unwrap();
    let died = Arc::new(Notify::new());
    let deadly = Deadly {
        inner: routes(&stage),
        left: AtomicI64::new(n),
        moment,
        died: died.clone(),
    };
    stage.engine = Stage::engine_over(store.clone(), Arc::new(deadly), &stage.clock).unwrap();
    let came_to_it = tokio::select! {
        runs = stage.rounds(2) => {
            runs.unwrap();
            false
        }
        () = died.notified() => true,
    };
    crash();
    stage.engine = Stage::engine(store, routes(&stage), &stage.clock).unwrap();
    for _ in 0..3 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        stage.rounds(1).await.unwrap();
    }
    let differences = stage.differences().await.unwrap();
    assert!(differences.is_empty(), "{moment:?} of request {n}: {differences:#?}");
    let people = stage.entities("person").await.unwrap();
    let counts = (
        people.len(),
        stage.salesforce.count("Contact"),
        stage.hubspot.count("contacts"),
    );
    assert_eq!(
        counts,
        (people.len(), people.len(), people.len()),
        "{moment:?} of request {n}"
    );
    let expected = expected_people();
    assert_eq!(
        people.len(),
        expected,
        "nobody twice and nobody lost, {moment:?} of request {n}"
    );
    came_to_it
}

/// How many different people the two simulators hold between them.
fn expected_people() -> usize {
    let options = Options {
        records: 8,
        overlap: 0.5,
        ..Options::default()
    };
    let salesforce = syncline_simulators::salesforce::Salesforce::new(options.clone()).unwrap();
    let hubspot = syncline_simulators::hubspot::HubSpot::new(options).unwrap();
    let email = |fields: &syncline_simulators::Fields, name: &str| fields[name].as_str().unwrap().to_lowercase();
    let mut emails: std::collections::BTreeSet<String> = salesforce
        .records("Contact")
        .iter()
        .map(|record| email(&record.fields, "Email"))
        .collect();
    emails.extend(
        hubspot
            .records("contacts")
            .iter()
            .map(|record| email(&record.fields, "email")),
    );
    emails.len()
}

async fn at_every_request(moment: Moment) {
    for n in 1.. {
        let store = MemoryStore::new();
        let crash = store.clone();
        if !dies_at(n, moment, Arc::new(store), || crash.crash()).await {
            assert!(n > 12, "only {n} requests were made");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn dying_before_any_request_loses_nothing_and_doubles_nothing() {
    at_every_request(Moment::BeforeSending).await;
}

#[tokio::test(start_paused = true)]
async fn dying_after_any_request_was_applied_loses_nothing_and_doubles_nothing() {
    at_every_request(Moment::AfterApplying).await;
}

#[tokio::test]
async fn a_death_in_the_middle_is_survived_on_sqlite_too() {
    for n in [2, 5, 8, 11] {
        let store = SqliteStore::in_memory().await.unwrap();
        dies_at(n, Moment::AfterApplying, Arc::new(store), || {}).await;
    }
}
