//! The exports, for any connector.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Once;
use std::task::{Context, Poll, Waker};

use syncline_core::batch::Batch;
use syncline_core::connector::{Connector, Task};
use syncline_core::job::{Fetch, Job};
use syncline_core::schema::Described;
use syncline_core::{Error, ErrorKind, Result};

use crate::Plugin;
use crate::bindings::exports::syncline::connector::connector::{self as exports, Guest, GuestTask};
use crate::bindings::syncline::connector::{host, types as wit};
use crate::contract::meaningless;
use crate::io::HostIo;

/// A job under way.
pub struct OpenTask<P> {
    task: RefCell<Box<dyn Task>>,
    width: usize,
    plugin: PhantomData<P>,
}

impl<P> std::fmt::Debug for OpenTask<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenTask").finish_non_exhaustive()
    }
}

impl<P: Plugin> Guest for P {
    type Task = OpenTask<P>;

    fn manifest() -> String {
        // Without it the host says that there is no manifest, which is as much as could be said here.
        serde_json::to_string(connector::<P>().manifest()).unwrap_or_default()
    }

    fn scopes(objects: Vec<(String, wit::Access)>) -> Vec<String> {
        let objects: Vec<_> = objects
            .iter()
            .map(|(object, access)| (object.as_str(), (*access).into()))
            .collect();
        connector::<P>().scopes(&objects)
    }

    fn app_scopes() -> Vec<String> {
        connector::<P>().app_scopes()
    }

    fn classify(head: wit::Head, body: Vec<u8>) -> wit::Class {
        connector::<P>().classify(&head.into(), &body).into()
    }

    fn account(config: wit::Config) -> Result<String, wit::Error> {
        let config = config.into();
        document(&finish(connector::<P>().account(&HostIo, &config))?)
    }

    fn objects(config: wit::Config) -> Result<String, wit::Error> {
        let config = config.into();
        document(&finish(connector::<P>().objects(&HostIo, &config))?)
    }

    fn describe(config: wit::Config, object: String, version: Option<String>) -> Result<Option<String>, wit::Error> {
        let config = config.into();
        match finish(connector::<P>().describe(&HostIo, &config, &object, version.as_deref()))? {
            Described::Unchanged => Ok(None),
            Described::Schema(schema) => document(&schema).map(Some),
        }
    }

    fn users(config: wit::Config) -> Result<String, wit::Error> {
        let config = config.into();
        document(&finish(connector::<P>().users(&HostIo, &config))?)
    }

    fn fetch_records(config: wit::Config, fetch: wit::Fetch) -> Result<Vec<u8>, wit::Error> {
        let (config, fetch) = (config.into(), Fetch::from(fetch));
        let mut batch = Batch::new(fetch.projection.fields.len());
        finish(connector::<P>().fetch(&HostIo, &config, &fetch, &mut batch))?;
        Ok(batch.pack())
    }

    fn count(config: wit::Config, object: String, conditions: Vec<wit::Condition>) -> Result<Option<u64>, wit::Error> {
        let config = config.into();
        let conditions = conditions
            .into_iter()
            .map(TryInto::try_into)
            .collect::<Result<Vec<_>>>()?;
        Ok(finish(connector::<P>().count(&HostIo, &config, &object, &conditions))?)
    }

    fn make_marker(config: wit::Config, object: String) -> Result<String, wit::Error> {
        let config = config.into();
        Ok(finish(connector::<P>().make_marker(&HostIo, &config, &object))?)
    }

    fn webhook(config: wit::Config, request: wit::RawRequest) -> Result<Vec<wit::Hint>, wit::Error> {
        let (config, request) = (config.into(), request.into());
        let hints = finish(connector::<P>().webhook(&HostIo, &config, &request))?;
        Ok(hints.into_iter().map(Into::into).collect())
    }
}

impl<P: Plugin> GuestTask for OpenTask<P> {
    fn open(config: wit::Config, job: wit::Job, resume: Option<Vec<u8>>) -> Result<exports::Task, wit::Error> {
        let job = Job::try_from(job)?;
        let width = match &job {
            Job::Pull(pull) => pull.projection.fields.len(),
            Job::Push(push) => push.projection.fields.len(),
            Job::Sweep { projection, .. } => projection.fields.len(),
            Job::Feed(_) => 0,
        };
        let task = connector::<P>().open(&config.into(), job, resume.map(Into::into))?;
        Ok(exports::Task::new(Self {
            task: RefCell::new(task),
            width,
            plugin: PhantomData,
        }))
    }

    fn step(&self, budget: wit::Budget) -> Result<wit::Step, wit::Error> {
        let mut task = self
            .task
            .try_borrow_mut()
            .map_err(|_| meaningless("a step within a step"))?;
        let mut batch = Batch::new(self.width);
        let progress = finish(task.step(&HostIo, budget.into(), &mut batch))?;
        Ok(wit::Step {
            progress: progress.into(),
            page: batch.pack(),
            outcomes: std::mem::take(&mut batch.outcomes)
                .into_iter()
                .map(Into::into)
                .collect(),
            hints: std::mem::take(&mut batch.hints).into_iter().map(Into::into).collect(),
        })
    }
}

/// The connector of a plugin, with panics told to the host before they end the instance.
fn connector<P: Plugin>() -> &'static dyn Connector {
    tell_panics();
    P::connector()
}

/// Tells panics to the host before they end the instance.
#[doc(hidden)]
pub fn tell_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|panic| host::log(wit::Level::Warn, &panic.to_string())));
    });
}

/// The result of a connector's call. All that it can wait for is the host, which has answered when its call returns, so
/// there is nothing to come back for.
fn finish<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Error::new(
            ErrorKind::Internal,
            "the connector waits for something else than its host, which a plugin can't",
        )),
    }
}

fn document(of: &impl serde::Serialize) -> Result<String, wit::Error> {
    serde_json::to_string(of).map_err(|error| {
        Error::new(ErrorKind::Internal, "an answer can't be written as JSON")
            .because(error)
            .into()
    })
}
