//! [`Transport`]: the port that puts one request on the wire.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

/// What one request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest time from the first byte sent to the last byte received.
    pub timeout: Duration,
    /// Most bytes of the decompressed answer.
    pub max_response_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            max_response_bytes: 64 << 20,
        }
    }
}

/// Puts one request on the wire and reads the whole answer: no redirects, no retries, no token of its own.
#[async_trait]
pub trait Transport: Send + Sync + Debug {
    /// Sends a request whose URI is absolute.
    ///
    /// # Errors
    /// See [`TransportError`]; an answer of any status is not an error.
    async fn send(
        &self,
        request: http::Request<Bytes>,
        limits: &Limits,
    ) -> Result<http::Response<Bytes>, TransportError>;
}

/// Why there is no answer, and whether the server may have acted all the same. Messages hold no URL and no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The request certainly did not reach the server.
    #[error("the server can't be reached: {0}")]
    NotSent(String),
    /// The request may have been acted on, and its answer is lost.
    #[error("the answer was lost: {0}")]
    MaybeSent(String),
    /// The server acted, but its answer is larger than [`Limits::max_response_bytes`].
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
    /// The address is not one that we send to.
    #[error("{0}")]
    Blocked(String),
}
