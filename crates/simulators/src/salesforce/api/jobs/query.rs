//! Bulk queries: made, worked off, and read page by page.

use serde_json::{Value, json};

use super::csv_form::{CsvForm, cell_text};
use super::store::{Job, JobKind, Rows, Stage};
use super::{invalid, job_json, not_found};
use crate::salesforce::api::{ApiRequest, ApiResponse};
use crate::salesforce::error::ApiError;
use crate::salesforce::stamp::later;
use crate::salesforce::state::State;

/// Records per page of a result unless the caller says otherwise.
const PAGE: usize = 50_000;
/// Addresses in one answer about parallel pages.
const PARALLEL: usize = 5;

/// `POST /jobs/query`.
pub(super) fn create(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let body = request.json_object()?;
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let operation = match text("operation") {
        Some(operation @ ("query" | "queryAll")) => operation.to_owned(),
        other => {
            return Err(invalid(&format!(
                "Invalid operation: {}",
                other.unwrap_or("none was given")
            )));
        }
    };
    let query = text("query").unwrap_or_default().to_owned();
    if query.trim().is_empty() {
        return Err(ApiError::new(400, "INVALIDJOB", "InvalidJob : Query must not be empty"));
    }
    let form = CsvForm::of_request(&body)?;
    let object = state.bulk_query_object(&query)?;
    let now = state.clock.now();
    if state.jobs.queries_left(state.now()) == 0 {
        let most = state.jobs.daily_queries();
        return Err(ApiError::new(
            400,
            "LIMIT_EXCEEDED",
            format!("Max bulk v2 query jobs ({most}) per 24 hrs has been exceeded for the org."),
        ));
    }
    let job = Job {
        id: state.jobs.new_id(),
        kind: JobKind::Query,
        operation,
        object,
        query,
        external_key: None,
        form,
        version: request.version,
        created: state.now(),
        changed: state.now(),
        stage: Stage::Working {
            since: now,
            due: later(now, state.jobs.takes),
        },
        data: bytes::Bytes::new(),
        rows: Rows::default(),
        failed: Rows::default(),
        unprocessed: Rows::default(),
    };
    let answer = job_json(state, &job, false);
    state.jobs.all.push(job);
    Ok(ApiResponse::json(200, &answer))
}

/// Does the work of a query job.
pub(super) fn work(state: &mut State, job: &mut Job) {
    let form = job.form;
    let mut rows = Rows::default();
    let outcome = state.bulk_query(&job.query, job.operation == "queryAll", &mut |columns: &[String]| {
        form.write_row(columns.iter().map(String::as_str), &mut rows.header);
    });
    job.stage = match outcome {
        Ok(values) => {
            for row in values {
                let cells: Vec<String> = row.iter().map(cell_text).collect();
                form.write_row(cells.iter().map(String::as_str), &mut rows.text);
                rows.end_row();
            }
            Stage::Complete
        }
        Err(error) => Stage::Failed(format!("{}: {}", error.code, error.message)),
    };
    job.rows = rows;
}

fn finished<'a>(state: &'a State, id: &str) -> Result<&'a Job, ApiError> {
    let job = state.jobs.find(id, JobKind::Query).ok_or_else(not_found)?;
    if job.stage != Stage::Complete {
        return Err(ApiError::new(
            400,
            "INVALIDJOBSTATE",
            "InvalidJobState : The job is not complete, so its results are not available",
        ));
    }
    Ok(job)
}

/// The locator of a page that begins at a row, of a size.
fn locator(row: usize) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(format!("MT:{row}"))
}

fn row_of(locator: &str) -> Option<usize> {
    use base64::Engine;
    let decoded = base64::engine::general_purpose::STANDARD_NO_PAD.decode(locator).ok()?;
    String::from_utf8(decoded).ok()?.strip_prefix("MT:")?.parse().ok()
}

/// `GET /jobs/query/{id}/results`.
pub(super) fn results(state: &State, request: &ApiRequest, id: &str) -> Result<ApiResponse, ApiError> {
    let job = finished(state, id)?;
    let from = match request
        .parameter("locator")
        .filter(|text| !matches!(*text, "" | "null"))
    {
        None => 0,
        Some(text) => row_of(text)
            .filter(|row| *row <= job.rows.len())
            .ok_or_else(|| ApiError::new(400, "INVALID_QUERY_LOCATOR", "Invalid query locator"))?,
    };
    let size = match request.parameter("maxRecords") {
        None => PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|size| *size > 0)
            .ok_or_else(|| invalid(&format!("maxRecords must be a positive number: {text}")))?,
    };
    let to = from.saturating_add(size).min(job.rows.len());
    let next = if to < job.rows.len() {
        locator(to)
    } else {
        "null".to_owned()
    };
    Ok(ApiResponse::bytes(200, job.rows.page(from, to))
        .header("content-type", "text/csv".to_owned())
        .header("sforce-locator", next)
        .header("sforce-numberofrecords", (to - from).to_string()))
}

/// `GET /jobs/query/{id}/resultPages`: up to five addresses that can be read at once.
pub(super) fn pages(state: &State, request: &ApiRequest, id: &str) -> Result<ApiResponse, ApiError> {
    let job = finished(state, id)?;
    let first = match request.parameter("nextRecordsId") {
        None => 0,
        Some(text) => row_of(text).ok_or_else(|| invalid("nextRecordsId is not known"))?,
    };
    let address = format!("{}/jobs/query/{}", request.base, job.id);
    let starts: Vec<usize> = (first..job.rows.len().max(1)).step_by(PAGE).collect();
    let pages: Vec<Value> = starts
        .iter()
        .take(PARALLEL)
        .map(|row| json!({"resultUrl": format!("{address}/results?locator={}", locator(*row))}))
        .collect();
    let next = starts
        .get(PARALLEL)
        .map(|row| format!("{address}/resultPages?nextRecordsId={}", locator(*row)));
    Ok(ApiResponse::json(
        200,
        &json!({"resultPages": pages, "nextRecordsUrl": next, "done": next.is_none()}),
    ))
}

/// The result of a query of the older API, as CSV.
pub(in crate::salesforce::api) fn table(state: &State, soql: &str, all_rows: bool) -> Result<Vec<u8>, ApiError> {
    let form = CsvForm::PLAIN;
    let mut out = Vec::new();
    let rows = state.bulk_query(soql, all_rows, &mut |columns: &[String]| {
        form.write_row(columns.iter().map(String::as_str), &mut out);
    })?;
    for row in rows {
        let cells: Vec<String> = row.iter().map(cell_text).collect();
        form.write_row(cells.iter().map(String::as_str), &mut out);
    }
    Ok(out)
}
