use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::client::{Client, encoded};

fn window(object: &str, kind: &str, start: &str, end: &str) -> String {
    format!(
        "/sobjects/{object}/{kind}/?start={}&end={}",
        encoded(start),
        encoded(end)
    )
}

fn fields(value: Value) -> crate::Fields {
    serde_json::from_value::<BTreeMap<String, Value>>(value).unwrap()
}

#[tokio::test]
async fn seconds_are_ignored_and_the_cover_is_a_whole_minute() {
    let client = Client::new();
    let id = client
        .salesforce
        .create("Contact", fields(json!({"LastName": "A"})))
        .unwrap();
    client.clock.advance(SignedDuration::from_secs(60));
    let path = window(
        "Contact",
        "updated",
        "2026-11-20T10:00:45+00:00",
        "2026-11-20T10:01:15Z",
    );
    let answer = client.get(&path).await;
    assert_eq!(
        answer.text,
        format!(r#"{{"ids":["{id}"],"latestDateCovered":"2026-11-20T10:01:00.000+0000"}}"#)
    );
    let same_minute = window("Contact", "updated", "2026-11-20T10:00:01Z", "2026-11-20T10:00:59Z");
    assert_eq!(client.get(&same_minute).await.code(), "INVALID_REPLICATION_DATE");
    let too_old = window("Contact", "deleted", "2026-10-20T10:00:01Z", "2026-11-20T10:00:59Z");
    assert_eq!(client.get(&too_old).await.code(), "INVALID_REPLICATION_DATE");
}

#[tokio::test]
async fn an_open_transaction_holds_the_cover_back() {
    let client = Client::new();
    client.salesforce.next_commit_late(SignedDuration::from_mins(10));
    let id = client
        .salesforce
        .create("Contact", fields(json!({"LastName": "Late"})))
        .unwrap();
    client.clock.advance(SignedDuration::from_mins(5));
    let path = window("Contact", "updated", "2026-11-20T10:00:00Z", "2026-11-20T10:05:00Z");
    let held = client.get(&path).await.json();
    assert_eq!(held["ids"], json!([]));
    assert_eq!(held["latestDateCovered"], "2026-11-20T10:00:00.000+0000");
    client.clock.advance(SignedDuration::from_mins(6));
    let free = client.get(&path).await.json();
    assert_eq!(free["ids"], json!([id]));
    assert_eq!(free["latestDateCovered"], "2026-11-20T10:05:00.000+0000");
}

#[tokio::test]
async fn the_delete_log_remembers_what_the_bin_forgot() {
    let client = Client::new();
    let ids: Vec<String> = client
        .salesforce
        .records("Contact")
        .iter()
        .take(2)
        .map(|row| row.id.clone())
        .collect();
    client.salesforce.delete("Contact", &ids[0]).unwrap();
    client.salesforce.hard_delete("Contact", &ids[1]).unwrap();
    client.clock.advance(SignedDuration::from_mins(2));
    let path = window("Contact", "deleted", "2026-11-20T10:00:00Z", "2026-11-20T10:02:00Z");
    let log = client.get(&path).await.json();
    assert_eq!(log["deletedRecords"].as_array().unwrap().len(), 2);
    assert_eq!(
        log["deletedRecords"][0],
        json!({"deletedDate": "2026-11-20T10:00:30.000+0000", "id": ids[0]})
    );
    assert!(log["earliestDateAvailable"].is_string());
    client.salesforce.undelete("Contact", &ids[0]).unwrap();
    assert_eq!(
        client.get(&path).await.json()["deletedRecords"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
