//! Bulk API 2.0: the descriptions of jobs, and the results of one.

use syncline_core::Value;
use syncline_core::batch::{Batch, Outcome, Projection, ValueKind};
use syncline_core::io::{Config, Head, Method, Request, Response};
use syncline_core::job::{Budget, Job, Progress, Pull, Push, Start, Verb, Write};

use super::bulk_results;
use crate::connector::Remote;
use crate::connector::simulated::SimulatedSalesforce;
use crate::recorded::replay::Replay;
use crate::recorded::{Answer, Findings, Recording};

pub(super) type Fits = fn(&Request) -> bool;

/// A job makes no more calls than this.
pub(super) const MOST_STEPS: usize = 12;

pub(super) fn reply(status: u16, body: impl ToString) -> Response {
    Response {
        head: Head {
            status,
            headers: vec![("date".into(), "Fri, 20 Nov 2026 10:00:00 GMT".into())],
        },
        body: body.to_string().into(),
    }
}

pub(super) fn config(remote: &dyn Remote) -> Config {
    let mut config = remote.config();
    for setting in ["bulk_read_above", "bulk_write_above"] {
        config.settings.insert(setting.into(), "1".into());
    }
    config
}

/// A job's description, or one of its results.
pub(super) fn answer(recording: &Recording) -> Answer<'_> {
    let (method, path) = recording.call();
    let plain = path.split(['?', ' ']).next().unwrap_or_default().trim_end_matches('/');
    if recording.body.is_string() {
        return bulk_results::answer(recording, plain);
    }
    if recording.body.get("resultPages").is_some() {
        return Answer::Called(Box::pin(bulk_results::pages(recording)));
    }
    if recording.body["records"].is_array() {
        return Answer::NotCalled("the list of jobs: each job is asked about alone");
    }
    if recording.body.is_null() {
        return match method.as_str() {
            "delete" => Answer::NotCalled("the delete of a job: it goes by itself"),
            _ => Answer::Called(Box::pin(uploaded(recording))),
        };
    }
    let query = recording.body["operation"]
        .as_str()
        .is_some_and(|operation| operation.starts_with("query"));
    if query {
        Answer::Called(Box::pin(self::query(recording)))
    } else {
        Answer::Called(Box::pin(ingest(recording)))
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

pub(super) fn upserts(field: &str, keys: &[String]) -> Job {
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

pub(super) async fn run(
    remote: &SimulatedSalesforce,
    io: &Replay<'_>,
    job: Job,
) -> (Vec<Outcome>, bool, Option<String>) {
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

/// The empty answer to an upload.
async fn uploaded(recording: &Recording) -> Findings {
    let remote = SimulatedSalesforce::fresh(0);
    let mut findings = Findings::of("an upload of a bulk job");
    let answers: Vec<(Fits, _)> = vec![(|request| request.method == Method::Put, recording.response())];
    let io = Replay::new(&remote, answers);
    let keys = ["1".to_owned(), "2".to_owned()];
    let (_, waited, error) = run(&remote, &io, upserts("External_Id__c", &keys)).await;
    findings.wrong.extend(error);
    findings.check(waited, || "the job is not waited for".into());
    findings
}
