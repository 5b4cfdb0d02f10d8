//! A store with failpoints: its n-th call fails, or something happens at it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use syncline_core::model::TenantId;
use syncline_core::store::{Dispatcher, Generation, Mode, Noted, Store, Transaction};
use syncline_core::{Error, ErrorKind, Result};

use crate::forward::forward_transaction;

/// What happens at the store's calls.
pub trait Failing: Send + Sync {
    /// Before any call but a commit.
    ///
    /// # Errors
    /// What the call is to fail with.
    fn call(&self) -> Result<()> {
        Ok(())
    }

    /// Before a commit, and after it has succeeded.
    ///
    /// # Errors
    /// What the commit is to fail with; after it has succeeded, this is what makes its outcome unknown.
    fn commit(&self, done: bool) -> Result<()> {
        let _ = done;
        Ok(())
    }
}

/// Lets one call fail, by its number from 1.
#[derive(Debug)]
pub struct OneCall {
    calls: AtomicU64,
    at: u64,
}

impl OneCall {
    fn count(&self) -> Result<()> {
        if self.calls.fetch_add(1, Ordering::Relaxed) + 1 == self.at {
            return Err(Error::new(ErrorKind::Store, "the store failed, as a test asked it to"));
        }
        Ok(())
    }
}

impl Failing for OneCall {
    fn call(&self) -> Result<()> {
        self.count()
    }

    fn commit(&self, _done: bool) -> Result<()> {
        self.count()
    }
}

/// A store over another one.
#[derive(Clone)]
pub struct FailingStore {
    inner: Arc<dyn Store>,
    failing: Arc<dyn Failing>,
}

impl FailingStore {
    /// With these failpoints.
    pub fn new(inner: Arc<dyn Store>, failing: Arc<dyn Failing>) -> Self {
        Self { inner, failing }
    }

    /// Whose n-th call fails, counted from 1; the other value counts the calls.
    pub fn at(inner: Arc<dyn Store>, n: u64) -> (Self, Arc<OneCall>) {
        let one = Arc::new(OneCall {
            calls: AtomicU64::new(0),
            at: n,
        });
        (Self::new(inner, one.clone()), one)
    }
}

impl OneCall {
    /// Calls until now.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for FailingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailingStore")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for FailingStore {
    async fn noted_generation(&self) -> Result<Noted> {
        self.inner.noted_generation().await
    }

    async fn note_generation(&self, generation: Generation) -> Result<()> {
        self.failing.call()?;
        self.inner.note_generation(generation).await
    }

    async fn begin(&self, mode: Mode) -> Result<Box<dyn Transaction>> {
        self.begin_for(0, mode).await
    }

    async fn begin_for(&self, tenant: TenantId, mode: Mode) -> Result<Box<dyn Transaction>> {
        self.failing.call()?;
        let inner = if tenant == 0 {
            self.inner.begin(mode).await?
        } else {
            self.inner.begin_for(tenant, mode).await?
        };
        Ok(Box::new(FailingTransaction {
            inner,
            writes: mode != Mode::Read,
            failing: self.failing.clone(),
        }))
    }

    fn dispatcher(&self) -> Option<&dyn Dispatcher> {
        self.inner.dispatcher()
    }

    fn label(&self) -> String {
        self.inner.label()
    }
}

struct FailingTransaction {
    inner: Box<dyn Transaction>,
    writes: bool,
    failing: Arc<dyn Failing>,
}

/// Fails, or hands the call on.
macro_rules! unless_failing {
    ($self:ident, $inner:ident => $call:expr) => {{
        $self.failing.call()?;
        let $inner = &mut $self.inner;
        $call.await
    }};
    ($self:ident, commit) => {{
        if !$self.writes {
            return $self.inner.commit().await;
        }
        $self.failing.commit(false)?;
        $self.inner.commit().await?;
        $self.failing.commit(true)
    }};
}

forward_transaction!(FailingTransaction, unless_failing);
