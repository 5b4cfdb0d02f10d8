use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::{Api, Page, PageRequest, Record, Simple, SimpleConnector, classify_by_status};
use crate::batch::{Batch, OutcomeKind, Projection, ValueKind};
use crate::connector::Connector;
use crate::error::{ErrorKind, Result, Retry};
use crate::io::{Class, Config, Head, Io, Level, MacAlgorithm, Mark, Request, Response};
use crate::job::{Budget, Job, Progress, Pull, Push, Start, Verb, Write};
use crate::manifest::Manifest;
use crate::schema::{Account, FieldSchema, ObjectInfo};
use crate::value::Value;

/// Answers each request with what is next in line, and remembers what it was asked.
#[derive(Default)]
struct Wire {
    answers: Mutex<Vec<(u16, &'static str)>>,
    asked: Mutex<Vec<String>>,
}

impl Wire {
    fn of(answers: &[(u16, &'static str)]) -> Self {
        let mut answers = answers.to_vec();
        answers.reverse();
        Self {
            answers: Mutex::new(answers),
            ..Self::default()
        }
    }
}

#[async_trait]
impl Io for Wire {
    async fn send(&self, request: Request) -> Result<Response> {
        self.asked.lock().unwrap().push(request.url);
        let (status, body) = self.answers.lock().unwrap().pop().unwrap();
        let head = Head {
            status,
            headers: Vec::new(),
        };
        let body = Bytes::from(body);
        Ok(Response { head, body })
    }

    async fn send_all(&self, _: Vec<Request>) -> Vec<Result<Response>> {
        Vec::new()
    }

    fn mark(&self) -> Mark {
        Mark(0)
    }

    fn now(&self) -> Timestamp {
        "2026-11-20T10:00:00Z".parse().unwrap()
    }

    fn random(&self) -> u64 {
        0
    }

    fn log(&self, _: Level, _: &str) {}

    fn verify_mac(&self, _: &str, _: MacAlgorithm, _: &[u8], _: &[u8]) -> bool {
        false
    }
}

#[derive(Debug)]
struct Cards;

#[async_trait]
impl SimpleConnector for Cards {
    fn manifest(&self) -> Manifest {
        Manifest::new(
            "cards",
            "Cards",
            "https://login.cards.example",
            "https://api.cards.example",
        )
    }

    async fn account(&self, _: &Api<'_>) -> Result<Account> {
        Ok(Account::default())
    }

    async fn objects(&self, _: &Api<'_>) -> Result<Vec<ObjectInfo>> {
        Ok(["b", "a", "b"].map(|name| ObjectInfo::new(name, name)).into())
    }

    async fn describe(&self, _: &Api<'_>, _: &str) -> Result<Vec<FieldSchema>> {
        Ok(Vec::new())
    }

    async fn pull(&self, api: &Api<'_>, request: PageRequest<'_>) -> Result<Page> {
        let mut read = api
            .get(&["cards"], &[("after", request.page.unwrap_or_default())])
            .await?;
        Ok(Page {
            records: Record::list_from_json(read["cards"].take(), "id", "at")?,
            next: read["next"].as_str().map(str::to_owned),
        })
    }

    async fn fetch(&self, api: &Api<'_>, _: &str, _: &[String], _: &[&str]) -> Result<Vec<Record>> {
        Record::list_from_json(api.get(&["cards"], &[]).await?, "id", "at")
    }

    async fn create(&self, api: &Api<'_>, _: &str, values: Map<String, Json>) -> Result<String> {
        let made = api.post(&["cards"], &json!(values)).await?;
        Ok(Record::from_json(made, "id", "at")?.id)
    }

    async fn update(&self, api: &Api<'_>, _: &str, id: &str, values: Map<String, Json>) -> Result<()> {
        api.patch(&["cards", id], &json!(values)).await.map(drop)
    }

    async fn delete(&self, api: &Api<'_>, _: &str, id: &str) -> Result<()> {
        api.delete(&["cards", id]).await.map(drop)
    }
}

fn config() -> Config {
    Config {
        base_url: "https://api.cards.example/v1".into(),
        ..Config::default()
    }
}

/// What becomes of a write that is answered so.
fn outcome(verb: Verb, status: u16, body: &'static str) -> (OutcomeKind, String) {
    let push = Push {
        object: "a".into(),
        projection: Projection::default(),
        writes: vec![Write {
            operation: uuid::Uuid::nil(),
            verb,
            fields: vec![("name".into(), Value::text("Ada")), ("mail".into(), Value::text("x"))],
        }],
    };
    let wire = Wire::of(&[(status, body)]);
    let mut task = Simple::new(Cards).open(&config(), Job::Push(push), None).unwrap();
    let mut batch = Batch::new(0);
    block(task.step(&wire, Budget::default(), &mut batch)).unwrap();
    let outcome = batch.outcomes.remove(0);
    let asked = wire.asked.lock().unwrap().remove(0);
    (outcome.kind, asked)
}

/// Nothing here waits.
fn block<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(done) => done,
        std::task::Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn what_became_of_a_write_follows_from_its_answer() {
    let create = || Verb::Create { marker: None };
    let update = || Verb::Update {
        id: "a/../b?c".into(),
        expected_stamp: None,
    };
    let made = outcome(create(), 201, r#"{"id": 7}"#);
    assert_eq!(made.0, OutcomeKind::Applied { created: true });
    assert_eq!(made.1, "https://api.cards.example/v1/cards");
    let (changed, asked) = outcome(update(), 204, "");
    assert_eq!(changed, OutcomeKind::Applied { created: false });
    assert_eq!(
        asked, "https://api.cards.example/v1/cards/a%2F..%2Fb%3Fc",
        "no id leads elsewhere"
    );
    assert_eq!(outcome(update(), 404, "").0, OutcomeKind::Gone);
    assert_eq!(outcome(update(), 412, "").0, OutcomeKind::Conflict);
    assert_eq!(outcome(create(), 502, "<html>").0, OutcomeKind::Unknown);
    assert_eq!(
        outcome(create(), 201, "{}").0,
        OutcomeKind::Unknown,
        "made, and nobody says as what"
    );
    assert!(matches!(
        outcome(create(), 429, "").0,
        OutcomeKind::NotApplied { not_before: Some(_) }
    ));
    let (refused, _) = outcome(create(), 422, r#"{"message": "the field mail: no address"}"#);
    assert_eq!(
        refused,
        OutcomeKind::Rejected {
            fields: vec!["mail".into()]
        }
    );
}

#[test]
fn a_page_that_leads_to_itself_is_an_error_and_no_endless_pull() {
    let pull = Pull {
        object: "a".into(),
        projection: Projection::new([("born", ValueKind::Date), ("deep.er", ValueKind::Number)]),
        start: Start::Beginning,
        conditions: Vec::new(),
        page_size: None,
    };
    let page = r#"{"cards": [{"id": "1", "at": "2026-11-20T10:00:00Z", "born": "1815-12-10", "deep": {"er": "1.5"}}], "next": "1"}"#;
    let wire = Wire::of(&[(200, page), (200, page)]);
    let mut task = Simple::new(Cards).open(&config(), Job::Pull(pull), None).unwrap();
    let mut batch = Batch::new(2);
    let progress = block(task.step(&wire, Budget::default(), &mut batch)).unwrap();
    assert!(matches!(
        progress,
        Progress::More {
            checkpoint: Some(_),
            ..
        }
    ));
    let row = batch.get(0).unwrap();
    assert_eq!(row.value(0).unwrap(), Some(Value::Date("1815-12-10".parse().unwrap())));
    assert_eq!(row.value(1).unwrap(), Some(Value::from_number("1.5")));
    let error = block(task.step(&wire, Budget::default(), &mut batch)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

#[test]
fn reads_say_whether_trying_again_helps() {
    let read = |status, body| {
        let wire = Wire::of(&[(status, body)]);
        let (config, cards) = (config(), Cards);
        let api = Api::new(&wire, &config, &cards);
        block(api.get(&["me"], &[])).unwrap_err()
    };
    assert_eq!(read(401, "").kind(), ErrorKind::Reauthorise);
    assert_eq!(read(500, "").kind(), ErrorKind::Unavailable);
    assert!(
        matches!(read(200, "{").retry(), Retry::After(_)),
        "a body that was cut off"
    );
    let objects = block(Simple::new(Cards).objects(&Wire::default(), &config())).unwrap();
    assert_eq!(
        objects.iter().map(|object| object.name.as_str()).collect::<Vec<_>>(),
        ["a", "b"]
    );
    let head = Head {
        status: 408,
        headers: Vec::new(),
    };
    assert_eq!(classify_by_status(&head, b""), Class::Unknown);
}
