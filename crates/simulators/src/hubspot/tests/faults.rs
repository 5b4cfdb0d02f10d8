use serde_json::json;

use super::{Bench, ids, reply, text};
use crate::fault::Fault;
use crate::options::Options;

#[tokio::test]
async fn limits_count_down_in_the_headers_and_refuse_in_hubspots_words() {
    let bench = Bench::with(Options {
        records: 1,
        requests_per_ten_seconds: Some(3),
        ..Options::default()
    });
    let path = "/crm/v3/objects/contacts";
    let first = bench.get(path).await;
    assert_eq!(first.headers["x-hubspot-ratelimit-remaining"], "2");
    assert_eq!(first.headers["x-hubspot-ratelimit-interval-milliseconds"], "10000");
    bench.get(path).await;
    bench.get(path).await;
    let refused = bench.get(path).await;
    assert_eq!(
        (refused.status, text(&refused.body, "/policyName").as_str()),
        (429, "TEN_SECONDLY_ROLLING")
    );
    assert_eq!(
        refused.body["message"],
        "You have reached your ten_secondly_rolling limit."
    );
    bench.advance(11);
    assert_eq!(bench.get(path).await.status, 200);
    for _ in 0..5 {
        let found = bench.post("/crm/v3/objects/contacts/search", json!({})).await;
        assert_eq!(found.status, 200);
        assert!(!found.headers.contains_key("x-hubspot-ratelimit-max"));
    }
    let sixth = bench.post("/crm/v3/objects/contacts/search", json!({})).await;
    assert_eq!(
        (sixth.status, text(&sixth.body, "/message").as_str()),
        (429, "You have reached your secondly limit.")
    );
    assert_eq!(sixth.body.get("policyName"), None);
}

#[tokio::test]
async fn the_daily_limit_ends_the_day() {
    let bench = Bench::with(Options {
        records: 1,
        requests_per_ten_seconds: Some(100),
        daily_api_requests: 2,
        ..Options::default()
    });
    bench.get("/crm/v3/objects/contacts").await;
    bench.get("/crm/v3/objects/contacts").await;
    let refused = bench.get("/crm/v3/objects/contacts").await;
    assert_eq!(
        (refused.status, text(&refused.body, "/policyName").as_str()),
        (429, "DAILY")
    );
}

#[tokio::test]
async fn refusals_of_the_transport_wear_hubspots_bodies() {
    let bench = Bench::new(1);
    let faults = bench.hubspot.faults();
    let path = "/crm/v3/objects/contacts";
    faults.script(Fault::RateLimitedRetryAfter, 1);
    let limited = bench.get(path).await;
    assert_eq!(
        (limited.status, &limited.headers["retry-after"]),
        (429, &"1".parse().unwrap())
    );
    faults.script(Fault::HtmlError, 1);
    let page = bench.get(path).await;
    assert_eq!(
        (page.status, &page.headers["content-type"]),
        (503, &"text/html".parse().unwrap())
    );
    faults.script(Fault::ServerError, 1);
    let error = bench.get(path).await;
    assert!(error.status >= 500);
    assert_eq!(error.body["status"], "error");
    let token = bench.hubspot.credentials().access_token;
    faults.script(Fault::Unauthorized, 1);
    for _ in 0..2 {
        let refused = reply(bench.send("GET", path, &token, "", Vec::new()).await).await;
        assert_eq!(
            (refused.status, text(&refused.body, "/category").as_str()),
            (401, "EXPIRED_AUTHENTICATION")
        );
    }
}

#[tokio::test]
async fn a_write_without_an_answer_is_applied_all_the_same() {
    let bench = Bench::new(0);
    bench.hubspot.faults().script(Fault::AppliedTimeout, 1);
    let body = json!({"properties": {"email": "a@example.com"}})
        .to_string()
        .into_bytes();
    let response = bench
        .send("POST", "/crm/v3/objects/contacts", &bench.token, "", body)
        .await;
    assert!(axum::body::to_bytes(response.into_body(), usize::MAX).await.is_err());
    assert_eq!(bench.hubspot.records("contacts").len(), 1);
    assert_eq!(bench.hubspot.log().mutating(), 1);
}

#[tokio::test]
async fn one_record_of_a_batch_is_refused_by_a_rule() {
    let bench = Bench::new(3);
    let all = ids(&bench.get("/crm/v3/objects/contacts").await.body);
    bench.hubspot.faults().script(Fault::Validation, 1);
    let inputs: Vec<_> = all
        .iter()
        .map(|id| json!({"id": id, "properties": {"phone": "1"}}))
        .collect();
    let reply = bench
        .post("/crm/v3/objects/contacts/batch/update", json!({"inputs": inputs}))
        .await;
    assert_eq!(
        (reply.status, reply.body["results"].as_array().unwrap().len()),
        (207, 2)
    );
    assert_eq!(reply.body["errors"][0]["category"], "VALIDATION_ERROR");
    assert!(all.contains(&text(&reply.body, "/errors/0/context/ids/0")));
    bench.hubspot.faults().script(Fault::RowLock, 1);
    let locked = bench
        .call(
            "PATCH",
            &format!("/crm/v3/objects/contacts/{}", all[0]),
            json!({"properties": {}}),
        )
        .await;
    assert_eq!(locked.status, 423);
}

#[tokio::test]
async fn strings_are_trimmed_silently_only_under_the_fault() {
    let bench = Bench::new(0);
    let kept = bench.made("contacts", json!({"firstname": " Ann "})).await;
    bench.hubspot.faults().script(Fault::SilentTrim, 1);
    let trimmed = bench.made("contacts", json!({"firstname": " Ann "})).await;
    assert_eq!(
        bench.hubspot.record("contacts", &kept).unwrap().fields["firstname"],
        " Ann "
    );
    assert_eq!(
        bench.hubspot.record("contacts", &trimmed).unwrap().fields["firstname"],
        "Ann"
    );
}

#[tokio::test]
async fn only_requests_that_can_write_count_as_mutating() {
    let bench = Bench::new(1);
    bench.get("/crm/v3/objects/contacts").await;
    bench.post("/crm/v3/objects/contacts/search", json!({})).await;
    bench
        .post("/crm/v3/objects/contacts/batch/read", json!({"inputs": []}))
        .await;
    assert_eq!((bench.hubspot.log().total(), bench.hubspot.log().mutating()), (3, 0));
    bench.made("contacts", json!({"firstname": "A"})).await;
    let last = bench.hubspot.log().entries().pop().unwrap();
    assert_eq!((last.mutating, last.records, last.status), (true, 1, 201));
}

#[tokio::test]
async fn a_window_over_many_records_is_walked_in_time_linear_in_them() {
    let started = std::time::Instant::now();
    let bench = Bench::new(20_000);
    let built = started.elapsed();
    let mut last = "0".to_owned();
    let mut seen = 0;
    while seen < 20_000 {
        let body = json!({
            "filterGroups": [{"filters": [
                {"propertyName": "lastmodifieddate", "operator": "GTE", "value": "1000"},
                {"propertyName": "lastmodifieddate", "operator": "LTE", "value": "1900000000000"},
                {"propertyName": "hs_object_id", "operator": "GT", "value": last},
            ]}],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "limit": 200,
        });
        let page = ids(&bench.post("/crm/v3/objects/contacts/search", body).await.body);
        seen += page.len();
        last.clone_from(page.last().unwrap());
    }
    println!("built in {built:?}, walked in {:?}", started.elapsed() - built);
    assert_eq!(seen, 20_000);
}
