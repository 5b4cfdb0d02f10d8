//! Waiting for somebody to stop the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C, and the system asking the program to end. Made once and kept: what comes while nobody waits is not lost.
#[derive(Debug)]
pub(crate) struct Interrupts {
    #[cfg(unix)]
    signals: Option<(Signal, Signal)>,
}

impl Interrupts {
    /// Starts listening. Where that is not possible the program ends as it would without.
    pub(crate) fn listen() -> Self {
        Self {
            #[cfg(unix)]
            signals: signal(SignalKind::interrupt())
                .ok()
                .zip(signal(SignalKind::terminate()).ok()),
        }
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        if let Some((interrupt, terminate)) = &mut self.signals {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Whether somebody asked to stop, for work that looks between two pages.
#[derive(Debug, Clone, Default)]
pub(crate) struct StopAsked(Arc<AtomicBool>);

impl StopAsked {
    /// Takes notice from now on. Asked a second time the program ends at once.
    pub(crate) fn listen() -> Self {
        let asked = Self::default();
        let noted = asked.clone();
        let mut interrupts = Interrupts::listen();
        tokio::spawn(async move {
            interrupts.next().await;
            noted.0.store(true, Ordering::Relaxed);
            crate::output::note("stopping after this page; Ctrl-C again ends at once");
            interrupts.next().await;
            std::process::exit(crate::failure::Exit::Interrupted as i32);
        });
        asked
    }

    /// Whether it was.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
