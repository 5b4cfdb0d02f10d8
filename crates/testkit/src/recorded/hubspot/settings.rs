//! What describes the account: its owners, objects and fields.

use syncline_core::schema::{Described, FieldKind, ObjectInfo};

use super::{Fits, object};
use crate::connector::Remote;
use crate::connector::simulated::SimulatedHubSpot;
use crate::recorded::replay::Replay;
use crate::recorded::{Findings, Recording};

pub(super) async fn account(recording: &Recording) -> Findings {
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

pub(super) async fn owners(recording: &Recording) -> Findings {
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
                let id = owner["id"].to_string();
                let id = id.trim_matches('"');
                findings.check(users.iter().any(|user| user.id == id), || format!("owner {id} is lost"));
            }
        }
        Err(error) => findings.wrong.push(format!("{error:?}")),
    }
    findings
}

pub(super) async fn properties(recording: &Recording) -> Findings {
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

pub(super) async fn schemas(recording: &Recording) -> Findings {
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
                let same = |ours: &ObjectInfo| ours.custom && (ours.label == label || label.is_empty());
                findings.check(ours.is_some_and(same), || {
                    format!("{name} ({label}) was read as {ours:?}")
                });
            }
        }
    }
    findings
}

pub(super) async fn pipelines(recording: &Recording) -> Findings {
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
