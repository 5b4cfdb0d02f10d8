use serde_json::{Value, json};

use super::client::Client;

fn contact(name: &str) -> Value {
    json!({"attributes": {"type": "Contact"}, "LastName": name})
}

#[tokio::test]
async fn rows_fail_alone_and_keep_their_order() {
    let client = Client::new();
    let answer = client
        .post(
            "/composite/sobjects",
            json!({"allOrNone": false, "records": [contact("A"), {"attributes": {"type": "Contact"}}, contact("C")]}),
        )
        .await;
    assert_eq!(answer.status, 200);
    let rows = answer.json();
    assert_eq!(rows[0]["success"], true);
    assert_eq!(
        rows[1],
        json!({"success": false, "errors": [{"statusCode": "REQUIRED_FIELD_MISSING",
               "message": "Required fields are missing: [LastName]", "fields": ["LastName"]}]})
    );
    assert_eq!(rows[2]["errors"], json!([]));
    let first = rows[0]["id"].as_str().unwrap();
    let third = rows[2]["id"].as_str().unwrap();
    let changes = json!({"records": [
        {"attributes": {"type": "Contact"}, "id": first, "FirstName": "X"},
        {"attributes": {"type": "Contact"}, "id": "003Sy0zzzzzzzzz", "FirstName": "Y"},
        {"attributes": {"type": "Contact"}, "id": third, "Email": "bad"}
    ]});
    let rows = client.patch("/composite/sobjects", changes).await.json();
    assert_eq!(rows[0], json!({"id": first, "success": true, "errors": []}));
    assert_eq!(rows[1].get("id"), None);
    assert_eq!(rows[2]["errors"][0]["statusCode"], "INVALID_EMAIL_ADDRESS");
    let rows = client
        .delete(&format!(
            "/composite/sobjects?ids={first},{first},{third}&allOrNone=false"
        ))
        .await
        .json();
    assert_eq!(rows[1]["errors"][0]["statusCode"], "ENTITY_IS_DELETED");
    assert_eq!(rows[2]["success"], true);
    assert_eq!(client.salesforce.log().records(), 5);
    assert_eq!(client.salesforce.log().mutating(), 3);
}

#[tokio::test]
async fn all_or_none_leaves_nothing_behind() {
    let client = Client::new();
    let before = client.salesforce.count("Contact");
    let records = json!([contact("A"), {"attributes": {"type": "Contact"}}]);
    let answer = client
        .post("/composite/sobjects", json!({"allOrNone": true, "records": records}))
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.json()[0]["errors"][0]["statusCode"],
        "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    );
    assert_eq!(answer.json()[1]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING");
    assert_eq!(client.salesforce.count("Contact"), before);
    assert_eq!(
        client.ids("SELECT Id FROM Contact WHERE LastName = 'A'").await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_call_that_cannot_be_read_fails_as_a_whole() {
    let client = Client::new();
    let before = client.salesforce.count("Contact");
    let mut bad = contact("B");
    bad["Nope"] = json!(1);
    let answer = client
        .post("/composite/sobjects", json!({"records": [contact("A"), bad]}))
        .await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "INVALID_FIELD"));
    assert_eq!(client.salesforce.count("Contact"), before);
    let empty = client.post("/composite/sobjects", json!({"records": []})).await;
    assert_eq!(
        empty.text,
        r#"[{"message":"At least 1 record is required","errorCode":"REQUIRED_FIELD_MISSING"}]"#
    );
    let many: Vec<Value> = (0..201).map(|_| contact("A")).collect();
    assert_eq!(
        client
            .post("/composite/sobjects", json!({"records": many}))
            .await
            .code(),
        "INVALID_BATCH_SIZE"
    );
}

#[tokio::test]
async fn upsert_and_read_by_key() {
    let client = Client::new();
    let row =
        |key: &str, name: &str| json!({"attributes": {"type": "Contact"}, "External_Id__c": key, "LastName": name});
    let path = "/composite/sobjects/Contact/External_Id__c";
    let first = client
        .patch(path, json!({"records": [row("1", "A"), row("2", "B")]}))
        .await
        .json();
    assert_eq!(first[0]["created"], true);
    let second = client
        .patch(path, json!({"records": [row("1", "A2"), row("3", "C"), row("3", "D")]}))
        .await
        .json();
    assert_eq!(second[0]["created"], false);
    assert_eq!(second[0]["id"], first[0]["id"]);
    assert_eq!(second[1]["errors"][0]["statusCode"], "DUPLICATE_VALUE");
    let ids = json!([first[1]["id"], "003Sy0zzzzzzzzz", first[0]["id"]]);
    let read = client
        .post(
            "/composite/sobjects/Contact",
            json!({"ids": ids, "fields": ["LastName", "SystemModstamp"]}),
        )
        .await;
    let rows = read.json();
    assert_eq!(rows[0]["LastName"], "B");
    assert_eq!(rows[1], Value::Null);
    assert_eq!(rows[2]["LastName"], "A2");
    assert_eq!(rows[2]["attributes"]["type"], "Contact");
    assert_eq!(client.salesforce.log().mutating(), 2);
    assert_eq!(
        client
            .ids("SELECT Id FROM Contact WHERE External_Id__c IN ('1','2','9')")
            .await
            .len(),
        2
    );
}

#[tokio::test]
async fn composite_resolves_references_and_shares_one_fate() {
    let client = Client::new();
    let call = |all_or_none: bool, name: &str| {
        json!({"allOrNone": all_or_none, "compositeRequest": [
            {"method": "POST", "url": "/services/data/v66.0/sobjects/Account", "referenceId": "a", "body": {"Name": "Acme"}},
            {"method": "POST", "url": "/services/data/v66.0/sobjects/Contact", "referenceId": "c",
             "body": {"LastName": name, "AccountId": "@{a.id}"}},
            {"method": "GET", "url": "/services/data/v66.0/query?q=SELECT+Name+FROM+Account+WHERE+Id='@{a.id}'", "referenceId": "q"}
        ]})
    };
    let answer = client.post("/composite", call(true, "Q")).await.json();
    let parts = answer["compositeResponse"].as_array().unwrap();
    assert_eq!(parts[0]["httpStatusCode"], 201);
    assert!(parts[0]["httpHeaders"]["Location"].is_string());
    assert_eq!(parts[2]["body"]["records"][0]["Name"], "Acme");
    let contact = parts[1]["body"]["id"].as_str().unwrap();
    assert_eq!(
        client.salesforce.record("Contact", contact).unwrap().fields["AccountId"],
        parts[0]["body"]["id"]
    );
    let accounts = client.salesforce.count("Account");
    let failed = client.post("/composite", call(true, "")).await.json();
    assert_eq!(
        failed["compositeResponse"][0]["body"][0]["errorCode"],
        "PROCESSING_HALTED"
    );
    assert_eq!(
        failed["compositeResponse"][1]["body"][0]["errorCode"],
        "REQUIRED_FIELD_MISSING"
    );
    assert_eq!(client.salesforce.count("Account"), accounts);
    let batch = json!({"batchRequests": [
        {"method": "GET", "url": "v66.0/limits"},
        {"method": "POST", "url": "v66.0/sobjects/Account", "richInput": {"Name": "B"}},
        {"method": "GET", "url": "v66.0/sobjects/Nope/describe"}
    ]});
    let answer = client.post("/composite/batch", batch).await.json();
    assert_eq!(answer["hasErrors"], true);
    assert_eq!(answer["results"][1]["statusCode"], 201);
    assert_eq!(answer["results"][2]["statusCode"], 404);
}
