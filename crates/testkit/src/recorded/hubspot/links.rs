//! Links between records, and the labels that they carry.

use serde_json::{Value as Json, json};
use syncline_core::Value;
use syncline_core::batch::{Batch, OutcomeKind, Projection, ValueKind};
use syncline_core::job::{Budget, Fetch, FetchBy, Job, Push, Verb, Write};
use syncline_core::schema::Described;

use super::Fits;
use crate::connector::Remote;
use crate::connector::simulated::SimulatedHubSpot;
use crate::recorded::replay::Replay;
use crate::recorded::{Findings, Recording};

/// What contacts are linked with here, whatever the recording links.
const LINKED: &str = "associations.company.all";

pub(super) async fn read(recording: &Recording) -> Findings {
    let remote = SimulatedHubSpot::fresh(3);
    let mut findings = Findings::of("associations");
    let mut recording = recording.clone();
    // One page: the next one's would be asked for ever.
    for result in recording.body["results"].as_array_mut().into_iter().flatten() {
        if let Some(result) = result.as_object_mut() {
            result.remove("paging");
        }
    }
    let answers: Vec<(Fits, _)> = vec![(
        |request| request.url.contains("/associations/") && request.url.contains("/batch/read"),
        recording.response(),
    )];
    let from: Vec<String> = recording.body["results"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|result| result["from"]["id"].as_str().map(str::to_owned))
        .collect();
    let rows: Vec<Json> = from
        .iter()
        .map(|id| json!({"id": id, "properties": {}, "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z"}))
        .collect();
    let mut records = recording.response();
    records.body = json!({"status": "COMPLETE", "results": rows}).to_string().into();
    let mut all = answers;
    all.push((|request| request.url.contains("/batch/read"), records));
    let io = Replay::new(&remote, all);
    let fetch = Fetch {
        object: "contacts".into(),
        projection: Projection::new([(LINKED, ValueKind::Json)]),
        by: FetchBy::Ids(from),
    };
    let mut batch = Batch::new(1);
    if let Err(error) = remote
        .connector()
        .fetch(&io, &remote.config(), &fetch, &mut batch)
        .await
    {
        findings.wrong.push(format!("{error:?}"));
    }
    for result in recording.body["results"].as_array().into_iter().flatten() {
        let id = result["from"]["id"].as_str().unwrap_or_default();
        let row = batch.rows().find(|row| row.id() == id);
        let value = row
            .and_then(|row| row.value(0).ok().flatten())
            .unwrap_or_default()
            .to_string();
        for link in result["to"].as_array().into_iter().flatten() {
            let to = link["toObjectId"].to_string();
            findings.check(value.contains(to.trim_matches('"')), || {
                format!("the link from {id} to {to} is lost in {value:?}")
            });
        }
    }
    findings
}

/// The labels of a pair of objects, each of which is a field that can be mapped.
pub(super) async fn labels(recording: &Recording) -> Findings {
    let remote = SimulatedHubSpot::fresh(0);
    let labels = recording.body["results"].as_array().cloned().unwrap_or_default();
    let mut findings = Findings::of(format!("{} labels of links", labels.len()));
    let answers: Vec<(Fits, _)> = vec![(
        |request| request.url.contains("/associations/") && request.url.contains("/labels"),
        recording.response(),
    )];
    let io = Replay::new(&remote, answers);
    let schema = match remote
        .connector()
        .describe(&io, &remote.config(), "contacts", None)
        .await
    {
        Ok(Described::Schema(schema)) => schema,
        other => {
            findings.wrong.push(format!("{other:?}"));
            return findings;
        }
    };
    findings.check(io.was_asked(), || "the connector did not ask for it".into());
    for label in &labels {
        let (category, number) = (label["category"].as_str().unwrap_or_default(), &label["typeId"]);
        let Some(name) = label["label"].as_str() else { continue };
        if category != "USER_DEFINED" {
            findings
                .dropped
                .push(format!("{name}: HubSpot's own, part of the links as a whole"));
            continue;
        }
        let ours = format!(".user_{number}");
        let known = schema.fields.iter().find(|field| field.path.ends_with(&ours));
        findings.check(known.is_some_and(|field| field.label.contains(name)), || {
            format!(
                "the label {name} ({number}) was read as {:?}",
                known.map(|field| &field.label)
            )
        });
    }
    findings
}

/// Links that were made: the write of the record that they lead from is done when they are.
pub(super) async fn made(recording: &Recording) -> Findings {
    let first = &recording.body["results"][0];
    let id = |name: &str| match &first[name] {
        Json::String(id) => id.clone(),
        Json::Null => "501".to_owned(),
        other => other.to_string(),
    };
    write(
        recording,
        "links that were made",
        &id("fromObjectId"),
        Value::text(id("toObjectId")),
    )
    .await
}

/// Links that were removed.
pub(super) async fn removed(recording: &Recording) -> Findings {
    write(recording, "links that were removed", "501", Value::Null).await
}

async fn write(recording: &Recording, what: &str, id: &str, link: Value) -> Findings {
    let remote = SimulatedHubSpot::fresh(0);
    let mut findings = Findings::of(what);
    let linked = json!({"results": [{"from": {"id": id}, "to": [{"toObjectId": "900001",
        "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 279, "label": null}]}]}]});
    let record = json!({"status": "COMPLETE", "results": [{"id": id, "properties": {},
        "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z", "archived": false}]});
    let answered = |body: &Json| {
        let mut response = recording.response();
        (response.head.status, response.body) = (200, body.to_string().into());
        response
    };
    let answers: Vec<(Fits, _)> = vec![
        (
            |request| request.url.contains("/associations/") && request.url.contains("/batch/read"),
            answered(&linked),
        ),
        (
            |request| request.url.contains("/objects/") && request.url.contains("/batch/"),
            answered(&record),
        ),
        (
            |request| request.url.contains("/associations/") && request.url.contains("/batch/"),
            recording.response(),
        ),
    ];
    let io = Replay::new(&remote, answers);
    let job = Job::Push(Push {
        object: "contacts".into(),
        projection: Projection::default(),
        writes: vec![Write {
            operation: uuid::Uuid::nil(),
            verb: Verb::Update {
                id: id.to_owned(),
                expected_stamp: None,
            },
            fields: vec![("associations.company".into(), link)],
        }],
    });
    let mut batch = Batch::new(0);
    let mut task = remote
        .connector()
        .open(&remote.config(), job, None)
        .expect("a push of a link");
    if let Err(error) = task.step(&io, Budget::default(), &mut batch).await {
        findings.wrong.push(format!("{error:?}"));
    }
    let kinds: Vec<_> = batch.outcomes.iter().map(|outcome| outcome.kind.clone()).collect();
    findings.equal("the outcome", &kinds, &vec![OutcomeKind::Applied { created: false }]);
    findings
}
