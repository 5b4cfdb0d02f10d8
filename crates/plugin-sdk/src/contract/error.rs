//! Errors and instants.

use std::error::Error as _;

use syncline_core::{Error, ErrorKind};

/// What lies under an error, outermost first.
#[doc(hidden)]
pub fn cause(error: &Error) -> Option<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(source) = next {
        causes.push(source.to_string());
        next = source.source();
    }
    (!causes.is_empty()).then(|| causes.join(": "))
}

/// The other side said something that has no meaning.
#[doc(hidden)]
pub fn meaningless(what: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("what crossed the plugin's border can't be read: {what}"),
    )
}

/// Errors and instants.
#[doc(hidden)]
#[macro_export]
macro_rules! convert_errors {
    ($wit:ident) => {
        impl From<$crate::core::ErrorKind> for $wit::ErrorKind {
            fn from(kind: $crate::core::ErrorKind) -> Self {
                use $crate::core::ErrorKind;
                match kind {
                    ErrorKind::Invalid => Self::Invalid,
                    ErrorKind::NotFound => Self::NotFound,
                    ErrorKind::Exists => Self::Exists,
                    ErrorKind::Stale => Self::Stale,
                    ErrorKind::Refused => Self::Refused,
                    ErrorKind::Forbidden => Self::Forbidden,
                    ErrorKind::Reauthorise => Self::Reauthorise,
                    ErrorKind::RateLimited => Self::RateLimited,
                    ErrorKind::Unavailable => Self::Unavailable,
                    ErrorKind::Rejected => Self::Rejected,
                    ErrorKind::Protocol => Self::Protocol,
                    ErrorKind::CursorExpired => Self::CursorExpired,
                    ErrorKind::Corrupt => Self::Corrupt,
                    ErrorKind::Pending => Self::Pending,
                    ErrorKind::Stopped => Self::Stopped,
                    ErrorKind::Unsupported => Self::Unsupported,
                    // A store is none of a connector's business.
                    _ => Self::Internal,
                }
            }
        }

        impl From<$wit::ErrorKind> for $crate::core::ErrorKind {
            fn from(kind: $wit::ErrorKind) -> Self {
                match kind {
                    $wit::ErrorKind::Invalid => Self::Invalid,
                    $wit::ErrorKind::NotFound => Self::NotFound,
                    $wit::ErrorKind::Exists => Self::Exists,
                    $wit::ErrorKind::Stale => Self::Stale,
                    $wit::ErrorKind::Refused => Self::Refused,
                    $wit::ErrorKind::Forbidden => Self::Forbidden,
                    $wit::ErrorKind::Reauthorise => Self::Reauthorise,
                    $wit::ErrorKind::RateLimited => Self::RateLimited,
                    $wit::ErrorKind::Unavailable => Self::Unavailable,
                    $wit::ErrorKind::Rejected => Self::Rejected,
                    $wit::ErrorKind::Protocol => Self::Protocol,
                    $wit::ErrorKind::CursorExpired => Self::CursorExpired,
                    $wit::ErrorKind::Corrupt => Self::Corrupt,
                    $wit::ErrorKind::Pending => Self::Pending,
                    $wit::ErrorKind::Stopped => Self::Stopped,
                    $wit::ErrorKind::Unsupported => Self::Unsupported,
                    $wit::ErrorKind::Internal => Self::Internal,
                }
            }
        }

        impl From<$crate::core::Retry> for $wit::Retry {
            fn from(retry: $crate::core::Retry) -> Self {
                match retry {
                    $crate::core::Retry::Never => Self::Never,
                    $crate::core::Retry::After(time) => Self::After($crate::contract::milliseconds(time)),
                    $crate::core::Retry::UnknownOutcome => Self::UnknownOutcome,
                }
            }
        }

        impl From<$wit::Retry> for $crate::core::Retry {
            fn from(retry: $wit::Retry) -> Self {
                match retry {
                    $wit::Retry::Never => Self::Never,
                    $wit::Retry::After(time) => Self::After(::std::time::Duration::from_millis(time)),
                    $wit::Retry::UnknownOutcome => Self::UnknownOutcome,
                }
            }
        }

        impl From<$crate::core::Error> for $wit::Error {
            fn from(error: $crate::core::Error) -> Self {
                Self {
                    kind: error.kind().into(),
                    retry: error.retry().into(),
                    message: error.message().to_owned(),
                    operation: error.during().map(str::to_owned),
                    context: error
                        .context()
                        .map(|(key, value)| (key.to_owned(), value.to_owned()))
                        .collect(),
                    cause: $crate::contract::cause(&error),
                }
            }
        }

        impl From<$wit::Error> for $crate::core::Error {
            fn from(error: $wit::Error) -> Self {
                let mut made = Self::new(error.kind.into(), error.message).retry_as(error.retry.into());
                if let Some(operation) = error.operation {
                    made = made.operation(operation);
                }
                if let Some(cause) = error.cause {
                    made = made.because(cause);
                }
                error
                    .context
                    .into_iter()
                    .fold(made, |made, (key, value)| made.with(key, value))
            }
        }

        impl From<$crate::Timestamp> for $wit::Instant {
            fn from(at: $crate::Timestamp) -> Self {
                Self {
                    seconds: at.as_second(),
                    nanoseconds: at.subsec_nanosecond(),
                }
            }
        }

        impl TryFrom<$wit::Instant> for $crate::Timestamp {
            type Error = $crate::core::Error;

            fn try_from(at: $wit::Instant) -> Result<Self, Self::Error> {
                Self::new(at.seconds, at.nanoseconds).map_err(|_| $crate::contract::meaningless("an instant"))
            }
        }
    };
}
