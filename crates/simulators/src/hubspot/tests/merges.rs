use serde_json::{Value, json};

use super::{Bench, ids, text};

#[tokio::test]
async fn a_merge_makes_a_new_record_that_both_old_ids_lead_to() {
    let bench = Bench::new(0);
    let company = bench.made("companies", json!({"name": "One"})).await;
    let one = bench
        .made("contacts", json!({"email": "a@example.com", "firstname": "Ann"}))
        .await;
    let two = bench
        .made(
            "contacts",
            json!({"email": "b@example.com", "firstname": "Anna", "phone": "2", "associatedcompanyid": company}),
        )
        .await;
    bench.advance(5);
    let body = json!({"primaryObjectId": one, "objectIdToMerge": two});
    let reply = bench.post("/crm/v3/objects/contacts/merge", body).await;
    assert_eq!(reply.status, 200);
    let survivor = text(&reply.body, "/id");
    assert!(survivor != one && survivor != two);
    for old in [&one, &two] {
        let path = format!(
            "/crm/v3/objects/contacts/{old}?properties=hs_merged_object_ids,phone,firstname,hs_additional_emails"
        );
        let read = bench.get(&path).await;
        assert_eq!(read.body["id"], survivor);
        assert_eq!(read.body["properties"]["hs_merged_object_ids"], format!("{one};{two}"));
        assert_eq!(read.body["properties"]["firstname"], "Ann");
        assert_eq!(read.body["properties"]["phone"], "2");
        assert_eq!(read.body["properties"]["hs_additional_emails"], "b@example.com");
        assert_eq!(read.body["updatedAt"], "2026-11-21T10:00:05.000Z");
    }
    let batch = json!({"inputs": [{"id": one}, {"id": two}, {"id": survivor}]});
    let read = bench.post("/crm/v3/objects/contacts/batch/read", batch).await;
    assert_eq!((read.status, ids(&read.body)), (200, vec![survivor.clone()]));
    let found = bench.post("/crm/v3/objects/contacts/search", json!({})).await;
    assert_eq!(ids(&found.body), [survivor.as_str()]);
    let by_old_email = bench
        .get("/crm/v3/objects/contacts/b@example.com?idProperty=email")
        .await;
    assert_eq!(by_old_email.body["id"], survivor);
    assert_eq!(bench.hubspot.associated("contacts", &survivor, "companies"), [company]);
    assert_eq!(
        bench.hubspot.record("contacts", &one).unwrap().merged_into,
        Some(survivor.clone())
    );
    assert_eq!(
        bench.get("/crm/v3/objects/contacts?archived=true").await.body["results"],
        json!([])
    );
}

#[tokio::test]
async fn merges_chain_and_their_marks_accumulate() {
    let bench = Bench::new(0);
    let mut made = Vec::new();
    for number in 0..3 {
        made.push(bench.made("companies", json!({"name": format!("C{number}")})).await);
    }
    let first = bench
        .hubspot
        .merge("companies", &made[0], std::slice::from_ref(&made[1]))
        .unwrap();
    let second = bench
        .hubspot
        .merge("companies", &first, std::slice::from_ref(&made[2]))
        .unwrap();
    let record = bench.hubspot.record("companies", &second).unwrap();
    assert_eq!(
        record.fields["hs_merged_object_ids"],
        format!("{};{};{};{}", made[0], made[1], first, made[2])
    );
    assert_eq!(
        bench.get(&format!("/crm/v3/objects/companies/{}", made[1])).await.body["id"],
        second
    );
    assert!(
        bench
            .hubspot
            .merge("companies", &second, std::slice::from_ref(&made[0]))
            .is_err()
    );
}

#[tokio::test]
async fn merged_companies_hand_their_people_over() {
    let bench = Bench::new(20);
    let companies = bench.hubspot.records("companies");
    let people = bench.hubspot.associated("companies", &companies[1].id, "contacts");
    let survivor = bench
        .hubspot
        .merge("companies", &companies[0].id, std::slice::from_ref(&companies[1].id))
        .unwrap();
    assert_eq!(bench.hubspot.associated("companies", &survivor, "contacts").len(), 20);
    assert_eq!(
        bench.hubspot.record("contacts", &people[0]).unwrap().fields["associatedcompanyid"],
        survivor
    );
}

#[tokio::test]
async fn a_portal_can_keep_the_primary_id() {
    let bench = Bench::new(0);
    let one = bench.made("contacts", json!({"email": "a@example.com"})).await;
    let two = bench.made("contacts", json!({"email": "b@example.com"})).await;
    let mut behaviour = bench.hubspot.behaviour();
    behaviour.merge_keeps_primary_id = true;
    bench.hubspot.set_behaviour(behaviour);
    assert_eq!(
        bench
            .hubspot
            .merge("contacts", &one, std::slice::from_ref(&two))
            .unwrap(),
        one
    );
    let record = bench.hubspot.record("contacts", &one).unwrap();
    assert_eq!(record.fields["hs_merged_object_ids"], Value::from(two.clone()));
    assert_eq!(
        bench.get(&format!("/crm/v3/objects/contacts/{two}")).await.body["id"],
        one
    );
}
