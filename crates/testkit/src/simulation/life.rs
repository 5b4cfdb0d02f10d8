//! One life of the engine's process: its way to the CRMs and to the store, both cut when it dies.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use jiff::Timestamp;
use syncline_core::error::Result;
use syncline_core::store::{Mode, Store, Transaction};
use syncline_engine::http::{Limits, Transport, TransportError};
use syncline_simulators::fault::Dropped;
use tokio::sync::Notify;
use tower::ServiceExt;

use super::failing::{FailingTransaction, failed};
use super::history::{Moment, StoreFault};
use super::world::World;

/// A process from its start to its death.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) number: u64,
    dead: AtomicBool,
    /// Rung at death.
    pub(super) died: Notify,
    fuse: Mutex<Option<(Moment, u32)>>,
    store_fuse: Mutex<Option<(StoreFault, u32)>>,
    /// Whether somebody waits for an answer who would have to be told what became of it: no fault of the store then.
    pub(super) spared: AtomicBool,
    stalled_until: Mutex<Option<Timestamp>>,
    pub(super) requests: AtomicU64,
}

impl Life {
    pub(super) fn new(number: u64) -> Self {
        Self {
            number,
            ..Self::default()
        }
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Lets it die after so many passes of such a moment.
    pub(super) fn light(&self, moment: Moment, after: u32) {
        *self.fuse.lock().unwrap_or_else(PoisonError::into_inner) = Some((moment, after));
    }

    /// Nothing will kill it any more, and its store works.
    pub(super) fn put_out(&self) {
        *self.fuse.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.store_fuse.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Lets the store fail after so many transactions that write.
    pub(super) fn fail_store(&self, fault: StoreFault, after: u32) {
        *self.store_fuse.lock().unwrap_or_else(PoisonError::into_inner) = Some((fault, after));
    }

    /// What the transaction that now begins meets.
    fn store_fault(&self, world: &World) -> Option<StoreFault> {
        if self.spared.load(Ordering::Relaxed) {
            return None;
        }
        let mut fuse = self.store_fuse.lock().unwrap_or_else(PoisonError::into_inner);
        let (fault, left) = fuse.as_mut()?;
        if let Some(fewer) = left.checked_sub(1) {
            *left = fewer;
            return None;
        }
        let fault = *fault;
        *fuse = None;
        world.story(|| format!("    the store fails process {}: {fault:?}", self.number));
        world.cover(match fault {
            StoreFault::Unreachable => "fault store-unreachable",
            StoreFault::Refused => "fault commit-refused",
            StoreFault::Unknown => "fault commit-unknown",
        });
        Some(fault)
    }

    pub(super) fn stall(&self, until: Timestamp) {
        *self.stalled_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// It is over: whatever it was about to do never happens.
    pub(super) fn end(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.died.notify_one();
    }

    /// Passes a moment at which it may die. A dead process never returns from here.
    async fn pass(&self, moment: Moment, world: &World) {
        if !self.is_dead() {
            let burnt = {
                let mut fuse = self.fuse.lock().unwrap_or_else(PoisonError::into_inner);
                match &mut *fuse {
                    Some((at, left)) if *at == moment => {
                        let burnt = *left == 0;
                        *left = left.saturating_sub(1);
                        burnt
                    }
                    _ => false,
                }
            };
            if burnt {
                world.story(|| format!("    process {} dies ({moment:?})", self.number));
                world.cover(match moment {
                    Moment::Request => "crash before a request",
                    Moment::Answer => "crash after a request was applied",
                    Moment::Transaction => "crash between transactions",
                });
                self.end();
            }
        }
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
        let until = *self.stalled_until.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = until {
            let rest = Duration::try_from(until.duration_since(world.clock.time())).unwrap_or_default();
            if !rest.is_zero() {
                tokio::time::sleep(rest).await;
            }
        }
    }
}

/// The store as a process reaches it.
#[derive(Debug)]
pub(super) struct LivingStore {
    pub(super) world: Arc<World>,
    pub(super) life: Arc<Life>,
}

#[async_trait]
impl Store for LivingStore {
    async fn begin(&self, mode: Mode) -> Result<Box<dyn Transaction>> {
        if mode == Mode::Write {
            self.life.pass(Moment::Transaction, &self.world).await;
        } else if self.life.is_dead() {
            std::future::pending::<()>().await;
        }
        if mode == Mode::Read {
            return self.world.store.begin(mode).await;
        }
        let begun = self.world.store.begin(mode).await?;
        // Only now is it this one's turn to write.
        match self.life.store_fault(&self.world) {
            None => Ok(begun),
            Some(StoreFault::Unreachable) => Err(failed(StoreFault::Unreachable)),
            Some(fault) => Ok(Box::new(FailingTransaction::new(begun, fault))),
        }
    }

    fn label(&self) -> String {
        self.world.store.label()
    }
}

/// The CRMs as a process reaches them, each by its host.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) world: Arc<World>,
    pub(super) life: Arc<Life>,
}

#[async_trait]
impl Transport for Wire {
    async fn send(
        &self,
        mut request: http::Request<Bytes>,
        limits: &Limits,
    ) -> std::result::Result<http::Response<Bytes>, TransportError> {
        let world = &self.world;
        self.life.pass(Moment::Request, world).await;
        self.life.requests.fetch_add(1, Ordering::Relaxed);
        let host = request.uri().host().unwrap_or_default().to_owned();
        let Some(crm) = world.crm_of(&host) else {
            return Err(TransportError::NotSent(format!("nobody answers for {host}")));
        };
        if let Ok(value) = http::HeaderValue::from_str(&host) {
            request.headers_mut().insert(http::header::HOST, value);
        }
        tokio::time::sleep(world.latency()).await;
        if self.life.is_dead() {
            // Bytes on the wire are the network's: they arrive whether or not who sent them still lives. What was
            // sent before the death is applied, what was not sent is not.
            world.story(|| "    a request of the dead process still arrives".to_owned());
        }
        let shown = format!("{} {}", request.method(), request.uri());
        let authorization = request.headers().get(http::header::AUTHORIZATION).cloned();
        let authorization = authorization.as_ref().and_then(|value| value.to_str().ok());
        world.authorised(crm, authorization);
        world.token_shown(crm, authorization, request.body());
        let sent = shown.contains("token").then(|| request.body().clone());
        world.trace(&[&shown, &String::from_utf8_lossy(request.body())]);
        let named = world.named(crm, request.method(), request.uri(), request.body());
        world.about_to_send(crm, &named);
        let before = world.before(crm).await;
        let answer = world.routers[crm].clone().oneshot(request.map(Body::from)).await;
        let (head, body) = answer.map_err(|never| match never {}).map(http::Response::into_parts)?;
        // A body that breaks off is a connection that broke off.
        let body = body.collect().await.map(http_body_util::Collected::to_bytes);
        if let (Some(sent), Ok(body)) = (sent, &body) {
            world.token_given(&sent, &String::from_utf8_lossy(body));
        }
        world
            .after(crm, self.life.number, before, &shown, head.status.as_u16())
            .await;
        tokio::time::sleep(world.latency()).await;
        self.life.pass(Moment::Answer, world).await;
        let body = body.map_err(|error| TransportError::MaybeSent(error.to_string()))?;
        let text = String::from_utf8_lossy(&body);
        if head.extensions.get::<Dropped>().is_none() {
            world.answer_arrived(crm, &named, &text);
        }
        world.trace(&[head.status.as_str(), &text]);
        world.ghost().show(crm, &text);
        if body.len() as u64 > limits.max_response_bytes {
            return Err(TransportError::TooLarge(limits.max_response_bytes));
        }
        Ok(http::Response::from_parts(head, body))
    }
}
