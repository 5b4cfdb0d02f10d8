//! What Salesforce's answers mean: the error array, the OAuth error object, and bodies that are not Salesforce's.

use std::time::Duration;

use serde::Deserialize;
use syncline_core::io::{Class, Head};
use syncline_core::{Error, ErrorKind, Retry};

/// One entry of an error body. Whole-call errors name their code `errorCode`, rows of a batch `statusCode`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct ProviderError {
    /// The provider's code, such as `INVALID_FIELD`.
    #[serde(default, alias = "errorCode", alias = "statusCode")]
    pub(crate) code: String,
    /// The provider's sentence.
    #[serde(default)]
    pub(crate) message: String,
    /// Fields that it blames; often missing.
    #[serde(default)]
    pub(crate) fields: Option<Vec<String>>,
}

impl ProviderError {
    /// The code and the sentence, for people.
    pub(crate) fn text(&self) -> String {
        match (self.code.as_str(), self.message.trim()) {
            ("", message) => message.to_owned(),
            (code, "") => code.to_owned(),
            (code, message) => format!("{code}: {message}"),
        }
    }
}

#[derive(Deserialize)]
struct OAuthError {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// The errors of a failed call; empty when the body is not Salesforce's.
pub(crate) fn errors(body: &[u8]) -> Vec<ProviderError> {
    let errors = serde_json::from_slice::<Vec<ProviderError>>(body).unwrap_or_default();
    errors.into_iter().filter(|error| !error.code.is_empty()).collect()
}

/// See [`syncline_core::connector::Connector::classify`].
pub(crate) fn classify(head: &Head, body: &[u8]) -> Class {
    // 304 is the wished answer of a conditional describe.
    if head.is_success() || head.status == 304 {
        return Class::Success;
    }
    if let Some(first) = errors(body).into_iter().next() {
        return by_code(head, first);
    }
    // With some versions a batch whose rows failed answers 400 and row results.
    if head.status == 400 && is_row_results(body) {
        return Class::Success;
    }
    if let Ok(error) = serde_json::from_slice::<OAuthError>(body) {
        return by_oauth_error(head, error);
    }
    by_status(head, body)
}

fn by_code(head: &Head, error: ProviderError) -> Class {
    let message = error.text();
    match error.code.as_str() {
        "INVALID_SESSION_ID" if head.status == 401 || head.status == 403 => {
            // These sessions stay what they are however often the token is refreshed.
            let barred = [
                "not valid for use with the REST API",
                "Connected app is not attached to Agent",
            ];
            if barred.iter().any(|text| error.message.contains(text)) {
                Class::Forbidden { message }
            } else {
                Class::TokenExpired
            }
        }
        "INVALID_AUTH_HEADER" => Class::Reauthorise,
        "REQUEST_LIMIT_EXCEEDED" => Class::RateLimited {
            after: retry_after(head),
            daily: error.message.contains("TotalRequests"),
        },
        "UNABLE_TO_LOCK_ROW" | "SERVER_UNAVAILABLE" => Class::Retryable {
            after: retry_after(head),
        },
        "INVALID_QUERY_LOCATOR" => Class::CursorExpired,
        "ENTITY_IS_DELETED" if head.status < 500 => Class::NotFound,
        _ => match head.status {
            401 => Class::TokenExpired,
            403 => Class::Forbidden { message },
            404 => Class::NotFound,
            412 => Class::Conflict,
            420 | 429 => Class::RateLimited {
                after: retry_after(head),
                daily: false,
            },
            status if status >= 500 => Class::Unknown,
            _ => Class::Rejected {
                code: error.code,
                message: error.message,
            },
        },
    }
}

fn by_oauth_error(head: &Head, error: OAuthError) -> Class {
    match error.error.as_str() {
        // Before the code: whoever is asked to slow down is told nothing about the grant.
        _ if matches!(head.status, 420 | 429) => Class::RateLimited {
            after: retry_after(head),
            daily: false,
        },
        "invalid_grant" | "inactive_user" | "inactive_org" => Class::Reauthorise,
        "rate_limit_exceeded" => Class::RateLimited {
            after: retry_after(head),
            daily: false,
        },
        _ if head.status >= 500 => Class::Unknown,
        _ => Class::Rejected {
            code: error.error,
            message: error.error_description,
        },
    }
}

fn by_status(head: &Head, body: &[u8]) -> Class {
    let rejected = |code: &str, message: &str| Class::Rejected {
        code: code.to_owned(),
        message: message.to_owned(),
    };
    match head.status {
        401 => Class::TokenExpired,
        // The OAuth endpoints answer a dead token in plain text.
        403 if body.trim_ascii() == b"Bad_OAuth_Token" => Class::TokenExpired,
        403 => Class::Forbidden {
            message: "Salesforce refuses access without saying why".into(),
        },
        404 => Class::NotFound,
        410 => rejected(
            "API_VERSION_RETIRED",
            "this API version is retired; set a newer api_version",
        ),
        412 => Class::Conflict,
        414 | 431 => rejected("REQUEST_TOO_LONG", "the request is too long"),
        420 | 429 => Class::RateLimited {
            after: retry_after(head),
            daily: false,
        },
        // The server gave up waiting for a request that it may have begun.
        408 => Class::Unknown,
        status if status >= 500 => Class::Unknown,
        300 => rejected("MULTIPLE_RECORDS", "several records have this key"),
        status => rejected(&format!("HTTP_{status}"), "the answer does not say why"),
    }
}

fn is_row_results(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Row {
        success: Option<bool>,
    }
    serde_json::from_slice::<Vec<Row>>(body)
        .is_ok_and(|rows| !rows.is_empty() && rows.iter().all(|row| row.success.is_some()))
}

/// Seconds to wait, where a gateway in between says so; Salesforce itself does not.
fn retry_after(head: &Head) -> Option<Duration> {
    head.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

/// The error of a call that did not succeed, for whoever reads it.
pub(crate) fn failed(class: Class, operation: &'static str) -> Error {
    let error = match class {
        // Only reached by a mistake of ours, since callers look at the body then.
        Class::Success => Error::new(ErrorKind::Internal, "a successful answer was taken for a failure"),
        Class::TokenExpired | Class::Reauthorise => Error::new(
            ErrorKind::Reauthorise,
            "Salesforce no longer accepts the sign-in; connect again",
        ),
        Class::RateLimited { after, daily } => {
            let message = if daily {
                "the daily allowance of Salesforce API calls is spent; it frees up over the next 24 hours"
            } else {
                "Salesforce asks to slow down"
            };
            Error::new(ErrorKind::RateLimited, message).retry_as(Retry::After(after.unwrap_or_default()))
        }
        Class::Retryable { after } => Error::new(ErrorKind::Unavailable, "Salesforce is busy; try again later")
            .retry_as(Retry::After(after.unwrap_or_default())),
        Class::Unknown => Error::new(ErrorKind::Unavailable, "Salesforce failed; try again later"),
        Class::Conflict => Error::new(ErrorKind::Stale, "the record was changed meanwhile; read it again"),
        Class::NotFound => Error::new(
            ErrorKind::NotFound,
            "Salesforce does not have it, or the connected user may not see it",
        ),
        Class::Forbidden { message } => Error::new(
            ErrorKind::Forbidden,
            format!("Salesforce does not allow this: {message}"),
        ),
        Class::CursorExpired => Error::new(ErrorKind::CursorExpired, "Salesforce no longer knows the query"),
        Class::Rejected { code, message } => {
            let error = ProviderError {
                code,
                message,
                fields: None,
            };
            Error::new(
                ErrorKind::Rejected,
                format!("Salesforce refused the request: {}", error.text()),
            )
        }
    };
    error.operation(operation)
}

/// The error of a successful answer whose body can't be read. A body cut short on its way reads well the next time.
pub(crate) fn unreadable(operation: &'static str, error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Protocol, "the answer of Salesforce can't be read")
        .retry_as(Retry::After(Duration::ZERO))
        .operation(operation)
        .because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, body: &str) -> Class {
        classify(
            &Head {
                status,
                headers: Vec::new(),
            },
            body.as_bytes(),
        )
    }

    fn error(code: &str, message: &str) -> String {
        serde_json::json!([{ "message": message, "errorCode": code }]).to_string()
    }

    #[test]
    fn a_spent_day_and_too_many_at_once_share_a_code_and_are_told_apart_by_message() {
        let body = error("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.");
        assert_eq!(
            class(403, &body),
            Class::RateLimited {
                after: None,
                daily: true
            }
        );
        let body = error(
            "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        );
        assert_eq!(
            class(403, &body),
            Class::RateLimited {
                after: None,
                daily: false
            }
        );
    }

    #[test]
    fn an_expired_session_is_refreshed_and_a_barred_one_is_not() {
        assert_eq!(
            class(401, &error("INVALID_SESSION_ID", "Session expired or invalid")),
            Class::TokenExpired
        );
        assert_eq!(class(403, "Bad_OAuth_Token"), Class::TokenExpired);
        let barred = class(
            401,
            &error(
                "INVALID_SESSION_ID",
                "This session is not valid for use with the REST API",
            ),
        );
        assert!(matches!(barred, Class::Forbidden { .. }));
        assert_eq!(
            class(401, &error("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")),
            Class::Reauthorise
        );
    }

    #[test]
    fn locks_and_maintenance_prove_that_nothing_was_applied_and_other_failures_do_not() {
        let lock = error("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record");
        assert_eq!(class(400, &lock), Class::Retryable { after: None });
        assert_eq!(
            class(503, &error("SERVER_UNAVAILABLE", "busy")),
            Class::Retryable { after: None }
        );
        assert_eq!(
            class(500, &error("UNKNOWN_EXCEPTION", "An unexpected error")),
            Class::Unknown
        );
        assert_eq!(class(503, "<html>maintenance</html>"), Class::Unknown);
        assert_eq!(class(502, ""), Class::Unknown);
    }

    #[test]
    fn a_dead_locator_is_an_expired_cursor_whatever_its_status() {
        assert_eq!(
            class(400, &error("INVALID_QUERY_LOCATOR", "invalid query locator")),
            Class::CursorExpired
        );
        assert_eq!(
            class(404, &error("INVALID_QUERY_LOCATOR", "invalid query locator")),
            Class::CursorExpired
        );
    }

    #[test]
    fn gone_changed_forbidden_and_refused_are_different() {
        assert_eq!(
            class(404, &error("ENTITY_IS_DELETED", "entity is deleted")),
            Class::NotFound
        );
        assert_eq!(class(412, ""), Class::Conflict);
        assert_eq!(
            class(403, &error("API_DISABLED_FOR_ORG", "not enabled")),
            Class::Forbidden {
                message: "API_DISABLED_FOR_ORG: not enabled".into()
            }
        );
        assert!(matches!(
            class(400, &error("MALFORMED_QUERY", "unexpected token")),
            Class::Rejected { .. }
        ));
        assert!(matches!(class(410, "gone"), Class::Rejected { .. }));
    }

    #[test]
    fn row_results_under_status_400_are_a_success_of_the_whole() {
        let rows =
            r#"[{"success":false,"errors":[{"statusCode":"REQUIRED_FIELD_MISSING","message":"x","fields":[]}]}]"#;
        assert_eq!(class(400, rows), Class::Success);
    }

    #[test]
    fn gateways_that_say_how_long_to_wait_are_heard() {
        let head = Head {
            status: 429,
            headers: vec![("retry-after".into(), "7".into())],
        };
        assert_eq!(
            classify(&head, b""),
            Class::RateLimited {
                after: Some(Duration::from_secs(7)),
                daily: false
            }
        );
    }

    #[test]
    fn a_lost_grant_asks_for_a_person() {
        let body = r#"{"error":"invalid_grant","error_description":"expired access/refresh token"}"#;
        assert_eq!(class(400, body), Class::Reauthorise);
        assert_eq!(failed(Class::Reauthorise, "reading").kind(), ErrorKind::Reauthorise);
    }
}
