//! Bulk API 2.0: the descriptions of jobs, and the results of one.

use serde_json::{Value as Json, json};
use syncline_core::Value;
use syncline_core::batch::{Batch, Outcome, OutcomeKind, Projection, ValueKind};
use syncline_core::io::{Config, Head, Method, Request, Response};
use syncline_core::job::{Budget, Job, Progress, Pull, Push, Start, Verb, Write};

use super::replay::Replay;
use super::{Findings, Recording};
use crate::connector::Remote;
use crate::connector::simulated::SimulatedSalesforce;

type Fits = fn(&Request) -> bool;

/// A job makes no more calls than this.
const MOST_STEPS: usize = 12;

fn reply(status: u16, body: impl ToString) -> Response {
    Response {
        head: Head {
            status,
            headers: vec![("date".into(), "Fri, 20 Nov 2026 10:00:00 GMT".into())],
        },
        body: body.to_string().into(),
    }
}

fn config(remote: &dyn Remote) -> Config {
    let mut config = remote.config();
    for setting in ["bulk_read_above", "bulk_write_above"] {
        config.settings.insert(setting.into(), "1".into());
    }
    config
}

/// Reads a job's description, or one of its results.
pub(crate) async fn read(recording: &Recording) -> Findings {
    match &recording.body {
        Json::String(_) => failed_results(recording).await,
        body if body["operation"]
            .as_str()
            .is_some_and(|operation| operation.starts_with("query")) =>
        {
            query(recording).await
        }
        _ => ingest(recording).await,
    }
}

fn told(recording: &Recording) -> (String, String) {
    let text = |name: &str| recording.body[name].as_str().unwrap_or_default().to_owned();
    (text("id"), text("state"))
}

/// What the connector does next shows how it understood the state.
fn check_next(findings: &mut Findings, io: &Replay<'_>, id: &str, state: &str, waited: bool, results: &str) {
    let asked = io.asked.lock().unwrap();
    findings.check(asked.iter().any(|request| request.url.contains(id)), || {
        format!("the job {id} was not asked about")
    });
    match state {
        "JobComplete" => findings.check(asked.iter().any(|request| request.url.contains(results)), || {
            "the job is complete, and its results are not read".into()
        }),
        "Open" => {}
        _ => findings.check(waited, || {
            format!("the job is {state}, and the connector does not wait")
        }),
    }
}

async fn query(recording: &Recording) -> Findings {
    // More than a page: fewer are read without a job, whatever the setting says.
    let remote = SimulatedSalesforce::fresh(2_100);
    let (id, state) = told(recording);
    let mut findings = Findings::of(format!("bulk query, {state}"));
    let answers: Vec<(Fits, _)> = vec![
        (|request| request.url.contains("/results"), reply(200, "\"Id\"\n")),
        (|request| request.url.contains("/jobs/query"), recording.response()),
    ];
    let io = Replay::new(&remote, answers);
    let projection = Projection::new([("LastName", ValueKind::Text)]);
    let job = Job::Pull(Pull {
        object: "Contact".into(),
        projection,
        start: Start::Beginning,
        conditions: Vec::new(),
        page_size: None,
    });
    let mut task = remote
        .connector()
        .open(&config(&remote), job, None)
        .expect("a pull of records");
    let mut waited = false;
    for _ in 0..MOST_STEPS {
        let mut batch = Batch::new(1);
        match task.step(&io, Budget { rows: 2_000, calls: 1 }, &mut batch).await {
            Ok(Progress::Wait { .. }) => waited = true,
            Ok(Progress::More { .. }) => {}
            Ok(Progress::Done { .. }) => break,
            Err(error) => {
                findings.check(state == "JobComplete", || format!("{error:?}"));
                break;
            }
        }
    }
    check_next(&mut findings, &io, &id, &state, waited, "/results");
    findings
}

fn upserts(field: &str, keys: &[String]) -> Job {
    let writes = keys.iter().map(|key| Write {
        operation: uuid::Uuid::nil(),
        verb: Verb::Create {
            marker: Some((field.to_owned(), key.clone())),
        },
        fields: vec![("LastName".into(), Value::text("x"))],
    });
    Job::Push(Push {
        object: "Contact".into(),
        projection: Projection::default(),
        writes: writes.collect(),
    })
}

async fn run(remote: &SimulatedSalesforce, io: &Replay<'_>, job: Job) -> (Vec<Outcome>, bool, Option<String>) {
    let mut task = remote
        .connector()
        .open(&config(remote), job, None)
        .expect("a push of records");
    let (mut outcomes, mut waited) = (Vec::new(), false);
    for _ in 0..MOST_STEPS {
        let mut batch = Batch::new(0);
        match task.step(io, Budget::default(), &mut batch).await {
            Ok(progress) => {
                outcomes.append(&mut batch.outcomes);
                match progress {
                    Progress::Wait { .. } => waited = true,
                    Progress::More { .. } => {}
                    Progress::Done { .. } => break,
                }
            }
            Err(error) => return (outcomes, waited, Some(format!("{error:?}"))),
        }
    }
    (outcomes, waited, None)
}

async fn ingest(recording: &Recording) -> Findings {
    let remote = SimulatedSalesforce::fresh(0);
    let (id, state) = told(recording);
    let mut findings = Findings::of(format!("bulk ingest, {state}"));
    let answers: Vec<(Fits, _)> = vec![
        (|request| request.method == Method::Put, reply(201, "")),
        (
            |request| request.url.contains("esults") || request.url.contains("unprocessed"),
            reply(200, "\"sf__Id\",\"sf__Created\",\"External_Id__c\"\n"),
        ),
        (|request| request.url.contains("/jobs/ingest"), recording.response()),
    ];
    let io = Replay::new(&remote, answers);
    let keys = ["1".to_owned(), "2".to_owned()];
    let (_, waited, error) = run(&remote, &io, upserts("External_Id__c", &keys)).await;
    findings.wrong.extend(error);
    check_next(&mut findings, &io, &id, &state, waited, "successfulResults");
    findings
}

async fn failed_results(recording: &Recording) -> Findings {
    let remote = SimulatedSalesforce::fresh(0);
    let text = recording.body.as_str().unwrap_or_default();
    let mut lines = csv::Reader::from_reader(text.as_bytes());
    let header = lines.headers().cloned().unwrap_or_default();
    let is_key =
        |name: &str| name.to_ascii_lowercase().contains("external") || name.to_ascii_lowercase().contains("ext_");
    let mut findings = Findings::of("rows that a bulk job refused");
    let Some(key_at) = header.iter().position(is_key) else {
        findings.dropped.push("no column of it is a key of ours".into());
        return findings;
    };
    let error_at = header.iter().position(|name| name == "sf__Error").unwrap_or_default();
    let rows: Vec<csv::StringRecord> = lines.records().filter_map(Result::ok).collect();
    let mut keys: Vec<String> = rows.iter().map(|row| row[key_at].to_owned()).collect();
    // A job is made of more than one record.
    keys.push("another".into());
    let done = json!({"id": "750000000000001AAA", "state": "JobComplete", "operation": "upsert"});
    let answers: Vec<(Fits, _)> = vec![
        (|request| request.method == Method::Put, reply(201, "")),
        (|request| request.url.contains("failedResults"), recording.response()),
        (
            |request| request.url.contains("successfulResults") || request.url.contains("unprocessed"),
            reply(200, "\"sf__Id\",\"sf__Created\"\n"),
        ),
        (|request| request.url.contains("/jobs/ingest"), reply(200, done)),
    ];
    let io = Replay::new(&remote, answers);
    let (outcomes, _, error) = run(&remote, &io, upserts(&header[key_at], &keys)).await;
    findings.wrong.extend(error);
    for (number, row) in rows.iter().enumerate() {
        let outcome = outcomes.iter().find(|outcome| outcome.index == number);
        let code = row[error_at].split(':').next().unwrap_or_default();
        let told = outcome.and_then(|outcome| outcome.message.clone()).unwrap_or_default();
        let refused =
            outcome.is_some_and(|outcome| !matches!(outcome.kind, OutcomeKind::Applied { .. } | OutcomeKind::Unknown));
        findings.check(refused && told.contains(code), || {
            format!("{} was read as {outcome:?}", &row[error_at])
        });
    }
    findings
}
