//! Batch reads, and how every batch is answered: shuffled, with the failures apart.

use std::collections::BTreeSet;
use std::sync::Arc;

use rand::RngExt;
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::{Answer, missing_message, whole_errors};
use super::batch_api::MOST;
use super::portal::Portal;
use super::record::Record;
use super::request::{ApiRequest, Version, strings, text_or_number};
use super::stamp::Stamp;
use super::view::{Column, Frame, Shown, columns};

/// A record with what its batch entry adds.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) record: Arc<Record>,
    pub(super) trace: Option<String>,
    pub(super) new: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchAnswer<'a> {
    completed_at: Stamp,
    status: &'static str,
    started_at: Stamp,
    results: &'a [Shown<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a [Value]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_errors: Option<usize>,
}

fn shuffled<T>(portal: &mut Portal, mut items: Vec<T>) -> Vec<T> {
    // Results never come in the order of the inputs, so that nobody relies on it.
    for last in (1..items.len()).rev() {
        let other = portal.dice.random_range(0..=last);
        items.swap(last, other);
    }
    items
}

impl Portal {
    pub(super) fn batch_read(&mut self, request: &ApiRequest, object: usize) -> Answer {
        let body = match request.json() {
            Ok(body) => body,
            Err(message) => return self.problem(400, "", &message, Value::Null),
        };
        let Some(inputs) = body.get("inputs").and_then(Value::as_array) else {
            return self.invalid("Some required fields were not set: [inputs]");
        };
        let history = strings(body.get("propertiesWithHistory"));
        let most = if history.is_empty() { MOST } else { 50 };
        if inputs.len() > most {
            let message = format!("The maximum number of inputs supported in a batch request is {most}");
            return self.invalid(&message);
        }
        let id_property = text_or_number(body.get("idProperty"));
        let mut missing: Vec<String> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut outcomes: Vec<Outcome> = Vec::new();
        for input in inputs {
            let text = text_or_number(input.get("id")).unwrap_or_default();
            let id = match self.identify(object, &text, id_property.as_deref(), true) {
                Ok(id) => id,
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
            match found {
                Some(record) if seen.insert(record.id) => {
                    outcomes.push(Outcome {
                        record: Arc::clone(record),
                        trace: None,
                        new: None,
                    });
                }
                // Two merged-away ids lead to one survivor, which is shown once.
                Some(_) => {}
                None => missing.push(text),
            }
        }
        let mut errors = Vec::new();
        if !missing.is_empty() {
            errors.push(json!({
                "status": "error",
                "category": "OBJECT_NOT_FOUND",
                "message": missing_message(self.store(object).object.upper),
                "context": {"ids": missing},
            }));
        }
        let names = strings(body.get("properties"));
        let columns = columns(&self.store(object).object, names.iter().map(String::as_str));
        self.batch_answer((200, request.version), object, outcomes, &errors, &columns, &history)
    }

    /// The answer to a batch, in an order of its own. `success` is the status without errors, and the version.
    pub(super) fn batch_answer(
        &mut self,
        success: (u16, Version),
        object: usize,
        outcomes: Vec<Outcome>,
        errors: &[Value],
        columns: &[Column],
        history: &[String],
    ) -> Answer {
        let outcomes = shuffled(self, outcomes);
        let now = self.now();
        let frame = Frame {
            portal: self.id,
            nulls: self.behaviour.unset_properties_are_null,
            store: self.store(object),
            columns,
            history,
        };
        let results: Vec<Shown<'_>> = outcomes
            .iter()
            .map(|outcome| Shown {
                frame: &frame,
                record: &outcome.record,
                associations: None,
                trace: outcome.trace.as_deref(),
                new: outcome.new,
            })
            .collect();
        let failed = !errors.is_empty();
        let errors = whole_errors(errors);
        let body = BatchAnswer {
            completed_at: now,
            status: "COMPLETE",
            started_at: now,
            results: &results,
            num_errors: failed.then_some(errors.len()),
            errors: failed.then_some(errors.as_slice()),
        };
        let (status, version) = success;
        let folded = version == Version::Dated2026September && !self.behaviour.partial_batch_is_207_since_2026_09;
        Answer::json(if failed && !folded { 207 } else { status }, &body)
    }
}
