//! Bulk API 2.0: what a job leaves, as CSV.

use serde_json::json;
use syncline_core::Value;
use syncline_core::batch::{Batch, OutcomeKind, Projection, ValueKind};
use syncline_core::io::Method;
use syncline_core::job::{Budget, Job, Progress, Pull, Start};

use super::bulk::{Fits, MOST_STEPS, config, reply, run, upserts};
use crate::connector::Remote;
use crate::connector::simulated::SimulatedSalesforce;
use crate::recorded::replay::Replay;
use crate::recorded::{Answer, Findings, Recording};

/// Which of a job's results a text is.
pub(super) fn answer<'a>(recording: &'a Recording, path: &str) -> Answer<'a> {
    let text = recording.body.as_str().unwrap_or_default();
    let first = text.lines().next().unwrap_or_default();
    if path.ends_with("unprocessedrecords") {
        return Answer::Called(Box::pin(refused(recording, "unprocessed")));
    }
    if first.contains("sf__Error") {
        return Answer::Called(Box::pin(refused(recording, "failedResults")));
    }
    if first.contains("sf__Created") {
        return Answer::Called(Box::pin(written(recording)));
    }
    Answer::Called(Box::pin(queried(recording)))
}

/// The records that a query found, cell by cell.
async fn queried(recording: &Recording) -> Findings {
    let remote = SimulatedSalesforce::fresh(0);
    let mut lines = csv::Reader::from_reader(recording.body.as_str().unwrap_or_default().as_bytes());
    let header = lines.headers().cloned().unwrap_or_default();
    let told: Vec<csv::StringRecord> = lines.records().filter_map(Result::ok).collect();
    let mut findings = Findings::of(format!("{} records of a bulk query", told.len()));
    let Some(id_at) = header.iter().position(|name| name == "Id") else {
        findings
            .dropped
            .push("records without their ids: the connector always asks for them".into());
        return findings;
    };
    let projection = Projection::new(header.iter().map(|name| (name.to_owned(), ValueKind::Text)));
    let done = json!({"id": "750000000000001AAA", "state": "JobComplete", "operation": "query", "numberRecordsProcessed": told.len()});
    let mut response = recording.response();
    response.head.headers.retain(|(name, _)| name != "sforce-locator");
    response.head.headers.push(("sforce-locator".into(), "null".into()));
    let answers: Vec<(Fits, _)> = vec![
        (|request| request.url.contains("/resultPages"), reply(404, "")),
        (|request| request.url.contains("/results"), response),
        (|request| request.url.contains("/jobs/query"), reply(200, done)),
        (|request| request.url.contains("/query?"), first_page()),
    ];
    let io = Replay::new(&remote, answers);
    let job = Job::Pull(Pull {
        object: "Contact".into(),
        projection: projection.clone(),
        start: Start::Beginning,
        conditions: Vec::new(),
        page_size: None,
    });
    let mut task = remote
        .connector()
        .open(&config(&remote), job, None)
        .expect("a pull of records");
    let mut batches = Vec::new();
    for _ in 0..MOST_STEPS {
        let mut batch = Batch::new(projection.fields.len());
        let stepped = task.step(&io, Budget { rows: 2_000, calls: 4 }, &mut batch).await;
        batches.push(batch);
        match stepped {
            Ok(Progress::Done { .. }) => break,
            Ok(_) => {}
            Err(error) => {
                findings.wrong.push(format!("{error:?}"));
                break;
            }
        }
    }
    for row in &told {
        let id = &row[id_at];
        let Some(read) = batches.iter().flat_map(Batch::rows).find(|read| read.id() == id) else {
            findings.wrong.push(format!("record {id} is lost"));
            continue;
        };
        for (place, cell) in row.iter().enumerate() {
            let ours = read.value(place).ok().flatten().unwrap_or_default();
            let theirs = if cell.is_empty() {
                Value::Null
            } else {
                Value::text(cell)
            };
            findings.check(ours == theirs || (ours.is_empty() && theirs.is_empty()), || {
                format!("{} of {id}: {theirs:?} was read as {ours:?}", &header[place])
            });
        }
    }
    findings
}

/// What is read before the job: a page that says that much more is to come.
fn first_page() -> syncline_core::io::Response {
    let record = json!({"attributes": {"type": "Contact"}, "Id": "000000000000000AAA",
        "SystemModstamp": "2026-01-01T00:00:00.000+0000"});
    let next = "/services/data/v66.0/query/0r8xx0000000001AAA-2000";
    reply(
        200,
        json!({"totalSize": 100_000, "done": false, "nextRecordsUrl": next, "records": [record]}),
    )
}

/// Which pages of a result can be read at once: each is asked for.
pub(super) async fn pages(recording: &Recording) -> Findings {
    let remote = SimulatedSalesforce::fresh(0);
    let urls: Vec<&str> = recording.body["resultPages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|page| page["resultUrl"].as_str().or_else(|| page["url"].as_str()))
        .collect();
    let mut findings = Findings::of(format!("{} pages of a bulk query", urls.len()));
    let done = json!({"id": "750000000000001AAA", "state": "JobComplete", "operation": "query"});
    let answers: Vec<(Fits, _)> = vec![
        (|request| request.url.contains("/resultPages"), recording.response()),
        (
            |request| request.url.contains("/results"),
            reply(200, "\"Id\",\"LastName\"\n"),
        ),
        (|request| request.url.contains("/jobs/query"), reply(200, done)),
        (|request| request.url.contains("/query?"), first_page()),
    ];
    let io = Replay::new(&remote, answers);
    let job = Job::Pull(Pull {
        object: "Contact".into(),
        projection: Projection::new([("LastName", ValueKind::Text)]),
        start: Start::Beginning,
        conditions: Vec::new(),
        page_size: None,
    });
    let mut config = config(&remote);
    config.settings.insert("bulk_parallel_pages".into(), "true".into());
    let mut task = remote.connector().open(&config, job, None).expect("a pull of records");
    for _ in 0..MOST_STEPS {
        let mut batch = Batch::new(1);
        match task.step(&io, Budget { rows: 2_000, calls: 4 }, &mut batch).await {
            Ok(Progress::Done { .. }) => break,
            Ok(_) => {}
            Err(error) => {
                findings.wrong.push(format!("{error:?}"));
                break;
            }
        }
    }
    let asked = io.asked.lock().unwrap();
    for url in urls {
        findings.check(asked.iter().any(|request| request.url.ends_with(url)), || {
            format!("{url} is not read")
        });
    }
    findings
}

/// Rows that a job wrote.
async fn written(recording: &Recording) -> Findings {
    let mut findings = Findings::of("rows that a bulk job wrote");
    let Some(table) = Table::read(recording) else {
        findings.dropped.push("no column of it is a key of ours".into());
        return findings;
    };
    let outcomes = table.push(recording, "successfulResults", &mut findings).await;
    let (id_at, created_at) = (table.column("sf__Id"), table.column("sf__Created"));
    for (number, row) in table.rows.iter().enumerate() {
        let outcome = outcomes.iter().find(|outcome| outcome.index == number);
        let kind = OutcomeKind::Applied {
            created: created_at.is_some_and(|at| &row[at] == "true"),
        };
        let id = id_at.map(|at| row[at].to_owned());
        let same = outcome.is_some_and(|outcome| outcome.kind == kind && outcome.id == id);
        findings.check(same, || format!("{} was read as {outcome:?}", &row[0]));
    }
    findings
}

/// Rows that a job refused, or never came to.
async fn refused(recording: &Recording, which: &'static str) -> Findings {
    let unprocessed = which == "unprocessed";
    let mut findings = Findings::of(if unprocessed {
        "rows that a bulk job never came to"
    } else {
        "rows that a bulk job refused"
    });
    let Some(table) = Table::read(recording) else {
        findings.dropped.push("no column of it is a key of ours".into());
        return findings;
    };
    let outcomes = table.push(recording, which, &mut findings).await;
    let error_at = table.column("sf__Error");
    for (number, row) in table.rows.iter().enumerate() {
        let outcome = outcomes.iter().find(|outcome| outcome.index == number);
        let code = error_at.map_or("", |at| row[at].split(':').next().unwrap_or_default());
        let told = outcome.and_then(|outcome| outcome.message.clone()).unwrap_or_default();
        let refused =
            outcome.is_some_and(|outcome| !matches!(outcome.kind, OutcomeKind::Applied { .. } | OutcomeKind::Unknown));
        findings.check(refused && told.contains(code), || {
            format!("{row:?} was read as {outcome:?}")
        });
    }
    findings
}

/// A result of an ingest job, with the column that tells its rows apart.
struct Table {
    header: csv::StringRecord,
    rows: Vec<csv::StringRecord>,
    key_at: usize,
}

impl Table {
    fn read(recording: &Recording) -> Option<Self> {
        let text = recording.body.as_str().unwrap_or_default();
        let mut lines = csv::Reader::from_reader(text.as_bytes());
        let header = lines.headers().ok()?.clone();
        let is_key = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.contains("external") || name.contains("ext_") || name.ends_with("_key__c")
        };
        let key_at = header.iter().position(is_key)?;
        let rows = lines.records().filter_map(Result::ok).collect();
        Some(Self { header, rows, key_at })
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// What an upsert of these rows comes to when the job's result of this name is the recording.
    async fn push(
        &self,
        recording: &Recording,
        which: &'static str,
        findings: &mut Findings,
    ) -> Vec<syncline_core::batch::Outcome> {
        let remote = SimulatedSalesforce::fresh(0);
        let mut keys: Vec<String> = self.rows.iter().map(|row| row[self.key_at].to_owned()).collect();
        // A job is made of more than one record.
        keys.push("another".into());
        let done = json!({"id": "750000000000001AAA", "state": "JobComplete", "operation": "upsert",
            "numberRecordsProcessed": keys.len(), "numberRecordsFailed": keys.len()});
        let fits: Fits = match which {
            "successfulResults" => |request| request.url.contains("successfulResults"),
            "failedResults" => |request| request.url.contains("failedResults"),
            _ => |request| request.url.contains("unprocessed"),
        };
        let answers: Vec<(Fits, _)> = vec![
            (|request| request.method == Method::Put, reply(201, "")),
            (fits, recording.response()),
            (
                |request| request.url.contains("esults") || request.url.contains("unprocessed"),
                reply(200, "\"sf__Id\",\"sf__Created\"\n"),
            ),
            (|request| request.url.contains("/jobs/ingest"), reply(200, done)),
        ];
        let io = Replay::new(&remote, answers);
        let (outcomes, _, error) = run(&remote, &io, upserts(&self.header[self.key_at], &keys)).await;
        findings.wrong.extend(error);
        outcomes
    }
}
