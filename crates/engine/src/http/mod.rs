//! The HTTP stack: tower layers over a [`Transport`], and [`ConnectionIo`], which is all that a connector sees of it.
//!
//! From the outside in: host guard, retry with its circuit, authorisation, rate limit and quota, trace, timeout,
//! transport. So each attempt of a retry gets a token and a place in the quota of its own.

mod address;
mod auth;
mod call;
mod circuit;
mod host_guard;
mod io;
mod mac;
mod quota;
mod quota_answer;
mod rate_limit;
mod reqwest_transport;
mod resolver;
mod retry;
mod settings;
mod stack;
mod stop;
mod stream;
mod timeout;
mod trace;
mod transport;

pub use address::AddressPolicy;
pub use io::{ConnectionIo, MarkSource};
pub use quota::{Priority, QuotaLedger, QuotaUse};
pub use reqwest_transport::ReqwestTransport;
pub use resolver::{Lookup, SystemLookup};
pub use settings::HttpSettings;
pub use stop::StopFlag;
pub use trace::{CallCounters, CallCounts};
pub use transport::{Incoming, Limits, Outgoing, Transport, TransportError};

pub(crate) use auth::{AccessToken, TokenSource};
pub(crate) use host_guard::HostGuard;
pub(crate) use io::IoParts;
pub(crate) use stack::{Lane, StackParts};
