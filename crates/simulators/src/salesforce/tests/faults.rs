use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;

use super::client::Client;
use crate::Fault;

#[tokio::test]
async fn refusals_have_the_providers_bodies() {
    let client = Client::new();
    let faults = client.salesforce.faults().clone();
    faults.script(Fault::RateLimited, 1);
    assert_eq!(client.get("/limits").await.code(), "REQUEST_LIMIT_EXCEEDED");
    faults.script(Fault::RateLimitedRetryAfter, 1);
    let limited = client.get("/limits").await;
    assert_eq!((limited.status.as_u16(), limited.header("retry-after")), (429, "1"));
    faults.script(Fault::ServerError, 1);
    assert!(client.get("/limits").await.status.is_server_error());
    faults.script(Fault::HtmlError, 1);
    assert!(client.get("/limits").await.text.starts_with("<html>"));
    faults.script(Fault::Unauthorized, 1);
    assert_eq!(client.get("/limits").await.code(), "INVALID_SESSION_ID");
    assert_eq!(client.get("/limits").await.status, 401, "the token stays dead");
    assert_eq!(faults.injected()[&Fault::Unauthorized], 1);
}

#[tokio::test]
async fn broken_answers_fail_in_process_too() {
    let client = Client::new();
    let faults = client.salesforce.faults().clone();
    let query = "/query?q=SELECT+Id+FROM+Contact";
    faults.script(Fault::Reset, 1);
    assert!(client.try_send(client.request("GET", query, &[], None)).await.is_err());
    faults.script(Fault::Truncated, 1);
    let cut = client.get(query).await;
    assert!(serde_json::from_str::<serde_json::Value>(&cut.text).is_err());
    let body = json!({"LastName": "T"});
    let count = client.salesforce.count("Contact");
    faults.script(Fault::Timeout, 1);
    assert!(
        client
            .try_send(client.request("POST", "/sobjects/Contact", &[], Some(&body)))
            .await
            .is_err()
    );
    assert_eq!(client.salesforce.count("Contact"), count);
    faults.script(Fault::AppliedTimeout, 1);
    assert!(
        client
            .try_send(client.request("POST", "/sobjects/Contact", &[], Some(&body)))
            .await
            .is_err()
    );
    assert_eq!(client.salesforce.count("Contact"), count + 1);
    faults.script(Fault::Duplicate, 1);
    assert_eq!(client.post("/sobjects/Contact", body.clone()).await.status, 201);
    assert_eq!(client.salesforce.count("Contact"), count + 3);
    faults.script(Fault::LateApply, 1);
    assert!(
        client
            .try_send(client.request("POST", "/sobjects/Contact", &[], Some(&body)))
            .await
            .is_err()
    );
    assert_eq!(client.salesforce.count("Contact"), count + 3);
    client.clock.advance(SignedDuration::from_secs(6));
    client.get("/limits").await;
    assert_eq!(client.salesforce.count("Contact"), count + 4);
    let statuses: Vec<u16> = client
        .salesforce
        .log()
        .entries()
        .iter()
        .map(|entry| entry.status)
        .collect();
    assert_eq!(statuses[0], 0);
    faults.set_slow(Duration::from_millis(1));
    faults.script(Fault::Slow, 1);
    assert_eq!(client.get("/limits").await.status, 200);
}

#[tokio::test]
async fn single_rows_are_refused_and_trimmed() {
    let client = Client::new();
    let faults = client.salesforce.faults().clone();
    let records = json!({"records": [
        {"attributes": {"type": "Contact"}, "LastName": "A"}, {"attributes": {"type": "Contact"}, "LastName": "B"}
    ]});
    faults.script(Fault::Validation, 1);
    let rows = client.post("/composite/sobjects", records.clone()).await.json();
    assert_eq!(rows[0]["errors"][0]["statusCode"], "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    assert_eq!(rows[1]["success"], true);
    faults.script(Fault::RowLock, 1);
    let rows = client.post("/composite/sobjects", records).await.json();
    assert_eq!(rows[0]["errors"][0]["statusCode"], "UNABLE_TO_LOCK_ROW");
    faults.script(Fault::SilentTrim, 1);
    let made = client
        .post("/sobjects/Contact", json!({"LastName": "van  der   Berg"}))
        .await
        .json();
    let record = client
        .salesforce
        .record("Contact", made["id"].as_str().unwrap())
        .unwrap();
    assert_eq!(record.fields["LastName"], "van der Berg");
}

#[tokio::test]
async fn sign_in_is_spared_unless_a_script_names_it() {
    let client = Client::new();
    let faults = client.salesforce.faults().clone();
    faults.set_rate(Fault::ServerError, 1.0);
    assert_eq!(client.get("/services/oauth2/userinfo").await.status, 200);
    assert!(client.get("/limits").await.status.is_server_error());
    faults.clear();
    faults.script_for(Fault::HtmlError, 1, "/userinfo");
    assert_eq!(client.get("/limits").await.status, 200);
    assert_eq!(client.get("/services/oauth2/userinfo").await.status, 503);
}
