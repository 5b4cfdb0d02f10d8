//! [`Api`]: asking a provider in JSON.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value as Json;
use url::Url;

use super::SimpleConnector;
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::io::{Class, Config, Effect, Head, Io, Method, Request};

/// What a [`SimpleConnector`] asks its provider with. Paths are lists of segments below the connection's base URL, each of
/// which is escaped, so that no id can lead elsewhere.
pub struct Api<'a> {
    io: &'a dyn Io,
    config: &'a Config,
    connector: &'a dyn SimpleConnector,
    wrote: AtomicBool,
}

impl std::fmt::Debug for Api<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api")
            .field("config", self.config)
            .finish_non_exhaustive()
    }
}

impl<'a> Api<'a> {
    pub(super) fn new(io: &'a dyn Io, config: &'a Config, connector: &'a dyn SimpleConnector) -> Self {
        Self {
            io,
            config,
            connector,
            wrote: AtomicBool::new(false),
        }
    }

    /// Whether anything was sent that may have done something.
    pub(super) fn wrote(&self) -> bool {
        self.wrote.load(Ordering::Relaxed)
    }

    /// The host's side, for its time and its log.
    pub fn io(&self) -> &'a dyn Io {
        self.io
    }

    /// The connection's base URL and settings.
    pub fn config(&self) -> &'a Config {
        self.config
    }

    /// Reads.
    ///
    /// # Errors
    /// By what the answer means: `NotFound`, `Forbidden`, `Rejected`, `RateLimited`, `Unavailable`, `CursorExpired`,
    /// `Stale`, `Reauthorise`; `Protocol` when it is no JSON; and as [`Io::send`].
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Json> {
        self.send(Method::Get, path, query, None, Effect::Read).await
    }

    /// Sends what does something more when it is sent twice, such as making a record.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub async fn post(&self, path: &[&str], body: &Json) -> Result<Json> {
        self.send(Method::Post, path, &[], Some(body), Effect::Once).await
    }

    /// Changes part of a record.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub async fn patch(&self, path: &[&str], body: &Json) -> Result<Json> {
        self.send(Method::Patch, path, &[], Some(body), Effect::Idempotent)
            .await
    }

    /// Deletes.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub async fn delete(&self, path: &[&str]) -> Result<Json> {
        self.send(Method::Delete, path, &[], None, Effect::Idempotent).await
    }

    /// Sends anything and reads the answer as JSON; an empty one is null.
    ///
    /// # Errors
    /// As [`Api::get`].
    pub async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<&Json>,
        effect: Effect,
    ) -> Result<Json> {
        let mut request = Request::new(method, self.url(path, query)?, effect);
        if let Some(body) = body {
            request = request.json(body.to_string());
        }
        if effect != Effect::Read {
            self.wrote.store(true, Ordering::Relaxed);
        }
        let response = self.io.send(request).await?;
        let class = self.connector.classify(&response.head, &response.body);
        if class != Class::Success {
            return Err(error(class, effect, &response.head, &path.join("/")));
        }
        if response.body.is_empty() {
            return Ok(Json::Null);
        }
        serde_json::from_slice(&response.body).map_err(|broken| {
            // A body that was cut off is whole the next time.
            let retry = match effect {
                Effect::Read => Retry::After(Duration::ZERO),
                _ => Retry::UnknownOutcome,
            };
            Error::new(ErrorKind::Protocol, "the provider's answer can't be read as JSON")
                .with("path", path.join("/"))
                .retry_as(retry)
                .because(broken)
        })
    }

    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Result<String> {
        let unusable = || {
            Error::new(
                ErrorKind::Invalid,
                "the connection has no base URL that paths can be put below",
            )
        };
        let mut url = Url::parse(&self.config.base_url).map_err(|error| unusable().because(error))?;
        url.path_segments_mut()
            .map_err(|()| unusable())?
            .pop_if_empty()
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url.into())
    }
}

/// What an answer means by its status alone: right for a provider that uses HTTP as it is meant.
pub fn classify_by_status(head: &Head, body: &[u8]) -> Class {
    let after = head
        .header("retry-after")
        .and_then(|text| text.parse().ok())
        .map(Duration::from_secs);
    let message = || match serde_json::from_slice::<Json>(body) {
        Ok(Json::Object(members)) => ["message", "error_description", "error", "detail", "title"]
            .iter()
            .find_map(|name| members.get(*name)?.as_str())
            .map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned),
        _ => String::from_utf8_lossy(body).into_owned(),
    };
    let message = || message().chars().take(300).collect::<String>();
    match head.status {
        200..=299 => Class::Success,
        401 => Class::TokenExpired,
        403 => Class::Forbidden { message: message() },
        404 | 410 => Class::NotFound,
        409 | 412 => Class::Conflict,
        423 => Class::Retryable { after },
        429 => Class::RateLimited { after, daily: false },
        503 if after.is_some() => Class::Retryable { after },
        408 | 500.. => Class::Unknown,
        status => Class::Rejected {
            code: status.to_string(),
            message: message(),
        },
    }
}

fn error(class: Class, effect: Effect, head: &Head, path: &str) -> Error {
    let wait = |after: Option<Duration>| Retry::After(after.unwrap_or_default());
    let told = |kind, message: String| Error::new(kind, message);
    let error = match class {
        Class::Success => told(ErrorKind::Internal, "a success was taken for a failure".into()),
        Class::TokenExpired | Class::Reauthorise => told(
            ErrorKind::Reauthorise,
            "the provider no longer accepts our token".into(),
        ),
        Class::RateLimited { after, .. } => {
            told(ErrorKind::RateLimited, "the provider asks to slow down".into()).retry_as(wait(after))
        }
        Class::Retryable { after } => {
            told(ErrorKind::Unavailable, "the provider can't do this just now".into()).retry_as(wait(after))
        }
        Class::Unknown => {
            let retry = match effect {
                Effect::Read => wait(None),
                _ => Retry::UnknownOutcome,
            };
            told(ErrorKind::Unavailable, "the provider failed".into()).retry_as(retry)
        }
        Class::Conflict => told(ErrorKind::Stale, "the record was changed meanwhile".into()),
        Class::NotFound => told(ErrorKind::NotFound, "the provider does not know this".into()),
        Class::Forbidden { message } => told(
            ErrorKind::Forbidden,
            format!("the provider does not allow it: {message}"),
        ),
        Class::CursorExpired => told(
            ErrorKind::CursorExpired,
            "the provider no longer knows this page".into(),
        ),
        Class::Rejected { message, .. } => told(ErrorKind::Rejected, message),
    };
    error.with("status", head.status).with("path", path)
}
