use jiff::SignedDuration;
use serde_json::json;

use super::client::Client;

#[tokio::test]
async fn a_record_lives_from_create_to_delete() {
    let client = Client::new();
    let made = client
        .post(
            "/sobjects/Contact",
            json!({"LastName": "  Quill ", "Email": "q@example.com"}),
        )
        .await;
    assert_eq!(made.status, 201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.text, format!(r#"{{"id":"{id}","success":true,"errors":[]}}"#));
    assert_eq!(
        made.header("location"),
        format!("/services/data/v66.0/sobjects/Contact/{id}")
    );
    let read = client
        .get(&format!(
            "/sobjects/Contact/{id}?fields=LastName,Name,OwnerId,LastModifiedById"
        ))
        .await;
    assert_eq!(read.header("last-modified"), "Fri, 20 Nov 2026 10:00:30 GMT");
    let row = read.json();
    assert_eq!(row["LastName"], "Quill");
    assert_eq!(row["OwnerId"], client.salesforce.integration_user_id());
    assert_eq!(row["Id"], id);
    let changed = client
        .patch(
            &format!("/sobjects/Contact/{}", &id[..15]),
            json!({"FirstName": "Zed", "Email": null}),
        )
        .await;
    assert_eq!((changed.status.as_u16(), changed.text.as_str()), (204, ""));
    let stored = client.salesforce.record("Contact", &id).unwrap();
    assert_eq!(stored.fields["Name"], "Zed Quill");
    assert!(!stored.fields.contains_key("Email"));
    assert!(stored.modified_by_integration);
    assert_eq!(client.delete(&format!("/sobjects/Contact/{id}")).await.status, 204);
    let again = client.delete(&format!("/sobjects/Contact/{id}")).await;
    assert_eq!(again.status, 404);
    assert_eq!(
        again.text,
        r#"[{"message":"entity is deleted","errorCode":"ENTITY_IS_DELETED","fields":[]}]"#
    );
    assert_eq!(client.get(&format!("/sobjects/Contact/{id}")).await.status, 404);
}

#[tokio::test]
async fn bad_writes_are_refused_in_the_words_of_the_service() {
    let client = Client::new();
    let user = client
        .salesforce
        .records("User")
        .into_iter()
        .find(|user| user.fields["IsActive"] == false)
        .unwrap()
        .id;
    for (body, code, message) in [
        (
            json!({}),
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [LastName]",
        ),
        (
            json!({"LastName": "A", "Foo": 1}),
            "INVALID_FIELD",
            "No such column 'Foo' on sobject of type Contact",
        ),
        (
            json!({"LastName": "A", "Email": "nope"}),
            "INVALID_EMAIL_ADDRESS",
            "Email: invalid email address: nope",
        ),
        (
            json!({"LastName": "A".repeat(81)}),
            "STRING_TOO_LONG",
            "Last Name: data value too large",
        ),
        (
            json!({"LastName": "A", "SystemModstamp": "2026-11-20T10:00:00Z"}),
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "Unable to create/update fields: SystemModstamp.",
        ),
        (
            json!({"LastName": "A", "Name": "A B"}),
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "Unable to create/update fields: Name.",
        ),
        (
            json!({"LastName": "A", "Birthdate": "soon"}),
            "JSON_PARSER_ERROR",
            "Cannot deserialize instance of date from VALUE_STRING value soon",
        ),
        (
            json!({"LastName": 7}),
            "JSON_PARSER_ERROR",
            "Cannot deserialize instance of string from VALUE_NUMBER_INT value 7",
        ),
        (
            json!({"LastName": "A", "AccountId": "x"}),
            "MALFORMED_ID",
            "Account ID: id value of incorrect type: x",
        ),
        (
            json!({"LastName": "A", "AccountId": "001Sy0zzzzzzzzz"}),
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
        ),
        (
            json!({"LastName": "A", "OwnerId": user}),
            "INACTIVE_OWNER_OR_USER",
            "operation performed with inactive user",
        ),
        (
            json!({"LastName": "A", "Account": {"External_Id__c": "none"}}),
            "INVALID_FIELD",
            "Foreign key external ID: none not found for field External_Id__c in entity Account",
        ),
        (
            json!({"LastName": "A", "Id": "003"}),
            "INVALID_FIELD",
            "The Id field should not be specified in the sobject data.",
        ),
    ] {
        let answer = client.post("/sobjects/Contact", body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.code(), code, "{body}");
        let text = answer.json()[0]["message"].as_str().unwrap().to_owned();
        assert!(text.contains(message), "{text}");
    }
    let polymorphic = client
        .post(
            "/sobjects/Task",
            json!({"Owner": {"Username": "dana.field@example.com"}}),
        )
        .await;
    assert_eq!(polymorphic.code(), "JSON_PARSER_ERROR");
    let named = json!({"Owner": {"attributes": {"type": "User"}, "Username": "dana.field@example.com"}});
    assert_eq!(client.post("/sobjects/Task", named).await.status, 201);
    let picklist = client
        .post("/sobjects/Account", json!({"Name": "A", "Ownership": "Mine"}))
        .await;
    assert_eq!(picklist.code(), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST");
    assert_eq!(picklist.json()[0]["fields"], json!(["Ownership"]));
    assert_eq!(client.post("/sobjects/Nothing", json!({})).await.status, 404);
}

#[tokio::test]
async fn upsert_follows_the_matrix() {
    let client = Client::new();
    let path = "/sobjects/Account/External_Id__c/a%2F1";
    let made = client.patch(path, json!({"Name": "Acme"})).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.json()["created"], true);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let again = client.patch(path, json!({"Name": "Acme 2"})).await;
    assert_eq!(again.status, 200);
    assert_eq!(
        again.text,
        format!(r#"{{"id":"{id}","success":true,"errors":[],"created":false}}"#)
    );
    let old = client
        .patch(
            "/services/data/v45.0/sobjects/Account/External_Id__c/a%2F1",
            json!({"Name": "B"}),
        )
        .await;
    assert_eq!(old.status, 204);
    assert_eq!(client.get(path).await.json()["Id"], id);
    assert_eq!(
        client.salesforce.record("Account", &id).unwrap().fields["External_Id__c"],
        "a/1"
    );
    assert_eq!(
        client
            .patch("/sobjects/Account/Nope__c/1", json!({"Name": "B"}))
            .await
            .status,
        404
    );
    assert_eq!(
        client
            .patch(
                "/sobjects/Account/External_Id__c/zz?updateOnly=true",
                json!({"Name": "B"})
            )
            .await
            .status,
        404
    );
    let with_key = client.patch(path, json!({"External_Id__c": "a/1"})).await;
    assert_eq!(with_key.code(), "INVALID_FIELD");
    for _ in 0..2 {
        client
            .post(
                "/sobjects/Contact",
                json!({"LastName": "Twin", "Email": "twin@example.com"}),
            )
            .await;
    }
    let several = client
        .patch("/sobjects/Contact/Email/twin@example.com", json!({"FirstName": "A"}))
        .await;
    assert_eq!(several.status, 300);
    assert_eq!(several.json().as_array().unwrap().len(), 2);
    let duplicate = client
        .post("/sobjects/Account", json!({"Name": "C", "External_Id__c": "A/1"}))
        .await;
    assert_eq!(duplicate.code(), "DUPLICATE_VALUE");
    assert!(
        duplicate.json()[0]["message"]
            .as_str()
            .unwrap()
            .ends_with(&format!("record with id: {}", &id[..15]))
    );
    let linked = client
        .post(
            "/sobjects/Contact",
            json!({"LastName": "L", "Account": {"External_Id__c": "a/1"}}),
        )
        .await;
    let contact = linked.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        client.salesforce.record("Contact", &contact).unwrap().fields["AccountId"],
        id
    );
}

#[tokio::test]
async fn conditions_guard_reads_and_writes() {
    let client = Client::new();
    let id = client.post("/sobjects/Account", json!({"Name": "Acme"})).await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/sobjects/Account/{id}");
    let read = client.get(&path).await;
    let (modified, tag) = (read.header("last-modified").to_owned(), read.header("etag").to_owned());
    let unchanged = client
        .send("GET", &path, &[("if-modified-since", &modified)], None)
        .await;
    assert_eq!((unchanged.status.as_u16(), unchanged.text.as_str()), (304, ""));
    assert_eq!(
        client.send("GET", &path, &[("if-none-match", &tag)], None).await.status,
        304
    );
    client.clock.advance(SignedDuration::from_secs(5));
    let guarded = client
        .send(
            "PATCH",
            &path,
            &[("if-unmodified-since", &modified)],
            Some(json!({"Phone": "1"})),
        )
        .await;
    assert_eq!(guarded.status, 204);
    let stale = client
        .send(
            "PATCH",
            &path,
            &[("if-unmodified-since", &modified)],
            Some(json!({"Phone": "2"})),
        )
        .await;
    assert_eq!(stale.status, 412);
    assert!(stale.json().is_array());
    assert_eq!(
        client
            .send("PATCH", &path, &[("if-match", &tag)], Some(json!({"Phone": "3"})))
            .await
            .status,
        412
    );
    assert_eq!(
        client
            .send("PATCH", &path, &[("if-unmodified-since", "soon")], Some(json!({})))
            .await
            .status,
        400
    );
    assert_eq!(client.salesforce.record("Account", &id).unwrap().fields["Phone"], "1");
}

#[tokio::test]
async fn numbers_choices_and_texts_are_normalised() {
    let client = Client::new();
    let made = client
        .post(
            "/sobjects/Project__c",
            json!({"Name": "P", "Budget__c": 12.345, "Regions__c": "Europe;Asia", "Kickoff__c": "2026-11-20T11:00:00.7+01:00",
                   "Billable__c": "true", "Project_Key__c": "Ab"}),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let row = client.get(&format!("/sobjects/Project__c/{id}")).await.json();
    assert_eq!(row["Budget__c"], 12.35);
    assert_eq!(row["Regions__c"], "Asia;Europe");
    assert_eq!(row["Kickoff__c"], "2026-11-20T10:00:00.000+0000");
    assert_eq!(row["Billable__c"], true);
    assert_eq!(row["Code_Name__c"], "P");
    let other_case = client
        .post("/sobjects/Project__c", json!({"Name": "Q", "Project_Key__c": "aB"}))
        .await;
    assert_eq!(other_case.status, 201);
}
