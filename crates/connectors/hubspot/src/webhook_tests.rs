use serde_json::json;

use super::*;

fn hints(event: Json) -> Vec<(String, String)> {
    hints_of(&event)
        .into_iter()
        .map(|hint| (hint.object, hint.id.unwrap_or_default()))
        .collect()
}

fn pair(object: &str, id: &str) -> (String, String) {
    (object.to_owned(), id.to_owned())
}

#[test]
fn events_of_both_generations_name_their_record() {
    assert_eq!(
        hints(json!({"subscriptionType": "company.deletion", "objectId": 123})),
        [pair("companies", "123")]
    );
    assert_eq!(
        hints(json!({"eventType": "object.propertyChange", "objectTypeId": "0-1", "objectId": "501"})),
        [pair("contacts", "501")]
    );
    assert_eq!(hints(json!({"subscriptionType": "conversation.newMessage"})), []);
}

#[test]
fn merges_and_associations_name_every_record_concerned() {
    assert_eq!(
        hints(
            json!({"subscriptionType": "contact.merge", "objectId": 1, "primaryObjectId": 1, "mergedObjectIds": [2, 3], "newObjectId": 4})
        ),
        [
            pair("contacts", "4"),
            pair("contacts", "1"),
            pair("contacts", "1"),
            pair("contacts", "2"),
            pair("contacts", "3")
        ]
    );
    assert_eq!(
        hints(
            json!({"subscriptionType": "contact.associationChange", "associationType": "CONTACT_TO_COMPANY", "fromObjectId": 5, "toObjectId": 6})
        ),
        [pair("contacts", "5"), pair("companies", "6")]
    );
}

#[test]
fn only_the_listed_escapes_are_decoded() {
    assert_eq!(decode_url("http://h/a%2fb?x=%20%3B%E4%"), "http://h/a/b?x=%20;%E4%");
}
