//! Objects and their fields.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use syncline_core::schema::{Described, FieldSchema};

use crate::connector::Remote;
use crate::connector::simulated::SimulatedSalesforce;
use crate::recorded::replay::Replay;
use crate::recorded::{Findings, Recording};

pub(super) async fn describe(recording: &Recording) -> Findings {
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
            let label = choice["label"]
                .as_str()
                .unwrap_or(choice["value"].as_str().unwrap_or_default());
            (text("value"), label.to_owned(), choice["active"] == true)
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

pub(super) async fn objects(recording: &Recording) -> Findings {
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

/// That nothing changed since the description that is known.
pub(super) async fn unchanged(recording: &Recording) -> Findings {
    let remote = SimulatedSalesforce::fresh(0);
    let mut findings = Findings::of("a description that is still right");
    let answers: Vec<(fn(&_) -> bool, _)> = vec![(
        |request: &syncline_core::io::Request| request.url.ends_with("/describe"),
        recording.response(),
    )];
    let io = Replay::new(&remote, answers);
    let known = "Fri, 20 Nov 2026 10:00:00 GMT";
    let described = remote
        .connector()
        .describe(&io, &remote.config(), "Contact", Some(known))
        .await;
    findings.check(matches!(described, Ok(Described::Unchanged)), || {
        format!("it was read as {described:?}")
    });
    findings
}
