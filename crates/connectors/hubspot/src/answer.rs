//! Answers to batch writes: which record each result and each error belongs to, and what became of it.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use syncline_core::batch::{Batch, Outcome, OutcomeKind, Projection};
use syncline_core::decode::ReadText;
use syncline_core::job::{Push, Verb, Write};
use syncline_core::value::Value;

use crate::associations::is_association;
use crate::page::IdText;
use crate::problem::Problem;
use crate::push::{self, Call, Group};
use crate::wire::Wire;

/// Wait after a record that was locked or limited within a batch.
const ITEM_WAIT: Duration = Duration::from_secs(10);
/// Codes that concern a property and not its value: whoever carries the property is refused.
const SCHEMA_CODES: [&str; 2] = ["PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"];

#[derive(Deserialize)]
struct Answer {
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    results: Vec<Written>,
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    errors: Vec<Json>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    id: IdText,
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    properties: Map<String, Json>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    new: Option<bool>,
    object_write_trace_id: Option<String>,
}

/// Outcomes of a group whose call was answered with success, one per write.
pub(crate) fn outcomes(push: &Push, group: &Group, body: &[u8], now: Timestamp, batch: &mut Batch) -> Vec<Outcome> {
    if group.call == Call::Archive && body.iter().all(u8::is_ascii_whitespace) {
        return group
            .writes
            .iter()
            .map(|index| applied(*index, push.writes.get(*index), None))
            .collect();
    }
    let answer: Answer = match serde_json::from_slice(body) {
        Ok(answer) => answer,
        Err(_) => return all(group, OutcomeKind::Unknown, "HubSpot's answer could not be read"),
    };
    let places = place(push, group, &answer.results);
    let mut outcomes: Vec<Option<Outcome>> = group
        .writes
        .iter()
        .zip(&places)
        .map(|(index, place)| {
            let written = answer.results.get((*place)?)?;
            let mut outcome = applied(*index, push.writes.get(*index), Some(written));
            outcome.row = row(written, push.writes.get(*index)?, &push.projection, batch);
            Some(outcome)
        })
        .collect();
    let problems: Vec<Problem> = answer.errors.iter().map(Problem::from_json).collect();
    let mut unplaced = Vec::new();
    for problem in &problems {
        let named = named(push, group, problem);
        if named.is_empty() {
            unplaced.push(problem);
        }
        for position in named {
            if outcomes[position].is_none() {
                let index = group.writes[position];
                outcomes[position] = push.writes.get(index).map(|write| refused(index, write, problem, now));
            }
        }
    }
    let only = unplaced
        .first()
        .filter(|first| unplaced.iter().all(|problem| problem.category == first.category));
    let archived = group.call == Call::Archive && problems.is_empty();
    let left = outcomes.iter().filter(|outcome| outcome.is_none()).count();
    group
        .writes
        .iter()
        .zip(outcomes)
        .map(|(index, outcome)| {
            let write = push.writes.get(*index);
            outcome.unwrap_or_else(|| match (only, write) {
                _ if archived => applied(*index, write, None),
                (Some(problem), Some(write)) if left <= unplaced.len() => refused(*index, write, problem, now),
                _ => one(
                    *index,
                    OutcomeKind::Unknown,
                    "HubSpot's answer does not tell what became of this record",
                ),
            })
        })
        .collect()
}

fn applied(index: usize, write: Option<&Write>, written: Option<&Written>) -> Outcome {
    let created = match (write.map(|write| &write.verb), written) {
        (Some(Verb::Create { marker: None }), _) => true,
        (Some(Verb::Create { .. }), Some(written)) => written
            .new
            .unwrap_or(written.created_at.is_some() && written.created_at == written.updated_at),
        _ => false,
    };
    let mut outcome = Outcome::new(index, OutcomeKind::Applied { created });
    outcome.id = match (written, write.map(|write| &write.verb)) {
        (Some(written), _) => Some(written.id.0.clone()),
        (None, Some(Verb::Update { id, .. } | Verb::Delete { id })) => Some(id.clone()),
        _ => None,
    };
    outcome.stamp = written.and_then(|written| written.updated_at);
    outcome
}

/// The same outcome for every write of a group.
pub(crate) fn all(group: &Group, kind: OutcomeKind, message: &str) -> Vec<Outcome> {
    group
        .writes
        .iter()
        .map(|index| one(*index, kind.clone(), message))
        .collect()
}

fn one(index: usize, kind: OutcomeKind, message: &str) -> Outcome {
    let mut outcome = Outcome::new(index, kind);
    outcome.message = Some(message.to_owned());
    outcome
}

/// Finds for each write the result that is its own: by trace id, then by record id or key, then by content.
fn place(push: &Push, group: &Group, results: &[Written]) -> Vec<Option<usize>> {
    let mut places = vec![None; group.writes.len()];
    let mut taken = vec![false; results.len()];
    let claim = |places: &mut Vec<Option<usize>>, taken: &mut Vec<bool>, position: usize, result: usize| {
        if places[position].is_none() && !taken[result] {
            places[position] = Some(result);
            taken[result] = true;
        }
    };
    for (result, written) in results.iter().enumerate() {
        let position = match &written.object_write_trace_id {
            Some(trace) => group.writes.iter().position(|index| index.to_string() == *trace),
            None => group
                .writes
                .iter()
                .position(|index| match push.writes.get(*index).map(|write| &write.verb) {
                    Some(Verb::Update { id, .. } | Verb::Delete { id }) => *id == written.id.0,
                    Some(Verb::Create {
                        marker: Some((property, value)),
                    }) => written
                        .properties
                        .get(property)
                        .and_then(Json::as_str)
                        .is_some_and(|held| held.eq_ignore_ascii_case(value)),
                    _ => false,
                }),
        };
        if let Some(position) = position {
            claim(&mut places, &mut taken, position, result);
        }
    }
    // Two writes of the same content may swap their results without harm, so the likeliest one is right enough; a
    // write that resembles none stays open.
    for position in 0..places.len() {
        let Some(write) = push.writes.get(group.writes[position]) else {
            continue;
        };
        if places[position].is_some() || group.call != Call::Create {
            continue;
        }
        let sent = push::properties(write);
        let likeness = |written: &Written| sent.iter().filter(|(name, value)| alike(written, name, value)).count();
        let best = (0..results.len())
            .filter(|result| !taken[*result])
            .map(|result| (likeness(&results[result]), result))
            .max_by_key(|(likeness, result)| (*likeness, std::cmp::Reverse(*result)));
        if let Some((likeness, result)) = best
            && likeness == sent.len()
            && likeness > 0
        {
            claim(&mut places, &mut taken, position, result);
        }
    }
    let open: Vec<usize> = (0..places.len())
        .filter(|position| places[*position].is_none())
        .collect();
    let free: Vec<usize> = (0..results.len()).filter(|result| !taken[*result]).collect();
    if let ([position], [result]) = (open.as_slice(), free.as_slice()) {
        claim(&mut places, &mut taken, *position, *result);
    }
    places
}

fn alike(written: &Written, name: &str, sent: &Json) -> bool {
    let held = written
        .properties
        .get(name)
        .and_then(Json::as_str)
        .unwrap_or_default()
        .trim();
    sent.as_str().is_some_and(|sent| sent.trim().eq_ignore_ascii_case(held))
}

/// Positions in the group of the writes that an error names.
fn named(push: &Push, group: &Group, problem: &Problem) -> Vec<usize> {
    let traces = problem.context("objectWriteTraceId");
    let mut ids = problem.context("ids");
    ids.extend(problem.context("id"));
    let matches = |index: &usize| {
        traces.contains(&index.to_string())
            || match push.writes.get(*index).map(|write| &write.verb) {
                Some(Verb::Update { id, .. } | Verb::Delete { id }) => ids.contains(id),
                Some(Verb::Create {
                    marker: Some((_, value)),
                }) => ids.contains(value),
                _ => false,
            }
    };
    group
        .writes
        .iter()
        .enumerate()
        .filter(|(_, index)| matches(index))
        .map(|(position, _)| position)
        .collect()
}

/// What became of a single write that HubSpot refused.
fn refused(index: usize, write: &Write, problem: &Problem, now: Timestamp) -> Outcome {
    let creating = matches!(write.verb, Verb::Create { .. });
    // The answer to a batch may blame what other records carry.
    let problem = &problem.of_record(|property| write.fields.iter().any(|(path, _)| path == property));
    let rejected = || OutcomeKind::Rejected {
        fields: problem.properties(),
    };
    let kind = match problem.category.as_str() {
        "CONFLICT" | "OBJECT_ALREADY_EXISTS" if creating => match problem.existing_id() {
            Some(existing) => OutcomeKind::Duplicate { existing },
            None => rejected(),
        },
        "OBJECT_NOT_FOUND" if !creating => OutcomeKind::Gone,
        "OBJECT_NOT_FOUND" => OutcomeKind::Rejected {
            fields: write
                .fields
                .iter()
                .map(|(path, _)| path)
                .filter(|path| is_association(path))
                .cloned()
                .collect(),
        },
        "RATE_LIMITS" | "RATE_LIMIT" => OutcomeKind::NotApplied {
            not_before: now.checked_add(ITEM_WAIT).ok(),
        },
        "INTERNAL_ERROR" | "SERVICE_UNAVAILABLE" => OutcomeKind::Unknown,
        _ => rejected(),
    };
    one(index, kind, &problem.code_and_text())
}

/// The values after the write, if the answer has every one that was written; it seldom has others.
fn row(written: &Written, write: &Write, projection: &Projection, batch: &mut Batch) -> Option<usize> {
    let creating = matches!(write.verb, Verb::Create { .. });
    let told = |path: &str, value: &Value| {
        // What a create leaves empty it does not answer with.
        written.properties.contains_key(path) || creating && value.is_empty() && !is_association(path)
    };
    if projection.fields.is_empty() || !write.fields.iter().all(|(path, value)| told(path, value)) {
        return None;
    }
    let mut row = batch.row(&written.id.0);
    row.partial();
    for (slot, field) in projection.fields.iter().enumerate() {
        match written.properties.get(&field.path) {
            Some(Json::String(text)) => row.encode(slot, |out| Wire.read(field.kind, text, out)),
            Some(_) => row.set(slot, &Value::Null),
            None if write.fields.iter().any(|(path, _)| *path == field.path) => row.set(slot, &Value::Null),
            None => {}
        }
    }
    if let Some(stamp) = written.updated_at {
        row.stamp(stamp);
    }
    row.finish();
    Some(batch.len() - 1)
}

/// What to do after a whole call was refused, which surely applied none of it.
#[derive(Debug, Default)]
pub(crate) struct Narrowed {
    pub(crate) outcomes: Vec<Outcome>,
    /// Smaller groups to send again.
    pub(crate) groups: Vec<Group>,
}

/// Narrows a refused group down to the record that is to blame.
pub(crate) fn narrow(push: &Push, group: &Group, problem: &Problem, now: Timestamp) -> Narrowed {
    if let [index] = group.writes.as_slice() {
        let outcomes = push
            .writes
            .get(*index)
            .map(|write| refused(*index, write, problem, now))
            .into_iter()
            .collect();
        return Narrowed {
            outcomes,
            groups: Vec::new(),
        };
    }
    let part = |writes: Vec<usize>| Group {
        call: group.call.clone(),
        writes,
        alone: group.alone,
    };
    let carries = |index: &usize, names: &[String]| {
        push.writes
            .get(*index)
            .is_some_and(|write| write.fields.iter().any(|(path, _)| names.contains(path)))
    };
    let hopeless: Vec<String> = problem
        .blamed
        .iter()
        .filter(|blame| SCHEMA_CODES.contains(&blame.code.as_str()))
        .map(|blame| blame.property.clone())
        .collect();
    let (carriers, others): (Vec<usize>, Vec<usize>) = group.writes.iter().partition(|index| carries(index, &hopeless));
    if !carriers.is_empty() {
        let outcomes = carriers
            .into_iter()
            .filter_map(|index| push.writes.get(index).map(|write| refused(index, write, problem, now)))
            .collect();
        let groups = if others.is_empty() {
            Vec::new()
        } else {
            vec![part(others)]
        };
        return Narrowed { outcomes, groups };
    }
    let named: Vec<usize> = named(push, group, problem)
        .into_iter()
        .map(|position| group.writes[position])
        .collect();
    let blamed = problem.properties();
    let suspects = |index: &usize| {
        if named.is_empty() {
            carries(index, &blamed)
        } else {
            named.contains(index)
        }
    };
    let (guilty, innocent): (Vec<usize>, Vec<usize>) = group.writes.iter().partition(|index| suspects(index));
    let (first, second) = if guilty.is_empty() || innocent.is_empty() {
        let (first, second) = group.writes.split_at(group.writes.len() / 2);
        (first.to_vec(), second.to_vec())
    } else {
        (innocent, guilty)
    };
    Narrowed {
        outcomes: Vec::new(),
        groups: vec![part(first), part(second)],
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
