//! From an HTTP request to an answer: authentication, limits, scopes, routing, headers.

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use super::HubSpot;
use super::access::Unauthenticated;
use super::answer::Answer;
use super::fault_bodies::ten_secondly;
use super::limits::Exceeded;
use super::oauth_api::OAuthCall;
use super::portal::{APP_ID, Portal};
use super::record::Author;
use super::request::ApiRequest;

/// The largest body that is read.
const BODY_LIMIT: usize = 20 * 1024 * 1024;

/// Handles everything but the consent page.
pub(super) async fn handle(State(simulator): State<HubSpot>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        let mut portal = simulator.portal();
        return portal
            .problem(413, "VALIDATION_ERROR", "The request body is too large", Value::Null)
            .into_response();
    };
    simulator
        .answer(&parts.method, &parts.uri, &parts.headers, body)
        .into_response()
}

/// Adds `Date` by the simulator's clock, which a client takes for the server's time.
pub(super) async fn date(State(simulator): State<HubSpot>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let now = simulator.portal().now().instant();
    if let Ok(value) = HeaderValue::from_str(&now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
        response.headers_mut().insert(header::DATE, value);
    }
    response
}

impl HubSpot {
    fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> Answer {
        let mut portal = self.portal();
        portal.settle();
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .or_else(|| uri.authority().map(axum::http::uri::Authority::as_str));
        let base = host.map_or_else(|| "https://api.hubapi.com".to_owned(), |host| format!("http://{host}"));
        let query = uri.query().unwrap_or_default();
        let author = Author::app(APP_ID);
        let Some(request) = ApiRequest::new(method.clone(), uri.path(), query, base, body, author) else {
            return portal.not_found();
        };
        let (method, segments) = request.route();
        if let ["oauth", rest @ ..] = segments.as_slice() {
            let call = OAuthCall {
                method,
                v1: uri.path().starts_with("/oauth/v1/"),
                rest,
                body: &request.body,
            };
            return portal.oauth(self.access(), &call);
        }
        if let ["signed-file", key] = segments.as_slice() {
            return portal.signed_file(&request, key);
        }
        if let ["hubfs", _, path @ ..] = segments.as_slice() {
            return portal.hosted_file(path);
        }
        if let ["exported", key] = segments.as_slice() {
            return portal.exported(key);
        }
        // What is signed asks for no token.
        if let ["signed", offset] = segments.as_slice() {
            let with_token = headers.contains_key(header::AUTHORIZATION);
            return portal.signed_entry(&request, offset, with_token);
        }
        let of_app = segments
            .first()
            .is_some_and(|first| first.starts_with("webhooks") || first == &"app-webhooks");
        if let Some(scopes) = self.access().app(headers) {
            return match of_app {
                true if scopes
                    .iter()
                    .any(|scope| scope.starts_with("developer.webhooks_journal")) =>
                {
                    portal.route(&request, &segments)
                }
                true => portal.missing_scopes(&["developer.webhooks_journal.read".to_owned()]),
                false => portal.unauthenticated(Unauthenticated::Unknown),
            };
        }
        if of_app && request.query("hapikey").is_some() {
            return portal.route(&request, &segments);
        }
        let caller = match self.access().caller(headers) {
            Ok(caller) => caller,
            Err(refused) => return portal.unauthenticated(refused),
        };
        let search = matches!(segments.as_slice(), ["crm", "objects", _, "search"]);
        let now = portal.now();
        if let Err(exceeded) = portal.limits.admit(now, search) {
            let mut answer = portal.over_limit(exceeded);
            portal.add_limit_headers(&mut answer, caller.private_app, search);
            return answer;
        }
        if segments.first() == Some(&"webhooks-journal") {
            return portal.missing_scopes(&["developer.webhooks_journal.read".to_owned()]);
        }
        let needed = portal.needed_scopes(&request);
        let mut answer = match caller.lacks(needed) {
            Some(scopes) => portal.missing_scopes(&scopes),
            None => portal.route(&request, &segments),
        };
        portal.add_limit_headers(&mut answer, caller.private_app, search);
        answer
    }
}

impl Portal {
    fn route(&mut self, request: &ApiRequest, segments: &[&str]) -> Answer {
        match segments {
            ["crm", "objects", object, rest @ ..] => match self.object(object) {
                Some(object) => self.objects(request, object, rest),
                None => self.unknown_type(object),
            },
            ["crm", "associations", "usage", "high-usage-report", user] if request.method == Method::POST => {
                Answer::json(
                    200,
                    &json!({"enqueueTime": {"value": self.now().0, "dateOnly": false, "timeZoneShift": 0}, "userId": user.parse().unwrap_or(0),
                    "userEmail": self.owners.first().map(|owner| owner.email.clone())}),
                )
            }
            ["crm", "associations", "definitions", "configurations", ..] if request.method == "GET" => {
                Answer::json(200, &json!({"results": []}))
            }
            ["crm", "associations", from, to, rest @ ..] => self.associations_request(request, from, to, rest),
            ["crm", "properties", object, rest @ ..] => match self.object(object) {
                Some(object) => self.properties(request, object, rest),
                None => self.unknown_type(object),
            },
            ["crm", "pipelines", object, rest @ ..] => match self.object(object) {
                Some(object) => self.pipelines_request(request, object, rest),
                None => self.unknown_type(object),
            },
            ["crm", "lists", rest @ ..] => self.lists_request(request, rest),
            ["crm", "imports", rest @ ..] => self.imports_request(request, rest),
            ["crm", "exports", rest @ ..] => self.exports_request(request, rest),
            ["crm", "limits", rest @ ..] => self.limits_request(request, rest),
            ["files", rest @ ..] => self.files_request(request, rest),
            ["settings", "users", rest @ ..] => self.users_request(request, rest),
            ["crm", "owners", rest @ ..] => self.owners_request(request, rest),
            ["crm", "schemas", rest @ ..] | ["crm-object-schemas", "schemas", rest @ ..] => {
                self.schemas_request(request, rest)
            }
            ["crm", "property-validations", ..] => self.property_rules(request),
            ["account-info", "details"] => self.account_details(),
            ["account-info", "api-usage", "daily", "private-apps"] => self.api_usage(),
            ["account-info", "activity", kind] if request.method == Method::GET => self.account_activity(kind),
            ["integrations", "me"] => self.account_details_v1(),
            ["webhooks-journal", rest @ ..] => self.journal_request(request, rest),
            // The numbered paths share a prefix with the push settings, which name the app.
            [
                "webhooks",
                "journal" | "journal-local" | "subscriptions" | "snapshots",
                ..,
            ] => self.journal_request(request, &segments[1..]),
            ["webhooks" | "app-webhooks", app, rest @ ..] if *app == APP_ID.to_string() => {
                self.webhooks_request(request, rest)
            }
            ["appinstalls", "external-install"] if request.method == Method::DELETE => Answer::empty(),
            _ => self.not_found(),
        }
    }

    fn unauthenticated(&mut self, refused: Unauthenticated) -> Answer {
        match refused {
            Unauthenticated::Unknown => self.problem(
                401,
                "INVALID_AUTHENTICATION",
                "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find \
                 more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
                Value::Null,
            ),
            Unauthenticated::Expired(seconds) => self.problem(
                401,
                "EXPIRED_AUTHENTICATION",
                &format!("The OAuth token used to make this call expired {seconds} second(s) ago."),
                Value::Null,
            ),
        }
    }

    fn missing_scopes(&mut self, scopes: &[String]) -> Answer {
        let more = json!({
            "errors": [{
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": scopes},
            }],
            "links": {"scopes": "https://developers.hubspot.com/scopes"},
        });
        self.problem(
            403,
            "MISSING_SCOPES",
            "This app hasn't been granted all required scopes to make this call. Read more about required scopes \
             here: https://developers.hubspot.com/scopes.",
            more,
        )
    }

    fn over_limit(&mut self, exceeded: Exceeded) -> Answer {
        let correlation_id = self.correlation_id();
        let body = match exceeded {
            Exceeded::TenSecondly => ten_secondly(&correlation_id),
            Exceeded::Daily => json!({
                "status": "error",
                "message": "You have reached your daily limit.",
                "errorType": "RATE_LIMIT",
                "correlationId": correlation_id,
                "policyName": "DAILY",
                "requestId": correlation_id,
            }),
            // Search says less than the others: no policy, no headers.
            Exceeded::SearchSecondly => json!({
                "status": "error",
                "message": "You have reached your secondly limit.",
                "errorType": "RATE_LIMIT",
                "correlationId": correlation_id,
            }),
        };
        Answer::json(429, &body)
    }

    /// Public apps are not told about the day, and search about nothing.
    fn add_limit_headers(&self, answer: &mut Answer, private_app: bool, search: bool) {
        if search {
            return;
        }
        let left = self.limits.remaining(private_app);
        answer.headers.extend([
            ("x-hubspot-ratelimit-max", left.burst_max.to_string()),
            ("x-hubspot-ratelimit-remaining", left.burst_left.to_string()),
            ("x-hubspot-ratelimit-interval-milliseconds", "10000".to_owned()),
        ]);
        if private_app {
            answer.headers.extend([
                ("x-hubspot-ratelimit-daily", left.daily_max.to_string()),
                ("x-hubspot-ratelimit-daily-remaining", left.daily_left.to_string()),
            ]);
        }
    }
}
