//! Gives up on an answer after a while, by the [`Clock`] port so that simulated time counts.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::{Either, select};
use syncline_core::{Error, Result};
use tower::{Layer, Service, ServiceExt};

use super::call::{Answer, Answering, Call, CallService, lost};
use super::transport::TransportError;
use crate::ports::{Clock, after};

/// Ends a call that takes longer than its limit.
#[derive(Debug, Clone)]
pub(super) struct TimeoutLayer(pub(super) Arc<dyn Clock>);

impl<S> Layer<S> for TimeoutLayer {
    type Service = Timeout<S>;

    fn layer(&self, inner: S) -> Timeout<S> {
        Timeout {
            clock: Arc::clone(&self.0),
            inner,
        }
    }
}

/// See [`TimeoutLayer`].
#[derive(Debug, Clone)]
pub(super) struct Timeout<S> {
    clock: Arc<dyn Clock>,
    inner: S,
}

impl<S: CallService> Service<Call> for Timeout<S> {
    type Response = Answer;
    type Error = Error;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let Self { clock, inner } = self.clone();
        Box::pin(async move {
            let effect = call.request.effect;
            let until = after(clock.now(), call.limits.timeout);
            // The answer is polled first: one that came in time counts, however late it is looked at.
            match select(Box::pin(inner.oneshot(call)), clock.sleep_until(until)).await {
                Either::Left((answer, _)) => answer,
                Either::Right(((), _)) => Err(lost(TransportError::MaybeSent("it took too long".to_owned()), effect)),
            }
        })
    }
}
