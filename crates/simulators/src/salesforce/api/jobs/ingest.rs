//! Bulk writes: rows of CSV taken in, written one by one, and told apart afterwards.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::csv_form::CsvForm;
use super::store::{Job, JobKind, Rows, Stage};
use super::{invalid, job_json, not_found};
use crate::salesforce::api::records::{delete_one, insert_one, update_one};
use crate::salesforce::api::upsert::{key_field, upsert_row};
use crate::salesforce::api::{ApiRequest, ApiResponse};
use crate::salesforce::error::ApiError;
use crate::salesforce::id::RecordId;
use crate::salesforce::stamp::later;
use crate::salesforce::state::State;

/// Larger uploads are refused.
const MOST_BYTES: usize = 150 * 1024 * 1024;
/// Stands for null in an upload.
const NULL: &str = "#N/A";

/// `POST /jobs/ingest`: JSON, or the job and its rows as two parts of one form.
pub(super) fn create(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let kind = request.header("content-type").unwrap_or_default().to_owned();
    let (body, data) = if kind.starts_with("multipart/form-data") {
        let (job, content) =
            parts(&kind, &request.body).ok_or_else(|| invalid("The parts of the request can't be read"))?;
        let body = serde_json::from_slice(&job).map_err(|error| ApiError::json_parser(error.to_string()))?;
        (body, Some(content))
    } else {
        (request.json_object()?, None)
    };
    let mut job = new_job(state, request, &body)?;
    if let Some(data) = data {
        job.data = data;
        let now = state.clock.now();
        job.stage = Stage::Working {
            since: now,
            due: later(now, state.jobs.takes),
        };
    }
    let answer = job_json(state, &job, false);
    state.jobs.all.push(job);
    Ok(ApiResponse::json(200, &answer))
}

fn new_job(state: &mut State, request: &ApiRequest, body: &Map<String, Value>) -> Result<Job, ApiError> {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let operation = match text("operation") {
        Some(operation @ ("insert" | "update" | "upsert" | "delete" | "hardDelete")) => operation.to_owned(),
        other => {
            return Err(invalid(&format!(
                "Invalid operation: {}",
                other.unwrap_or("none was given")
            )));
        }
    };
    let name = text("object").unwrap_or_default();
    let table = state.find(name).ok_or_else(|| {
        ApiError::new(
            400,
            "INVALIDENTITY",
            format!("InvalidEntity : Entity '{name}' is not supported by the Bulk API."),
        )
    })?;
    let external_key = text("externalIdFieldName").map(str::to_owned);
    if operation == "upsert" {
        let key = external_key.as_deref().unwrap_or_default();
        if key_field(state, table, key).is_err() {
            return Err(ApiError::new(
                400,
                "INVALIDJOB",
                format!("InvalidJob : Field name provided, {key} is not an External ID or indexed field for {name}"),
            ));
        }
    }
    Ok(Job {
        id: state.jobs.new_id(),
        kind: JobKind::Ingest,
        operation,
        object: state.tables[table].schema.name.clone(),
        query: String::new(),
        external_key,
        form: CsvForm::of_request(body)?,
        version: request.version,
        created: state.now(),
        changed: state.now(),
        stage: Stage::Open,
        data: Bytes::new(),
        rows: Rows::default(),
        failed: Rows::default(),
        unprocessed: Rows::default(),
    })
}

/// The JSON and the CSV of a form with the parts `job` and `content`.
fn parts(kind: &str, body: &Bytes) -> Option<(Bytes, Bytes)> {
    let boundary = kind.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?;
    let mark = format!("--{}", boundary.trim_matches('"'));
    let text = std::str::from_utf8(body).ok()?;
    let (mut job, mut content) = (None, None);
    for part in text.split(mark.as_str()).skip(1) {
        let part = part.strip_prefix("\r\n").or_else(|| part.strip_prefix('\n'));
        let Some((head, rest)) = part.and_then(|part| part.split_once("\r\n\r\n").or_else(|| part.split_once("\n\n")))
        else {
            continue;
        };
        let rest = rest
            .strip_suffix("\r\n")
            .or_else(|| rest.strip_suffix('\n'))
            .unwrap_or(rest);
        if head.contains("name=\"job\"") {
            job = Some(Bytes::from(rest.to_owned()));
        } else if head.contains("name=\"content\"") {
            content = Some(Bytes::from(rest.to_owned()));
        }
    }
    job.zip(content)
}

/// `PUT /jobs/ingest/{id}/batches`.
pub(super) fn upload(state: &mut State, request: &ApiRequest, id: &str) -> Result<ApiResponse, ApiError> {
    let job = state.jobs.find_mut(id, JobKind::Ingest).ok_or_else(not_found)?;
    let kind = request.header("content-type").unwrap_or_default();
    if !kind.starts_with("text/csv") {
        return Err(ApiError::new(
            400,
            "INVALID_CONTENT_TYPE",
            format!("Content-Type must be text/csv, not '{kind}'"),
        ));
    }
    if job.stage != Stage::Open || !job.data.is_empty() {
        return Err(ApiError::new(
            400,
            "INVALIDJOBSTATE",
            "InvalidJobState : The job takes one upload, while it is open",
        ));
    }
    if request.body.len() > MOST_BYTES {
        return Err(ApiError::new(400, "LIMIT_EXCEEDED", "The data is larger than 150 MB"));
    }
    job.data = request.body.clone();
    Ok(ApiResponse::empty(201))
}

/// Writes the rows of a job.
pub(super) fn work(state: &mut State, job: &mut Job) {
    let breaks_after = state.jobs.break_next_after.take();
    let data = std::mem::take(&mut job.data);
    job.stage = match rows(state, job, &data, breaks_after) {
        Ok(()) => Stage::Complete,
        Err(reason) => Stage::Failed(reason),
    };
}

fn rows(state: &mut State, job: &mut Job, data: &[u8], breaks_after: Option<usize>) -> Result<(), String> {
    let form = job.form;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(form.delimiter)
        .flexible(true)
        .from_reader(data);
    let unreadable = |error: csv::Error| format!("InvalidBatch : Failed to parse CSV: {error}");
    let columns: Vec<String> = reader
        .headers()
        .map_err(unreadable)?
        .iter()
        .map(str::to_owned)
        .collect();
    let header = |first: &[&str]| {
        let mut out = Vec::new();
        form.write_row(
            first.iter().copied().chain(columns.iter().map(String::as_str)),
            &mut out,
        );
        out
    };
    job.rows.header = header(&["sf__Id", "sf__Created"]);
    job.failed.header = header(&["sf__Id", "sf__Error"]);
    job.unprocessed.header = header(&[]);
    let records: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().map_err(unreadable)?;
    let unprocessed = |job: &mut Job, records: &[csv::StringRecord]| {
        for record in records {
            form.write_row(record.iter(), &mut job.unprocessed.text);
            job.unprocessed.end_row();
        }
    };
    let table = state.find(&job.object).ok_or("InvalidEntity")?;
    if let Some(unknown) = columns.iter().find(|column| !is_column(state, table, column)) {
        unprocessed(job, &records);
        return Err(format!("InvalidBatch : Field name not found : {unknown}"));
    }
    // The service works on several batches at once, so results come in another order than the rows.
    let mut order: Vec<usize> = (0..records.len()).collect();
    order.rotate_left(records.len() / 3);
    for (done, index) in order.iter().enumerate() {
        if breaks_after.is_some_and(|after| done >= after) {
            let rest: Vec<csv::StringRecord> = order[done..].iter().map(|index| records[*index].clone()).collect();
            unprocessed(job, &rest);
            return Err("InternalServerError : The job was stopped by the service after too many retries".to_owned());
        }
        let record = &records[*index];
        let written = if record.len() == columns.len() {
            body_of(state, table, &columns, record, job)
                .and_then(|body| write_row(state, &job.operation, job.external_key.as_deref(), table, body))
        } else {
            Err(ApiError::row(
                "INVALID_INPUT",
                "the row has another number of columns than the header",
                &[],
            ))
        };
        match written {
            Ok((id, created)) => {
                let first = [id.to_string(), created.to_string()];
                form.write_row(
                    first.iter().map(String::as_str).chain(record.iter()),
                    &mut job.rows.text,
                );
                job.rows.end_row();
            }
            Err(error) => {
                let fields = error.fields.unwrap_or_default().join(", ");
                let told = format!("{}:{}:{fields} --", error.code, error.message);
                let given = columns
                    .iter()
                    .position(|column| column.eq_ignore_ascii_case("Id"))
                    .and_then(|at| record.get(at))
                    .unwrap_or_default();
                let first = [given, told.as_str()];
                form.write_row(first.into_iter().chain(record.iter()), &mut job.failed.text);
                job.failed.end_row();
            }
        }
    }
    Ok(())
}

/// Whether a column names a field, or a key of a related record.
fn is_column(state: &State, table: usize, column: &str) -> bool {
    let schema = &state.tables[table].schema;
    match column.split_once('.') {
        None => schema.find(column).is_some(),
        Some((relationship, _)) => {
            let name = relationship.split_once(':').map_or(relationship, |(_, name)| name);
            schema.find_relationship(name).is_some()
        }
    }
}

/// A row as the body that a single write takes.
fn body_of(
    state: &State,
    table: usize,
    columns: &[String],
    record: &csv::StringRecord,
    job: &Job,
) -> Result<Map<String, Value>, ApiError> {
    let mut body = Map::new();
    for (column, cell) in columns.iter().zip(record.iter()) {
        if cell.is_empty() {
            continue;
        }
        let value = if cell == NULL { Value::Null } else { Value::from(cell) };
        match column.split_once('.') {
            None => {
                body.insert(column.clone(), value);
            }
            Some((relationship, key)) => {
                let (kind, name) = relationship
                    .split_once(':')
                    .map_or((None, relationship), |(kind, name)| (Some(kind), name));
                if value.is_null() {
                    let schema = &state.tables[table].schema;
                    if let Some(field) = schema.find_relationship(name) {
                        body.insert(schema.field(field).name.clone(), Value::Null);
                    }
                    continue;
                }
                let nested = match kind {
                    Some(kind) => json!({"attributes": {"type": kind}, key: value}),
                    None => json!({key: value}),
                };
                body.insert(name.to_owned(), nested);
            }
        }
    }
    if body.is_empty() && job.operation != "insert" {
        return Err(ApiError::row(
            "MISSING_ARGUMENT",
            "Id not specified in an update call",
            &["Id"],
        ));
    }
    Ok(body)
}

/// Writes one row by the operation of its job.
pub(in crate::salesforce::api) fn write_row(
    state: &mut State,
    operation: &str,
    external_key: Option<&str>,
    table: usize,
    mut body: Map<String, Value>,
) -> Result<(RecordId, bool), ApiError> {
    if !state.tables[table].schema.writable {
        return Err(ApiError::row(
            "INSUFFICIENT_ACCESS_OR_READONLY",
            format!(
                "entity type {} does not support this operation in the simulator",
                state.tables[table].schema.name
            ),
            &[],
        ));
    }
    match operation {
        "insert" => insert_one(state, table, &body).map(|id| (id, true)),
        "upsert" => {
            let field = key_field(state, table, external_key.unwrap_or("Id"))?;
            upsert_row(state, table, field, body)
        }
        operation => {
            let key = body.keys().find(|key| key.eq_ignore_ascii_case("Id")).cloned();
            let given = key.and_then(|key| body.shift_remove(&key));
            let text = given.as_ref().and_then(Value::as_str).unwrap_or_default();
            if text.is_empty() {
                return Err(ApiError::row(
                    "MISSING_ARGUMENT",
                    "Id not specified in an update call",
                    &["Id"],
                ));
            }
            let id = RecordId::parse(text)
                .ok_or_else(|| ApiError::row("MALFORMED_ID", format!("bad id {text}"), &["Id"]))?;
            if operation == "update" {
                let slot = state.live_slot(table, id)?;
                update_one(state, table, slot, &body)?;
            } else {
                delete_one(state, table, id)?;
                if operation == "hardDelete" {
                    let now = state.now();
                    if let Some(slot) = state.tables[table].slot(id) {
                        state.tables[table].purge(slot, now);
                    }
                }
            }
            Ok((id, false))
        }
    }
}

/// `GET /jobs/ingest/{id}/successfulResults` and its siblings.
pub(super) fn results(state: &State, id: &str, which: &str) -> Result<ApiResponse, ApiError> {
    let job = state.jobs.find(id, JobKind::Ingest).ok_or_else(not_found)?;
    let rows = match which {
        "successfulResults" => &job.rows,
        "failedResults" => &job.failed,
        _ => &job.unprocessed,
    };
    Ok(ApiResponse::bytes(200, rows.page(0, rows.len())).header("content-type", "text/csv".to_owned()))
}

/// The rows of a batch of the older API, whose columns are fields of the record itself.
pub(in crate::salesforce::api) fn csv_rows(data: &[u8]) -> Result<Vec<Map<String, Value>>, String> {
    let unreadable = |error: csv::Error| format!("InvalidBatch : Failed to parse CSV: {error}");
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(data);
    let columns = reader.headers().map_err(unreadable)?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let mut row = Map::new();
        for (column, cell) in columns.iter().zip(record.iter()).filter(|(_, cell)| !cell.is_empty()) {
            let value = if cell == NULL { Value::Null } else { Value::from(cell) };
            match column.split_once('.') {
                Some((relationship, key)) => row.insert(relationship.to_owned(), json!({key: value})),
                None => row.insert(column.to_owned(), value),
            };
        }
        rows.push(row);
    }
    Ok(rows)
}
