use std::path::PathBuf;

use super::client::Client;
use crate::options::Options;

/// The folder of shared material, if this checkout has one.
fn shared(rest: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SYNCLINE_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = folder.join(rest);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

#[tokio::test]
async fn describe_is_rich_and_cacheable() {
    let client = Client::new();
    let global = client.get("/sobjects").await;
    let names: Vec<String> = global.json()["sobjects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| object["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    for wanted in [
        "Account",
        "Contact",
        "Event",
        "OpportunityContactRole",
        "Project__c",
        "RecordType",
        "User",
    ] {
        assert!(names.iter().any(|name| name == wanted), "{wanted}: {names:?}");
    }
    for name in &names {
        let path = format!("/sobjects/{name}/describe");
        let answer = client.get(&path).await;
        let fields = answer.json()["fields"].as_array().unwrap().clone();
        // A virtual object has no more than what it answers.
        assert!(fields.len() > 8 || name == "UserPermissionAccess", "{name}");
        assert!(
            fields.iter().all(|field| field.as_object().unwrap().len() >= 55),
            "{name}"
        );
        let modified = answer.header("last-modified").to_owned();
        let again = client
            .send("GET", &path, &[("if-modified-since", &modified)], None)
            .await;
        assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
    }
    let contact = client.get("/sobjects/Contact/describe").await.json();
    let field = |name: &str| {
        contact["fields"]
            .as_array()
            .unwrap()
            .iter()
            .find(|field| field["name"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(field("AccountId")["referenceTo"][0], "Account");
    assert_eq!(field("AccountId")["relationshipName"], "Account");
    assert_eq!(field("LastName")["nillable"], false);
    assert_eq!(field("Name")["createable"], false);
    assert_eq!(field("MailingAddress")["type"], "address");
    assert_eq!(field("External_Id__c")["externalId"], true);
    assert_eq!(field("External_Id__c")["unique"], true);
    client
        .salesforce
        .add_custom_field("Contact", "Shoe_Size__c", "Shoe Size", "double")
        .unwrap();
    let modified = "Thu, 01 Jan 2026 00:00:00 GMT";
    let changed = client
        .send(
            "GET",
            "/sobjects/Contact/describe",
            &[("if-modified-since", modified)],
            None,
        )
        .await;
    assert_eq!(changed.status, 200);
    assert!(changed.text.contains("Shoe_Size__c"));
}

#[tokio::test]
async fn recorded_describes_replace_the_built_in_ones() {
    let Some(folder) = shared("recorded/salesforce") else {
        return;
    };
    let client = Client::with(Options {
        records: 20,
        schema_dir: Some(folder),
        ..Options::default()
    });
    let contact = client.get("/sobjects/Contact/describe").await.json();
    let names: Vec<&str> = contact["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"CleanStatus"));
    assert!(names.contains(&"External_Id__c"));
    let page = client
        .query("SELECT Id, Name, SystemModstamp, Account.Name, Account.Owner.Name FROM Contact")
        .await;
    assert_eq!(page.json()["totalSize"], 20, "{}", page.text);
    let made = client
        .post("/sobjects/Account", serde_json::json!({"Name": "Acme"}))
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    for object in [
        "Account",
        "Contact",
        "Opportunity",
        "Case",
        "OpportunityContactRole",
        "Custom__c",
    ] {
        let answer = client.query(&format!("SELECT FIELDS(ALL) FROM {object} LIMIT 2")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

#[tokio::test]
async fn a_file_of_people_becomes_contacts_with_custom_fields() {
    let Some(file) = shared("data/people-a.csv") else {
        return;
    };
    let client = Client::with(Options {
        csv: Some(file),
        ..Options::default()
    });
    assert_eq!(client.salesforce.count("Contact"), 5_000);
    let row = client
        .query("SELECT FirstName, LastName, MailingStreet, Address_2__c, Birthdate, Date_Of_Birth__c FROM Contact WHERE Rec_Id__c = 'rec-1070-org'")
        .await
        .json()["records"][0]
        .clone();
    assert_eq!(row["LastName"], "neumann");
    assert_eq!(row["MailingStreet"], "8 stanley street");
    assert_eq!(row["Address_2__c"], "miami");
    assert_eq!(row["Birthdate"], "1915-11-11");
    assert_eq!(row["Date_Of_Birth__c"], "19151111");
}
