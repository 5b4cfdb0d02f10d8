//! Salesforce's answers.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use syncline_core::batch::{Batch, OutcomeKind};
use syncline_core::job::{Budget, Job, Progress, Pull, Push, Start, Verb, Write};
use syncline_core::schema::{Described, FieldSchema};

use super::replay::Replay;
use super::values::{compare, leaves, projection};
use super::{Answer, Findings, Recording, bulk, errors, token};
use crate::connector::Remote;
use crate::connector::simulated::SimulatedSalesforce;

/// Finds out what an answer is.
pub(crate) fn answer(recording: &Recording) -> Answer<'_> {
    let (_, path) = recording.call();
    let body = &recording.body;
    if recording.is_event() {
        return Answer::NotCalled("Change Data Capture: changes are polled");
    }
    if path.contains("/services/async/") {
        return Answer::NotCalled("Bulk API 1.0");
    }
    if path.contains("oauth2/token") || body.get("access_token").is_some() || body.get("error").is_some() {
        return Answer::Called(Box::pin(token::read(recording)));
    }
    if recording.is_error() {
        return Answer::Called(Box::pin(error(recording)));
    }
    if path.contains("jobs/") || body.get("operation").is_some() {
        return Answer::Called(Box::pin(bulk::read(recording)));
    }
    if body.get("compositeResponse").is_some() {
        return Answer::NotCalled("Composite");
    }
    if body.get("ids").is_some() || body.get("deletedRecords").is_some() {
        return Answer::NotCalled("updated and deleted: changes are queried");
    }
    if body.get("fields").is_some() && body.get("childRelationships").is_some() {
        return Answer::Called(Box::pin(describe(recording)));
    }
    if body.get("sobjects").is_some() {
        return Answer::Called(Box::pin(objects(recording)));
    }
    if let Some(records) = body["records"].as_array() {
        let aggregate = |record: &Json| record["attributes"]["type"] == "AggregateResult";
        if records.iter().any(aggregate) {
            return Answer::NotCalled("aggregates: records are queried");
        }
        return Answer::Called(Box::pin(query(recording)));
    }
    if body[0].get("success").is_some() {
        return Answer::Called(Box::pin(rows(recording)));
    }
    if body.get("success").is_some() {
        return Answer::NotCalled("the create of a single record: collections are sent");
    }
    if recording.body.as_str().is_some_and(str::is_empty) || path.contains("upsert updated") {
        return Answer::Called(Box::pin(single(recording)));
    }
    Answer::NotCalled("an API that is not known")
}

async fn error(recording: &Recording) -> Findings {
    errors::read(SimulatedSalesforce::fresh(0).connector(), recording)
}

async fn describe(recording: &Recording) -> Findings {
    let remote = SimulatedSalesforce::fresh(0);
    let object = recording.body["name"].as_str().unwrap_or_default();
    let mut findings = Findings::of(format!("describe of {object}"));
    let answers: Vec<(fn(&_) -> bool, _)> = vec![(
        |request: &syncline_core::io::Request| request.url.ends_with("/describe"),
        recording.response(),
    )];
    let io = Replay::new(&remote, answers);
    let described = remote.connector().describe(&io, &remote.config(), object, None).await;
    let schema = match described {
        Ok(Described::Schema(schema)) => schema,
        other => {
            findings.wrong.push(format!("{other:?}"));
            return findings;
        }
    };
    let known: BTreeMap<&str, &FieldSchema> = schema.fields.iter().map(|field| (field.path.as_str(), field)).collect();
    let mut compound = 0;
    let parts: Vec<&str> = recording.body["fields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|field| field["compoundFieldName"].as_str())
        .collect();
    for field in recording.body["fields"].as_array().into_iter().flatten() {
        let name = field["name"].as_str().unwrap_or_default();
        let kind = field["type"].as_str().unwrap_or_default();
        match known.get(name) {
            Some(ours) => same_field(ours, field, &mut findings),
            // Their parts carry the values.
            None if parts.contains(&name) && field["updateable"] != true => compound += 1,
            None if field["deprecatedAndHidden"] == true => findings.dropped.push(format!("{name}: hidden")),
            None if kind == "base64" => findings.dropped.push(format!("{name}: a file's content is no field")),
            None => findings.wrong.push(format!("{name} ({kind}) is lost")),
        }
    }
    if compound > 0 {
        findings
            .dropped
            .push(format!("{compound} compound fields: their parts are read"));
    }
    findings
}

fn same_field(ours: &FieldSchema, field: &Json, findings: &mut Findings) {
    let text = |name: &str| field[name].as_str().unwrap_or_default().to_owned();
    let flag = |name: &str| field[name].as_bool().unwrap_or_default();
    let at = &ours.path;
    findings.equal(&format!("{at} label"), &ours.label, &text("label"));
    findings.equal(&format!("{at} type"), &ours.provider_type, &text("type"));
    findings.equal(&format!("{at} createable"), &ours.creatable, &flag("createable"));
    findings.equal(&format!("{at} updateable"), &ours.updatable, &flag("updateable"));
    let required = flag("createable") && !flag("nillable") && !flag("defaultedOnCreate");
    findings.equal(&format!("{at} required"), &ours.required, &required);
    findings.equal(&format!("{at} calculated"), &ours.calculated, &flag("calculated"));
    findings.equal(
        &format!("{at} restricted"),
        &ours.restricted,
        &flag("restrictedPicklist"),
    );
    let choices: Vec<(String, String, bool)> = field["picklistValues"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|choice| {
            let text = |name: &str| choice[name].as_str().unwrap_or_default().to_owned();
            (text("value"), text("label"), choice["active"] == true)
        })
        .collect();
    let read: Vec<_> = ours
        .choices
        .iter()
        .map(|choice| (choice.value.clone(), choice.label.clone(), choice.active))
        .collect();
    findings.equal(&format!("{at} choices"), &read, &choices);
    let references: Vec<String> = field["referenceTo"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|object| object.as_str().map(str::to_owned))
        .collect();
    if field["type"] == "reference" {
        findings.equal(&format!("{at} references"), &ours.references, &references);
        let relationship = field["relationshipName"].as_str().map(str::to_owned);
        findings.equal(&format!("{at} relationship"), &ours.relationship, &relationship);
    }
    if field["type"] == "string" {
        let length = field["length"].as_u64().filter(|length| *length > 0);
        findings.equal(&format!("{at} length"), &ours.length.map(u64::from), &length);
    }
}

async fn objects(recording: &Recording) -> Findings {
    let remote = SimulatedSalesforce::fresh(0);
    let mut findings = Findings::of("list of objects");
    let answers: Vec<(fn(&_) -> bool, _)> = vec![(
        |request: &syncline_core::io::Request| request.url.trim_end_matches('/').ends_with("/sobjects"),
        recording.response(),
    )];
    let io = Replay::new(&remote, answers);
    match remote.connector().objects(&io, &remote.config()).await {
        Err(error) => findings.wrong.push(format!("{error:?}")),
        Ok(objects) => {
            for theirs in recording.body["sobjects"].as_array().into_iter().flatten() {
                let name = theirs["name"].as_str().unwrap_or_default();
                let wanted = theirs["queryable"] == true && theirs["createable"] == true;
                let known = objects.iter().any(|object| object.name == name);
                findings.check(known || !wanted, || format!("{name} is lost"));
            }
        }
    }
    findings
}

async fn query(recording: &Recording) -> Findings {
    let remote = SimulatedSalesforce::fresh(0);
    let records = recording.body["records"].as_array().cloned().unwrap_or_default();
    let mut findings = Findings::of(format!("query page of {} records", records.len()));
    let mut flat: Vec<BTreeMap<String, Json>> = records
        .iter()
        .filter_map(Json::as_object)
        .map(|record| leaves(record, &mut findings.dropped))
        .collect();
    let object = records
        .first()
        .and_then(|record| record["attributes"]["type"].as_str())
        .unwrap_or("Contact");
    // The connector always asks for the id; a recording whose query did not is given one.
    let mut recording = recording.clone();
    for (number, flat) in flat.iter_mut().enumerate() {
        if !flat.contains_key("Id") {
            let id = Json::from(format!("a0000000000{number:04}AAA"));
            flat.insert("Id".into(), id.clone());
            recording.body["records"][number]["Id"] = id;
        }
    }
    let projection = projection(flat.iter());
    let answers: Vec<(fn(&_) -> bool, _)> = vec![(
        |request: &syncline_core::io::Request| request.url.contains("/query"),
        recording.response(),
    )];
    let io = Replay::new(&remote, answers);
    let job = Job::Pull(Pull {
        object: object.to_owned(),
        projection: projection.clone(),
        start: Start::Beginning,
        conditions: Vec::new(),
        page_size: None,
    });
    let mut batch = Batch::new(projection.fields.len());
    let mut task = match remote.connector().open(&remote.config(), job, None) {
        Ok(task) => task,
        Err(error) => {
            findings.wrong.push(format!("{error:?}"));
            return findings;
        }
    };
    match task.step(&io, Budget { rows: 2_000, calls: 1 }, &mut batch).await {
        Err(error) => findings.wrong.push(format!("{error:?}")),
        Ok(progress) => {
            findings.check(io.was_asked(), || "the connector did not ask for it".into());
            findings.equal("records", &batch.len(), &flat.len());
            for (row, record) in batch.rows().zip(&flat) {
                compare(row, record, &projection, &mut findings);
            }
            let more = recording.body["done"] == false;
            let goes_on = matches!(progress, Progress::More { .. });
            findings.check(!more || goes_on, || "there is a next page, and the pull ended".into());
        }
    }
    findings
}

/// Rows of a collection, in the order of the writes that they answer.
async fn rows(recording: &Recording) -> Findings {
    let remote = SimulatedSalesforce::fresh(0);
    let rows = recording.body.as_array().cloned().unwrap_or_default();
    let mut findings = Findings::of(format!("{} rows of a collection", rows.len()));
    let (method, path) = recording.call();
    let upsert = path.contains("composite/sobjects/");
    let id_of = |number: usize, row: &Json| {
        row["id"]
            .as_str()
            .map_or_else(|| format!("003000000000{number:03}AAA"), str::to_owned)
    };
    let writes = rows.iter().enumerate().map(|(number, row)| {
        let id = id_of(number, row);
        let verb = match method.as_str() {
            _ if upsert => Verb::Create {
                marker: Some(("External_Id__c".into(), number.to_string())),
            },
            "post" => Verb::Create { marker: None },
            "delete" => Verb::Delete { id },
            _ => Verb::Update {
                id,
                expected_stamp: None,
            },
        };
        Write {
            operation: uuid::Uuid::nil(),
            verb,
            fields: vec![("LastName".into(), syncline_core::Value::text("x"))],
        }
    });
    let job = Job::Push(Push {
        object: "Contact".into(),
        projection: projection(std::iter::empty()),
        writes: writes.collect(),
    });
    let answers: Vec<(fn(&_) -> bool, _)> = vec![(
        |request: &syncline_core::io::Request| request.url.contains("composite/sobjects"),
        recording.response(),
    )];
    let io = Replay::new(&remote, answers);
    let mut batch = Batch::new(0);
    let mut task = remote
        .connector()
        .open(&remote.config(), job, None)
        .expect("a push of records");
    if let Err(error) = task.step(&io, Budget::default(), &mut batch).await {
        findings.wrong.push(format!("{error:?}"));
    }
    findings.equal("rows", &batch.outcomes.len(), &rows.len());
    for outcome in &batch.outcomes {
        let row = &rows[outcome.index];
        if row["success"] == true {
            let created = row["created"].as_bool().unwrap_or(method == "post");
            findings.equal("the outcome", &outcome.kind, &OutcomeKind::Applied { created });
            findings.equal("the id", &outcome.id.as_deref(), &row["id"].as_str());
        } else {
            let applied = matches!(outcome.kind, OutcomeKind::Applied { .. } | OutcomeKind::Unknown);
            findings.check(!applied, || format!("{row} was read as {:?}", outcome.kind));
            let told = outcome.message.clone().unwrap_or_default();
            let code = row["errors"][0]["statusCode"].as_str().unwrap_or_default();
            findings.check(told.contains(code), || format!("{code} is lost: {told}"));
        }
    }
    findings
}

/// The empty answer to a single guarded update.
async fn single(recording: &Recording) -> Findings {
    let remote = SimulatedSalesforce::fresh(0);
    let mut findings = Findings::of("an update of a single record");
    let id = "003000000000000AAA";
    let job = Job::Push(Push {
        object: "Contact".into(),
        projection: projection(std::iter::empty()),
        writes: vec![Write {
            operation: uuid::Uuid::nil(),
            verb: Verb::Update {
                id: id.into(),
                expected_stamp: Some(remote.now()),
            },
            fields: vec![("LastName".into(), syncline_core::Value::text("x"))],
        }],
    });
    let answers: Vec<(fn(&_) -> bool, _)> = vec![(
        |request: &syncline_core::io::Request| request.url.contains("/sobjects/Contact/"),
        recording.response(),
    )];
    let io = Replay::new(&remote, answers);
    let mut batch = Batch::new(0);
    let mut task = remote
        .connector()
        .open(&remote.config(), job, None)
        .expect("a push of a record");
    if let Err(error) = task.step(&io, Budget::default(), &mut batch).await {
        findings.wrong.push(format!("{error:?}"));
    }
    let kinds: Vec<_> = batch.outcomes.iter().map(|outcome| outcome.kind.clone()).collect();
    findings.equal("the outcome", &kinds, &vec![OutcomeKind::Applied { created: false }]);
    findings
}
