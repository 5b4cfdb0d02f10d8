//! The push task: sends groups of writes and turns every answer into outcomes.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use syncline_core::batch::{Batch, Outcome, OutcomeKind, ReadClass};
use syncline_core::connector::Task;
use syncline_core::error::{Error, ErrorKind, Result, Retry};
use syncline_core::io::{Class, Io, Request, Response};
use syncline_core::job::{Budget, Progress, Push, Verb};

use crate::answer;
use crate::client::{Client, Paths};
use crate::error::{classify, failure, wait};
use crate::link::{self, TroubleKind, Wanted};
use crate::manifest::BATCH;
use crate::problem::Problem;
use crate::push::{self, Call, Group};

const OPERATION: &str = "write records";

/// A push under way.
#[derive(Debug)]
pub(crate) struct PushTask {
    paths: Paths,
    push: Push,
    queue: VecDeque<Group>,
    /// Outcomes that needed no call.
    ready: Vec<Outcome>,
    /// Whether anything was sent, after which failures are outcomes.
    sent: bool,
}

impl PushTask {
    /// Starts a push.
    ///
    /// # Errors
    /// `Invalid` when the marker is a property by which HubSpot does not take partial upserts.
    pub(crate) fn open(paths: Paths, push: Push) -> Result<Self> {
        for write in &push.writes {
            if let Verb::Create {
                marker: Some((property, _)),
            } = &write.verb
                && matches!(property.as_str(), "email" | "hs_object_id")
            {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!("{property} can't be the marker: HubSpot clears what an upsert by it leaves out; make a unique property"),
                )
                .with("object", &push.object));
            }
        }
        let plan = push::plan(&push);
        Ok(Self {
            paths,
            push,
            queue: plan.groups,
            ready: plan.outcomes,
            sent: false,
        })
    }

    /// The groups to send at once: none of them names a record of another.
    fn wave(&mut self, budget: Budget) -> Vec<Group> {
        let most = (budget.rows / BATCH).clamp(1, budget.calls.max(1));
        let mut wave: Vec<Group> = Vec::new();
        while wave.len() < most {
            let Some(group) = self.queue.front() else { break };
            if group.alone && !wave.is_empty() {
                break;
            }
            let alone = group.alone;
            wave.extend(self.queue.pop_front());
            if alone {
                break;
            }
        }
        wave
    }

    fn settle(&mut self, group: &Group, answer: Result<Response>, now: Timestamp, batch: &mut Batch) -> Vec<Outcome> {
        let response = match answer {
            Ok(response) => response,
            Err(error) => {
                let kind = outcome_kind(link::after_error(&error), now);
                return answer::all(group, kind, &error.to_string());
            }
        };
        let class = classify(&response.head, &response.body);
        let problem = Problem::read(&response.body);
        match class {
            Class::Success => answer::outcomes(&self.push, group, &response.body, now, batch),
            Class::RateLimited { .. } | Class::Retryable { .. } => {
                let not_before = now.checked_add(wait(&class)).ok();
                answer::all(group, OutcomeKind::NotApplied { not_before }, &problem.code_and_text())
            }
            Class::Unknown => {
                let message = format!(
                    "HubSpot failed with status {}: {}",
                    response.head.status,
                    problem.text()
                );
                answer::all(group, OutcomeKind::Unknown, &message)
            }
            Class::TokenExpired | Class::Reauthorise => {
                let error = failure(OPERATION, class, &response);
                answer::all(group, OutcomeKind::NotApplied { not_before: None }, &error.to_string())
            }
            Class::Forbidden { message } => answer::all(group, OutcomeKind::Rejected { fields: Vec::new() }, &message),
            Class::Conflict | Class::NotFound | Class::CursorExpired | Class::Rejected { .. } => {
                let narrowed = answer::narrow(&self.push, group, &problem, now);
                for group in narrowed.groups.into_iter().rev() {
                    self.queue.push_front(group);
                }
                narrowed.outcomes
            }
        }
    }

    /// Makes the links that the written records still lack, and adds the outcomes to the batch.
    async fn finish(&self, client: &Client<'_>, settled: Vec<(Call, Outcome)>, now: Timestamp, batch: &mut Batch) {
        let mut wanted = Vec::new();
        for (call, outcome) in &settled {
            let (OutcomeKind::Applied { .. }, Some(id)) = (&outcome.kind, &outcome.id) else {
                continue;
            };
            let Some(write) = self.push.writes.get(outcome.index) else {
                continue;
            };
            for (path, association, target) in push::links_after(&self.push.object, write, call) {
                wanted.push(Wanted {
                    id: id.clone(),
                    path,
                    association,
                    target,
                });
            }
        }
        let mut troubles = if wanted.is_empty() {
            Default::default()
        } else {
            link::apply(client, wanted).await
        };
        for (call, mut outcome) in settled {
            let applied = matches!(outcome.kind, OutcomeKind::Applied { .. });
            if let Some(trouble) = outcome
                .id
                .as_ref()
                .filter(|_| applied)
                .and_then(|id| troubles.remove(id))
            {
                outcome.message = Some(format!("{}: {}", trouble.path, trouble.message));
                outcome.row = None;
                outcome.stamp = None;
                outcome.kind = match (call, trouble.kind) {
                    // The record exists; to call that anything else would make it twice. A read shows the lack.
                    (Call::Create | Call::Upsert { .. }, _) => outcome.kind,
                    (_, TroubleKind::Rejected) => OutcomeKind::Rejected {
                        fields: vec![trouble.path],
                    },
                    (Call::Link, kind) => outcome_kind(kind, now),
                    // The properties were written and the link was not.
                    (_, TroubleKind::NotApplied { .. } | TroubleKind::Unknown) => OutcomeKind::Unknown,
                };
            }
            batch.outcomes.push(outcome);
        }
    }
}

fn outcome_kind(kind: TroubleKind, now: Timestamp) -> OutcomeKind {
    match kind {
        TroubleKind::Rejected => OutcomeKind::Rejected { fields: Vec::new() },
        TroubleKind::NotApplied { seconds } => OutcomeKind::NotApplied {
            not_before: now.checked_add(Duration::from_secs(seconds)).ok(),
        },
        TroubleKind::Unknown => OutcomeKind::Unknown,
    }
}

/// Whether an answer says that no write of this connection can succeed now, and this one did not.
fn hopeless(answer: &Result<Response>) -> bool {
    match answer {
        Err(error) => {
            matches!(
                error.kind(),
                ErrorKind::Reauthorise | ErrorKind::Refused | ErrorKind::Stopped
            ) && error.retry() != Retry::UnknownOutcome
        }
        Ok(response) => {
            matches!(
                classify(&response.head, &response.body),
                Class::TokenExpired | Class::Reauthorise
            )
        }
    }
}

fn first_failure(answers: Vec<Result<Response>>) -> Error {
    match answers.into_iter().next() {
        Some(Ok(response)) => failure(OPERATION, classify(&response.head, &response.body), &response),
        Some(Err(error)) => error,
        None => Error::new(ErrorKind::Internal, "no answer to a push").operation(OPERATION),
    }
}

#[async_trait]
impl Task for PushTask {
    async fn step(&mut self, io: &dyn Io, budget: Budget, batch: &mut Batch) -> Result<Progress> {
        batch.class = ReadClass::Strong;
        let client = Client {
            io,
            paths: self.paths.clone(),
        };
        let wave = self.wave(budget);
        let (quiet, calling): (Vec<Group>, Vec<Group>) = wave.into_iter().partition(|group| group.call == Call::Link);
        let requests: Vec<Request> = calling
            .iter()
            .filter_map(|group| push::request(&self.paths, &self.push, group))
            .collect();
        let answers = match requests.len() {
            0 => Vec::new(),
            _ => io.send_all(requests).await,
        };
        if !self.sent && !answers.is_empty() && answers.iter().all(hopeless) {
            for group in calling.into_iter().chain(quiet).rev() {
                self.queue.push_front(group);
            }
            return Err(first_failure(answers));
        }
        self.sent |= !answers.is_empty() || !quiet.is_empty();
        batch.outcomes.append(&mut self.ready);
        let now = io.now();
        let mut settled = Vec::new();
        for (group, answer) in calling.iter().zip(answers) {
            let outcomes = self.settle(group, answer, now, batch);
            settled.extend(outcomes.into_iter().map(|outcome| (group.call.clone(), outcome)));
        }
        for group in &quiet {
            for index in &group.writes {
                let mut outcome = Outcome::new(*index, OutcomeKind::Applied { created: false });
                if let Some(Verb::Update { id, .. }) = self.push.writes.get(*index).map(|write| &write.verb) {
                    outcome.id = Some(id.clone());
                }
                settled.push((Call::Link, outcome));
            }
        }
        self.finish(&client, settled, now, batch).await;
        Ok(if self.queue.is_empty() {
            Progress::Done { cursor: Bytes::new() }
        } else {
            Progress::More {
                checkpoint: None,
                total: None,
            }
        })
    }
}
