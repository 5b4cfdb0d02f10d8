//! From HTTP to [`ApiRequest`] and back: authentication, versions, headers.

use std::sync::{Arc, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use percent_encoding::percent_decode_str;

use super::refusals::{error_response, invalid_session};
use super::{ApiRequest, ApiResponse, async_jobs, discovery, dispatch, oauth, soap, streaming};
use crate::clock::Clock;
use crate::log::{OnlyRead, RecordsTouched};
use crate::salesforce::Salesforce;
use crate::salesforce::error::ApiError;
use crate::salesforce::stamp::http_date;

/// The service reads no larger body.
const BODY_LIMIT: usize = 151 * 1024 * 1024;
/// The service takes no longer address, which bounds a query sent by GET.
const URI_LIMIT: usize = 16_384;

/// All routes of the service.
pub(crate) fn routes(salesforce: &Salesforce) -> Router {
    Router::new()
        .fallback(data)
        .with_state(salesforce.clone())
        .merge(oauth::routes(salesforce))
        .merge(soap::routes(salesforce))
        .merge(streaming::routes(salesforce))
        .merge(async_jobs::routes(salesforce))
}

/// Adds the `Date` header from the simulator's clock, since clients take their windows from it.
pub(crate) fn dated(router: Router, clock: Arc<dyn Clock>) -> Router {
    router.layer(from_fn_with_state(clock, date))
}

async fn date(Extract(clock): Extract<Arc<dyn Clock>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&http_date(clock.now())) {
        response.headers_mut().insert(header::DATE, value);
    }
    response
}

/// The token of an `Authorization: Bearer` header; the service takes `OAuth` for it too.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("oauth")).then(|| token.trim())
}

/// The address that the caller reached the service at.
pub(super) fn base_url(salesforce: &Salesforce, headers: &HeaderMap, uri: &Uri) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| uri.authority().map(axum::http::uri::Authority::as_str));
    match host {
        Some(host) => format!("http://{host}"),
        None => {
            let served = salesforce
                .base_url
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            served.unwrap_or_else(|| "http://localhost".to_owned())
        }
    }
}

async fn data(Extract(salesforce): Extract<Salesforce>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    if parts
        .uri
        .path_and_query()
        .is_some_and(|whole| whole.as_str().len() > URI_LIMIT)
    {
        return error_response(&ApiError::new(
            414,
            "URI_TOO_LONG",
            "The length of the URI exceeds the 16,384 byte limit",
        ));
    }
    let segments: Vec<String> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let [services, data, rest @ ..] = segments.as_slice() else {
        return error_response(&ApiError::not_found());
    };
    if services != "services" || data != "data" {
        return error_response(&ApiError::not_found());
    }
    let newest = salesforce.shared_state().newest_version;
    let Some((version_text, rest)) = rest.split_first() else {
        return finish(discovery::versions(newest), None);
    };
    let version = match discovery::check_version(version_text, newest) {
        Ok(version) => version,
        Err(error) => return error_response(&error),
    };
    let Some(token) = bearer(&parts.headers) else {
        return error_response(&ApiError::new(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE"));
    };
    if !salesforce.oauth.accepts(token) {
        return error_response(&invalid_session());
    }
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return error_response(&ApiError::new(
            413,
            "REQUEST_ENTITY_TOO_LARGE",
            "The request is too large",
        ));
    };
    let query: Vec<(String, String)> = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let tunnelled = query
        .iter()
        .find(|(name, _)| name == "_HttpMethod")
        .map(|(_, value)| value.as_str());
    let method = match (parts.method.as_str(), tunnelled) {
        ("POST", Some("PATCH")) => Method::PATCH,
        ("POST", Some("DELETE")) => Method::DELETE,
        ("POST", Some("PUT")) => Method::PUT,
        ("POST", Some("GET")) => Method::GET,
        _ => parts.method.clone(),
    };
    let request = ApiRequest {
        method,
        segments: rest.to_vec(),
        query,
        base: format!("/services/data/{version_text}"),
        version,
        base_url: base_url(&salesforce, &parts.headers, &parts.uri),
        headers: parts.headers,
        body,
    };
    let mut state = salesforce.shared_state();
    if state.api_requests >= state.daily_api_requests {
        let error = ApiError::new(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.");
        return error_response(&error);
    }
    state.api_requests += 1;
    let response = dispatch(&mut state, &request);
    let usage = format!("api-usage={}/{}", state.api_requests, state.daily_api_requests);
    let deprecated = version <= state.deprecated_version;
    drop(state);
    let mut response = finish(response, Some(usage));
    if deprecated && let Ok(warning) = HeaderValue::from_str(&discovery::deprecation(version)) {
        response.headers_mut().insert(header::WARNING, warning);
    }
    response
}

fn finish(answer: ApiResponse, usage: Option<String>) -> Response {
    let no_body = answer.body.is_empty();
    let (touched, only_read) = (answer.touched, answer.only_read);
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if !no_body {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json;charset=UTF-8"),
        );
    }
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache,must-revalidate,max-age=0,no-store,private"),
    );
    if let Some(value) = usage.and_then(|usage| HeaderValue::from_str(&usage).ok()) {
        headers.insert(HeaderName::from_static("sforce-limit-info"), value);
    }
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
            headers.insert(name, value);
        }
    }
    response.extensions_mut().insert(RecordsTouched(touched));
    if only_read {
        response.extensions_mut().insert(OnlyRead);
    }
    response
}
