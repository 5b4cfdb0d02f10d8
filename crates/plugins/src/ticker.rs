//! [`Ticker`]: moves the clock by which running plugins are interrupted, while any of them runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use syncline_core::{Error, ErrorKind, Result};
use wasmtime::Engine;

/// The grain of all limits of computing time.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// A thread of its own: what a plugin's loop keeps busy could not interrupt it. It sleeps while no plugin runs.
#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Debug, Default)]
struct Shared {
    running: AtomicUsize,
    over: AtomicBool,
}

impl Ticker {
    /// Starts the thread.
    ///
    /// # Errors
    /// `Unavailable` when the system has no thread to give.
    pub(crate) fn start(engine: &Engine) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let (its, engine) = (Arc::clone(&shared), engine.clone());
        let handle = thread::Builder::new()
            .name("syncline-plugins".to_owned())
            .spawn(move || {
                while !its.over.load(Ordering::Acquire) {
                    if its.running.load(Ordering::Acquire) == 0 {
                        thread::park();
                    } else {
                        thread::sleep(TICK);
                        engine.increment_epoch();
                    }
                }
            })
            .map_err(|error| {
                Error::new(ErrorKind::Unavailable, "there is no thread to watch over plugins").because(error)
            })?;
        Ok(Self {
            shared,
            thread: handle.thread().clone(),
        })
    }

    /// Ticks until what this returns is dropped.
    pub(crate) fn running(&self) -> Running {
        if self.shared.running.fetch_add(1, Ordering::AcqRel) == 0 {
            self.thread.unpark();
        }
        Running(Arc::clone(&self.shared))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// While this lives, a plugin runs.
#[derive(Debug)]
pub(crate) struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}
