//! Bodies as streams: a request's on its way out, an answer's on its way in. They go beside the [`Call`](super::call::Call),
//! which is cloned for each attempt and they can't be.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream;
use futures::{StreamExt, TryStreamExt};
use syncline_core::file::{Exactly, FileBody, Upload};
use syncline_core::io::{Effect, Response};
use syncline_core::{Error, ErrorKind, Result, Retry};

use super::call::{lost, read};
use super::stop::StopFlag;
use super::transport::{Incoming, Limits, Outgoing, Transport, TransportError};
use crate::ports::{Clock, after};

/// Most bytes of an answer that is no success: what went wrong is said in less.
const MOST_OF_A_REFUSAL: u64 = 1 << 20;

/// The bodies of one call that are streams.
#[derive(Clone)]
pub(super) struct Streaming(Arc<Bodies>);

struct Bodies {
    /// Whether the answer's body is to be handed over.
    wants_answer: bool,
    sends: bool,
    request: Mutex<Option<Upload>>,
    answer: Mutex<Option<Incoming>>,
    broken: Mutex<Option<Error>>,
}

impl fmt::Debug for Streaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming")
            .field("wants_answer", &self.0.wants_answer)
            .field("sends", &self.0.sends)
            .finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Streaming {
    /// A call whose answer is handed over as it comes.
    pub(super) fn of_answer() -> Self {
        Self::new(true, None)
    }

    /// A call that carries a stream.
    pub(super) fn of_request(upload: Upload) -> Self {
        Self::new(false, Some(upload))
    }

    fn new(wants_answer: bool, request: Option<Upload>) -> Self {
        Self(Arc::new(Bodies {
            wants_answer,
            sends: request.is_some(),
            request: Mutex::new(request),
            answer: Mutex::default(),
            broken: Mutex::default(),
        }))
    }

    /// The answer's body, if it is one that was asked for.
    pub(super) fn answer(&self) -> Option<Incoming> {
        locked(&self.0.answer).take()
    }

    /// What broke the request's body off.
    pub(super) fn broken(&self) -> Option<Error> {
        locked(&self.0.broken).take()
    }

    pub(super) async fn exchange(
        &self,
        transport: &dyn Transport,
        request: http::Request<Bytes>,
        limits: &Limits,
        effect: Effect,
    ) -> Result<Response> {
        let request = self.outgoing(request)?;
        let answer = transport
            .exchange(request, limits)
            .await
            .map_err(|error| lost(error, effect))?;
        let (parts, incoming) = answer.into_parts();
        let is_success = parts.status.is_success();
        let body = if is_success && self.0.wants_answer {
            *locked(&self.0.answer) = Some(incoming);
            Bytes::new()
        } else {
            let most = if is_success {
                limits.max_response_bytes
            } else {
                MOST_OF_A_REFUSAL
            };
            whole(incoming, most).await.map_err(|error| lost(error, effect))?
        };
        Ok(read(http::Response::from_parts(parts, body)))
    }

    fn outgoing(&self, request: http::Request<Bytes>) -> Result<http::Request<Outgoing>> {
        if !self.0.sends {
            return Ok(request.map(Outgoing::Whole));
        }
        let Some(Upload { length, body }) = locked(&self.0.request).take() else {
            let message = "the provider asked for the file once more, and it can be read only once; try again";
            return Err(Error::new(ErrorKind::Unavailable, message).retry_as(Retry::After(Duration::ZERO)));
        };
        let bodies = Arc::clone(&self.0);
        let body: Box<dyn FileBody> = Box::new(Exactly::new(body, length));
        let pieces = stream::unfold((Some(body), bodies), |(body, bodies)| async move {
            let mut body = body?;
            match body.next().await {
                Ok(Some(piece)) => Some((Ok(piece), (Some(body), bodies))),
                Ok(None) => None,
                Err(error) => {
                    let told = io::Error::other(error.to_string());
                    *locked(&bodies.broken) = Some(error);
                    Some((Err(told), (None, bodies)))
                }
            }
        });
        Ok(request.map(|_| Outgoing::Stream {
            length,
            pieces: pieces.boxed(),
        }))
    }
}

async fn whole(mut incoming: Incoming, most: u64) -> Result<Bytes, TransportError> {
    let mut whole = BytesMut::new();
    while let Some(piece) = incoming.try_next().await? {
        if (whole.len() + piece.len()) as u64 > most {
            return Err(TransportError::TooLarge(most));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// The body of an answer, which comes until it is stopped, or stands still for too long.
pub(super) struct Arriving {
    pub(super) pieces: Incoming,
    pub(super) stop: StopFlag,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) patience: Duration,
}

#[async_trait]
impl FileBody for Arriving {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        self.stop.check()?;
        let until = after(self.clock.now(), self.patience);
        let piece = tokio::select! {
            biased;
            piece = self.pieces.try_next() => piece,
            () = self.stop.stopped() => return Err(Error::new(ErrorKind::Stopped, "stopped on request")),
            () = self.clock.sleep_until(until) => Err(TransportError::MaybeSent("it took too long".to_owned())),
        };
        let piece = piece.map_err(|error| lost(error, Effect::Read));
        if piece.is_err() {
            self.pieces = stream::empty().boxed();
        }
        piece
    }
}
