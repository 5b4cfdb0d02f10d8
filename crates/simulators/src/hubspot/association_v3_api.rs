//! Associations as version 3 has them: types by name, one type at a time.

use serde_json::{Value, json};

use super::answer::Answer;
use super::association::Pair;
use super::portal::Portal;
use super::request::{ApiRequest, text_or_number};

impl Portal {
    /// Requests below `v3/associations/{from}/{to}`.
    pub(super) fn associations_v3(&mut self, request: &ApiRequest, pair: Pair, rest: &[&str]) -> Answer {
        match (request.method.as_str(), rest) {
            ("GET", ["types"]) => {
                let types = self.associations.types(pair).iter();
                let results: Vec<Value> = types
                    .map(|kind| json!({"id": kind.type_id.to_string(), "name": kind.name}))
                    .collect();
                Answer::json(200, &json!({"results": results}))
            }
            ("POST", ["batch", verb]) => {
                let body = match request.json() {
                    Ok(body) => body,
                    Err(message) => return self.problem(400, "", &message, Value::Null),
                };
                let inputs = body
                    .get("inputs")
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default();
                match *verb {
                    "read" => self.read_v3(pair, &inputs),
                    "create" => self.create_v3(pair, &inputs),
                    "archive" => self.archive_v3(pair, &inputs),
                    _ => self.not_found(),
                }
            }
            _ => self.not_found(),
        }
    }

    /// The links of one record as `{"id", "type"}`, once for each type.
    pub(super) fn links_v3(&self, pair: Pair, id: u64) -> Vec<Value> {
        let mut shown = Vec::new();
        for (linked, bits) in self.associations.links(pair, id, 0) {
            for kind in self.associations.shown(pair, bits) {
                shown.push(json!({"id": linked.to_string(), "type": kind.name}));
            }
        }
        shown
    }

    fn read_v3(&mut self, pair: Pair, inputs: &[Value]) -> Answer {
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        let (from, to) = (self.store(pair.0).object.type_id, self.store(pair.1).object.type_id);
        for input in inputs {
            let id = text_or_number(input.get("id")).unwrap_or_default();
            let links = self
                .live_id(pair.0, &id)
                .map(|id| self.links_v3(pair, id))
                .unwrap_or_default();
            if links.is_empty() {
                errors.push(json!({
                    "status": "error", "category": "OBJECT_NOT_FOUND", "links": {}, "errors": [],
                    "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
                    "message": format!("No {to} is associated with {from} {id}."),
                    "context": {"fromObjectId": [id], "fromObjectType": [from], "toObjectType": [to]},
                }));
            } else {
                results.push(json!({"from": {"id": id}, "to": links}));
            }
        }
        self.association_batch(200, &results, &errors)
    }

    /// The bit of a type by its name or number.
    pub(super) fn bit_named(&self, pair: Pair, name: &str) -> Option<u64> {
        let types = self.associations.types(pair);
        let position = types.iter().position(|kind| {
            kind.name.eq_ignore_ascii_case(name)
                || kind.type_id.to_string() == name
                || kind
                    .label
                    .as_deref()
                    .is_some_and(|label| label.eq_ignore_ascii_case(name))
        });
        position.and_then(|position| 1_u64.checked_shl(u32::try_from(position).ok()?))
    }

    fn create_v3(&mut self, pair: Pair, inputs: &[Value]) -> Answer {
        let now = self.now();
        let (mut results, mut errors, mut touched) = (Vec::new(), Vec::new(), 0);
        for input in inputs {
            let text = |side: &str| text_or_number(input.pointer(side)).unwrap_or_default();
            let (from, to, kind) = (text("/from/id"), text("/to/id"), text("/type"));
            let Some(bits) = self.bit_named(pair, &kind) else {
                return self.invalid(&format!("{kind} is not a valid association type"));
            };
            match (self.live_id(pair.0, &from), self.live_id(pair.1, &to)) {
                (Some(from_id), Some(to_id)) => {
                    self.link(pair, from_id, to_id, bits, now);
                    touched += 1;
                    results.push(json!({"from": {"id": from}, "to": {"id": to}, "type": kind}));
                }
                (found, _) => {
                    let (object, id) = if found.is_none() { (pair.0, from) } else { (pair.1, to) };
                    let upper = self.store(object).object.upper;
                    errors.push(json!({
                        "status": "error", "category": "VALIDATION_ERROR", "links": {}, "errors": [],
                        "subCategory": "crm.associations.INVALID_OBJECT_IDS",
                        "message": format!("{upper}={id} is not valid"), "context": {upper: [id]},
                    }));
                }
            }
        }
        self.association_batch(201, &results, &errors).touching(touched)
    }

    fn archive_v3(&mut self, pair: Pair, inputs: &[Value]) -> Answer {
        let now = self.now();
        let mut touched = 0;
        for input in inputs {
            let text = |side: &str| text_or_number(input.pointer(side)).unwrap_or_default();
            let bits = self.bit_named(pair, &text("/type")).unwrap_or(u64::MAX);
            let ends = (
                self.live_id(pair.0, &text("/from/id")),
                self.live_id(pair.1, &text("/to/id")),
            );
            if let (Some(from), Some(to)) = ends {
                self.unlink(pair, from, to, bits, now);
                touched += 1;
            }
        }
        Answer::empty().touching(touched)
    }
}
