use serde_json::Value;

use super::client::{Client, encoded, ids_of};
use crate::options::Options;

#[tokio::test]
async fn versions_need_no_token_and_data_does() {
    let mut client = Client::new();
    client.set_token("wrong");
    let versions = client.get("/services/data").await;
    assert_eq!(versions.status, 200);
    let spring = versions
        .json()
        .as_array()
        .unwrap()
        .iter()
        .find(|v| v["version"] == "66.0")
        .unwrap()
        .clone();
    assert_eq!(spring["label"], "Spring '26");
    assert_eq!(spring["url"], "/services/data/v66.0");
    let refused = client.get("/sobjects").await;
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.text,
        r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#
    );
    assert_eq!(client.get("/services/data/v30.0/").await.status, 410);
    assert_eq!(client.get("/services/data/v99.0/").await.status, 404);
}

#[tokio::test]
async fn an_answer_has_the_shape_and_headers_of_the_real_one() {
    let client = Client::new();
    let answer = client
        .query("select Id, Name, Account.Name, Owner.Email, CreatedDate from Contact limit 1")
        .await;
    assert_eq!(answer.header("sforce-limit-info"), "api-usage=1/15000000");
    assert_eq!(answer.header("content-type"), "application/json;charset=UTF-8");
    assert_eq!(answer.header("date"), "Fri, 20 Nov 2026 10:00:30 GMT");
    let page = answer.json();
    let row = &page["records"][0];
    let id = row["Id"].as_str().unwrap();
    assert_eq!(id.len(), 18);
    assert_eq!(
        row["attributes"]["url"],
        format!("/services/data/v66.0/sobjects/Contact/{id}")
    );
    assert_eq!(row["Account"]["attributes"]["type"], "Account");
    assert!(row["Account"]["Name"].is_string());
    assert!(row["Owner"]["Email"].as_str().unwrap().ends_with("@example.com"));
    assert!(row["CreatedDate"].as_str().unwrap().ends_with(".000+0000"));
    assert_eq!(page["totalSize"], 1);
    assert_eq!(page["done"], true);
}

#[tokio::test]
async fn locators_page_through_everything_once() {
    let client = Client::with(Options {
        records: 1_050,
        ..Options::default()
    });
    let path = format!("/query?q={}", encoded("SELECT Id FROM Contact"));
    let mut page = client
        .send("GET", &path, &[("sforce-query-options", "batchSize=250")], None)
        .await
        .json();
    let mut ids = ids_of(&page);
    assert_eq!(page["totalSize"], 1_050);
    while let Some(next) = page["nextRecordsUrl"].as_str().map(str::to_owned) {
        assert_eq!(page["done"], false);
        page = client.get(&next).await.json();
        assert_eq!(page["totalSize"], 1_050);
        ids.extend(ids_of(&page));
    }
    assert_eq!(page["done"], true);
    assert_eq!(ids.len(), 1_050);
    ids.dedup();
    assert_eq!(ids.len(), 1_050);
    client.salesforce.expire_locators();
    let gone = client.get("/query/0r8Sy0000000001AAA-250").await;
    assert_eq!(
        (gone.status.as_u16(), gone.code().as_str()),
        (400, "INVALID_QUERY_LOCATOR")
    );
}

/// Walks a table by (stamp, id) and by id, and must meet every record once, however many share a stamp.
#[tokio::test]
async fn keysets_meet_every_record_once() {
    let client = Client::with(Options {
        records: 3_000,
        ..Options::default()
    });
    let mut seen = Vec::new();
    let mut filter = String::new();
    loop {
        let page = client
            .query(&format!(
                "SELECT Id, SystemModstamp FROM Contact {filter} ORDER BY SystemModstamp, Id LIMIT 200"
            ))
            .await
            .json();
        let rows = page["records"].as_array().unwrap().clone();
        seen.extend(ids_of(&page));
        let Some(last) = rows.last() else { break };
        let stamp = last["SystemModstamp"].as_str().unwrap().replace("+0000", "Z");
        filter = format!(
            "WHERE (SystemModstamp = {stamp} AND Id > '{}') OR SystemModstamp > {stamp}",
            last["Id"].as_str().unwrap()
        );
    }
    assert_eq!(seen.len(), 3_000);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 3_000);

    let mut by_id = 0;
    let mut after = String::new();
    loop {
        let page = client
            .ids(&format!(
                "SELECT Id FROM Contact WHERE Id > '{after}' ORDER BY Id LIMIT 700"
            ))
            .await;
        by_id += page.len();
        match page.last() {
            Some(last) => after.clone_from(last),
            None => break,
        }
    }
    assert_eq!(by_id, 3_000);
}

#[tokio::test]
async fn filters_select_what_a_scan_selects() {
    let client = Client::with(Options {
        records: 400,
        ..Options::default()
    });
    let rows = client.salesforce.records("Contact");
    let text = |row: &crate::SimulatedRecord, name: &str| {
        row.fields
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let expect = |keep: &dyn Fn(&crate::SimulatedRecord) -> bool| {
        let mut ids: Vec<String> = rows.iter().filter(|row| keep(row)).map(|row| row.id.clone()).collect();
        ids.sort();
        ids
    };
    let middle = text(&rows[200], "SystemModstamp");
    let literal = middle.replace("+0000", "Z");
    let email = text(&rows[7], "Email");
    let account = text(&rows[30], "AccountId");
    let cases: Vec<(String, Vec<String>)> = vec![
        (
            format!("SystemModstamp >= {literal}"),
            expect(&|row| text(row, "SystemModstamp") >= middle),
        ),
        (
            format!("SystemModstamp < {literal}"),
            expect(&|row| text(row, "SystemModstamp") < middle),
        ),
        (
            format!("SystemModstamp = {literal}"),
            expect(&|row| text(row, "SystemModstamp") == middle),
        ),
        (
            format!("Email = '{}'", email.to_uppercase()),
            expect(&|row| text(row, "Email") == email),
        ),
        (
            format!("AccountId = '{}'", &account[..15]),
            expect(&|row| text(row, "AccountId") == account),
        ),
        (
            format!("Id IN ('{}', '{}')", rows[3].id, rows[9].id),
            expect(&|row| row.id == rows[3].id || row.id == rows[9].id),
        ),
        (
            "FirstName LIKE 'a%'".to_owned(),
            expect(&|row| text(row, "FirstName").starts_with('A')),
        ),
        (
            "(NOT FirstName LIKE 'a%')".to_owned(),
            expect(&|row| !text(row, "FirstName").starts_with('A')),
        ),
        (
            "FirstName NOT IN ('Anna', 'ben')".to_owned(),
            expect(&|row| !["Anna", "Ben"].contains(&text(row, "FirstName").as_str())),
        ),
        ("Department = null".to_owned(), expect(&|_| true)),
        (
            "Department != 'x' AND HasOptedOutOfEmail = false".to_owned(),
            expect(&|_| true),
        ),
        (
            "Birthdate < 1970-01-01".to_owned(),
            expect(&|row| text(row, "Birthdate").as_str() < "1970-01-01"),
        ),
        ("CreatedDate = LAST_N_DAYS:9999".to_owned(), expect(&|_| true)),
        ("CreatedDate > TODAY".to_owned(), Vec::new()),
        (
            "(LastName = 'Adler' OR LastName = 'Baker') AND FirstName != null".to_owned(),
            expect(&|row| ["Adler", "Baker"].contains(&text(row, "LastName").as_str())),
        ),
    ];
    for (filter, expected) in cases {
        let mut ids = client.ids(&format!("SELECT Id FROM Contact WHERE {filter}")).await;
        ids.sort();
        assert_eq!(ids, expected, "{filter}");
    }
}

#[tokio::test]
async fn order_limit_offset_and_counts() {
    let client = Client::with(Options {
        records: 100,
        ..Options::default()
    });
    let rows = client
        .query("SELECT LastName FROM Contact ORDER BY LastName DESC, Id LIMIT 5 OFFSET 2")
        .await
        .json();
    let names: Vec<&str> = rows["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["LastName"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 5);
    assert!(names.is_sorted_by(|a, b| a >= b));
    let count = client.query("SELECT COUNT() FROM Contact").await;
    assert_eq!(count.text, r#"{"totalSize":100,"done":true,"records":[]}"#);
    let aggregate = client
        .query("SELECT COUNT(Id), MAX(SystemModstamp) latest FROM Contact")
        .await
        .json();
    assert_eq!(aggregate["records"][0]["expr0"], 100);
    assert!(aggregate["records"][0]["latest"].is_string());
    let all = client.query("SELECT FIELDS(ALL) FROM Account LIMIT 1").await.json();
    assert!(all["records"][0]["BillingAddress"]["city"].is_string());
    assert!(all["records"][0]["AnnualRevenue"].is_number());
    assert_eq!(
        client.query("SELECT FIELDS(ALL) FROM Account").await.code(),
        "MALFORMED_QUERY"
    );
}

#[tokio::test]
async fn errors_are_those_of_the_real_language() {
    let client = Client::new();
    let unknown = client.query("SELECT Id,Name,BillingCity,IsDeleted FROM Accout").await;
    assert_eq!(unknown.status, 400);
    assert_eq!(
        unknown.json()[0]["message"],
        "\nName,BillingCity,IsDeleted FROM Accout\n                                ^\nERROR at Row:1:Column:43\nsObject \
         type 'Accout' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after \
         the entity name. Please reference your WSDL or the describe call for the appropriate names."
    );
    assert_eq!(unknown.code(), "INVALID_TYPE");
    let field = client.query("SELECT Id, Foo FROM Account").await;
    assert_eq!(field.code(), "INVALID_FIELD");
    assert!(
        field.json()[0]["message"]
            .as_str()
            .unwrap()
            .contains("No such column 'Foo' on entity 'Account'.")
    );
    for (soql, code) in [
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'x", "MALFORMED_QUERY"),
        ("SELECT FROM Account", "MALFORMED_QUERY"),
        (
            "SELECT Id FROM Account WHERE SystemModstamp > '2026-11-20T10:00:00Z'",
            "INVALID_FIELD",
        ),
        ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD"),
        ("SELECT Nowhere.Name FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Account ORDER BY Description", "MALFORMED_QUERY"),
        (
            "SELECT Id FROM Account WHERE Id = 'nonsense'",
            "INVALID_QUERY_FILTER_OPERATOR",
        ),
        ("", "MALFORMED_QUERY"),
    ] {
        let answer = client.query(soql).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (400, code),
            "{soql}: {}",
            answer.text
        );
    }
    let long = client
        .query(&format!("SELECT Id FROM Account WHERE Name = '{}'", "x".repeat(17_000)))
        .await;
    assert_eq!(long.status, 414);
}
