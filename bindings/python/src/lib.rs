//! The native half of the Python package `syncline`: the engine behind one generic call, with Python's calls and
//! coroutines over the same future. What people see is in `python/syncline`; nothing here is a promise to them.
//!
//! Arguments and answers cross as plain dictionaries, in the shapes in which the engine serialises them. While the engine
//! works, the interpreter is free for other threads.

mod command_line;
mod connector;
mod engine;
mod error;
mod hook;
mod keys;
mod lens;
mod operation;
mod progress;
mod runtime;
mod schedule;
mod simulator;
mod table;
mod value;

use pyo3::prelude::*;

/// See the [crate].
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::command_line::command_line;
    #[pymodule_export]
    use crate::connector::ConnectorIo;
    #[pymodule_export]
    use crate::engine::Engine;
    #[pymodule_export]
    use crate::progress::{ProgressStream, RunWatch};
    #[pymodule_export]
    use crate::schedule::Schedule;
    #[pymodule_export]
    use crate::simulator::{Simulator, fault_names};
    #[pymodule_export]
    use crate::table::Table;

    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "Python's name for a package's version")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
