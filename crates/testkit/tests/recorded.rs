//! Answers in the shapes that both services give, read by the connectors as recordings of the real ones are. They are
//! written by hand from the reference; those of the real services lie elsewhere.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, with the place"
)]

use serde_json::{Value, json};
use syncline_testkit::recorded::{Reading, Verdict, read_folder};

const T: &str = "2026-11-20T10:00:00.123Z";
const CONTACT: &str = "003A0000006Vm9rIAC";

/// Answers by request, status and body; each becomes a file.
async fn read(provider: &str, answers: &[(&str, u16, Value)]) -> Vec<Reading> {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join(provider);
    std::fs::create_dir(&folder).unwrap();
    let mut manifest = Vec::new();
    for (number, (answers, status, body)) in answers.iter().enumerate() {
        let file = format!("{number:03}.json");
        let content = json!({"request": null, "response": {"status": status, "headers": {}, "body": body}});
        std::fs::write(folder.join(&file), content.to_string()).unwrap();
        manifest.push(json!({"file": file, "answers": answers, "status": status}));
    }
    std::fs::write(folder.join("manifest.json"), Value::from(manifest).to_string()).unwrap();
    read_folder(&folder).await.unwrap()
}

fn all_are(verdict: Verdict, readings: &[Reading]) {
    for reading in readings {
        assert_eq!(reading.verdict, verdict, "{reading:#?}");
    }
}

fn record(id: &str, properties: Value) -> Value {
    json!({"id": id, "properties": properties, "createdAt": T, "updatedAt": T, "archived": false})
}

fn with(mut record: Value, member: &str, value: Value) -> Value {
    record[member] = value;
    record
}

#[tokio::test]
async fn hubspots_records_are_read_in_every_shape() {
    let odd = json!({"email": "a@b.c", "firstname": null, "lastname": "Zoë \"東京\" \\ \u{2028}", "phone": "",
        "long": "12345678901234567890.123456789", "choices": "a;b;c", "html": "<p>x &amp; y</p>\n"});
    let history = json!({"phone": [
        {"value": "2", "timestamp": T, "sourceType": "INTEGRATION", "sourceId": "99", "updatedByUserId": 77},
        {"value": "1", "timestamp": "2025-01-01T00:00:00Z", "sourceType": "CRM_UI", "sourceId": "userId:77"}]});
    let inline = json!({"companies": {"results": [{"id": "9", "type": "contact_to_company"}]}});
    let absent = json!([{"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some CONTACT objects",
        "context": {"ids": ["888"]}}]);
    let deleted = with(
        with(record("501", json!({"email": "a@b.c"})), "archived", true.into()),
        "archivedAt",
        T.into(),
    );
    let readings = read(
        "hubspot",
        &[
            (
                "GET /crm/v3/objects/contacts",
                200,
                json!({"results": [record("501", odd.clone())],
            "paging": {"next": {"after": "502", "link": "x"}}}),
            ),
            (
                "GET /crm/objects/2026-09/companies",
                200,
                json!({"results": [record("9", json!({"name": "Acme"}))]}),
            ),
            (
                "GET /crm/v3/objects/contacts?archived=true",
                200,
                json!({"results": [deleted]}),
            ),
            ("GET /crm/v3/objects/contacts/501", 200, record("501", odd)),
            (
                "GET /crm/v3/objects/contacts/501",
                200,
                record("777", json!({"hs_merged_object_ids": "501;502"})),
            ),
            (
                "GET /crm/v3/objects/contacts/501?propertiesWithHistory=phone",
                200,
                with(
                    record("501", json!({"phone": "2"})),
                    "propertiesWithHistory",
                    history.clone(),
                ),
            ),
            (
                "POST /crm/v3/objects/contacts/batch/read",
                200,
                json!({"status": "COMPLETE",
            "results": [with(record("501", json!({"phone": "2"})), "propertiesWithHistory", history)]}),
            ),
            (
                "POST /crm/v3/objects/contacts/batch/read",
                207,
                json!({"status": "COMPLETE",
            "results": [record("501", json!({"email": "a@b.c"}))], "numErrors": 1, "errors": absent}),
            ),
            (
                "GET /crm/v3/objects/contacts?associations=companies",
                200,
                json!({"results": [with(record("501", json!({"email": "a@b.c"})), "associations", inline)]}),
            ),
            (
                "POST /crm/v3/objects/deals/search",
                200,
                json!({"total": 12001, "results": [record("7", json!({"amount": null}))]}),
            ),
            (
                "POST /crm/v3/objects/2-3604285/search",
                200,
                json!({"total": 1, "results": [record("7", json!({"pet": "x"}))]}),
            ),
            (
                "a literal in a test",
                200,
                json!({"results": [record("7", json!({"dealname": "x"}))]}),
            ),
            (
                "GET /crm/v3/objects/contacts",
                200,
                json!({"results": [with(record("501", json!({"email": "x"})), "propertiesWithHistory", Value::Null)],
                    "paging": null}),
            ),
            (
                "GET /crm/v3/properties/companies",
                200,
                json!({"results": [{"name": "x", "label": "X", "type": "string", "fieldType": "text", "options": null,
                    "hasUniqueValue": null, "calculated": null, "modificationMetadata": null}]}),
            ),
        ],
    )
    .await;
    all_are(Verdict::Read, &readings);
}

#[tokio::test]
async fn hubspots_answers_to_writes_are_read() {
    let conflict = json!([
        {"status": "error", "category": "CONFLICT", "message": "Contact already exists. Existing ID: 77",
            "context": {"objectWriteTraceId": ["0"], "existingId": ["77"]}},
        {"status": "error", "category": "VALIDATION_ERROR", "message": "Property values were not valid: []",
            "context": {"objectWriteTraceId": ["2"]}}]);
    let upserted = |id: &str, new: bool| with(record(id, json!({"email": "a@b.c"})), "new", new.into());
    let readings = read(
        "hubspot",
        &[
            (
                "POST /crm/v3/objects/contacts/batch/create",
                207,
                json!({"status": "COMPLETE",
            "results": [with(record("501", json!({"email": "a@b.c"})), "objectWriteTraceId", "1".into())],
            "numErrors": 2, "errors": conflict}),
            ),
            (
                "POST /crm/objects/2026-03/companies/batch/update",
                200,
                json!({"status": "COMPLETE",
            "results": [record("9", json!({"name": "A"})), record("8", json!({"name": "B"}))]}),
            ),
            (
                "POST /crm/v3/objects/contacts/batch/upsert",
                200,
                json!({"status": "COMPLETE",
            "results": [upserted("501", true), upserted("502", false)]}),
            ),
            ("POST /crm/v3/objects/contacts/batch/archive", 204, Value::Null),
            (
                "POST /crm/v4/associations/contacts/companies/batch/create",
                201,
                json!({"status": "COMPLETE", "results": [
            {"fromObjectTypeId": "0-1", "fromObjectId": 501, "toObjectTypeId": "0-2", "toObjectId": 9, "labels": []}]}),
            ),
            (
                "POST /crm/v4/associations/contacts/companies/batch/archive",
                204,
                Value::Null,
            ),
        ],
    )
    .await;
    all_are(Verdict::Read, &readings);
}

#[tokio::test]
async fn what_describes_hubspots_account_and_what_it_tells_by_itself_is_read() {
    let link = |id: Value| {
        json!({"status": "COMPLETE", "results": [{"from": {"id": "501"}, "to": [{"toObjectId": id,
        "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 279, "label": null}]}]}]})
    };
    let readings = read(
        "hubspot",
        &[
            (
                "GET /crm/v4/associations/contacts/companies/labels",
                200,
                json!({"results": [
            {"category": "HUBSPOT_DEFINED", "typeId": 279, "label": null},
            {"category": "USER_DEFINED", "typeId": 36, "label": "Billing"}]}),
            ),
            (
                "POST /crm/v4/associations/contacts/companies/batch/read",
                200,
                link(9.into()),
            ),
            (
                "POST /crm/associations/2026-09/contacts/companies/batch/read",
                200,
                link("9".into()),
            ),
            (
                "GET /crm/v3/owners",
                200,
                json!({"results": [{"id": "2", "type": "QUEUE", "firstName": "Q", "lastName": "x",
            "createdAt": T, "updatedAt": T, "archived": true, "userIdIncludingInactive": 9}]}),
            ),
            (
                "GET /account-info/v3/details",
                200,
                json!({"portalId": 4242, "accountType": "STANDARD",
            "timeZone": "US/Eastern", "companyCurrency": "USD", "additionalCurrencies": [], "utcOffset": "-05:00",
            "utcOffsetMilliseconds": -18_000_000, "uiDomain": "app-eu1.hubspot.com", "dataHostingLocation": "eu1"}),
            ),
            (
                "GET /webhooks-journal/journal-local/2026-03/offset/x/next",
                200,
                json!({"url": "https://signed.hubspot.com/x",
            "expiresAt": T, "currentOffset": "019a0000-0000-7000-8000-000000000001"}),
            ),
            (
                "GET /webhooks-journal/journal-local/2026-03/offset/x/next",
                204,
                Value::Null,
            ),
            (
                "an entry of the journal",
                200,
                json!({"offset": "019a", "publishedAt": T, "journalEvents": [{"type": "crmObject",
            "portalId": 4242, "occurredAt": T, "action": "UPDATE", "objectTypeId": "0-1", "objectId": 501,
            "propertyChanges": {"email": "a@b.c"}}]}),
            ),
            (
                "GET /webhooks-journal/subscriptions/2026-03",
                200,
                json!({"results": []}),
            ),
            (
                "POST /oauth/v1/token",
                400,
                json!({"status": "BAD_CLIENT_SECRET", "message": "x"}),
            ),
            (
                "POST /oauth/v3/token",
                429,
                json!({"status": "error", "message": "x", "errorType": "RATE_LIMIT"}),
            ),
            (
                "POST /oauth/v1/token",
                400,
                json!({"status": "BAD_REFRESH_TOKEN", "message": "x"}),
            ),
        ],
    )
    .await;
    all_are(Verdict::Read, &readings);
    let others = read(
        "hubspot",
        &[
            (
                "GET /crm/v4/objects/contacts/501/associations/companies",
                200,
                json!({"results": [{"toObjectId": 9}]}),
            ),
            (
                "POST /crm/v3/objects/contacts",
                201,
                record("501", json!({"email": "a@b.c"})),
            ),
            (
                "GET /oauth/v1/access-tokens/x",
                200,
                json!({"token": "x", "hub_id": 1, "app_id": 2}),
            ),
            ("GET /crm/v3/lists", 200, json!({"lists": []})),
        ],
    )
    .await;
    all_are(Verdict::NotCalled, &others);
}

#[tokio::test]
async fn salesforces_answers_are_read_in_every_shape() {
    let attributes =
        |object: &str, id: &str| json!({"type": object, "url": format!("/services/data/v66.0/sobjects/{object}/{id}")});
    let row = json!({"attributes": attributes("Contact", CONTACT), "Id": CONTACT, "Name": "Zoë \"東京\"", "Big__c": 1.0e20,
        "Exact__c": 12_345_678_901.125, "Flag__c": true, "Null__c": null, "Account": {
            "attributes": attributes("Account", "001A0000006Vm9rIAC"), "Name": "x"},
        "MailingAddress": {"city": "x", "latitude": 1.5, "longitude": -2.25, "country": null},
        "SystemModstamp": "2026-11-20T10:00:00.000+0000"});
    // Collections hold a record's own fields and no parent's.
    let flat = json!({"attributes": attributes("Contact", CONTACT), "Id": CONTACT, "Name": "x", "Flag__c": true,
        "SystemModstamp": "2026-11-20T10:00:00.000+0000"});
    let job = |state: &str, operation: &str| {
        json!({"id": "750A0000006Vm9rIAC", "operation": operation, "object": "Contact",
        "state": state, "contentUrl": "services/data/v66.0/jobs/ingest/750A0000006Vm9rIAC/batches", "apiVersion": 66.0})
    };
    let readings = read("salesforce", &[
        ("GET /services/data/v66.0/query", 200, json!({"totalSize": 2, "done": false,
            "nextRecordsUrl": "/services/data/v66.0/query/0r8-2000", "records": [row]})),
        ("POST /services/data/v66.0/composite/sobjects/Contact", 200, json!([flat, null])),
        ("POST /services/data/v66.0/composite/sobjects", 400, json!([
            {"success": false, "errors": [{"statusCode": "REQUIRED_FIELD_MISSING", "message": "x", "fields": ["LastName"]}]},
            {"success": false, "errors": [{"statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK", "message": "x", "fields": []}]}])),
        ("GET /services/data", 200, json!([{"label": "Spring '26", "url": "/services/data/v66.0", "version": "66.0"}])),
        ("GET /services/oauth2/userinfo", 200, json!({"user_id": "005A0000006Vm9rIAC", "organization_id":
            "00DA0000006Vm9rIAC", "preferred_username": "u@x", "email": "u@x", "zoneinfo": "America/Los_Angeles"})),
        ("GET /id/00DA0000006Vm9rIAC/005A0000006Vm9rIAC", 200, json!({"user_id": "005A0000006Vm9rIAC",
            "organization_id": "00DA0000006Vm9rIAC", "username": "u@x", "display_name": "U", "email": "u@x"})),
        ("GET /services/data/v66.0/sobjects/Contact/describe", 304, "".into()),
        ("PATCH /services/data/v66.0/sobjects/Contact/003A0000006Vm9rIAC", 204, "".into()),
        ("PATCH /services/data/v66.0/sobjects/Contact/003A0000006Vm9rIAC", 412, "".into()),
        ("GET /services/data/v66.0/jobs/query/750A/results", 200,
            "\"Id\",\"Name\",\"Account.Name\"\n\"003A0000006Vm9rIAC\",\"a \"\"q\"\", b\nc\",\"\"\n".into()),
        ("GET /services/data/v66.0/jobs/query/750A/resultPages", 200, json!({"done": true, "resultPages":
            [{"resultUrl": "/services/data/v66.0/jobs/query/750A/results?locator=MQ"}]})),
        ("GET /services/data/v66.0/jobs/ingest/750A/successfulResults", 200,
            "\"sf__Id\",\"sf__Created\",\"Ext__c\"\n\"003A0000006Vm9rIAC\",\"true\",\"k1\"\n".into()),
        ("GET /services/data/v66.0/jobs/ingest/750A/failedResults", 200,
            "\"sf__Id\",\"sf__Error\",\"Ext__c\"\n\"\",\"DUPLICATE_VALUE:duplicate value found:--\",\"k1\"\n".into()),
        ("GET /services/data/v66.0/jobs/ingest/750A/unprocessedrecords", 200, "\"Ext__c\"\n\"k1\"\n".into()),
        ("GET /services/data/v66.0/jobs/ingest/750A", 200, job("InProgress", "upsert")),
        ("GET /services/data/v66.0/jobs/query/750A", 200, job("JobComplete", "query")),
        ("GET /services/data/v66.0/query", 503, "<html><body>We are down for maintenance.</body></html>".into()),
        ("GET /services/data/v66.0/query", 401, json!([{"errorCode": "INVALID_SESSION_ID",
            "message": "This session is not valid for use with the REST API"}])),
    ])
    .await;
    all_are(Verdict::Read, &readings);
}

#[tokio::test]
async fn an_answer_that_is_lost_in_part_is_told() {
    let broken = json!({"results": [{"id": "501", "createdAt": T, "updatedAt": T}]});
    let readings = read("hubspot", &[("GET /crm/v3/objects/contacts", 200, broken)]).await;
    all_are(Verdict::Failed, &readings);
    assert!(readings[0].wrong[0].contains("no properties"), "{readings:?}");
}

#[tokio::test]
async fn recordings_without_a_manifest_are_read_too() {
    let folder = tempfile::tempdir().unwrap();
    let recording = json!({
        "request": {"method": "GET", "url": "https://api.hubapi.com/crm/v3/objects/contacts"},
        "response": {"status": 200, "body": json!({"results": [record("501", json!({"email": "x"}))]}).to_string()},
    });
    std::fs::write(folder.path().join("one.json"), recording.to_string()).unwrap();
    std::fs::write(folder.path().join("other.json"), "[1]").unwrap();
    let readings = read_folder(folder.path()).await.unwrap();
    assert_eq!(readings.len(), 1);
    all_are(Verdict::Read, &readings);
}
