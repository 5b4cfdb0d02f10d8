//! What clients that others wrote call, beyond what our connector does.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::client::{Answer, Client};

async fn raw(client: &Client, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "acme.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client
        .try_send(request.body(Body::from(body.to_owned())).unwrap())
        .await
        .unwrap()
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> &'a str {
    let (_, rest) = text.split_once(open).unwrap_or_else(|| panic!("no {open} in {text}"));
    rest.split_once(close).unwrap().0
}

#[tokio::test]
async fn older_clients_sign_in_by_soap_and_bring_records_back() {
    let mut client = Client::new();
    let login = |password: &str| {
        format!(
            "<?xml version=\"1.0\"?><e:Envelope xmlns:e=\"x\"><e:Body><n1:login xmlns:n1=\"urn:partner.soap.sforce.com\">\
             <n1:username>integration@example.com</n1:username><n1:password>{password}</n1:password></n1:login></e:Body>\
             </e:Envelope>"
        )
    };
    let path = "/services/Soap/u/59.0";
    let wrong = raw(&client, "POST", path, &[("content-type", "text/xml")], &login("no")).await;
    assert_eq!(wrong.status, 500);
    assert_eq!(between(&wrong.text, "<sf:exceptionCode>", "<"), "INVALID_LOGIN");
    let right = raw(
        &client,
        "POST",
        path,
        &[("soapaction", "login")],
        &login("salesforce-simulator-passwordTOKEN"),
    )
    .await;
    assert_eq!(right.status, 200, "{}", right.text);
    assert!(between(&right.text, "<serverUrl>", "<").contains("acme.example/services/Soap/u/59.0/00D"));
    let session = between(&right.text, "<sessionId>", "<").to_owned();
    client.set_token(&session);
    let id = client.salesforce.records("Contact")[0].id.clone();
    assert_eq!(
        client
            .send("DELETE", &format!("/sobjects/Contact/{id}"), &[], None)
            .await
            .status,
        204
    );
    let undelete = format!(
        "<e:Envelope xmlns:e=\"x\"><e:Header><s:sessionId xmlns:s=\"y\">{session}</s:sessionId></e:Header><e:Body>\
         <undelete><ids>{id}</ids></undelete></e:Body></e:Envelope>"
    );
    let answer = raw(&client, "POST", path, &[], &undelete).await;
    assert!(answer.text.contains("<success>true</success>"), "{}", answer.text);
    assert_eq!(client.get(&format!("/sobjects/Contact/{id}")).await.status, 200);
}

#[tokio::test]
async fn soap_writes_queries_merges_and_converts() {
    let client = Client::new();
    let session = client.salesforce.credentials().access_token;
    let call = async |body: &str| {
        let envelope = format!(
            "<e:Envelope xmlns:e=\"x\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><e:Header>\
             <s:SessionHeader xmlns:s=\"y\"><s:sessionId>{session}</s:sessionId></s:SessionHeader></e:Header>\
             <e:Body>{body}</e:Body></e:Envelope>"
        );
        raw(&client, "POST", "/services/Soap/u/66.0", &[], &envelope).await.text
    };
    let account = |name: &str| {
        format!(
            "<create xmlns=\"urn:partner.soap.sforce.com\"><sObjects><type>Account</type><Name>{name}</Name></sObjects></create>"
        )
    };
    let one = call(&account("One &amp; only")).await;
    let id = between(&one, "<id>", "<").to_owned();
    let found = call(&format!(
        "<query><queryString>SELECT Id, Name FROM Account WHERE Id = '{id}'</queryString></query>"
    ))
    .await;
    assert_eq!(between(&found, "<sf:Name>", "<"), "One &amp; only");
    let nameless = call("<create><sObjects><type>Account</type></sObjects></create>").await;
    assert_eq!(between(&nameless, "<statusCode>", "<"), "REQUIRED_FIELD_MISSING");
    let upsert = "<upsert><externalIDFieldName>External_Id__c</externalIDFieldName><sObjects><type>Account</type>\
                  <External_Id__c>soap-1</External_Id__c><Name>Keyed</Name></sObjects></upsert>";
    assert_eq!(between(&call(upsert).await, "<created>", "<"), "true");
    assert_eq!(between(&call(upsert).await, "<created>", "<"), "false");
    let null = format!(
        "<update><sObjects><type>Account</type><fieldsToNull>Website</fieldsToNull><Id>{id}</Id><Site>x</Site></sObjects></update>"
    );
    assert_eq!(between(&call(&null).await, "<success>", "<"), "true");
    let two = between(&call(&account("Two")).await, "<id>", "<").to_owned();
    let merged = call(&format!(
        "<merge><request><masterRecord xsi:type=\"ns1:Account\"><Id>{id}</Id></masterRecord>\
         <recordToMergeIds>{two}</recordToMergeIds></request></merge>"
    ))
    .await;
    assert_eq!(between(&merged, "<mergedRecordIds>", "<"), two);
    let row = client
        .query_all(&format!("SELECT MasterRecordId FROM Account WHERE Id = '{two}'"))
        .await
        .json();
    assert_eq!(row["records"][0]["MasterRecordId"], id.as_str());
    let lead = client
        .post("/sobjects/Lead", json!({"LastName": "Soap", "Company": "Soap"}))
        .await
        .json();
    let lead = lead["id"].as_str().unwrap().to_owned();
    let converted = call(&format!(
        "<convertLead><leadConverts><leadId>{lead}</leadId><convertedStatus>Closed - Converted</convertedStatus>\
         </leadConverts></convertLead>"
    ))
    .await;
    assert!(
        between(&converted, "<contactId>", "<").starts_with("003"),
        "{converted}"
    );
    let gone = call(&format!("<emptyRecycleBin><ids>{two}</ids></emptyRecycleBin>")).await;
    assert_eq!(between(&gone, "<success>", "<"), "true", "{gone}");
    assert!(between(&call("<getUserInfo/>").await, "<organizationId>", "<").starts_with("00D"));
    let unknown = call("<nothing/>").await;
    assert!(unknown.contains("INVALID_OPERATION"), "{unknown}");
}

#[tokio::test]
async fn pages_of_the_product_are_described() {
    let client = Client::new();
    for path in ["/tabs", "/theme", "/quickActions", "/sobjects/Account/quickActions"] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    let views = client.get("/sobjects/Account/listviews").await.json();
    assert_eq!(views["listviews"][0]["developerName"], "All");
    let plan = client.get("/query?explain=SELECT+Id+FROM+Account").await.json();
    assert_eq!(plan["plans"][0]["sobjectType"], "Account");
    assert_eq!(client.get("/query?explain=SELEC").await.status, 400);
}

#[tokio::test]
async fn an_organisation_has_what_every_organisation_has() {
    let client = Client::new();
    let organization = client.ids("SELECT Id, Name, IsSandbox FROM Organization").await;
    assert_eq!(organization, [client.salesforce.organization_id()]);
    for soql in [
        "SELECT Id, Profile.Name FROM User WHERE Profile.Name = 'System Administrator'",
        "SELECT Id FROM Group WHERE Type = 'Queue'",
        "SELECT Id FROM Pricebook2 WHERE IsStandard = true",
    ] {
        assert!(!client.ids(soql).await.is_empty(), "{soql}");
    }
    let deal = json!({"Name": "D", "StageName": "Prospecting", "CloseDate": "2026-12-01"});
    let deal = client.post("/sobjects/Opportunity", deal).await.json();
    let person = client.ids("SELECT Id FROM Contact LIMIT 1").await.remove(0);
    let role = json!({"OpportunityId": deal["id"], "ContactId": person, "Role": "Evaluator", "IsPrimary": true});
    assert_eq!(client.post("/sobjects/OpportunityContactRole", role).await.status, 201);
    let roles = client
        .query("SELECT (SELECT Contact.LastName, Role FROM OpportunityContactRoles) FROM Opportunity ORDER BY CreatedDate DESC LIMIT 1")
        .await
        .json();
    assert_eq!(
        roles["records"][0]["OpportunityContactRoles"]["records"][0]["Role"],
        "Evaluator"
    );
}

#[tokio::test]
async fn a_lookup_that_may_lead_to_several_tells_where_it_leads() {
    let client = Client::new();
    let person = client.ids("SELECT Id FROM Contact LIMIT 1").await.remove(0);
    let task = json!({"Subject": "Call", "WhoId": person});
    let task = client.post("/sobjects/Task", task).await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let soql =
        format!("SELECT Who.Type, Who.Name, Owner.Username FROM Task WHERE Id = '{task}' AND Who.Type = 'Contact'");
    let row = client.query(&soql).await.json();
    assert_eq!(row["records"][0]["Who"]["Type"], "Contact", "{row}");
    assert!(row["records"][0]["Owner"]["Username"].is_string(), "{row}");
    let case = client.post("/sobjects/Case", json!({"Subject": "Help"})).await.json()["id"].clone();
    let about = json!({"Subject": "About", "WhatId": case});
    let about = client.post("/sobjects/Task", about).await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for soql in [
        format!("SELECT What.Name FROM Task WHERE Id = '{about}' AND What.Name != null"),
        format!("SELECT TYPEOF What WHEN Account THEN Phone ELSE Name END FROM Task WHERE Id = '{about}'"),
    ] {
        let row = client.query(&soql).await.json();
        let name = row["records"][0]["What"]["Name"].as_str();
        assert!(
            name.is_some_and(|name| name.parse::<u64>().is_ok()),
            "a case goes by its number: {row}"
        );
    }
    let leads = format!("SELECT Id FROM Task WHERE Id = '{task}' AND Who.Type = 'Lead'");
    assert!(client.ids(&leads).await.is_empty());
}

#[tokio::test]
async fn a_graph_happens_as_a_whole_or_not_at_all() {
    let client = Client::new();
    let node = |name: &str, body: Value| json!({"method": "POST", "url": "/services/data/v66.0/sobjects/Account", "referenceId": name, "body": body});
    let contact = json!({
        "method": "POST", "url": "/services/data/v66.0/sobjects/Contact", "referenceId": "c",
        "body": {"LastName": "Graph", "AccountId": "@{a.id}"}
    });
    let body = json!({"graphs": [
        {"graphId": "good", "compositeRequest": [node("a", json!({"Name": "Graph"})), contact]},
        {"graphId": "bad", "compositeRequest": [node("x", json!({"Name": "Half"})), node("y", json!({}))]}
    ]});
    let answer = client.post("/composite/graph", body).await.json();
    assert_eq!(answer["graphs"][0]["isSuccessful"], true);
    assert_eq!(answer["graphs"][1]["isSuccessful"], false);
    let halted = &answer["graphs"][1]["graphResponse"]["compositeResponse"][0];
    assert_eq!(halted["body"][0]["errorCode"], "PROCESSING_HALTED");
    let named = |name: &str| {
        client
            .salesforce
            .records("Account")
            .into_iter()
            .filter(|record| record.fields["Name"] == name)
            .count()
    };
    assert_eq!((named("Graph"), named("Half")), (1, 0));
}

#[tokio::test]
async fn a_tree_is_planted_with_its_children_or_not_at_all() {
    let client = Client::new();
    let tree = |last: Value| {
        json!({"records": [{
            "attributes": {"type": "Account", "referenceId": "r1"}, "Name": "Tree",
            "Contacts": {"records": [{"attributes": {"type": "Contact", "referenceId": "r2"}, "LastName": last}]}
        }]})
    };
    let planted = client.post("/composite/tree/Account", tree(json!("Leaf"))).await;
    assert_eq!(planted.status, 201, "{}", planted.text);
    let results = planted.json();
    assert_eq!(results["hasErrors"], false);
    let leaf = client
        .salesforce
        .record("Contact", results["results"][1]["id"].as_str().unwrap())
        .unwrap();
    assert_eq!(leaf.fields["AccountId"], results["results"][0]["id"]);
    let before = client.salesforce.count("Account");
    let felled = client.post("/composite/tree/Account", tree(Value::Null)).await;
    assert_eq!(felled.status, 400);
    assert_eq!(
        felled.json()["results"][0]["errors"][0]["statusCode"],
        "REQUIRED_FIELD_MISSING"
    );
    assert_eq!(client.salesforce.count("Account"), before);
}

#[tokio::test]
async fn words_are_found_in_several_objects() {
    let client = Client::new();
    client
        .post(
            "/sobjects/Account",
            json!({"Name": "Findable Works", "Phone": "555-0199"}),
        )
        .await;
    client
        .post(
            "/sobjects/Contact",
            json!({"LastName": "Findable", "Email": "f@example.com"}),
        )
        .await;
    let search = |sosl: &str| {
        let encoded: String = url::form_urlencoded::byte_serialize(sosl.as_bytes()).collect();
        format!("/search?q={encoded}")
    };
    let found = client
        .get(&search(
            "FIND {findab*} IN ALL FIELDS RETURNING Account(Id, Name WHERE Phone != null), Contact(Id, Email LIMIT 5)",
        ))
        .await;
    let records = found.json()["searchRecords"].as_array().unwrap().clone();
    assert_eq!(records.len(), 2, "{}", found.text);
    assert_eq!(records[0]["attributes"]["type"], "Account");
    assert_eq!(records[1]["Email"], "f@example.com");
    let refused = client.get(&search("FIND {x} RETURNING Account")).await;
    assert_eq!(refused.json()[0]["errorCode"], "MALFORMED_SEARCH");
    let body = json!({"q": "Findable", "fields": ["Id", "Name"], "sobjects": [{"name": "Account"}]});
    let found = client.post("/parameterizedSearch", body).await.json();
    assert_eq!(found["searchRecords"][0]["Name"], "Findable Works");
}

#[tokio::test]
async fn the_older_bulk_api_works_in_json_and_in_xml() {
    let client = Client::new();
    let token = client.salesforce.credentials().access_token;
    let json_headers = [("x-sfdc-session", token.as_str()), ("content-type", "application/json")];
    let create = json!({"operation": "insert", "object": "Contact", "contentType": "JSON", "concurrencyMode": 0});
    let job = raw(
        &client,
        "POST",
        "/services/async/59.0/job",
        &json_headers,
        &create.to_string(),
    )
    .await;
    assert_eq!(job.status, 201, "{}", job.text);
    let place = format!("/services/async/59.0/job/{}", job.json()["id"].as_str().unwrap());
    let rows = json!([{"LastName": "Old"}, {"FirstName": "Nobody"}]).to_string();
    let batch = raw(&client, "POST", &format!("{place}/batch"), &json_headers, &rows)
        .await
        .json();
    assert_eq!(batch["state"], "Queued");
    let place = format!("{place}/batch/{}", batch["id"].as_str().unwrap());
    assert_eq!(
        raw(&client, "GET", &place, &json_headers, "").await.json()["state"],
        "Completed"
    );
    let results = raw(&client, "GET", &format!("{place}/result"), &json_headers, "")
        .await
        .json();
    assert_eq!(
        (&results[0]["success"], &results[1]["success"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(results[1]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING");

    let xml_headers = [("x-sfdc-session", token.as_str()), ("content-type", "application/xml")];
    let create = "<?xml version=\"1.0\"?><jobInfo xmlns=\"http://www.force.com/2009/06/asyncapi/dataload\">\
                  <operation>query</operation><object>Contact</object><contentType>CSV</contentType></jobInfo>";
    let job = raw(&client, "POST", "/services/async/59.0/job", &xml_headers, create).await;
    let place = format!("/services/async/59.0/job/{}", between(&job.text, "<id>", "<"));
    let soql = "SELECT Id, LastName FROM Contact WHERE LastName = 'Old'";
    let batch = raw(
        &client,
        "POST",
        &format!("{place}/batch"),
        &[("x-sfdc-session", &token), ("content-type", "text/csv")],
        soql,
    )
    .await;
    let place = format!("{place}/batch/{}/result", between(&batch.text, "<id>", "<"));
    let list = raw(&client, "GET", &place, &json_headers, "").await;
    assert!(
        list.text.contains("<result-list"),
        "in the form of the job, whatever is asked for: {}",
        list.text
    );
    let result = between(&list.text, "<result>", "<").to_owned();
    let table = raw(&client, "GET", &format!("{place}/{result}"), &xml_headers, "").await;
    assert!(table.text.starts_with("\"Id\",\"LastName\"\n\"003"), "{}", table.text);
    let barred = raw(&client, "GET", &place, &[("x-sfdc-session", "no")], "").await;
    assert_eq!(between(&barred.text, "<exceptionCode>", "<"), "InvalidSessionId");
}

#[tokio::test]
async fn duplicate_rules_warn_or_block() {
    let client = Client::new();
    client.salesforce.add_duplicate_rule("Lead", "Email", true).unwrap();
    let lead = json!({"LastName": "Twin", "Company": "Twins", "Email": "twin@example.com"});
    let first = client.post("/sobjects/Lead", lead.clone()).await.json()["id"].clone();
    let refused = client.post("/sobjects/Lead", lead.clone()).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (400, "DUPLICATES_DETECTED")
    );
    let details = &refused.json()[0]["duplicateResut"];
    assert_eq!(details["allowSave"], true);
    assert_eq!(details["matchResults"][0]["matchRecords"][0]["record"]["Id"], first);
    let header = [("sforce-duplicate-rule-header", "allowSave=true")];
    assert_eq!(
        client.send("POST", "/sobjects/Lead", &header, Some(lead)).await.status,
        201
    );
    client.salesforce.add_duplicate_rule("Account", "Name", false).unwrap();
    let account = json!({"Name": "Only One"});
    assert_eq!(client.post("/sobjects/Account", account.clone()).await.status, 201);
    let blocked = client.send("POST", "/sobjects/Account", &header, Some(account)).await;
    assert_eq!(blocked.code(), "DUPLICATES_DETECTED");
}

#[tokio::test]
async fn a_client_without_patch_tunnels_it_and_layouts_are_described() {
    let client = Client::new();
    let id = client.salesforce.records("Contact")[0].id.clone();
    let answer = client
        .post(
            &format!("/sobjects/Contact/{id}?_HttpMethod=PATCH"),
            json!({"Title": "Tunnel"}),
        )
        .await;
    assert_eq!(answer.status, 204);
    let layouts = client.get("/sobjects/Contact/describe/layouts").await.json();
    assert!(
        layouts["layouts"][0]["editLayoutSections"][0]["layoutRows"]
            .as_array()
            .unwrap()
            .len()
            > 5
    );
    assert_eq!(client.get("/sobjects/Contact/describe/nothing").await.status, 404);
}

#[tokio::test]
async fn retired_and_unknown_versions_are_told_apart_and_old_ones_warned_of() {
    let client = Client::new();
    let get = |version: &str| format!("/services/data/v{version}/sobjects");
    assert_eq!(client.get(&get("30.0")).await.status, 410);
    assert_eq!(client.get(&get("99.0")).await.status, 404);
    assert!(
        client
            .get(&get("35.0"))
            .await
            .header("warning")
            .contains("going to be retired")
    );
    assert_eq!(client.get(&get("66.0")).await.header("warning"), "");
}
