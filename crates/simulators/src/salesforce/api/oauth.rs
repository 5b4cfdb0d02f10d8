//! Signing in: the provider's paths and bodies around the authorisation server.

use axum::Router;
use axum::extract::{Path, Request, State as Extract};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::refusals::invalid_session;
use super::transport::{base_url, bearer};
use crate::oauth::{Issued, OAuthError, OAuthErrorKind, TokenRequest, authorize_routes};
use crate::salesforce::Salesforce;
use crate::salesforce::stamp::datetime_text;

pub(super) fn routes(salesforce: &Salesforce) -> Router {
    Router::new()
        .route("/services/oauth2/token", post(token))
        .route("/services/oauth2/revoke", post(revoke).get(revoke))
        .route("/services/oauth2/introspect", post(introspect))
        .route("/services/oauth2/userinfo", get(userinfo).post(userinfo))
        .route("/id/{organization}/{user}", get(identity))
        .route("/.well-known/openid-configuration", get(discovery))
        .with_state(salesforce.clone())
        .merge(authorize_routes(
            "/services/oauth2/authorize",
            salesforce.oauth.clone(),
            "Salesforce",
        ))
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json;charset=UTF-8"),
        (
            header::CACHE_CONTROL,
            "no-cache,must-revalidate,max-age=0,no-store,private",
        ),
    ];
    (status, headers, body.to_string()).into_response()
}

fn refusal(error: &OAuthError) -> Response {
    json_response(
        StatusCode::BAD_REQUEST,
        &json!({"error": error.kind.code(), "error_description": error.description}),
    )
}

/// The form of a body or a query, first value of each name.
fn form(text: &str) -> impl Fn(&str) -> Option<String> + use<> {
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(text.as_bytes()).into_owned().collect();
    move |name| {
        pairs
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    }
}

async fn token(Extract(salesforce): Extract<Salesforce>, uri: Uri, headers: HeaderMap, body: String) -> Response {
    let value = form(&body);
    let mut request = TokenRequest {
        grant_type: value("grant_type"),
        client_id: value("client_id"),
        client_secret: value("client_secret").filter(|secret| !secret.is_empty()),
        code: value("code"),
        redirect_uri: value("redirect_uri"),
        code_verifier: value("code_verifier"),
        refresh_token: value("refresh_token"),
        scope: value("scope"),
        assertion: value("assertion"),
        username: value("username"),
        password: value("password"),
    };
    if let Some((client_id, client_secret)) = basic(&headers) {
        request.client_id.get_or_insert(client_id);
        request.client_secret.get_or_insert(client_secret);
    }
    let base = base_url(&salesforce, &headers, &uri);
    match salesforce.oauth.exchange(&request) {
        Ok(issued) => json_response(StatusCode::OK, &token_body(&salesforce, &issued, &base)),
        Err(error) => refusal(&error),
    }
}

fn identity_url(salesforce: &Salesforce, base: &str) -> String {
    let state = salesforce.state();
    format!("{base}/id/{}/{}", state.organization, state.integration_user)
}

fn token_body(salesforce: &Salesforce, issued: &Issued, base: &str) -> Value {
    let id = identity_url(salesforce, base);
    let issued_at = issued.issued_at.as_millisecond().to_string();
    let secret = &salesforce.oauth.settings().client_secret;
    let signature = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mut mac| {
        mac.update(id.as_bytes());
        mac.update(issued_at.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    });
    let mut body = json!({"access_token": issued.access_token});
    if let Some(body) = body.as_object_mut() {
        if let (true, Some(refresh_token)) = (issued.refresh_token_is_new, &issued.refresh_token) {
            body.insert("refresh_token".to_owned(), Value::from(refresh_token.as_str()));
        }
        body.insert("signature".to_owned(), Value::from(signature.unwrap_or_default()));
        body.insert("scope".to_owned(), Value::from(issued.scope.as_str()));
        body.insert("instance_url".to_owned(), Value::from(base));
        body.insert("id".to_owned(), Value::from(id));
        body.insert("token_type".to_owned(), Value::from("Bearer"));
        body.insert("issued_at".to_owned(), Value::from(issued_at));
    }
    body
}

async fn revoke(Extract(salesforce): Extract<Salesforce>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 65_536)
        .await
        .unwrap_or_default();
    let token = form(&String::from_utf8_lossy(&body))("token")
        .or_else(|| form(&query)("token"))
        .unwrap_or_default();
    if salesforce.oauth.revoke(&token) {
        StatusCode::OK.into_response()
    } else {
        json_response(
            StatusCode::BAD_REQUEST,
            &json!({"error": "invalid_token", "error_description": "invalid token"}),
        )
    }
}

async fn introspect(Extract(salesforce): Extract<Salesforce>, headers: HeaderMap, body: String) -> Response {
    let value = form(&body);
    let settings = salesforce.oauth.settings();
    let (client_id, client_secret) = basic(&headers).unwrap_or((
        value("client_id").unwrap_or_default(),
        value("client_secret").unwrap_or_default(),
    ));
    if client_id != settings.client_id || client_secret != settings.client_secret {
        return refusal(&OAuthError::new(
            OAuthErrorKind::InvalidClient,
            "invalid client credentials",
        ));
    }
    let Some(info) = salesforce.oauth.introspect(&value("token").unwrap_or_default()) else {
        return json_response(StatusCode::OK, &json!({"active": false}));
    };
    let base = base_url(&salesforce, &headers, &Uri::default());
    let issued = info.issued_at.as_second();
    let mut body = json!({
        "active": true,
        "scope": info.scope,
        "client_id": settings.client_id,
        "username": settings.username,
        "sub": identity_url(&salesforce, &base),
        "token_type": if info.is_refresh_token { "refresh_token" } else { "access_token" },
        "iat": issued,
        "nbf": issued
    });
    if let (Some(expires), Some(body)) = (info.expires_at, body.as_object_mut()) {
        body.insert("exp".to_owned(), Value::from(expires.as_second()));
    }
    json_response(StatusCode::OK, &body)
}

fn urls(base: &str, organization: &str) -> Value {
    json!({
        "enterprise": format!("{base}/services/Soap/c/{{version}}/{organization}"),
        "metadata": format!("{base}/services/Soap/m/{{version}}/{organization}"),
        "partner": format!("{base}/services/Soap/u/{{version}}/{organization}"),
        "rest": format!("{base}/services/data/v{{version}}/"),
        "sobjects": format!("{base}/services/data/v{{version}}/sobjects/"),
        "search": format!("{base}/services/data/v{{version}}/search/"),
        "query": format!("{base}/services/data/v{{version}}/query/"),
        "recent": format!("{base}/services/data/v{{version}}/recent/"),
        "profile": format!("{base}/{organization}")
    })
}

/// A field of the integration's own user.
fn user_field(salesforce: &Salesforce, name: &str) -> Value {
    let id = salesforce.integration_user_id();
    salesforce
        .record("User", &id)
        .and_then(|user| user.fields.get(name).cloned())
        .unwrap_or(Value::Null)
}

async fn userinfo(Extract(salesforce): Extract<Salesforce>, uri: Uri, headers: HeaderMap) -> Response {
    if !bearer(&headers).is_some_and(|token| salesforce.oauth.accepts(token)) {
        return (StatusCode::FORBIDDEN, "Bad_OAuth_Token").into_response();
    }
    let base = base_url(&salesforce, &headers, &uri);
    let organization = salesforce.organization_id();
    let body = json!({
        "sub": identity_url(&salesforce, &base),
        "user_id": salesforce.integration_user_id(),
        "organization_id": organization,
        "preferred_username": user_field(&salesforce, "Username"),
        "nickname": user_field(&salesforce, "Alias"),
        "name": user_field(&salesforce, "Name"),
        "email": user_field(&salesforce, "Email"),
        "email_verified": true,
        "given_name": user_field(&salesforce, "FirstName"),
        "family_name": user_field(&salesforce, "LastName"),
        "zoneinfo": "America/Los_Angeles",
        "language": "en_US",
        "locale": "en_US",
        "utcOffset": -28_800_000,
        "active": true,
        "user_type": "STANDARD",
        "is_salesforce_integration_user": true,
        "urls": urls(&base, &organization)
    });
    json_response(StatusCode::OK, &body)
}

async fn identity(
    Extract(salesforce): Extract<Salesforce>,
    Path((organization, user)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if !bearer(&headers).is_some_and(|token| salesforce.oauth.accepts(token)) {
        let error = invalid_session();
        return (StatusCode::FORBIDDEN, error.message).into_response();
    }
    let Some(record) = salesforce
        .record("User", &user)
        .filter(|_| organization == salesforce.organization_id())
    else {
        return (StatusCode::NOT_FOUND, "Bad_Id").into_response();
    };
    let base = base_url(&salesforce, &headers, &uri);
    let field = |name: &str| record.fields.get(name).cloned().unwrap_or(Value::Null);
    let body = json!({
        "id": format!("{base}/id/{organization}/{user}"),
        "asserted_user": true,
        "user_id": record.id,
        "organization_id": organization,
        "username": field("Username"),
        "nick_name": field("Alias"),
        "display_name": field("Name"),
        "email": field("Email"),
        "email_verified": true,
        "first_name": field("FirstName"),
        "last_name": field("LastName"),
        "active": field("IsActive"),
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_US",
        "utcOffset": -28_800_000,
        "last_modified_date": datetime_text(record.modified.as_second()),
        "urls": urls(&base, &organization)
    });
    json_response(StatusCode::OK, &body)
}

async fn discovery(Extract(salesforce): Extract<Salesforce>, uri: Uri, headers: HeaderMap) -> Response {
    let base = base_url(&salesforce, &headers, &uri);
    let body = json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/services/oauth2/authorize"),
        "token_endpoint": format!("{base}/services/oauth2/token"),
        "revocation_endpoint": format!("{base}/services/oauth2/revoke"),
        "introspection_endpoint": format!("{base}/services/oauth2/introspect"),
        "userinfo_endpoint": format!("{base}/services/oauth2/userinfo"),
        "scopes_supported": ["api", "refresh_token", "id", "openid", "profile", "email"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"]
    });
    json_response(StatusCode::OK, &body)
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let decoded = STANDARD.decode(value.strip_prefix("Basic ")?.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (client_id, client_secret) = text.split_once(':')?;
    Some((client_id.to_owned(), client_secret.to_owned()))
}
