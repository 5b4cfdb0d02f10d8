//! [`TokenFailure`]: why a token endpoint gave no token, and what that means for the grant.

use serde::Deserialize;
use syncline_core::connector::Connector;
use syncline_core::io::{Class, Head};
use syncline_core::{Error, ErrorKind, Retry};

use crate::http::TransportError;

/// Why a token endpoint gave no token. Messages hold no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenFailure {
    /// The grant is as it was; trying again later may help.
    Transient(String),
    /// The server may have answered with a token that never arrived.
    Lost(String),
    /// The grant, or the code, is dead.
    InvalidGrant(String),
    /// We are asking wrongly: the client id, its secret or the redirect. The grant is as it was.
    Misconfigured(String),
    /// The address is not one that we send to.
    Blocked(String),
}

impl TokenFailure {
    pub(super) fn from_transport(error: TransportError) -> Self {
        match error {
            TransportError::NotSent(_) => Self::Transient(error.to_string()),
            TransportError::Blocked(reason) => Self::Blocked(reason),
            _ => Self::Lost(error.to_string()),
        }
    }

    /// What an answer that is not a token means.
    pub(super) fn from_answer(connector: &dyn Connector, head: &Head, body: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Body {
            error: Option<String>,
            error_description: Option<String>,
            message: Option<String>,
        }
        if head.is_success() {
            return Self::Lost("the answer can't be read".to_owned());
        }
        let read: Body = serde_json::from_slice(body).unwrap_or_default();
        let code = read.error.unwrap_or_else(|| format!("HTTP {}", head.status));
        let message = match read.error_description.or(read.message) {
            Some(description) => format!("{code}: {description}"),
            None => code.clone(),
        };
        match code.as_str() {
            "invalid_grant" | "access_denied" | "inactive_user" | "inactive_org" => return Self::InvalidGrant(message),
            "invalid_client"
            | "invalid_client_id"
            | "unauthorized_client"
            | "invalid_request"
            | "invalid_scope"
            | "unsupported_grant_type"
            | "redirect_uri_mismatch" => return Self::Misconfigured(message),
            "temporarily_unavailable" | "server_error" | "rate_limit_exceeded" => return Self::Transient(message),
            _ => {}
        }
        if head.status >= 500 || head.status == 429 {
            return Self::Transient(message);
        }
        match connector.classify(head, body) {
            Class::Reauthorise => Self::InvalidGrant(message),
            Class::RateLimited { .. } | Class::Retryable { .. } | Class::Unknown => Self::Transient(message),
            _ => Self::Misconfigured(message),
        }
    }

    /// The error for whoever was waiting for the token.
    pub(crate) fn into_error(self, operation: &'static str) -> Error {
        let error = match self {
            Self::Transient(reason) => Error::new(
                ErrorKind::Unavailable,
                format!("the provider gives no token right now: {reason}"),
            )
            .retry_as(Retry::After(std::time::Duration::from_secs(1))),
            Self::Lost(reason) => Error::new(
                ErrorKind::Unavailable,
                format!("the provider's answer was lost: {reason}; start over"),
            ),
            Self::InvalidGrant(reason) => Error::new(
                ErrorKind::Reauthorise,
                format!("the provider no longer accepts the authorisation ({reason}); reconnect"),
            ),
            Self::Misconfigured(reason) => Error::new(
                ErrorKind::Rejected,
                format!("the provider refuses the app ({reason}); check client id, client secret and redirect URI"),
            ),
            Self::Blocked(reason) => Error::new(ErrorKind::Refused, reason),
        };
        error.operation(operation)
    }
}
