//! How many API calls a sync needs, against the least that the API allows:
//! `cargo run --release -p syncline-testkit --example calls [--explain]`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program")]

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Map, Value as Json};
use syncline_engine::entity::EntityRead;
use syncline_engine::run::RunParameters;
use syncline_simulators::{Fields, LogEntry, Options, RequestLog};
use syncline_storage::MemoryStore;
use syncline_testkit::stage::{Stage, person_mapping};

const RECORDS: usize = 10_000;
const CHANGES: usize = 500;
const CREATES: usize = 1_000;

/// A row of the table: what was done, the calls that it needed, and the least with its reason.
struct Line {
    provider: &'static str,
    work: &'static str,
    calls: Vec<LogEntry>,
    least: u64,
    because: &'static str,
}

/// The least calls of each work, with the reason, in the order of the works.
const SALESFORCE: [(u64, &str); 6] = [
    (5, "2,000 records per page"),
    (1, "one query"),
    (1, "one query, 2,000 records per page"),
    (
        3,
        "one query; a guard read of 2,000; four collections of 200 and their read back",
    ),
    (3, "one query; five collections of 200 per write; a read back of 2,000"),
    (7, "one query; 2,000 records per page of the sweep"),
];
const HUBSPOT: [(u64, &str); 6] = [
    (100, "100 records per page of a list"),
    (2, "a search and the archived list"),
    (9, "200 per search page, 100 per read, the archived list"),
    (
        12,
        "a poll of 2; 100 per guard read; 100 per write, which answers with the record",
    ),
    (12, "a poll of 2; 100 per write, which answers with the record"),
    (112, "a poll of 2; 100 records per page of the sweep"),
];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let explain = std::env::args().any(|argument| argument == "--explain");
    let mut lines = Vec::new();
    for (provider, least) in [("salesforce", SALESFORCE), ("hubspot", HUBSPOT)] {
        measure(provider, least, &mut lines).await;
    }
    println!(
        "{:<11} {:<34} {:>6} {:>6} {:>7}  the least is",
        "provider", "work", "calls", "least", "above"
    );
    for line in &lines {
        let calls = line.calls.len() as u64;
        let above = (calls as f64 / line.least as f64 - 1.0) * 100.0;
        println!(
            "{:<11} {:<34} {calls:>6} {:>6} {above:>5.0} %  {}",
            line.provider, line.work, line.least, line.because
        );
        if explain {
            for (path, count) in kinds(&line.calls) {
                println!("{count:>54}  {path}");
            }
        }
    }
}

/// Calls by method and path, without ids and queries.
fn kinds(calls: &[LogEntry]) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for call in calls {
        let path = call.path.split('?').next().unwrap_or_default();
        let path: Vec<&str> = path
            .split('/')
            .map(|part| {
                if part.len() > 14 && !part.contains('-') {
                    "…"
                } else {
                    part
                }
            })
            .collect();
        let archived = if call.path.contains("archived=true") {
            " archived"
        } else {
            ""
        };
        *kinds
            .entry(format!("{} {}{archived}", call.method, path.join("/")))
            .or_default() += 1;
    }
    kinds
}

struct Work<'a> {
    stage: &'a Stage,
    provider: &'static str,
    log: RequestLog,
}

impl Work<'_> {
    /// Syncs a quarter of an hour later and gives the calls that it took.
    async fn sync(&self) -> Vec<LogEntry> {
        self.sync_after(15 * 60).await
    }

    async fn sync_after(&self, seconds: i64) -> Vec<LogEntry> {
        self.stage.clock.advance(seconds);
        let before = self.log.total();
        let run = self.stage.sync(self.provider, RunParameters::default()).await.unwrap();
        assert!(run.error.is_none(), "{:?}", run.error);
        self.log
            .entries()
            .into_iter()
            .filter(|call| call.number > before)
            .collect()
    }
}

async fn measure(provider: &'static str, least: [(u64, &'static str); 6], lines: &mut Vec<Line>) {
    let options = Options {
        records: RECORDS,
        access_token_life: Some(SignedDuration::from_hours(100_000)),
        ..Options::default()
    };
    let stage = Stage::set(Arc::new(MemoryStore::new()), options).await.unwrap();
    let mut mapping = person_mapping(provider, stage.connections[provider].id);
    // People alone: which company they belong to is another object's work.
    mapping.mapping.rules.retain(|rule| rule.fields != ["company"]);
    mapping.fields.retain(|field| field.name != "company");
    stage.engine.syncs().save(mapping, &stage.actor).await.unwrap();
    let log = match provider {
        "salesforce" => stage.salesforce.log().clone(),
        _ => stage.hubspot.log().clone(),
    };
    let work = Work {
        stage: &stage,
        provider,
        log,
    };
    let mut least = least.into_iter();
    let mut note = |name: &'static str, calls: Vec<LogEntry>| {
        let (least, because) = least.next().unwrap();
        lines.push(Line {
            provider,
            work: name,
            calls,
            least,
            because,
        });
    };
    note("first pull of 10,000 records", work.sync().await);
    note("an idle poll", work.sync().await);
    scatter(&work);
    note("500 scattered changes, from the CRM", work.sync().await);
    edit(&work).await;
    note("500 scattered changes, to the CRM", work.sync().await);
    work.sync().await;
    create(&work).await;
    note("1,000 creates", work.sync().await);
    note("the daily sweep of 11,000 records", work.sync_after(86_400).await);
}

/// Every twentieth record is edited in the CRM.
fn scatter(work: &Work<'_>) {
    let field = |name: &str| -> Fields { [(name.to_owned(), Json::from("Changed"))].into() };
    let nth = RECORDS / CHANGES;
    if work.provider == "salesforce" {
        for record in work.stage.salesforce.records("Contact").iter().step_by(nth) {
            let edited = work.stage.salesforce.update("Contact", &record.id, field("Title"));
            edited.unwrap();
        }
    } else {
        for record in work.stage.hubspot.records("contacts").iter().step_by(nth) {
            let edited = work.stage.hubspot.update("contacts", &record.id, field("jobtitle"));
            edited.unwrap();
        }
    }
}

/// Every twentieth record is edited in the app.
async fn edit(work: &Work<'_>) {
    let stage = work.stage;
    let people = stage.entities("person").await.unwrap();
    for person in people.iter().skip(7).step_by(RECORDS / CHANGES).take(CHANGES) {
        let patch = Map::from_iter([("city".to_owned(), Json::from("Elsewhere"))]);
        let edited = stage
            .engine
            .entities()
            .update(stage.tenant, person.entity.uid, patch, EntityRead::Blind, &stage.actor)
            .await;
        edited.unwrap();
    }
}

async fn create(work: &Work<'_>) {
    let stage = work.stage;
    for number in 0..CREATES {
        let values = Map::from_iter([
            ("email".to_owned(), Json::from(format!("new{number}@example.com"))),
            ("last_name".to_owned(), Json::from(format!("New {number}"))),
        ]);
        let made = stage
            .engine
            .entities()
            .create(stage.tenant, "person", values, &stage.actor)
            .await;
        made.unwrap();
    }
}
