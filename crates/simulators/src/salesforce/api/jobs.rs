//! Bulk API 2.0: jobs that are made, worked off by the clock, and read.

mod csv_form;
mod ingest;
mod query;
mod store;

use serde_json::{Map, Value, json};

use super::{ApiRequest, ApiResponse};
use crate::salesforce::error::ApiError;
use crate::salesforce::stamp::{datetime_text, later};
use crate::salesforce::state::State;
pub(super) use ingest::{csv_rows as csv_row, write_row};
pub(super) use query::table as table_of_query;
pub(crate) use store::Jobs;
use store::{Job, JobKind, Stage};

/// `/jobs/...`.
pub(super) fn answer(state: &mut State, request: &ApiRequest, rest: &[&str]) -> Result<ApiResponse, ApiError> {
    let (kind, rest) = match rest {
        ["query", rest @ ..] => (JobKind::Query, rest),
        ["ingest", rest @ ..] => (JobKind::Ingest, rest),
        _ => return Err(ApiError::not_found()),
    };
    match (kind, request.method.as_str(), rest) {
        (JobKind::Query, "POST", []) => query::create(state, request),
        (JobKind::Ingest, "POST", []) => ingest::create(state, request),
        (kind, "GET", []) => Ok(list(state, request, kind)),
        (kind, "GET", [id]) => {
            let job = state.jobs.find(id, kind).ok_or_else(not_found)?;
            Ok(ApiResponse::json(200, &job_json(state, job, true)))
        }
        (kind, "PATCH", [id]) => change(state, request, kind, id),
        (kind, "DELETE", [id]) => delete(state, kind, id),
        (JobKind::Query, "GET", [id, "results"]) => query::results(state, request, id),
        (JobKind::Query, "GET", [id, "resultPages"]) => query::pages(state, request, id),
        (JobKind::Ingest, "PUT", [id, "batches"]) => ingest::upload(state, request, id),
        (JobKind::Ingest, "GET", [id, which @ ("successfulResults" | "failedResults")]) => {
            ingest::results(state, id, which)
        }
        // The documentation writes it in lower case, some clients do not.
        (JobKind::Ingest, "GET", [id, which]) if which.eq_ignore_ascii_case("unprocessedrecords") => {
            ingest::results(state, id, "unprocessedrecords")
        }
        (_, method, [] | [_] | [_, "results" | "resultPages" | "batches"]) => Err(ApiError::method_not_allowed(method)),
        _ => Err(ApiError::not_found()),
    }
}

fn not_found() -> ApiError {
    ApiError::new(404, "NOT_FOUND", "The requested resource does not exist")
}

fn invalid(message: &str) -> ApiError {
    ApiError::new(400, "INVALID_INPUT", message)
}

/// Works off what is due by the clock.
pub(crate) fn settle(state: &mut State) {
    let now = state.clock.now();
    if !state.jobs.any_due(now) {
        return;
    }
    let mut all = std::mem::take(&mut state.jobs.all);
    for job in &mut all {
        let Stage::Working { due, .. } = job.stage else {
            continue;
        };
        if due <= now {
            match job.kind {
                JobKind::Query => query::work(state, job),
                JobKind::Ingest => ingest::work(state, job),
            }
            job.changed = state.now();
        }
    }
    state.jobs.all = all;
    let now = state.now();
    state.jobs.forget_old(now);
}

/// `PATCH /jobs/{kind}/{id}`: the upload is complete, or the job is not wanted any more.
fn change(state: &mut State, request: &ApiRequest, kind: JobKind, id: &str) -> Result<ApiResponse, ApiError> {
    let body = request.json_object()?;
    let wanted = body.get("state").and_then(Value::as_str).unwrap_or_default().to_owned();
    let (now, seconds, takes) = (state.clock.now(), state.now(), state.jobs.takes);
    let job = state.jobs.find_mut(id, kind).ok_or_else(not_found)?;
    match wanted.as_str() {
        "Aborted" if !job.is_over() => job.stage = Stage::Aborted,
        "UploadComplete" if kind == JobKind::Ingest && job.stage == Stage::Open => {
            job.stage = Stage::Working {
                since: now,
                due: later(now, takes),
            };
        }
        "Aborted" | "UploadComplete" => {
            let message = format!("InvalidJobState : {wanted} is not allowed for a job in this state");
            return Err(ApiError::new(400, "INVALIDJOBSTATE", message));
        }
        other => return Err(invalid(&format!("Unknown job state: {other}"))),
    }
    job.changed = seconds;
    let job = state.jobs.find(id, kind).ok_or_else(not_found)?;
    Ok(ApiResponse::json(200, &job_json(state, job, false)))
}

fn delete(state: &mut State, kind: JobKind, id: &str) -> Result<ApiResponse, ApiError> {
    let job = state.jobs.find(id, kind).ok_or_else(not_found)?;
    if matches!(job.stage, Stage::Working { .. }) || (kind == JobKind::Query && !job.is_over()) {
        return Err(ApiError::new(
            400,
            "API_ERROR",
            "Error deleting the job: it has to be complete, failed or aborted first",
        ));
    }
    let id = job.id;
    state.jobs.all.retain(|job| job.id != id);
    Ok(ApiResponse::empty(204))
}

fn list(state: &State, request: &ApiRequest, kind: JobKind) -> ApiResponse {
    let wanted = request.parameter("jobType");
    let job_type = job_type(kind);
    let jobs: Vec<Value> = state
        .jobs
        .all
        .iter()
        .filter(|job| job.kind == kind && wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(job_type)))
        .map(|job| job_json(state, job, false))
        .collect();
    ApiResponse::json(200, &json!({"done": true, "records": jobs, "nextRecordsUrl": null}))
}

fn job_type(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Query => "V2Query",
        JobKind::Ingest => "V2Ingest",
    }
}

/// A job as the service shows it; with what it has done where it is asked for by its id.
fn job_json(state: &State, job: &Job, whole: bool) -> Value {
    let mut shown = Map::new();
    let mut set = |key: &str, value: Value| {
        shown.insert(key.to_owned(), value);
    };
    set("id", Value::from(job.id.as_str()));
    set("operation", Value::from(job.operation.as_str()));
    set("object", Value::from(job.object.as_str()));
    set("createdById", Value::from(state.integration_user.as_str()));
    set("createdDate", Value::from(datetime_text(job.created)));
    set("systemModstamp", Value::from(datetime_text(job.changed)));
    set("state", Value::from(job.state(state.clock.now())));
    if let Some(key) = &job.external_key {
        set("externalIdFieldName", Value::from(key.as_str()));
    }
    set("concurrencyMode", Value::from("Parallel"));
    set("contentType", Value::from("CSV"));
    set("apiVersion", json!(f64::from(job.version)));
    if whole {
        set("jobType", Value::from(job_type(job.kind)));
    }
    if job.kind == JobKind::Ingest && job.stage == Stage::Open {
        let url = format!(
            "services/data/v{}.0/jobs/{}/{}/batches",
            job.version,
            job.kind.path(),
            job.id
        );
        set("contentUrl", Value::from(url));
    }
    set("lineEnding", Value::from(if job.form.crlf { "CRLF" } else { "LF" }));
    set("columnDelimiter", Value::from(job.form.delimiter_name));
    if whole {
        let processed = job.rows.len() + job.failed.len();
        set("retries", Value::from(0));
        set("totalProcessingTime", Value::from(if job.is_over() { 100 } else { 0 }));
        set("numberRecordsProcessed", Value::from(processed));
        if job.kind == JobKind::Ingest {
            set("numberRecordsFailed", Value::from(job.failed.len()));
            set("apiActiveProcessingTime", Value::from(80));
            set("apexProcessingTime", Value::from(0));
        } else {
            set("isPkChunkingSupported", Value::from(true));
        }
        if let Stage::Failed(reason) = &job.stage {
            set("errorMessage", Value::from(reason.as_str()));
        }
    }
    Value::Object(shown)
}
