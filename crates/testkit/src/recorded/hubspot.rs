//! HubSpot's answers.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use syncline_core::batch::{Batch, OutcomeKind, RowState};
use syncline_core::connector::RawRequest;
use syncline_core::io::Request;
use syncline_core::job::{Budget, Fetch, FetchBy, Job, Push, Verb, Write};
use syncline_core::schema::{Described, FieldKind};
use syncline_core::{ErrorKind, Value};

use super::replay::Replay;
use super::values::{compare, leaves, projection};
use super::{Answer, Findings, Recording, errors, token};
use crate::connector::Remote;
use crate::connector::simulated::SimulatedHubSpot;

/// APIs of before the objects, and others that no sync asks.
const NOT_CALLED: [(&str, &str); 10] = [
    ("/contacts/v1/", "Contacts v1"),
    ("/properties/v1/", "Properties v1"),
    ("/companies/v2/", "Companies v2"),
    ("/deals/v1/", "Deals v1"),
    ("/crm-associations/v1/", "Associations v1"),
    ("/integrations/v1/", "Integrations v1"),
    ("/marketing/", "Marketing"),
    ("/automation/", "Automation"),
    (
        "/groups",
        "property groups: properties are made without one of their own",
    ),
    ("/lists", "Lists"),
];

/// Finds out what an answer is.
pub(crate) fn answer(recording: &Recording) -> Answer<'_> {
    let (method, path) = recording.call();
    let body = &recording.body;
    if recording.is_event() && recording.request["body"].is_array() {
        return Answer::Called(Box::pin(webhook(recording)));
    }
    if let Some((_, name)) = NOT_CALLED.iter().find(|(part, _)| path.contains(part)) {
        return Answer::NotCalled(name);
    }
    if path.contains("/oauth/") || body.get("access_token").is_some() {
        return Answer::Called(Box::pin(token::read(recording)));
    }
    if recording.is_error() {
        return Answer::Called(Box::pin(error(recording)));
    }
    let first = &body["results"][0];
    if path.contains("/pipelines") || first.get("stages").is_some() {
        return Answer::Called(Box::pin(pipelines(recording)));
    }
    if path.contains("/properties/") && method == "post" {
        return Answer::NotCalled("the making of several properties at once");
    }
    if first.get("fieldType").is_some() {
        return Answer::Called(Box::pin(properties(recording)));
    }
    if first.get("objectTypeId").is_some() {
        return Answer::Called(Box::pin(schemas(recording)));
    }
    if body.get("labels").is_some() && body.get("results").is_none() {
        return Answer::NotCalled("the schema of a single object: all are listed");
    }
    if body.get("portalId").is_some() {
        return Answer::Called(Box::pin(account(recording)));
    }
    if first.get("userId").is_some() && first.get("email").is_some() {
        return Answer::Called(Box::pin(owners(recording)));
    }
    let writes = ["/batch/create", "/batch/update", "/batch/upsert"];
    if writes.iter().any(|tail| path.contains(tail)) {
        return Answer::Called(Box::pin(written(recording)));
    }
    if first.get("from").is_some() && first.get("to").is_some() {
        return Answer::Called(Box::pin(associations(recording)));
    }
    if body.get("results").is_some_and(Json::is_array) {
        return Answer::Called(Box::pin(records(recording)));
    }
    Answer::NotCalled("an API that is not known")
}

type Fits = fn(&Request) -> bool;

async fn error(recording: &Recording) -> Findings {
    errors::read(SimulatedHubSpot::fresh(0).connector(), recording)
}

/// The object that a path names, by a name that the simulator knows.
fn object(path: &str) -> &'static str {
    let names = [
        ("compan", "companies"),
        ("0-2/", "companies"),
        ("deal", "deals"),
        ("ticket", "tickets"),
    ];
    names
        .into_iter()
        .find(|(part, _)| path.contains(part))
        .map_or("contacts", |(_, name)| name)
}

async fn account(recording: &Recording) -> Findings {
    let remote = SimulatedHubSpot::fresh(0);
    let mut findings = Findings::of("account");
    let answers: Vec<(Fits, _)> = vec![(|request| request.url.contains("/account-info/"), recording.response())];
    let io = Replay::new(&remote, answers);
    match remote.connector().account(&io, &remote.config()).await {
        Ok(account) => findings.equal("the id", &account.id, &recording.body["portalId"].to_string()),
        Err(error) => findings.wrong.push(format!("{error:?}")),
    }
    findings
}

async fn owners(recording: &Recording) -> Findings {
    let remote = SimulatedHubSpot::fresh(0);
    let mut findings = Findings::of("owners");
    let mut recording = recording.clone();
    // One page: the next one's would be asked for ever.
    if let Some(body) = recording.body.as_object_mut() {
        body.remove("paging");
    }
    let answers: Vec<(Fits, _)> = vec![(|request| request.url.contains("/owners"), recording.response())];
    let io = Replay::new(&remote, answers);
    match remote.connector().users(&io, &remote.config()).await {
        Ok(users) => {
            for owner in recording.body["results"].as_array().into_iter().flatten() {
                let id = owner["id"].as_str().unwrap_or_default();
                findings.check(users.iter().any(|user| user.id == id), || format!("owner {id} is lost"));
            }
        }
        Err(error) => findings.wrong.push(format!("{error:?}")),
    }
    findings
}

async fn properties(recording: &Recording) -> Findings {
    let remote = SimulatedHubSpot::fresh(0);
    let (_, path) = recording.call();
    let object = object(&path);
    let mut findings = Findings::of(format!("properties of {object}"));
    let answers: Vec<(Fits, _)> = vec![(|request| request.url.contains("/properties/"), recording.response())];
    let io = Replay::new(&remote, answers);
    let schema = match remote.connector().describe(&io, &remote.config(), object, None).await {
        Ok(Described::Schema(schema)) => schema,
        other => {
            findings.wrong.push(format!("{other:?}"));
            return findings;
        }
    };
    for theirs in recording.body["results"].as_array().into_iter().flatten() {
        let text = |name: &str| theirs[name].as_str().unwrap_or_default().to_owned();
        let name = text("name");
        let Some(ours) = schema.field(&name) else {
            if theirs["archived"] == true {
                findings.dropped.push(format!("{name}: archived"));
            } else {
                findings.wrong.push(format!("{name} is lost"));
            }
            continue;
        };
        findings.equal(&format!("{name} label"), &ours.label, &text("label"));
        findings.check(ours.provider_type.contains(&text("type")), || {
            format!("{name} type {} was read as {}", text("type"), ours.provider_type)
        });
        let calculated = theirs["calculated"] == true;
        findings.equal(&format!("{name} calculated"), &ours.calculated, &calculated);
        let unique = theirs["hasUniqueValue"] == true;
        findings.check(ours.unique || !unique, || format!("{name} is unique"));
        let read_only = theirs["modificationMetadata"]["readOnlyValue"] == true;
        findings.check(!(ours.writable() && read_only), || format!("{name} is read only"));
        let options = theirs["options"].as_array().into_iter().flatten();
        if ours.kind == FieldKind::Bool {
            findings
                .dropped
                .push(format!("{name}: what a form calls true and false"));
            continue;
        }
        for option in options {
            let value = option["value"].as_str().unwrap_or_default();
            let known = ours.choices.iter().find(|choice| choice.value == value);
            let label = option["label"].as_str().unwrap_or_default();
            findings.check(known.is_some_and(|choice| choice.label == label), || {
                format!("{name} choice {value} ({label}) was read as {known:?}")
            });
        }
    }
    findings
}

async fn schemas(recording: &Recording) -> Findings {
    let remote = SimulatedHubSpot::fresh(0);
    let mut findings = Findings::of("schemas of custom objects");
    let answers: Vec<(Fits, _)> = vec![(|request| request.url.contains("/schemas"), recording.response())];
    let io = Replay::new(&remote, answers);
    match remote.connector().objects(&io, &remote.config()).await {
        Err(error) => findings.wrong.push(format!("{error:?}")),
        Ok(objects) => {
            for theirs in recording.body["results"].as_array().into_iter().flatten() {
                let name = theirs["fullyQualifiedName"].as_str().unwrap_or_default();
                let label = theirs["labels"]["plural"].as_str().unwrap_or_default();
                let ours = objects.iter().find(|object| object.name == name);
                findings.check(ours.is_some_and(|ours| ours.custom && ours.label == label), || {
                    format!("{name} ({label}) was read as {ours:?}")
                });
            }
        }
    }
    findings
}

async fn pipelines(recording: &Recording) -> Findings {
    let remote = SimulatedHubSpot::fresh(0);
    let (_, path) = recording.call();
    let object = object(&path);
    let mut findings = Findings::of(format!("pipelines of {object}"));
    let answers: Vec<(Fits, _)> = vec![(|request| request.url.contains("/pipelines/"), recording.response())];
    let io = Replay::new(&remote, answers);
    match remote.connector().describe(&io, &remote.config(), object, None).await {
        Ok(Described::Schema(schema)) if io.was_asked() => {
            let choices: Vec<&str> = schema
                .fields
                .iter()
                .flat_map(|field| &field.choices)
                .map(|choice| choice.value.as_str())
                .collect();
            for pipeline in recording.body["results"].as_array().into_iter().flatten() {
                let stages = pipeline["stages"].as_array().into_iter().flatten();
                for part in stages.chain([pipeline]) {
                    let id = part["id"].as_str().unwrap_or_default();
                    findings.check(choices.contains(&id), || format!("{id} is lost"));
                }
            }
        }
        // Stages are choices of the stage property, which `properties` carries too.
        Ok(_) => findings.read_as = "pipelines: not asked for, stages come with the properties".into(),
        Err(error) => findings.wrong.push(format!("{error:?}")),
    }
    findings
}

/// Records of a list, a search or a batch read.
async fn records(recording: &Recording) -> Findings {
    let remote = SimulatedHubSpot::fresh(0);
    let results = recording.body["results"].as_array().cloned().unwrap_or_default();
    let mut findings = Findings::of(format!("{} records", results.len()));
    let properties: Vec<BTreeMap<String, Json>> = results
        .iter()
        .filter_map(|record| record["properties"].as_object())
        .map(|record| leaves(record, &mut findings.dropped))
        .collect();
    if properties.len() != results.len() {
        findings.wrong.push("a record has no properties".into());
        return findings;
    }
    let projection = projection(properties.iter());
    let ids: Vec<String> = results
        .iter()
        .filter_map(|record| record["id"].as_str().map(str::to_owned))
        .collect();
    let mut response = recording.response();
    // Found by a search, records are read by id; the members of both answers are the same.
    response.body = json!({"status": "COMPLETE", "results": results}).to_string().into();
    let answers: Vec<(Fits, _)> = vec![(|request| request.url.contains("/batch/read"), response)];
    let io = Replay::new(&remote, answers);
    let (_, path) = recording.call();
    let fetch = Fetch {
        object: object(&path).to_owned(),
        projection: projection.clone(),
        by: FetchBy::Ids(ids.clone()),
    };
    let mut batch = Batch::new(projection.fields.len());
    if let Err(error) = remote
        .connector()
        .fetch(&io, &remote.config(), &fetch, &mut batch)
        .await
    {
        findings.wrong.push(format!("{error:?}"));
        return findings;
    }
    for (id, record) in ids.iter().zip(&properties) {
        match batch.rows().find(|row| row.id() == id && row.state() == RowState::Live) {
            Some(row) => {
                compare(row, record, &projection, &mut findings);
                findings.check(row.stamp().is_some(), || format!("{id} has no stamp"));
            }
            None => findings.wrong.push(format!("record {id} is lost")),
        }
    }
    findings
}

/// Results and errors of a batch of writes.
async fn written(recording: &Recording) -> Findings {
    let remote = SimulatedHubSpot::fresh(0);
    let (_, path) = recording.call();
    let results = recording.body["results"].as_array().cloned().unwrap_or_default();
    let problems = recording.body["errors"].as_array().cloned().unwrap_or_default();
    let creates = path.contains("/batch/create");
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
    for (number, expected) in expected.iter_mut().enumerate() {
        let result = if refused.contains(&number) { None } else { left.next() };
        *expected = result;
        let id = result
            .and_then(|result| result["id"].as_str())
            .unwrap_or("999999999999");
        let verb = if creates {
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
    let answers: Vec<(Fits, _)> = vec![(
        |request| request.url.contains("/batch/create") || request.url.contains("/batch/update"),
        recording.response(),
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
                findings.equal("the outcome", &outcome.kind, &OutcomeKind::Applied { created: creates });
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

async fn associations(recording: &Recording) -> Findings {
    let remote = SimulatedHubSpot::fresh(3);
    let mut findings = Findings::of("associations");
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
        projection: syncline_core::batch::Projection::new([(
            "associations.company",
            syncline_core::batch::ValueKind::Text,
        )]),
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
        let linked = result["to"].as_array().is_some_and(|to| !to.is_empty());
        let row = batch.rows().find(|row| row.id() == id);
        let value = row.and_then(|row| row.value(0).ok().flatten()).unwrap_or_default();
        findings.check(value.is_empty() != linked, || {
            format!("the links of {id} were read as {value:?}")
        });
    }
    findings
}

async fn webhook(recording: &Recording) -> Findings {
    let remote = SimulatedHubSpot::fresh(0);
    let events = recording.request["body"].as_array().cloned().unwrap_or_default();
    let mut findings = Findings::of(format!("webhook of {} events", events.len()));
    let request = RawRequest {
        method: "POST".into(),
        url: "https://app.example/hooks".into(),
        headers: [
            (
                "x-hubspot-request-timestamp".to_owned(),
                remote.now().as_millisecond().to_string(),
            ),
            ("x-hubspot-signature-v3".to_owned(), "c2lnbmVk".to_owned()),
        ]
        .into(),
        body: recording.request["body"].to_string().into(),
    };
    let io = Replay::new(&remote, Vec::new());
    match remote.connector().webhook(&io, &remote.config(), &request).await {
        Err(error) => findings
            .wrong
            .push(format!("{error:?} {:?}", ErrorKind::Forbidden == error.kind())),
        Ok(hints) => {
            for event in &events {
                let id = event["objectId"].to_string();
                let named = hints
                    .iter()
                    .any(|hint| hint.id.as_deref() == Some(id.trim_matches('"')));
                findings.check(named || event.get("objectId").is_none(), || {
                    format!("the event of {id} is lost")
                });
            }
        }
    }
    findings
}
