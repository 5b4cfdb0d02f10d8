use serde_json::{Value, json};

use super::{Bench, ids, text};

fn inputs(count: usize, of: impl Fn(usize) -> Value) -> Value {
    json!({"inputs": (0..count).map(of).collect::<Vec<_>>()})
}

#[tokio::test]
async fn a_batch_read_answers_what_it_finds_and_lists_the_rest_in_one_error() {
    let bench = Bench::new(40);
    let all = ids(&bench.get("/crm/v3/objects/contacts?limit=100").await.body);
    let mut wanted: Vec<Value> = all.iter().map(|id| json!({"id": id})).collect();
    let full = bench
        .post(
            "/crm/v3/objects/contacts/batch/read",
            json!({"inputs": wanted, "properties": ["email"]}),
        )
        .await;
    assert_eq!(full.status, 200);
    assert_eq!(full.body["status"], "COMPLETE");
    assert_eq!(ids(&full.body), all);
    let order: Vec<String> = full.body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(one, "/id"))
        .collect();
    assert_ne!(order, all, "results must not come in the order of the inputs");
    wanted.extend([json!({"id": "888"}), json!({"id": "999"})]);
    let partial = bench
        .post("/crm/objects/2026-03/contacts/batch/read", json!({"inputs": wanted}))
        .await;
    assert_eq!(partial.status, 207);
    assert_eq!(partial.body["numErrors"], 1);
    assert_eq!(partial.body["errors"][0]["category"], "OBJECT_NOT_FOUND");
    assert_eq!(partial.body["errors"][0]["context"]["ids"], json!(["888", "999"]));
    let too_many = inputs(101, |number| json!({"id": number.to_string()}));
    assert_eq!(
        bench.post("/crm/v3/objects/contacts/batch/read", too_many).await.status,
        400
    );
}

#[tokio::test]
async fn a_batch_read_finds_by_email_and_by_unique_property() {
    let bench = Bench::new(0);
    let id = bench
        .made("contacts", json!({"email": "a@example.com", "external_id": "K"}))
        .await;
    for (property, value) in [("email", "A@example.com"), ("external_id", "K")] {
        let body = json!({"inputs": [{"id": value}], "idProperty": property});
        assert_eq!(
            ids(&bench.post("/crm/v3/objects/contacts/batch/read", body).await.body),
            [id.as_str()]
        );
    }
}

#[tokio::test]
async fn a_batch_create_without_trace_ids_is_all_or_nothing() {
    let bench = Bench::new(0);
    let first = bench.made("contacts", json!({"email": "taken@example.com"})).await;
    let body = json!({"inputs": [
        {"properties": {"email": "new@example.com"}},
        {"properties": {"email": "taken@example.com"}},
    ]});
    let reply = bench.post("/crm/v3/objects/contacts/batch/create", body).await;
    assert_eq!(
        (reply.status, text(&reply.body, "/message")),
        (409, format!("Contact already exists. Existing ID: {first}"))
    );
    assert_eq!(bench.hubspot.records("contacts").len(), 1);
}

#[tokio::test]
async fn a_batch_create_with_trace_ids_tells_each_outcome() {
    let bench = Bench::new(0);
    let first = bench.made("contacts", json!({"email": "taken@example.com"})).await;
    let body = json!({"inputs": [
        {"properties": {"email": "new@example.com"}, "objectWriteTraceId": "r0"},
        {"properties": {"email": "taken@example.com"}, "objectWriteTraceId": "r1"},
        {"properties": {"nonsense": "1"}, "objectWriteTraceId": "r2"},
    ]});
    let reply = bench.post("/crm/v3/objects/contacts/batch/create", body).await;
    assert_eq!((reply.status, &reply.body["numErrors"]), (207, &json!(2)));
    assert_eq!(reply.body["results"][0]["objectWriteTraceId"], "r0");
    assert_eq!(
        reply.body["errors"][0]["context"],
        json!({"objectWriteTraceId": ["r1"], "existingId": [first]})
    );
    assert_eq!(reply.body["errors"][1]["context"]["objectWriteTraceId"], json!(["r2"]));
}

#[tokio::test]
async fn a_batch_update_reports_missing_rows_and_refuses_duplicates_and_bad_properties_whole() {
    let bench = Bench::new(2);
    let all = ids(&bench.get("/crm/v3/objects/contacts").await.body);
    let path = "/crm/v3/objects/contacts/batch/update";
    let body = json!({"inputs": [
        {"id": all[0], "properties": {"phone": "5"}},
        {"id": "888", "properties": {"phone": "5"}},
    ]});
    let reply = bench.post(path, body).await;
    assert_eq!(reply.status, 207);
    assert_eq!(ids(&reply.body), [all[0].clone()]);
    assert_eq!(
        reply.body["errors"][0]["message"],
        "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid."
    );
    let twice = inputs(2, |_| json!({"id": all[0], "properties": {"phone": "6"}}));
    let reply = bench.post(path, twice).await;
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.body["message"],
        format!("Duplicate IDs found in batch input: [{}]. IDs must be unique", all[0])
    );
    assert_eq!(reply.body["context"]["ids"], json!([all[0]]));
    let bad = json!({"inputs": [
        {"id": all[0], "properties": {"phone": "7"}},
        {"id": all[1], "properties": {"first000name": "x"}},
    ]});
    let reply = bench.post(path, bad).await;
    assert_eq!(
        (reply.status, text(&reply.body, "/errors/0/code").as_str()),
        (400, "PROPERTY_DOESNT_EXIST")
    );
    assert_eq!(bench.hubspot.record("contacts", &all[0]).unwrap().fields["phone"], "5");
    let by_email = json!({"inputs": [{"id": "a@example.com", "idProperty": "email", "properties": {"phone": "1"}}]});
    let reply = bench.post(path, by_email).await;
    assert_eq!(reply.status, 400);
    assert!(text(&reply.body, "/message").starts_with("Unable to perform update/upsert by non-unique 0-1 property"));
}

#[tokio::test]
async fn an_upsert_creates_or_updates_by_a_unique_property_and_repeats_without_effect() {
    let bench = Bench::new(0);
    let path = "/crm/objects/2026-09/contacts/batch/upsert";
    let body = json!({"inputs": [
        {"id": "K-1", "idProperty": "external_id", "properties": {"firstname": "Ann"}},
        {"id": "K-2", "idProperty": "external_id", "properties": {"firstname": "Bob"}},
    ]});
    let first = bench.post(path, body.clone()).await;
    assert_eq!(first.status, 200);
    assert!(
        first.body["results"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["new"] == json!(true))
    );
    let again = bench.post(path, body).await;
    assert!(
        again.body["results"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["new"] == json!(false))
    );
    assert_eq!(ids(&again.body), ids(&first.body));
    assert_eq!(bench.hubspot.records("contacts").len(), 2);
    let without = json!({"inputs": [{"id": "K-1", "properties": {}}]});
    assert_eq!(bench.post(path, without).await.status, 400);
    let by_email =
        json!({"inputs": [{"id": "x@example.com", "idProperty": "email", "properties": {"firstname": "X"}}]});
    assert_eq!(
        bench.post(path, by_email).await.body["results"][0]["properties"]["email"],
        "x@example.com"
    );
}

#[tokio::test]
async fn a_batch_archive_does_not_mind_unknown_ids() {
    let bench = Bench::new(2);
    let all = ids(&bench.get("/crm/v3/objects/contacts").await.body);
    let body = json!({"inputs": [{"id": all[0]}, {"id": "888"}]});
    assert_eq!(
        bench.post("/crm/v3/objects/contacts/batch/archive", body).await.status,
        204
    );
    assert_eq!(ids(&bench.get("/crm/v3/objects/contacts").await.body), [all[1].clone()]);
}

#[tokio::test]
async fn since_2026_09_a_partial_batch_may_be_answered_with_200() {
    let bench = Bench::new(0);
    let mut behaviour = bench.hubspot.behaviour();
    behaviour.partial_batch_is_207_since_2026_09 = false;
    bench.hubspot.set_behaviour(behaviour);
    let body = json!({"inputs": [{"id": "888"}]});
    let folded = bench
        .post("/crm/objects/2026-09/contacts/batch/read", body.clone())
        .await;
    assert_eq!((folded.status, &folded.body["numErrors"]), (200, &json!(1)));
    assert_eq!(
        bench
            .post("/crm/objects/2026-03/contacts/batch/read", body)
            .await
            .status,
        207
    );
}
