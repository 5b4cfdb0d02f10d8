use serde_json::json;

use super::client::Client;

#[tokio::test]
async fn a_file_is_made_with_its_document_and_its_link() {
    let client = Client::new();
    let contact = client.ids("SELECT Id FROM Contact LIMIT 1").await.remove(0);
    let made = client
        .post(
            "/sobjects/ContentVersion",
            json!({"PathOnClient": "C:\\offers\\Offer.PDF", "VersionData": "aGVsbG8=", "FirstPublishLocationId": contact}),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let version = made.json()["id"].as_str().unwrap().to_owned();
    let got = client
        .get(&format!("/sobjects/ContentVersion/{version}/VersionData"))
        .await;
    assert_eq!((got.status.as_u16(), got.text.as_str()), (200, "hello"));
    assert_eq!(got.header("content-type"), "application/octet-stream");
    let soql = format!(
        "SELECT ContentDocumentId, ContentDocument.Title, ContentDocument.LatestPublishedVersion.Checksum \
         FROM ContentDocumentLink WHERE LinkedEntityId = '{contact}'"
    );
    let page = client.query(&soql).await.json();
    assert_eq!(page["totalSize"], 1);
    let document = &page["records"][0]["ContentDocument"];
    assert_eq!(document["Title"], "Offer");
    assert_eq!(
        document["LatestPublishedVersion"]["Checksum"],
        "5d41402abc4b2a76b9719d911017c592"
    );
    let row = client
        .query("SELECT FileExtension, ContentSize, IsLatest, VersionNumber, VersionData FROM ContentVersion")
        .await
        .json();
    let row = &row["records"][0];
    assert_eq!((&row["FileExtension"], &row["ContentSize"]), (&json!("pdf"), &json!(5)));
    assert_eq!((&row["IsLatest"], &row["VersionNumber"]), (&json!(true), &json!("1")));
    assert_eq!(
        row["VersionData"],
        format!("/services/data/v66.0/sobjects/ContentVersion/{version}/VersionData")
    );
    client.delete(&format!("/sobjects/Contact/{contact}")).await;
    assert_eq!(
        client.query(&soql).await.json()["totalSize"],
        0,
        "the link went with the contact"
    );
}

#[tokio::test]
async fn a_new_version_replaces_the_one_before_and_the_document_takes_all_along() {
    let client = Client::new();
    let version = |document: serde_json::Value| json!({"PathOnClient": "a.txt", "VersionData": "YQ==", "ContentDocumentId": document});
    let first = client
        .post(
            "/sobjects/ContentVersion",
            json!({"PathOnClient": "a.txt", "VersionData": "YQ=="}),
        )
        .await;
    assert_eq!(first.status, 201, "{}", first.text);
    let page = client
        .query("SELECT ContentDocumentId FROM ContentVersion")
        .await
        .json();
    let document = page["records"][0]["ContentDocumentId"].clone();
    let second = client.post("/sobjects/ContentVersion", version(document.clone())).await;
    let latest = client.ids("SELECT Id FROM ContentVersion WHERE IsLatest = true").await;
    assert_eq!(latest, [second.json()["id"].as_str().unwrap()]);
    let page = client
        .query("SELECT LatestPublishedVersionId FROM ContentDocument")
        .await
        .json();
    assert_eq!(page["records"][0]["LatestPublishedVersionId"], second.json()["id"]);
    client
        .delete(&format!("/sobjects/ContentDocument/{}", document.as_str().unwrap()))
        .await;
    assert!(client.ids("SELECT Id FROM ContentVersion").await.is_empty());
}

#[tokio::test]
async fn a_form_carries_the_body_as_it_is() {
    let client = Client::new();
    let contact = client.ids("SELECT Id FROM Contact LIMIT 1").await.remove(0);
    let fields = json!({"ParentId": contact, "Name": "a.bin"}).to_string();
    let form = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"entity_attachment\"\r\nContent-Type: application/json\r\n\r\n\
         {fields}\r\n--edge\r\nContent-Disposition: form-data; name=\"Body\"; filename=\"a.bin\"\r\n\
         Content-Type: application/octet-stream\r\n\r\none\r\ntwo\r\n--edge--\r\n"
    );
    let mut request = client.request(
        "POST",
        "/sobjects/Attachment",
        &[("content-type", "multipart/form-data; boundary=edge")],
        None,
    );
    *request.body_mut() = form.into();
    let made = client.try_send(request).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        client.get(&format!("/sobjects/Attachment/{id}/Body")).await.text,
        "one\r\ntwo"
    );
    let page = client.query("SELECT BodyLength FROM Attachment").await.json();
    assert_eq!(page["records"][0]["BodyLength"], 8);
}

#[tokio::test]
async fn what_a_file_lacks_is_named_and_links_are_not_queried_as_a_whole() {
    let client = Client::new();
    for (body, missing) in [
        (json!({"PathOnClient": "a.txt"}), "VersionData"),
        (json!({"VersionData": "YQ=="}), "PathOnClient"),
    ] {
        let refused = client.post("/sobjects/ContentVersion", body).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_str()),
            (400, "REQUIRED_FIELD_MISSING")
        );
        assert_eq!(refused.json()[0]["fields"], json!([missing]));
    }
    let refused = client.query("SELECT Id FROM ContentDocumentLink").await;
    assert_eq!(refused.code(), "MALFORMED_QUERY");
    let refused = client.post("/sobjects/ContentDocument", json!({"Title": "a"})).await;
    assert_eq!(refused.code(), "INVALID_TYPE_FOR_OPERATION");
}
