//! A real database under virtual time.
//!
//! A paused runtime lets time pass whenever everybody waits, also for a database, whose answers take no virtual time at
//! all. So each call here is carried out by a thread of its own while the runtime stands still, and only who waits for
//! another writer waits in virtual time, as on the memory store.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::lock::{Mutex as AsyncMutex, OwnedMutexGuard};
use syncline_core::store::{Mode, Store, Transaction};
use syncline_core::{Error, ErrorKind, Result};
use tokio::runtime::{Handle, Runtime};

use crate::forward::forward_transaction;

/// A transaction below, until it is over or its process has crashed.
type Open = Arc<Mutex<Option<Box<dyn Transaction>>>>;

/// See the [module](self).
pub struct BlockingStore {
    inner: Arc<dyn Store>,
    elsewhere: Arc<Elsewhere>,
    life: Mutex<Life>,
}

/// Where the calls are carried out.
struct Elsewhere(Option<Runtime>);

impl Drop for Elsewhere {
    fn drop(&mut self) {
        // The last one to leave may stand in another runtime, where waiting for this one to end is not allowed.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Elsewhere {
    /// Carries something out and stands still meanwhile.
    fn wait<T: Send>(&self, work: impl Future<Output = T> + Send) -> Result<T> {
        let runtime = self.handle()?;
        Ok(std::thread::scope(|scope| {
            let done = scope.spawn(|| runtime.block_on(work)).join();
            done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        }))
    }

    fn handle(&self) -> Result<&Handle> {
        let runtime = self.0.as_ref().ok_or_else(crashed)?;
        Ok(runtime.handle())
    }
}

#[derive(Default)]
struct Life {
    writer: Arc<AsyncMutex<()>>,
    open: Vec<Open>,
}

impl fmt::Debug for BlockingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingStore")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

impl BlockingStore {
    /// Over the store that `open` opens.
    ///
    /// # Errors
    /// As `open`.
    pub fn over(open: impl Future<Output = Result<Arc<dyn Store>>> + Send) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| Error::new(ErrorKind::Internal, "no runtime can be made for a database").because(error))?;
        let elsewhere = Elsewhere(Some(runtime));
        Ok(Self {
            inner: elsewhere.wait(open)??,
            elsewhere: Arc::new(elsewhere),
            life: Mutex::default(),
        })
    }

    /// Does what a crash of the process does: open transactions are undone, and fail from now on.
    pub fn crash(&self) {
        let life = std::mem::take(&mut *self.life.lock().unwrap_or_else(PoisonError::into_inner));
        let _entered = self.elsewhere.handle().map(Handle::enter);
        for open in life.open {
            drop(open.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }

    /// Carries something out as its calls are.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] when it is closed.
    pub fn wait<T: Send>(&self, work: impl Future<Output = T> + Send) -> Result<T> {
        self.elsewhere.wait(work)
    }
}

#[async_trait]
impl Store for BlockingStore {
    async fn begin(&self, mode: Mode) -> Result<Box<dyn Transaction>> {
        let writer = {
            let life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&life.writer)
        };
        let turn = match mode {
            Mode::Read => None,
            Mode::Write | Mode::WriteDurable => Some(Arc::clone(&writer).lock_owned().await),
        };
        let mut life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&writer, &life.writer) {
            return Err(crashed());
        }
        let open: Open = Arc::new(Mutex::new(Some(self.wait(self.inner.begin(mode))??)));
        life.open.retain(|open| Arc::strong_count(open) > 1);
        life.open.push(open.clone());
        Ok(Box::new(BlockingTransaction {
            open,
            elsewhere: self.elsewhere.clone(),
            turn,
        }))
    }

    fn label(&self) -> String {
        self.inner.label()
    }
}

fn crashed() -> Error {
    Error::new(
        ErrorKind::Store,
        "the store crashed during this transaction, so nothing of it is kept",
    )
}

struct BlockingTransaction {
    open: Open,
    elsewhere: Arc<Elsewhere>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Drop for BlockingTransaction {
    fn drop(&mut self) {
        // What undoes it needs a runtime, and whoever comes next finds it undone.
        let _entered = self.elsewhere.handle().map(Handle::enter);
        drop(self.open.lock().unwrap_or_else(PoisonError::into_inner).take());
        drop(self.turn.take());
    }
}

macro_rules! standing_still {
    ($self:ident, $inner:ident => $call:expr) => {{
        let mut open = $self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let $inner = open.as_mut().ok_or_else(crashed)?;
        $self.elsewhere.wait($call)?
    }};
    ($self:ident, commit) => {{
        let open = $self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        let inner = open.ok_or_else(crashed)?;
        $self.elsewhere.wait(inner.commit())?
    }};
}

forward_transaction!(BlockingTransaction, standing_still);
