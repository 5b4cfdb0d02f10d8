use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::client::{Client, ids_of};
use crate::Fields;

fn fields(value: Value) -> Fields {
    serde_json::from_value::<BTreeMap<String, Value>>(value).unwrap()
}

#[tokio::test]
async fn edits_by_hand_are_not_the_integrations() {
    let client = Client::new();
    let id = client
        .salesforce
        .create("Contact", fields(json!({"LastName": "Hand"})))
        .unwrap();
    client.clock.advance(SignedDuration::from_secs(3));
    client
        .salesforce
        .update("Contact", &id, fields(json!({"Title": "Boss"})))
        .unwrap();
    let record = client.salesforce.record("Contact", &id).unwrap();
    assert!(!record.modified_by_integration);
    assert_eq!(record.fields["SystemModstamp"], "2026-11-20T10:00:33.000+0000");
    assert_ne!(
        record.fields["LastModifiedById"],
        client.salesforce.integration_user_id()
    );
    let error = client.salesforce.create("Contact", Fields::new()).unwrap_err();
    assert_eq!(error.code, "REQUIRED_FIELD_MISSING");
}

#[tokio::test]
async fn the_recycle_bin_shows_in_query_all_and_gives_back() {
    let client = Client::new();
    let account = client
        .salesforce
        .create("Account", fields(json!({"Name": "Acme"})))
        .unwrap();
    let contact = client
        .salesforce
        .create("Contact", fields(json!({"LastName": "C", "AccountId": account})))
        .unwrap();
    client.salesforce.delete("Account", &account).unwrap();
    assert!(
        client
            .ids(&format!("SELECT Id FROM Account WHERE Id = '{account}'"))
            .await
            .is_empty()
    );
    let all = client
        .query_all(&format!("SELECT Id, IsDeleted FROM Account WHERE Id = '{account}'"))
        .await
        .json();
    assert_eq!(all["records"][0]["IsDeleted"], true);
    assert!(
        !client
            .salesforce
            .record("Contact", &contact)
            .unwrap()
            .fields
            .contains_key("AccountId")
    );
    client.clock.advance(SignedDuration::from_secs(60));
    client.salesforce.undelete("Account", &account).unwrap();
    let record = client.salesforce.record("Account", &account).unwrap();
    assert!(!record.deleted);
    assert_eq!(record.fields["SystemModstamp"], "2026-11-20T10:01:30.000+0000");
    assert_eq!(
        client.salesforce.record("Contact", &contact).unwrap().fields["AccountId"],
        account
    );
    client.salesforce.hard_delete("Account", &account).unwrap();
    assert!(client.salesforce.record("Account", &account).is_none());
    assert!(client.salesforce.undelete("Account", &account).is_err());
}

#[tokio::test]
async fn a_merge_leaves_its_losers_a_master_and_moves_their_children() {
    let client = Client::new();
    let make = |name: &str| {
        client
            .salesforce
            .create("Account", fields(json!({"Name": name})))
            .unwrap()
    };
    let (winner, loser) = (make("Winner"), make("Loser"));
    let child = client
        .salesforce
        .create("Contact", fields(json!({"LastName": "C", "AccountId": loser})))
        .unwrap();
    let survivor = client
        .salesforce
        .merge("Account", &winner, std::slice::from_ref(&loser))
        .unwrap();
    assert_eq!(survivor, winner);
    let merged = client
        .query_all("SELECT Id, MasterRecordId FROM Account WHERE IsDeleted = true AND MasterRecordId != null")
        .await
        .json();
    assert_eq!(ids_of(&merged), std::slice::from_ref(&loser));
    assert_eq!(merged["records"][0]["MasterRecordId"], winner);
    assert_eq!(
        client.salesforce.record("Contact", &child).unwrap().fields["AccountId"],
        winner
    );
    assert!(client.salesforce.undelete("Account", &loser).is_err());
    assert_eq!(
        client.salesforce.record("Account", &loser).unwrap().merged_into,
        Some(winner)
    );
}

#[tokio::test]
async fn a_converted_lead_is_read_only() {
    let client = Client::new();
    let lead = client
        .salesforce
        .create(
            "Lead",
            fields(json!({"LastName": "L", "Company": "Co", "Email": "l@example.com"})),
        )
        .unwrap();
    let became = client.salesforce.convert_lead(&lead, Some("Deal")).unwrap();
    let record = client.salesforce.record("Lead", &lead).unwrap();
    assert_eq!(record.fields["IsConverted"], true);
    assert_eq!(record.fields["ConvertedContactId"], became.contact);
    assert_eq!(
        client.salesforce.record("Contact", &became.contact).unwrap().fields["AccountId"],
        became.account
    );
    assert!(became.opportunity.is_some());
    let refused = client
        .patch(&format!("/sobjects/Lead/{lead}"), json!({"Title": "X"}))
        .await;
    assert_eq!(refused.code(), "CANNOT_UPDATE_CONVERTED_LEAD");
}

#[tokio::test]
async fn a_late_commit_appears_with_its_old_stamp_and_locks_the_record() {
    let client = Client::new();
    let id = client.salesforce.records("Contact")[0].id.clone();
    client.salesforce.next_commit_late(SignedDuration::from_secs(120));
    client
        .salesforce
        .update("Contact", &id, fields(json!({"Title": "Late"})))
        .unwrap();
    assert!(
        client
            .ids("SELECT Id FROM Contact WHERE Title = 'Late'")
            .await
            .is_empty()
    );
    let locked = client
        .patch(&format!("/sobjects/Contact/{id}"), json!({"Title": "Mine"}))
        .await;
    assert_eq!(locked.code(), "UNABLE_TO_LOCK_ROW");
    client.clock.advance(SignedDuration::from_secs(121));
    let page = client
        .query("SELECT Id, SystemModstamp FROM Contact WHERE Title = 'Late'")
        .await
        .json();
    assert_eq!(page["records"][0]["SystemModstamp"], "2026-11-20T10:00:30.000+0000");
}

#[tokio::test]
async fn touching_all_gives_all_one_stamp() {
    let client = Client::new();
    assert_eq!(client.salesforce.touch_all("Contact").unwrap(), 50);
    assert_eq!(
        client
            .ids("SELECT Id FROM Contact WHERE SystemModstamp = 2026-11-20T10:00:30Z")
            .await
            .len(),
        50
    );
}

#[tokio::test]
async fn a_record_that_is_not_shared_is_not_there_for_the_api_and_is_again_once_it_is_shared() {
    let client = Client::new();
    let salesforce = &client.salesforce;
    let new = |name: &str| fields(json!({"LastName": name, "External_Id__c": name}));
    let hidden = salesforce.create("Contact", new("hidden")).unwrap();
    let seen = salesforce.create("Contact", new("seen")).unwrap();
    salesforce.share("Contact", &hidden, false).unwrap();
    let both = "SELECT Id FROM Contact WHERE External_Id__c IN ('hidden', 'seen') ORDER BY Id";
    assert_eq!(client.ids(both).await, [seen.as_str()]);
    let path = format!("/services/data/v66.0/sobjects/Contact/{hidden}");
    let answer = client.get(&path).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "NOT_FOUND"));
    assert_eq!(client.patch(&path, json!({"Title": "x"})).await.code(), "NOT_FOUND");
    let taken = client
        .post(
            "/services/data/v66.0/sobjects/Contact",
            json!({"LastName": "x", "External_Id__c": "hidden"}),
        )
        .await;
    assert_eq!(taken.json()[0]["errorCode"], "DUPLICATE_VALUE");
    assert!(!taken.json()[0]["message"].to_string().contains(&hidden[..15]));
    // Whoever runs the organisation sees it all the same.
    assert!(salesforce.records("Contact").iter().any(|record| record.id == hidden));
    let stamp = salesforce.record("Contact", &hidden).unwrap().fields["SystemModstamp"].clone();
    salesforce.share("Contact", &hidden, true).unwrap();
    assert_eq!(client.get(&path).await.json()["SystemModstamp"], stamp);
    assert_eq!(client.ids(both).await, [hidden, seen]);
}
