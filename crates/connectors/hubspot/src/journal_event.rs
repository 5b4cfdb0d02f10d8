//! Events of the journal as hints. Nobody documents how their keys are written, so case and underscores are ignored.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use syncline_core::batch::Hint;

use crate::object::ObjectName;

/// The records that an entry names.
pub(crate) fn hints_of(entry: &Json) -> Vec<Hint> {
    let events = keys(entry)
        .get("journalevents")
        .and_then(|events| events.as_array())
        .cloned();
    events.unwrap_or_default().iter().flat_map(event).collect()
}

/// The members of an object by keys in lower case without underscores.
fn keys(json: &Json) -> BTreeMap<String, &Json> {
    let members = json.as_object().into_iter().flatten();
    members
        .map(|(key, value)| (key.replace('_', "").to_ascii_lowercase(), value))
        .collect()
}

fn event(event: &Json) -> Vec<Hint> {
    let keys = keys(event);
    let text = |key: &str| keys.get(key).and_then(|value| value.as_str());
    let ids = |key: &str| match keys.get(key) {
        Some(Json::Array(items)) => items.iter().filter_map(id).collect(),
        Some(one) => id(one).into_iter().collect(),
        None => Vec::new(),
    };
    let mut hints = Vec::new();
    let mut hint = |object: Option<&str>, names: &[&str]| {
        let Some(object) = object else { return };
        for id in names.iter().flat_map(|name| ids(name)) {
            hints.push(Hint {
                object: ObjectName::new(object).plural().to_owned(),
                id: Some(id),
            });
        }
    };
    let merged = ["objectid", "newobjectid", "primaryobjectid", "mergedobjectids"];
    hint(text("objecttypeid"), &merged);
    hint(text("fromobjecttypeid"), &["fromobjectid"]);
    hint(text("toobjecttypeid"), &["toobjectid"]);
    hints
}

fn id(json: &Json) -> Option<String> {
    json.as_u64()
        .map(|id| id.to_string())
        .or_else(|| json.as_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_end_and_every_merged_record_is_named_however_keys_are_written() {
        let entry = json!({"offset": "x", "journalEvents": [
            {"type": "crmObject", "action": "UPDATE", "objectTypeId": "0-1", "objectId": 501},
            {"action": "MERGE", "object_type_id": "0-2", "object_id": "9", "merged_object_ids": [7, 8]},
            {"action": "ASSOCIATION_ADDED", "fromObjectTypeId": "0-1", "fromObjectId": 1, "toObjectTypeId": "2-7", "toObjectId": 2},
            {"action": "APP_INSTALL"},
        ]});
        let hints: Vec<(String, String)> = hints_of(&entry)
            .into_iter()
            .map(|hint| (hint.object, hint.id.unwrap_or_default()))
            .collect();
        let expected = [
            ("contacts", "501"),
            ("companies", "9"),
            ("companies", "7"),
            ("companies", "8"),
            ("contacts", "1"),
            ("2-7", "2"),
        ];
        assert_eq!(hints, expected.map(|(object, id)| (object.to_owned(), id.to_owned())));
    }
}
