//! One record at a time: create, read, change, delete.

use serde_json::{Map, Value, json};

use super::bodies;
use super::conditions::{self, entity_tag, names, not_modified_since};
use super::{ApiRequest, ApiResponse, author};
use crate::salesforce::cell::write_text;
use crate::salesforce::content;
use crate::salesforce::error::ApiError;
use crate::salesforce::id::RecordId;
use crate::salesforce::soql::attributes;
use crate::salesforce::stamp::{http_date, instant};
use crate::salesforce::state::State;
use crate::salesforce::table::{Record, Slot};
use crate::salesforce::validate::{Target, no_such_column};

pub(super) fn create(state: &mut State, request: &ApiRequest, object: &str) -> Result<ApiResponse, ApiError> {
    let table = state.writable(object)?;
    let id = match bodies::form(request)? {
        Some((body, data)) => content::insert(state, table, &body, Some(data), author(state))?,
        None => insert_one(state, table, &request.json_object()?)?,
    };
    Ok(created(state, table, id, request, false))
}

/// Checks and creates a record through the API.
pub(super) fn insert_one(state: &mut State, table: usize, body: &Map<String, Value>) -> Result<RecordId, ApiError> {
    refuse_id(body)?;
    if content::is_made_here(&state.tables[table].schema.name) {
        return content::insert(state, table, body, None, author(state));
    }
    let author = author(state);
    let changes = state.check(table, body, Target::Create, author)?;
    state.check_duplicates(table, &changes)?;
    state.check_permission(table, body)?;
    state.row_faults(table, None)?;
    let id = state.insert(table, changes, author);
    state.grant(table);
    Ok(id)
}

/// Checks and changes a record through the API.
pub(super) fn update_one(
    state: &mut State,
    table: usize,
    slot: Slot,
    body: &Map<String, Value>,
) -> Result<(), ApiError> {
    state.check_not_converted(table, slot)?;
    let author = author(state);
    let changes = state.check(table, body, Target::Update(slot), author)?;
    state.row_faults(table, Some(slot))?;
    let now = state.now();
    state.apply(table, slot, changes, author, now);
    Ok(())
}

/// Deletes a record through the API.
pub(super) fn delete_one(state: &mut State, table: usize, id: RecordId) -> Result<(), ApiError> {
    let slot = state.live_slot(table, id)?;
    state.row_faults(table, Some(slot))?;
    let author = author(state);
    content::remove_parts(state, id, author);
    state.remove(table, slot, author, None);
    Ok(())
}

pub(super) fn refuse_id(body: &Map<String, Value>) -> Result<(), ApiError> {
    if body.keys().any(|key| key.eq_ignore_ascii_case("id")) {
        return Err(ApiError::new(
            400,
            "INVALID_FIELD",
            "The Id field should not be specified in the sobject data.",
        ));
    }
    Ok(())
}

/// 201 with the place of the new record.
pub(super) fn created(state: &State, table: usize, id: RecordId, request: &ApiRequest, upsert: bool) -> ApiResponse {
    let location = format!("{}/sobjects/{}/{id}", request.base, state.tables[table].schema.name);
    let mut body = json!({"id": id.as_str(), "success": true, "errors": []});
    if let (true, Some(body)) = (upsert, body.as_object_mut()) {
        body.insert("created".to_owned(), Value::Bool(true));
    }
    ApiResponse::json(201, &body).header("location", location).touching(1)
}

/// `/sobjects/{object}/{id}`.
pub(super) fn by_id(state: &mut State, request: &ApiRequest, object: &str, id: &str) -> Result<ApiResponse, ApiError> {
    let table = state.find(object).ok_or_else(ApiError::not_found)?;
    let Some(id) = RecordId::parse(id) else {
        return Err(ApiError::new(
            404,
            "NOT_FOUND",
            format!("Provided external ID field does not exist or is not accessible: {id}"),
        ));
    };
    match request.method.as_str() {
        "GET" => {
            let slot = state.live_slot(table, id)?;
            read(state, request, table, slot)
        }
        "PATCH" => {
            state.writable(object)?;
            let slot = state.live_slot(table, id)?;
            if let Some(record) = state.tables[table].get(slot) {
                conditions::check(state, request, table, slot, record)?;
            }
            let body = request.json_object()?;
            refuse_id(&body)?;
            update_one(state, table, slot, &body)?;
            Ok(ApiResponse::empty(204).touching(1))
        }
        "DELETE" => {
            state.writable(object)?;
            delete_one(state, table, id)?;
            Ok(ApiResponse::empty(204).touching(1))
        }
        other => Err(ApiError::method_not_allowed(other)),
    }
}

/// A live record, whole or with the fields asked for.
pub(super) fn read(state: &State, request: &ApiRequest, table: usize, slot: Slot) -> Result<ApiResponse, ApiError> {
    let Some(record) = state.tables[table].get_live(slot) else {
        return Err(ApiError::not_found());
    };
    let modified = http_date(instant(record.modified));
    let tag = entity_tag(state, table, slot, record);
    let unchanged_tag = tag
        .as_ref()
        .zip(request.header("if-none-match"))
        .is_some_and(|(tag, tags)| names(tags, tag));
    if unchanged_tag || not_modified_since(request, record.modified) {
        return Ok(ApiResponse::empty(304).header("last-modified", modified));
    }
    let stale = request
        .header("if-unmodified-since")
        .and_then(crate::salesforce::stamp::parse_http_date)
        .is_some_and(|since| record.modified > since);
    let wrong_tag = tag
        .as_ref()
        .zip(request.header("if-match"))
        .is_some_and(|(tag, tags)| !names(tags, tag));
    if stale || wrong_tag {
        return Err(conditions::failed());
    }
    let fields = match request.parameter("fields") {
        Some(names) => named_fields(state, table, names.split(',').map(str::trim))?,
        None => all_fields(state, table),
    };
    let mut body = Vec::with_capacity(2_000);
    write_record(state, table, slot, record, &fields, &request.base, &mut body);
    let mut response = ApiResponse::bytes(200, body).header("last-modified", modified);
    if let Some(tag) = tag {
        response = response.header("etag", tag);
    }
    Ok(response)
}

fn all_fields(state: &State, table: usize) -> Vec<u16> {
    state.tables[table].schema.visible().map(|(index, _)| index).collect()
}

/// The fields of these names; `Id` is always among them.
pub(super) fn named_fields<'a>(
    state: &State,
    table: usize,
    names: impl Iterator<Item = &'a str>,
) -> Result<Vec<u16>, ApiError> {
    let schema = &state.tables[table].schema;
    let mut fields = Vec::new();
    for name in names.filter(|name| !name.is_empty()) {
        let field = schema.find(name).ok_or_else(|| no_such_column(name, &schema.name))?;
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    if let Some(id) = schema.find("Id")
        && !fields.contains(&id)
    {
        fields.push(id);
    }
    Ok(fields)
}

pub(super) fn write_record(
    state: &State,
    table: usize,
    slot: Slot,
    record: &Record,
    fields: &[u16],
    base: &str,
    out: &mut Vec<u8>,
) {
    let source = &state.tables[table];
    out.push(b'{');
    attributes(&source.schema.name, source.id(slot), base, out);
    for field in fields {
        out.push(b',');
        write_text(&source.schema.field(*field).name, out);
        out.push(b':');
        source.read(slot, record, *field).write_json(out);
    }
    out.push(b'}');
}
