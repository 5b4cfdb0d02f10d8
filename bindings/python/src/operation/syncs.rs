//! Syncs: saved, checked, previewed, paused.

use serde::Deserialize;
use serde_json::{Value as Json, json};
use syncline::actor::Actor;
use syncline::mapping::Mapping;
use syncline::model::Field;
use syncline::sync::{NewSync, Schedule, SweepInterval, Sync};
use syncline::{Engine, Result};

use super::connections::known;
use super::runs::started_json;
use super::{numbered, plain, take, unknown};

/// A sync to be made or changed.
#[derive(Deserialize)]
struct New {
    name: String,
    connection: u64,
    mapping: Mapping,
    fields: Vec<Field>,
    groups: Vec<Vec<String>>,
    #[serde(default)]
    schedule: Schedule,
    #[serde(default)]
    sweep: SweepInterval,
    #[serde(default)]
    files: bool,
    start: bool,
}

impl From<New> for NewSync {
    fn from(new: New) -> Self {
        Self {
            name: new.name,
            connection: new.connection,
            mapping: new.mapping,
            fields: new.fields,
            groups: new.groups,
            schedule: new.schedule,
            sweep: new.sweep,
            files: new.files,
            start: new.start,
        }
    }
}

fn shown(sync: &Sync) -> Result<Json> {
    numbered(sync.id, sync)
}

pub(super) async fn call(engine: &Engine, operation: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    let syncs = engine.syncs();
    match operation {
        "save" => {
            take!(arguments => sync: New);
            known(engine, sync.connection, actor).await?;
            let saved = syncs.save(sync.into(), actor).await?;
            Ok(json!({
                "sync": shown(&saved.sync)?,
                "findings": plain(&saved.findings)?,
                "change": plain(&saved.change)?,
                "estimate": saved.estimate,
                "run": saved.run.as_ref().map(started_json),
            }))
        }
        "check" => {
            take!(arguments => sync: New);
            known(engine, sync.connection, actor).await?;
            plain(&syncs.check(&sync.into(), actor).await?)
        }
        "preview" => {
            take!(arguments => sync: New, records: usize);
            known(engine, sync.connection, actor).await?;
            plain(&engine.preview(&sync.into(), records, actor).await?)
        }
        "list" => {
            take!(arguments => tenant: u32, deleted: bool);
            syncs.list(tenant, deleted, actor).await?.iter().map(shown).collect()
        }
        _ => of_one(engine, operation, actor, arguments).await,
    }
}

async fn of_one(engine: &Engine, operation: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    take!(arguments => id: u64, reason: Option<String>);
    let syncs = engine.syncs();
    match operation {
        "get" => shown(&syncs.get(id, actor).await?),
        "counts" => plain(&syncs.counts(&syncs.get(id, actor).await?, actor).await?),
        "pause" => shown(&syncs.pause(id, &reason.unwrap_or_default(), actor).await?),
        "resume" => shown(&syncs.resume(id, actor).await?),
        "delete" => shown(&syncs.delete(id, actor).await?),
        _ => unknown(operation),
    }
}
