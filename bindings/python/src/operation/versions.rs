//! Versions of blueprints, the way of records from one to the other, and the trash.

use serde::Deserialize;
use serde_json::{Value as Json, json};
use syncline::actor::Actor;
use syncline::blueprint::{MigrationJob, MigrationTarget};
use syncline::migration::Migration;
use syncline::model::Field;
use syncline::{Engine, Result};

use super::{numbered, plain, take, unknown};

/// Where records are to be brought: to the current version if nothing else is said.
#[derive(Deserialize)]
struct Target {
    version: Option<u32>,
    migration: Option<Migration>,
}

impl From<Target> for MigrationTarget {
    fn from(target: Target) -> Self {
        match (target.migration, target.version) {
            (Some(migration), _) => Self::Migration(migration),
            (None, Some(version)) => Self::Version(version),
            (None, None) => Self::Current,
        }
    }
}

fn shown(job: &MigrationJob) -> Result<Json> {
    numbered(job.id, job)
}

pub(super) async fn call(engine: &Engine, operation: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    let (versions, migrations) = (engine.versions(), engine.migrations());
    match operation {
        "list" => {
            take!(arguments => tenant: u32, name: String);
            plain(&versions.list(tenant, &name, actor).await?)
        }
        "diff" => {
            take!(arguments => tenant: u32, name: String, before: u32, after: u32);
            plain(&versions.diff(tenant, &name, (before, after), actor).await?)
        }
        "propose" => {
            take!(arguments => tenant: u32, name: String, fields: Vec<Field>, groups: Vec<Vec<String>>);
            let proposal = versions.propose(tenant, &name, &fields, &groups, actor).await?;
            Ok(json!({ "rules": plain(&proposal.migration)?["rules"], "findings": plain(&proposal.findings)? }))
        }
        "check" => {
            take!(arguments => tenant: u32, name: String, migration: Migration);
            plain(&versions.check(tenant, &name, &migration, actor).await?)
        }
        "save" => {
            take!(arguments => tenant: u32, name: String, migration: Migration);
            plain(&versions.save(tenant, &name, &migration, actor).await?)
        }
        "go_back" => {
            take!(arguments => tenant: u32, name: String, version: u32);
            plain(&versions.go_back(tenant, &name, version, actor).await?)
        }
        "dry_run" => {
            take!(arguments => tenant: u32, name: String, target: Target);
            plain(&migrations.dry_run(tenant, &name, &target.into(), actor).await?)
        }
        "migrate" => {
            take!(arguments => tenant: u32, name: String, wait: bool);
            let job = if wait {
                migrations.run(tenant, &name, actor).await?
            } else {
                migrations.start(tenant, &name, actor).await?
            };
            shown(&job)
        }
        "jobs" => {
            take!(arguments => tenant: u32, name: String);
            migrations.list(tenant, &name, actor).await?.iter().map(shown).collect()
        }
        "failures" => {
            take!(arguments => tenant: u32, name: String);
            plain(&migrations.failures(tenant, &name, actor).await?)
        }
        "trash" => {
            take!(arguments => tenant: u32, name: String);
            plain(&engine.trash_blueprint(tenant, &name, actor).await?)
        }
        "trashed" => {
            take!(arguments => tenant: u32);
            plain(&engine.trashed_blueprints(tenant, actor).await?)
        }
        "restore" => {
            take!(arguments => tenant: u32, name: String);
            plain(&engine.restore_blueprint(tenant, &name, actor).await?)
        }
        "purge" => {
            take!(arguments => tenant: u32, name: String);
            plain(&engine.purge_blueprint(tenant, &name, actor).await?)
        }
        _ => unknown(operation),
    }
}
