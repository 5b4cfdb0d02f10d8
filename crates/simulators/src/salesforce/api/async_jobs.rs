//! Bulk API 1.0: jobs of batches, in JSON, CSV or XML. A batch is worked off when it is asked for.

mod answers;

use axum::Router;
use axum::extract::{Request, State as Extract};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::jobs::{csv_row, table_of_query, write_row};
use answers::{NAMESPACE, query_result, result, shown, xml, xml_response};

use crate::salesforce::Salesforce;
use crate::salesforce::error::ApiError;
use crate::salesforce::id::RecordId;
use crate::salesforce::stamp::datetime_text;
use crate::salesforce::state::State;

/// Records of one batch.
const MOST_RECORDS: usize = 10_000;
const MOST_BYTES: usize = 10 << 20;

/// The jobs of the older API.
#[derive(Debug, Default)]
pub(crate) struct AsyncJobs {
    next: u64,
    jobs: Vec<AsyncJob>,
}

#[derive(Debug)]
struct AsyncJob {
    id: RecordId,
    operation: String,
    object: String,
    external_key: Option<String>,
    content: Content,
    concurrency: String,
    state: &'static str,
    version: u32,
    created: i64,
    batches: Vec<Batch>,
}

#[derive(Debug)]
struct Batch {
    id: RecordId,
    created: i64,
    failed: usize,
    processed: usize,
    /// Why the batch as a whole was not worked off.
    problem: Option<String>,
    /// Outcomes of writes; records of a query.
    rows: Vec<Value>,
    /// The same of a query as CSV.
    table: Vec<u8>,
    request: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Json,
    Csv,
    Xml,
}

impl Content {
    fn named(text: &str) -> Option<Self> {
        match text {
            "JSON" | "ZIP_JSON" => Some(Self::Json),
            "CSV" | "ZIP_CSV" => Some(Self::Csv),
            "XML" | "ZIP_XML" => Some(Self::Xml),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Csv => "CSV",
            Self::Xml => "XML",
        }
    }
}

/// The service's refusal: its code and its sentence.
struct Refusal(StatusCode, &'static str, String);

fn refuse(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, code, message.into())
}

pub(super) fn routes(salesforce: &Salesforce) -> Router {
    Router::new()
        .route("/services/async/{version}/{*rest}", axum::routing::any(answer))
        .with_state(salesforce.clone())
}

async fn answer(Extract(salesforce): Extract<Salesforce>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let text = |name: &str| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let json_wanted = text("content-type").contains("json") || text("accept").contains("json");
    let session = text("x-sfdc-session").to_owned();
    let session = if session.is_empty() {
        super::transport::bearer(&parts.headers).unwrap_or_default().to_owned()
    } else {
        session
    };
    let path: Vec<String> = parts
        .uri
        .path()
        .trim_matches('/')
        .split('/')
        .skip(2)
        .map(str::to_owned)
        .collect();
    let outcome = if salesforce.oauth.accepts(&session) {
        match axum::body::to_bytes(body, MOST_BYTES + 1).await {
            Ok(body) if body.len() <= MOST_BYTES => {
                let mut state = salesforce.shared_state();
                state.api_requests += 1;
                let steps: Vec<&str> = path.iter().map(String::as_str).collect();
                route(&mut state, parts.method.as_str(), &steps, json_wanted, &body)
            }
            _ => Err(refuse("ClientInputError", "The batch is larger than 10 MB")),
        }
    } else {
        Err(Refusal(
            StatusCode::BAD_REQUEST,
            "InvalidSessionId",
            "Invalid session id".to_owned(),
        ))
    };
    match outcome {
        Ok(response) => response,
        Err(Refusal(status, code, message)) => {
            let error = json!({"exceptionCode": code, "exceptionMessage": message});
            shown(status, "error", &error, json_wanted)
        }
    }
}

fn route(state: &mut State, method: &str, steps: &[&str], json: bool, body: &[u8]) -> Result<Response, Refusal> {
    let version = steps
        .first()
        .and_then(|version| version.split('.').next()?.parse().ok())
        .unwrap_or(0);
    match (method, &steps[1..]) {
        ("POST", ["job"]) => {
            let job = create(state, version, &object_of(body, json)?)?;
            let info = job_info(state, &job);
            state.async_jobs.jobs.push(job);
            Ok(shown(StatusCode::CREATED, "jobInfo", &info, json))
        }
        ("GET", ["job", id]) => {
            let job = find(state, id)?;
            let info = job_info(state, job);
            Ok(shown(
                StatusCode::OK,
                "jobInfo",
                &info,
                json || job.content == Content::Json,
            ))
        }
        ("POST", ["job", id]) => {
            let wanted = object_of(body, json)?;
            let at = place(state, id)?;
            state.async_jobs.jobs[at].state = match wanted.get("state").and_then(Value::as_str) {
                Some("Closed") => "Closed",
                Some("Aborted") => "Aborted",
                other => return Err(refuse("InvalidJobState", format!("Unknown job state: {other:?}"))),
            };
            let info = job_info(state, &state.async_jobs.jobs[at]);
            Ok(shown(StatusCode::OK, "jobInfo", &info, json))
        }
        ("POST", ["job", id, "batch"]) => add_batch(state, id, body),
        ("GET", ["job", id, "batch"]) => {
            let job = find(state, id)?;
            let infos: Vec<Value> = job.batches.iter().map(|batch| batch_info(job, batch, false)).collect();
            if job.content == Content::Json {
                return Ok(shown(StatusCode::OK, "", &json!({"batchInfo": infos}), true));
            }
            let list: String = infos.iter().map(|info| xml("batchInfo", info, false)).collect();
            Ok(xml_response(
                StatusCode::OK,
                &format!("<batchInfoList xmlns=\"{NAMESPACE}\">{list}</batchInfoList>"),
            ))
        }
        ("GET", ["job", id, "batch", batch, rest @ ..]) => {
            let job = find(state, id)?;
            let batch = RecordId::parse(batch)
                .and_then(|id| job.batches.iter().find(|batch| batch.id == id))
                .ok_or_else(|| refuse("InvalidBatch", "Unable to find the batch"))?;
            // Batches are told of in the form of their job, whatever the request's headers say.
            let json = job.content == Content::Json;
            match rest {
                [] => Ok(shown(StatusCode::OK, "batchInfo", &batch_info(job, batch, false), json)),
                ["request"] => Ok((StatusCode::OK, batch.request.clone()).into_response()),
                ["result"] => Ok(result(job, batch, json)),
                ["result", _] => Ok(query_result(job, batch)),
                _ => Err(refuse("InvalidUrl", "Destination URL not valid")),
            }
        }
        _ => Err(refuse("InvalidUrl", "Destination URL not valid")),
    }
}

/// The fields of a request in either form.
fn object_of(body: &[u8], json: bool) -> Result<Map<String, Value>, Refusal> {
    let text = String::from_utf8_lossy(body);
    if json || text.trim_start().starts_with('{') {
        return match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Ok(object),
            _ => Err(refuse("InvalidJob", "Unable to parse Job")),
        };
    }
    let mut object = Map::new();
    for name in [
        "operation",
        "object",
        "externalIdFieldName",
        "concurrencyMode",
        "contentType",
        "state",
    ] {
        let open = format!("<{name}>");
        if let Some((_, rest)) = text.split_once(open.as_str())
            && let Some((value, _)) = rest.split_once("</")
        {
            object.insert(name.to_owned(), Value::from(value.trim()));
        }
    }
    Ok(object)
}

fn create(state: &mut State, version: u32, body: &Map<String, Value>) -> Result<AsyncJob, Refusal> {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let operation = text("operation").unwrap_or_default();
    if ![
        "insert",
        "update",
        "upsert",
        "delete",
        "hardDelete",
        "query",
        "queryAll",
    ]
    .contains(&operation)
    {
        return Err(refuse("InvalidJob", format!("Unknown operation: {operation}")));
    }
    let object = text("object").unwrap_or_default();
    let table = state
        .find(object)
        .ok_or_else(|| refuse("InvalidJob", format!("Unable to find object: {object}")))?;
    let content = text("contentType").unwrap_or("XML");
    let content =
        Content::named(content).ok_or_else(|| refuse("InvalidJob", format!("Unknown content type: {content}")))?;
    state.async_jobs.next += 1;
    Ok(AsyncJob {
        // Numbered apart from the jobs of the newer API.
        id: RecordId::new(*b"750", 1_000_000_000 + state.async_jobs.next),
        operation: operation.to_owned(),
        object: state.tables[table].schema.name.clone(),
        external_key: text("externalIdFieldName").map(str::to_owned),
        content,
        concurrency: text("concurrencyMode").unwrap_or("Parallel").to_owned(),
        state: "Open",
        version,
        created: state.now(),
        batches: Vec::new(),
    })
}

fn place(state: &State, id: &str) -> Result<usize, Refusal> {
    RecordId::parse(id)
        .and_then(|id| state.async_jobs.jobs.iter().position(|job| job.id == id))
        .ok_or_else(|| refuse("InvalidJob", format!("Unable to find job with id: {id}")))
}

fn find<'a>(state: &'a State, id: &str) -> Result<&'a AsyncJob, Refusal> {
    place(state, id).map(|at| &state.async_jobs.jobs[at])
}

fn add_batch(state: &mut State, id: &str, body: &[u8]) -> Result<Response, Refusal> {
    let at = place(state, id)?;
    let mut job = state.async_jobs.jobs.remove(at);
    let outcome = if job.state == "Open" {
        Ok(work(state, &job, body))
    } else {
        Err(refuse(
            "InvalidJobState",
            format!("Job is in state {}, not Open", job.state),
        ))
    };
    let answer = outcome.map(|batch| {
        // What was just handed in has not begun.
        let info = batch_info(&job, &batch, true);
        job.batches.push(batch);
        shown(StatusCode::CREATED, "batchInfo", &info, job.content == Content::Json)
    });
    state.async_jobs.jobs.insert(at, job);
    answer
}

fn work(state: &mut State, job: &AsyncJob, body: &[u8]) -> Batch {
    state.async_jobs.next += 1;
    let mut batch = Batch {
        id: RecordId::new(*b"751", state.async_jobs.next),
        created: state.now(),
        failed: 0,
        processed: 0,
        problem: None,
        rows: Vec::new(),
        table: Vec::new(),
        request: body.to_vec(),
    };
    if job.operation.starts_with("query") {
        match query(state, job, &String::from_utf8_lossy(body)) {
            Ok((rows, table)) => {
                batch.processed = rows.len();
                batch.rows = rows;
                batch.table = table;
            }
            Err(error) => batch.problem = Some(format!("{}: {}", error.code, error.message)),
        }
        return batch;
    }
    let bodies = match bodies(job, body) {
        Ok(bodies) if bodies.len() <= MOST_RECORDS => bodies,
        Ok(_) => {
            batch.problem = Some("InvalidBatch : Too many records".to_owned());
            return batch;
        }
        Err(reason) => {
            batch.problem = Some(reason);
            return batch;
        }
    };
    let Some(table) = state.find(&job.object) else {
        return batch;
    };
    batch.processed = bodies.len();
    for body in bodies {
        let row = match write_row(state, &job.operation, job.external_key.as_deref(), table, body) {
            Ok((id, created)) => json!({"success": true, "created": created, "id": id.as_str(), "errors": []}),
            Err(error) => {
                batch.failed += 1;
                let mut told = error.to_row_json();
                if let Some(told) = told.as_object_mut() {
                    told.insert("extendedErrorDetails".to_owned(), Value::Null);
                }
                json!({"success": false, "created": false, "id": null, "errors": [told]})
            }
        };
        batch.rows.push(row);
    }
    batch
}

fn query(state: &mut State, job: &AsyncJob, soql: &str) -> Result<(Vec<Value>, Vec<u8>), ApiError> {
    state.bulk_query_object(soql)?;
    let all_rows = job.operation == "queryAll";
    let table = table_of_query(state, soql, all_rows)?;
    let base = format!("/services/data/v{}.0", job.version);
    let page = state.query(soql, all_rows, usize::MAX, &base)?;
    let mut page: Value = serde_json::from_slice(&page.body).unwrap_or(Value::Null);
    let mut rows = match page.get_mut("records").map(Value::take) {
        Some(Value::Array(rows)) => rows,
        _ => Vec::new(),
    };
    rows.iter_mut().for_each(instants_as_numbers);
    Ok((rows, table))
}

/// The JSON of the older API writes an instant as milliseconds since 1970.
fn instants_as_numbers(value: &mut Value) {
    match value {
        Value::Object(object) => object.values_mut().for_each(instants_as_numbers),
        Value::String(text) if text.len() == 28 && text.ends_with(".000+0000") => {
            if let Some(seconds) = crate::salesforce::stamp::parse_datetime(text) {
                *value = Value::from(seconds * 1_000);
            }
        }
        _ => {}
    }
}

/// The records of a batch.
fn bodies(job: &AsyncJob, body: &[u8]) -> Result<Vec<Map<String, Value>>, String> {
    match job.content {
        Content::Json => {
            let rows: Vec<Map<String, Value>> = serde_json::from_slice(body)
                .map_err(|error| format!("InvalidBatch : Failed to parse JSON: {error}"))?;
            Ok(rows)
        }
        Content::Csv => csv_row(body),
        Content::Xml => Err("InvalidBatch : the simulator takes batches in JSON or CSV only".to_owned()),
    }
}

fn job_info(state: &State, job: &AsyncJob) -> Value {
    let sum = |count: fn(&Batch) -> usize| job.batches.iter().map(count).sum::<usize>();
    let failed = job.batches.iter().filter(|batch| batch.problem.is_some()).count();
    let stamp = datetime_text(job.created);
    json!({
        "id": job.id.as_str(), "operation": job.operation, "object": job.object,
        "createdById": state.integration_user.as_str(), "createdDate": stamp, "systemModstamp": stamp,
        "state": job.state, "externalIdFieldName": job.external_key, "concurrencyMode": job.concurrency,
        "contentType": job.content.name(), "numberBatchesQueued": 0, "numberBatchesInProgress": 0,
        "numberBatchesCompleted": job.batches.len() - failed, "numberBatchesFailed": failed,
        "numberBatchesTotal": job.batches.len(), "numberRecordsProcessed": sum(|batch| batch.processed),
        "numberRetries": 0, "apiVersion": f64::from(job.version), "numberRecordsFailed": sum(|batch| batch.failed),
        "totalProcessingTime": 0, "apiActiveProcessingTime": 0, "apexProcessingTime": 0
    })
}

fn batch_info(job: &AsyncJob, batch: &Batch, is_new: bool) -> Value {
    let state = match (&batch.problem, is_new) {
        (_, true) => "Queued",
        (Some(_), false) => "Failed",
        (None, false) => "Completed",
    };
    let stamp = datetime_text(batch.created);
    json!({
        "id": batch.id.as_str(), "jobId": job.id.as_str(), "state": state,
        "stateMessage": batch.problem.as_ref().filter(|_| !is_new), "createdDate": stamp, "systemModstamp": stamp,
        "numberRecordsProcessed": if is_new { 0 } else { batch.processed },
        "numberRecordsFailed": if is_new { 0 } else { batch.failed },
        "totalProcessingTime": 0, "apiActiveProcessingTime": 0, "apexProcessingTime": 0
    })
}
