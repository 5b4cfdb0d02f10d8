//! Reading page by page, and writing record by record.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::adapter::paths;
use super::record::written;
use super::{Api, PageRequest, SimpleConnector};
use crate::batch::{Batch, Outcome, OutcomeKind, ReadClass};
use crate::connector::Task;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::io::{Config, Io};
use crate::job::{Budget, Progress, Pull, Push, Start, Verb, Write};
use crate::manifest::ReadCapabilities;

/// Where a pull is: its checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// By the host's time.
    began: Timestamp,
    page: Option<String>,
}

/// Where the next pull starts: its cursor. The host's time when the pull before began, less the overlap, which has to make
/// up for the difference of two clocks too.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    since: Timestamp,
}

fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8], what: &str) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::new(ErrorKind::CursorExpired, format!("this is no {what} of ours")).because(error))
}

fn bytes(place: &impl Serialize) -> Result<Bytes> {
    let text = serde_json::to_vec(place)
        .map_err(|error| Error::new(ErrorKind::Internal, "a place could not be written").because(error))?;
    Ok(text.into())
}

#[derive(Debug)]
pub(super) struct PullTask {
    connector: Arc<dyn SimpleConnector>,
    config: Config,
    capabilities: ReadCapabilities,
    pull: Pull,
    since: Option<Timestamp>,
    place: Option<Place>,
}

impl PullTask {
    pub(super) fn open(
        connector: Arc<dyn SimpleConnector>,
        config: Config,
        capabilities: ReadCapabilities,
        pull: Pull,
        resume: Option<Bytes>,
    ) -> Result<Self> {
        let since = match &pull.start {
            Start::Beginning => None,
            Start::Since(since) => Some(*since),
            Start::Cursor(cursor) => Some(read::<Cursor>(cursor, "cursor")?.since),
        };
        let place = resume.map(|place| read(&place, "checkpoint")).transpose()?;
        Ok(Self {
            connector,
            config,
            capabilities,
            pull,
            since,
            place,
        })
    }
}

#[async_trait]
impl Task for PullTask {
    async fn step(&mut self, io: &dyn Io, budget: Budget, batch: &mut Batch) -> Result<Progress> {
        batch.class = ReadClass::Weak;
        let place = self.place.get_or_insert_with(|| Place {
            began: io.now(),
            page: None,
        });
        let size = self.pull.page_size.unwrap_or(self.capabilities.page_size);
        let request = PageRequest {
            object: &self.pull.object,
            fields: &paths(&self.pull.projection),
            since: self.since,
            page: place.page.as_deref(),
            size: size.min(self.capabilities.page_size).min(budget.rows).max(1),
        };
        let api = Api::new(io, &self.config, &*self.connector);
        let page = self.connector.pull(&api, request).await?;
        for record in &page.records {
            record.put(batch, &self.pull.projection);
        }
        if let Some(next) = page.next {
            if place.page.as_ref() == Some(&next) {
                let message = "the provider names a page as the one after itself";
                return Err(Error::new(ErrorKind::Protocol, message).with("object", &self.pull.object));
            }
            place.page = Some(next);
            return Ok(Progress::More {
                checkpoint: Some(bytes(place)?),
                total: None,
            });
        }
        let overlap = SignedDuration::from_secs(i64::from(self.capabilities.overlap_seconds));
        let cursor = Cursor {
            since: place.began.saturating_sub(overlap).unwrap_or(place.began),
        };
        Ok(Progress::Done {
            cursor: bytes(&cursor)?,
        })
    }
}

#[derive(Debug)]
pub(super) struct PushTask {
    connector: Arc<dyn SimpleConnector>,
    config: Config,
    push: Push,
    done: usize,
}

impl PushTask {
    pub(super) fn new(connector: Arc<dyn SimpleConnector>, config: Config, push: Push) -> Self {
        Self {
            connector,
            config,
            push,
            done: 0,
        }
    }
}

#[async_trait]
impl Task for PushTask {
    async fn step(&mut self, io: &dyn Io, budget: Budget, batch: &mut Batch) -> Result<Progress> {
        batch.class = ReadClass::Strong;
        let end = self.push.writes.len().min(self.done + budget.calls.max(1));
        for index in self.done..end {
            let api = Api::new(io, &self.config, &*self.connector);
            let outcome = write(
                &*self.connector,
                &api,
                &self.push.object,
                index,
                &self.push.writes[index],
            );
            batch.outcomes.push(outcome.await);
        }
        self.done = end;
        Ok(if end == self.push.writes.len() {
            Progress::Done { cursor: Bytes::new() }
        } else {
            Progress::More {
                checkpoint: None,
                total: None,
            }
        })
    }
}

async fn write(connector: &dyn SimpleConnector, api: &Api<'_>, object: &str, index: usize, write: &Write) -> Outcome {
    let values = written(&write.fields);
    let done = match &write.verb {
        Verb::Create { .. } => connector.create(api, object, values).await,
        Verb::Update { id, .. } => connector.update(api, object, id, values).await.map(|()| id.clone()),
        Verb::Delete { id } => connector.delete(api, object, id).await.map(|()| id.clone()),
    };
    let creates = matches!(write.verb, Verb::Create { .. });
    match done {
        Ok(id) => Outcome {
            id: Some(id),
            ..Outcome::new(index, OutcomeKind::Applied { created: creates })
        },
        Err(error) => Outcome {
            message: Some(error.message().to_owned()),
            ..Outcome::new(index, failed(&error, api, write, creates))
        },
    }
}

/// What an error says of a write.
fn failed(error: &Error, api: &Api<'_>, write: &Write, creates: bool) -> OutcomeKind {
    let again = |after: std::time::Duration| OutcomeKind::NotApplied {
        not_before: api.io().now().checked_add(after).ok(),
    };
    match (error.kind(), error.retry()) {
        (ErrorKind::NotFound, _) if !creates => OutcomeKind::Gone,
        (ErrorKind::Stale, _) => OutcomeKind::Conflict,
        (_, Retry::UnknownOutcome) => OutcomeKind::Unknown,
        (ErrorKind::RateLimited | ErrorKind::Unavailable, Retry::After(after)) => again(after),
        (ErrorKind::Reauthorise | ErrorKind::Stopped | ErrorKind::Refused, _) => {
            OutcomeKind::NotApplied { not_before: None }
        }
        // The provider did something, and what it said of it can't be read.
        (ErrorKind::Protocol, _) if api.wrote() => OutcomeKind::Unknown,
        _ => OutcomeKind::Rejected {
            fields: blamed(error.message(), write),
        },
    }
}

/// The fields that a refusal names.
fn blamed(message: &str, write: &Write) -> Vec<String> {
    let words: Vec<&str> = message
        .split(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '.'))
        .collect();
    let paths = write.fields.iter().map(|(path, _)| path);
    paths
        .filter(|path| words.iter().any(|word| word.trim_end_matches('.') == *path))
        .cloned()
        .collect()
}
