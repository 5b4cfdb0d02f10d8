//! Associations: of one record, in batches, and their labels.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::portal::Portal;
use super::request::{ApiRequest, Version, text_or_number};

/// The most links of one page.
const PAGE: usize = 500;

impl Portal {
    /// Requests below `objects/{type}/{id}/associations`.
    pub(super) fn record_associations(
        &mut self,
        request: &ApiRequest,
        object: usize,
        id: &str,
        rest: &[&str],
    ) -> Answer {
        let now = self.now();
        match (request.method.as_str(), rest) {
            ("GET", [to]) => {
                let Some(other) = self.object(to) else {
                    return self.unknown_type(to);
                };
                let Some(id) = self.live_id(object, id) else {
                    return self.not_found();
                };
                if request.path.starts_with("/crm/v3/") {
                    return Answer::json(200, &json!({"results": self.links_v3((object, other), id)}));
                }
                let limit = request
                    .query("limit")
                    .and_then(|limit| limit.parse().ok())
                    .unwrap_or(PAGE)
                    .clamp(1, PAGE);
                let after = request.query("after").and_then(|after| after.parse().ok()).unwrap_or(0);
                let (results, next) = self.links_page(request.version, (object, other), id, after, limit);
                let mut body = Map::new();
                body.insert("results".into(), results.into());
                if let Some(next) = next {
                    let link = request.link_to(&next);
                    body.insert("paging".into(), json!({"next": {"after": next, "link": link}}));
                }
                Answer::json(200, &Value::Object(body))
            }
            ("PUT", ["default", to, to_id]) => {
                let Some(other) = self.object(to) else {
                    return self.unknown_type(to);
                };
                let (Some(id), Some(to_id)) = (self.live_id(object, id), self.live_id(other, to_id)) else {
                    return self.not_found();
                };
                self.link((object, other), id, to_id, 1, now);
                let results = self.default_link((object, other), id, to_id);
                self.association_batch(200, &results, &[]).touching(1)
            }
            ("PUT", [to, to_id]) => {
                let Some(other) = self.object(to) else {
                    return self.unknown_type(to);
                };
                let (Some(id), Some(to_id)) = (self.live_id(object, id), self.live_id(other, to_id)) else {
                    return self.not_found();
                };
                let types = match request.json() {
                    Ok(types) => types,
                    Err(message) => return self.problem(400, "", &message, Value::Null),
                };
                match self.bits((object, other), &types) {
                    Ok(bits) => {
                        self.link((object, other), id, to_id, bits, now);
                        let body = self.labelled_link((object, other), id, to_id, bits);
                        Answer::json(201, &body).touching(1)
                    }
                    Err(message) => self.invalid(&message),
                }
            }
            ("PUT" | "DELETE", [to, to_id, kind]) if request.path.starts_with("/crm/v3/") => {
                let Some(other) = self.object(to) else {
                    return self.unknown_type(to);
                };
                let (Some(id), Some(to_id)) = (self.live_id(object, id), self.live_id(other, to_id)) else {
                    return self.not_found();
                };
                let Some(bits) = self.bit_named((object, other), kind) else {
                    return self.invalid(&format!("{kind} is not a valid association type"));
                };
                if request.method == "DELETE" {
                    self.unlink((object, other), id, to_id, bits, now);
                    return Answer::empty().touching(1);
                }
                self.link((object, other), id, to_id, bits, now);
                match self.store(object).live(id).cloned() {
                    Some(record) => {
                        let links = json!({"results": self.links_v3((object, other), id)});
                        let plural = self.store(other).object.plural;
                        let body = json!({"id": id.to_string(), "properties": {"hs_object_id": id.to_string()},
                            "createdAt": record.created.to_string(), "updatedAt": record.modified.to_string(),
                            "archived": false, "associations": {plural: links}});
                        Answer::json(200, &body).touching(1)
                    }
                    None => self.not_found(),
                }
            }
            ("DELETE", [to, to_id]) => {
                let Some(other) = self.object(to) else {
                    return self.unknown_type(to);
                };
                if let (Some(id), Some(to_id)) = (self.live_id(object, id), self.live_id(other, to_id)) {
                    self.unlink((object, other), id, to_id, u64::MAX, now);
                }
                Answer::empty().touching(1)
            }
            _ => self.not_found(),
        }
    }

    /// Requests below `associations/{from}/{to}`.
    pub(super) fn associations_request(&mut self, request: &ApiRequest, from: &str, to: &str, rest: &[&str]) -> Answer {
        let Some(object) = self.object(from) else {
            return self.unknown_type(from);
        };
        let Some(other) = self.object(to) else {
            return self.unknown_type(to);
        };
        let pair = (object, other);
        if request.path.starts_with("/crm/v3/") {
            return self.associations_v3(request, pair, rest);
        }
        match (request.method.as_str(), rest) {
            ("GET", ["labels"]) => {
                let results: Vec<Value> = self
                    .associations
                    .types(pair)
                    .iter()
                    .filter(|kind| !kind.removed)
                    .map(super::association::LinkType::json)
                    .collect();
                Answer::json(200, &json!({"results": results}))
            }
            ("PUT", ["labels"]) => {
                let body = request.json().unwrap_or_default();
                let type_id = body.get("associationTypeId").and_then(Value::as_u64).unwrap_or(0);
                let label = text_or_number(body.get("label")).unwrap_or_default();
                if !self.associations.rename(pair, type_id, &label) {
                    return self.not_found();
                }
                if let Some(inverse) = text_or_number(body.get("inverseLabel")) {
                    self.associations.rename((pair.1, pair.0), type_id + 1, &inverse);
                }
                Answer::empty().touching(1)
            }
            ("DELETE", ["labels", id]) => {
                if let Ok(id) = id.parse() {
                    self.associations.remove_type(pair.0, id);
                }
                Answer::empty().touching(1)
            }
            ("POST", ["labels"]) => self.create_label(request, pair),
            ("POST", ["batch", tail @ ..]) => self.association_batches(request, pair, tail),
            _ => self.not_found(),
        }
    }

    fn create_label(&mut self, request: &ApiRequest, pair: (usize, usize)) -> Answer {
        let body = match request.json() {
            Ok(body) => body,
            Err(message) => return self.problem(400, "", &message, Value::Null),
        };
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        let (Some(name), Some(label)) = (text("name"), text("label")) else {
            return self.invalid("Some required fields were not set: [name, label]");
        };
        if self.associations.types(pair).len() >= 50 {
            return self.invalid("The limit of association labels for this pair is reached");
        }
        let inverse = text("inverseLabel");
        let (forward, backward) = self.associations.add_label(pair, name, label, inverse);
        let mut results = vec![json!({"category": "USER_DEFINED", "typeId": forward, "label": label})];
        if backward != forward {
            results.push(json!({"category": "USER_DEFINED", "typeId": backward, "label": inverse.unwrap_or(label)}));
        }
        Answer::json(200, &json!({"results": results}))
    }

    fn association_batches(&mut self, request: &ApiRequest, pair: (usize, usize), tail: &[&str]) -> Answer {
        let body = match request.json() {
            Ok(body) => body,
            Err(message) => return self.problem(400, "", &message, Value::Null),
        };
        let inputs = body
            .get("inputs")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let most = match tail {
            ["read"] => 1_000,
            ["archive"] => 100,
            _ => 2_000,
        };
        if inputs.len() > most {
            let message = format!("The maximum number of inputs supported in a batch request is {most}");
            return self.invalid(&message);
        }
        match tail {
            ["read"] => self.read_links(request.version, pair, &inputs),
            ["create"] | ["associate", "default"] => self.create_links(pair, &inputs, tail == ["create"]),
            ["archive"] | ["labels", "archive"] => self.archive_links(pair, &inputs, tail == ["archive"]),
            _ => self.not_found(),
        }
    }

    fn read_links(&mut self, version: Version, pair: (usize, usize), inputs: &[Value]) -> Answer {
        let mut results: Vec<Value> = Vec::new();
        let mut errors: Vec<Value> = Vec::new();
        let (from_id, to_id) = (self.store(pair.0).object.type_id, self.store(pair.1).object.type_id);
        for input in inputs {
            let id = text_or_number(input.get("id")).unwrap_or_default();
            let after = text_or_number(input.get("after"))
                .and_then(|after| after.parse().ok())
                .unwrap_or(0);
            let live = self.live_id(pair.0, &id);
            let (links, next) = match live {
                Some(live) => self.links_page(version, pair, live, after, PAGE),
                None => (Vec::new(), None),
            };
            if links.is_empty() {
                errors.push(json!({
                    "status": "error",
                    "category": "OBJECT_NOT_FOUND",
                    "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
                    "message": format!("No {to_id} is associated with {from_id} {id}."),
                    "context": {"fromObjectId": [id], "fromObjectType": [from_id], "toObjectType": [to_id]},
                }));
                continue;
            }
            let mut result = json!({"from": {"id": id}, "to": links});
            if let (Some(next), Some(fields)) = (next, result.as_object_mut()) {
                fields.insert("paging".into(), json!({"next": {"after": next}}));
            }
            results.push(result);
        }
        self.association_batch(200, &results, &errors)
    }

    fn create_links(&mut self, pair: (usize, usize), inputs: &[Value], labelled: bool) -> Answer {
        let now = self.now();
        let mut results = Vec::new();
        let mut errors = Vec::new();
        let mut touched = 0;
        for input in inputs {
            let text = |side: &str| text_or_number(input.pointer(&format!("/{side}/id"))).unwrap_or_default();
            let (from, to) = (text("from"), text("to"));
            let bits = if labelled {
                match self.bits(pair, input.get("types").unwrap_or(&Value::Null)) {
                    Ok(bits) => bits,
                    Err(message) => return self.invalid(&message),
                }
            } else {
                1
            };
            let (Some(from_id), Some(to_id)) = (self.live_id(pair.0, &from), self.live_id(pair.1, &to)) else {
                let missing = if self.live_id(pair.0, &from).is_none() {
                    (pair.0, from)
                } else {
                    (pair.1, to)
                };
                let upper = self.store(missing.0).object.upper;
                errors.push(json!({
                    "status": "error",
                    "category": "VALIDATION_ERROR",
                    "subCategory": "crm.associations.INVALID_OBJECT_IDS",
                    "message": format!("{upper}={} is not valid", missing.1),
                    "context": {upper: [missing.1]},
                }));
                continue;
            };
            self.link(pair, from_id, to_id, bits, now);
            touched += 1;
            if labelled {
                results.push(self.labelled_link(pair, from_id, to_id, bits));
            } else {
                results.extend(self.default_link(pair, from_id, to_id));
            }
        }
        self.association_batch(if labelled { 201 } else { 200 }, &results, &errors)
            .touching(touched)
    }

    fn archive_links(&mut self, pair: (usize, usize), inputs: &[Value], all: bool) -> Answer {
        let now = self.now();
        let mut touched = 0;
        for input in inputs {
            let bits = if all {
                u64::MAX
            } else {
                match self.bits(pair, input.get("types").unwrap_or(&Value::Null)) {
                    Ok(bits) => bits,
                    Err(message) => return self.invalid(&message),
                }
            };
            let from = text_or_number(input.pointer("/from/id")).unwrap_or_default();
            let targets: Vec<String> = match input.get("to") {
                Some(Value::Array(list)) => list.iter().filter_map(|to| text_or_number(to.get("id"))).collect(),
                Some(to) => text_or_number(to.get("id")).into_iter().collect(),
                None => Vec::new(),
            };
            for to in targets {
                if let (Some(from), Some(to)) = (self.live_id(pair.0, &from), self.live_id(pair.1, &to)) {
                    self.unlink(pair, from, to, bits, now);
                    touched += 1;
                }
            }
        }
        Answer::empty().touching(touched)
    }

    pub(super) fn live_id(&self, object: usize, text: &str) -> Option<u64> {
        self.store(object).live(text.parse().ok()?).map(|record| record.id)
    }

    /// A page of links with the id that the next page begins with.
    fn links_page(
        &self,
        version: Version,
        pair: (usize, usize),
        id: u64,
        after: u64,
        limit: usize,
    ) -> (Vec<Value>, Option<String>) {
        let mut links = self.associations.links(pair, id, after);
        let results = links
            .by_ref()
            .take(limit)
            .map(|(linked, bits)| {
                let types: Vec<Value> = self
                    .associations
                    .shown(pair, bits)
                    .into_iter()
                    .map(super::association::LinkType::json)
                    .collect();
                // A number in v4, a string since the dated versions.
                let shown = match version {
                    Version::Numbered => Value::from(linked),
                    _ => Value::from(linked.to_string()),
                };
                json!({"toObjectId": shown, "associationTypes": types})
            })
            .collect();
        (results, links.next().map(|(linked, _)| linked.to_string()))
    }

    fn bits(&self, pair: (usize, usize), types: &Value) -> Result<u64, String> {
        let types = types.as_array().filter(|types| !types.is_empty());
        let Some(types) = types else {
            return Err("Some required fields were not set: [types]".to_owned());
        };
        let mut bits = 0;
        for wanted in types {
            let category = wanted
                .get("associationCategory")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let type_id = wanted.get("associationTypeId").and_then(Value::as_u64).unwrap_or(0);
            match self.associations.bit(pair, category, type_id) {
                Some(bit) => bits |= 1 << bit,
                None => {
                    let (from, to) = (self.store(pair.0).object.type_id, self.store(pair.1).object.type_id);
                    return Err(format!(
                        "No association type with category {category} and id {type_id} exists from {from} to {to}"
                    ));
                }
            }
        }
        Ok(bits)
    }

    fn labelled_link(&self, pair: (usize, usize), from: u64, to: u64, bits: u64) -> Value {
        let labels: Vec<&str> = self
            .associations
            .shown(pair, bits)
            .into_iter()
            .filter_map(|link_type| link_type.label.as_deref())
            .collect();
        json!({
            "fromObjectTypeId": self.store(pair.0).object.type_id,
            "fromObjectId": from.to_string(),
            "toObjectTypeId": self.store(pair.1).object.type_id,
            "toObjectId": to.to_string(),
            "labels": labels,
        })
    }

    /// A default link is told from both ends.
    fn default_link(&self, pair: (usize, usize), from: u64, to: u64) -> Vec<Value> {
        [(pair, from, to), ((pair.1, pair.0), to, from)]
            .into_iter()
            .filter_map(|(pair, from, to)| {
                let link_type = self.associations.types(pair).first()?;
                Some(json!({
                    "from": {"id": from.to_string()},
                    "to": {"id": to.to_string()},
                    "associationSpec": {
                        "associationCategory": link_type.category,
                        "associationTypeId": link_type.type_id,
                    },
                }))
            })
            .collect()
    }

    pub(super) fn association_batch(&self, status: u16, results: &[Value], errors: &[Value]) -> Answer {
        let now = self.now().to_string();
        let mut body: BTreeMap<&str, Value> = BTreeMap::from([
            ("completedAt", now.clone().into()),
            ("startedAt", now.into()),
            ("status", "COMPLETE".into()),
            ("results", results.into()),
        ]);
        if !errors.is_empty() {
            body.insert("errors", errors.into());
            body.insert("numErrors", errors.len().into());
        }
        Answer::json(if errors.is_empty() { status } else { 207 }, &body)
    }
}
