//! Error bodies, and what the reference says of each.

use syncline_core::connector::Connector;
use syncline_core::io::Class;

use super::{Findings, Recording};

/// The code that an error body carries, wherever the provider puts it.
fn code(recording: &Recording) -> String {
    let body = &recording.body;
    let first = [
        &body[0]["errorCode"],
        &body["error"],
        &body["category"],
        &body["errorType"],
        &body["validationResults"][0]["error"],
    ];
    let first = first.into_iter().find_map(|code| code.as_str());
    first.unwrap_or_default().to_owned()
}

/// What the reference says of a code and a status.
fn expected(code: &str, status: u16, text: &str) -> &'static str {
    match code {
        // Texts that no refresh mends.
        "INVALID_SESSION_ID" if text.contains("not valid for use with the REST API") => "forbidden",
        "INVALID_SESSION_ID" if text.contains("Connected app is not attached") => "forbidden",
        "INVALID_SESSION_ID" | "EXPIRED_AUTHENTICATION" | "INVALID_AUTHENTICATION" => "token expired",
        "INVALID_AUTH_HEADER" => "reauthorise",
        "invalid_grant" | "access_denied" | "BAD_REFRESH_TOKEN" | "inactive_user" | "inactive_org" => "reauthorise",
        "REQUEST_LIMIT_EXCEEDED" if text.contains("TotalRequests") => "daily limit",
        "RATE_LIMIT" | "RATE_LIMITS" if text.contains("DAILY") || text.contains("daily limit") => "daily limit",
        "REQUEST_LIMIT_EXCEEDED" | "RATE_LIMIT" | "RATE_LIMITS" => "rate limit",
        "UNABLE_TO_LOCK_ROW" | "SERVER_UNAVAILABLE" => "retryable",
        "INVALID_QUERY_LOCATOR" => "cursor expired",
        "NOT_FOUND" | "ENTITY_IS_DELETED" | "OBJECT_NOT_FOUND" => "not found",
        "MISSING_SCOPES" | "BANNED" | "API_DISABLED_FOR_ORG" | "FUNCTIONALITY_NOT_ENABLED" => "forbidden",
        "INSUFFICIENT_ACCESS" | "INSUFFICIENT_ACCESS_OR_READONLY" if status == 403 => "forbidden",
        _ if text.contains("Unable to infer object type") => "not found",
        _ => match status {
            401 => "token expired",
            403 => "forbidden",
            404 => "not found",
            412 => "conflict",
            420 | 429 if text.to_ascii_lowercase().contains("daily") => "daily limit",
            420 | 429 => "rate limit",
            423 | 477 | 521 | 523 => "retryable",
            408 | 500..=599 => "unknown",
            _ => "rejected",
        },
    }
}

fn label(class: &Class) -> &'static str {
    match class {
        Class::Success => "success",
        Class::TokenExpired => "token expired",
        Class::Reauthorise => "reauthorise",
        Class::RateLimited { daily: true, .. } => "daily limit",
        Class::RateLimited { .. } => "rate limit",
        Class::Retryable { .. } => "retryable",
        Class::Unknown => "unknown",
        Class::Conflict => "conflict",
        Class::NotFound => "not found",
        Class::Forbidden { .. } => "forbidden",
        Class::CursorExpired => "cursor expired",
        Class::Rejected { .. } => "rejected",
    }
}

/// Classifies an error and compares with the reference.
pub(crate) fn read(connector: &dyn Connector, recording: &Recording) -> Findings {
    let mut response = recording.response();
    let code = code(recording);
    if recording.status.is_none() {
        // Without a status the reference's own for the code.
        response.head.status = match code.as_str() {
            "NOT_FOUND" | "ENTITY_IS_DELETED" | "OBJECT_NOT_FOUND" => 404,
            "INSUFFICIENT_ACCESS_OR_READONLY" => 400,
            "INVALID_SESSION_ID" => 401,
            "REQUEST_LIMIT_EXCEEDED" => 403,
            _ => 400,
        };
    }
    let class = connector.classify(&response.head, &response.body);
    let expected = expected(&code, response.head.status, &recording.body.to_string());
    let mut findings = Findings::of(format!("error {code}: {}", label(&class)));
    findings.equal("the reference's class", &label(&class), &expected);
    if let Class::Rejected { code: told, message } = &class {
        let speaks = recording.body.is_object() || recording.body.is_array();
        findings.check(!message.is_empty() || !speaks, || "the message is lost".into());
        findings.check(!told.is_empty(), || "the code is lost".into());
    }
    findings
}
