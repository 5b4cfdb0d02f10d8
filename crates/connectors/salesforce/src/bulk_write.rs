//! Writing many records through bulk jobs. Nothing is written before a job is closed, so that everything which goes
//! wrong until then is answered by writing through collections instead; afterwards each row is found again in one of
//! the job's three results, by its key.

use std::collections::{BTreeMap, VecDeque};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use syncline_core::batch::{Batch, OutcomeKind};
use syncline_core::connector::Task;
use syncline_core::io::{Class, Effect, Io, Method, Request};
use syncline_core::job::{Budget, Progress, Push, Write};
use syncline_core::{Error, ErrorKind, Result, Retry};

use crate::bulk_csv::damaged;
use crate::bulk_query::csv;
use crate::client::{Api, ask};
use crate::error::failed;
use crate::ingest_result::{Answered, answered};
use crate::outcome::{not_applied, with_message};
use crate::upload::{cells, parent, table};
use crate::write::{Group, PushTask};

const WRITING: &str = "writing records to Salesforce through a bulk job";
/// A job takes 150 MB after base64; this leaves room for it.
const MOST_BYTES: usize = 90 << 20;
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(1);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(30);
/// How often a question about a job under way is asked anew when no answer comes.
const MOST_TRIES: u32 = 10;

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Stage {
    Wanted,
    Made { job: String },
    Uploaded { job: String },
    Closed { job: String, asked: u32 },
    Over { job: String },
}

/// Writes of one kind that go through one job.
#[derive(Debug, Serialize, Deserialize)]
struct IngestJob {
    writes: Vec<usize>,
    stage: Stage,
    tries: u32,
}

#[derive(Serialize, Deserialize)]
struct Checkpoint {
    jobs: VecDeque<IngestJob>,
    collections: Option<Bytes>,
}

#[derive(Deserialize)]
struct JobInfo {
    id: String,
    state: String,
    #[serde(rename = "contentUrl")]
    content_url: Option<String>,
}

/// The task of a push, of which large groups go through jobs and the rest through collections.
#[derive(Debug)]
pub(crate) struct BulkPushTask {
    api: Api,
    object: String,
    writes: Vec<Write>,
    jobs: VecDeque<IngestJob>,
    collections: PushTask,
    /// How long a result was whose last line did not end.
    doubted: Option<usize>,
}

impl BulkPushTask {
    /// # Errors
    /// As [`syncline_core::connector::Connector::open`].
    pub(crate) fn new(api: Api, push: Push, above: Option<u64>, resume: Option<Bytes>) -> Result<Self> {
        let writes = push.writes.clone();
        let object = push.object.clone();
        let checkpoint: Option<Checkpoint> = resume
            .map(|bytes| serde_json::from_slice(&bytes).map_err(|error| expired().because(error)))
            .transpose()?;
        let (jobs, collections) = match checkpoint {
            Some(checkpoint) => {
                let all = checkpoint.jobs.iter().flat_map(|job| &job.writes);
                if all.into_iter().any(|index| *index >= writes.len()) {
                    return Err(expired());
                }
                let remaining = checkpoint.collections.or_else(|| Some(PushTask::nothing_left()));
                (checkpoint.jobs, PushTask::new(api.clone(), push, remaining)?)
            }
            None => {
                let mut collections = PushTask::new(api.clone(), push, None)?;
                let jobs = match above {
                    Some(above) => jobs(&writes, &mut collections, above),
                    None => VecDeque::new(),
                };
                (jobs, collections)
            }
        };
        Ok(Self {
            api,
            object,
            writes,
            jobs,
            collections,
            doubted: None,
        })
    }

    fn checkpoint(&self, collections: Option<Bytes>) -> Option<Bytes> {
        let checkpoint = Checkpoint {
            jobs: self
                .jobs
                .iter()
                .map(|job| IngestJob {
                    writes: job.writes.clone(),
                    stage: job.stage.clone(),
                    tries: job.tries,
                })
                .collect(),
            collections: collections.or_else(|| self.collections.checkpoint()),
        };
        serde_json::to_vec(&checkpoint).map(Bytes::from).ok()
    }

    fn progress(&self, wait: Option<SignedDuration>, io: &dyn Io) -> Result<Progress> {
        let checkpoint = self.checkpoint(None);
        match (wait, checkpoint) {
            (Some(wait), Some(checkpoint)) => Ok(Progress::Wait {
                checkpoint,
                until: io.now() + wait,
            }),
            (_, checkpoint) => Ok(Progress::More {
                checkpoint,
                total: None,
            }),
        }
    }

    /// One call about the first job. `None` once it is off the list.
    async fn advance(&mut self, io: &dyn Io, batch: &mut Batch) -> Result<Option<SignedDuration>> {
        let Some(job) = self.jobs.front() else {
            return Ok(None);
        };
        let outcome = match job.stage.clone() {
            Stage::Wanted => self.make(io).await,
            Stage::Made { job } => self.upload(io, &job).await,
            Stage::Uploaded { job } => self.close(io, &job).await,
            Stage::Closed { job, asked } => self.poll(io, &job, asked).await,
            Stage::Over { job } => self.settle(io, &job, batch).await,
        };
        match outcome {
            Ok(wait) => Ok(wait),
            Err(error) => self.troubled(&error, batch),
        }
    }

    fn stage(&mut self, stage: Stage) {
        if let Some(job) = self.jobs.front_mut() {
            job.stage = stage;
            job.tries = 0;
        }
    }

    async fn make(&mut self, io: &dyn Io) -> Result<Option<SignedDuration>> {
        let Some(first) = self.jobs.front().and_then(|job| job.writes.first()) else {
            return Ok(None);
        };
        let mut body = serde_json::json!({
            "object": self.object, "contentType": "CSV", "lineEnding": "LF", "columnDelimiter": "COMMA"
        });
        let operation = match Group::of(&self.writes[*first].verb) {
            Group::Upsert(field) => {
                body["externalIdFieldName"] = serde_json::Value::from(field);
                "upsert"
            }
            Group::Create => "insert",
            Group::Update => "update",
            Group::Delete => "delete",
        };
        body["operation"] = serde_json::Value::from(operation);
        let request = self.api.write(Method::Post, "jobs/ingest", Effect::Read);
        let info = told(io, request.json(body.to_string())).await?;
        self.stage(Stage::Made { job: info.id });
        Ok(None)
    }

    async fn upload(&mut self, io: &dyn Io, job: &str) -> Result<Option<SignedDuration>> {
        let body = self
            .jobs
            .front()
            .map(|job| table(&self.writes, &job.writes))
            .unwrap_or_default();
        let mut request = self
            .api
            .write(Method::Put, &format!("jobs/ingest/{job}/batches"), Effect::Once);
        request
            .headers
            .push(("content-type".into(), "text/csv; charset=UTF-8".into()));
        request.body = Bytes::from(body);
        let (_, class) = ask(io, request).await?;
        if class != Class::Success {
            return Err(failed(class, WRITING));
        }
        self.stage(Stage::Uploaded { job: job.to_owned() });
        Ok(None)
    }

    async fn close(&mut self, io: &dyn Io, job: &str) -> Result<Option<SignedDuration>> {
        let request = self
            .api
            .write(Method::Patch, &format!("jobs/ingest/{job}"), Effect::Once)
            .json(r#"{"state":"UploadComplete"}"#);
        let closed = told(io, request).await;
        let open = matches!(&closed, Err(error) if error.retry() != Retry::UnknownOutcome
            && error.kind() != ErrorKind::Unavailable);
        if open {
            return closed.map(|_| None);
        }
        // Without an answer the job may be closed; asking for it tells.
        self.stage(Stage::Closed {
            job: job.to_owned(),
            asked: 0,
        });
        Ok(Some(FIRST_WAIT))
    }

    async fn poll(&mut self, io: &dyn Io, job: &str, asked: u32) -> Result<Option<SignedDuration>> {
        let info = told(io, Request::get(self.api.data(&format!("jobs/ingest/{job}")))).await?;
        match info.state.as_str() {
            "JobComplete" | "Failed" | "Aborted" => {
                self.stage(Stage::Over { job: info.id });
                Ok(None)
            }
            "Open" => {
                self.stage(Stage::Uploaded { job: info.id });
                Ok(None)
            }
            _ => {
                let asked = asked.saturating_add(1);
                self.stage(Stage::Closed { job: info.id, asked });
                let wait = FIRST_WAIT * 2_i32.saturating_pow(asked.min(5));
                Ok(Some(wait.min(LONGEST_WAIT)))
            }
        }
    }

    /// Finds each write in one of the three results.
    async fn settle(&mut self, io: &dyn Io, job: &str, batch: &mut Batch) -> Result<Option<SignedDuration>> {
        let Some(waiting) = self.jobs.front().map(|job| job.writes.clone()) else {
            return Ok(None);
        };
        let mut outcomes = BTreeMap::new();
        for which in [Answered::Successful, Answered::Failed, Answered::Unprocessed] {
            if outcomes.len() == waiting.len() {
                break;
            }
            let request = csv(self.api.data(&format!("jobs/ingest/{job}/{}", which.path())));
            let (response, class) = ask(io, request).await?;
            if class != Class::Success {
                return Err(failed(class, WRITING));
            }
            // The last value of a body cut short would be taken for the key of another row; so one that just stops is
            // fetched once more.
            let length = response.body.len();
            if response.body.last().is_some_and(|byte| *byte != b'\n') && self.doubted != Some(length) {
                self.doubted = Some(length);
                return Err(damaged("the last line of a result of the bulk job does not end"));
            }
            for outcome in answered(which, &response.body, &self.writes, &waiting)? {
                outcomes.insert(outcome.index, outcome);
            }
        }
        for index in waiting {
            let outcome = outcomes.remove(&index).unwrap_or_else(|| {
                let verb = &self.writes[index].verb;
                with_message(
                    index,
                    verb,
                    OutcomeKind::Unknown,
                    "no result of the bulk job names this record",
                )
            });
            batch.outcomes.push(outcome);
        }
        self.jobs.pop_front();
        Ok(None)
    }

    /// What an error means at the stage where it happened.
    fn troubled(&mut self, error: &Error, batch: &mut Batch) -> Result<Option<SignedDuration>> {
        let Some(job) = self.jobs.front_mut() else {
            return Ok(None);
        };
        let stops = matches!(
            error.kind(),
            ErrorKind::Stopped | ErrorKind::Reauthorise | ErrorKind::Refused
        );
        match &job.stage {
            // Nothing can have been written: an open job does nothing.
            Stage::Wanted | Stage::Made { .. } | Stage::Uploaded { .. } => {
                let writes = self.jobs.pop_front().map(|job| job.writes).unwrap_or_default();
                if stops {
                    let outcome = |index: usize| not_applied(index, &self.writes[index].verb, None, error.message());
                    batch.outcomes.extend(writes.into_iter().map(outcome));
                } else {
                    self.collections.take_back(&writes);
                }
                Ok(None)
            }
            Stage::Closed { .. } | Stage::Over { .. } => {
                job.tries += 1;
                if job.tries < MOST_TRIES && !stops {
                    return Ok(Some(FIRST_WAIT * 5));
                }
                let writes = self.jobs.pop_front().map(|job| job.writes).unwrap_or_default();
                let outcome =
                    |index: usize| with_message(index, &self.writes[index].verb, OutcomeKind::Unknown, error.message());
                batch.outcomes.extend(writes.into_iter().map(outcome));
                Ok(None)
            }
        }
    }
}

#[async_trait]
impl Task for BulkPushTask {
    async fn step(&mut self, io: &dyn Io, budget: Budget, batch: &mut Batch) -> Result<Progress> {
        if !self.jobs.is_empty() {
            let wait = self.advance(io, batch).await?;
            batch.outcomes.sort_by_key(|outcome| outcome.index);
            return self.progress(wait, io);
        }
        match self.collections.step(io, budget, batch).await? {
            Progress::More { checkpoint, total } => Ok(Progress::More {
                checkpoint: self.checkpoint(checkpoint),
                total,
            }),
            other => Ok(other),
        }
    }
}

async fn told(io: &dyn Io, request: Request) -> Result<JobInfo> {
    let (response, class) = ask(io, request).await?;
    if class != Class::Success {
        return Err(failed(class, WRITING));
    }
    let info: JobInfo =
        serde_json::from_slice(&response.body).map_err(|error| crate::error::unreadable(WRITING, error))?;
    debug_assert!(
        info.content_url.as_ref().is_none_or(|url| url.ends_with("/batches")),
        "the address of the upload follows from the job"
    );
    Ok(info)
}

/// Takes groups that are large enough for a job out of the collections.
fn jobs(writes: &[Write], collections: &mut PushTask, above: u64) -> VecDeque<IngestJob> {
    let mut groups: BTreeMap<Group, Vec<usize>> = BTreeMap::new();
    for index in collections.waiting() {
        let group = Group::of(&writes[index].verb);
        // Rows come back in any order, so each needs a key to be known by.
        if group != Group::Create && cells(&writes[index]).is_some() {
            groups.entry(group).or_default().push(index);
        }
    }
    let mut jobs = VecDeque::new();
    for mut group in groups.into_values().filter(|group| group.len() as u64 > above) {
        collections.leave_out(&group);
        // Rows of one parent beside each other do not wait for its lock in different batches.
        group.sort_by_key(|index| parent(&writes[*index]));
        let mut job = Vec::new();
        let mut bytes = 0;
        for index in group {
            let length = cells(&writes[index]).map_or(0, |cells| cells.iter().map(|(_, cell)| cell.len() + 4).sum());
            if bytes + length > MOST_BYTES && !job.is_empty() {
                jobs.push_back(IngestJob {
                    writes: std::mem::take(&mut job),
                    stage: Stage::Wanted,
                    tries: 0,
                });
                bytes = 0;
            }
            bytes += length;
            job.push(index);
        }
        jobs.push_back(IngestJob {
            writes: job,
            stage: Stage::Wanted,
            tries: 0,
        });
    }
    jobs
}

fn expired() -> Error {
    Error::new(
        ErrorKind::CursorExpired,
        "the stored progress does not belong to these writes",
    )
}
