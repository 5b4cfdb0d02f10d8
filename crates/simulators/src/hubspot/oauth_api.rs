//! Token, introspection and revocation endpoints of all three generations.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::access::Access;
use super::answer::Answer;
use super::portal::{APP_ID, Portal};
use crate::oauth::{Issued, OAuthError, OAuthErrorKind, TokenInfo, TokenRequest};

#[derive(Default, serde::Deserialize)]
struct TokenForm {
    client_id: Option<String>,
    client_secret: Option<String>,
    token: Option<String>,
    scope: Option<String>,
}

/// One request to the OAuth endpoints.
#[derive(Debug)]
pub(super) struct OAuthCall<'a> {
    pub(super) method: &'a str,
    pub(super) v1: bool,
    /// The path after `/oauth/{version}`.
    pub(super) rest: &'a [&'a str],
    pub(super) body: &'a [u8],
}

fn form<T: DeserializeOwned + Default>(body: &[u8]) -> T {
    let object: serde_json::Map<String, Value> = url::form_urlencoded::parse(body)
        .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
        .collect();
    serde_json::from_value(object.into()).unwrap_or_default()
}

impl Portal {
    /// Answers a request below `/oauth/{version}`.
    pub(super) fn oauth(&mut self, access: &Access, call: &OAuthCall<'_>) -> Answer {
        match (call.method, call.rest) {
            ("POST", ["token"]) => {
                let request: TokenRequest = form(call.body);
                if request.grant_type.as_deref() == Some("client_credentials") {
                    return self.app_token(access, call);
                }
                match access.server.exchange(&request) {
                    Ok(issued) => {
                        access.remember(&issued);
                        self.token_answer(&issued, call.v1)
                    }
                    Err(error) => self.oauth_problem(&error, request.grant_type.as_deref(), call.v1),
                }
            }
            ("POST", ["token", "introspect"]) => {
                let asked: TokenForm = form(call.body);
                if let Some(answer) = self.wrong_client(access, &asked) {
                    return answer;
                }
                let token = asked.token.unwrap_or_default();
                match access.server.introspect(&token) {
                    Some(info) => {
                        let mut shown = self.token_info(access, &token, &info);
                        if let Some(fields) = shown.as_object_mut() {
                            fields.insert("active".into(), true.into());
                            fields.insert("is_private_distribution".into(), false.into());
                        }
                        Answer::json(200, &shown)
                    }
                    None => Answer::json(200, &json!({"active": false})),
                }
            }
            ("POST", ["token", "revoke"]) => {
                let asked: TokenForm = form(call.body);
                if let Some(answer) = self.wrong_client(access, &asked) {
                    return answer;
                }
                let _unknown_is_fine = access.server.revoke(&asked.token.unwrap_or_default());
                Answer {
                    status: 200,
                    ..Answer::empty()
                }
            }
            ("GET", ["access-tokens" | "refresh-tokens", token]) => match access.server.introspect(token) {
                Some(info) if info.is_refresh_token == (call.rest.first() == Some(&"refresh-tokens")) => {
                    Answer::json(200, &self.token_info(access, token, &info))
                }
                _ => self.not_found(),
            },
            ("DELETE", ["refresh-tokens", token]) => {
                if access.server.revoke(token) {
                    Answer::empty()
                } else {
                    self.not_found()
                }
            }
            ("POST", ["private-apps", "get", "access-token-info"]) => {
                let body: Value = serde_json::from_slice(call.body).unwrap_or_default();
                if body.get("tokenKey").and_then(Value::as_str) != Some(access.private_app_token()) {
                    return self.not_found();
                }
                let scopes: Vec<&str> = super::access::SCOPES.split_whitespace().collect();
                let user = self.signed_in_user();
                Answer::json(
                    200,
                    &json!({"userId": user, "hubId": self.id, "appId": APP_ID, "scopes": scopes}),
                )
            }
            _ => self.not_found(),
        }
    }

    /// A token of the app itself, which reads the journal and no record.
    fn app_token(&mut self, access: &Access, call: &OAuthCall<'_>) -> Answer {
        let asked: TokenForm = form(call.body);
        if let Some(answer) = self.wrong_client(access, &asked) {
            return answer;
        }
        let scopes: Vec<String> = asked
            .scope
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let token = format!("CApp-{}", self.correlation_id());
        let life = access.server.settings().access_token_life;
        let expires = self.now().instant().checked_add(life).unwrap_or(jiff::Timestamp::MAX);
        access.remember_app(token.clone(), scopes.clone(), expires);
        let body = json!({"token_type": "bearer", "access_token": token, "expires_in": life.as_secs(),
            "token_use": "access_token", "scopes": scopes});
        Answer::json(200, &body)
    }

    /// The user id of the person who signs in on the consent page.
    pub(super) fn signed_in_user(&self) -> u64 {
        self.owners.first().map_or(0, |owner| owner.user_id)
    }

    fn token_answer(&self, issued: &Issued, v1: bool) -> Answer {
        let mut body = json!({
            "token_type": "bearer",
            "refresh_token": issued.refresh_token,
            "access_token": issued.access_token,
            "expires_in": issued.expires_in.as_secs(),
        });
        if let Some(fields) = body.as_object_mut()
            && !v1
        {
            let scopes: Vec<&str> = issued.scope.split_whitespace().collect();
            fields.insert("token_use".into(), "access_token".into());
            fields.insert("hub_id".into(), self.id.into());
            fields.insert("user_id".into(), self.signed_in_user().into());
            fields.insert("scopes".into(), scopes.into());
        }
        Answer::json(200, &body)
    }

    fn token_info(&self, access: &Access, token: &str, info: &TokenInfo) -> Value {
        let settings = access.server.settings();
        let scopes: Vec<&str> = info.scope.split_whitespace().collect();
        let mut shown = json!({
            "token": token,
            "token_use": if info.is_refresh_token { "refresh_token" } else { "access_token" },
            "token_type": if info.is_refresh_token { "refresh" } else { "access" },
            "client_id": settings.client_id,
            "app_id": APP_ID,
            "hub_id": self.id,
            "hub_domain": "simulated-hub.example.com",
            "user": settings.username,
            "user_id": self.signed_in_user(),
            "scopes": scopes,
        });
        if let (Some(expires), Some(fields)) = (info.expires_at, shown.as_object_mut()) {
            let seconds = expires.duration_since(self.now().instant()).as_secs().max(0);
            fields.insert("expires_in".into(), seconds.into());
        }
        shown
    }

    fn wrong_client(&mut self, access: &Access, asked: &TokenForm) -> Option<Answer> {
        let settings = access.server.settings();
        let kind = if asked.client_id.as_deref() != Some(&settings.client_id) {
            OAuthErrorKind::InvalidClientId
        } else if asked.client_secret.as_deref() != Some(&settings.client_secret) {
            OAuthErrorKind::InvalidClient
        } else {
            return None;
        };
        Some(self.oauth_problem(&OAuthError::new(kind, "invalid client credentials"), None, false))
    }

    /// HubSpot mixes the words of OAuth with its own.
    fn oauth_problem(&mut self, error: &OAuthError, grant_type: Option<&str>, v1: bool) -> Answer {
        let refreshing = grant_type == Some("refresh_token");
        let (code, status, message) = match error.kind {
            OAuthErrorKind::InvalidGrant if refreshing => (
                "invalid_grant",
                "BAD_REFRESH_TOKEN",
                "refresh token is invalid, expired or revoked",
            ),
            OAuthErrorKind::InvalidGrant => ("invalid_grant", "BAD_AUTH_CODE", "missing or unknown auth code"),
            OAuthErrorKind::InvalidClient => (
                "invalid_client",
                "BAD_CLIENT_SECRET",
                "missing or invalid client secret",
            ),
            OAuthErrorKind::InvalidClientId => ("invalid_client", "BAD_CLIENT_ID", "missing or unknown client id"),
            OAuthErrorKind::RedirectUriMismatch => (
                "invalid_request",
                "MISMATCH_REDIRECT_URI_AUTH_CODE",
                "redirect URI does not match initial auth code URI",
            ),
            OAuthErrorKind::UnsupportedGrantType => (
                "unsupported_grant_type",
                "BAD_GRANT_TYPE",
                "missing or unknown grant type",
            ),
            OAuthErrorKind::AccessDenied => ("access_denied", "ACCESS_DENIED", error.description),
            _ => ("invalid_request", "BAD_REQUEST", error.description),
        };
        let correlation_id = self.correlation_id();
        let body = if v1 {
            json!({"status": status, "message": message, "correlationId": correlation_id})
        } else {
            json!({
                "error": code,
                "error_description": message,
                "status": status,
                "message": message,
                "correlationId": correlation_id,
            })
        };
        Answer::json(400, &body)
    }
}
