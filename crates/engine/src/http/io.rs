//! [`ConnectionIo`]: what a connector may do in the world, for one connection and one piece of work.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use syncline_core::file::{Download, FileBody, InMemory, Upload};
use syncline_core::io::{Effect, Io, Level, MacAlgorithm, Mark, Request, Response};
use syncline_core::{Error, ErrorKind, Result};
use tower::ServiceExt;
use url::Url;

use super::call::{Call, Stack};
use super::mac;
use super::quota::Priority;
use super::settings::HttpSettings;
use super::stack::StackParts;
use super::stop::StopFlag;
use super::stream::{Arriving, Streaming};
use super::trace::{CallCounters, CallCounts};
use super::transport::Limits;
use crate::ports::{Clock, Random};

/// Where marks come from: the engine-wide sequence.
pub type MarkSource = Arc<dyn Fn() -> Mark + Send + Sync>;

/// The [`Io`] of one connection and one piece of work, which its stop flag can end.
///
/// A stop ends waiting and reading at once. A write that was begun is always seen through, so that its outcome is
/// known; a write refused as `Stopped` was certainly not sent.
#[derive(Clone)]
pub struct ConnectionIo {
    connection: Arc<str>,
    stack: Stack,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    marks: MarkSource,
    stop: StopFlag,
    client_secret: Option<SecretString>,
    /// Further secrets that webhooks may be signed with.
    other_secrets: Arc<[SecretString]>,
    settings: Arc<HttpSettings>,
    priority: Priority,
    counters: CallCounters,
}

impl fmt::Debug for ConnectionIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionIo")
            .field("connection", &self.connection)
            .field("stop", &self.stop)
            .field("calls", &self.calls())
            .finish_non_exhaustive()
    }
}

/// What a [`ConnectionIo`] is made of, besides its stack.
pub(crate) struct IoParts {
    pub(crate) stack: StackParts,
    pub(crate) marks: MarkSource,
    pub(crate) stop: StopFlag,
    pub(crate) client_secret: Option<SecretString>,
}

impl fmt::Debug for IoParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IoParts")
            .field("stack", &self.stack)
            .finish_non_exhaustive()
    }
}

impl ConnectionIo {
    pub(crate) fn new(parts: IoParts) -> Self {
        let counters = CallCounters::default();
        Self {
            connection: Arc::clone(&parts.stack.connection),
            clock: Arc::clone(&parts.stack.clock),
            random: Arc::clone(&parts.stack.random),
            settings: Arc::clone(&parts.stack.settings),
            stack: parts.stack.stack(counters.clone()),
            marks: parts.marks,
            stop: parts.stop,
            client_secret: parts.client_secret,
            other_secrets: Arc::default(),
            priority: Priority::Background,
            counters,
        }
    }

    /// The same, allowed to use the part of the quota that is kept for people who wait.
    #[must_use]
    pub fn interactive(&self) -> Self {
        Self {
            priority: Priority::Interactive,
            ..self.clone()
        }
    }

    /// The same, with further secrets that webhooks may be signed with.
    #[must_use]
    pub(crate) fn accepting(&self, secrets: &[SecretString]) -> Self {
        Self {
            other_secrets: secrets.into(),
            ..self.clone()
        }
    }

    /// Calls made through this and its [`ConnectionIo::interactive`] twin.
    pub fn calls(&self) -> CallCounts {
        self.counters.get()
    }

    /// The flag that ends this piece of work.
    pub fn stop_flag(&self) -> &StopFlag {
        &self.stop
    }

    fn call(&self, request: Request) -> Result<Call> {
        let url = Url::parse(&request.url).map_err(|error| {
            Error::new(ErrorKind::Internal, "a connector named an address that can't be read").because(error)
        })?;
        let limits = Limits {
            timeout: request.timeout.unwrap_or(self.settings.timeout),
            max_response_bytes: self.settings.max_response_bytes,
        };
        Ok(Call {
            request,
            url,
            token: None,
            stop: self.stop.clone(),
            priority: self.priority,
            limits,
            streaming: None,
        })
    }

    /// Sends a request whose body or answer is a stream; a stop ends it, since what is half sent does not count.
    async fn stream(&self, request: Request, streaming: &Streaming) -> Result<Response> {
        self.stop.check()?;
        let call = Call {
            streaming: Some(streaming.clone()),
            ..self.call(request)?
        };
        let answer = tokio::select! {
            biased;
            answer = self.stack.clone().oneshot(call) => answer,
            () = self.stop.stopped() => Err(Error::new(ErrorKind::Stopped, "stopped on request")),
        };
        answer
            .map(|answer| answer.response)
            .map_err(|error| error.with("connection", &self.connection))
    }
}

#[async_trait]
impl Io for ConnectionIo {
    async fn send(&self, request: Request) -> Result<Response> {
        self.stop.check()?;
        let effect = request.effect;
        let answering = self.stack.clone().oneshot(self.call(request)?);
        let answer = if effect == Effect::Read {
            tokio::select! {
                biased;
                answer = answering => answer,
                () = self.stop.stopped() => Err(Error::new(ErrorKind::Stopped, "stopped on request")),
            }
        } else {
            answering.await
        };
        answer
            .map(|answer| answer.response)
            .map_err(|error| error.with("connection", &self.connection))
    }

    async fn send_all(&self, requests: Vec<Request>) -> Vec<Result<Response>> {
        stream::iter(requests)
            .map(|request| self.send(request))
            .buffered(self.settings.concurrency.max(1))
            .collect()
            .await
    }

    async fn download(&self, request: Request) -> Result<Download> {
        let streaming = Streaming::of_answer();
        let response = self.stream(request, &streaming).await?;
        let body: Box<dyn FileBody> = match streaming.answer() {
            Some(pieces) => Box::new(Arriving {
                pieces,
                stop: self.stop.clone(),
                clock: Arc::clone(&self.clock),
                patience: self.settings.timeout,
            }),
            None => Box::new(InMemory::new(response.body)),
        };
        Ok(Download {
            head: response.head,
            body,
        })
    }

    async fn upload(&self, request: Request, upload: Upload) -> Result<Response> {
        let streaming = Streaming::of_request(upload);
        let sent = self.stream(request, &streaming).await;
        // What broke the body off says more than that the request was.
        match (sent, streaming.broken()) {
            (Err(_), Some(error)) => Err(error),
            (sent, _) => sent,
        }
    }

    fn mark(&self) -> Mark {
        (self.marks)()
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn random(&self) -> u64 {
        self.random.u64()
    }

    fn log(&self, level: Level, message: &str) {
        let connection = &*self.connection;
        match level {
            Level::Debug => tracing::debug!(connection, "{message}"),
            Level::Info => tracing::info!(connection, "{message}"),
            Level::Warn => tracing::warn!(connection, "{message}"),
        }
    }

    fn verify_mac(&self, key_name: &str, algorithm: MacAlgorithm, message: &[u8], tag: &[u8]) -> bool {
        let secrets = self.client_secret.iter().chain(self.other_secrets.iter());
        // Each is tried, so that the time it takes does not tell which one fits.
        let fitting = secrets.filter(|secret| mac::verify(secret.expose_secret().as_bytes(), algorithm, message, tag));
        key_name == CLIENT_SECRET && fitting.count() > 0
    }
}

/// The one key that connectors may name: webhooks are signed with the app's client secret.
const CLIENT_SECRET: &str = "client_secret";
