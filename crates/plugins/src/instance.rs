//! [`Instance`]: one plugin at work, for one connection.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use syncline_core::io::Config;
use syncline_core::{Error, ErrorKind, Result};
use tokio::sync::mpsc;
use wasmtime::{Store, UpdateDeadline};

use crate::asked::{Asked, attend, channel};
use crate::bindings::{Plugin, PluginPre};
use crate::breach::ended;
use crate::door::Door;
use crate::sandbox::Sandbox;
use crate::state::{Call, State};
use crate::ticker::TICK;

/// One plugin at work. Never shared between connections, so that nothing of one can be seen by another.
pub(crate) struct Instance {
    pub(crate) store: Store<State>,
    pub(crate) plugin: Plugin,
    pub(crate) asked: mpsc::Receiver<Asked>,
    sandbox: Arc<Sandbox>,
    /// An instance that ended in the middle of something is not to be entered again.
    broken: bool,
}

/// What a call may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Compute only, and soon be done.
    AtOnce,
    /// Ask the host for anything.
    Waiting,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance")
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}

impl Instance {
    /// A fresh instance, for a connection or for none.
    ///
    /// # Errors
    /// `Unavailable` when too many are at work, `Plugin` when its own beginning fails.
    pub(crate) async fn new(
        sandbox: &Arc<Sandbox>,
        pre: &PluginPre<State>,
        hosts: &[String],
        config: Option<&Config>,
    ) -> Result<Self> {
        let (outbox, mut asked) = channel();
        let state = State::new(Arc::clone(&sandbox.limits), Door::new(hosts, config), outbox);
        let mut store = Store::new(&sandbox.engine, state);
        store.limiter(|state| &mut state.memory);
        store.epoch_deadline_callback(|mut context| {
            let state = context.data_mut();
            state.tick()?;
            Ok(if state.call.may_wait {
                UpdateDeadline::Yield(1)
            } else {
                UpdateDeadline::Continue(1)
            })
        });
        let _running = sandbox.ticker.running();
        begin(&mut store, sandbox, Manner::AtOnce)?;
        let made = attend(None, &mut asked, pre.instantiate_async(&mut store)).await;
        let plugin = made.map_err(|error| why(&mut store, &error, true))?;
        Ok(Self {
            store,
            plugin,
            asked,
            sandbox: Arc::clone(sandbox),
            broken: false,
        })
    }

    /// Makes ready for a call.
    ///
    /// # Errors
    /// `Plugin` when an earlier call ended in the middle.
    pub(crate) fn begin(&mut self, manner: Manner) -> Result<crate::ticker::Running> {
        if self.broken {
            return Err(crate::breach::breach(
                "the plugin crashed before and can't go on; the work has to be begun anew",
            ));
        }
        begin(&mut self.store, &self.sandbox, manner)?;
        // Until it has come back.
        self.broken = true;
        Ok(self.sandbox.ticker.running())
    }

    /// Takes the result of a call that came back, or says why it did not.
    ///
    /// # Errors
    /// `Plugin` or `Refused`: what the plugin did.
    pub(crate) fn end<T>(&mut self, result: wasmtime::Result<T>) -> Result<T> {
        match result {
            Ok(result) => {
                self.broken = false;
                Ok(result)
            }
            Err(error) => Err(why(&mut self.store, &error, false)),
        }
    }

    /// Whether the call under way, or the last one, let out a request that does something.
    pub(crate) fn has_written(&self) -> bool {
        self.store.data().call.has_written
    }
}

fn begin(store: &mut Store<State>, sandbox: &Sandbox, manner: Manner) -> Result<()> {
    let most = match manner {
        Manner::AtOnce => sandbox.limits.computing_at_once,
        Manner::Waiting => sandbox.limits.computing,
    };
    store.data_mut().call = Call::new(manner == Manner::Waiting, ticks(most));
    store.set_epoch_deadline(1);
    if let Some(fuel) = sandbox.limits.fuel {
        store
            .set_fuel(fuel)
            .map_err(|error| Error::new(ErrorKind::Internal, "fuel can't be counted").because(error.to_string()))?;
    }
    Ok(())
}

/// Ticks in a time, and the one that may be nearly over when a call begins.
fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_millis() / TICK.as_millis())
        .unwrap_or(u64::MAX)
        .saturating_add(2)
}

/// Why a call ended in the middle: what the host found, else what it was refused, else how it crashed.
fn why(store: &mut Store<State>, error: &wasmtime::Error, starting: bool) -> Error {
    let state = store.data_mut();
    if let Some(breach) = state.call.breach.take() {
        return breach;
    }
    if let Some(refused) = state.memory.refused.take() {
        return crate::breach::breach(refused);
    }
    if starting && error.downcast_ref::<wasmtime::Trap>().is_none() {
        let message = "the plugin can't be started now: as many plugins are at work as may be, or memory is short";
        return Error::new(ErrorKind::Unavailable, message)
            .retry_as(syncline_core::Retry::After(Duration::from_secs(1)))
            .because(format!("{error:#}"));
    }
    let told = ended(error);
    match state.call.warning.take() {
        Some(warning) => told.because(warning),
        None => told,
    }
}

/// Runs what never waits for anything, here and now.
pub(crate) fn at_once<T>(work: impl Future<Output = T>) -> T {
    // Within a task of the runtime its channels would make work wait once the task had its share, and nobody wakes it here.
    let mut work = pin!(tokio::task::unconstrained(work));
    loop {
        if let Poll::Ready(result) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return result;
        }
    }
}

/// A call into an instance: attends to it, and says why it ended where it did not come back.
macro_rules! call {
    ($instance:ident, $io:expr, $manner:expr, |$plugin:ident, $store:ident| $call:expr) => {{
        match $instance.begin($manner) {
            Err(error) => Err(error),
            Ok(_running) => {
                let crate::instance::Instance {
                    store, plugin, asked, ..
                } = &mut *$instance;
                let ($plugin, $store) = (plugin.syncline_connector_connector(), &mut *store);
                let result = crate::asked::attend($io, asked, $call).await;
                $instance.end(result)
            }
        }
    }};
}

pub(crate) use call;
