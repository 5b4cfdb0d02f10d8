//! Answers and error bodies in HubSpot's shapes.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::portal::Portal;
use super::value::PropertyError;
use super::write::Refusal;
use crate::log::RecordsTouched;

/// What one request is answered with.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// Records written.
    pub(super) touched: u64,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Answer {
    /// JSON with this status.
    pub(super) fn json(status: u16, body: &impl Serialize) -> Self {
        // Everything serialised here has string keys, so this cannot fail.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self {
            status,
            body,
            touched: 0,
            headers: Vec::new(),
        }
    }

    /// 204.
    pub(super) fn empty() -> Self {
        Self {
            status: 204,
            body: Vec::new(),
            touched: 0,
            headers: Vec::new(),
        }
    }

    pub(super) fn touching(mut self, records: u64) -> Self {
        self.touched = records;
        self
    }

    pub(super) fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if self.status != 204 {
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json;charset=utf-8"),
            );
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(header::HeaderName::from_static(name), value);
            }
        }
        if self.touched > 0 {
            response.extensions_mut().insert(RecordsTouched(self.touched));
        }
        response
    }
}

impl Portal {
    /// The usual error envelope. Keys of `more` stand between the correlation id and the category.
    pub(super) fn problem(&mut self, status: u16, category: &str, message: &str, more: Value) -> Answer {
        let correlation_id = self.correlation_id();
        let mut body = Map::new();
        body.insert("status".into(), "error".into());
        body.insert("message".into(), message.into());
        body.insert("correlationId".into(), correlation_id.clone().into());
        if let Value::Object(more) = more {
            body.extend(more);
        }
        if !category.is_empty() {
            body.insert("category".into(), category.into());
        }
        let mut answer = Answer::json(status, &Value::Object(body));
        answer.headers.push(("x-hubspot-correlation-id", correlation_id));
        answer
    }

    /// 400 for a request that makes no sense.
    pub(super) fn invalid(&mut self, message: &str) -> Answer {
        self.problem(400, "VALIDATION_ERROR", message, Value::Null)
    }

    /// 404 for a record or a path.
    pub(super) fn not_found(&mut self) -> Answer {
        let mut answer = self.problem(404, "OBJECT_NOT_FOUND", "resource not found", Value::Null);
        answer.headers.push(("x-hubspot-notfound", "true".to_owned()));
        answer
    }

    /// 400 for an object type that does not exist.
    pub(super) fn unknown_type(&mut self, name: &str) -> Answer {
        self.problem(
            400,
            "",
            &format!("Unable to infer object type from: {name}"),
            Value::Null,
        )
    }

    /// The answer to a single write that was refused.
    pub(super) fn refused(&mut self, object: usize, refusal: &Refusal) -> Answer {
        match refusal {
            Refusal::NotFound => self.not_found(),
            Refusal::Properties(errors) => self.invalid_properties(errors),
            Refusal::EmailTaken(existing) => {
                let message = format!("Contact already exists. Existing ID: {existing}");
                self.problem(409, "CONFLICT", &message, Value::Null)
            }
            Refusal::Missing(names) => {
                let upper = self.store(object).object.upper;
                let message = format!("Error creating {upper}. Some required properties were not set.");
                self.problem(
                    400,
                    "VALIDATION_ERROR",
                    &message,
                    json!({"context": {"properties": names}}),
                )
            }
            Refusal::Rule(message) => self.invalid(message),
        }
    }

    /// 400 for property values, with the details also inside the message, as JSON in a string.
    pub(super) fn invalid_properties(&mut self, errors: &[PropertyError]) -> Answer {
        let message = property_message(errors);
        let errors: Vec<Value> = errors
            .iter()
            .map(|error| {
                json!({"message": error.message, "code": error.code, "context": {"propertyName": [error.name]}})
            })
            .collect();
        self.problem(400, "VALIDATION_ERROR", &message, json!({"errors": errors}))
    }

    /// One entry of a batch answer's `errors`.
    pub(super) fn batch_error(&self, object: usize, refusal: &Refusal, trace: Option<&str>, id: Option<&str>) -> Value {
        let mut context = Map::new();
        if let Some(trace) = trace {
            context.insert("objectWriteTraceId".into(), json!([trace]));
        }
        let (category, message) = match refusal {
            Refusal::NotFound => {
                context.insert("ids".into(), json!([id.unwrap_or_default()]));
                ("OBJECT_NOT_FOUND", missing_message(self.store(object).object.upper))
            }
            Refusal::EmailTaken(existing) => {
                context.insert("existingId".into(), json!([existing.to_string()]));
                ("CONFLICT", format!("Contact already exists. Existing ID: {existing}"))
            }
            Refusal::Properties(errors) => {
                context.insert(
                    "propertyName".into(),
                    errors.iter().map(|error| Value::from(error.name.clone())).collect(),
                );
                if let Some(id) = id {
                    context.insert("ids".into(), json!([id]));
                }
                ("VALIDATION_ERROR", property_message(errors))
            }
            Refusal::Missing(names) => {
                context.insert("properties".into(), names.clone().into());
                let upper = self.store(object).object.upper;
                (
                    "VALIDATION_ERROR",
                    format!("Error creating {upper}. Some required properties were not set."),
                )
            }
            Refusal::Rule(message) => {
                if let Some(id) = id {
                    context.insert("ids".into(), json!([id]));
                }
                ("VALIDATION_ERROR", message.clone())
            }
        };
        json!({"status": "error", "category": category, "message": message, "context": context})
    }
}

/// The errors of a batch with every member that HubSpot's documents require of one.
pub(super) fn whole_errors(errors: &[Value]) -> Vec<Value> {
    let mut errors = errors.to_vec();
    for members in errors.iter_mut().filter_map(Value::as_object_mut) {
        members.entry("errors").or_insert_with(|| json!([]));
        members.entry("links").or_insert_with(|| json!({}));
    }
    errors
}

/// What a batch says of ids that are not there.
pub(super) fn missing_message(upper: &str) -> String {
    format!("Could not get some {upper} objects, they may be deleted or not exist. Check that ids are valid.")
}

fn property_message(errors: &[PropertyError]) -> String {
    let details: Vec<Value> = errors
        .iter()
        .map(|error| json!({"isValid": false, "message": error.message, "error": error.code, "name": error.name}))
        .collect();
    format!("Property values were not valid: {}", Value::from(details))
}
