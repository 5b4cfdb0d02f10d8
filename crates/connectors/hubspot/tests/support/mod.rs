//! An [`Io`] that asks the simulator in process.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's support may fail the test")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use syncline_connector_hubspot::HubSpot;
use syncline_core::batch::{Batch, Projection, RowState};
use syncline_core::connector::Connector;
use syncline_core::error::{Error, ErrorKind, Result, Retry};
use syncline_core::io::{Auth, Config, Head, Io, Level, MacAlgorithm, Mark, Method, Request, Response};
use syncline_core::job::{Budget, Fetch, FetchBy, Job, Progress, Pull, Push, Start, Verb, Write};
use syncline_core::value::Value;
use syncline_simulators::clock::{Clock, ManualClock};
use syncline_simulators::hubspot::HubSpot as Simulator;
use syncline_simulators::options::Options;
use tower::ServiceExt;

/// A simulator under a clock of its own, the connector, and what it asked.
pub struct World {
    pub simulator: Simulator,
    pub clock: Arc<ManualClock>,
    pub config: Config,
    pub connector: HubSpot,
    pub asked: Mutex<Vec<Request>>,
    pub secret: String,
    /// Answers to give instead of asking: the first that fits the end of a path is taken out.
    pub script: Mutex<Vec<(&'static str, Answered)>>,
}

/// A scripted answer.
pub enum Answered {
    /// This status and body, without asking.
    Instead(u16, &'static str),
    /// The request is served and the answer lost.
    Lost,
}

impl World {
    pub fn new(records: usize) -> Self {
        Self::lagging(records, SignedDuration::ZERO)
    }

    /// A world whose connection speaks this version of the API.
    pub fn at(version: &str, records: usize) -> Self {
        let mut world = Self::new(records);
        world.config.settings.insert("api_version".into(), version.into());
        world
    }

    /// A world whose search index lags behind the records.
    pub fn lagging(records: usize, index_lag: SignedDuration) -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-20T10:00:00Z".parse().unwrap()));
        let options = Options {
            records,
            clock: clock.clone(),
            index_lag,
            ..Options::default()
        };
        let simulator = Simulator::new(options).unwrap();
        let config = Config {
            base_url: "http://hubspot.test".into(),
            ..Config::default()
        };
        let world = Self {
            simulator,
            clock,
            config,
            connector: HubSpot::new(),
            asked: Mutex::default(),
            secret: String::new(),
            script: Mutex::default(),
        };
        world.pass(3_600);
        world
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    pub fn answer(&self, path: &'static str, answered: Answered) {
        self.script.lock().unwrap().push((path, answered));
    }

    pub fn count(&self, part: &str) -> usize {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .filter(|request| request.url.contains(part))
            .count()
    }

    /// Runs a pull to its end, each step by a new task when `resume` is set.
    pub async fn pull(&self, pull: Pull, budget: Budget, resume: bool) -> (Vec<Row>, Bytes) {
        let mut rows = Vec::new();
        let mut task = self
            .connector
            .open(&self.config, Job::Pull(pull.clone()), None)
            .unwrap();
        for _ in 0..10_000 {
            let mut batch = Batch::new(pull.projection.fields.len());
            let progress = task.step(self, budget, &mut batch).await.unwrap();
            rows.extend(Row::all(&batch));
            match progress {
                Progress::Done { cursor } => return (rows, cursor),
                Progress::More { checkpoint, .. } if resume => {
                    task = self
                        .connector
                        .open(&self.config, Job::Pull(pull.clone()), checkpoint)
                        .unwrap();
                }
                _ => {}
            }
        }
        panic!("the pull does not end");
    }

    pub async fn fetch(&self, object: &str, projection: &Projection, by: FetchBy) -> Vec<Row> {
        let fetch = Fetch {
            object: object.into(),
            projection: projection.clone(),
            by,
        };
        let mut batch = Batch::new(projection.fields.len());
        self.connector
            .fetch(self, &self.config, &fetch, &mut batch)
            .await
            .unwrap();
        Row::all(&batch)
    }

    /// Runs a push to its end and returns its outcomes in the order of the writes.
    pub async fn push(&self, object: &str, writes: Vec<Write>) -> Vec<syncline_core::batch::Outcome> {
        let count = writes.len();
        let push = Push {
            object: object.into(),
            projection: Projection::default(),
            writes,
        };
        let mut task = self.connector.open(&self.config, Job::Push(push), None).unwrap();
        let mut outcomes = Vec::new();
        loop {
            let mut batch = Batch::new(0);
            let progress = task.step(self, Budget::default(), &mut batch).await.unwrap();
            outcomes.append(&mut batch.outcomes);
            if let Progress::Done { .. } = progress {
                break;
            }
        }
        outcomes.sort_by_key(|outcome| outcome.index);
        assert_eq!(
            outcomes.iter().map(|o| o.index).collect::<Vec<_>>(),
            (0..count).collect::<Vec<_>>()
        );
        outcomes
    }

    /// A token of the app itself, as the host gets it.
    async fn app_token(&self) -> String {
        let credentials = self.simulator.credentials();
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={}",
            credentials.client_id,
            credentials.client_secret,
            self.connector.app_scopes().join("%20")
        );
        let request = axum::http::Request::post("http://hubspot.test/oauth/2026-03/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(form))
            .unwrap();
        let answer = self.simulator.router().oneshot(request).await.unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        json["access_token"].as_str().unwrap().to_owned()
    }

    async fn ask(&self, request: Request) -> Result<Response> {
        self.asked.lock().unwrap().push(request.clone());
        let path = request.url.split('?').next().unwrap_or_default().to_owned();
        let scripted = {
            let mut script = self.script.lock().unwrap();
            let at = script.iter().position(|(part, _)| path.ends_with(part));
            at.map(|at| script.remove(at).1)
        };
        if let Some(Answered::Instead(status, body)) = scripted {
            return Ok(Response {
                head: Head {
                    status,
                    headers: Vec::new(),
                },
                body: body.into(),
            });
        }
        let method = match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        };
        let mut built = axum::http::Request::builder().method(method).uri(&request.url);
        for (name, value) in &request.headers {
            built = built.header(name, value);
        }
        let token = match request.auth {
            Auth::Connection => Some(self.simulator.private_app_token()),
            Auth::App => Some(self.app_token().await),
            Auth::None => None,
        };
        if let Some(token) = token {
            built = built.header("authorization", format!("Bearer {token}"));
        }
        let answer = self
            .simulator
            .router()
            .oneshot(built.body(Body::from(request.body)).unwrap())
            .await
            .unwrap();
        if let Some(Answered::Lost) = scripted {
            return Err(Error::new(ErrorKind::Unavailable, "the answer was lost").retry_as(Retry::UnknownOutcome));
        }
        let (parts, body) = answer.into_parts();
        let headers = parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        let body = body.collect().await.unwrap().to_bytes();
        Ok(Response {
            head: Head {
                status: parts.status.as_u16(),
                headers,
            },
            body,
        })
    }
}

#[async_trait]
impl Io for World {
    async fn send(&self, request: Request) -> Result<Response> {
        self.ask(request).await
    }

    async fn send_all(&self, requests: Vec<Request>) -> Vec<Result<Response>> {
        let mut answers = Vec::new();
        for request in requests {
            answers.push(self.ask(request).await);
        }
        answers
    }

    fn mark(&self) -> Mark {
        Mark(0)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn random(&self) -> u64 {
        4
    }

    fn log(&self, _: Level, _: &str) {}

    fn verify_mac(&self, key_name: &str, algorithm: MacAlgorithm, message: &[u8], tag: &[u8]) -> bool {
        assert_eq!(key_name, "client_secret");
        if algorithm == MacAlgorithm::Sha256Prefix {
            return Sha256::digest([self.secret.as_bytes(), message].concat()).as_slice() == tag;
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(message);
        mac.verify_slice(tag).is_ok()
    }
}

/// A row, unpacked.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub id: String,
    pub state: RowState,
    pub merged_into: Option<String>,
    pub values: Vec<Option<Value>>,
}

impl Row {
    pub fn all(batch: &Batch) -> Vec<Self> {
        batch
            .rows()
            .map(|row| Self {
                id: row.id().to_owned(),
                state: row.state(),
                merged_into: row.merged_into().map(str::to_owned),
                values: (0..batch.width()).map(|slot| row.value(slot).unwrap()).collect(),
            })
            .collect()
    }

    pub fn text(&self, slot: usize) -> Option<&str> {
        self.values[slot].as_ref().and_then(Value::as_text)
    }
}

pub fn pull(object: &str, projection: &Projection, start: Start) -> Pull {
    Pull {
        object: object.into(),
        projection: projection.clone(),
        start,
        conditions: Vec::new(),
        page_size: None,
    }
}

pub fn write(verb: Verb, fields: &[(&str, Value)]) -> Write {
    let fields = fields
        .iter()
        .map(|(path, value)| ((*path).to_owned(), value.clone()))
        .collect();
    Write {
        operation: uuid::Uuid::nil(),
        verb,
        fields,
    }
}

pub fn create(email: &str) -> Write {
    write(Verb::Create { marker: None }, &[("email", Value::text(email))])
}

pub fn update(id: &str, fields: &[(&str, Value)]) -> Write {
    write(
        Verb::Update {
            id: id.into(),
            expected_stamp: None,
        },
        fields,
    )
}

pub fn delete(id: &str) -> Write {
    write(Verb::Delete { id: id.into() }, &[])
}
