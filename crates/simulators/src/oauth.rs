//! The authorisation server that both simulators sign people in with: code flow with PKCE, refresh with rotation,
//! client credentials, revocation and introspection. Paths and bodies belong to the provider; the rules are here.

mod authorize;
mod exchange;
mod grants;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

pub use authorize::authorize_routes;
pub use grants::AuthorizationServer;

/// Everything needed to reach a simulator, all accepted by it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The OAuth client.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// The person who signs in on the consent page.
    pub username: String,
    /// That person's password.
    pub password: String,
    /// A token that works at once, without any flow.
    pub access_token: String,
    /// Its refresh token.
    pub refresh_token: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// Names the six values; there is no other way to build one from outside this crate.
    pub(crate) fn new(settings: &AuthorizationSettings, issued: &Issued) -> Self {
        Self {
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            username: settings.username.clone(),
            password: settings.password.clone(),
            access_token: issued.access_token.clone(),
            refresh_token: issued.refresh_token.clone().unwrap_or_default(),
        }
    }
}

/// How an authorisation server behaves.
#[derive(Clone)]
pub struct AuthorizationSettings {
    /// The one OAuth client it knows.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: String,
    /// The one person who can sign in.
    pub username: String,
    /// That person's password.
    pub password: String,
    /// Whether each refresh kills the refresh token used and gives a new one.
    pub rotate_refresh_tokens: bool,
    /// Whether the code flow is refused without a PKCE challenge.
    pub require_pkce: bool,
    /// Whether name and password are taken for a token.
    pub password_flow: bool,
    /// How long a code can be exchanged.
    pub code_life: SignedDuration,
    /// How long an access token works.
    pub access_token_life: SignedDuration,
    /// After how long without use a refresh token dies.
    pub refresh_idle_life: Option<SignedDuration>,
    /// How many grants one person can have before the oldest is revoked.
    pub max_grants: usize,
    /// The scope granted when none was asked for.
    pub default_scope: String,
    /// What access tokens begin with.
    pub access_token_prefix: String,
    /// What refresh tokens begin with.
    pub refresh_token_prefix: String,
    /// The addresses that a code may be sent to; empty allows any. A loopback address matches with any port.
    pub redirect_uris: Vec<String>,
    /// What tokens and codes are generated from.
    pub seed: u64,
}

impl Default for AuthorizationSettings {
    fn default() -> Self {
        Self {
            client_id: "simulator-client".to_owned(),
            client_secret: "simulator-secret".to_owned(),
            username: "admin@example.com".to_owned(),
            password: "simulator-password".to_owned(),
            rotate_refresh_tokens: false,
            require_pkce: false,
            password_flow: false,
            code_life: SignedDuration::from_mins(15),
            access_token_life: SignedDuration::from_hours(2),
            refresh_idle_life: Some(SignedDuration::from_hours(24 * 30)),
            max_grants: 5,
            default_scope: "api refresh_token".to_owned(),
            access_token_prefix: "access-".to_owned(),
            refresh_token_prefix: "refresh-".to_owned(),
            redirect_uris: Vec::new(),
            seed: 0,
        }
    }
}

impl fmt::Debug for AuthorizationSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationSettings")
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("rotate_refresh_tokens", &self.rotate_refresh_tokens)
            .field("require_pkce", &self.require_pkce)
            .finish_non_exhaustive()
    }
}

/// The parameters of the authorisation page, from its query or its form.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct AuthorizeRequest {
    /// `code` is the only one known.
    pub response_type: Option<String>,
    /// Who asks.
    pub client_id: Option<String>,
    /// Where the code goes.
    pub redirect_uri: Option<String>,
    /// Scopes, separated by blanks.
    pub scope: Option<String>,
    /// Returned unchanged.
    pub state: Option<String>,
    /// The S256 challenge.
    pub code_challenge: Option<String>,
    /// `S256` or absent.
    pub code_challenge_method: Option<String>,
}

impl AuthorizeRequest {
    /// The request that an address of the authorisation page makes.
    ///
    /// ```
    /// use syncline_simulators::oauth::AuthorizeRequest;
    /// let request = AuthorizeRequest::from_url("http://127.0.0.1:8701/oauth/authorize?client_id=app&state=x");
    /// assert_eq!(request.client_id.as_deref(), Some("app"));
    /// ```
    pub fn from_url(url: &str) -> Self {
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let mut request = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let place = match &*name {
                "response_type" => &mut request.response_type,
                "client_id" => &mut request.client_id,
                "redirect_uri" => &mut request.redirect_uri,
                "scope" => &mut request.scope,
                "state" => &mut request.state,
                "code_challenge" => &mut request.code_challenge,
                "code_challenge_method" => &mut request.code_challenge_method,
                _ => continue,
            };
            *place = Some(value.into_owned());
        }
        request
    }
}

/// The form body of a token request, after the provider merged client credentials from a header into it.
#[derive(Clone, Default, Deserialize)]
pub struct TokenRequest {
    /// `authorization_code`, `refresh_token` or `client_credentials`.
    pub grant_type: Option<String>,
    /// Who asks.
    pub client_id: Option<String>,
    /// The client's secret; may be left out where a verifier or a refresh token proves enough.
    pub client_secret: Option<String>,
    /// The code to exchange.
    pub code: Option<String>,
    /// Must equal the one of the authorisation request.
    pub redirect_uri: Option<String>,
    /// The PKCE verifier.
    pub code_verifier: Option<String>,
    /// The refresh token to use.
    pub refresh_token: Option<String>,
    /// Scopes, for client credentials.
    pub scope: Option<String>,
    /// A signed assertion, for a grant without a person.
    pub assertion: Option<String>,
    /// Who signs in, where a client asks for the password itself.
    pub username: Option<String>,
    /// That person's password.
    pub password: Option<String>,
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRequest")
            .field("grant_type", &self.grant_type)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Tokens just handed out.
#[derive(Clone)]
#[non_exhaustive]
pub struct Issued {
    /// The bearer token.
    pub access_token: String,
    /// The refresh token that is valid now, if the grant has one.
    pub refresh_token: Option<String>,
    /// Whether `refresh_token` was unknown to the client before this answer.
    pub refresh_token_is_new: bool,
    /// The scope granted.
    pub scope: String,
    /// When.
    pub issued_at: Timestamp,
    /// How long the access token works.
    pub expires_in: SignedDuration,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued")
            .field("scope", &self.scope)
            .field("issued_at", &self.issued_at)
            .field("refresh_token_is_new", &self.refresh_token_is_new)
            .finish_non_exhaustive()
    }
}

/// What is known of a live token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenInfo {
    /// Whether it is a refresh token, else an access token.
    pub is_refresh_token: bool,
    /// The scope granted.
    pub scope: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it dies.
    pub expires_at: Option<Timestamp>,
}

/// Why the authorisation server refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OAuthErrorKind {
    /// The code or the refresh token is unknown, used, expired or revoked.
    InvalidGrant,
    /// The client's secret is wrong.
    InvalidClient,
    /// There is no such client.
    InvalidClientId,
    /// A parameter is missing or wrong.
    InvalidRequest,
    /// The grant type is unknown.
    UnsupportedGrantType,
    /// The response type is unknown.
    UnsupportedResponseType,
    /// The redirect address is not the client's, or not the one the code was asked for.
    RedirectUriMismatch,
    /// The person said no, or failed to sign in.
    AccessDenied,
}

/// A refusal in the words of OAuth 2.0.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {description}", kind.code())]
pub struct OAuthError {
    /// Which refusal.
    pub kind: OAuthErrorKind,
    /// The `error_description` of the answer.
    pub description: &'static str,
}

impl OAuthErrorKind {
    /// The value of `error` in the answer.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidClient => "invalid_client",
            Self::InvalidClientId => "invalid_client_id",
            Self::InvalidRequest => "invalid_request",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::RedirectUriMismatch => "redirect_uri_mismatch",
            Self::AccessDenied => "access_denied",
        }
    }
}

impl OAuthError {
    pub(crate) fn new(kind: OAuthErrorKind, description: &'static str) -> Self {
        Self { kind, description }
    }
}
