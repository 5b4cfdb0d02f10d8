//! What a connector may do in the world: send a request, ask the time, draw a random number, write a log line.
//!
//! The host adds the token, limits the rate, retries reads, traces, and checks the address. A connector can therefore
//! not leak a token that it never sees.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::file::{Download, Upload};

/// A number of one engine-wide sequence, taken when a read began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Mark(pub u64);

/// HTTP verbs that connectors use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

/// Which credentials the host adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Auth {
    /// The connection's access token.
    #[default]
    Connection,
    /// The app's own credentials.
    App,
    /// Nothing.
    None,
}

/// What sending the request twice would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Nothing: the HTTP layer may repeat it by itself.
    Read,
    /// The same as once; only the write protocol repeats it.
    Idempotent,
    /// Something more; never repeated blindly.
    Once,
}

/// One HTTP request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The verb.
    pub method: Method,
    /// The absolute URL; its host must be one that the connection is approved for.
    pub url: String,
    /// Headers; names in lower case. `authorization` is the host's.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Which credentials the host adds.
    pub auth: Auth,
    /// What sending it twice would do.
    pub effect: Effect,
    /// Longest time to wait for the answer; the host's default otherwise.
    pub timeout: Option<Duration>,
    /// API calls that the provider counts for it.
    pub cost: u32,
    /// Which of the manifest's special limits it falls under, such as `search`.
    pub bucket: Option<Cow<'static, str>>,
}

impl Request {
    /// A read by GET.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::Get, url, Effect::Read)
    }

    /// A request without a body.
    pub fn new(method: Method, url: impl Into<String>, effect: Effect) -> Self {
        Self {
            method,
            url: url.into(),
            headers: vec![("accept".into(), "application/json".into())],
            body: Bytes::new(),
            auth: Auth::Connection,
            effect,
            timeout: None,
            cost: 1,
            bucket: None,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header("content-type", "application/json")
    }

    /// Counts it under one of the manifest's special limits.
    #[must_use]
    pub fn bucket(mut self, bucket: impl Into<Cow<'static, str>>) -> Self {
        self.bucket = Some(bucket.into());
        self
    }
}

/// Status and headers of an answer.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// HTTP status.
    pub status: u16,
    /// Headers; names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// An answer. The host caps the body's size.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// Status and headers.
    pub head: Head,
    /// The body, decompressed.
    pub body: Bytes,
}

/// What an answer means, decided by the connector since the truth is often in the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// It worked, at least as a whole: single records of a batch may have failed.
    Success,
    /// The access token is no longer valid; refresh it and send again.
    TokenExpired,
    /// The grant is gone; a person must reconnect.
    Reauthorise,
    /// Too many calls; certainly not applied.
    RateLimited {
        /// Wait at least this long, where the answer says.
        after: Option<Duration>,
        /// Whether the allowance of the whole day is spent.
        daily: bool,
    },
    /// Not applied; the same request may work a little later (a lock, maintenance).
    Retryable {
        /// Wait at least this long, where the answer says.
        after: Option<Duration>,
    },
    /// The provider failed: it may or may not have been applied.
    Unknown,
    /// The guard of a conditional request failed.
    Conflict,
    /// What was named is not there, or not visible.
    NotFound,
    /// We may not do this: scope, permission or plan.
    Forbidden {
        /// What the provider says, for people.
        message: String,
    },
    /// A page token or locator is no longer valid.
    CursorExpired,
    /// Refused for good.
    Rejected {
        /// The provider's code.
        code: String,
        /// The provider's message.
        message: String,
    },
}

/// A connection as a connector sees it: no secret in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Base URL of the API, without a slash at its end.
    pub base_url: String,
    /// Settings by the names of [`crate::manifest::Setting`].
    pub settings: BTreeMap<String, String>,
    /// Id of the remote user whom the connection acts as.
    pub user_id: Option<String>,
    /// The API version that [`crate::schema::Account::api_version`] told when the account was last asked.
    #[serde(default)]
    pub api_version: Option<String>,
}

impl Config {
    /// A setting's value.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }
}

/// How loud a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Only in debug runs.
    Debug,
    /// Worth knowing.
    Info,
    /// Somebody should look.
    Warn,
}

/// The host's side. See the [module](self).
#[async_trait]
pub trait Io: Send + Sync {
    /// Sends one request and returns its answer, whatever its status; the host has already retried what may be
    /// retried, refreshed a token that had expired, and waited for the rate limit.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Unavailable`] when no complete answer came: with
    /// [`crate::error::Retry::UnknownOutcome`] if the request may have been applied. `Refused` when the address is not
    /// approved, `Reauthorise` when the grant is gone, `Stopped` when the run was stopped.
    async fn send(&self, request: Request) -> Result<Response>;

    /// Sends several at once, as many in flight as the host allows, and returns the answers in the same order.
    async fn send_all(&self, requests: Vec<Request>) -> Vec<Result<Response>>;

    /// Sends one request as [`Io::send`] does, and hands the body of its answer over as it comes, whatever its status.
    /// Only the beginning is repeated where that helps: a body that breaks off ends in an error.
    ///
    /// # Errors
    /// As [`Io::send`], and `Unsupported` by a host that moves no files.
    async fn download(&self, request: Request) -> Result<Download> {
        let _ = request;
        Err(no_files())
    }

    /// Sends one request whose body is a stream, once: whoever wants to send it again brings another body. The body of
    /// `request` is not used. A body that fails or has another length than was said is no request that counts.
    ///
    /// # Errors
    /// As [`Io::send`], those of the body, and `Unsupported` by a host that moves no files.
    async fn upload(&self, request: Request, upload: Upload) -> Result<Response> {
        let _ = (request, upload);
        Err(no_files())
    }

    /// Takes a number of the engine-wide sequence: call it before a read begins.
    fn mark(&self) -> Mark;

    /// The host's time.
    fn now(&self) -> Timestamp;

    /// A random number.
    fn random(&self) -> u64;

    /// Writes a log line. Never pass a secret.
    fn log(&self, level: Level, message: &str);

    /// Whether `tag` is the message authentication code of `message` under the host's key of this name.
    fn verify_mac(&self, key_name: &str, algorithm: MacAlgorithm, message: &[u8], tag: &[u8]) -> bool;
}

fn no_files() -> Error {
    Error::new(ErrorKind::Unsupported, "this host moves no files")
}

/// Message authentication codes that providers use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacAlgorithm {
    /// HMAC with SHA-256.
    HmacSha256,
    /// Plain SHA-256 of the key followed by the message, as HubSpot's older signatures have it.
    Sha256Prefix,
}
