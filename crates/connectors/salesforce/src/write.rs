//! Writing through sObject Collections: up to 200 records per call, one outcome each.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::batch::{Batch, Outcome, OutcomeKind};
use syncline_core::connector::Task;
use syncline_core::io::{Class, Effect, Io, Method, Request, Response};
use syncline_core::job::{Budget, Progress, Push, Verb, Write};
use syncline_core::{Error, ErrorKind, Result, Retry};

use crate::client::{Api, http_date};
use crate::entity_tag;
use crate::error::{ProviderError, classify, errors, failed};
use crate::manifest::WRITE_SIZE;
use crate::outcome::{RowResult, is_one_records_fault, not_applied, of_row, refused_call, with_message};
use crate::payload::{members, target};
use crate::read_along::ReadAlong;
use crate::soql;

const WRITING: &str = "writing records to Salesforce";
/// Well below the 50 MB that a request may have.
const MOST_BYTES: usize = 8 << 20;
/// Calls that a task may spend on finding the record that spoils a whole call.
const MOST_SPLITS: usize = 64;

/// Which resource a write goes to; writes of one group can share a call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    /// Create or update by a unique field.
    Upsert(String),
    /// Create, without a key of ours.
    Create,
    /// Change by id.
    Update,
    /// Delete by id.
    Delete,
}

impl Group {
    /// Where a write goes.
    pub(crate) fn of(verb: &Verb) -> Self {
        match verb {
            Verb::Create {
                marker: Some((field, _)),
            } => Self::Upsert(field.clone()),
            Verb::Create { marker: None } => Self::Create,
            Verb::Update { .. } => Self::Update,
            Verb::Delete { .. } => Self::Delete,
        }
    }
}

/// What is left of a push: positions of the writes that go into one call each.
#[derive(Debug, Serialize, Deserialize)]
struct Remaining {
    calls: VecDeque<Vec<usize>>,
    splits: usize,
    /// Whether Salesforce refused several calls in one.
    #[serde(default)]
    alone: bool,
}

/// The task of a push.
#[derive(Debug)]
pub(crate) struct PushTask {
    api: Api,
    object: String,
    writes: Vec<Write>,
    /// The fields of each write as JSON members, each with a comma before it.
    records: Vec<Vec<u8>>,
    remaining: Remaining,
    /// Outcomes of writes that can't be sent at all.
    refused: Vec<Outcome>,
    /// Whether anything may have reached Salesforce.
    sent: bool,
    /// The version of the one record that is written, where it has an entity tag.
    tag: Option<String>,
    /// What is read of records in the call that writes them.
    along: Option<ReadAlong>,
}

impl PushTask {
    /// # Errors
    /// As [`syncline_core::connector::Connector::open`].
    pub(crate) fn new(api: Api, push: Push, resume: Option<Bytes>) -> Result<Self> {
        let object = soql::name(&push.object)?.to_owned();
        let mut records = Vec::with_capacity(push.writes.len());
        let mut refused = Vec::new();
        let mut groups: BTreeMap<Group, Vec<usize>> = BTreeMap::new();
        for (index, write) in push.writes.iter().enumerate() {
            let mut json = Vec::new();
            match members(write, &mut json) {
                Ok(()) => groups.entry(Group::of(&write.verb)).or_default().push(index),
                Err((field, why)) => {
                    let kind = OutcomeKind::Rejected {
                        fields: vec![field.clone()],
                    };
                    refused.push(with_message(index, &write.verb, kind, &format!("{field}: {why}")));
                }
            }
            records.push(json);
        }
        let along = ReadAlong::new(&object, &push.projection);
        let mut task = Self {
            api,
            object,
            writes: push.writes,
            records,
            remaining: Remaining {
                calls: VecDeque::new(),
                splits: 0,
                alone: false,
            },
            refused,
            sent: false,
            tag: None,
            along,
        };
        match resume {
            None => task.remaining.calls = groups.into_values().flat_map(|group| task.calls(&group)).collect(),
            Some(checkpoint) => {
                task.remaining = serde_json::from_slice(&checkpoint).map_err(|error| expired().because(error))?;
                if task
                    .remaining
                    .calls
                    .iter()
                    .flatten()
                    .any(|index| *index >= task.writes.len())
                {
                    return Err(expired());
                }
                task.refused.clear();
                task.sent = true;
            }
        }
        Ok(task)
    }

    /// The progress of a push whose every write was sent.
    pub(crate) fn nothing_left() -> Bytes {
        Bytes::from_static(br#"{"calls":[],"splits":0}"#)
    }

    /// Where a new task would go on.
    pub(crate) fn checkpoint(&self) -> Option<Bytes> {
        serde_json::to_vec(&self.remaining).map(Bytes::from).ok()
    }

    /// Positions of the writes that have not been sent.
    pub(crate) fn waiting(&self) -> Vec<usize> {
        self.remaining.calls.iter().flatten().copied().collect()
    }

    /// Leaves these writes to somebody else.
    pub(crate) fn leave_out(&mut self, writes: &[usize]) {
        let out: BTreeSet<usize> = writes.iter().copied().collect();
        let mut groups: BTreeMap<Group, Vec<usize>> = BTreeMap::new();
        for index in self.waiting().into_iter().filter(|index| !out.contains(index)) {
            groups
                .entry(Group::of(&self.writes[index].verb))
                .or_default()
                .push(index);
        }
        self.remaining.calls = groups.into_values().flat_map(|group| self.calls(&group)).collect();
    }

    /// Takes writes of one group back that somebody else did not send.
    pub(crate) fn take_back(&mut self, writes: &[usize]) {
        let calls = self.calls(writes);
        self.remaining.calls.extend(calls);
    }

    /// Cuts a group into calls.
    fn calls(&self, group: &[usize]) -> Vec<Vec<usize>> {
        let mut calls = Vec::new();
        let (mut call, mut bytes) = (Vec::new(), 0);
        for index in group {
            let length = self.records[*index].len();
            if !call.is_empty() && (call.len() == WRITE_SIZE || bytes + length > MOST_BYTES) {
                calls.push(std::mem::take(&mut call));
                bytes = 0;
            }
            call.push(*index);
            bytes += length;
        }
        if !call.is_empty() {
            calls.push(call);
        }
        calls
    }

    fn request(&self, call: &[usize]) -> Request {
        let verb = &self.writes[call[0]].verb;
        let collection = |method, path: &str, effect| {
            let mut body = br#"{"allOrNone":false,"records":["#.to_vec();
            for (place, index) in call.iter().enumerate() {
                if place > 0 {
                    body.push(b',');
                }
                // Names and ids were checked, so that nothing in them needs an escape.
                body.extend_from_slice(format!(r#"{{"attributes":{{"type":"{}"}}"#, self.object).as_bytes());
                if let Some(id) = target(&self.writes[*index].verb) {
                    body.extend_from_slice(format!(r#","id":"{id}""#).as_bytes());
                }
                body.extend_from_slice(&self.records[*index]);
                body.push(b'}');
            }
            body.extend_from_slice(b"]}");
            self.api.write(method, path, effect).json(body)
        };
        match Group::of(verb) {
            Group::Upsert(field) => {
                let path = format!("composite/sobjects/{}/{field}", self.object);
                collection(Method::Patch, &path, Effect::Idempotent)
            }
            Group::Create => collection(Method::Post, "composite/sobjects", Effect::Once),
            Group::Update => match self.guard() {
                Some((id, stamp)) => {
                    let (condition, value) = match (&self.tag, http_date(stamp)) {
                        (Some(tag), _) => ("if-match", tag.clone()),
                        (None, at) => ("if-unmodified-since", at.unwrap_or_default()),
                    };
                    let fields = &self.records[call[0]];
                    let body = [b"{", fields.strip_prefix(b",").unwrap_or(fields), b"}"].concat();
                    self.api
                        .write(
                            Method::Patch,
                            &format!("sobjects/{}/{id}", self.object),
                            Effect::Idempotent,
                        )
                        .header(condition, value)
                        .json(body)
                }
                None => collection(Method::Patch, "composite/sobjects", Effect::Idempotent),
            },
            Group::Delete => {
                let ids: Vec<_> = call
                    .iter()
                    .filter_map(|index| target(&self.writes[*index].verb))
                    .collect();
                let path = format!("composite/sobjects?ids={}&allOrNone=false", ids.join(","));
                self.api.write(Method::Delete, &path, Effect::Idempotent)
            }
        }
    }

    /// Binds the one update of an account to the version that was read. False if that is there no more.
    async fn bind(&mut self, io: &dyn Io) -> Result<bool> {
        let Some((id, stamp)) = self.guard().filter(|_| entity_tag::is_tagged(&self.object)) else {
            return Ok(true);
        };
        match entity_tag::of(io, &self.api, &self.object, &id, stamp).await? {
            entity_tag::Version::Tagged(tag) => self.tag = Some(tag),
            entity_tag::Version::Untagged => {}
            entity_tag::Version::Changed => return Ok(false),
        }
        Ok(true)
    }

    /// Id and condition of a push of one update only. Collections have no conditional requests.
    fn guard(&self) -> Option<(String, Timestamp)> {
        let [Write { verb, .. }] = self.writes.as_slice() else {
            return None;
        };
        match verb {
            Verb::Update {
                expected_stamp: Some(stamp),
                ..
            } => Some((target(verb)?, *stamp)),
            _ => None,
        }
    }

    /// Adds one outcome per write of a call, or splits the call to find the write that spoils it.
    fn settle(&mut self, io: &dyn Io, call: Vec<usize>, answer: Result<Response>, batch: &mut Batch) {
        let outcomes = &mut batch.outcomes;
        let verb = |index: usize| &self.writes[index].verb;
        let response = match answer {
            Ok(response) => response,
            Err(error) if error.retry() == Retry::UnknownOutcome => {
                let unknown = |index| with_message(index, verb(index), OutcomeKind::Unknown, error.message());
                outcomes.extend(call.into_iter().map(unknown));
                return;
            }
            Err(error) => {
                outcomes.extend(
                    call.into_iter()
                        .map(|index| not_applied(index, verb(index), None, error.message())),
                );
                return;
            }
        };
        let class = classify(&response.head, &response.body);
        let told = errors(&response.body);
        match class {
            Class::Success if self.guard().is_some() => {
                let applied = OutcomeKind::Applied { created: false };
                outcomes.extend(call.into_iter().map(|index| Outcome {
                    id: target(verb(index)),
                    ..Outcome::new(index, applied.clone())
                }));
            }
            Class::Success => match serde_json::from_slice::<Vec<RowResult>>(&response.body) {
                Ok(rows) if rows.len() == call.len() => {
                    outcomes.extend(
                        call.into_iter()
                            .zip(rows)
                            .map(|(index, row)| of_row(index, verb(index), row)),
                    );
                }
                // It was applied at least in part, and which rows is not known.
                _ => outcomes.extend(call.into_iter().map(|index| {
                    with_message(
                        index,
                        verb(index),
                        OutcomeKind::Unknown,
                        "the answer of Salesforce can't be read",
                    )
                })),
            },
            Class::RateLimited { after, .. } | Class::Retryable { after } => {
                let not_before = after.and_then(|after| io.now().checked_add(after).ok());
                let message = failed(class, WRITING);
                outcomes.extend(
                    call.into_iter()
                        .map(|index| not_applied(index, verb(index), not_before, message.message())),
                );
            }
            Class::TokenExpired | Class::Reauthorise => {
                let message = failed(class, WRITING);
                outcomes.extend(
                    call.into_iter()
                        .map(|index| not_applied(index, verb(index), None, message.message())),
                );
            }
            Class::Unknown | Class::Conflict => {
                let kind = if class == Class::Unknown {
                    OutcomeKind::Unknown
                } else {
                    OutcomeKind::Conflict
                };
                let message = failed(class, WRITING);
                outcomes.extend(
                    call.into_iter()
                        .map(|index| with_message(index, verb(index), kind.clone(), message.message())),
                );
            }
            Class::NotFound | Class::Forbidden { .. } | Class::Rejected { .. } | Class::CursorExpired => {
                if call.len() > 1 && self.remaining.splits < MOST_SPLITS && is_one_records_fault(&told) {
                    let (left, right) = call.split_at(call.len() / 2);
                    self.remaining.calls.push_front(right.to_vec());
                    self.remaining.calls.push_front(left.to_vec());
                    self.remaining.splits += 1;
                    return;
                }
                let told = if told.is_empty() {
                    let message = failed(class, WRITING).message().to_owned();
                    vec![ProviderError {
                        message,
                        ..ProviderError::default()
                    }]
                } else {
                    told
                };
                let single = self.guard().is_some();
                outcomes.extend(
                    call.into_iter()
                        .map(|index| refused_call(index, verb(index), &told, single)),
                );
            }
        }
    }
}

#[async_trait]
impl Task for PushTask {
    async fn step(&mut self, io: &dyn Io, budget: Budget, batch: &mut Batch) -> Result<Progress> {
        if !self.remaining.calls.is_empty() && !self.bind(io).await? {
            self.remaining.calls.clear();
            let message = "the record was changed since it was read";
            let verb = &self.writes[0].verb;
            batch
                .outcomes
                .push(with_message(0, verb, OutcomeKind::Conflict, message));
            return Ok(Progress::Done { cursor: Bytes::new() });
        }
        let most = budget.calls.min(budget.rows / WRITE_SIZE).max(1);
        let calls: Vec<_> = self
            .remaining
            .calls
            .drain(..most.min(self.remaining.calls.len()))
            .collect();
        let shared = match self.shared(&calls) {
            Ok(shared) => shared,
            Err(error) => {
                for call in calls.into_iter().rev() {
                    self.remaining.calls.push_front(call);
                }
                return Err(error);
            }
        };
        let (sizes, requests): (Vec<_>, Vec<_>) = shared.into_iter().unzip();
        let answers = if calls.is_empty() {
            Vec::new()
        } else {
            io.send_all(requests).await
        };
        let never_left =
            |answer: &Result<Response>| matches!(answer, Err(error) if error.retry() != Retry::UnknownOutcome);
        if !self.sent && !answers.is_empty() && answers.iter().all(never_left) {
            for call in calls.into_iter().rev() {
                self.remaining.calls.push_front(call);
            }
            if let Some(Err(error)) = answers.into_iter().next() {
                return Err(error);
            }
            return Err(Error::new(ErrorKind::Internal, "a failed call has no error"));
        }
        self.sent |= !answers.is_empty();
        batch.outcomes.append(&mut self.refused);
        let (answered, read) = self.apart(&sizes, answers);
        // From the last, so that halves of a call that is split stay before the calls behind it.
        for (call, answer) in calls.into_iter().zip(answered).rev() {
            match answer {
                Some(answer) => self.settle(io, call, answer, batch),
                None => {
                    self.remaining.alone = true;
                    self.remaining.calls.push_front(call);
                }
            }
        }
        batch.outcomes.sort_by_key(|outcome| outcome.index);
        self.take_along(&read, batch);
        if self.remaining.calls.is_empty() {
            return Ok(Progress::Done { cursor: Bytes::new() });
        }
        Ok(Progress::More {
            checkpoint: self.checkpoint(),
            total: None,
        })
    }
}

fn expired() -> Error {
    Error::new(
        ErrorKind::CursorExpired,
        "the stored progress does not belong to these writes",
    )
}

#[path = "write_shared.rs"]
mod shared;

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
