//! Results and errors of batches of writes.

use syncline_core::Value;
use syncline_core::batch::{Batch, OutcomeKind, Projection};
use syncline_core::job::{Budget, Job, Push, Verb, Write};

use super::{Fits, object};
use crate::connector::Remote;
use crate::connector::simulated::SimulatedHubSpot;
use crate::recorded::replay::Replay;
use crate::recorded::values::{compare, leaves, projection};
use crate::recorded::{Findings, Recording};

/// A unique property that the simulated account has.
const MARKER: &str = "external_id";

/// Results and errors of a batch of creates, updates or upserts.
pub(super) async fn batch(recording: &Recording) -> Findings {
    let remote = SimulatedHubSpot::fresh(0);
    let (_, path) = recording.call();
    let results = recording.body["results"].as_array().cloned().unwrap_or_default();
    let problems = recording.body["errors"].as_array().cloned().unwrap_or_default();
    let creates = path.contains("/batch/create");
    let upserts = path.contains("/batch/upsert");
    let mut findings = Findings::of(format!("{} written, {} refused", results.len(), problems.len()));
    // Errors that name a trace are answers to the writes of that number; the others stand last.
    let traced = problems
        .iter()
        .filter_map(|problem| {
            problem["context"]["objectWriteTraceId"][0]
                .as_str()?
                .parse::<usize>()
                .ok()
        })
        .collect::<Vec<_>>();
    let total = results.len() + problems.len();
    let refused: Vec<usize> = if traced.len() == problems.len() {
        traced
    } else {
        (results.len()..total).collect()
    };
    let mut left = results.iter();
    let mut expected = vec![None; total];
    let mut writes = Vec::new();
    let applied: Vec<usize> = (0..total).filter(|number| !refused.contains(number)).collect();
    for (number, expected) in expected.iter_mut().enumerate() {
        let result = if refused.contains(&number) { None } else { left.next() };
        *expected = result;
        let id = result
            .and_then(|result| result["id"].as_str())
            .unwrap_or("999999999999");
        let verb = if upserts {
            Verb::Create {
                marker: Some((MARKER.into(), format!("key-{number}"))),
            }
        } else if creates {
            Verb::Create { marker: None }
        } else {
            Verb::Update {
                id: id.to_owned(),
                expected_stamp: None,
            }
        };
        let properties = result.and_then(|result| result["properties"].as_object());
        let fields = properties
            .into_iter()
            .flatten()
            .filter(|(name, _)| !name.starts_with("hs_") && !name.ends_with("date"))
            .filter_map(|(name, value)| Some((name.clone(), Value::text(value.as_str()?))))
            .chain(
                result
                    .is_none()
                    .then(|| ("firstname".to_owned(), Value::text("Refused"))),
            );
        writes.push(Write {
            operation: uuid::Uuid::nil(),
            verb,
            fields: fields.collect(),
        });
    }
    let properties: Vec<_> = results
        .iter()
        .filter_map(|result| result["properties"].as_object())
        .map(|record| leaves(record, &mut findings.dropped))
        .collect();
    let projection = projection(properties.iter());
    let job = Job::Push(Push {
        object: object(&path).to_owned(),
        projection: projection.clone(),
        writes,
    });
    let mut response = recording.response();
    if upserts {
        // Upserted records are told apart by the marker, which every account calls by a name of its own.
        let mut body = recording.body.clone();
        for (result, number) in body["results"].as_array_mut().into_iter().flatten().zip(&applied) {
            result["properties"][MARKER] = format!("key-{number}").into();
        }
        response.body = body.to_string().into();
    }
    let answers: Vec<(Fits, _)> = vec![(
        |request| {
            ["/batch/create", "/batch/update", "/batch/upsert"]
                .iter()
                .any(|tail| request.url.contains(tail))
        },
        response,
    )];
    let io = Replay::new(&remote, answers);
    let mut batch = Batch::new(projection.fields.len());
    let mut task = remote
        .connector()
        .open(&remote.config(), job, None)
        .expect("a push of records");
    if let Err(error) = task.step(&io, Budget::default(), &mut batch).await {
        findings.wrong.push(format!("{error:?}"));
    }
    findings.equal("outcomes", &batch.outcomes.len(), &total);
    for outcome in &batch.outcomes {
        match expected[outcome.index] {
            Some(result) => {
                findings.equal(
                    "the outcome",
                    &outcome.kind,
                    &OutcomeKind::Applied {
                        created: if upserts { result["new"] == true } else { creates },
                    },
                );
                findings.equal("the id", &outcome.id.as_deref(), &result["id"].as_str());
                let record = result["properties"].as_object();
                if let (Some(row), Some(record)) = (outcome.row.and_then(|row| batch.get(row)), record) {
                    compare(row, &leaves(record, &mut Vec::new()), &projection, &mut findings);
                }
            }
            None => {
                let applied = matches!(outcome.kind, OutcomeKind::Applied { .. } | OutcomeKind::Unknown);
                findings.check(!applied, || format!("a refusal was read as {:?}", outcome.kind));
                findings.check(outcome.message.is_some(), || "the message is lost".into());
            }
        }
    }
    findings
}

/// The empty answer to a batch of deletes.
pub(super) async fn archived(recording: &Recording) -> Findings {
    let remote = SimulatedHubSpot::fresh(0);
    let mut findings = Findings::of("a batch of deletes");
    let job = Job::Push(Push {
        object: "contacts".into(),
        projection: Projection::default(),
        writes: vec![Write {
            operation: uuid::Uuid::nil(),
            verb: Verb::Delete { id: "501".into() },
            fields: Vec::new(),
        }],
    });
    let answers: Vec<(Fits, _)> = vec![(|request| request.url.contains("/batch/archive"), recording.response())];
    let io = Replay::new(&remote, answers);
    let mut batch = Batch::new(0);
    let mut task = remote
        .connector()
        .open(&remote.config(), job, None)
        .expect("a push of deletes");
    if let Err(error) = task.step(&io, Budget::default(), &mut batch).await {
        findings.wrong.push(format!("{error:?}"));
    }
    let kinds: Vec<_> = batch.outcomes.iter().map(|outcome| outcome.kind.clone()).collect();
    findings.equal("the outcome", &kinds, &vec![OutcomeKind::Applied { created: false }]);
    findings
}
