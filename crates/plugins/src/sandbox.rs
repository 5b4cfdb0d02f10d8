//! [`Sandbox`]: the machine that plugins run on, shared by all of them.

use std::fmt;
use std::sync::Arc;

use syncline_core::{Error, ErrorKind, Result};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::bindings::{Plugin, PluginPre};
use crate::limits::Limits;
use crate::state::State;
use crate::ticker::Ticker;

/// The machine that plugins run on, shared by all of them.
pub(crate) struct Sandbox {
    pub(crate) engine: Engine,
    pub(crate) limits: Arc<Limits>,
    pub(crate) ticker: Ticker,
    linker: Linker<State>,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Sandbox {
    /// A machine with these limits.
    ///
    /// # Errors
    /// `Unsupported` when this computer can't run plugins.
    pub(crate) fn new(limits: Limits) -> Result<Self> {
        let engine = engine(&limits)?;
        let mut linker = Linker::new(&engine);
        Plugin::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state).map_err(|error| unable(&error))?;
        Ok(Self {
            ticker: Ticker::start(&engine)?,
            limits: Arc::new(limits),
            engine,
            linker,
        })
    }

    /// Makes a component ready to be run.
    ///
    /// # Errors
    /// `Plugin` when it asks for something that no plugin gets, or lacks a part of the contract.
    pub(crate) fn link(&self, component: &Component) -> Result<PluginPre<State>> {
        let refused = |error: wasmtime::Error| {
            Error::new(
                ErrorKind::Plugin,
                "the plugin does not fit the contract: it lacks a part of it, or asks for something that no plugin gets",
            )
            .because(format!("{error:#}"))
        };
        let linked = self.linker.instantiate_pre(component).map_err(refused)?;
        PluginPre::new(linked).map_err(refused)
    }
}

/// Instances come from a pool where the address space allows for one; it makes a new one in microseconds.
fn engine(limits: &Limits) -> Result<Engine> {
    Engine::new(&config(limits, true))
        .or_else(|_| Engine::new(&config(limits, false)))
        .map_err(|error| unable(&error))
}

fn config(limits: &Limits, pooled: bool) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .consume_fuel(limits.fuel.is_some())
        .max_wasm_stack(limits.stack_bytes)
        .async_stack_size(limits.stack_bytes + HOST_STACK)
        // A crash is told by what the plugin logged; the names of its functions would say nothing to its user.
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .wasm_component_model(true)
        .cranelift_nan_canonicalization(true);
    if pooled {
        let mut pool = PoolingAllocationConfig::default();
        pool.total_component_instances(limits.instances)
            .total_core_instances(limits.instances.saturating_mul(CORE_INSTANCES))
            .total_memories(limits.instances)
            .total_tables(limits.instances.saturating_mul(CORE_INSTANCES))
            .total_stacks(limits.instances)
            .max_memory_size(limits.memory_bytes)
            .table_elements(limits.table_entries)
            // Kept by an instance's slot for the next one, so that it need not be asked for anew; zeroed all the same.
            .linear_memory_keep_resident(KEPT);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}

/// Room for the host's own functions on an instance's stack.
const HOST_STACK: usize = 1 << 20;
/// Core modules of a component: the plugin's own and two small ones that pass calls on.
const CORE_INSTANCES: u32 = 3;
/// Bytes of memory that a slot keeps.
const KEPT: usize = 1 << 20;

fn unable(error: &wasmtime::Error) -> Error {
    Error::new(ErrorKind::Unsupported, "this computer can't run plugins").because(format!("{error:#}"))
}
