//! Records: queried, read by id and written.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use syncline_core::batch::{Batch, OutcomeKind};
use syncline_core::job::{Budget, Fetch, FetchBy, Job, Progress, Pull, Push, Start, Verb, Write};

use super::bulk::Fits;
use crate::connector::Remote;
use crate::connector::simulated::SimulatedSalesforce;
use crate::recorded::replay::Replay;
use crate::recorded::values::{compare, leaves, projection};
use crate::recorded::{Findings, Recording};

pub(super) async fn query(recording: &Recording) -> Findings {
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
pub(super) async fn rows(recording: &Recording) -> Findings {
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

/// Records that were read by id; null stands for one that is not there.
pub(super) async fn retrieved(recording: &Recording) -> Findings {
    let remote = SimulatedSalesforce::fresh(0);
    let records: Vec<Json> = recording
        .body
        .as_array()
        .into_iter()
        .flatten()
        .filter(|record| !record.is_null())
        .cloned()
        .collect();
    let mut findings = Findings::of(format!("{} records read by id", records.len()));
    let flat: Vec<BTreeMap<String, Json>> = records
        .iter()
        .filter_map(Json::as_object)
        .map(|record| leaves(record, &mut findings.dropped))
        .collect();
    let ids: Vec<String> = flat
        .iter()
        .filter_map(|record| record.get("Id")?.as_str().map(str::to_owned))
        .collect();
    if ids.len() != flat.len() {
        findings
            .dropped
            .push("a record without its id: the connector always asks for it".into());
        return findings;
    }
    let object = records
        .first()
        .and_then(|record| record["attributes"]["type"].as_str())
        .unwrap_or("Contact");
    let projection = projection(flat.iter());
    let mut none = recording.response();
    none.body = r#"{"totalSize":0,"done":true,"records":[]}"#.into();
    let answers: Vec<(Fits, _)> = vec![
        (
            |request| request.url.contains("composite/sobjects/"),
            recording.response(),
        ),
        // What is not among them is looked for in the recycle bin.
        (|request| request.url.contains("/query"), none),
    ];
    let io = Replay::new(&remote, answers);
    let fetch = Fetch {
        object: object.to_owned(),
        projection: projection.clone(),
        by: FetchBy::Ids(ids),
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
    for record in &flat {
        let id = record["Id"].as_str().unwrap_or_default();
        match batch.rows().find(|row| row.id() == id) {
            Some(row) => compare(row, record, &projection, &mut findings),
            None => findings.wrong.push(format!("record {id} is lost")),
        }
    }
    findings
}

/// The empty answer to a single guarded update.
pub(super) async fn single(recording: &Recording) -> Findings {
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
