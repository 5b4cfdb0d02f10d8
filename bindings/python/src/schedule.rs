//! The schedule, running behind a handle.

use std::sync::Arc;

use pyo3::prelude::*;
use syncline::actor::Actor;
use syncline::http::StopFlag;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::error::raised;
use crate::runtime::{awaitable, runtime, wait};

type Ended = syncline::Result<()>;

/// A schedule under way. It ends when it is stopped, or dropped.
#[pyclass(frozen, module = "syncline._native")]
#[derive(Debug)]
pub(crate) struct Schedule {
    stop: StopFlag,
    task: Arc<Mutex<Option<JoinHandle<Ended>>>>,
}

impl Schedule {
    pub(crate) fn start(engine: syncline::Engine, actor: Actor) -> Self {
        let stop = StopFlag::new();
        let flag = stop.clone();
        let task = runtime().spawn(async move { engine.run_schedule(flag, &actor).await });
        Self {
            stop,
            task: Arc::new(Mutex::new(Some(task))),
        }
    }
}

async fn ended(task: Arc<Mutex<Option<JoinHandle<Ended>>>>) -> PyResult<()> {
    let Some(task) = task.lock().await.take() else {
        return Ok(());
    };
    match task.await {
        Ok(ended) => ended.map_err(raised),
        Err(broken) => Err(pyo3::exceptions::PyRuntimeError::new_err(broken.to_string())),
    }
}

#[pymethods]
impl Schedule {
    /// Stops what runs at the next safe place, and waits for it.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        self.stop.stop();
        wait(py, ended(Arc::clone(&self.task)))
    }

    /// As `stop`, to await.
    fn stop_async<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.stop.stop();
        awaitable(py, ended(Arc::clone(&self.task)))
    }

    /// Waits until it ends, which it does by itself only where it fails.
    fn join(&self, py: Python<'_>) -> PyResult<()> {
        wait(py, ended(Arc::clone(&self.task)))
    }

    /// As `join`, to await.
    fn join_async<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        awaitable(py, ended(Arc::clone(&self.task)))
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        self.stop.stop();
    }
}
