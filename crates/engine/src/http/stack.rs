//! Puts the layers together.

use std::fmt;
use std::sync::Arc;

use syncline_core::connector::Connector;
use tokio::sync::Semaphore;
use tower::ServiceBuilder;

use super::auth::{AuthLayer, TokenSource};
use super::call::{Stack, Wire};
use super::circuit::Circuit;
use super::host_guard::{HostGuard, HostGuardLayer};
use super::quota::QuotaLedger;
use super::rate_limit::RateLimitLayer;
use super::retry::RetryLayer;
use super::settings::HttpSettings;
use super::timeout::TimeoutLayer;
use super::trace::{CallCounters, TraceLayer};
use super::transport::Transport;
use crate::ports::{Clock, Random};

/// What all work on one connection shares in this process: its calls in flight, its circuit and its count.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    in_flight: Arc<Semaphore>,
    circuit: Arc<Circuit>,
    pub(crate) counters: CallCounters,
}

impl Lane {
    pub(crate) fn new(settings: &HttpSettings) -> Self {
        let circuit = Circuit::new(settings.circuit_failures, settings.circuit_pause, settings.max_backoff);
        Self {
            in_flight: Arc::new(Semaphore::new(settings.concurrency.max(1))),
            circuit: Arc::new(circuit),
            counters: CallCounters::default(),
        }
    }
}

/// What a stack is made of.
pub(crate) struct StackParts {
    pub(crate) connection: Arc<str>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) tokens: Arc<dyn TokenSource>,
    pub(crate) guard: HostGuard,
    pub(crate) ledger: Arc<QuotaLedger>,
    pub(crate) lane: Lane,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) settings: Arc<HttpSettings>,
}

impl fmt::Debug for StackParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackParts")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

impl StackParts {
    /// The layers, outermost first. The counters count beside the connection's own.
    pub(super) fn stack(self, counters: CallCounters) -> Stack {
        let service = ServiceBuilder::new()
            .layer(HostGuardLayer(Arc::new(self.guard)))
            .layer(RetryLayer {
                clock: Arc::clone(&self.clock),
                random: self.random,
                circuit: self.lane.circuit,
                settings: Arc::clone(&self.settings),
            })
            .layer(AuthLayer(self.tokens))
            .layer(RateLimitLayer {
                ledger: self.ledger,
                in_flight: self.lane.in_flight,
                clock: Arc::clone(&self.clock),
                max_wait: self.settings.max_wait,
            })
            .layer(TraceLayer {
                connection: self.connection,
                counters: vec![self.lane.counters, counters],
                clock: Arc::clone(&self.clock),
            })
            .layer(TimeoutLayer(self.clock))
            .service(Wire {
                transport: self.transport,
                connector: self.connector,
            });
        Stack::new(service)
    }
}
