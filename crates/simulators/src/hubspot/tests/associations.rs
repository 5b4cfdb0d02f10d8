use serde_json::{Value, json};

use super::{Bench, text};

async fn company_of(bench: &Bench, contact: &str) -> Option<String> {
    let reply = bench
        .get(&format!(
            "/crm/v3/objects/contacts/{contact}?properties=associatedcompanyid"
        ))
        .await;
    reply.body["properties"]["associatedcompanyid"]
        .as_str()
        .map(str::to_owned)
}

#[tokio::test]
async fn the_first_company_becomes_primary_and_a_new_primary_one_replaces_it() {
    let bench = Bench::new(0);
    let contact = bench.made("contacts", json!({"email": "a@example.com"})).await;
    let one = bench.made("companies", json!({"name": "One"})).await;
    let two = bench.made("companies", json!({"name": "Two"})).await;
    let put = |company: &str| format!("/crm/v4/objects/contacts/{contact}/associations/default/companies/{company}");
    let reply = bench.call("PUT", &put(&one), Value::Null).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body["results"][0]["associationSpec"]["associationTypeId"], 279);
    bench.call("PUT", &put(&two), Value::Null).await;
    assert_eq!(company_of(&bench, &contact).await, Some(one.clone()));
    bench.advance(1);
    let labelled = format!("/crm/v4/objects/contacts/{contact}/associations/companies/{two}");
    let primary = json!([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]);
    let reply = bench.call("PUT", &labelled, primary).await;
    assert_eq!((reply.status, &reply.body["labels"]), (201, &json!(["Primary"])));
    assert_eq!(company_of(&bench, &contact).await, Some(two.clone()));
    let moved = bench.hubspot.record("contacts", &contact).unwrap();
    assert_eq!(moved.fields["lastmodifieddate"], "2026-11-21T10:00:01.000Z");

    let read = bench
        .get(&format!("/crm/v4/objects/contacts/{contact}/associations/companies"))
        .await;
    let number: u64 = two.parse().unwrap();
    assert_eq!(read.body["results"][1]["toObjectId"], number);
    assert_eq!(
        read.body["results"][1]["associationTypes"],
        json!([
            {"category": "HUBSPOT_DEFINED", "typeId": 1, "label": "Primary"},
            {"category": "HUBSPOT_DEFINED", "typeId": 279},
        ])
    );
    let dated = bench
        .get(&format!(
            "/crm/objects/2026-09/contacts/{contact}/associations/companies"
        ))
        .await;
    assert_eq!(dated.body["results"][1]["toObjectId"], two);

    let inline = bench
        .get(&format!("/crm/v3/objects/contacts/{contact}?associations=companies"))
        .await;
    assert_eq!(
        inline.body["associations"]["companies"]["results"],
        json!([
            {"id": one, "type": "contact_to_company_unlabeled"},
            {"id": two, "type": "contact_to_company"},
            {"id": two, "type": "contact_to_company_unlabeled"},
        ])
    );
    assert_eq!(bench.call("DELETE", &labelled, Value::Null).await.status, 204);
    assert_eq!(company_of(&bench, &contact).await, None);
    assert_eq!(bench.hubspot.associated("contacts", &contact, "companies"), [one]);
}

#[tokio::test]
async fn writing_the_company_property_links_and_clearing_it_unlinks() {
    let bench = Bench::new(0);
    let company = bench.made("companies", json!({"name": "One"})).await;
    let contact = bench
        .made(
            "contacts",
            json!({"email": "a@example.com", "associatedcompanyid": company}),
        )
        .await;
    assert_eq!(
        bench.hubspot.associated("companies", &company, "contacts"),
        [contact.as_str()]
    );
    let path = format!("/crm/v3/objects/contacts/{contact}");
    bench
        .call("PATCH", &path, json!({"properties": {"associatedcompanyid": ""}}))
        .await;
    assert!(bench.hubspot.associated("companies", &company, "contacts").is_empty());
    let reply = bench
        .call("PATCH", &path, json!({"properties": {"associatedcompanyid": "1"}}))
        .await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn a_create_can_carry_its_associations() {
    let bench = Bench::new(0);
    let company = bench.made("companies", json!({"name": "One"})).await;
    let link = |type_id: u64, id: &str| {
        json!({"properties": {"firstname": "A"}, "associations": [{
            "to": {"id": id},
            "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}],
        }]})
    };
    let reply = bench.post("/crm/v3/objects/contacts", link(279, &company)).await;
    assert_eq!(reply.status, 201);
    assert_eq!(company_of(&bench, &text(&reply.body, "/id")).await, Some(company));
    assert_eq!(bench.post("/crm/v3/objects/contacts", link(279, "1")).await.status, 400);
    assert_eq!(
        bench.post("/crm/v3/objects/contacts", link(9_999, "1")).await.status,
        400
    );
    assert_eq!(bench.hubspot.records("contacts").len(), 1);
}

#[tokio::test]
async fn batches_create_read_and_archive_links() {
    let bench = Bench::new(0);
    let company = bench.made("companies", json!({"name": "One"})).await;
    let contact = bench.made("contacts", json!({"email": "a@example.com"})).await;
    let lonely = bench.made("contacts", json!({"email": "b@example.com"})).await;
    let base = "/crm/associations/2026-09/contacts/companies/batch";
    let types = json!([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]);
    let create = json!({"inputs": [
        {"from": {"id": contact}, "to": {"id": company}, "types": types},
        {"from": {"id": contact}, "to": {"id": "1"}, "types": types},
    ]});
    let reply = bench.post(&format!("{base}/create"), create).await;
    assert_eq!((reply.status, &reply.body["numErrors"]), (207, &json!(1)));
    assert_eq!(reply.body["results"][0]["toObjectId"], company);
    let read = bench
        .post(
            &format!("{base}/read"),
            json!({"inputs": [{"id": contact}, {"id": lonely}]}),
        )
        .await;
    assert_eq!(read.status, 207);
    assert_eq!(read.body["results"][0]["from"]["id"], contact);
    assert_eq!(read.body["results"][0]["to"][0]["toObjectId"], company);
    assert_eq!(
        read.body["errors"][0]["subCategory"],
        "crm.associations.NO_ASSOCIATIONS_FOUND"
    );
    let archive = json!({"inputs": [{"from": {"id": contact}, "to": [{"id": company}]}]});
    assert_eq!(bench.post(&format!("{base}/archive"), archive).await.status, 204);
    assert!(bench.hubspot.associated("contacts", &contact, "companies").is_empty());
}

#[tokio::test]
async fn labels_are_listed_and_made() {
    let bench = Bench::new(0);
    let path = "/crm/v4/associations/contacts/companies/labels";
    let listed = bench.get(path).await;
    assert_eq!(
        listed.body["results"][0],
        json!({"category": "HUBSPOT_DEFINED", "typeId": 279})
    );
    let made = bench
        .post(
            path,
            json!({"label": "Billing", "name": "billing", "inverseLabel": "Billed by"}),
        )
        .await;
    assert_eq!(made.body["results"][0]["typeId"], 36);
    let contact = bench.made("contacts", json!({"email": "a@example.com"})).await;
    let company = bench.made("companies", json!({"name": "One"})).await;
    let body = json!([{"associationCategory": "USER_DEFINED", "associationTypeId": 36}]);
    let put = format!("/crm/v4/objects/contacts/{contact}/associations/companies/{company}");
    assert_eq!(bench.call("PUT", &put, body).await.body["labels"], json!(["Billing"]));
}

#[tokio::test]
async fn deleting_a_company_unlinks_its_people_and_restoring_it_links_them_again() {
    let bench = Bench::new(10);
    let company = bench.hubspot.records("companies").remove(0).id;
    let people = bench.hubspot.associated("companies", &company, "contacts");
    assert_eq!(people.len(), 10);
    bench.hubspot.delete("companies", &company).unwrap();
    assert_eq!(company_of(&bench, &people[0]).await, None);
    bench.hubspot.undelete("companies", &company).unwrap();
    assert_eq!(company_of(&bench, &people[0]).await, Some(company.clone()));
    assert_eq!(bench.hubspot.associated("companies", &company, "contacts"), people);
}
