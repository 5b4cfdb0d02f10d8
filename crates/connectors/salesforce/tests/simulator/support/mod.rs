//! A host in miniature: drives the simulator's router in process, adds the token, retries reads, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use axum::body::Body;
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use syncline_connector_salesforce::Salesforce;
use syncline_core::batch::{Batch, Outcome, Projection, RowRef, RowState, ValueKind};
use syncline_core::connector::{Connector, Task};
use syncline_core::io::{Auth, Class, Config, Effect, Head, Io, Level, MacAlgorithm, Mark, Method, Request, Response};
use syncline_core::job::{Budget, Job, Progress, Pull, Push, Start, Write};
use syncline_core::{Error, ErrorKind, Result, Retry, Value};
use syncline_simulators::Options;
use syncline_simulators::clock::{Clock, ManualClock};
use syncline_simulators::fault::Faults;
use syncline_simulators::salesforce::Salesforce as Simulator;
use tower::ServiceExt;

const BASE_URL: &str = "https://simulated.my.salesforce.com";
/// Reads are tried this often.
const TRIES: usize = 8;

/// A simulated organisation, a connector, and the host between them.
pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) connector: Salesforce,
    pub(crate) config: Config,
    mark: AtomicU64,
}

/// What a pull gave: its rows as text, its cursor, and the steps that it took.
pub(crate) struct Pulled {
    pub(crate) rows: Vec<PulledRow>,
    pub(crate) cursor: bytes::Bytes,
    pub(crate) steps: usize,
    pub(crate) waits: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct PulledRow {
    pub(crate) id: String,
    pub(crate) stamp: Option<Timestamp>,
    pub(crate) state: RowState,
    pub(crate) merged_into: Option<String>,
    pub(crate) values: Vec<Value>,
}

impl World {
    pub(crate) fn new(records: usize) -> Self {
        let options = Options {
            records,
            ..Self::options()
        };
        Self::with(options, &[])
    }

    pub(crate) fn options() -> Options {
        Options {
            faults: Faults::new(7),
            access_token_life: Some(SignedDuration::from_hours(1_000)),
            ..Options::default()
        }
    }

    pub(crate) fn with(options: Options, settings: &[(&str, &str)]) -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-20T10:00:00Z".parse().unwrap()));
        let options = Options {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ..options
        };
        Self {
            simulator: Simulator::new(options).unwrap(),
            clock,
            connector: Salesforce::new(),
            config: Config {
                base_url: BASE_URL.into(),
                settings: settings
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
                ..Config::default()
            },
            mark: AtomicU64::new(0),
        }
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    pub(crate) async fn pull(&self, object: &str, fields: &[(&str, ValueKind)], start: Start) -> Pulled {
        self.pull_with(object, fields, start, |_, _| ()).await
    }

    /// Pulls with a new task for each step, as after a crash, and lets `between` act after each.
    pub(crate) async fn pull_with(
        &self,
        object: &str,
        fields: &[(&str, ValueKind)],
        start: Start,
        between: impl Fn(usize, &Self),
    ) -> Pulled {
        let job = Pull {
            object: object.into(),
            projection: Projection::new(fields.iter().copied()),
            start,
            conditions: Vec::new(),
            page_size: Some(200),
        };
        let mut pulled = Pulled {
            rows: Vec::new(),
            cursor: bytes::Bytes::new(),
            steps: 0,
            waits: 0,
        };
        let mut task = self.open(Job::Pull(job.clone()), None);
        loop {
            let mut batch = Batch::new(fields.len());
            let progress = task.step(self, Budget::default(), &mut batch).await;
            pulled.steps += 1;
            assert!(pulled.steps < 1_000, "a pull that does not end");
            match progress {
                Ok(Progress::More { checkpoint, .. }) => {
                    pulled.rows.extend(batch.rows().map(|row| row_of(row, fields.len())));
                    // Every second step goes on with the same task, and so by locator where there is one.
                    if pulled.steps.is_multiple_of(2) {
                        task = self.open(Job::Pull(job.clone()), checkpoint);
                    }
                }
                Ok(Progress::Done { cursor }) => {
                    pulled.rows.extend(batch.rows().map(|row| row_of(row, fields.len())));
                    pulled.cursor = cursor;
                    return pulled;
                }
                Ok(Progress::Wait { checkpoint, until }) => {
                    assert!(batch.is_empty(), "a step that waits gives nothing");
                    self.clock
                        .advance(until.duration_since(self.now()).max(SignedDuration::from_secs(1)));
                    pulled.waits += 1;
                    task = self.open(Job::Pull(job.clone()), Some(checkpoint));
                }
                Err(error) if matches!(error.retry(), Retry::After(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
            between(pulled.steps, self);
        }
    }

    pub(crate) fn open(&self, job: Job, resume: Option<bytes::Bytes>) -> Box<dyn Task> {
        self.connector.open(&self.config, job, resume).unwrap()
    }

    /// Pushes and gives one outcome per write, in their order.
    pub(crate) async fn push(&self, object: &str, writes: Vec<Write>) -> Vec<Outcome> {
        let count = writes.len();
        let push = Push {
            object: object.into(),
            projection: Projection::default(),
            writes,
        };
        let mut task = self.open(Job::Push(push), None);
        let mut outcomes = Vec::new();
        loop {
            let mut batch = Batch::new(0);
            let progress = task.step(self, Budget::default(), &mut batch).await.unwrap();
            outcomes.append(&mut batch.outcomes);
            match progress {
                Progress::Done { .. } => break,
                Progress::Wait { until, .. } => {
                    self.clock
                        .advance(until.duration_since(self.now()).max(SignedDuration::from_secs(1)));
                }
                Progress::More { .. } => {}
            }
        }
        outcomes.sort_by_key(|outcome| outcome.index);
        assert_eq!(
            outcomes.iter().map(|outcome| outcome.index).collect::<Vec<_>>(),
            (0..count).collect::<Vec<_>>()
        );
        outcomes
    }

    async fn once(&self, request: &Request) -> Result<Response> {
        let path = request
            .url
            .strip_prefix(BASE_URL)
            .expect("only the organisation's own address");
        let method = match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        };
        let mut builder = axum::http::Request::builder().method(method).uri(path);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if request.auth == Auth::Connection {
            builder = builder.header(
                "authorization",
                format!("Bearer {}", self.simulator.credentials().access_token),
            );
        }
        let sent = builder.body(Body::from(request.body.clone())).unwrap();
        let lost = |_| Error::new(ErrorKind::Unavailable, "the connection broke").retry_as(Retry::UnknownOutcome);
        let answer = self.simulator.router().oneshot(sent).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.map_err(lost)?.to_bytes();
        let headers = parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        Ok(Response {
            head: Head {
                status: parts.status.as_u16(),
                headers: headers.collect(),
            },
            body,
        })
    }
}

fn row_of(row: RowRef<'_>, width: usize) -> PulledRow {
    PulledRow {
        id: row.id().to_owned(),
        stamp: row.stamp(),
        state: row.state(),
        merged_into: row.merged_into().map(str::to_owned),
        values: (0..width)
            .map(|field| row.value(field).unwrap().unwrap_or_default())
            .collect(),
    }
}

#[async_trait]
impl Io for World {
    async fn send(&self, request: Request) -> Result<Response> {
        let mut tries = 0;
        loop {
            tries += 1;
            let answer = self.once(&request).await;
            if tries >= TRIES {
                return answer;
            }
            let again = match &answer {
                Err(_) => request.effect == Effect::Read,
                Ok(response) => match self.connector.classify(&response.head, &response.body) {
                    Class::TokenExpired => true,
                    Class::RateLimited { .. } | Class::Retryable { .. } | Class::Unknown => {
                        request.effect == Effect::Read
                    }
                    _ => false,
                },
            };
            if !again {
                return answer;
            }
        }
    }

    async fn send_all(&self, requests: Vec<Request>) -> Vec<Result<Response>> {
        let mut answers = Vec::new();
        for request in requests {
            answers.push(self.send(request).await);
        }
        answers
    }

    fn mark(&self) -> Mark {
        Mark(self.mark.fetch_add(1, Ordering::Relaxed))
    }

    fn now(&self) -> Timestamp {
        // Our clock is not the server's.
        self.clock.now() - SignedDuration::from_hours(3)
    }

    fn random(&self) -> u64 {
        4
    }

    fn log(&self, _: Level, _: &str) {}

    fn verify_mac(&self, _: &str, _: MacAlgorithm, _: &[u8], _: &[u8]) -> bool {
        false
    }
}
