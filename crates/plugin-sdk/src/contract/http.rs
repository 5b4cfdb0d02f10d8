//! Requests, answers and what they mean.

use std::time::Duration;

/// A time in whole milliseconds, which may be cut short where it is longer than any that matters.
#[doc(hidden)]
pub fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Requests, answers and what they mean.
#[doc(hidden)]
#[macro_export]
macro_rules! convert_http {
    ($wit:ident) => {
        $crate::convert_cases!($wit::Method, $crate::core::io::Method:
            Get = Get, Post = Post, Put = Put, Patch = Patch, Delete = Delete);
        $crate::convert_cases!($wit::Auth, $crate::core::io::Auth: Connection = Connection, App = App, None = None);
        $crate::convert_cases!($wit::Effect, $crate::core::io::Effect:
            Read = Read, Idempotent = Idempotent, Once = Once);
        $crate::convert_cases!($wit::Level, $crate::core::io::Level: Debug = Debug, Info = Info, Warn = Warn);
        $crate::convert_cases!($wit::MacAlgorithm, $crate::core::io::MacAlgorithm:
            HmacSha256 = HmacSha256, Sha256Prefix = Sha256Prefix);
        $crate::convert_cases!($wit::Access, $crate::core::connector::Access: Read = Read, Write = Write);

        impl From<$crate::core::io::Request> for $wit::Request {
            fn from(request: $crate::core::io::Request) -> Self {
                Self {
                    method: request.method.into(),
                    url: request.url,
                    headers: request.headers,
                    body: request.body.into(),
                    auth: request.auth.into(),
                    effect: request.effect.into(),
                    timeout: request.timeout.map($crate::contract::milliseconds),
                    cost: request.cost,
                    bucket: request.bucket.map(::std::borrow::Cow::into_owned),
                }
            }
        }

        impl From<$wit::Request> for $crate::core::io::Request {
            fn from(request: $wit::Request) -> Self {
                Self {
                    method: request.method.into(),
                    url: request.url,
                    headers: request.headers,
                    body: request.body.into(),
                    auth: request.auth.into(),
                    effect: request.effect.into(),
                    timeout: request.timeout.map(::std::time::Duration::from_millis),
                    cost: request.cost,
                    bucket: request.bucket.map(::std::borrow::Cow::Owned),
                }
            }
        }

        impl From<$crate::core::io::Head> for $wit::Head {
            fn from(head: $crate::core::io::Head) -> Self {
                Self {
                    status: head.status,
                    headers: head.headers,
                }
            }
        }

        impl From<$wit::Head> for $crate::core::io::Head {
            fn from(head: $wit::Head) -> Self {
                Self {
                    status: head.status,
                    headers: head.headers,
                }
            }
        }

        impl From<$crate::core::io::Response> for $wit::Response {
            fn from(response: $crate::core::io::Response) -> Self {
                Self {
                    head: response.head.into(),
                    body: response.body.into(),
                }
            }
        }

        impl From<$wit::Response> for $crate::core::io::Response {
            fn from(response: $wit::Response) -> Self {
                Self {
                    head: response.head.into(),
                    body: response.body.into(),
                }
            }
        }

        impl From<$crate::core::io::Class> for $wit::Class {
            fn from(class: $crate::core::io::Class) -> Self {
                use $crate::core::io::Class;
                match class {
                    Class::Success => Self::Success,
                    Class::TokenExpired => Self::TokenExpired,
                    Class::Reauthorise => Self::Reauthorise,
                    Class::RateLimited { after, daily } => Self::RateLimited($wit::Wait {
                        after: after.map($crate::contract::milliseconds),
                        daily,
                    }),
                    Class::Retryable { after } => Self::Retryable(after.map($crate::contract::milliseconds)),
                    Class::Unknown => Self::Unknown,
                    Class::Conflict => Self::Conflict,
                    Class::NotFound => Self::NotFound,
                    Class::Forbidden { message } => Self::Forbidden(message),
                    Class::CursorExpired => Self::CursorExpired,
                    Class::Rejected { code, message } => Self::Rejected($wit::Refusal { code, message }),
                }
            }
        }

        impl From<$wit::Class> for $crate::core::io::Class {
            fn from(class: $wit::Class) -> Self {
                let time = ::std::time::Duration::from_millis;
                match class {
                    $wit::Class::Success => Self::Success,
                    $wit::Class::TokenExpired => Self::TokenExpired,
                    $wit::Class::Reauthorise => Self::Reauthorise,
                    $wit::Class::RateLimited(wait) => Self::RateLimited {
                        after: wait.after.map(time),
                        daily: wait.daily,
                    },
                    $wit::Class::Retryable(after) => Self::Retryable { after: after.map(time) },
                    $wit::Class::Unknown => Self::Unknown,
                    $wit::Class::Conflict => Self::Conflict,
                    $wit::Class::NotFound => Self::NotFound,
                    $wit::Class::Forbidden(message) => Self::Forbidden { message },
                    $wit::Class::CursorExpired => Self::CursorExpired,
                    $wit::Class::Rejected(refusal) => Self::Rejected {
                        code: refusal.code,
                        message: refusal.message,
                    },
                }
            }
        }

        impl From<$crate::core::io::Config> for $wit::Config {
            fn from(config: $crate::core::io::Config) -> Self {
                Self {
                    base_url: config.base_url,
                    settings: config.settings.into_iter().collect(),
                    user_id: config.user_id,
                    api_version: config.api_version,
                }
            }
        }

        impl From<$wit::Config> for $crate::core::io::Config {
            fn from(config: $wit::Config) -> Self {
                Self {
                    base_url: config.base_url,
                    settings: config.settings.into_iter().collect(),
                    user_id: config.user_id,
                    api_version: config.api_version,
                }
            }
        }

        impl From<$crate::core::connector::RawRequest> for $wit::RawRequest {
            fn from(request: $crate::core::connector::RawRequest) -> Self {
                Self {
                    method: request.method,
                    url: request.url,
                    headers: request.headers.into_iter().collect(),
                    body: request.body.into(),
                }
            }
        }

        impl From<$wit::RawRequest> for $crate::core::connector::RawRequest {
            fn from(request: $wit::RawRequest) -> Self {
                Self {
                    method: request.method,
                    url: request.url,
                    headers: request.headers.into_iter().collect(),
                    body: request.body.into(),
                }
            }
        }
    };
}
