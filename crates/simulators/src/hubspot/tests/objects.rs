use serde_json::{Value, json};

use super::{Bench, ids, text};

#[tokio::test]
async fn a_record_has_string_values_stamps_and_the_default_properties() {
    let bench = Bench::new(0);
    let id = bench
        .made("contacts", json!({"email": "A@Example.com", "firstname": "Ann"}))
        .await;
    for path in [
        format!("/crm/v3/objects/contacts/{id}"),
        format!("/crm/objects/2026-09/0-1/{id}"),
    ] {
        let reply = bench.get(&path).await;
        assert_eq!(reply.status, 200);
        let expected = json!({
            "id": id,
            "properties": {
                "createdate": "2026-11-21T10:00:00.000Z",
                "email": "a@example.com",
                "firstname": "Ann",
                "hs_object_id": id,
                "lastmodifieddate": "2026-11-21T10:00:00.000Z",
                "lastname": null,
            },
            "createdAt": "2026-11-21T10:00:00.000Z",
            "updatedAt": "2026-11-21T10:00:00.000Z",
            "archived": false,
            "url": format!("https://app.hubspot.com/contacts/44237313/record/0-1/{id}"),
        });
        assert_eq!(reply.body.to_string(), expected.to_string());
        assert_eq!(reply.headers["date"], "Sat, 21 Nov 2026 10:00:00 GMT");
    }
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_an_empty_string_clears() {
    let bench = Bench::new(0);
    let id = bench
        .made(
            "companies",
            json!({"name": "Acme", "domain": "acme.example", "numberofemployees": 12}),
        )
        .await;
    bench.advance(1);
    let path = format!("/crm/objects/2026-03/companies/{id}");
    let reply = bench
        .call("PATCH", &path, json!({"properties": {"domain": "", "is_public": true}}))
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body["properties"]["domain"], Value::Null);
    assert_eq!(reply.body["properties"]["is_public"], "true");
    assert_eq!(reply.body["updatedAt"], "2026-11-21T10:00:01.000Z");
    let read = bench
        .get(&format!("{path}?properties=numberofemployees,domain,name,nonsense"))
        .await;
    assert_eq!(read.body["properties"]["numberofemployees"], "12");
    assert_eq!(read.body["properties"]["name"], "Acme");
    assert_eq!(read.body["properties"].get("nonsense"), None);
    assert_eq!(
        read.body["properties"]["hs_lastmodifieddate"],
        "2026-11-21T10:00:01.000Z"
    );
}

#[tokio::test]
async fn property_errors_come_with_the_details_inside_the_message_too() {
    let bench = Bench::new(0);
    let reply = bench
        .post(
            "/crm/v3/objects/contacts",
            json!({"properties": {"foo": "1", "hs_object_id": "7"}}),
        )
        .await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.body["category"], "VALIDATION_ERROR");
    let message = text(&reply.body, "/message");
    let list = message.strip_prefix("Property values were not valid: ").unwrap();
    let details: Value = serde_json::from_str(list).unwrap();
    assert_eq!(
        details[0],
        json!({"isValid": false, "message": "Property \"foo\" does not exist", "error": "PROPERTY_DOESNT_EXIST", "name": "foo"})
    );
    assert_eq!(reply.body["errors"][1]["code"], "READ_ONLY_VALUE");
    assert_eq!(reply.body["errors"][0]["context"]["propertyName"], json!(["foo"]));
}

#[tokio::test]
async fn a_second_contact_with_the_same_email_is_a_conflict_that_names_the_first() {
    let bench = Bench::new(0);
    let first = bench.made("contacts", json!({"email": "a@example.com"})).await;
    let reply = bench
        .post(
            "/crm/v3/objects/contacts",
            json!({"properties": {"email": "A@EXAMPLE.com"}}),
        )
        .await;
    assert_eq!(reply.status, 409);
    assert_eq!(
        reply.body["message"],
        format!("Contact already exists. Existing ID: {first}")
    );
    assert_eq!(reply.body["category"], "CONFLICT");
    let second = bench.made("contacts", json!({"email": "b@example.com"})).await;
    let path = format!("/crm/v3/objects/contacts/{second}");
    assert_eq!(
        bench
            .call("PATCH", &path, json!({"properties": {"email": "a@example.com"}}))
            .await
            .status,
        409
    );
    let by_email = bench
        .get("/crm/v3/objects/contacts/B@example.com?idProperty=email")
        .await;
    assert_eq!(by_email.body["id"], second);
}

#[tokio::test]
async fn a_unique_property_identifies_and_refuses_a_second_owner() {
    let bench = Bench::new(0);
    let id = bench
        .made("companies", json!({"name": "One", "external_id": "K-1"}))
        .await;
    let found = bench.get("/crm/v3/objects/companies/K-1?idProperty=external_id").await;
    assert_eq!(found.body["id"], id);
    let reply = bench
        .post(
            "/crm/v3/objects/companies",
            json!({"properties": {"name": "Two", "external_id": "K-1"}}),
        )
        .await;
    assert_eq!(
        (reply.status, text(&reply.body, "/errors/0/code").as_str()),
        (400, "CONFLICTING_UNIQUE_VALUE")
    );
    assert_eq!(
        bench.get("/crm/v3/objects/companies/X?idProperty=name").await.status,
        400
    );
}

#[tokio::test]
async fn lists_page_through_all_records_by_ascending_id() {
    let bench = Bench::new(25);
    let mut path = "/crm/v3/objects/contacts?limit=10&properties=email".to_owned();
    let mut seen = Vec::new();
    let mut pages = 0;
    loop {
        let reply = bench.get(&path).await;
        assert_eq!(reply.status, 200);
        seen.extend(ids(&reply.body));
        pages += 1;
        let Some(after) = reply.body.pointer("/paging/next/after") else {
            break;
        };
        let link = text(&reply.body, "/paging/next/link");
        assert!(link.starts_with("http://hubspot.example/crm/v3/objects/contacts?limit=10&properties=email&after="));
        path = format!(
            "/crm/v3/objects/contacts?limit=10&properties=email&after={}",
            after.as_str().unwrap()
        );
    }
    assert_eq!((pages, seen.len()), (3, 25));
    assert!(seen.is_sorted());
    assert_eq!(bench.get("/crm/v3/objects/contacts?limit=101").await.status, 400);
}

#[tokio::test]
async fn archived_records_move_to_the_archived_list_and_deletion_is_idempotent() {
    let bench = Bench::new(3);
    let all = ids(&bench.get("/crm/v3/objects/contacts").await.body);
    let path = format!("/crm/v3/objects/contacts/{}", all[1]);
    assert_eq!(bench.call("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(bench.call("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(
        bench
            .call("DELETE", "/crm/v3/objects/contacts/1", Value::Null)
            .await
            .status,
        204
    );
    let gone = bench.get(&path).await;
    assert_eq!(
        (gone.status, text(&gone.body, "/message").as_str()),
        (404, "resource not found")
    );
    assert_eq!(gone.body["category"], "OBJECT_NOT_FOUND");
    let archived = bench.get("/crm/v3/objects/contacts?archived=true").await;
    assert_eq!(ids(&archived.body), [all[1].clone()]);
    assert_eq!(archived.body["results"][0]["archived"], true);
    assert_eq!(archived.body["results"][0]["archivedAt"], "2026-11-21T10:00:00.000Z");
    assert_eq!(bench.get(&format!("{path}?archived=true")).await.status, 200);
    bench.hubspot.undelete("contacts", &all[1]).unwrap();
    assert_eq!(bench.get(&path).await.body["updatedAt"], "2026-11-21T10:00:00.000Z");
}

#[tokio::test]
async fn an_archived_email_is_free_and_blocks_the_restore_once_taken() {
    let bench = Bench::new(0);
    let old = bench.made("contacts", json!({"email": "a@example.com"})).await;
    bench.hubspot.delete("contacts", &old).unwrap();
    bench.made("contacts", json!({"email": "a@example.com"})).await;
    assert_eq!(bench.hubspot.undelete("contacts", &old).unwrap_err().code, "CONFLICT");
}

#[tokio::test]
async fn gdpr_delete_leaves_no_trace() {
    let bench = Bench::new(0);
    let id = bench.made("contacts", json!({"email": "a@example.com"})).await;
    let body = json!({"objectId": "a@example.com", "idProperty": "email"});
    assert_eq!(
        bench
            .post("/crm/objects/2026-03/contacts/gdpr-delete", body)
            .await
            .status,
        204
    );
    assert_eq!(
        bench
            .get(&format!("/crm/v3/objects/contacts/{id}?archived=true"))
            .await
            .status,
        404
    );
    assert!(bench.hubspot.record("contacts", &id).is_none());
}

#[tokio::test]
async fn history_names_the_app_or_the_user_who_wrote() {
    let bench = Bench::new(0);
    let id = bench
        .made("contacts", json!({"email": "a@example.com", "phone": "1"}))
        .await;
    bench.advance(1);
    bench
        .hubspot
        .update("contacts", &id, [("phone".to_owned(), json!("2"))].into())
        .unwrap();
    let reply = bench
        .get(&format!("/crm/v3/objects/contacts/{id}?propertiesWithHistory=phone"))
        .await;
    let versions = &reply.body["propertiesWithHistory"]["phone"];
    assert_eq!(versions[0]["value"], "2");
    assert_eq!(versions[0]["sourceType"], "CRM_UI");
    assert_eq!(versions[1]["sourceType"], "INTEGRATION");
    assert_eq!(versions[1]["sourceId"], "2468013");
    assert!(!bench.hubspot.record("contacts", &id).unwrap().modified_by_integration);
}

#[tokio::test]
async fn the_lifecycle_stage_moves_forward_only_until_it_is_cleared() {
    let bench = Bench::new(0);
    let id = bench.made("contacts", json!({"lifecyclestage": "customer"})).await;
    let stage = |bench: &Bench| {
        bench
            .hubspot
            .record("contacts", &id)
            .unwrap()
            .fields
            .get("lifecyclestage")
            .cloned()
    };
    let path = format!("/crm/v3/objects/contacts/{id}");
    let set = |value: &str| json!({"properties": {"lifecyclestage": value}});
    assert_eq!(bench.call("PATCH", &path, set("lead")).await.status, 200);
    assert_eq!(stage(&bench), Some(json!("customer")));
    bench.call("PATCH", &path, set("")).await;
    bench.call("PATCH", &path, set("lead")).await;
    assert_eq!(stage(&bench), Some(json!("lead")));
}

#[tokio::test]
async fn required_properties_are_enforced_where_the_version_says_so() {
    let bench = Bench::new(0);
    let deal = json!({"properties": {"amount": "5"}});
    assert_eq!(bench.post("/crm/v3/objects/deals", deal.clone()).await.status, 201);
    assert_eq!(bench.post("/crm/objects/2026-03/deals", deal.clone()).await.status, 201);
    let reply = bench.post("/crm/objects/2026-09/deals", deal).await;
    assert_eq!(
        (reply.status, text(&reply.body, "/category").as_str()),
        (400, "VALIDATION_ERROR")
    );
    assert_eq!(
        reply.body["context"]["properties"],
        json!(["dealname", "dealstage", "pipeline"])
    );
    assert_eq!(
        bench
            .post("/crm/v3/objects/p44237313_project", json!({"properties": {}}))
            .await
            .status,
        400
    );
    assert_eq!(
        bench
            .post("/crm/v3/objects/notes", json!({"properties": {"hs_note_body": "x"}}))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_deal_follows_its_stage() {
    let bench = Bench::new(0);
    let id = bench
        .made(
            "deals",
            json!({"dealname": "D", "dealstage": "145530002", "amount": "10.50"}),
        )
        .await;
    let fields = bench.hubspot.record("deals", &id).unwrap().fields;
    assert_eq!(fields["pipeline"], "75530001");
    assert_eq!(fields["hs_is_closed_won"], "true");
    assert_eq!(fields["amount"], "10.5");
    let reply = bench
        .post("/crm/v3/objects/deals", json!({"properties": {"dealstage": "nowhere"}}))
        .await;
    assert_eq!(text(&reply.body, "/errors/0/code"), "INVALID_OPTION");
    let reply = bench
        .post(
            "/crm/v3/objects/deals",
            json!({"properties": {"hubspot_owner_id": "1"}}),
        )
        .await;
    assert_eq!(text(&reply.body, "/errors/0/code"), "INVALID_OWNER_ID");
}

#[tokio::test]
async fn broken_requests_are_told_what_is_wrong() {
    let bench = Bench::new(0);
    let unknown = bench.get("/crm/v3/objects/foo").await;
    assert_eq!((unknown.status, unknown.body.get("category")), (400, None));
    assert_eq!(unknown.body["message"], "Unable to infer object type from: foo");
    let broken = super::reply(
        bench
            .send(
                "POST",
                "/crm/v3/objects/contacts",
                &bench.token,
                "application/json",
                b"{".to_vec(),
            )
            .await,
    )
    .await;
    assert_eq!(broken.status, 400);
    assert!(text(&broken.body, "/message").starts_with("Invalid input JSON on line 1"));
    assert_eq!(bench.get("/crm/v9/objects/contacts").await.status, 404);
}
