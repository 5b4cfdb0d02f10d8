//! The consent page, for a browser and for a caller without one.

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{AuthorizationServer, AuthorizeRequest, OAuthError, OAuthErrorKind};

#[derive(Clone, Debug)]
struct Page {
    server: AuthorizationServer,
    path: String,
    brand: String,
}

/// What the form carries beside the parameters of the request.
#[derive(Default, Deserialize)]
struct Decision {
    username: Option<String>,
    password: Option<String>,
    decision: Option<String>,
}

/// The consent page at `path`, under the provider's name. A browser gets a form; a headless caller posts the same form
/// (`username`, `password`; the request's parameters in the form or the query) or sends Basic credentials, and gets
/// the redirect at once.
pub fn authorize_routes(path: &str, server: AuthorizationServer, brand: &str) -> Router {
    let page = Page {
        server,
        path: path.to_owned(),
        brand: brand.to_owned(),
    };
    Router::new().route(path, get(show).post(decide)).with_state(page)
}

async fn show(State(page): State<Page>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let request = parse::<AuthorizeRequest>(query.as_deref().unwrap_or_default());
    match page.server.check(&request) {
        Ok(()) => {}
        Err(error) => return refuse(&page, &request, &error),
    }
    match basic(&headers) {
        Some((username, password)) => sign_in(&page, &request, &username, &password),
        None => form(&page, &request, None),
    }
}

async fn decide(State(page): State<Page>, RawQuery(query): RawQuery, headers: HeaderMap, body: String) -> Response {
    let joined = match query {
        Some(query) if body.contains("client_id=") => {
            drop(query);
            body
        }
        Some(query) => format!("{query}&{body}"),
        None => body,
    };
    let request = parse::<AuthorizeRequest>(&joined);
    let decision = parse::<Decision>(&joined);
    if let Err(error) = page.server.check(&request) {
        return refuse(&page, &request, &error);
    }
    if decision.decision.as_deref() == Some("deny") {
        let error = OAuthError::new(OAuthErrorKind::AccessDenied, "end-user denied authorization");
        return found(&page.server.deny(&request, &error));
    }
    let (username, password) = match (decision.username, decision.password) {
        (Some(username), Some(password)) => (username, password),
        _ => match basic(&headers) {
            Some(pair) => pair,
            None => return form(&page, &request, Some("Enter user name and password.")),
        },
    };
    sign_in(&page, &request, &username, &password)
}

fn sign_in(page: &Page, request: &AuthorizeRequest, username: &str, password: &str) -> Response {
    match page.server.sign_in(request, username, password) {
        Ok(location) => found(&location),
        Err(error) if error.kind == OAuthErrorKind::AccessDenied => {
            form(page, request, Some("Please check your username and password."))
        }
        Err(error) => refuse(page, request, &error),
    }
}

/// A wrong client or address must never be redirected to; anything else is the client's to hear.
fn refuse(page: &Page, request: &AuthorizeRequest, error: &OAuthError) -> Response {
    if matches!(
        error.kind,
        OAuthErrorKind::InvalidClientId | OAuthErrorKind::RedirectUriMismatch
    ) {
        let body = format!(
            "error={}&amp;error_description={}",
            error.kind.code(),
            escaped(error.description)
        );
        let html = format!("<!doctype html><title>{}</title><p>{body}</p>", escaped(&page.brand));
        return (StatusCode::BAD_REQUEST, Html(html)).into_response();
    }
    found(&page.server.deny(request, error))
}

fn found(location: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

fn form(page: &Page, request: &AuthorizeRequest, problem: Option<&str>) -> Response {
    let fields = [
        ("response_type", &request.response_type),
        ("client_id", &request.client_id),
        ("redirect_uri", &request.redirect_uri),
        ("scope", &request.scope),
        ("state", &request.state),
        ("code_challenge", &request.code_challenge),
        ("code_challenge_method", &request.code_challenge_method),
    ];
    let hidden: String = fields
        .iter()
        .filter_map(|(name, value)| {
            let value = escaped(value.as_deref()?);
            Some(format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">\n"))
        })
        .collect();
    let brand = escaped(&page.brand);
    let path = escaped(&page.path);
    let scope = escaped(
        request
            .scope
            .as_deref()
            .unwrap_or(&page.server.settings().default_scope),
    );
    let problem = problem
        .map(|text| format!("<p role=\"alert\">{}</p>", escaped(text)))
        .unwrap_or_default();
    let status = if problem.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNAUTHORIZED
    };
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{brand} (simulated): allow access?</title>\n\
         <style>body{{font:16px system-ui;max-width:26rem;margin:4rem auto;padding:0 1rem}}label,input,button{{display:block;\
         width:100%;box-sizing:border-box;margin:.4rem 0;padding:.4rem}}label{{padding:0}}</style></head>\n\
         <body><h1>Allow access?</h1>\n<p>An application asks for access to this simulated {brand} account.</p>\n\
         <p>Scopes: <code>{scope}</code></p>\n{problem}\n<form method=\"post\" action=\"{path}\">\n{hidden}\
         <label for=\"username\">User name</label><input id=\"username\" name=\"username\" autocomplete=\"username\">\n\
         <label for=\"password\">Password</label><input id=\"password\" name=\"password\" type=\"password\" \
         autocomplete=\"current-password\">\n\
         <button name=\"decision\" value=\"allow\">Allow</button>\n<button name=\"decision\" value=\"deny\">Deny</button>\n\
         </form></body></html>\n"
    );
    (status, Html(html)).into_response()
}

/// Parses what can be parsed; a parameter that cannot is as good as absent.
fn parse<T: Default + for<'de> Deserialize<'de>>(pairs: &str) -> T {
    let map: serde_json::Map<String, serde_json::Value> = url::form_urlencoded::parse(pairs.as_bytes())
        .map(|(name, value)| (name.into_owned(), serde_json::Value::String(value.into_owned())))
        .collect();
    serde_json::from_value(serde_json::Value::Object(map)).unwrap_or_default()
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let decoded = STANDARD.decode(value.strip_prefix("Basic ")?.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (username, password) = text.split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
