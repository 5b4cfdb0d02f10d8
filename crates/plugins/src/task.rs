//! [`PluginTask`]: a job that a plugin does.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use syncline_core::batch::{Batch, Outcome};
use syncline_core::connector::Task;
use syncline_core::io::{Config, Io};
use syncline_core::job::{Budget, Job, Progress};
use syncline_core::{Error, ErrorKind, Result, Retry};
use wasmtime::component::ResourceAny;

use crate::bindings::syncline::connector::types as wit;
use crate::breach::breach;
use crate::instance::{Instance, Manner, call};
use crate::loaded::Loaded;

/// A job that a plugin does, in an instance of its own. Dropping it drops the instance.
#[derive(Debug)]
pub(crate) struct PluginTask {
    loaded: Arc<Loaded>,
    instance: Instance,
    task: ResourceAny,
    /// Whether each write of a push was answered for; empty for other jobs.
    answered: Vec<bool>,
    /// Whether anything was sent that does something.
    has_written: bool,
}

impl PluginTask {
    /// Opens the job.
    ///
    /// # Errors
    /// What the plugin says, and what it does wrong.
    pub(crate) async fn open(loaded: Arc<Loaded>, config: &Config, job: Job, resume: Option<Bytes>) -> Result<Self> {
        let answered = match &job {
            Job::Push(push) => vec![false; push.writes.len()],
            _ => Vec::new(),
        };
        let mut instance = loaded.instance(Some(config)).await?;
        let (config, job, resume) = (config.clone().into(), job.into(), resume.map(Vec::from));
        let opening = &mut instance;
        let opened = call!(opening, None, Manner::AtOnce, |plugin, store| plugin.task().call_open(
            store,
            &config,
            &job,
            resume.as_deref()
        ));
        let task = loaded.flat(opened)?;
        Ok(Self {
            loaded,
            instance,
            task,
            answered,
            has_written: false,
        })
    }

    async fn give(&mut self, io: &dyn Io, budget: Budget, batch: &mut Batch) -> Result<Progress> {
        let (instance, task) = (&mut self.instance, self.task);
        let step = call!(instance, Some(io), Manner::Waiting, |plugin, store| plugin
            .task()
            .call_step(store, task, budget.into()));
        self.has_written |= self.instance.has_written();
        let step = self.loaded.flat(step)?;
        self.take(step, batch)
    }

    /// Takes a step's rows, outcomes and hints, if they are what they may be.
    fn take(&mut self, step: wit::Step, batch: &mut Batch) -> Result<Progress> {
        let progress = step.progress.try_into().map_err(unreadable)?;
        let outcomes = step.outcomes.into_iter().map(Outcome::try_from);
        let outcomes = outcomes.collect::<Result<Vec<_>>>().map_err(unreadable)?;
        self.loaded.unpack(&step.page, batch)?;
        for outcome in &outcomes {
            let Some(answered) = self.answered.get_mut(outcome.index) else {
                return Err(breach(format!(
                    "the plugin told of a write that it was not asked for, number {}",
                    outcome.index
                )));
            };
            if std::mem::replace(answered, true) {
                return Err(breach(format!(
                    "the plugin told twice of write number {}",
                    outcome.index
                )));
            }
            if outcome.row.is_some_and(|row| row >= batch.len()) {
                return Err(breach("the plugin told of a row that it did not give"));
            }
        }
        if matches!(progress, Progress::Done { .. }) && self.answered.contains(&false) {
            return Err(breach("the plugin ended a push without telling of each of its writes"));
        }
        batch.outcomes.extend(outcomes);
        batch.hints.extend(step.hints.into_iter().map(Into::into));
        Ok(progress)
    }

    /// What a failure means for writes that were let out: whatever the plugin says, they may have been applied.
    fn honest(&self, error: Error) -> Error {
        if self.has_written && !self.answered.is_empty() && error.kind() != ErrorKind::Stopped {
            error.retry_as(Retry::UnknownOutcome)
        } else {
            error
        }
    }
}

fn unreadable(error: Error) -> Error {
    breach("the plugin gave back what can't be read; report it to the plugin's maker").because(error)
}

#[async_trait]
impl Task for PluginTask {
    async fn step(&mut self, io: &dyn Io, budget: Budget, batch: &mut Batch) -> Result<Progress> {
        let given = self.give(io, budget, batch).await;
        given.map_err(|error| {
            // Rows that came with what was refused are not to be used.
            batch.clear();
            self.loaded.told(self.honest(error))
        })
    }
}
