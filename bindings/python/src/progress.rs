//! Progress as it happens: of all runs of the process, and of runs that somebody waits for.

use std::sync::Arc;

use pyo3::prelude::*;
use pythonize::pythonize;
use serde_json::{Value as Json, json};
use syncline::actor::Actor;
use syncline::event;
use syncline::run::{Run, StartedRun};
use tokio::sync::Mutex;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;

use crate::error::raised;
use crate::operation::{plain, run_json};
use crate::runtime::{awaitable, runtime, wait};

/// Live progress of all runs of this process.
#[pyclass(frozen, module = "syncline._native")]
#[derive(Debug)]
pub(crate) struct ProgressStream(Arc<Mutex<event::ProgressStream>>);

impl ProgressStream {
    pub(crate) fn new(receiver: event::ProgressStream) -> Self {
        Self(Arc::new(Mutex::new(receiver)))
    }
}

async fn next_of(receiver: Arc<Mutex<event::ProgressStream>>) -> PyResult<Answer> {
    let mut receiver = receiver.lock().await;
    loop {
        match receiver.recv().await {
            Ok(event) => return Ok(Answer(plain(&event).map_err(raised)?)),
            // Who is slow misses some: the next one says where the run is by then.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Ok(Answer(Json::Null)),
        }
    }
}

#[pymethods]
impl ProgressStream {
    /// The next moment; `None` when there is no engine any more.
    fn next(&self, py: Python<'_>) -> PyResult<Answer> {
        wait(py, next_of(Arc::clone(&self.0)))
    }

    /// As `next`, to await.
    fn next_async<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        awaitable(py, next_of(Arc::clone(&self.0)))
    }
}

/// Runs that somebody waits for, with their progress. Closing it, or dropping it, asks those that are not over to stop at
/// the next safe place.
#[pyclass(frozen, module = "syncline._native")]
#[derive(Debug)]
pub(crate) struct RunWatch {
    watched: Arc<Mutex<Watched>>,
    engine: syncline::Engine,
    actor: Actor,
    runs: Vec<u64>,
}

#[derive(Debug)]
struct Watched {
    progress: event::ProgressStream,
    runs: Vec<u64>,
    over: Option<JoinHandle<syncline::Result<Vec<Run>>>>,
}

impl RunWatch {
    /// Watches runs that were just started; `progress` was subscribed to before.
    pub(crate) fn new(
        engine: syncline::Engine,
        actor: Actor,
        progress: event::ProgressStream,
        started: &[StartedRun],
    ) -> Self {
        let runs: Vec<u64> = started.iter().map(|run| run.id).collect();
        let over = {
            let (engine, actor, runs) = (engine.clone(), actor.clone(), runs.clone());
            runtime().spawn(async move {
                let mut ended = Vec::with_capacity(runs.len());
                for run in runs {
                    ended.push(engine.runs().wait(run, &actor).await?);
                }
                Ok(ended)
            })
        };
        let watched = Watched {
            progress,
            runs: runs.clone(),
            over: Some(over),
        };
        Self {
            watched: Arc::new(Mutex::new(watched)),
            engine,
            actor,
            runs,
        }
    }
}

impl Watched {
    /// The next moment of progress, or how the runs ended.
    async fn next(&mut self) -> PyResult<Answer> {
        loop {
            let Some(over) = &mut self.over else {
                return Ok(Answer(Json::Null));
            };
            let event = tokio::select! {
                biased;
                event = self.progress.recv() => match event {
                    Ok(event) => event,
                    // Missed some, or there is no engine any more, which ends the runs as well.
                    Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => return Ok(Answer(json!({ "runs": [] }))),
                },
                ended = over => {
                    self.over = None;
                    let ended = ended.map_err(|broken| pyo3::exceptions::PyRuntimeError::new_err(broken.to_string()))?;
                    let runs: Vec<Json> = ended.map_err(raised)?.iter().map(run_json).collect();
                    return Ok(Answer(json!({ "runs": runs })));
                }
            };
            if self.runs.contains(&event.run) {
                return Ok(Answer(plain(&event).map_err(raised)?));
            }
        }
    }
}

async fn next_of_runs(watched: Arc<Mutex<Watched>>) -> PyResult<Answer> {
    watched.lock().await.next().await
}

#[pymethods]
impl RunWatch {
    /// The next moment of progress, or `{"runs": [...]}` when all are over; `None` after that.
    fn next(&self, py: Python<'_>) -> PyResult<Answer> {
        wait(py, next_of_runs(Arc::clone(&self.watched)))
    }

    /// As `next`, to await.
    fn next_async<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        awaitable(py, next_of_runs(Arc::clone(&self.watched)))
    }

    /// Asks what is not over to stop, and returns at once.
    fn close(&self) {
        let (engine, actor, runs) = (self.engine.clone(), self.actor.clone(), self.runs.clone());
        runtime().spawn(async move {
            for run in runs {
                // One that is over refuses, which is as well.
                let _refused = engine.runs().stop(run, &actor).await;
            }
        });
    }
}

impl Drop for RunWatch {
    fn drop(&mut self) {
        self.close();
    }
}

/// An answer on its way to Python.
#[derive(Debug)]
pub(crate) struct Answer(pub(crate) Json);

impl<'py> IntoPyObject<'py> for Answer {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(pythonize(py, &self.0)?)
    }
}
