//! One future behind a plain call and a coroutine.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use pyo3::IntoPyObject;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::Runtime;

/// How often a call that waits looks whether somebody pressed Ctrl-C.
const SIGNALS: Duration = Duration::from_millis(100);

thread_local! {
    /// Whether this thread is within a function of the host that the engine waits for.
    static WITHIN: Cell<bool> = const { Cell::new(false) };
}

/// Asks the host's code, which can't call back while the engine waits for it.
pub(crate) fn within<T>(ask: impl FnOnce() -> T) -> T {
    let before = WITHIN.replace(true);
    let answer = ask();
    WITHIN.set(before);
    answer
}

/// The threads that everything here runs on.
pub(crate) fn runtime() -> &'static Runtime {
    pyo3_async_runtimes::tokio::get_runtime()
}

/// Waits for work while other threads of Python go on. Ctrl-C drops the work and raises `KeyboardInterrupt`.
pub(crate) fn wait<T: Send>(py: Python<'_>, work: impl Future<Output = PyResult<T>> + Send) -> PyResult<T> {
    if WITHIN.get() {
        return Err(PyRuntimeError::new_err(
            "Syncline can't be called from within a function that it waits for, such as a lens: it would wait for itself",
        ));
    }
    py.detach(|| {
        runtime().block_on(async {
            let mut work = pin!(work);
            loop {
                tokio::select! {
                    biased;
                    done = &mut work => return done,
                    () = tokio::time::sleep(SIGNALS) => interrupted()?,
                }
            }
        })
    })
}

/// The same work as something to await in asyncio. Cancelling that drops the work.
pub(crate) fn awaitable<'py, T>(
    py: Python<'py>,
    work: impl Future<Output = PyResult<T>> + Send + 'static,
) -> PyResult<Bound<'py, PyAny>>
where
    T: for<'any> IntoPyObject<'any> + Send + 'static,
{
    pyo3_async_runtimes::tokio::future_into_py(py, work)
}

/// Raises what a signal has asked for, such as `KeyboardInterrupt`.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method itself is not general enough over lifetimes"
)]
fn interrupted() -> PyResult<()> {
    Python::attach(|py| py.check_signals())
}
