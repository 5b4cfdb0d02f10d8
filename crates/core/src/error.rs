//! One [`Error`] for the whole crate: what kind it is, whether trying again helps, and what a person should read.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, coarse enough to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller's input is not acceptable; the message says where and why.
    Invalid,
    /// What was named does not exist.
    NotFound,
    /// It exists already.
    Exists,
    /// Somebody changed it meanwhile; read again.
    Stale,
    /// The thing is paused, deleted or frozen, so this is refused.
    Refused,
    /// The actor may not do this.
    Forbidden,
    /// The provider no longer accepts our authorisation; a person must reconnect.
    Reauthorise,
    /// The provider asks us to slow down.
    RateLimited,
    /// The network failed, or the provider did; trying again may help.
    Unavailable,
    /// The provider refused the request for good.
    Rejected,
    /// The provider answered something that we can't read.
    Protocol,
    /// A cursor or page token is no longer valid; start over.
    CursorExpired,
    /// Stored data is damaged.
    Corrupt,
    /// The store failed.
    Store,
    /// A reference can't be resolved yet; it may be later.
    Pending,
    /// The work was stopped on request.
    Stopped,
    /// What this build or provider can't do.
    Unsupported,
    /// A plugin broke its contract or went past its limits; it needs another version, or its maker's attention.
    Plugin,
    /// An error in Syncline itself.
    Internal,
}

/// Whether trying again helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retry {
    /// It will fail again until something is changed.
    #[default]
    Never,
    /// Try again, not before this long.
    After(Duration),
    /// It may have been done: find out before trying again.
    UnknownOutcome,
}

/// An error with its kind, retry advice and context.
///
/// `Display` is one sentence for people and never repeats the source, which [`std::error::Error::source`] returns.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    retry: Retry,
    message: String,
    operation: Option<Cow<'static, str>>,
    context: Vec<(Cow<'static, str>, String)>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error that says what happened.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let retry = match kind {
            ErrorKind::RateLimited | ErrorKind::Unavailable => Retry::After(Duration::ZERO),
            _ => Retry::Never,
        };
        Self(Box::new(Inner {
            kind,
            retry,
            message: message.into(),
            operation: None,
            context: Vec::new(),
            source: None,
        }))
    }

    /// Says what was being done.
    #[must_use]
    pub fn operation(mut self, operation: impl Into<Cow<'static, str>>) -> Self {
        self.0.operation = Some(operation.into());
        self
    }

    /// Adds a fact, such as the record concerned. Never pass a secret.
    #[must_use]
    pub fn with(mut self, key: impl Into<Cow<'static, str>>, value: impl fmt::Display) -> Self {
        self.0.context.push((key.into(), value.to_string()));
        self
    }

    /// Sets the retry advice.
    #[must_use]
    pub fn retry_as(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether trying again helps.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// The sentence without operation and context.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What was being done, as told with [`Error::operation`].
    pub fn during(&self) -> Option<&str> {
        self.0.operation.as_deref()
    }

    /// The facts added with [`Error::with`].
    pub fn context(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.context.iter().map(|(key, value)| (&**key, value.as_str()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = &self.0.operation {
            write!(f, "{operation}: ")?;
        }
        f.write_str(&self.0.message)?;
        for (index, (key, value)) in self.0.context.iter().enumerate() {
            write!(f, "{}{key}: {value}", if index == 0 { " (" } else { ", " })?;
        }
        if self.0.context.is_empty() {
            Ok(())
        } else {
            f.write_str(")")
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)?;
        self.0
            .source
            .as_ref()
            .map_or(Ok(()), |source| write!(f, "; caused by: {source}"))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
