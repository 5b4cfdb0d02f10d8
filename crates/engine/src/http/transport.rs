//! [`Transport`]: the port that puts one request on the wire.

use std::fmt::{self, Debug};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

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

/// What a request carries.
pub enum Outgoing {
    /// This.
    Whole(Bytes),
    /// A stream of so many bytes. An error in it ends the request, which then does not count.
    Stream {
        /// Bytes that it has.
        length: u64,
        /// Its pieces.
        pieces: BoxStream<'static, Result<Bytes, std::io::Error>>,
    },
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Stream { length, .. } => write!(f, "a stream of {length} bytes"),
        }
    }
}

/// The body of an answer, as it comes.
pub type Incoming = BoxStream<'static, Result<Bytes, TransportError>>;

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

    /// Sends a request whose body may be a stream, and hands the answer's body over as it comes. The limits hold for the
    /// time until the answer begins, and not for its size. By default both bodies are whole in memory, within the limits.
    ///
    /// # Errors
    /// As [`Transport::send`], and so do the pieces of the answer.
    async fn exchange(
        &self,
        request: http::Request<Outgoing>,
        limits: &Limits,
    ) -> Result<http::Response<Incoming>, TransportError> {
        let (parts, body) = request.into_parts();
        let body = match body {
            Outgoing::Whole(bytes) => bytes,
            Outgoing::Stream { pieces, .. } => gathered(pieces, limits.max_response_bytes).await?,
        };
        let answer = self.send(http::Request::from_parts(parts, body), limits).await?;
        Ok(answer.map(|bytes| stream::iter([Ok(bytes)]).boxed()))
    }
}

async fn gathered(
    mut pieces: BoxStream<'static, Result<Bytes, std::io::Error>>,
    most: u64,
) -> Result<Bytes, TransportError> {
    let not_sent = |error: std::io::Error| TransportError::NotSent(error.to_string());
    let mut whole = BytesMut::new();
    while let Some(piece) = pieces.try_next().await.map_err(not_sent)? {
        if (whole.len() + piece.len()) as u64 > most {
            return Err(TransportError::NotSent(format!("the body is larger than {most} bytes")));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
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
