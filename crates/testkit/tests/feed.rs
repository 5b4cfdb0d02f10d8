//! A change feed: the scheduler reads what it hints at without waiting for the next poll.
#![allow(missing_docs, reason = "a test has no public interface")]
#![allow(clippy::unwrap_used, reason = "a test's support may fail the test")]

mod timed;

use std::time::Duration;

use syncline_engine::http::StopFlag;
use syncline_engine::run::{RunParameters, RunQuery, RunStatus};
use syncline_engine::settings::Settings;
use syncline_engine::sync::{NewSync, Schedule};
use syncline_testkit::stage::{Stage, person_mapping};
use timed::{field, people, stage};

async fn daily(stage: &Stage) {
    let mut new: NewSync = person_mapping("hubspot", stage.connections["hubspot"].id);
    new.schedule = Schedule::Day { at: "03:00".into() };
    stage.engine.syncs().save(new, &stage.actor).await.unwrap();
}

#[tokio::test]
async fn what_the_journal_tells_is_read_long_before_the_next_poll() {
    let (mut stage, clock) = stage(4, Settings::default()).await;
    let connection = stage.connections["hubspot"].id;
    daily(&stage).await;
    let error = stage.engine.read_feed(connection, &stage.actor).await.unwrap_err();
    assert_eq!(
        error.kind(),
        syncline_core::ErrorKind::Unsupported,
        "it is off unless asked for"
    );
    stage
        .connect_hubspot([("journal".to_owned(), "on".to_owned())].into())
        .await
        .unwrap();
    daily(&stage).await;
    stage.sync("hubspot", RunParameters::default()).await.unwrap();

    let stop = StopFlag::new();
    let schedule = tokio::spawn({
        let (stage, stop) = (stage.clone(), stop.clone());
        async move { stage.engine.run_schedule(stop, &stage.actor).await }
    });
    let title = async || people(&stage).await[0].entity.value(4).to_string();
    // The first look only takes the position.
    let looked = async || {
        stage
            .hubspot
            .log()
            .entries()
            .iter()
            .any(|entry| entry.path.contains("/journal-local/"))
    };
    for _ in 0..2_000 {
        if looked().await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let person = people(&stage).await.remove(0);
    stage
        .hubspot
        .update(
            "contacts",
            person.sides[0].ext.as_deref().unwrap(),
            field("jobtitle", "Countess"),
        )
        .unwrap();
    let changed = clock.time();
    for _ in 0..2_000 {
        if title().await == "Countess" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = clock.time().duration_since(changed);
    stop.stop();
    schedule.await.unwrap().unwrap();
    assert_eq!(title().await, "Countess");
    assert!(took.as_secs() < 3_600, "it took {took}");
    let runs = stage
        .engine
        .runs()
        .list(stage.tenant, &RunQuery::default(), &stage.actor)
        .await
        .unwrap();
    assert!(runs.iter().all(|run| run.status != RunStatus::Failed));
}

#[tokio::test]
async fn what_salesforce_tells_is_read_long_before_the_next_poll() {
    let (mut stage, clock) = stage(4, Settings::default()).await;
    stage.salesforce.select_for_change_events("Contact").unwrap();
    stage
        .connect_salesforce([("change_events".to_owned(), "on".to_owned())].into())
        .await
        .unwrap();
    let connection = stage.connections["salesforce"].id;
    let mut new: NewSync = person_mapping("salesforce", connection);
    new.schedule = Schedule::Day { at: "03:00".into() };
    stage.engine.syncs().save(new, &stage.actor).await.unwrap();
    stage.sync("salesforce", RunParameters::default()).await.unwrap();
    // The first look takes the position, and hints at everything that may have been told before.
    stage.engine.read_feed(connection, &stage.actor).await.unwrap();
    assert_eq!(stage.engine.read_feed(connection, &stage.actor).await.unwrap(), 0);

    let stop = StopFlag::new();
    let schedule = tokio::spawn({
        let (stage, stop) = (stage.clone(), stop.clone());
        async move { stage.engine.run_schedule(stop, &stage.actor).await }
    });
    let title = async || people(&stage).await[0].entity.value(4).to_string();
    let person = people(&stage).await.remove(0);
    stage
        .salesforce
        .update(
            "Contact",
            person.sides[0].ext.as_deref().unwrap(),
            field("Title", "Countess"),
        )
        .unwrap();
    let changed = clock.time();
    for _ in 0..2_000 {
        if title().await == "Countess" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = clock.time().duration_since(changed);
    stop.stop();
    schedule.await.unwrap().unwrap();
    assert_eq!(title().await, "Countess");
    assert!(took.as_secs() < 3_600, "it took {took}");
}
