//! [`Engine`]: the engine behind one call by name.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pythonize::depythonize;
use serde::Deserialize;
use serde_json::Value as Json;
use syncline::actor::Actor;
use syncline::connectors;
use syncline::entity::EntityListQuery;
use syncline::lens::LensRegistry;
use syncline::ports::SystemRandom;
use syncline::settings::Settings;
use syncline::store::MemoryStore;
use syncline::vault::{InMemoryKeyProvider, KeyProvider};

use crate::connector::PythonConnector;
use crate::error::{invalid, raised};
use crate::hook::PythonHook;
use crate::keys::PythonKeys;
use crate::lens;
use crate::operation::{self, watch_request};
use crate::progress::{Answer, ProgressStream, RunWatch};
use crate::runtime::{awaitable, runtime, wait};
use crate::schedule::Schedule;
use crate::table::Table;

/// What an engine is opened with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    database: PathBuf,
    #[serde(default)]
    allow_loopback: bool,
    #[serde(default)]
    settings: Option<Settings>,
}

/// An engine over one database.
#[pyclass(frozen, module = "syncline._native")]
#[derive(Debug)]
pub(crate) struct Engine {
    /// Always there until it is dropped.
    engine: Option<syncline::Engine>,
}

impl Engine {
    fn get(&self) -> PyResult<syncline::Engine> {
        self.engine.clone().ok_or_else(|| invalid("this Syncline is closed"))
    }
}

/// A database of this name is none: everything is forgotten with the engine.
const MEMORY: &str = ":memory:";

/// What the host plugs in.
#[derive(Debug)]
struct Plugged {
    lenses: Vec<lens::Given>,
    keys: Option<Py<PyAny>>,
    connectors: Vec<PythonConnector>,
    hooks: Vec<PythonHook>,
}

impl Plugged {
    fn new(
        py: Python<'_>,
        lenses: Vec<lens::Given>,
        keys: Option<Py<PyAny>>,
        connectors: Vec<Py<PyAny>>,
        hooks: Vec<Py<PyAny>>,
    ) -> PyResult<Self> {
        let connectors = connectors
            .into_iter()
            .map(|connector| PythonConnector::new(py, connector));
        Ok(Self {
            lenses,
            keys,
            connectors: connectors.collect::<PyResult<Vec<_>>>()?,
            hooks: hooks
                .into_iter()
                .map(|hook| PythonHook::new(py, hook))
                .collect::<PyResult<Vec<_>>>()?,
        })
    }
}

async fn opened(options: Options, plugged: Plugged) -> PyResult<Engine> {
    let in_memory = options.database.as_os_str() == MEMORY;
    let keys: Option<Arc<dyn KeyProvider>> = match plugged.keys {
        Some(keys) => Some(Arc::new(PythonKeys(keys))),
        None if in_memory => Some(Arc::new(InMemoryKeyProvider::generate(&SystemRandom))),
        None => None,
    };
    let builder = match keys {
        Some(keys) if in_memory => connectors::add_all(syncline::Engine::builder(Arc::new(MemoryStore::new()), keys)),
        Some(keys) => {
            let store = syncline::open_store(&options.database).await.map_err(raised)?;
            connectors::add_all(syncline::Engine::builder(store, keys))
        }
        None => syncline::builder(&options.database).await.map_err(raised)?,
    };
    let mut registry = LensRegistry::standard();
    lens::register(&mut registry, plugged.lenses);
    let mut builder = builder.lenses(registry);
    for connector in plugged.connectors {
        builder = builder.connector(connector);
    }
    for hook in plugged.hooks {
        builder = builder.change_hook(hook);
    }
    let mut builder = builder.allow_loopback(options.allow_loopback);
    if let Some(settings) = options.settings {
        builder = builder.settings(settings);
    }
    Ok(Engine {
        engine: Some(builder.build().map_err(raised)?),
    })
}

fn read<T: serde::de::DeserializeOwned>(given: &Bound<'_, PyAny>) -> PyResult<T> {
    depythonize(given).map_err(|error| invalid(format!("an argument has the wrong form: {error}")))
}

/// Whoever asks about a tenant reaches nothing of another, whatever number they name.
fn in_tenant(actor: Actor, arguments: &Json) -> Actor {
    let named = arguments["tenant"]
        .as_u64()
        .and_then(|tenant| u32::try_from(tenant).ok());
    match named {
        Some(tenant) if actor.tenant.is_none() => actor.of(tenant),
        _ => actor,
    }
}

async fn called(engine: syncline::Engine, name: String, actor: Actor, arguments: Json) -> PyResult<Answer> {
    let actor = in_tenant(actor, &arguments);
    operation::call(&engine, &name, &actor, arguments)
        .await
        .map(Answer)
        .map_err(raised)
}

async fn watched(engine: syncline::Engine, actor: Actor, arguments: Json) -> PyResult<RunWatch> {
    let actor = in_tenant(actor, &arguments);
    let request = watch_request(arguments).map_err(raised)?;
    // Before the runs start, so that nothing is missed.
    let progress = engine.progress(&actor).map_err(raised)?;
    let started = engine.runs().start(request, &actor).await.map_err(raised)?;
    Ok(RunWatch::new(engine, actor, progress, &started))
}

/// Which entities make a table.
#[derive(Debug, Deserialize)]
struct Wanted {
    tenant: u32,
    blueprint: String,
    query: EntityListQuery,
}

async fn tabled(engine: syncline::Engine, actor: Actor, arguments: Json) -> PyResult<Table> {
    let actor = in_tenant(actor, &arguments);
    let wanted: Wanted = serde_json::from_value(arguments)
        .map_err(|error| invalid(format!("an argument has the wrong form: {error}")))?;
    let (tenant, name) = (wanted.tenant, &wanted.blueprint);
    // Who may not read entities finds that out with the first page.
    let blueprint = engine.blueprint(tenant, name, &Actor::system()).await.map_err(raised)?;
    Ok(Table::new(engine, actor, tenant, &blueprint, wanted.query))
}

#[pymethods]
impl Engine {
    /// Opens a database.
    #[staticmethod]
    fn open(
        py: Python<'_>,
        options: &Bound<'_, PyAny>,
        lenses: Vec<lens::Given>,
        keys: Option<Py<PyAny>>,
        connectors: Vec<Py<PyAny>>,
        hooks: Vec<Py<PyAny>>,
    ) -> PyResult<Self> {
        let plugged = Plugged::new(py, lenses, keys, connectors, hooks)?;
        wait(py, opened(read(options)?, plugged))
    }

    /// As `open`, to await.
    #[staticmethod]
    fn open_async<'py>(
        py: Python<'py>,
        options: &Bound<'py, PyAny>,
        lenses: Vec<lens::Given>,
        keys: Option<Py<PyAny>>,
        connectors: Vec<Py<PyAny>>,
        hooks: Vec<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let plugged = Plugged::new(py, lenses, keys, connectors, hooks)?;
        awaitable(py, opened(read(options)?, plugged))
    }

    /// Does something by its name.
    fn call(
        &self,
        py: Python<'_>,
        name: String,
        actor: &Bound<'_, PyAny>,
        arguments: &Bound<'_, PyAny>,
    ) -> PyResult<Answer> {
        wait(py, called(self.get()?, name, read(actor)?, read(arguments)?))
    }

    /// As `call`, to await.
    fn call_async<'py>(
        &self,
        py: Python<'py>,
        name: String,
        actor: &Bound<'py, PyAny>,
        arguments: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        awaitable(py, called(self.get()?, name, read(actor)?, read(arguments)?))
    }

    /// Starts runs, to be watched.
    fn watch(&self, py: Python<'_>, actor: &Bound<'_, PyAny>, arguments: &Bound<'_, PyAny>) -> PyResult<RunWatch> {
        wait(py, watched(self.get()?, read(actor)?, read(arguments)?))
    }

    /// As `watch`, to await.
    fn watch_async<'py>(
        &self,
        py: Python<'py>,
        actor: &Bound<'py, PyAny>,
        arguments: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        awaitable(py, watched(self.get()?, read(actor)?, read(arguments)?))
    }

    /// The entities of a blueprint as a table.
    fn table(&self, py: Python<'_>, actor: &Bound<'_, PyAny>, arguments: &Bound<'_, PyAny>) -> PyResult<Table> {
        wait(py, tabled(self.get()?, read(actor)?, read(arguments)?))
    }

    /// As `table`, to await.
    fn table_async<'py>(
        &self,
        py: Python<'py>,
        actor: &Bound<'py, PyAny>,
        arguments: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        awaitable(py, tabled(self.get()?, read(actor)?, read(arguments)?))
    }

    /// Live progress of all runs of this process.
    fn progress(&self, actor: &Bound<'_, PyAny>) -> PyResult<ProgressStream> {
        let stream = self.get()?.progress(&read(actor)?).map_err(raised)?;
        Ok(ProgressStream::new(stream))
    }

    /// Starts the schedule in the background.
    fn schedule(&self, actor: &Bound<'_, PyAny>) -> PyResult<Schedule> {
        Ok(Schedule::start(self.get()?, read(actor)?))
    }

    /// What people call the database; never holds a password.
    fn label(&self) -> PyResult<String> {
        Ok(self.get()?.store_label())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Closing a database is work for the runtime's threads.
        let _entered = runtime().enter();
        drop(self.engine.take());
    }
}
