//! Waits until a call fits into the quota of its remote account and among the calls in flight.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use syncline_core::io::Class;
use syncline_core::{Error, ErrorKind, Result, Retry};
use tokio::sync::Semaphore;
use tower::{Layer, Service, ServiceExt};

use super::call::{Answer, Answering, Call, CallService};
use super::quota::{PROBE, QuotaLedger};
use super::quota_answer::observed;
use crate::ports::{Clock, between};

/// How long calls rest when the provider asks to slow down without saying for how long.
const UNTOLD_PAUSE: Duration = Duration::from_secs(1);

/// Holds calls back until they fit.
#[derive(Debug, Clone)]
pub(super) struct RateLimitLayer {
    pub(super) ledger: Arc<QuotaLedger>,
    pub(super) in_flight: Arc<Semaphore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) max_wait: Duration,
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimited<S>;

    fn layer(&self, inner: S) -> RateLimited<S> {
        RateLimited {
            layer: self.clone(),
            inner,
        }
    }
}

/// See [`RateLimitLayer`].
#[derive(Debug, Clone)]
pub(super) struct RateLimited<S> {
    layer: RateLimitLayer,
    inner: S,
}

impl<S: CallService> Service<Call> for RateLimited<S> {
    type Response = Answer;
    type Error = Error;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let Self { layer, inner } = self.clone();
        Box::pin(async move {
            let _place = layer.place(&call).await?;
            layer.wait(&call).await?;
            let (cost, bucket) = (u64::from(call.request.cost), call.request.bucket.clone());
            let mut counted = Counted {
                layer: &layer,
                cost,
                seen: Vec::new(),
            };
            let answer = inner.oneshot(call).await?;
            counted.seen = observed(&answer.response.head);
            if let Class::RateLimited { after, daily } = &answer.class {
                let untold = if *daily { PROBE } else { UNTOLD_PAUSE };
                let pause = after.unwrap_or(untold).min(PROBE);
                layer.ledger.pause(layer.clock.now(), pause, bucket.as_deref());
            }
            Ok(answer)
        })
    }
}

/// Ends the count of a call however it ends: also when it is dropped on the way.
struct Counted<'a> {
    layer: &'a RateLimitLayer,
    cost: u64,
    seen: Vec<super::quota_answer::Observed>,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.layer.ledger.finish(self.layer.clock.now(), self.cost, &self.seen);
    }
}

impl RateLimitLayer {
    async fn place(&self, call: &Call) -> Result<tokio::sync::OwnedSemaphorePermit> {
        let place = Arc::clone(&self.in_flight).acquire_owned();
        tokio::select! {
            biased;
            () = call.stop.stopped() => Err(stopped()),
            place = place => place.map_err(|_| stopped()),
        }
    }

    async fn wait(&self, call: &Call) -> Result<()> {
        let started = self.clock.now();
        loop {
            call.stop.check()?;
            let now = self.clock.now();
            let cost = u64::from(call.request.cost);
            let Err(until) = self
                .ledger
                .take(now, cost, call.request.bucket.as_deref(), call.priority)
            else {
                return Ok(());
            };
            if between(started, until) > self.max_wait {
                let message = format!("the account's allowance of API calls is spent until about {until:.0}");
                return Err(Error::new(ErrorKind::RateLimited, message).retry_as(Retry::After(between(now, until))));
            }
            tracing::debug!(%until, "waiting for quota");
            tokio::select! {
                biased;
                () = call.stop.stopped() => return Err(stopped()),
                () = self.clock.sleep_until(until) => {}
            }
        }
    }
}

fn stopped() -> Error {
    Error::new(ErrorKind::Stopped, "stopped on request before the request was sent")
}
