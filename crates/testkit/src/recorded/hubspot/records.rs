//! Records: of a list, a search or a batch read, and alone.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use syncline_core::batch::{Batch, RowState};
use syncline_core::io::Response;
use syncline_core::job::{Fetch, FetchBy};

use super::{Fits, object};
use crate::connector::Remote;
use crate::connector::simulated::SimulatedHubSpot;
use crate::recorded::replay::Replay;
use crate::recorded::values::{compare, leaves, projection};
use crate::recorded::{Findings, Recording};

/// A record as it was recorded.
struct Told {
    id: String,
    archived: bool,
    /// By the path that a mapping would name; former values, as the service lists them, as `history.` and the name.
    properties: BTreeMap<String, Json>,
    /// Whether it tells when it was changed, as real ones do.
    stamped: bool,
}

impl Told {
    fn read(record: &Json, findings: &mut Findings) -> Option<Self> {
        let properties = record["properties"].as_object();
        let history = record["propertiesWithHistory"].as_object();
        if properties.is_none() && history.is_none() {
            findings
                .wrong
                .push(format!("record {} has no properties", record["id"]));
            return None;
        }
        if record.get("associations").is_some_and(Json::is_object) {
            let note = "associations: they are read in batches, with their labels";
            if !findings.dropped.iter().any(|known| known == note) {
                findings.dropped.push(note.into());
            }
        }
        let id = record["id"].as_str().map(str::to_owned);
        let mut properties = properties
            .map(|record| leaves(record, &mut findings.dropped))
            .unwrap_or_default();
        for (name, versions) in history.into_iter().flatten() {
            properties.insert(format!("history.{name}"), versions.clone());
        }
        Some(Self {
            id: id.or_else(|| record["id"].as_u64().map(|id| id.to_string()))?,
            archived: record["archived"] == true,
            properties,
            stamped: record["updatedAt"].is_string(),
        })
    }

    fn state(&self) -> RowState {
        if self.archived {
            RowState::Archived
        } else {
            RowState::Live
        }
    }
}

/// Records of a list, a search or a batch read. Found by a search, they are read by id: their members are the same.
pub(super) async fn page(recording: &Recording) -> Findings {
    let results = recording.body["results"].as_array().cloned().unwrap_or_default();
    let mut findings = Findings::of(format!("{} records", results.len()));
    let told: Vec<Told> = results
        .iter()
        .filter_map(|record| Told::read(record, &mut findings))
        .collect();
    let mut response = recording.response();
    let mut body = json!({"status": "COMPLETE", "results": results});
    if let Some(errors) = recording.body.get("errors") {
        body["errors"] = errors.clone();
    }
    response.body = body.to_string().into();
    let answers: Vec<(Fits, _)> = vec![(|request| request.url.contains("/batch/read"), response)];
    let ids: Vec<String> = told.iter().map(|record| record.id.clone()).collect();
    let absent: Vec<String> = recording.body["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|error| error["context"]["ids"].as_array().into_iter().flatten())
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    let asked: Vec<String> = ids.iter().chain(&absent).cloned().collect();
    read(
        recording,
        answers,
        &asked,
        &told,
        &mut findings,
        |id, batch, findings| {
            if absent.iter().any(|absent| absent == id) {
                let missing = batch
                    .rows()
                    .any(|row| row.id() == id && row.state() == RowState::Missing);
                findings.check(missing, || format!("{id} is missing, and was not read so"));
            }
        },
    )
    .await;
    findings
}

/// A record that was asked for alone, which is how the survivor of a merge is found.
pub(super) async fn single(recording: &Recording) -> Findings {
    let mut findings = Findings::of("a record");
    let Some(told) = Told::read(&recording.body, &mut findings) else {
        return findings;
    };
    let mut none = recording.response();
    none.head.status = 200;
    none.body = json!({"status": "COMPLETE", "results": []}).to_string().into();
    let answers: Vec<(Fits, Response)> = vec![
        (|request| request.url.contains("/batch/read"), none),
        (|request| request.url.contains("/objects/"), recording.response()),
    ];
    let (_, path) = recording.call();
    let asked = path.split(['?', ' ']).next().and_then(|path| path.rsplit('/').next());
    let asked = asked
        .filter(|id| id.parse::<u64>().is_ok())
        .unwrap_or(&told.id)
        .to_owned();
    let survivor = told.id.clone();
    read(
        recording,
        answers,
        std::slice::from_ref(&asked),
        &[told],
        &mut findings,
        |id, batch, findings| {
            if *id != survivor {
                let merged = batch.rows().any(|row| {
                    row.id() == id && row.state() == RowState::Merged && row.merged_into() == Some(&*survivor)
                });
                findings.check(merged, || format!("{id} was merged into {survivor}, and not read so"));
            }
        },
    )
    .await;
    findings
}

async fn read(
    recording: &Recording,
    answers: Vec<(Fits, Response)>,
    asked: &[String],
    told: &[Told],
    findings: &mut Findings,
    check: impl Fn(&String, &Batch, &mut Findings),
) {
    let remote = SimulatedHubSpot::fresh(0);
    let io = Replay::new(&remote, answers);
    let projection = projection(told.iter().map(|record| &record.properties));
    let (_, path) = recording.call();
    let fetch = Fetch {
        object: object(&path).to_owned(),
        projection: projection.clone(),
        by: FetchBy::Ids(asked.to_vec()),
    };
    let mut batch = Batch::new(projection.fields.len());
    let config = remote.config();
    if let Err(error) = remote.connector().fetch(&io, &config, &fetch, &mut batch).await {
        findings.wrong.push(format!("{error:?}"));
        return;
    }
    for record in told {
        let state = record.state();
        match batch.rows().find(|row| row.id() == record.id && row.state() == state) {
            Some(row) => {
                compare(row, &record.properties, &projection, findings);
                findings.check(row.stamp().is_some() || !record.stamped, || {
                    format!("{} has no stamp", record.id)
                });
            }
            None => findings.wrong.push(format!("record {} is lost", record.id)),
        }
    }
    for id in asked {
        check(id, &batch, findings);
    }
}
