//! Lists of records and their members.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::portal::Portal;
use super::request::{ApiRequest, strings, text_or_number};
use super::stamp::Stamp;

/// The most members of one page.
const PAGE: usize = 250;

/// One list. Those that fill themselves by filters keep their filters and hold nobody.
#[derive(Clone, Debug)]
pub(super) struct RecordList {
    pub(super) id: u64,
    name: String,
    object: usize,
    processing: String,
    filters: Value,
    /// When each member joined.
    members: BTreeMap<u64, Stamp>,
    version: u64,
    created: Stamp,
    updated: Stamp,
    deleted: Option<Stamp>,
    /// When it is to become a static list, as it was asked for.
    conversion: Option<Value>,
    /// The folder that it lies in; 0 is the top.
    pub(super) folder: u64,
}

fn conversion_of(list: &RecordList, conversion: &Value) -> Value {
    json!({"listId": list.id.to_string(), "requestedConversionTime": conversion})
}

impl RecordList {
    fn json(&self, type_id: &str, with_filters: bool) -> Value {
        let mut shown = Map::new();
        shown.insert("listId".into(), self.id.to_string().into());
        shown.insert("listVersion".into(), self.version.into());
        shown.insert("name".into(), self.name.clone().into());
        shown.insert("objectTypeId".into(), type_id.into());
        shown.insert("processingType".into(), self.processing.clone().into());
        shown.insert("processingStatus".into(), "COMPLETE".into());
        shown.insert("size".into(), self.members.len().into());
        shown.insert("createdAt".into(), self.created.to_string().into());
        shown.insert("updatedAt".into(), self.updated.to_string().into());
        shown.insert("filtersUpdatedAt".into(), self.updated.to_string().into());
        if let Some(deleted) = self.deleted {
            shown.insert("deletedAt".into(), deleted.to_string().into());
        }
        if with_filters && !self.filters.is_null() {
            shown.insert("filterBranch".into(), self.filters.clone());
        }
        Value::Object(shown)
    }
}

impl Portal {
    /// Requests below `lists`.
    pub(super) fn lists_request(&mut self, request: &ApiRequest, rest: &[&str]) -> Answer {
        match (request.method.as_str(), rest) {
            ("POST", []) => self.create_list(request),
            ("GET", []) => {
                let wanted = request.query_list("listIds");
                let found: Vec<Value> = self
                    .lists
                    .iter()
                    .filter(|list| list.deleted.is_none() && wanted.contains(&list.id.to_string()))
                    .map(|list| self.shown_list(list, request))
                    .collect();
                Answer::json(200, &json!({"lists": found}))
            }
            ("POST", ["search"]) => self.search_lists(request),
            ("GET", ["object-type-id", type_id, "name", name]) => {
                let object = self.object(type_id);
                let found = self.lists.iter().find(|list| {
                    Some(list.object) == object && list.deleted.is_none() && list.name.eq_ignore_ascii_case(name)
                });
                match found.map(|list| self.shown_list(list, request)) {
                    Some(list) => Answer::json(200, &json!({"list": list})),
                    None => self.not_found(),
                }
            }
            ("GET", ["records", type_id, id, "memberships"]) => self.memberships_of(type_id, id),
            ("POST", ["records", "memberships", "batch", "read"]) => self.memberships_of_many(request),
            (_, ["folders", rest @ ..]) => self.list_folders_request(request, rest),
            // Ids of before the lists of today; there are none here.
            ("GET", ["idmapping"]) => self.not_found(),
            ("POST", ["idmapping"]) => {
                let asked = strings(request.json().ok().as_ref());
                Answer::json(
                    200,
                    &json!({"legacyListIdsToIdsMapping": [], "missingLegacyListIds": asked}),
                )
            }
            (_, [id, rest @ ..]) => match self.lists.iter().position(|list| list.id.to_string() == **id) {
                Some(position) => self.one_list(request, position, rest),
                None => self.not_found(),
            },
            _ => self.not_found(),
        }
    }

    fn shown_list(&self, list: &RecordList, request: &ApiRequest) -> Value {
        let type_id = self.store(list.object).object.type_id;
        list.json(type_id, request.flag("includeFilters"))
    }

    fn create_list(&mut self, request: &ApiRequest) -> Answer {
        let body = match request.json() {
            Ok(body) => body,
            Err(message) => return self.problem(400, "", &message, Value::Null),
        };
        let text = |key: &str| text_or_number(body.get(key)).unwrap_or_default();
        let (name, type_id, processing) = (text("name"), text("objectTypeId"), text("processingType"));
        if name.is_empty() || type_id.is_empty() || !["MANUAL", "DYNAMIC", "SNAPSHOT"].contains(&processing.as_str()) {
            return self.invalid("Some required fields were not set: [name, objectTypeId, processingType]");
        }
        let Some(object) = self.object(&type_id) else {
            return self.unknown_type(&type_id);
        };
        let same = |list: &RecordList| list.deleted.is_none() && list.name.eq_ignore_ascii_case(&name);
        if self.lists.iter().any(same) {
            let message = format!("A list with name {name} already exists");
            return self.problem(
                400,
                "VALIDATION_ERROR",
                &message,
                json!({"subCategory": "ILS.DUPLICATE_LIST_NAMES"}),
            );
        }
        let now = self.now();
        let list = RecordList {
            id: self.lists.iter().map(|list| list.id).max().unwrap_or(0) + 1,
            name,
            object,
            processing,
            filters: body.get("filterBranch").cloned().unwrap_or_default(),
            members: BTreeMap::new(),
            version: 1,
            created: now,
            updated: now,
            deleted: None,
            conversion: None,
            folder: 0,
        };
        let shown = list.json(self.store(object).object.type_id, true);
        self.lists.push(list);
        Answer::json(200, &json!({"list": shown})).touching(1)
    }

    fn search_lists(&mut self, request: &ApiRequest) -> Answer {
        let body = request.json().unwrap_or_default();
        let query = text_or_number(body.get("query")).unwrap_or_default().to_lowercase();
        let types = strings(body.get("processingTypes"));
        let offset = body.get("offset").and_then(Value::as_u64).unwrap_or(0);
        let count = body.get("count").and_then(Value::as_u64).unwrap_or(20).clamp(1, 500);
        let (offset, count) = (
            usize::try_from(offset).unwrap_or(0),
            usize::try_from(count).unwrap_or(20),
        );
        let found: Vec<Value> = self
            .lists
            .iter()
            .filter(|list| list.deleted.is_none() && list.name.to_lowercase().contains(&query))
            .filter(|list| types.is_empty() || types.contains(&list.processing))
            .map(|list| {
                let mut shown = list.json(self.store(list.object).object.type_id, false);
                if let Some(fields) = shown.as_object_mut() {
                    fields.insert(
                        "additionalProperties".into(),
                        json!({"hs_list_size": list.members.len().to_string()}),
                    );
                }
                shown
            })
            .collect();
        let total = found.len();
        let lists: Vec<Value> = found.into_iter().skip(offset).take(count).collect();
        let end = offset + lists.len();
        Answer::json(
            200,
            &json!({"total": total, "offset": end, "hasMore": end < total, "lists": lists}),
        )
    }

    fn memberships_of(&mut self, type_id: &str, id: &str) -> Answer {
        let object = self.object(type_id);
        let id: u64 = id.parse().unwrap_or(0);
        let member = |list: &&RecordList| Some(list.object) == object && list.deleted.is_none();
        let results: Vec<Value> = self
            .lists
            .iter()
            .filter(member)
            .filter_map(|list| {
                let joined = list.members.get(&id)?.to_string();
                Some(
                    json!({"listId": list.id.to_string(), "listVersion": list.version, "isPublicList": false,
                    "firstAddedTimestamp": joined, "lastAddedTimestamp": joined}),
                )
            })
            .collect();
        Answer::json(200, &json!({"total": results.len(), "results": results}))
    }

    fn memberships_of_many(&mut self, request: &ApiRequest) -> Answer {
        let body = request.json().unwrap_or_default();
        let mut results = Vec::new();
        for input in body.get("inputs").and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| text_or_number(input.get(key)).unwrap_or_default();
            let (type_id, id) = (text("objectTypeId"), text("recordId"));
            let told: Value = serde_json::from_slice(&self.memberships_of(&type_id, &id).body).unwrap_or_default();
            results.push(json!({"objectTypeId": type_id, "recordId": id, "recordListMemberships": told["results"]}));
        }
        let now = self.now().to_string();
        Answer::json(
            200,
            &json!({"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}),
        )
    }

    fn one_list(&mut self, request: &ApiRequest, position: usize, rest: &[&str]) -> Answer {
        let now = self.now();
        let Some(mut list) = self.lists.get(position).cloned() else {
            return self.not_found();
        };
        if list.deleted.is_some() && rest != ["restore"] {
            return self.not_found();
        }
        let body = request.json().unwrap_or_default();
        let answer = match (request.method.as_str(), rest) {
            ("GET", []) => {
                let shown = self.shown_list(&list, request);
                return Answer::json(200, &json!({"list": shown}));
            }
            ("GET", ["memberships" | "memberships/join-order"] | ["memberships", "join-order"]) => {
                return self.members_page(request, &list);
            }
            ("DELETE", []) => {
                list.deleted = Some(now);
                Answer::empty()
            }
            ("PUT", ["restore"]) => {
                list.deleted = None;
                Answer::empty()
            }
            ("PUT", ["update-list-name"]) => {
                if let Some(name) = request.query("listName") {
                    name.clone_into(&mut list.name);
                }
                list.updated = now;
                let shown = self.shown_list(&list, request);
                Answer::json(200, &json!({"updatedList": shown}))
            }
            ("PUT", ["update-list-filters"]) => {
                list.filters = body.get("filterBranch").cloned().unwrap_or_default();
                list.version += 1;
                list.updated = now;
                let shown = self.shown_list(&list, request);
                Answer::json(200, &json!({"updatedList": shown}))
            }
            ("DELETE", ["memberships"]) => {
                list.members.clear();
                Answer::empty()
            }
            ("GET", ["size-and-edits-history", "between"]) => {
                return Answer::json(200, &json!({"results": []}));
            }
            ("GET", ["schedule-conversion"]) => {
                return match &list.conversion {
                    Some(conversion) => Answer::json(200, &conversion_of(&list, conversion)),
                    None => self.not_found(),
                };
            }
            ("PUT", ["schedule-conversion"]) => {
                list.conversion = Some(body);
                let shown = list
                    .conversion
                    .as_ref()
                    .map(|conversion| conversion_of(&list, conversion));
                Answer::json(200, &shown)
            }
            ("DELETE", ["schedule-conversion"]) => {
                list.conversion = None;
                Answer::empty()
            }
            ("PUT", ["memberships", "add-from", source]) => {
                let source = self.lists.iter().find(|list| list.id.to_string() == **source);
                let Some(source) = source.map(|source| source.members.clone()) else {
                    return self.not_found();
                };
                for id in source.into_keys() {
                    list.members.entry(id).or_insert(now);
                }
                Answer::empty()
            }
            ("PUT", ["memberships", verb]) => {
                if list.processing == "DYNAMIC" {
                    return self.invalid("Memberships of a dynamic list can't be changed by hand");
                }
                let (add, remove) = match *verb {
                    "add" => (strings(Some(&body)), Vec::new()),
                    "remove" => (Vec::new(), strings(Some(&body))),
                    _ => (
                        strings(body.get("recordIdsToAdd")),
                        strings(body.get("recordIdsToRemove")),
                    ),
                };
                self.change_members(&mut list, &add, &remove, now)
            }
            _ => return self.not_found(),
        };
        if let Some(slot) = self.lists.get_mut(position) {
            *slot = list;
        }
        answer.touching(1)
    }

    fn change_members(&self, list: &mut RecordList, add: &[String], remove: &[String], now: Stamp) -> Answer {
        let (mut added, mut removed, mut missing) = (Vec::new(), Vec::new(), Vec::new());
        for id in add {
            match self.live_id(list.object, id) {
                Some(live) => {
                    if list.members.insert(live, now).is_none() {
                        added.push(id.clone());
                    }
                }
                None => missing.push(id.clone()),
            }
        }
        for id in remove {
            match id.parse::<u64>().ok().and_then(|id| list.members.remove(&id)) {
                Some(_) => removed.push(id.clone()),
                None => missing.push(id.clone()),
            }
        }
        list.updated = now;
        // Real answers spell it both ways.
        Answer::json(
            200,
            &json!({"recordsIdsAdded": added, "recordIdsAdded": added, "recordIdsRemoved": removed,
                "recordIdsMissing": missing}),
        )
    }

    fn members_page(&self, request: &ApiRequest, list: &RecordList) -> Answer {
        let limit = request
            .query("limit")
            .and_then(|limit| limit.parse().ok())
            .unwrap_or(100);
        let after: u64 = request.query("after").and_then(|after| after.parse().ok()).unwrap_or(0);
        let mut members = list.members.range(after..);
        let results: Vec<Value> = members
            .by_ref()
            .take(usize::min(limit, PAGE))
            .map(|(id, joined)| json!({"recordId": id.to_string(), "membershipTimestamp": joined.to_string()}))
            .collect();
        let mut body = json!({"results": results, "total": list.members.len()});
        if let (Some((next, _)), Some(fields)) = (members.next(), body.as_object_mut()) {
            let after = next.to_string();
            fields.insert(
                "paging".into(),
                json!({"next": {"link": request.link_to(&after), "after": after}}),
            );
        }
        Answer::json(200, &body)
    }
}
