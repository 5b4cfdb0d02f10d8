//! Every fault that the simulators know, on both of them, while everybody edits: once it stops, all sides agree and
//! fall silent.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test has no public interface and may panic"
)]

use std::sync::Arc;

use syncline_engine::run::RunParameters;
use syncline_simulators::{Fault, Fields, Options};
use syncline_storage::MemoryStore;
use syncline_testkit::stage::Stage;

fn field(name: &str, value: &str) -> Fields {
    [(name.to_owned(), serde_json::Value::from(value))].into()
}

async fn survives(fault: Fault, rate: f64) {
    let options = Options {
        records: 16,
        overlap: 0.5,
        ..Options::default()
    };
    let stage = Stage::set(Arc::new(MemoryStore::new()), options).await.unwrap();
    stage.map_all().await.unwrap();
    for faults in [stage.salesforce.faults(), stage.hubspot.faults()] {
        faults.set_rate(fault, rate);
        faults.set_slow(std::time::Duration::from_millis(5));
    }
    for provider in ["salesforce", "hubspot"] {
        let _ = stage.sync(provider, RunParameters::default()).await;
    }
    for (number, record) in stage.salesforce.records("Contact").iter().take(5).enumerate() {
        let _ = stage
            .salesforce
            .update("Contact", &record.id, field("Title", &format!("sf {number}")));
    }
    for (number, record) in stage.hubspot.records("contacts").iter().take(5).enumerate() {
        let _ = stage
            .hubspot
            .update("contacts", &record.id, field("city", &format!("hs {number}")));
    }
    for provider in ["salesforce", "hubspot", "salesforce", "hubspot"] {
        let _ = stage.sync(provider, RunParameters::default()).await;
    }
    let injected: u64 = stage
        .salesforce
        .faults()
        .injected()
        .values()
        .chain(stage.hubspot.faults().injected().values())
        .sum();
    for faults in [stage.salesforce.faults(), stage.hubspot.faults()] {
        faults.clear();
    }
    stage.salesforce.injector().deliver_all().await;
    stage.hubspot.injector().deliver_all().await;
    stage.salesforce.commit_open();
    stage.hubspot.commit_open();
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    let mut runs = stage.rounds(4).await.unwrap();
    let differences = stage.differences().await.unwrap();
    let last = runs.pop().unwrap();
    assert!(
        differences.is_empty(),
        "after {fault} ({injected} times): {differences:#?}\nlast run {:?} {:?} {:#?}",
        last.status,
        last.error,
        last.ledgers
    );
    let before = (stage.salesforce.log().mutating(), stage.hubspot.log().mutating());
    stage.rounds(1).await.unwrap();
    let after = (stage.salesforce.log().mutating(), stage.hubspot.log().mutating());
    assert_eq!(before, after, "not silent after {fault}");
    let people = stage.entities("person").await.unwrap().len();
    assert_eq!(
        (stage.salesforce.count("Contact"), stage.hubspot.count("contacts")),
        (people, people),
        "after {fault}"
    );
    assert!(injected > 0 || !fault.is_transport(), "{fault} never struck");
}

macro_rules! faults {
    ($($test:ident: $fault:expr, $rate:expr;)*) => {
        $(#[tokio::test(start_paused = true)]
        async fn $test() {
            survives($fault, $rate).await;
        })*
    };
}

faults! {
    expired_tokens: Fault::Unauthorized, 0.2;
    rate_limits: Fault::RateLimited, 0.15;
    server_errors: Fault::ServerError, 0.1;
    html_error_pages: Fault::HtmlError, 0.1;
    slow_answers: Fault::Slow, 0.3;
    resets_in_the_middle_of_a_body: Fault::Reset, 0.1;
    truncated_json: Fault::Truncated, 0.1;
    answers_that_never_come_though_the_write_was_applied: Fault::AppliedTimeout, 0.1;
    requests_that_never_arrive: Fault::Timeout, 0.1;
    requests_delivered_twice: Fault::Duplicate, 0.2;
    writes_that_land_late: Fault::LateApply, 0.1;
    commits_that_show_late: Fault::LateCommit, 0.3;
    a_stale_search_index: Fault::StaleIndex, 0.3;
    validation_rules: Fault::Validation, 0.1;
    locked_rows: Fault::RowLock, 0.2;
    silent_trimming: Fault::SilentTrim, 0.3;
}
