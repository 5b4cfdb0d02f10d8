//! Query errors in the service's form: an excerpt, a caret, the place and the reason.

use crate::salesforce::error::ApiError;

/// How much of the query is shown before the caret.
const BEFORE: usize = 32;
const AFTER: usize = 40;

/// An error at byte `at` of the query.
pub(super) fn at(query: &str, at: usize, code: &'static str, reason: &str) -> ApiError {
    let at = floor_boundary(query, at.min(query.len()));
    let start = floor_boundary(query, at.saturating_sub(BEFORE));
    let end = floor_boundary(query, (at + AFTER).min(query.len()));
    let line_start = query[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let row = query[..at].matches('\n').count() + 1;
    let column = query[line_start..at].chars().count() + 1;
    let excerpt = query[start..end].replace('\n', " ");
    let caret = " ".repeat(query[start..at].chars().count());
    ApiError::new(
        400,
        code,
        format!("\n{excerpt}\n{caret}^\nERROR at Row:{row}:Column:{column}\n{reason}"),
    )
}

pub(super) fn malformed(query: &str, place: usize, reason: &str) -> ApiError {
    at(query, place, "MALFORMED_QUERY", reason)
}

pub(super) fn no_such_column(query: &str, place: usize, column: &str, object: &str) -> ApiError {
    at(
        query,
        place,
        "INVALID_FIELD",
        &format!(
            "No such column '{column}' on entity '{object}'. If you are attempting to use a custom field, be sure to \
             append the '__c' after the custom field name. Please reference your WSDL or the describe call for the \
             appropriate names."
        ),
    )
}

pub(super) fn no_such_relationship(query: &str, place: usize, relationship: &str) -> ApiError {
    at(
        query,
        place,
        "INVALID_FIELD",
        &format!(
            "Didn't understand relationship '{relationship}' in field path. If you are attempting to use a custom \
             relationship, be sure to append the '__r' after the custom relationship name. Please reference your WSDL \
             or the describe call for the appropriate names."
        ),
    )
}

pub(super) fn no_such_children(query: &str, place: usize, relationship: &str) -> ApiError {
    at(
        query,
        place,
        "INVALID_TYPE",
        &format!(
            "Didn't understand relationship '{relationship}' in FROM part of query call. If you are attempting to use a \
             custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your \
             WSDL or the describe call for the appropriate names."
        ),
    )
}

pub(super) fn no_such_object(query: &str, place: usize, object: &str) -> ApiError {
    at(
        query,
        place,
        "INVALID_TYPE",
        &format!(
            "sObject type '{object}' is not supported. If you are attempting to use a custom object, be sure to append \
             the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names."
        ),
    )
}

fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|place| text.is_char_boundary(*place)).unwrap_or(0)
}
