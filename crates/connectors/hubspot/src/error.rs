//! What answers mean, and how a failed one becomes an [`Error`].

use std::time::Duration;

use syncline_core::error::{Error, ErrorKind, Retry};
use syncline_core::io::{Class, Head, Response};

use crate::problem::Problem;

/// HubSpot advises at least this for a locked record.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// A portal that moves between data centres takes long; asked for where the answer does not say how long.
const MOVE_WAIT: Duration = Duration::from_secs(60);
/// Wait after the burst limit, whose window is this long.
const BURST_WAIT: Duration = Duration::from_secs(10);
/// Wait after the limit per second.
const SECOND_WAIT: Duration = Duration::from_secs(1);
/// Wait after the daily limit: it is reset at midnight in the portal's zone, which the answer does not name.
const DAILY_WAIT: Duration = Duration::from_secs(3_600);

/// OAuth codes after which only a person can help.
const GRANT_GONE: [&str; 5] = [
    "invalid_grant",
    "access_denied",
    "BAD_REFRESH_TOKEN",
    "BAD_HUB",
    "BAD_AUTH_CODE",
];
/// OAuth codes that accuse our own configuration; the grant is fine.
const MISCONFIGURED: [&str; 10] = [
    "invalid_client",
    "unauthorized_client",
    "invalid_request",
    "unsupported_grant_type",
    "BAD_CLIENT_ID",
    "BAD_CLIENT_SECRET",
    "BAD_REDIRECT_URI",
    "MISMATCH_REDIRECT_URI_AUTH_CODE",
    "BAD_GRANT_TYPE",
    "invalid_scope",
];

/// What an answer means.
pub(crate) fn classify(head: &Head, body: &[u8]) -> Class {
    if head.is_success() {
        return Class::Success;
    }
    let after = retry_after(head);
    match head.status {
        423 => {
            return Class::Retryable {
                after: Some(after.unwrap_or(LOCK_WAIT)),
            };
        }
        477 => {
            return Class::Retryable {
                after: Some(after.unwrap_or(MOVE_WAIT)),
            };
        }
        // The network in front of HubSpot never reached it.
        521 | 523 => return Class::Retryable { after },
        408 | 500..=599 => return Class::Unknown,
        _ => {}
    }
    let problem = Problem::read(body);
    if head.status == 429 {
        return rate_limited(&problem, after);
    }
    let oauth = [problem.oauth.as_str(), problem.status.as_str()];
    if let Some(code) = oauth.into_iter().find(|code| MISCONFIGURED.contains(code)) {
        return Class::Rejected {
            code: code.to_owned(),
            message: problem.text(),
        };
    }
    if oauth.iter().any(|code| GRANT_GONE.contains(code)) {
        return Class::Reauthorise;
    }
    match head.status {
        401 => Class::TokenExpired,
        403 => Class::Forbidden {
            message: forbidden(&problem),
        },
        404 => Class::NotFound,
        400 if problem.message.starts_with("Unable to infer object type") => Class::NotFound,
        status => {
            let code = if problem.code().is_empty() || problem.code() == "error" {
                format!("HTTP {status}")
            } else {
                problem.code().to_owned()
            };
            Class::Rejected {
                code,
                message: problem.text(),
            }
        }
    }
}

fn rate_limited(problem: &Problem, after: Option<Duration>) -> Class {
    let message = problem.message.to_ascii_lowercase();
    let daily = problem.policy == "DAILY" || (problem.policy.is_empty() && message.contains("daily"));
    let named = if daily {
        None
    } else if problem.policy == "SECONDLY" || message.contains(" secondly") {
        Some(SECOND_WAIT)
    } else if problem.policy == "TEN_SECONDLY_ROLLING" || message.contains("ten_secondly") {
        Some(BURST_WAIT)
    } else {
        None
    };
    Class::RateLimited {
        after: after.or(named),
        daily,
    }
}

fn forbidden(problem: &Problem) -> String {
    let scopes = problem.context("requiredGranularScopes");
    if scopes.is_empty() {
        return problem.code_and_text();
    }
    format!("{} (needed: {})", problem.code_and_text(), scopes.join(", "))
}

fn retry_after(head: &Head) -> Option<Duration> {
    head.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

/// How long to wait after an answer of this class before the same is asked again.
pub(crate) fn wait(class: &Class) -> Duration {
    match class {
        Class::RateLimited { daily: true, after } => after.unwrap_or(DAILY_WAIT),
        Class::RateLimited { after, .. } => after.unwrap_or(BURST_WAIT),
        Class::Retryable { after } => after.unwrap_or(LOCK_WAIT),
        _ => Duration::ZERO,
    }
}

/// Makes a failed read an error.
pub(crate) fn failure(operation: &'static str, class: Class, response: &Response) -> Error {
    let waiting = wait(&class);
    let status = response.head.status;
    let problem = Problem::read(&response.body);
    let said = || match problem.code_and_text() {
        text if text.is_empty() => format!("status {status}"),
        text => text,
    };
    let error = match class {
        Class::TokenExpired | Class::Reauthorise => Error::new(
            ErrorKind::Reauthorise,
            "HubSpot no longer accepts this connection's token; reconnect it",
        ),
        Class::RateLimited { daily: true, .. } => {
            Error::new(ErrorKind::RateLimited, "HubSpot's calls for today are used up").retry_as(Retry::After(waiting))
        }
        Class::RateLimited { .. } => {
            Error::new(ErrorKind::RateLimited, "HubSpot asks for fewer calls").retry_as(Retry::After(waiting))
        }
        Class::Retryable { .. } => {
            Error::new(ErrorKind::Unavailable, format!("HubSpot is busy: {}", said())).retry_as(Retry::After(waiting))
        }
        Class::NotFound => Error::new(ErrorKind::NotFound, format!("HubSpot does not have it: {}", said())),
        Class::Forbidden { message } => {
            Error::new(ErrorKind::Forbidden, format!("HubSpot does not allow it: {message}"))
        }
        Class::Conflict => Error::new(ErrorKind::Stale, format!("somebody changed it meanwhile: {}", said())),
        Class::CursorExpired => Error::new(
            ErrorKind::CursorExpired,
            format!("the page token is too old: {}", said()),
        ),
        Class::Rejected { code, message } => Error::new(
            ErrorKind::Rejected,
            format!("HubSpot refused the request: {code}: {message}"),
        ),
        Class::Unknown | Class::Success => Error::new(ErrorKind::Unavailable, format!("HubSpot failed: {}", said())),
    };
    let error = error.operation(operation).with("status", status);
    match response.head.header("x-hubspot-correlation-id") {
        Some(id) => error.with("correlation id", id.to_owned()),
        None => error,
    }
}

/// An answer of a read that is not what HubSpot documents. Worth another try: a proxy may have cut it short.
pub(crate) fn unreadable(operation: &'static str, cause: serde_json::Error) -> Error {
    Error::new(ErrorKind::Protocol, "HubSpot's answer could not be read")
        .operation(operation)
        .retry_as(Retry::After(SECOND_WAIT))
        .because(cause)
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

    #[test]
    fn limits_are_told_apart_by_policy_and_then_by_message() {
        let limited = |after: Option<u64>, daily| Class::RateLimited {
            after: after.map(Duration::from_secs),
            daily,
        };
        assert_eq!(class(429, r#"{"policyName":"DAILY"}"#), limited(None, true));
        assert_eq!(
            class(429, r#"{"message":"You have reached your daily limit."}"#),
            limited(None, true)
        );
        assert_eq!(
            class(
                429,
                r#"{"message":"You have reached your ten_secondly_rolling limit.","policyName":"TEN_SECONDLY_ROLLING"}"#
            ),
            limited(Some(10), false)
        );
        assert_eq!(
            class(
                429,
                r#"{"message":"You have reached your secondly limit.","category":"RATE_LIMITS"}"#
            ),
            limited(Some(1), false)
        );
        assert_eq!(class(429, "<html>slow down</html>"), limited(None, false));
        let head = Head {
            status: 429,
            headers: vec![("retry-after".into(), "7".into())],
        };
        assert_eq!(classify(&head, b"{}"), limited(Some(7), false));
    }

    #[test]
    fn token_troubles_are_told_apart() {
        assert_eq!(
            class(401, r#"{"category":"EXPIRED_AUTHENTICATION"}"#),
            Class::TokenExpired
        );
        assert_eq!(
            class(401, r#"{"category":"INVALID_AUTHENTICATION"}"#),
            Class::TokenExpired
        );
        assert_eq!(class(401, "<html/>"), Class::TokenExpired);
        assert_eq!(
            class(400, r#"{"error":"invalid_grant","status":"BAD_REFRESH_TOKEN"}"#),
            Class::Reauthorise
        );
        assert!(matches!(
            class(400, r#"{"status":"BAD_CLIENT_SECRET"}"#),
            Class::Rejected { .. }
        ));
        assert_eq!(class(503, r#"{"error":"invalid_grant"}"#), Class::Unknown);
    }

    #[test]
    fn what_may_have_been_applied_is_unknown_and_nothing_else_is() {
        for status in [408, 500, 502, 503, 504, 524] {
            assert_eq!(class(status, "<html>oops</html>"), Class::Unknown, "{status}");
        }
        for status in [423, 477, 521, 523] {
            assert!(matches!(class(status, ""), Class::Retryable { .. }), "{status}");
        }
        for status in [400, 405, 409, 414, 415, 422] {
            assert!(matches!(class(status, ""), Class::Rejected { .. }), "{status}");
        }
        assert_eq!(class(200, ""), Class::Success);
        assert_eq!(class(207, ""), Class::Success);
    }

    #[test]
    fn refusals_carry_code_and_reason() {
        assert_eq!(
            class(
                409,
                r#"{"status":"error","message":"Contact already exists. Existing ID: 501","category":"CONFLICT"}"#
            ),
            Class::Rejected {
                code: "CONFLICT".into(),
                message: "Contact already exists. Existing ID: 501".into()
            }
        );
        assert_eq!(
            class(
                400,
                r#"{"status":"error","message":"Unable to infer object type from: foo"}"#
            ),
            Class::NotFound
        );
        let Class::Forbidden { message } = class(
            403,
            r#"{"category":"MISSING_SCOPES","message":"no","context":{"requiredGranularScopes":["a.read"]}}"#,
        ) else {
            panic!("not forbidden");
        };
        assert_eq!(message, "MISSING_SCOPES: no (needed: a.read)");
    }
}
