//! Failures in the words of the service.

use serde_json::{Value, json};

use crate::record::HookError;

/// One failure: the element of the JSON array that answers a call, or of a row's `errors`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// `None` leaves the key out, as most reads do.
    pub(crate) fields: Option<Vec<String>>,
    /// Further members of the answer.
    pub(crate) details: Option<Box<(&'static str, Value)>>,
}

impl ApiError {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            fields: None,
            details: None,
        }
    }

    /// A refusal of a row for what stands in its fields.
    pub(crate) fn row(code: &'static str, message: impl Into<String>, fields: &[&str]) -> Self {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        Self {
            status: 400,
            code,
            message: message.into(),
            fields: Some(fields),
            details: None,
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "The requested resource does not exist")
    }

    pub(crate) fn entity_is_deleted() -> Self {
        Self {
            fields: Some(Vec::new()),
            ..Self::new(404, "ENTITY_IS_DELETED", "entity is deleted")
        }
    }

    pub(crate) fn method_not_allowed(method: &str) -> Self {
        Self::new(
            405,
            "METHOD_NOT_ALLOWED",
            format!("HTTP Method '{method}' not allowed. Allowed are HEAD,GET,PATCH,DELETE"),
        )
    }

    pub(crate) fn json_parser(message: impl Into<String>) -> Self {
        Self::new(400, "JSON_PARSER_ERROR", message)
    }

    /// As an element of the array that answers a whole call.
    pub(crate) fn to_json(&self) -> Value {
        let mut value = json!({"message": self.message, "errorCode": self.code});
        if let (Some(details), Some(object)) = (&self.details, value.as_object_mut()) {
            object.insert(details.0.to_owned(), details.1.clone());
        }
        if let (Some(fields), Some(object)) = (&self.fields, value.as_object_mut()) {
            object.insert("fields".to_owned(), json!(fields));
        }
        value
    }

    /// As an element of a row's `errors`, where the code has another key.
    pub(crate) fn to_row_json(&self) -> Value {
        json!({"statusCode": self.code, "message": self.message, "fields": self.fields.clone().unwrap_or_default()})
    }
}

impl From<ApiError> for HookError {
    fn from(error: ApiError) -> Self {
        Self::new(error.code, error.message)
    }
}
