use std::path::PathBuf;

use serde_json::json;

use super::{Bench, text};
use crate::options::Options;

/// The folder of shared material, which is not part of the project.
fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SYNCLINE_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let found = root.join(path);
    if found.exists() {
        Some(found)
    } else {
        println!("skipped: {} is not there", found.display());
        None
    }
}

#[tokio::test]
async fn properties_describe_type_options_and_what_can_be_written() {
    let bench = Bench::new(0);
    let all = bench.get("/crm/properties/2026-09/contacts").await;
    let named = |name: &str| {
        all.body["results"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == name)
            .cloned()
            .unwrap_or_default()
    };
    let stage = named("lifecyclestage");
    assert_eq!(
        (&stage["type"], &stage["fieldType"]),
        (&json!("enumeration"), &json!("radio"))
    );
    assert_eq!(
        stage["options"][1],
        json!({"label": "Lead", "value": "lead", "displayOrder": 1, "hidden": false})
    );
    assert_eq!(named("hs_object_id")["modificationMetadata"]["readOnlyValue"], true);
    assert_eq!(named("external_id")["hasUniqueValue"], true);
    assert_eq!(named("hubspot_owner_id")["referencedObjectType"], "OWNER");
    assert_eq!(named("hubspotscore")["calculated"], true);
    assert_eq!(named("createdate")["type"], "datetime");
    assert_eq!(bench.get("/crm/v3/properties/contacts/nope").await.status, 404);
}

#[tokio::test]
async fn a_property_can_be_made_used_and_archived() {
    let bench = Bench::new(0);
    let group = json!({"name": "sync", "label": "Sync"});
    assert_eq!(
        bench
            .post("/crm/v3/properties/contacts/groups", group.clone())
            .await
            .status,
        201
    );
    assert_eq!(
        bench.post("/crm/v3/properties/contacts/groups", group).await.status,
        409
    );
    let body = json!({
        "name": "sync_key", "label": "Sync key", "groupName": "sync", "type": "string", "fieldType": "text",
        "hasUniqueValue": true,
    });
    let made = bench.post("/crm/v3/properties/contacts", body.clone()).await;
    assert_eq!((made.status, &made.body["hasUniqueValue"]), (201, &json!(true)));
    assert_eq!(bench.post("/crm/v3/properties/contacts", body).await.status, 409);
    let id = bench.made("contacts", json!({"sync_key": "K"})).await;
    assert_eq!(
        bench.get("/crm/v3/objects/contacts/K?idProperty=sync_key").await.body["id"],
        id
    );
    let deleted = bench
        .call("DELETE", "/crm/v3/properties/contacts/sync_key", json!(null))
        .await;
    assert_eq!(deleted.status, 204);
    assert_eq!(bench.get("/crm/v3/properties/contacts/sync_key").await.status, 404);
    let gone = bench
        .post("/crm/v3/objects/contacts", json!({"properties": {"sync_key": "L"}}))
        .await;
    assert_eq!(gone.status, 400);
    let batch = json!({"inputs": [
        {"name": "age__c", "label": "Age", "groupName": "sync", "type": "number", "fieldType": "number"},
        {"name": "interests__c", "label": "Interests", "groupName": "sync", "type": "enumeration", "fieldType": "select",
         "options": [{"label": "art", "value": "art"}]},
    ]});
    let made = bench.post("/crm/v3/properties/Contact/batch/create", batch).await;
    assert_eq!((made.status, made.body["results"].as_array().unwrap().len()), (201, 2));
    assert_eq!(
        bench
            .call("DELETE", "/crm/v3/properties/contacts/email", json!(null))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn the_custom_object_answers_to_all_its_names() {
    let bench = Bench::new(0);
    let list = bench.get("/crm-object-schemas/2026-09/schemas").await;
    assert_eq!(list.body["results"][0]["objectTypeId"], "2-1000001");
    assert_eq!(list.body["results"][0]["fullyQualifiedName"], "p44237313_project");
    assert_eq!(list.body["results"][0]["requiredProperties"], json!(["name"]));
    let id = bench
        .made(
            "2-1000001",
            json!({"name": "Bridge", "budget": 12.50, "start_date": "2026-11-20"}),
        )
        .await;
    for name in ["p44237313_project", "project", "projects"] {
        assert_eq!(bench.get(&format!("/crm/v3/objects/{name}/{id}")).await.status, 200);
    }
    let contact = bench.made("contacts", json!({"email": "a@example.com"})).await;
    let labels = bench.get("/crm/v4/associations/2-1000001/contacts/labels").await;
    assert_eq!(labels.body["results"][0]["category"], "USER_DEFINED");
    bench.hubspot.associate("projects", &id, "contacts", &contact).unwrap();
    assert_eq!(bench.hubspot.associated("contacts", &contact, "projects"), [id]);
}

#[tokio::test]
async fn owners_page_and_pipelines_tell_their_stages() {
    let bench = Bench::new(0);
    let first = bench.get("/crm/v3/owners/?limit=3").await;
    assert_eq!(first.body["results"].as_array().unwrap().len(), 3);
    let after = text(&first.body, "/paging/next/after");
    let second = bench.get(&format!("/crm/owners/2026-03?limit=3&after={after}")).await;
    assert_eq!(second.body["results"].as_array().unwrap().len(), 1);
    assert_eq!(
        bench.get("/crm/v3/owners?archived=true").await.body["results"][0]["email"],
        "left@example.com"
    );
    let admin = bench.get("/crm/v3/owners?email=admin@example.com").await;
    assert_ne!(admin.body["results"][0]["id"], admin.body["results"][0]["userId"]);
    let deals = bench.get("/crm/v3/pipelines/deals").await;
    assert_eq!(
        deals.body["results"][0]["stages"][5]["metadata"],
        json!({"isClosed": "true", "probability": "1.0"})
    );
    let tickets = bench.get("/crm/pipelines/2026-09/tickets").await;
    assert_eq!(
        tickets.body["results"][0]["stages"][3]["metadata"]["ticketState"],
        "CLOSED"
    );
}

#[tokio::test]
async fn recorded_properties_join_the_built_in_ones() {
    let Some(folder) = shared("recorded/hubspot") else {
        return;
    };
    let bench = Bench::with(Options {
        records: 5,
        schema_dir: Some(folder),
        ..Options::default()
    });
    let hobby = bench.get("/crm/v3/properties/contacts/hobby__c").await;
    assert_eq!((hobby.status, &hobby.body["type"]), (200, &json!("string")));
    let address = bench.get("/crm/v3/properties/contacts/address").await;
    assert_eq!(
        address.body["description"],
        "Contact's street address, including apartment or unit number."
    );
    assert_eq!(bench.get("/crm/v3/properties/contacts/degree").await.status, 200);
    assert_eq!(
        bench.get("/crm/v3/objects/contacts").await.body["results"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
}

#[tokio::test]
async fn people_come_from_a_file_as_they_stand_in_it() {
    let Some(csv) = shared("data/people-a.csv") else { return };
    let bench = Bench::with(Options {
        csv: Some(csv),
        ..Options::default()
    });
    let people = bench.hubspot.records("contacts");
    assert_eq!(people.len(), 5_000);
    let fields = &people[0].fields;
    assert_eq!(
        (&fields["rec_id"], &fields["firstname"]),
        (&json!("rec-1070-org"), &json!("michaela"))
    );
    assert_eq!(
        (&fields["address"], &fields["address_2"]),
        (&json!("8 stanley street"), &json!("miami"))
    );
    assert_eq!(bench.get("/crm/v3/properties/contacts/soc_sec_id").await.status, 200);
}
