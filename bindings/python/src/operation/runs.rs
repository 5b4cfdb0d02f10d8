//! Runs, the records that failed in them, and rollback.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use syncline::actor::Actor;
use syncline::run::{RollbackRelease, Run, RunParameters, RunQuery, RunRequest, RunScope, RunStatus, StartedRun};
use syncline::{Engine, Result};

use super::{numbered, plain, read, take, unknown};

/// What to run.
#[derive(Deserialize)]
struct Request {
    tenant: u32,
    scope: RunScope,
    parameters: RunParameters,
}

/// Which runs to list.
#[derive(Deserialize)]
struct Query {
    connection: Option<u64>,
    status: Vec<RunStatus>,
    object: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    before: Option<u64>,
    limit: usize,
}

/// The runs that somebody wants to watch.
///
/// # Errors
/// `Invalid` for arguments of the wrong form.
pub(crate) fn watch_request(arguments: Json) -> Result<RunRequest> {
    let request: Request = read(arguments)?;
    Ok(RunRequest {
        tenant: request.tenant,
        scope: request.scope,
        parameters: request.parameters,
    })
}

/// A run as it is shown, with its totals.
pub(crate) fn run_json(run: &Run) -> Json {
    let mut json = numbered(run.id, run).unwrap_or_default();
    for direction in ["pull", "push"] {
        json[direction] = plain(&run.total(direction)).unwrap_or_default();
    }
    json
}

pub(super) fn started_json(run: &StartedRun) -> Json {
    json!({ "id": run.id, "connection": run.connection, "queued": run.queued, "estimate": run.estimate })
}

pub(super) async fn call(engine: &Engine, operation: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    let runs = engine.runs();
    match operation {
        "start" => {
            let started = runs.start(watch_request(arguments)?, actor).await?;
            Ok(started.iter().map(started_json).collect())
        }
        "list" => {
            take!(arguments => tenant: u32, query: Query);
            let query = RunQuery {
                connection: query.connection,
                status: query.status,
                object: query.object,
                since: query.since,
                until: query.until,
                before: query.before,
                limit: query.limit,
            };
            Ok(runs.list(tenant, &query, actor).await?.iter().map(run_json).collect())
        }
        "failures" => {
            take!(arguments => tenant: u32, sync: Option<u64>);
            let failures = runs.failures(tenant, sync, actor).await?;
            failures.iter().map(|failure| numbered(failure.id, failure)).collect()
        }
        "retry_failure" => {
            take!(arguments => failure: u64);
            plain(&runs.retry_failure(failure, actor).await?)
        }
        "dismiss_failure" => {
            take!(arguments => failure: u64);
            plain(&runs.dismiss_failure(failure, actor).await?)
        }
        _ => of_one(engine, operation, actor, arguments).await,
    }
}

async fn of_one(engine: &Engine, operation: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    take!(arguments => run: u64, release: Option<RollbackRelease>, dry_run: Option<bool>);
    let runs = engine.runs();
    let release = release.unwrap_or_default();
    match operation {
        "get" => Ok(run_json(&runs.get(run, actor).await?)),
        "wait" => Ok(run_json(&runs.wait(run, actor).await?)),
        "stop" => plain(&runs.stop(run, actor).await?),
        "rollback" => {
            let dry_run = dry_run.unwrap_or_default();
            Ok(run_json(&runs.rollback(run, release, dry_run, actor).await?))
        }
        "release_rollback" => plain(&runs.release_rollback(run, release, actor).await?),
        _ => unknown(operation),
    }
}
