//! What clients set up: pipelines, custom types, labels, lists, imports and exports.

use serde_json::{Value, json};

use super::{Bench, reply, text};

/// The same API under its numbered path and under a date.
fn both(numbered: &str, dated: &str) -> [String; 2] {
    [numbered.to_owned(), dated.to_owned()]
}

#[tokio::test]
async fn a_pipeline_and_its_stages_live_from_create_to_delete() {
    for base in both("/crm/v3/pipelines/deals", "/crm/pipelines/2026-09/deals") {
        let bench = Bench::new(1);
        let stage = json!({"label": "Open", "displayOrder": 0, "metadata": {"probability": "0.5"}});
        let made = bench
            .post(
                &base,
                json!({"label": "Partners", "displayOrder": 5, "stages": [stage]}),
            )
            .await;
        assert_eq!(made.status, 201, "{}", made.body);
        let id = text(&made.body, "/id");
        let stage_id = text(&made.body, "/stages/0/id");
        assert_eq!(made.body["stages"][0]["metadata"]["isClosed"], "false");
        let won = json!({"label": "Won", "displayOrder": 1, "metadata": {"probability": "1.0"}});
        let added = bench.post(&format!("{base}/{id}/stages"), won).await;
        assert_eq!(
            (added.status, &added.body["metadata"]["isClosed"]),
            (201, &json!("true"))
        );
        let path = format!("{base}/{id}/stages/{stage_id}");
        let renamed = bench.call("PATCH", &path, json!({"label": "Talking"})).await;
        assert_eq!((renamed.status, &renamed.body["label"]), (200, &json!("Talking")));
        let deal = bench
            .made("deals", json!({"dealname": "D", "dealstage": stage_id, "pipeline": id}))
            .await;
        assert!(!deal.is_empty());
        assert_eq!(bench.call("DELETE", &path, Value::Null).await.status, 204);
        assert_eq!(bench.get(&path).await.status, 404);
        let one = bench
            .call("PATCH", &format!("{base}/{id}"), json!({"label": "Friends"}))
            .await;
        assert_eq!(
            (&one.body["label"], one.body["stages"].as_array().unwrap().len()),
            (&json!("Friends"), 1)
        );
        assert_eq!(
            bench.call("DELETE", &format!("{base}/{id}"), Value::Null).await.status,
            204
        );
        assert_eq!(bench.get(&format!("{base}/{id}")).await.status, 404);
    }
}

#[tokio::test]
async fn a_custom_type_can_be_made_used_linked_and_deleted() {
    for base in both("/crm-object-schemas/v3/schemas", "/crm-object-schemas/2026-09/schemas") {
        let bench = Bench::new(1);
        let egg = json!({
            "name": "pet", "labels": {"singular": "Pet", "plural": "Pets"}, "primaryDisplayProperty": "nickname",
            "requiredProperties": ["nickname"], "searchableProperties": ["nickname"], "associatedObjects": ["CONTACT"],
            "properties": [{"name": "nickname", "label": "Nickname", "type": "string", "fieldType": "text"},
                {"name": "chip", "label": "Chip", "type": "string", "fieldType": "text", "hasUniqueValue": true}],
        });
        let made = bench.post(&base, egg.clone()).await;
        assert_eq!(made.status, 201, "{}", made.body);
        let type_id = text(&made.body, "/objectTypeId");
        let qualified = text(&made.body, "/fullyQualifiedName");
        assert!(
            made.body["associations"]
                .as_array()
                .unwrap()
                .iter()
                .any(|one| one["toObjectTypeId"] == "0-1")
        );
        assert_eq!(bench.post(&base, egg).await.status, 409);

        let pet = bench.made(&qualified, json!({"nickname": "Rex", "chip": "1"})).await;
        let nobody = bench
            .post(&format!("/crm/v3/objects/{type_id}"), json!({"properties": {}}))
            .await;
        assert_eq!(nobody.status, 400);
        let twin = json!({"properties": {"nickname": "Max", "chip": "1"}});
        assert_eq!(
            bench.post(&format!("/crm/v3/objects/{type_id}"), twin).await.status,
            400
        );
        let owner = bench.made("contacts", json!({"email": "o@example.com"})).await;
        let path = format!("/crm/v4/objects/{type_id}/{pet}/associations/default/contacts/{owner}");
        assert_eq!(bench.call("PUT", &path, Value::Null).await.status, 200);
        let links = bench
            .get(&format!("/crm/v4/objects/contacts/{owner}/associations/{qualified}"))
            .await;
        assert_eq!(links.body["results"].as_array().unwrap().len(), 1);

        let labels = json!({"labels": {"singular": "Animal", "plural": "Animals"}});
        let changed = bench.call("PATCH", &format!("{base}/{type_id}"), labels).await;
        assert_eq!(
            (changed.status, &changed.body["labels"]["plural"]),
            (200, &json!("Animals"))
        );
        let to_companies = json!({"fromObjectTypeId": type_id, "toObjectTypeId": "0-2", "name": "pet_to_vet"});
        let related = bench
            .post(&format!("{base}/{type_id}/associations"), to_companies)
            .await;
        assert_eq!(related.status, 201, "{}", related.body);
        assert_eq!(
            bench
                .call("DELETE", &format!("{base}/{type_id}"), Value::Null)
                .await
                .status,
            400
        );
        bench
            .call("DELETE", &format!("/crm/v3/objects/{type_id}/{pet}"), Value::Null)
            .await;
        assert_eq!(
            bench
                .call("DELETE", &format!("{base}/{type_id}"), Value::Null)
                .await
                .status,
            204
        );
        assert_eq!(bench.get(&format!("/crm/v3/objects/{type_id}")).await.status, 400);
    }
}

#[tokio::test]
async fn associations_of_version_3_are_named_by_type() {
    let bench = Bench::new(0);
    let person = bench.made("contacts", json!({"email": "a@example.com"})).await;
    let firm = bench.made("companies", json!({"name": "A"})).await;
    let base = "/crm/v3/associations/contacts/companies";
    let types = bench.get(&format!("{base}/types")).await;
    let named = |name: &str| {
        types.body["results"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["name"] == name)
    };
    assert!(named("contact_to_company") && named("contact_to_company_unlabeled"));
    let link = json!({"from": {"id": person}, "to": {"id": firm}, "type": "contact_to_company"});
    let made = bench
        .post(&format!("{base}/batch/create"), json!({"inputs": [link]}))
        .await;
    assert_eq!(
        (made.status, &made.body["results"][0]["type"]),
        (201, &json!("contact_to_company"))
    );
    let read = bench
        .post(&format!("{base}/batch/read"), json!({"inputs": [{"id": person}]}))
        .await;
    assert_eq!(
        (read.status, &read.body["results"][0]["to"][0]["id"]),
        (200, &json!(firm))
    );
    let single = bench
        .get(&format!("/crm/v3/objects/contacts/{person}/associations/companies"))
        .await;
    assert_eq!(
        single.body["results"][0],
        json!({"id": firm, "type": "contact_to_company"})
    );
    let gone = bench
        .post(&format!("{base}/batch/archive"), json!({"inputs": [link]}))
        .await;
    assert_eq!(gone.status, 204);
    let path = format!("/crm/v3/objects/contacts/{person}/associations/companies/{firm}/contact_to_company");
    let put = bench.call("PUT", &path, Value::Null).await;
    assert_eq!((put.status, &put.body["id"]), (200, &json!(person)));
    assert_eq!(bench.call("DELETE", &path, Value::Null).await.status, 204);
    let missing = json!({"from": {"id": person}, "to": {"id": "9"}, "type": "contact_to_company"});
    let partly = bench
        .post(&format!("{base}/batch/create"), json!({"inputs": [missing]}))
        .await;
    assert_eq!((partly.status, &partly.body["numErrors"]), (207, &json!(1)));
}

#[tokio::test]
async fn labels_are_renamed_and_removed() {
    for base in both(
        "/crm/v4/associations/contacts/companies",
        "/crm/associations/2026-09/contacts/companies",
    ) {
        let bench = Bench::new(0);
        let made = bench
            .post(
                &format!("{base}/labels"),
                json!({"name": "vet", "label": "Vet", "inverseLabel": "Client"}),
            )
            .await;
        let id = made.body["results"][0]["typeId"].as_u64().unwrap();
        let renamed = json!({"associationTypeId": id, "label": "Doctor"});
        assert_eq!(bench.call("PUT", &format!("{base}/labels"), renamed).await.status, 204);
        let labels = async || bench.get(&format!("{base}/labels")).await.body["results"].to_string();
        assert!(labels().await.contains("Doctor"));
        assert_eq!(
            bench
                .call("DELETE", &format!("{base}/labels/{id}"), Value::Null)
                .await
                .status,
            204
        );
        assert!(!labels().await.contains("Doctor"));
    }
}

#[tokio::test]
async fn a_list_takes_members_and_shows_them() {
    for base in both("/crm/v3/lists", "/crm/lists/2026-09") {
        let bench = Bench::new(3);
        let people: Vec<String> = bench
            .hubspot
            .records("contacts")
            .into_iter()
            .map(|record| record.id)
            .collect();
        let list = json!({"name": "VIP", "objectTypeId": "0-1", "processingType": "MANUAL"});
        let made = bench.post(&base, list.clone()).await;
        assert_eq!(made.status, 200, "{}", made.body);
        let id = text(&made.body, "/list/listId");
        assert_eq!(bench.post(&base, list).await.status, 400, "names are unique");
        let path = format!("{base}/{id}/memberships");
        let added = bench
            .call("PUT", &format!("{path}/add"), json!([people[0], people[1], "9"]))
            .await;
        assert_eq!(
            (&added.body["recordsIdsAdded"], &added.body["recordIdsMissing"]),
            (&json!([people[0], people[1]]), &json!(["9"]))
        );
        let page = bench.get(&format!("{path}?limit=1")).await;
        assert_eq!(page.body["results"].as_array().unwrap().len(), 1);
        let after = text(&page.body, "/paging/next/after");
        let next = bench.get(&format!("{path}?limit=1&after={after}")).await;
        assert!(next.body.get("paging").is_none());
        let removed = bench.call("PUT", &format!("{path}/remove"), json!([people[0]])).await;
        assert_eq!(removed.body["recordIdsRemoved"], json!([people[0]]));
        let found = bench.post(&format!("{base}/search"), json!({"query": "vi"})).await;
        assert_eq!(
            (&found.body["total"], &found.body["lists"][0]["listId"]),
            (&json!(1), &json!(id))
        );
        let of_person = bench
            .get(&format!("{base}/records/0-1/{}/memberships", people[1]))
            .await;
        assert_eq!(of_person.body["results"][0]["listId"], json!(id));
        assert_eq!(
            bench.call("DELETE", &format!("{base}/{id}"), Value::Null).await.status,
            204
        );
        assert_eq!(bench.get(&format!("{base}/{id}")).await.status, 404);
        assert_eq!(
            bench
                .call("PUT", &format!("{base}/{id}/restore"), Value::Null)
                .await
                .status,
            204
        );
        assert_eq!(
            text(&bench.get(&format!("{base}/{id}")).await.body, "/list/name"),
            "VIP"
        );
    }
}

#[tokio::test]
async fn an_import_writes_its_rows_and_tells_which_failed() {
    for base in both("/crm/v3/imports", "/crm/imports/2026-09") {
        let bench = Bench::new(0);
        let known = bench.made("contacts", json!({"email": "a@example.com"})).await;
        let column = |name: &str, property: &str| json!({"columnObjectTypeId": "0-1", "columnName": name, "propertyName": property});
        let described = json!({
            "name": "people", "importOperations": {"0-1": "UPSERT"},
            "files": [{"fileName": "p.csv", "fileFormat": "CSV", "fileImportPage": {"hasHeader": true,
                "columnMappings": [column("E", "email"), column("N", "firstname"), column("S", "lifecyclestage")]}}],
        });
        let csv = "E,N,S\na@example.com,Ada,lead\nb@example.com,\"B, Bob\",lead\nc@example.com,Cy,nonsense\n";
        let form = format!(
            "--x1\r\nContent-Disposition: form-data; name=\"importRequest\"\r\n\r\n{described}\r\n--x1\r\n\
             Content-Disposition: form-data; name=\"files\"; filename=\"p.csv\"\r\nContent-Type: text/csv\r\n\r\n{csv}\r\n--x1--\r\n"
        );
        let content = "multipart/form-data; boundary=x1";
        let sent = bench
            .send("POST", &base, &bench.token, content, form.into_bytes())
            .await;
        let started = reply(sent).await;
        assert_eq!(
            (started.status, &started.body["state"]),
            (200, &json!("STARTED")),
            "{}",
            started.body
        );
        let id = text(&started.body, "/id");
        let done = bench.get(&format!("{base}/{id}")).await;
        assert_eq!(done.body["metadata"]["counters"]["CREATED_OBJECTS"], 1);
        assert_eq!(
            bench.get(&format!("{base}/{id}/errors")).await.body["results"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        let ada = bench
            .get(&format!("/crm/v3/objects/contacts/{known}?properties=firstname"))
            .await;
        assert_eq!(ada.body["properties"]["firstname"], "Ada");
        assert_eq!(bench.hubspot.count("contacts"), 2);
    }
}

#[tokio::test]
async fn an_export_is_ready_at_the_next_look() {
    for base in both("/crm/v3/exports", "/crm/exports/2026-09") {
        let bench = Bench::new(0);
        bench
            .made("contacts", json!({"email": "a@example.com", "firstname": "A, \"B\""}))
            .await;
        let wanted = json!({"exportType": "VIEW", "format": "CSV", "objectType": "CONTACT",
            "objectProperties": ["email", "firstname"]});
        let started = bench.post(&format!("{base}/export/async"), wanted).await;
        assert_eq!(started.status, 202, "{}", started.body);
        let path = format!("{base}/export/async/tasks/{}/status", text(&started.body, "/id"));
        assert_eq!(bench.get(&path).await.body["status"], "PROCESSING");
        let done = bench.get(&path).await;
        assert_eq!(done.body["status"], "COMPLETE");
        let address = text(&done.body, "/result");
        let path = address.strip_prefix("http://hubspot.example").unwrap();
        let file = bench.send("GET", path, "nobody", "", Vec::new()).await;
        let bytes = axum::body::to_bytes(file.into_body(), usize::MAX).await.unwrap();
        let csv = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(csv.contains("a@example.com,\"A, \"\"B\"\"\""), "{csv}");
    }
}

#[tokio::test]
async fn users_limits_and_tokens_tell_of_the_account() {
    let bench = Bench::new(2);
    let users = bench.get("/settings/v3/users").await;
    let first = text(&users.body, "/results/0/id");
    assert_eq!(bench.get(&format!("/settings/v3/users/{first}")).await.status, 200);
    assert_eq!(bench.get("/crm/v3/limits/records").await.status, 200);
    let body = json!({"tokenKey": bench.token});
    let info = bench.post("/oauth/v2/private-apps/get/access-token-info", body).await;
    assert!(info.body["scopes"].as_array().is_some_and(|scopes| !scopes.is_empty()));
    for object in ["calls", "0-421", "line_items", "LEAD", "emails", "products"] {
        assert_eq!(
            bench.get(&format!("/crm/v3/objects/{object}")).await.status,
            200,
            "{object}"
        );
        assert_eq!(
            bench.get(&format!("/crm/properties/2026-09/{object}")).await.status,
            200,
            "{object}"
        );
    }
}
