//! List, read, create, update and archive single records; merge and erase.

use std::ops::Bound;
use std::sync::Arc;

use rand::RngExt;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::portal::Portal;
use super::request::{ApiRequest, Version, text_or_number};
use super::store::Shelf;
use super::view::{Frame, Shown, all_columns, columns, written_columns};
use super::write::Refusal;
use crate::fault::Fault;

/// Type, other record, link bit: an association that a create asks for.
pub(super) type WantedLink = (usize, u64, u32);

impl Portal {
    /// Requests below `objects/{type}`.
    pub(super) fn objects(&mut self, request: &ApiRequest, object: usize, rest: &[&str]) -> Answer {
        match (request.method.as_str(), rest) {
            ("GET", []) => self.list(request, object),
            ("POST", []) => self.create(request, object),
            ("POST", ["search"]) => self.search(request, object),
            ("POST", ["merge"]) => self.merge_request(request, object),
            ("POST", ["gdpr-delete"]) => self.gdpr_delete(request, object),
            ("POST", ["batch", "read"]) => self.batch_read(request, object),
            ("POST", ["batch", "create"]) => self.batch_create(request, object),
            ("POST", ["batch", "update"]) => self.batch_update(request, object),
            ("POST", ["batch", "upsert"]) => self.batch_upsert(request, object),
            ("POST", ["batch", "archive"]) => self.batch_archive(request, object),
            ("GET", [id]) => self.read(request, object, id),
            ("PATCH", [id]) => self.update(request, object, id),
            ("DELETE", [id]) => {
                let now = self.now();
                // Unknown and archived ids are answered alike: the record is not there any more.
                let done = id
                    .parse()
                    .is_ok_and(|id| self.archive(object, id, &request.author, now));
                Answer::empty().touching(u64::from(done))
            }
            (_, [id, "associations", rest @ ..]) => self.record_associations(request, object, id, rest),
            _ => self.not_found(),
        }
    }

    fn list(&mut self, request: &ApiRequest, object: usize) -> Answer {
        let history = request.query_list("propertiesWithHistory");
        let most = if history.is_empty() { 100 } else { 50 };
        let limit = match request.query("limit").map_or(Ok(10), str::parse::<usize>) {
            Ok(limit) if (1..=most).contains(&limit) => limit,
            _ => return self.invalid(&format!("Invalid limit: it must be a number from 1 to {most}.")),
        };
        let Ok(after) = request.query("after").map_or(Ok(0), str::parse::<u64>) else {
            let after = request.query("after").unwrap_or_default();
            return self.invalid(&format!(
                "Cannot deserialize value of type `long` from String \"{after}\""
            ));
        };
        let wanted = match self.association_types(request) {
            Ok(wanted) => wanted,
            Err(answer) => return answer,
        };
        let shelf = if request.flag("archived") {
            Shelf::Archived
        } else {
            Shelf::Live
        };
        let store = self.store(object);
        let columns = columns(
            &store.object,
            request.query_list("properties").iter().map(String::as_str),
        );
        let frame = Frame {
            portal: self.id,
            nulls: self.behaviour.unset_properties_are_null,
            store,
            columns: &columns,
            history: &history,
        };
        let mut records = store.shelf(shelf).range((Bound::Included(after), Bound::Unbounded));
        let results: Vec<Shown<'_>> = records
            .by_ref()
            .take(limit)
            .map(|(id, record)| Shown {
                frame: &frame,
                record,
                associations: self.inline_associations(object, *id, &wanted),
                trace: None,
                new: None,
            })
            .collect();
        let next = records.next().map(|(id, _)| id.to_string());
        Answer::json(200, &page(&results, next.map(|after| (request.link_to(&after), after))))
    }

    fn read(&mut self, request: &ApiRequest, object: usize, id: &str) -> Answer {
        let id = match self.identify(object, id, request.query("idProperty"), true) {
            Ok(id) => id,
            Err(answer) => return answer,
        };
        let wanted = match self.association_types(request) {
            Ok(wanted) => wanted,
            Err(answer) => return answer,
        };
        let store = self.store(object);
        let found = id.and_then(|id| {
            if request.flag("archived") {
                store.archived(id)
            } else {
                store.live(id)
            }
        });
        let Some(record) = found.cloned() else {
            return self.not_found();
        };
        let history = request.query_list("propertiesWithHistory");
        let store = self.store(object);
        let columns = columns(
            &store.object,
            request.query_list("properties").iter().map(String::as_str),
        );
        let frame = Frame {
            portal: self.id,
            nulls: self.behaviour.unset_properties_are_null,
            store,
            columns: &columns,
            history: &history,
        };
        let associations = self.inline_associations(object, record.id, &wanted);
        Answer::json(
            200,
            &Shown {
                frame: &frame,
                record: &record,
                associations,
                trace: None,
                new: None,
            },
        )
    }

    /// The object types named by the `associations` parameter.
    fn association_types(&mut self, request: &ApiRequest) -> Result<Vec<usize>, Answer> {
        let mut wanted = Vec::new();
        for name in request.query_list("associations") {
            match self.object(&name) {
                Some(object) => wanted.push(object),
                None => return Err(self.unknown_type(&name)),
            }
        }
        Ok(wanted)
    }

    /// The id that a path segment means, by id or by a unique property. `None` when no live record has the value.
    ///
    /// # Errors
    /// The 400 for a property that does not identify records.
    pub(super) fn identify(
        &mut self,
        object: usize,
        text: &str,
        id_property: Option<&str>,
        email_allowed: bool,
    ) -> Result<Option<u64>, Answer> {
        let Some(name) = id_property.filter(|name| *name != "hs_object_id" || !email_allowed) else {
            return Ok(text.parse().ok());
        };
        let store = self.store(object);
        let number = store
            .identifies(name)
            .filter(|number| email_allowed || Some(*number) != store.email());
        match number {
            Some(number) => Ok(store.owner_of(number, text)),
            None => {
                let type_id = store.object.type_id;
                let message = format!("Unable to perform update/upsert by non-unique {type_id} property \"{name}\"");
                Err(self.invalid(&message))
            }
        }
    }

    fn create(&mut self, request: &ApiRequest, object: usize) -> Answer {
        let body = match request.record() {
            Ok(body) => body,
            Err(message) => return self.problem(400, "", &message, Value::Null),
        };
        if let Some(answer) = self.locked() {
            return answer;
        }
        let properties = properties_of(&body);
        if let Some(rule) = self.rule(&properties) {
            return self.refused(object, &rule);
        }
        let now = self.now();
        let checked = self.check(object, None, &properties).and_then(|changes| {
            self.check_required(object, &changes, request.version == Version::Dated2026September)?;
            self.check_unique(object, None, &changes)?;
            let links = self.wanted_links(object, &body)?;
            Ok((changes, links))
        });
        match checked {
            Ok((changes, links)) => {
                let id = self.insert(object, &changes, &request.author, now);
                for (other, linked, bit) in links {
                    self.link((object, other), id, linked, 1 << bit, now);
                }
                self.written(201, object, id, None)
            }
            Err(refusal) => self.refused(object, &refusal),
        }
    }

    fn update(&mut self, request: &ApiRequest, object: usize, id: &str) -> Answer {
        let body = match request.record() {
            Ok(body) => body,
            Err(message) => return self.problem(400, "", &message, Value::Null),
        };
        let id = match self.identify(object, id, request.query("idProperty"), true) {
            Ok(id) => id,
            Err(answer) => return answer,
        };
        if let Some(answer) = self.locked() {
            return answer;
        }
        let properties = properties_of(&body);
        let now = self.now();
        let rule = self.rule(&properties);
        let Some(record) = id.and_then(|id| self.store(object).live(id)).map(Arc::clone) else {
            return self.not_found();
        };
        if let Some(rule) = rule {
            return self.refused(object, &rule);
        }
        let written = self.check(object, Some(&record), &properties).and_then(|changes| {
            self.check_unique(object, Some(record.id), &changes)?;
            self.modify(object, record.id, &changes, &request.author, now)
        });
        match written {
            Ok(id) => self.written(200, object, id, Some(&properties)),
            Err(refusal) => self.refused(object, &refusal),
        }
    }

    /// The answer to a single write: everything after a create, what was written after an update.
    fn written(&mut self, status: u16, object: usize, id: u64, updated: Option<&Map<String, Value>>) -> Answer {
        let Some(record) = self.store(object).live(id).cloned() else {
            return self.not_found();
        };
        let store = self.store(object);
        let columns = match updated {
            Some(properties) => written_columns(&store.object, properties.keys().map(String::as_str)),
            None => all_columns(&store.object, &record),
        };
        let frame = Frame {
            portal: self.id,
            nulls: self.behaviour.unset_properties_are_null,
            store,
            columns: &columns,
            history: &[],
        };
        let shown = Shown {
            frame: &frame,
            record: &record,
            associations: None,
            trace: None,
            new: None,
        };
        Answer::json(status, &shown).touching(1)
    }

    fn merge_request(&mut self, request: &ApiRequest, object: usize) -> Answer {
        let body = match request.json() {
            Ok(body) => body,
            Err(message) => return self.problem(400, "", &message, Value::Null),
        };
        let id = |key: &str| text_or_number(body.get(key)).and_then(|id| id.parse::<u64>().ok());
        let (Some(primary), Some(other)) = (id("primaryObjectId"), id("objectIdToMerge")) else {
            return self.invalid("primaryObjectId and objectIdToMerge must be object ids");
        };
        let now = self.now();
        match self.merge(object, primary, other, now) {
            Ok(survivor) => {
                let mut answer = self.written(200, object, survivor, None);
                answer.touched = 2;
                answer
            }
            Err(refusal) => self.refused(object, &refusal),
        }
    }

    fn gdpr_delete(&mut self, request: &ApiRequest, object: usize) -> Answer {
        let body = match request.json() {
            Ok(body) => body,
            Err(message) => return self.problem(400, "", &message, Value::Null),
        };
        let Some(text) = text_or_number(body.get("objectId")) else {
            return self.invalid("objectId is required");
        };
        let id_property = text_or_number(body.get("idProperty"));
        let id = match self.identify(object, &text, id_property.as_deref(), true) {
            Ok(id) => id,
            Err(answer) => return answer,
        };
        let now = self.now();
        let erased = id.is_some_and(|id| self.erase(object, id, now));
        Answer::empty().touching(u64::from(erased))
    }

    /// The associations that a create asks for.
    ///
    /// # Errors
    /// [`Refusal::Rule`] for an unknown type of link or a record that does not exist.
    pub(super) fn wanted_links(&self, object: usize, input: &Value) -> Result<Vec<WantedLink>, Refusal> {
        let mut wanted = Vec::new();
        for association in input
            .get("associations")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let target = text_or_number(association.pointer("/to/id")).and_then(|id| id.parse::<u64>().ok());
            for link_type in association.get("types").and_then(Value::as_array).into_iter().flatten() {
                let category = link_type
                    .get("associationCategory")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let type_id = link_type.get("associationTypeId").and_then(Value::as_u64).unwrap_or(0);
                let found = (0..self.stores.len())
                    .find_map(|other| Some((other, self.associations.bit((object, other), category, type_id)?)));
                let Some((other, bit)) = found else {
                    let from = self.store(object).object.type_id;
                    return Err(Refusal::Rule(format!(
                        "No association type with category {category} and id {type_id} exists for {from}"
                    )));
                };
                match target.and_then(|id| self.store(other).live(id)) {
                    Some(record) => wanted.push((other, record.id, bit)),
                    None => {
                        let upper = self.store(other).object.upper;
                        let id = text_or_number(association.pointer("/to/id")).unwrap_or_default();
                        return Err(Refusal::Rule(format!("{upper}={id} is not valid")));
                    }
                }
            }
        }
        Ok(wanted)
    }

    /// The 423 of a record that somebody else holds.
    pub(super) fn locked(&mut self) -> Option<Answer> {
        if !self.faults.strike(Fault::RowLock) {
            return None;
        }
        let message = "The record is locked by another operation. Please retry in a moment.";
        Some(self.problem(423, "LOCKED", message, Value::Null))
    }

    /// Whether a rule of the portal's administrator refuses this write.
    pub(super) fn rule(&mut self, properties: &Map<String, Value>) -> Option<Refusal> {
        self.faults.strike(Fault::Validation).then(|| broken_rule(properties))
    }

    /// Which of `count` records the validation fault refuses, if any.
    pub(super) fn rule_victim(&mut self, count: usize) -> Option<usize> {
        (count > 0 && self.faults.strike(Fault::Validation)).then(|| self.dice.random_range(0..count))
    }
}

/// The refusal of a record by a validation rule on one of the properties that it writes.
pub(super) fn broken_rule(properties: &Map<String, Value>) -> Refusal {
    let name = properties.keys().next().map_or("hs_object_id", String::as_str);
    let message = format!("The value of \"{name}\" breaks a property validation rule of this account");
    Refusal::Properties(vec![super::value::PropertyError::new(
        name,
        "PROPERTY_VALIDATION_RULE",
        message,
    )])
}

/// The properties of a write; absent means none.
pub(super) fn properties_of(input: &Value) -> Map<String, Value> {
    input
        .get("properties")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

/// A page of results with the cursor to the next one.
#[derive(serde::Serialize)]
pub(super) struct Page<'a, T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<usize>,
    pub(super) results: &'a [T],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) paging: Option<Value>,
}

pub(super) fn page<T>(results: &[T], next: Option<(String, String)>) -> Page<'_, T> {
    let paging = next.map(|(link, after)| json!({"next": {"after": after, "link": link}}));
    Page {
        total: None,
        results,
        paging,
    }
}
