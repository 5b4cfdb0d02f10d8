//! What travels through the layers, and the innermost service, which hands it to the transport.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use syncline_core::connector::Connector;
use syncline_core::io::{Class, Effect, Head, Method, Request, Response};
use syncline_core::{Error, ErrorKind, Result, Retry};
use tower::Service;
use tower::util::BoxCloneSyncService;
use url::Url;

use super::quota::Priority;
use super::stop::StopFlag;
use super::stream::Streaming;
use super::transport::{Limits, Transport, TransportError};

/// A request on its way down. Cloned for each attempt.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) request: Request,
    pub(super) url: Url,
    /// `SecretString` hides itself.
    pub(super) token: Option<SecretString>,
    pub(super) stop: StopFlag,
    pub(super) priority: Priority,
    pub(super) limits: Limits,
    /// Where bodies are streams.
    pub(super) streaming: Option<Streaming>,
}

/// An answer on its way up, with what the connector says it means.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) response: Response,
    pub(super) class: Class,
}

/// A layer, or all of them.
pub(super) trait CallService:
    Service<Call, Response = Answer, Error = Error, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S> CallService for S where
    S: Service<Call, Response = Answer, Error = Error, Future: Send> + Clone + Send + Sync + 'static
{
}

/// The whole stack.
pub(super) type Stack = BoxCloneSyncService<Call, Answer, Error>;

/// What every layer's call returns.
pub(super) type Answering = BoxFuture<'static, Result<Answer>>;

/// The innermost service.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) connector: Arc<dyn Connector>,
}

impl Service<Call> for Wire {
    type Response = Answer;
    type Error = Error;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let effect = call.request.effect;
            let limits = call.limits;
            if let Some(streaming) = call.streaming.clone() {
                let response = streaming
                    .exchange(&*this.transport, build(call)?, &limits, effect)
                    .await?;
                let class = this.connector.classify(&response.head, &response.body);
                return Ok(Answer { response, class });
            }
            let answer = this
                .transport
                .send(build(call)?, &limits)
                .await
                .map_err(|error| lost(error, effect))?;
            let response = read(answer);
            if is_cut_off(&response) {
                return Err(lost(TransportError::MaybeSent("its end is missing".to_owned()), effect));
            }
            let class = this.connector.classify(&response.head, &response.body);
            Ok(Answer { response, class })
        })
    }
}

fn build(call: Call) -> Result<http::Request<Bytes>> {
    let method = match call.request.method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Patch => http::Method::PATCH,
        Method::Delete => http::Method::DELETE,
    };
    let mut request = http::Request::builder().method(method).uri(call.url.as_str());
    for (name, value) in &call.request.headers {
        request = request.header(name, value);
    }
    if let Some(token) = &call.token {
        let mut value = http::HeaderValue::try_from(format!("Bearer {}", token.expose_secret())).map_err(|_| {
            Error::new(
                ErrorKind::Corrupt,
                "the access token holds characters that no token has",
            )
        })?;
        // Keeps it out of Debug, and out of HTTP/2 header tables.
        value.set_sensitive(true);
        request = request.header(http::header::AUTHORIZATION, value);
    }
    request
        .body(call.request.body)
        .map_err(|error| Error::new(ErrorKind::Internal, "the request can't be written").because(error))
}

pub(super) fn read(answer: http::Response<Bytes>) -> Response {
    let (parts, body) = answer.into_parts();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect();
    Response {
        head: Head {
            status: parts.status.as_u16(),
            headers,
        },
        body,
    }
}

/// Whether a JSON answer lacks its end although the connection closed as if it were whole, as some proxies do. One look
/// at its two ends finds nearly all such answers; the rest fail to decode.
fn is_cut_off(response: &Response) -> bool {
    let is_json = response
        .head
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/json"));
    let body = response.body.trim_ascii();
    let end = match body.first() {
        Some(b'{') => b'}',
        Some(b'[') => b']',
        _ => return false,
    };
    is_json && response.head.is_success() && body.last() != Some(&end)
}

/// What a failed transport means for whoever wanted the effect.
pub(super) fn lost(error: TransportError, effect: Effect) -> Error {
    let may_have_been_applied = effect != Effect::Read;
    match error {
        TransportError::Blocked(reason) => Error::new(ErrorKind::Refused, reason),
        TransportError::NotSent(_) => Error::new(ErrorKind::Unavailable, error.to_string()),
        TransportError::MaybeSent(_) if may_have_been_applied => Error::new(
            ErrorKind::Unavailable,
            format!("{error}; the change may have been applied"),
        )
        .retry_as(Retry::UnknownOutcome),
        TransportError::MaybeSent(_) => Error::new(ErrorKind::Unavailable, error.to_string()),
        TransportError::TooLarge(_) if may_have_been_applied => Error::new(
            ErrorKind::Protocol,
            format!("{error}; the change may have been applied"),
        )
        .retry_as(Retry::UnknownOutcome),
        TransportError::TooLarge(_) => Error::new(ErrorKind::Protocol, error.to_string()),
    }
}
