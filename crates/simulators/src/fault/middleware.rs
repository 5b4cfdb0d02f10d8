//! The faults of the transport, applied in front of a simulator's router.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use bytes::Bytes;
use futures::stream;
use jiff::Timestamp;

use super::{Fault, Faults};
use crate::clock::Clock;

/// More than either service accepts in one request.
const BODY_LIMIT: usize = 128 * 1024 * 1024;

/// What a provider says when it refuses, and which of its routes a fault may touch.
pub trait FaultBodies: Send + Sync + Debug {
    /// The provider's answer for `unauthorized`, `rate-limited`, `rate-limited-retry-after`, `server-error` and
    /// `html-error`. For `unauthorized` it should also expire the token that `headers` carry, as the real one is dead.
    fn response(&self, fault: Fault, headers: &HeaderMap) -> Response;

    /// Whether the request changes records when it is applied.
    fn mutating(&self, method: &Method, path: &str) -> bool;

    /// Whether faults leave the path alone unless a script names it: sign-in and consent.
    fn exempt(&self, path: &str) -> bool;
}

/// Marks, as a response extension, an answer that the client never gets whole.
#[derive(Clone, Copy, Debug)]
pub struct Dropped;

/// The middleware's state. Clones share the writes that are still on their way.
#[derive(Clone, Debug)]
pub struct Injector {
    faults: Faults,
    clock: Arc<dyn Clock>,
    bodies: Arc<dyn FaultBodies>,
    late: Arc<Mutex<Vec<LateRequest>>>,
}

#[derive(Debug)]
struct LateRequest {
    due: Timestamp,
    parts: axum::http::request::Parts,
    body: Bytes,
    next: Next,
}

impl Injector {
    /// An injector with nothing under way.
    #[must_use]
    pub fn new(faults: Faults, clock: Arc<dyn Clock>, bodies: Arc<dyn FaultBodies>) -> Self {
        Self {
            faults,
            clock,
            bodies,
            late: Arc::new(Mutex::new(Vec::new())),
        }
    }

    /// Whether such a request changes records when it is applied.
    #[must_use]
    pub fn writes(&self, method: &Method, path: &str) -> bool {
        self.bodies.mutating(method, path)
    }

    /// Applies the late writes that are due by the clock; runs before each request too. Returns how many it applied.
    pub async fn deliver_due(&self) -> usize {
        self.deliver(self.clock.now()).await
    }

    /// Applies every late write, due or not. Returns how many it applied.
    pub async fn deliver_all(&self) -> usize {
        self.deliver(Timestamp::MAX).await
    }

    async fn deliver(&self, now: Timestamp) -> usize {
        let due: Vec<LateRequest> = {
            let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
            late.extract_if(.., |request| request.due <= now).collect()
        };
        let count = due.len();
        for request in due {
            let _lost = request
                .next
                .run(Request::from_parts(request.parts, Body::from(request.body)))
                .await;
        }
        count
    }
}

/// Puts the transport faults in front of `router`.
pub fn inject(router: Router, injector: Injector) -> Router {
    router.layer(from_fn_with_state(injector, strike))
}

async fn strike(State(injector): State<Injector>, request: Request, next: Next) -> Response {
    injector.deliver_due().await;
    let path = request.uri().path().to_owned();
    let exempt = injector.bodies.exempt(&path);
    let writes = injector.bodies.mutating(request.method(), &path);
    let strikes =
        |fault: Fault| (writes || !fault.needs_write()) && injector.faults.strike_request(fault, &path, exempt);

    for refusal in [
        Fault::Unauthorized,
        Fault::RateLimited,
        Fault::RateLimitedRetryAfter,
        Fault::ServerError,
        Fault::HtmlError,
    ] {
        if strikes(refusal) {
            return injector.bodies.response(refusal, request.headers());
        }
    }
    if strikes(Fault::Slow) {
        tokio::time::sleep(injector.faults.slow()).await;
    }
    if strikes(Fault::Timeout) {
        return dropped();
    }
    if strikes(Fault::LateApply) {
        return match buffered(request).await {
            Ok((parts, body)) => {
                let now = injector.clock.now();
                let due = now.checked_add(injector.faults.late_apply()).unwrap_or(now);
                let late = LateRequest { due, parts, body, next };
                injector.late.lock().unwrap_or_else(PoisonError::into_inner).push(late);
                dropped()
            }
            Err(response) => response,
        };
    }
    let response = if strikes(Fault::Duplicate) {
        match buffered(request).await {
            Ok((parts, body)) => {
                let again = next.clone();
                let first = next
                    .run(Request::from_parts(parts.clone(), Body::from(body.clone())))
                    .await;
                let _second = again.run(Request::from_parts(parts, Body::from(body))).await;
                first
            }
            Err(response) => response,
        }
    } else {
        next.run(request).await
    };
    if strikes(Fault::AppliedTimeout) {
        return dropped();
    }
    if strikes(Fault::Reset) {
        return cut(response, true).await;
    }
    if strikes(Fault::Truncated) {
        return cut(response, false).await;
    }
    response
}

async fn buffered(request: Request) -> Result<(axum::http::request::Parts, Bytes), Response> {
    let (parts, body) = request.into_parts();
    match to_bytes(body, BODY_LIMIT).await {
        Ok(body) => Ok((parts, body)),
        Err(_) => Err(dropped()),
    }
}

fn broken_pipe() -> std::io::Error {
    std::io::Error::new(
        std::io::ErrorKind::ConnectionReset,
        "the simulator dropped the connection",
    )
}

/// An answer whose body fails at once: over HTTP the connection closes, in process the body is an error.
fn dropped() -> Response {
    let mut response = Response::new(Body::from_stream(stream::iter([Err::<Bytes, _>(broken_pipe())])));
    response.extensions_mut().insert(Dropped);
    response
}

/// The first half of the body, then a broken connection or a clean end.
async fn cut(response: Response, broken: bool) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    if whole.is_empty() {
        return dropped();
    }
    let half = whole.slice(..whole.len() / 2);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.extensions.insert(Dropped);
    if parts.status == StatusCode::NO_CONTENT {
        parts.status = StatusCode::OK;
    }
    let body = if broken {
        Body::from_stream(stream::iter([Ok(half), Err(broken_pipe())]))
    } else {
        Body::from_stream(stream::iter([Ok::<Bytes, std::io::Error>(half)]))
    };
    Response::from_parts(parts, body)
}
