//! Bodies of files: sent in a form of several parts, and read by themselves.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{ApiRequest, ApiResponse};
use crate::multipart::parts;
use crate::salesforce::error::ApiError;
use crate::salesforce::id::RecordId;
use crate::salesforce::state::State;

/// The fields of a file, and its body.
type Form = (Map<String, Value>, Bytes);

/// The fields and the body of a file that is sent as a form; `None` for any other request.
pub(super) fn form(request: &ApiRequest) -> Result<Option<Form>, ApiError> {
    if !request
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("multipart/form-data"))
    {
        return Ok(None);
    }
    let parts = parts(&request.body);
    let fields = parts.iter().find(|part| part.name.starts_with("entity_"));
    let data = parts.iter().find(|part| part.file_name.is_some());
    let (Some(fields), Some(data)) = (fields, data) else {
        return Err(ApiError::new(
            400,
            "INVALID_MULTIPART_REQUEST",
            "Multipart message must include a non-binary part and a binary part",
        ));
    };
    let Ok(Value::Object(fields)) = serde_json::from_slice(fields.content) else {
        return Err(ApiError::json_parser("The part of the fields is no JSON object"));
    };
    Ok(Some((fields, request.body.slice_ref(data.content))))
}

/// The body of a live file.
pub(super) fn read(state: &State, object: &str, id: &str) -> Result<ApiResponse, ApiError> {
    let table = state.find(object).ok_or_else(ApiError::not_found)?;
    let id = RecordId::parse(id).ok_or_else(ApiError::not_found)?;
    state.live_slot(table, id)?;
    let body = state.bodies.get(&id).ok_or_else(ApiError::not_found)?;
    let kind = "application/octet-stream".to_owned();
    Ok(ApiResponse::bytes(200, body.to_vec()).header("content-type", kind))
}
