//! Connectors that the host wrote in Python. Its code runs on a thread of its own; what it sends goes through the engine's
//! HTTP stack, so it meets the same guard, quota and retries as any connector, and never sees a token.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use pyo3::prelude::*;
use pythonize::{depythonize, pythonize};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};
use syncline::batch::{Batch, Hint, Outcome, OutcomeKind, Projection, ReadClass, RowState, ValueKind};
use syncline::connector::{Access, Connector, RawRequest, Task};
use syncline::io::{Class, Config, Effect, Head, Io, MacAlgorithm, Method, Request, Response};
use syncline::job::{Budget, Feed, Fetch, FetchBy, Job, Progress, Pull, Push, Start, Verb, Write};
use syncline::manifest::Manifest;
use syncline::schema::{Account, Described, ObjectInfo, ObjectSchema, RemoteUser};
use syncline::value::{DateTime, Precision};
use syncline::{Error, ErrorKind, Result, Value};
use tokio::sync::{mpsc, oneshot};

use crate::error::{invalid, raised};

/// Status, headers and body.
type Answer = (u16, Vec<(String, String)>, Vec<u8>);

/// What the host's code asks while it is asked itself.
enum Asked {
    Send(Request, oneshot::Sender<Result<Response>>),
    /// Whether a tag is the code of a message under the app's secret.
    Verify(MacAlgorithm, Vec<u8>, Vec<u8>, oneshot::Sender<bool>),
}

/// What a connector of the host's sends its requests through.
#[pyclass(frozen, module = "syncline._native")]
#[derive(Debug)]
pub(crate) struct ConnectorIo {
    requests: mpsc::UnboundedSender<Asked>,
    wrote: Arc<AtomicBool>,
}

#[pymethods]
impl ConnectorIo {
    /// Sends a request and waits: status, headers and body.
    fn send(
        &self,
        py: Python<'_>,
        method: &str,
        url: String,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
        effect: &str,
    ) -> PyResult<Answer> {
        let method = match method {
            "GET" => Method::Get,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            other => {
                return Err(invalid(format!(
                    "`{other}` is no method; there are: GET, POST, PUT, PATCH, DELETE"
                )));
            }
        };
        let effect = match effect {
            "read" => Effect::Read,
            "idempotent" => Effect::Idempotent,
            "once" => Effect::Once,
            other => {
                return Err(invalid(format!(
                    "`{other}` is no effect; there are: read, idempotent, once"
                )));
            }
        };
        if effect != Effect::Read {
            self.wrote.store(true, Ordering::Relaxed);
        }
        let mut request = Request::new(method, url, effect);
        request.headers.extend(headers);
        request.body = body.into();
        let answer = py.detach(|| {
            let (reply, answer) = oneshot::channel();
            self.requests.send(Asked::Send(request, reply)).ok()?;
            answer.blocking_recv().ok()
        });
        let gone = || {
            raised(Error::new(
                ErrorKind::Stopped,
                "the call that this connector served is over",
            ))
        };
        let response = answer.ok_or_else(gone)?.map_err(raised)?;
        Ok((response.head.status, response.head.headers, response.body.into()))
    }

    /// Whether `tag` is the code of a message under the app's client secret, which stays with the host.
    fn verify(&self, py: Python<'_>, algorithm: &str, message: Vec<u8>, tag: Vec<u8>) -> PyResult<bool> {
        let algorithm = match algorithm {
            "hmac_sha256" => MacAlgorithm::HmacSha256,
            "sha256_prefix" => MacAlgorithm::Sha256Prefix,
            other => {
                return Err(invalid(format!(
                    "`{other}` is no algorithm; there are: hmac_sha256, sha256_prefix"
                )));
            }
        };
        let answer = py.detach(|| {
            let (reply, answer) = oneshot::channel();
            self.requests.send(Asked::Verify(algorithm, message, tag, reply)).ok()?;
            answer.blocking_recv().ok()
        });
        Ok(answer.unwrap_or_default())
    }
}

/// A connector of the host's.
#[derive(Debug, Clone)]
pub(crate) struct PythonConnector {
    connector: Arc<Py<PyAny>>,
    manifest: Arc<Manifest>,
    feeds: bool,
}

/// What went wrong in the host's code, and whether it had asked for a write by then.
struct Broken {
    error: Error,
    wrote: bool,
}

impl PythonConnector {
    /// Takes an object of the class `syncline.Connector`.
    pub(crate) fn new(py: Python<'_>, connector: Py<PyAny>) -> PyResult<Self> {
        let plain = connector.bind(py).call_method0("_manifest")?;
        let manifest = depythonize(&plain).map_err(|error| invalid(format!("a connector's manifest: {error}")))?;
        Ok(Self {
            feeds: connector.bind(py).call_method0("_feeds")?.extract()?,
            connector: Arc::new(connector),
            manifest: Arc::new(manifest),
        })
    }

    /// Asks the host's code on a thread of its own, and sends what it asks to be sent meanwhile.
    async fn ask(&self, io: &dyn Io, config: &Config, what: &'static str, arguments: Json) -> Result<Json, Broken> {
        let (requests, mut asked) = mpsc::unbounded_channel::<Asked>();
        let wrote = Arc::new(AtomicBool::new(false));
        let own = ConnectorIo {
            requests,
            wrote: Arc::clone(&wrote),
        };
        let (connector, config) = (Arc::clone(&self.connector), json!(config));
        let mut work = tokio::task::spawn_blocking(move || {
            Python::try_attach(|py| -> PyResult<Json> {
                let given = (own, pythonize(py, &config)?, what, pythonize(py, &arguments)?);
                let answer = connector.bind(py).call_method1("_ask", given)?;
                Ok(depythonize(&answer)?)
            })
        });
        let answer = loop {
            tokio::select! {
                biased;
                // Who asked may have been interrupted.
                Some(asked) = asked.recv() => match asked {
                    Asked::Send(request, reply) => {
                        let _gone = reply.send(io.send(request).await);
                    }
                    Asked::Verify(algorithm, message, tag, reply) => {
                        let _gone = reply.send(io.verify_mac("client_secret", algorithm, &message, &tag));
                    }
                },
                done = &mut work => break done,
            }
        };
        let error = match answer {
            Ok(Some(Ok(answer))) => return Ok(answer),
            Ok(Some(Err(exception))) => self.error(&exception),
            Ok(None) => Error::new(ErrorKind::Stopped, "the interpreter is ending"),
            Err(broken) => Error::new(ErrorKind::Internal, "a connector broke off").because(broken),
        };
        Err(Broken {
            error,
            wrote: wrote.load(Ordering::Relaxed),
        })
    }

    async fn read<T: DeserializeOwned>(
        &self,
        io: &dyn Io,
        config: &Config,
        what: &'static str,
        arguments: Json,
    ) -> Result<T> {
        let answer = self
            .ask(io, config, what, arguments)
            .await
            .map_err(|broken| broken.error)?;
        serde_json::from_value(answer).map_err(|error| {
            let message = format!(
                "the connector {} answers `{what}` wrongly: {error}",
                self.manifest.label
            );
            Error::new(ErrorKind::Protocol, message)
        })
    }

    /// A Syncline error that the host's code raised is that error; anything else is an answer that can't be read.
    fn error(&self, exception: &PyErr) -> Error {
        let told = Python::try_attach(|py| -> PyResult<(ErrorKind, bool)> {
            let value = exception.value(py);
            let kind: String = value.getattr("kind")?.extract()?;
            let kind = serde_json::from_value(kind.into()).unwrap_or(ErrorKind::Protocol);
            Ok((kind, value.getattr("outcome_unknown")?.extract()?))
        });
        match told {
            Some(Ok((kind, unknown))) => {
                let error = Error::new(kind, exception.to_string());
                if unknown {
                    error.retry_as(syncline::Retry::UnknownOutcome)
                } else {
                    error
                }
            }
            _ => Error::new(
                ErrorKind::Protocol,
                format!("the connector {}: {exception}", self.manifest.label),
            ),
        }
    }
}

/// A record as the host's code answers it.
#[derive(Deserialize)]
struct Record {
    id: String,
    stamp: Option<Timestamp>,
    state: RowState,
    values: Map<String, Json>,
}

#[derive(Deserialize)]
struct Page {
    records: Vec<Record>,
    next: Option<String>,
    cursor: Option<String>,
}

/// What a feed told.
#[derive(Deserialize)]
struct Told {
    hints: Vec<Hint>,
    cursor: String,
    more: bool,
}

fn paths(projection: &Projection) -> Vec<&str> {
    projection.fields.iter().map(|field| field.path.as_str()).collect()
}

fn put(batch: &mut Batch, projection: &Projection, record: &Record) -> Result<()> {
    let mut row = batch.row(&record.id);
    row.state(record.state);
    if let Some(stamp) = record.stamp {
        row.stamp(stamp);
    }
    for (index, field) in projection.fields.iter().enumerate() {
        let given = record.values.get(&field.path).cloned().unwrap_or_default();
        let text = given.as_str().map(str::to_owned);
        let value = match (field.kind, text) {
            (_, Some(text)) if text.is_empty() => Value::Null,
            (ValueKind::Number, Some(text)) => Value::from_number(&text),
            (ValueKind::Date, Some(text)) => Value::Date(text.parse().map_err(|_| unreadable(&field.path, &text))?),
            (ValueKind::DateTime, Some(text)) => {
                let instant = text.parse().map_err(|_| unreadable(&field.path, &text))?;
                Value::DateTime(DateTime::new(instant, Precision::Microsecond))
            }
            _ => Value::from_json(given),
        };
        row.set(index, &value);
    }
    row.finish();
    Ok(())
}

fn unreadable(path: &str, text: &str) -> Error {
    Error::new(
        ErrorKind::Protocol,
        format!("`{text}` can't be read as the field `{path}`"),
    )
}

#[async_trait]
impl Connector for PythonConnector {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn scopes(&self, objects: &[(&str, Access)]) -> Vec<String> {
        let given: Vec<(&str, bool)> = objects
            .iter()
            .map(|(name, access)| (*name, *access == Access::Write))
            .collect();
        let asked = Python::try_attach(|py| -> PyResult<Vec<String>> {
            self.connector.bind(py).call_method1("_scopes", (given,))?.extract()
        });
        asked.and_then(PyResult::ok).unwrap_or_default()
    }

    fn classify(&self, head: &Head, body: &[u8]) -> Class {
        let message = || String::from_utf8_lossy(body).chars().take(200).collect::<String>();
        match head.status {
            200..=299 => Class::Success,
            401 => Class::TokenExpired,
            403 => Class::Forbidden { message: message() },
            404 => Class::NotFound,
            409 | 412 => Class::Conflict,
            429 => Class::RateLimited {
                after: head
                    .header("retry-after")
                    .and_then(|text| text.parse().ok())
                    .map(std::time::Duration::from_secs),
                daily: false,
            },
            500.. => Class::Unknown,
            status => Class::Rejected {
                code: status.to_string(),
                message: message(),
            },
        }
    }

    async fn account(&self, io: &dyn Io, config: &Config) -> Result<Account> {
        self.read(io, config, "account", json!({})).await
    }

    async fn objects(&self, io: &dyn Io, config: &Config) -> Result<Vec<ObjectInfo>> {
        self.read(io, config, "objects", json!({})).await
    }

    async fn describe(&self, io: &dyn Io, config: &Config, object: &str, _: Option<&str>) -> Result<Described> {
        let schema: ObjectSchema = self.read(io, config, "describe", json!({ "object": object })).await?;
        Ok(Described::Schema(schema))
    }

    async fn users(&self, _: &dyn Io, _: &Config) -> Result<Vec<RemoteUser>> {
        Ok(Vec::new())
    }

    async fn fetch(&self, io: &dyn Io, config: &Config, fetch: &Fetch, batch: &mut Batch) -> Result<()> {
        batch.class = ReadClass::Strong;
        let ids = match &fetch.by {
            FetchBy::Ids(ids) => ids,
            FetchBy::Key { field, values } => {
                let fields = paths(&fetch.projection);
                let arguments = json!({ "object": fetch.object, "field": field, "texts": values, "fields": fields });
                let records: Vec<Record> = self.read(io, config, "find", arguments).await?;
                for record in records.iter().filter(|record| record.state == RowState::Live) {
                    put(batch, &fetch.projection, record)?;
                }
                return Ok(());
            }
        };
        let arguments = json!({ "object": fetch.object, "ids": ids, "fields": paths(&fetch.projection) });
        let records: Vec<Record> = self.read(io, config, "fetch", arguments).await?;
        for record in &records {
            put(batch, &fetch.projection, record)?;
        }
        for id in ids.iter().filter(|id| records.iter().all(|record| record.id != **id)) {
            let mut row = batch.row(id);
            row.state(RowState::Missing);
            row.finish();
        }
        Ok(())
    }

    fn open(&self, config: &Config, job: Job, resume: Option<Bytes>) -> Result<Box<dyn Task>> {
        let page = resume.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let job = match (job, resume) {
            // A feed goes on from its own cursors.
            (Job::Feed(feed), Some(cursor)) => Job::Feed(Feed {
                cursor: Some(cursor),
                ..feed
            }),
            (job, _) => job,
        };
        let work = match job {
            Job::Pull(pull) => Work::Pull { pull, page },
            Job::Sweep { object, projection } => Work::Pull {
                pull: Pull {
                    object,
                    projection,
                    start: Start::Beginning,
                    conditions: Vec::new(),
                    page_size: None,
                },
                page,
            },
            Job::Push(push) => Work::Push { push, done: 0 },
            Job::Feed(feed) if self.feeds => Work::Feed { feed },
            Job::Feed(_) => {
                let message = format!("{} has no feed of changes", self.manifest.label);
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        };
        Ok(Box::new(PythonTask {
            connector: self.clone(),
            config: config.clone(),
            work,
        }))
    }

    async fn webhook(&self, io: &dyn Io, config: &Config, request: &RawRequest) -> Result<Vec<Hint>> {
        if !self.manifest.capabilities.webhooks {
            let message = format!("{} has no webhooks", self.manifest.label);
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let arguments = json!({
            "method": request.method, "url": request.url, "headers": request.headers, "body": request.body.to_vec(),
        });
        self.read(io, config, "webhook", arguments).await
    }
}

enum Work {
    Pull { pull: Pull, page: Option<String> },
    Push { push: Push, done: usize },
    Feed { feed: Feed },
}

struct PythonTask {
    connector: PythonConnector,
    config: Config,
    work: Work,
}

#[async_trait]
impl Task for PythonTask {
    async fn step(&mut self, io: &dyn Io, budget: Budget, batch: &mut Batch) -> Result<Progress> {
        match &mut self.work {
            Work::Pull { pull, page } => {
                batch.class = ReadClass::Weak;
                let (cursor, since) = match &pull.start {
                    Start::Beginning => (None, None),
                    Start::Cursor(cursor) => (Some(String::from_utf8_lossy(cursor).into_owned()), None),
                    Start::Since(since) => (None, Some(since.to_string())),
                };
                let arguments = json!({
                    "object": pull.object, "fields": paths(&pull.projection), "cursor": cursor, "since": since,
                    "page": page, "size": pull.page_size.unwrap_or(self.connector.manifest.capabilities.read.page_size),
                });
                let read: Page = self.connector.read(io, &self.config, "pull", arguments).await?;
                for record in &read.records {
                    put(batch, &pull.projection, record)?;
                }
                Ok(match read.next {
                    Some(next) => {
                        let checkpoint = Some(Bytes::from(next.clone()));
                        *page = Some(next);
                        Progress::More {
                            checkpoint,
                            total: None,
                        }
                    }
                    None => Progress::Done {
                        cursor: read.cursor.or(cursor).unwrap_or_default().into(),
                    },
                })
            }
            Work::Feed { feed } => {
                let cursor = feed
                    .cursor
                    .as_ref()
                    .map(|cursor| String::from_utf8_lossy(cursor).into_owned());
                let objects: Vec<&str> = feed.objects.iter().map(|object| object.object.as_str()).collect();
                let arguments = json!({ "objects": objects, "cursor": cursor });
                let told: Told = self.connector.read(io, &self.config, "feed", arguments).await?;
                batch.hints = told.hints;
                let cursor = Bytes::from(told.cursor);
                if told.more && feed.cursor.as_ref() != Some(&cursor) {
                    feed.cursor = Some(cursor.clone());
                    return Ok(Progress::More {
                        checkpoint: Some(cursor),
                        total: None,
                    });
                }
                Ok(Progress::Done { cursor })
            }
            Work::Push { push, done } => {
                batch.class = ReadClass::Strong;
                let end = push.writes.len().min(*done + budget.rows.clamp(1, 50));
                for index in *done..end {
                    let outcome = written(
                        &self.connector,
                        io,
                        &self.config,
                        &push.object,
                        index,
                        &push.writes[index],
                    );
                    batch.outcomes.push(outcome.await);
                }
                *done = end;
                Ok(if end == push.writes.len() {
                    Progress::Done { cursor: Bytes::new() }
                } else {
                    Progress::More {
                        checkpoint: None,
                        total: None,
                    }
                })
            }
        }
    }
}

/// Carries one write out. What the host's code raises is this record's outcome.
async fn written(
    connector: &PythonConnector,
    io: &dyn Io,
    config: &Config,
    object: &str,
    index: usize,
    write: &Write,
) -> Outcome {
    let values: Map<String, Json> = write
        .fields
        .iter()
        .map(|(path, value)| (path.clone(), value.to_json()))
        .collect();
    let (what, id) = match &write.verb {
        Verb::Create { .. } => ("create", None),
        Verb::Update { id, .. } => ("update", Some(id)),
        Verb::Delete { id } => ("delete", Some(id)),
    };
    let arguments = json!({ "object": object, "id": id, "values": values });
    match connector.ask(io, config, what, arguments).await {
        Ok(answer) => Outcome {
            id: answer.as_str().map(str::to_owned).or_else(|| id.cloned()),
            ..Outcome::new(index, OutcomeKind::Applied { created: id.is_none() })
        },
        Err(broken) => {
            let kind = match broken.error.kind() {
                ErrorKind::NotFound if id.is_some() => OutcomeKind::Gone,
                ErrorKind::Invalid | ErrorKind::Rejected | ErrorKind::Forbidden => {
                    OutcomeKind::Rejected { fields: Vec::new() }
                }
                ErrorKind::RateLimited => OutcomeKind::NotApplied { not_before: None },
                _ if broken.wrote => OutcomeKind::Unknown,
                _ => OutcomeKind::Rejected { fields: Vec::new() },
            };
            Outcome {
                message: Some(broken.error.to_string()),
                ..Outcome::new(index, kind)
            }
        }
    }
}
