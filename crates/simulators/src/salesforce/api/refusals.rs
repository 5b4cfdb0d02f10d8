//! What the service, or what stands before it, says when it does not answer.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;

use super::transport::bearer;
use crate::fault::{Fault, FaultBodies};
use crate::oauth::AuthorizationServer;
use crate::salesforce::error::ApiError;

/// The bodies of refusals, and what counts as a write.
#[derive(Debug)]
pub(crate) struct Refusals {
    oauth: AuthorizationServer,
    turn: AtomicU64,
}

impl Refusals {
    pub(crate) fn new(oauth: AuthorizationServer) -> Self {
        Self {
            oauth,
            turn: AtomicU64::new(0),
        }
    }
}

impl FaultBodies for Refusals {
    fn response(&self, fault: Fault, headers: &HeaderMap) -> Response {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let error = match fault {
            Fault::Unauthorized => {
                if let Some(token) = bearer(headers) {
                    self.oauth.expire(token);
                }
                invalid_session()
            }
            Fault::RateLimited => ApiError::new(
                403,
                "REQUEST_LIMIT_EXCEEDED",
                "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
            ),
            Fault::RateLimitedRetryAfter => {
                ApiError::new(429, "REQUEST_LIMIT_EXCEEDED", "Too many requests. Try again later.")
            }
            Fault::HtmlError => return maintenance_page(),
            _ if turn.is_multiple_of(2) => ApiError::new(
                500,
                "UNKNOWN_EXCEPTION",
                format!(
                    "An unexpected error occurred. Please include this ErrorId if you contact support: \
                     1790000000-{turn:05} (-1234567890)"
                ),
            ),
            _ => ApiError::new(
                503,
                "SERVER_UNAVAILABLE",
                "The server is currently unable to handle the request.",
            ),
        };
        let mut response = error_response(&error);
        if fault == Fault::RateLimitedRetryAfter {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    fn mutating(&self, method: &Method, path: &str) -> bool {
        if !path.starts_with("/services/data/") || matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return false;
        }
        let rest: Vec<&str> = path.split('/').skip(4).filter(|segment| !segment.is_empty()).collect();
        match rest.as_slice() {
            ["query" | "queryAll" | "search" | "parameterizedSearch", ..] | ["jobs", "query", ..] => false,
            // Reading many records by id is a POST.
            ["composite", "sobjects", _] => *method != Method::POST,
            _ => true,
        }
    }

    fn exempt(&self, path: &str) -> bool {
        !path.starts_with("/services/data/")
    }
}

pub(super) fn invalid_session() -> ApiError {
    ApiError::new(401, "INVALID_SESSION_ID", "Session expired or invalid")
}

pub(super) fn error_response(error: &ApiError) -> Response {
    let body = serde_json::Value::Array(vec![error.to_json()]).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json;charset=UTF-8"),
    );
    if error.status == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Token"));
    }
    response
}

fn maintenance_page() -> Response {
    let page = "<html><head><title>503 Service Unavailable</title></head><body><h1>We are down for maintenance.</h1>\
                <p>Sorry for the inconvenience. We'll be back shortly.</p></body></html>";
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=UTF-8"),
    );
    response
}
