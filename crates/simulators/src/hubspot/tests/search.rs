use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Bench, ids, text};
use crate::fault::Fault;
use crate::options::Options;

fn filter(property: &str, operator: &str, value: &str) -> Value {
    json!({"propertyName": property, "operator": operator, "value": value})
}

async fn search(bench: &Bench, filters: Value) -> Vec<String> {
    let body = json!({"filterGroups": [{"filters": filters}], "limit": 200});
    let reply = bench.post("/crm/v3/objects/contacts/search", body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(
        reply.body["total"].as_u64().unwrap(),
        reply.body["results"].as_array().unwrap().len() as u64
    );
    ids(&reply.body)
}

#[tokio::test]
async fn every_operator_finds_what_it_says() {
    let bench = Bench::new(0);
    let ann = bench
        .made(
            "contacts",
            json!({"email": "ann.lee@example.com", "firstname": "Ann", "hs_buying_role": "CHAMPION;OTHER"}),
        )
        .await;
    let bob = bench
        .made("contacts", json!({"email": "bob@example.org", "phone": "+49 30 1"}))
        .await;
    let cases = [
        (filter("email", "EQ", "ANN.LEE@example.com"), vec![&ann]),
        (filter("email", "NEQ", "ann.lee@example.com"), vec![&bob]),
        (filter("hs_object_id", "GT", &ann), vec![&bob]),
        (filter("hs_object_id", "GTE", &ann), vec![&ann, &bob]),
        (filter("hs_object_id", "LT", &bob), vec![&ann]),
        (filter("hs_object_id", "LTE", &bob), vec![&ann, &bob]),
        (filter("email", "CONTAINS_TOKEN", "lee"), vec![&ann]),
        (filter("email", "CONTAINS_TOKEN", "*@example.org"), vec![&bob]),
        (filter("email", "NOT_CONTAINS_TOKEN", "lee"), vec![&bob]),
        (filter("firstname", "HAS_PROPERTY", ""), vec![&ann]),
        (filter("firstname", "NOT_HAS_PROPERTY", ""), vec![&bob]),
        (
            json!({"propertyName": "firstname", "operator": "IN", "values": ["ann", "eve"]}),
            vec![&ann],
        ),
        (
            json!({"propertyName": "firstname", "operator": "IN", "values": ["Ann"]}),
            vec![],
        ),
        (
            json!({"propertyName": "hs_buying_role", "operator": "IN", "values": ["other"]}),
            vec![&ann],
        ),
        (
            json!({"propertyName": "firstname", "operator": "NOT_IN", "values": ["ann"]}),
            vec![&bob],
        ),
        (
            json!({"propertyName": "createdate", "operator": "BETWEEN", "value": "2026-11-21T09:59:59Z", "highValue": "1800000000000"}),
            vec![&ann, &bob],
        ),
    ];
    for (condition, expected) in cases {
        let expected: Vec<String> = expected.into_iter().cloned().collect();
        assert_eq!(
            search(&bench, json!([condition.clone()])).await,
            expected,
            "{condition}"
        );
    }
}

#[tokio::test]
async fn a_window_walked_by_id_finds_each_record_once_whatever_their_stamps() {
    let bench = Bench::new(950);
    bench.advance(60);
    let from = bench.clock_millis();
    assert_eq!(bench.hubspot.touch_all("contacts"), Ok(950));
    let mut last = "0".to_owned();
    let mut seen = BTreeSet::new();
    loop {
        let body = json!({
            "filterGroups": [{"filters": [
                filter("lastmodifieddate", "GTE", &from.to_string()),
                filter("lastmodifieddate", "LTE", &(from + 1_000).to_string()),
                filter("hs_object_id", "GT", &last),
            ]}],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": ["email"],
            "limit": 200,
        });
        let reply = bench.post("/crm/v3/objects/contacts/search", body).await;
        assert_eq!(reply.body["total"].as_u64().unwrap(), 950 - seen.len() as u64);
        let page = ids(&reply.body);
        let Some(highest) = page.last() else { break };
        last.clone_from(highest);
        seen.extend(page);
    }
    assert_eq!(seen.len(), 950);
}

#[tokio::test]
async fn offset_paging_and_descending_sorts_work_up_to_the_cap() {
    let bench = Bench::new(30);
    let body = |after: &str| json!({"limit": "20", "after": after, "sorts": [{"propertyName": "createdate", "direction": "DESCENDING"}]});
    let first = bench.post("/crm/v3/objects/contacts/search", body("0")).await;
    assert_eq!(first.body["paging"]["next"]["after"], "20");
    let second = bench.post("/crm/v3/objects/contacts/search", body("20")).await;
    assert_eq!(second.body.get("paging"), None);
    let newest: u64 = text(&first.body, "/results/0/id").parse().unwrap();
    assert_eq!(newest, ids(&first.body).last().unwrap().parse::<u64>().unwrap());
    assert_eq!(
        first.body["results"].as_array().unwrap().len() + second.body["results"].as_array().unwrap().len(),
        30
    );
    let beyond = bench
        .post(
            "/crm/v3/objects/contacts/search",
            json!({"limit": 200, "after": "9900"}),
        )
        .await;
    assert_eq!(beyond.status, 400);
}

#[tokio::test]
async fn what_is_too_much_is_refused() {
    let bench = Bench::new(0);
    let path = "/crm/v3/objects/contacts/search";
    let groups = |groups: usize, filters: usize| {
        let filters: Vec<Value> = (0..filters).map(|_| filter("email", "EQ", "a")).collect();
        json!({"filterGroups": vec![json!({"filters": filters}); groups]})
    };
    assert_eq!(bench.post(path, groups(5, 3)).await.status, 200);
    assert_eq!(bench.post(path, groups(6, 1)).await.status, 400);
    assert_eq!(bench.post(path, groups(1, 7)).await.status, 400);
    assert_eq!(bench.post(path, groups(5, 4)).await.status, 400);
    assert_eq!(bench.post(path, json!({"limit": 201})).await.status, 400);
    assert_eq!(bench.post(path, json!({"sorts": ["email", "phone"]})).await.status, 400);
    assert_eq!(bench.post(path, json!({"query": "x".repeat(3_000)})).await.status, 400);
    assert_eq!(
        bench
            .post(
                path,
                json!({"filterGroups": [{"filters": [filter("nope", "EQ", "1")]}]})
            )
            .await
            .status,
        400
    );
    let list_cursor = bench.post(path, json!({"after": "171590000001"})).await;
    assert!(text(&list_cursor.body, "/errors/0/message").starts_with("Cannot deserialize value of type"));
}

#[tokio::test]
async fn the_index_lags_behind_the_records_when_told_to() {
    let bench = Bench::with(Options {
        records: 0,
        index_lag: SignedDuration::from_secs(60),
        ..Options::default()
    });
    let id = bench.made("contacts", json!({"email": "a@example.com"})).await;
    assert_eq!(bench.get(&format!("/crm/v3/objects/contacts/{id}")).await.status, 200);
    assert!(search(&bench, json!([])).await.is_empty());
    bench.advance(61);
    assert_eq!(search(&bench, json!([])).await, [id.as_str()]);
    bench.hubspot.delete("contacts", &id).unwrap();
    assert!(search(&bench, json!([])).await.is_empty());
}

#[tokio::test]
async fn a_stale_index_shows_the_old_version_until_the_new_one_arrives() {
    let bench = Bench::new(0);
    let id = bench
        .made("contacts", json!({"email": "a@example.com", "phone": "1"}))
        .await;
    bench.hubspot.faults().script(Fault::StaleIndex, 1);
    bench
        .hubspot
        .update("contacts", &id, [("phone".to_owned(), json!("2"))].into())
        .unwrap();
    assert_eq!(search(&bench, json!([filter("phone", "EQ", "1")])).await, [id.as_str()]);
    bench.advance(31);
    assert!(search(&bench, json!([filter("phone", "EQ", "1")])).await.is_empty());
    assert_eq!(search(&bench, json!([filter("phone", "EQ", "2")])).await, [id]);
}

#[tokio::test]
async fn a_late_commit_becomes_visible_with_its_old_stamp() {
    let bench = Bench::new(0);
    bench.hubspot.next_commit_late(SignedDuration::from_secs(20));
    let id = bench
        .hubspot
        .create("contacts", [("firstname".to_owned(), json!("Late"))].into())
        .unwrap();
    bench.advance(10);
    let other = bench.made("contacts", json!({"firstname": "Early"})).await;
    assert_eq!(search(&bench, json!([])).await, [other.as_str()]);
    bench.advance(11);
    assert_eq!(search(&bench, json!([])).await, [id.clone(), other]);
    let late = bench.hubspot.record("contacts", &id).unwrap();
    assert_eq!(late.fields["lastmodifieddate"], "2026-11-21T10:00:00.000Z");
}

#[tokio::test]
async fn a_late_commit_that_was_overtaken_gets_a_stamp_of_its_own() {
    let bench = Bench::new(0);
    let id = bench.made("contacts", json!({"firstname": "A"})).await;
    bench.hubspot.next_commit_late(SignedDuration::from_secs(20));
    bench
        .hubspot
        .update("contacts", &id, [("phone".to_owned(), json!("1"))].into())
        .unwrap();
    bench.advance(5);
    bench
        .hubspot
        .update("contacts", &id, [("firstname".to_owned(), json!("B"))].into())
        .unwrap();
    bench.advance(20);
    let fields = bench.hubspot.record("contacts", &id).unwrap().fields;
    assert_eq!((&fields["phone"], &fields["firstname"]), (&json!("1"), &json!("B")));
    assert_eq!(fields["lastmodifieddate"], "2026-11-21T10:00:25.000Z");
}

#[tokio::test]
async fn the_filter_on_the_wrong_modified_property_of_contacts_finds_nothing() {
    let bench = Bench::new(3);
    assert!(
        search(&bench, json!([filter("hs_lastmodifieddate", "GTE", "0")]))
            .await
            .is_empty()
    );
    assert_eq!(
        search(&bench, json!([filter("lastmodifieddate", "GTE", "0")]))
            .await
            .len(),
        3
    );
}

#[tokio::test]
async fn a_query_looks_through_the_searchable_properties() {
    let bench = Bench::new(0);
    let id = bench
        .made("contacts", json!({"firstname": "Ann", "lastname": "Lee"}))
        .await;
    bench
        .made("contacts", json!({"firstname": "Bob", "lastname": "Lee"}))
        .await;
    let reply = bench
        .post("/crm/objects/2026-03/contacts/search", json!({"query": "lee ANN"}))
        .await;
    assert_eq!(ids(&reply.body), [id]);
}

impl Bench {
    fn clock_millis(&self) -> i64 {
        use crate::clock::Clock;
        self.clock.now().as_millisecond()
    }
}
