//! Batch writes of up to 100 records: create, update, upsert, archive.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::answer::{Answer, missing_message};
use super::batch_answer::Outcome;
use super::objects_api::{WantedLink, broken_rule, properties_of};
use super::portal::Portal;
use super::request::{ApiRequest, Version, text_or_number};
use super::view::{Column, columns};
use super::write::{Change, Refusal};

/// The most inputs of one batch.
pub(super) const MOST: usize = 100;

/// One input of a create, update or upsert.
struct Input {
    body: Value,
    properties: Map<String, Value>,
    id: Option<String>,
    id_property: Option<String>,
    trace: Option<String>,
}

/// A create that passed every check.
type Ready = (Vec<Change>, Vec<WantedLink>);

impl Portal {
    /// The inputs of a batch write.
    fn inputs(&mut self, request: &ApiRequest) -> Result<Vec<Input>, Answer> {
        let body = request
            .json()
            .map_err(|message| self.problem(400, "", &message, Value::Null))?;
        let Some(inputs) = body.get("inputs").and_then(Value::as_array) else {
            return Err(self.invalid("Some required fields were not set: [inputs]"));
        };
        if inputs.len() > MOST {
            let message = format!("The maximum number of inputs supported in a batch request is {MOST}");
            return Err(self.invalid(&message));
        }
        let inputs: Vec<Input> = inputs
            .iter()
            .map(|input| Input {
                properties: properties_of(input),
                id: text_or_number(input.get("id")),
                id_property: text_or_number(input.get("idProperty")).filter(|name| !name.is_empty()),
                trace: text_or_number(input.get("objectWriteTraceId")),
                body: input.clone(),
            })
            .collect();
        let mut seen = BTreeSet::new();
        let twice: BTreeSet<&str> = inputs
            .iter()
            .filter_map(|input| input.id.as_deref())
            .filter(|id| !seen.insert(*id))
            .collect();
        if !twice.is_empty() {
            let ids: Vec<&str> = twice.into_iter().collect();
            let message = format!(
                "Duplicate IDs found in batch input: [{}]. IDs must be unique",
                ids.join(", ")
            );
            return Err(self.problem(400, "VALIDATION_ERROR", &message, json!({"context": {"ids": ids}})));
        }
        Ok(inputs)
    }

    /// The columns of an answer to a batch write: everything written by any input, and the source.
    fn batch_columns(&self, object: usize, inputs: &[Input], created: bool) -> Vec<Column> {
        let mut names: BTreeSet<&str> = inputs
            .iter()
            .flat_map(|input| input.properties.keys().map(String::as_str))
            .collect();
        names.extend(["hs_object_source", "hs_object_source_id", "hs_object_source_label"]);
        if created {
            names.extend([
                "hs_all_contact_vids",
                "hs_email_domain",
                "hs_is_contact",
                "hs_is_unworked",
                "hs_pipeline",
                "website",
            ]);
        }
        columns(&self.store(object).object, names.into_iter())
    }

    fn outcome(&self, object: usize, id: u64, trace: Option<String>, new: Option<bool>) -> Option<Outcome> {
        let record = Arc::clone(self.store(object).live(id)?);
        Some(Outcome { record, trace, new })
    }

    fn check_create(&self, object: usize, input: &Input, version: Version) -> Result<Ready, Refusal> {
        let changes = self.check(object, None, &input.properties)?;
        self.check_new(object, input, changes, version)
    }

    /// What a new record must pass besides its values.
    fn check_new(
        &self,
        object: usize,
        input: &Input,
        changes: Vec<Change>,
        version: Version,
    ) -> Result<Ready, Refusal> {
        self.check_required(object, &changes, version == Version::Dated2026September)?;
        self.check_unique(object, None, &changes)?;
        Ok((changes, self.wanted_links(object, &input.body)?))
    }

    fn create_one(&mut self, request: &ApiRequest, object: usize, (changes, links): Ready) -> u64 {
        let now = self.now();
        let id = self.insert(object, &changes, &request.author, now);
        for (other, linked, bit) in links {
            self.link((object, other), id, linked, 1 << bit, now);
        }
        id
    }

    pub(super) fn batch_create(&mut self, request: &ApiRequest, object: usize) -> Answer {
        let inputs = match self.inputs(request) {
            Ok(inputs) => inputs,
            Err(answer) => return answer,
        };
        if let Some(answer) = self.locked() {
            return answer;
        }
        let traces: BTreeSet<&str> = inputs.iter().filter_map(|input| input.trace.as_deref()).collect();
        let partial = !inputs.is_empty() && traces.len() == inputs.len();
        let victim = self.rule_victim(inputs.len());
        let columns = self.batch_columns(object, &inputs, true);
        let mut errors = Vec::new();
        let mut outcomes = Vec::new();
        if partial {
            for (position, input) in inputs.iter().enumerate() {
                let checked = if victim == Some(position) {
                    Err(broken_rule(&input.properties))
                } else {
                    self.check_create(object, input, request.version)
                };
                match checked {
                    Ok(ready) => {
                        let id = self.create_one(request, object, ready);
                        outcomes.extend(self.outcome(object, id, input.trace.clone(), None));
                    }
                    Err(refusal) => errors.push(self.batch_error(object, &refusal, input.trace.as_deref(), None)),
                }
            }
        } else {
            // Without trace ids it is all or nothing.
            if let Some(input) = victim.and_then(|victim| inputs.get(victim)) {
                return self.refused(object, &broken_rule(&input.properties));
            }
            let mut ready = Vec::new();
            let mut property_errors = Vec::new();
            for input in &inputs {
                match self.check_create(object, input, request.version) {
                    Ok(checked) => ready.push(checked),
                    Err(Refusal::Properties(errors)) => property_errors.extend(errors),
                    Err(refusal) => return self.refused(object, &refusal),
                }
            }
            if !property_errors.is_empty() {
                return self.refused(object, &Refusal::Properties(property_errors));
            }
            if let Some(refusal) = self.taken_twice(object, &ready) {
                return self.refused(object, &refusal);
            }
            for checked in ready {
                let id = self.create_one(request, object, checked);
                outcomes.extend(self.outcome(object, id, None, None));
            }
        }
        let touched = outcomes.len();
        self.batch_answer((201, request.version), object, outcomes, &errors, &columns, &[])
            .touching(touched as u64)
    }

    /// Two inputs that claim one unique value.
    fn taken_twice(&self, object: usize, ready: &[Ready]) -> Option<Refusal> {
        let store = self.store(object);
        let mut claimed: BTreeSet<(u32, &str)> = BTreeSet::new();
        for (changes, _) in ready {
            for (number, value) in changes {
                let Some(property) = store.object.properties.numbered(*number) else {
                    continue;
                };
                let Some(value) = value else { continue };
                if (property.unique || Some(*number) == store.email()) && !claimed.insert((*number, value)) {
                    let name = &property.name;
                    return Some(Refusal::Rule(format!(
                        "Duplicate values found in batch input for unique property {name}: [{value}]"
                    )));
                }
            }
        }
        None
    }

    pub(super) fn batch_update(&mut self, request: &ApiRequest, object: usize) -> Answer {
        let inputs = match self.inputs(request) {
            Ok(inputs) => inputs,
            Err(answer) => return answer,
        };
        let mut targets = Vec::with_capacity(inputs.len());
        for input in &inputs {
            let text = input.id.as_deref().unwrap_or_default();
            match self.identify(object, text, input.id_property.as_deref(), false) {
                Ok(id) => targets.push(id),
                Err(answer) => return answer,
            }
        }
        self.write_batch(request, object, &inputs, &targets, false)
    }

    pub(super) fn batch_upsert(&mut self, request: &ApiRequest, object: usize) -> Answer {
        let mut inputs = match self.inputs(request) {
            Ok(inputs) => inputs,
            Err(answer) => return answer,
        };
        let mut targets = Vec::with_capacity(inputs.len());
        for input in &mut inputs {
            let (Some(id), Some(name)) = (input.id.clone(), input.id_property.clone()) else {
                return self.invalid("Some required fields were not set: [id, idProperty]");
            };
            match self.identify(object, &id, Some(&name), true) {
                Ok(target) => targets.push(target),
                Err(answer) => return answer,
            }
            // The key that was looked for is also the value to store.
            input.properties.entry(name).or_insert(Value::String(id));
        }
        self.write_batch(request, object, &inputs, &targets, true)
    }

    /// Updates the targets; what has none is created by an upsert and missing for an update.
    fn write_batch(
        &mut self,
        request: &ApiRequest,
        object: usize,
        inputs: &[Input],
        targets: &[Option<u64>],
        upsert: bool,
    ) -> Answer {
        if let Some(answer) = self.locked() {
            return answer;
        }
        // A property that does not fit fails the whole call, whichever record it belongs to.
        let mut property_errors = Vec::new();
        let mut checked = Vec::with_capacity(inputs.len());
        for (input, target) in inputs.iter().zip(targets) {
            let record = target.and_then(|id| self.store(object).live(id));
            match self.check(object, record.map(|record| &**record), &input.properties) {
                Ok(changes) => checked.push(changes),
                Err(Refusal::Properties(errors)) => property_errors.extend(errors),
                Err(refusal) => return self.refused(object, &refusal),
            }
        }
        if !property_errors.is_empty() {
            return self.refused(object, &Refusal::Properties(property_errors));
        }
        let victim = self.rule_victim(inputs.len());
        let mut errors = Vec::new();
        let mut outcomes = Vec::new();
        let mut missing: Vec<&str> = Vec::new();
        for (position, ((input, target), changes)) in inputs.iter().zip(targets).zip(checked).enumerate() {
            let written = if victim == Some(position) {
                Err(broken_rule(&input.properties))
            } else {
                self.write_one(request, object, (input, changes), *target, upsert)
            };
            match written {
                Ok((id, new)) => {
                    outcomes.extend(self.outcome(object, id, input.trace.clone(), upsert.then_some(new)));
                }
                Err(Refusal::NotFound) if input.trace.is_none() => missing.extend(input.id.as_deref()),
                Err(refusal) => {
                    errors.push(self.batch_error(object, &refusal, input.trace.as_deref(), input.id.as_deref()));
                }
            }
        }
        if !missing.is_empty() {
            errors.push(json!({
                "status": "error",
                "category": "OBJECT_NOT_FOUND",
                "message": missing_message(self.store(object).object.upper),
                "context": {"ids": missing},
            }));
        }
        let touched = outcomes.len();
        let columns = self.batch_columns(object, inputs, upsert);
        self.batch_answer((200, request.version), object, outcomes, &errors, &columns, &[])
            .touching(touched as u64)
    }

    fn write_one(
        &mut self,
        request: &ApiRequest,
        object: usize,
        (input, changes): (&Input, Vec<Change>),
        target: Option<u64>,
        upsert: bool,
    ) -> Result<(u64, bool), Refusal> {
        let now = self.now();
        let record = target.and_then(|id| self.store(object).live(id)).map(Arc::clone);
        match record {
            Some(record) => {
                self.check_unique(object, Some(record.id), &changes)?;
                let id = self.modify(object, record.id, &changes, &request.author, now)?;
                Ok((id, false))
            }
            None if upsert => {
                let ready = self.check_new(object, input, changes, request.version)?;
                Ok((self.create_one(request, object, ready), true))
            }
            None => Err(Refusal::NotFound),
        }
    }

    pub(super) fn batch_archive(&mut self, request: &ApiRequest, object: usize) -> Answer {
        let body = match request.json() {
            Ok(body) => body,
            Err(message) => return self.problem(400, "", &message, Value::Null),
        };
        let inputs = body
            .get("inputs")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        if inputs.len() > MOST {
            let message = format!("The maximum number of inputs supported in a batch request is {MOST}");
            return self.invalid(&message);
        }
        if let Some(answer) = self.locked() {
            return answer;
        }
        let now = self.now();
        let mut touched = 0;
        for input in inputs {
            let id = text_or_number(input.get("id")).and_then(|id| id.parse::<u64>().ok());
            touched += u64::from(id.is_some_and(|id| self.archive(object, id, &request.author, now)));
        }
        Answer::empty().touching(touched)
    }
}
