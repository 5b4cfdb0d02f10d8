//! The query language as people write it.

use serde_json::{Value, json};

use super::client::Client;

async fn query(client: &Client, soql: &str) -> Value {
    let encoded: String = url::form_urlencoded::byte_serialize(soql.as_bytes()).collect();
    let answer = client.get(&format!("/query?q={encoded}")).await;
    assert_eq!(answer.status, 200, "{soql}: {}", answer.text);
    answer.json()
}

async fn refused(client: &Client, soql: &str) -> (String, String) {
    let encoded: String = url::form_urlencoded::byte_serialize(soql.as_bytes()).collect();
    let answer = client.get(&format!("/query?q={encoded}")).await;
    assert_eq!(answer.status, 400, "{soql}: {}", answer.text);
    let error = &answer.json()[0];
    (
        error["errorCode"].as_str().unwrap().to_owned(),
        error["message"].as_str().unwrap().to_owned(),
    )
}

fn total(page: &Value) -> u64 {
    page["totalSize"].as_u64().unwrap()
}

#[tokio::test]
async fn children_are_answered_within_their_parent() {
    let client = Client::new();
    let page = query(
        &client,
        "SELECT Id, Name, (SELECT Id, LastName, Account.Name FROM Contacts WHERE LastName != null ORDER BY LastName DESC \
         LIMIT 2) FROM Account ORDER BY Name",
    )
    .await;
    let with = page["records"]
        .as_array()
        .unwrap()
        .iter()
        .find(|account| !account["Contacts"].is_null());
    let account = with.unwrap();
    let contacts = &account["Contacts"];
    assert_eq!(contacts["done"], true);
    assert!(contacts["totalSize"].as_u64().unwrap() <= 2);
    assert_eq!(contacts["records"][0]["attributes"]["type"], "Contact");
    assert_eq!(contacts["records"][0]["Account"]["Name"], account["Name"]);
    let nobody = client.post("/sobjects/Account", json!({"Name": "Nobody"})).await.json()["id"].clone();
    let page = query(
        &client,
        &format!(
            "SELECT Id, (SELECT Id FROM Contacts) FROM Account WHERE Id = '{}'",
            nobody.as_str().unwrap()
        ),
    )
    .await;
    assert_eq!(page["records"][0]["Contacts"], Value::Null);
}

#[tokio::test]
async fn semi_joins_and_anti_joins_part_the_records() {
    let client = Client::new();
    let all = total(&query(&client, "SELECT COUNT() FROM Account").await);
    let with = "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Opportunity WHERE StageName LIKE 'Pros%')";
    let without =
        "SELECT Id FROM Account WHERE Id NOT IN (SELECT AccountId FROM Opportunity WHERE StageName LIKE 'Pros%')";
    let (with, without) = (
        total(&query(&client, with).await),
        total(&query(&client, without).await),
    );
    assert!(with > 0 && without > 0);
    assert_eq!(with + without, all);
    let (code, message) = refused(
        &client,
        "SELECT Id FROM Account WHERE Name IN (SELECT Name FROM Contact)",
    )
    .await;
    assert_eq!(code, "MALFORMED_QUERY");
    assert!(
        message.contains("should be an id field, cannot use: 'Name'"),
        "{message}"
    );
}

#[tokio::test]
async fn groups_are_counted_summed_filtered_and_sorted() {
    let client = Client::new();
    let page = query(
        &client,
        "SELECT StageName, COUNT(Id) total, SUM(Amount), AVG(Amount) mean, MIN(CloseDate), MAX(Name) FROM Opportunity \
         GROUP BY StageName HAVING COUNT(Id) > 0 ORDER BY COUNT(Id) DESC, StageName LIMIT 3",
    )
    .await;
    let first = &page["records"][0];
    assert_eq!(first["attributes"], json!({"type": "AggregateResult"}));
    let keys: Vec<&str> = first.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["attributes", "StageName", "total", "expr0", "mean", "expr1", "expr2"]
    );
    let count = first["total"].as_f64().unwrap();
    assert!((first["expr0"].as_f64().unwrap() / count - first["mean"].as_f64().unwrap()).abs() < 1e-6);
    let by_year = query(
        &client,
        "SELECT CALENDAR_YEAR(CloseDate) y, COUNT(Id) FROM Opportunity GROUP BY CALENDAR_YEAR(CloseDate)",
    )
    .await;
    assert_eq!(by_year["records"][0]["y"], 2026);
    let rollup = query(
        &client,
        "SELECT StageName, GROUPING(StageName) g, COUNT(Id) n FROM Opportunity GROUP BY ROLLUP(StageName)",
    )
    .await;
    let records = rollup["records"].as_array().unwrap();
    let sums: Vec<_> = records.iter().filter(|row| row["g"] == 1).collect();
    assert_eq!(sums.len(), 1);
    let parts: u64 = records
        .iter()
        .filter(|row| row["g"] == 0)
        .map(|row| row["n"].as_u64().unwrap())
        .sum();
    assert_eq!(sums[0]["n"].as_u64().unwrap(), parts);
    let whole = query(
        &client,
        "SELECT COUNT(Id), COUNT_DISTINCT(AccountId) c FROM Contact WHERE Id = null",
    )
    .await;
    assert_eq!(
        whole["records"],
        json!([{"attributes": {"type": "AggregateResult"}, "expr0": 0, "c": 0}])
    );
    let related = query(
        &client,
        "SELECT Account.Name, COUNT(Id) FROM Contact GROUP BY Account.Name",
    )
    .await;
    assert!(related["records"][0].get("Name").is_some());
}

#[tokio::test]
async fn dates_are_compared_by_literal_and_by_part() {
    let client = Client::new();
    let id = client
        .post(
            "/sobjects/Opportunity",
            json!({"Name": "Now", "StageName": "Prospecting", "CloseDate": "2026-11-20"}),
        )
        .await
        .json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for condition in [
        "CloseDate = TODAY",
        "CloseDate = THIS_QUARTER",
        "CloseDate = LAST_N_DAYS:3",
        "CloseDate > N_WEEKS_AGO:2",
        "CloseDate = THIS_FISCAL_YEAR",
        "CloseDate < NEXT_N_QUARTERS:2",
        "CreatedDate = TODAY",
        "CreatedDate >= 2026-11-20T10:00:00Z",
        "CALENDAR_MONTH(CloseDate) = 11",
        "DAY_ONLY(CreatedDate) = 2026-11-20",
        "HOUR_IN_DAY(convertTimezone(CreatedDate)) = 10",
        "DAY_IN_WEEK(CloseDate) = 6",
    ] {
        let page = query(
            &client,
            &format!("SELECT Id FROM Opportunity WHERE Id = '{id}' AND {condition}"),
        )
        .await;
        assert_eq!(total(&page), 1, "{condition}");
    }
    let page = query(
        &client,
        &format!("SELECT Id FROM Opportunity WHERE Id = '{id}' AND CloseDate = YESTERDAY"),
    )
    .await;
    assert_eq!(total(&page), 0);
}

#[tokio::test]
async fn nulls_are_sorted_where_they_are_asked_for_and_offsets_skip() {
    let client = Client::new();
    for (name, rating) in [("a", json!(null)), ("b", json!("Hot")), ("c", json!("Cold"))] {
        let body = json!({"Name": format!("sorted {name}"), "Rating": rating});
        client.post("/sobjects/Account", body).await;
    }
    let names = |page: Value| -> Vec<String> {
        let records = page["records"].as_array().unwrap().clone();
        records
            .iter()
            .map(|row| row["Name"].as_str().unwrap().replace("sorted ", ""))
            .collect()
    };
    let soql = |rest: &str| format!("SELECT Name FROM Account WHERE Name LIKE 'sorted _' ORDER BY {rest}");
    assert_eq!(names(query(&client, &soql("Rating")).await), ["a", "c", "b"]);
    assert_eq!(names(query(&client, &soql("Rating NULLS LAST")).await), ["c", "b", "a"]);
    assert_eq!(
        names(query(&client, &soql("Rating DESC NULLS FIRST")).await),
        ["a", "b", "c"]
    );
    assert_eq!(names(query(&client, &soql("Name LIMIT 1 OFFSET 1")).await), ["b"]);
}

#[tokio::test]
async fn escapes_patterns_aliases_and_forms_for_people_work() {
    let client = Client::new();
    let name = "100% O'Hara_\\ \"x\"";
    client
        .post("/sobjects/Account", json!({"Name": name, "AnnualRevenue": 1_234_567}))
        .await;
    for literal in [
        r#"Name = '100% O\'Hara_\\ \"x\"'"#,
        r"Name LIKE '100\% O\'Hara\_%'",
        r"Name LIKE '%Hara__ %'",
    ] {
        let page = query(&client, &format!("SELECT Name FROM Account WHERE {literal}")).await;
        assert_eq!(page["records"][0]["Name"], name, "{literal}");
    }
    let page = query(
        &client,
        "SELECT a.Name, FORMAT(a.AnnualRevenue) shown, toLabel(a.Industry) FROM Account a WHERE a.AnnualRevenue = 1234567",
    )
    .await;
    assert_eq!(page["records"][0]["shown"], "USD 1,234,567.00");
    let page = query(
        &client,
        "SELECT c.LastName, a.Name FROM Contact c, c.Account a WHERE a.Name != null LIMIT 1",
    )
    .await;
    assert!(page["records"][0]["Account"]["Name"].is_string());
    let page = query(
        &client,
        "SELECT Id, TYPEOF Who WHEN Contact THEN Email, Account.Name WHEN Lead THEN Company ELSE Name END FROM Task",
    )
    .await;
    assert!(page["records"][0]["Who"].get("Email").is_some());
}

#[tokio::test]
async fn all_standard_and_custom_fields_can_be_selected_by_group() {
    let client = Client::new();
    let page = query(&client, "SELECT FIELDS(ALL) FROM Account LIMIT 1").await;
    assert!(page["records"][0].get("External_Id__c").is_some());
    let page = query(&client, "SELECT Name, FIELDS(CUSTOM) FROM Account LIMIT 200").await;
    assert!(page["records"][0].get("Phone").is_none());
    let (code, message) = refused(&client, "SELECT FIELDS(ALL) FROM Account").await;
    assert_eq!(code, "MALFORMED_QUERY");
    assert!(message.ends_with("must have a LIMIT of at most 200"), "{message}");
}

#[tokio::test]
async fn what_is_malformed_is_told_with_its_place() {
    let client = Client::new();
    for (soql, code, place, reason) in [
        (
            "SELECT Id FROM Acount",
            "INVALID_TYPE",
            "Row:1:Column:16",
            "sObject type 'Acount' is not supported.",
        ),
        (
            "SELECT Foo FROM Account",
            "INVALID_FIELD",
            "Row:1:Column:8",
            "No such column 'Foo' on entity 'Account'.",
        ),
        (
            "SELECT Id\nFROM Account\nWHERE Foo = 1",
            "INVALID_FIELD",
            "Row:3:Column:7",
            "No such column 'Foo'",
        ),
        (
            "SELECT Id FROM",
            "MALFORMED_QUERY",
            "Row:1:Column:15",
            "unexpected token: '<EOF>'",
        ),
        (
            "SELECT Id, FROM Account",
            "MALFORMED_QUERY",
            "Row:1:Column:12",
            "unexpected token: 'FROM'",
        ),
        (
            "SELECT Id FROM Account WHERE",
            "MALFORMED_QUERY",
            "Row:1:Column:29",
            "unexpected token: '<EOF>'",
        ),
        (
            "SELECT Id FROM Account WHERE Name = :x",
            "MALFORMED_QUERY",
            "Row:1:Column:37",
            "Bind variables only allowed in Apex code",
        ),
        (
            "SELECT Name, COUNT(Id) FROM Account",
            "MALFORMED_QUERY",
            "Row:1:Column:8",
            "Field must be grouped or aggregated: Name",
        ),
        (
            "SELECT Name n FROM Account",
            "MALFORMED_QUERY",
            "Row:1:Column:13",
            "only aggregate expressions use field aliasing",
        ),
        (
            "SELECT Id FROM Account WHERE CreatedDate > '2026-01-01T00:00:00Z'",
            "INVALID_FIELD",
            "Row:1:Column:30",
            "value of filter criterion for field 'CreatedDate' must be of type dateTime and should not be enclosed in quotes",
        ),
        (
            "SELECT Id, (SELECT Id FROM Foos) FROM Account",
            "INVALID_TYPE",
            "Row:1:Column:28",
            "Didn't understand relationship 'Foos' in FROM part of query call.",
        ),
        (
            "SELECT Id FROM Contact WHERE Acount.Name = 'x'",
            "INVALID_FIELD",
            "Row:1:Column:30",
            "Didn't understand relationship 'Acount' in field path.",
        ),
        (
            "SELECT Id FROM Account WHERE Description = 'x'",
            "INVALID_FIELD",
            "Row:1:Column:30",
            "field 'Description' can not be filtered in a query call",
        ),
        (
            "SELECT SUM(Name) FROM Account",
            "MALFORMED_QUERY",
            "Row:1:Column:12",
            "field Name does not support aggregate operator SUM",
        ),
    ] {
        let (told, message) = refused(&client, soql).await;
        assert_eq!(told, code, "{soql}: {message}");
        assert!(message.contains(&format!("ERROR at {place}\n")), "{soql}: {message}");
        assert!(message.contains(reason), "{soql}: {message}");
    }
}
