//! Counts calls and writes them to the trace, without queries, tokens or bodies.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use serde::Serialize;
use syncline_core::io::Effect;
use syncline_core::{Error, Result};
use tower::{Layer, Service, ServiceExt};
use tracing::Instrument;

use super::call::{Answer, Answering, Call, CallService};
use crate::ports::{Clock, between};

/// How many calls were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct CallCounts {
    /// Requests put on the wire, repetitions included.
    pub calls: u64,
    /// Those among them that may change something at the provider.
    pub mutating: u64,
    /// Calls that got no answer.
    pub lost: u64,
    /// API calls that the provider counts for them.
    pub cost: u64,
}

/// Counts calls while they are made. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct CallCounters(Arc<[AtomicU64; 4]>);

impl CallCounters {
    /// The numbers so far.
    pub fn get(&self) -> CallCounts {
        let [calls, mutating, lost, cost] = [0, 1, 2, 3].map(|index| self.0[index].load(Ordering::Relaxed));
        CallCounts {
            calls,
            mutating,
            lost,
            cost,
        }
    }

    fn add(&self, index: usize, number: u64) {
        self.0[index].fetch_add(number, Ordering::Relaxed);
    }
}

/// Counts and traces each attempt.
#[derive(Debug, Clone)]
pub(super) struct TraceLayer {
    pub(super) connection: Arc<str>,
    pub(super) counters: Vec<CallCounters>,
    pub(super) clock: Arc<dyn Clock>,
}

impl<S> Layer<S> for TraceLayer {
    type Service = Traced<S>;

    fn layer(&self, inner: S) -> Traced<S> {
        Traced {
            layer: self.clone(),
            inner,
        }
    }
}

/// See [`TraceLayer`].
#[derive(Debug, Clone)]
pub(super) struct Traced<S> {
    layer: TraceLayer,
    inner: S,
}

impl<S: CallService> Service<Call> for Traced<S> {
    type Response = Answer;
    type Error = Error;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let Self { layer, inner } = self.clone();
        let span = tracing::debug_span!(
            "http",
            connection = %layer.connection,
            method = ?call.request.method,
            host = call.url.host_str().unwrap_or_default(),
            // The query may hold a filter with somebody's data in it.
            path = call.url.path(),
        );
        let traced = async move {
            for counters in &layer.counters {
                counters.add(0, 1);
                counters.add(1, u64::from(call.request.effect != Effect::Read));
                counters.add(3, u64::from(call.request.cost));
            }
            let started = layer.clock.now();
            let outcome = inner.oneshot(call).await;
            let milliseconds = between(started, layer.clock.now()).as_millis() as u64;
            match &outcome {
                Ok(answer) => {
                    let (status, bytes) = (answer.response.head.status, answer.response.body.len());
                    tracing::debug!(status, bytes, milliseconds, "answered");
                }
                Err(error) => {
                    for counters in &layer.counters {
                        counters.add(2, 1);
                    }
                    tracing::debug!(%error, milliseconds, "not answered");
                }
            }
            outcome
        };
        Box::pin(traced.instrument(span))
    }
}
