//! Writing rows: some in one transaction, each behind a savepoint, so that what is refused takes nothing along.

mod outcome;
mod row;

use async_trait::async_trait;
use bytes::Bytes;
use syncline_core::batch::{Batch, Outcome, OutcomeKind, ReadClass};
use syncline_core::connector::Task;
use syncline_core::io::Io;
use syncline_core::job::{Budget, Progress, Push};
use syncline_core::{Error, ErrorKind, Result};

use crate::catalog::Shape;
use crate::database::{Database, Statement, Transaction};
use crate::manifest::WRITES;
use crate::read::selections;
use crate::spec::TableSpec;

/// Writing rows of a table.
pub(crate) struct PushTask {
    database: Database,
    spec: TableSpec,
    scope: Option<String>,
    push: Push,
    done: usize,
    shape: Option<Shape>,
}

impl PushTask {
    pub(crate) const fn new(database: Database, spec: TableSpec, scope: Option<String>, push: Push) -> Self {
        Self {
            database,
            spec,
            scope,
            push,
            done: 0,
            shape: None,
        }
    }

    /// Writes some rows in one transaction; their outcomes hold once it is committed.
    async fn chunk(&self, shape: &Shape, end: usize, io: &dyn Io, batch: &mut Batch) -> Result<Vec<Outcome>> {
        let mut transaction = self.database.begin().await?;
        let mut outcomes = Vec::with_capacity(end - self.done);
        for index in self.done..end {
            transaction.execute(&Statement::new("SAVEPOINT one_row")).await?;
            let write = &self.push.writes[index];
            let outcome = match row::write(&mut transaction, shape, write, io.now()).await {
                Ok((kind, id)) => Outcome {
                    id,
                    ..Outcome::new(index, kind)
                },
                // The transaction is lost, and the others with it.
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error),
                Err(error) => {
                    transaction
                        .execute(&Statement::new("ROLLBACK TO SAVEPOINT one_row"))
                        .await?;
                    outcome::refused(&mut transaction, shape, write, index, &error).await?
                }
            };
            transaction
                .execute(&Statement::new("RELEASE SAVEPOINT one_row"))
                .await?;
            outcomes.push(outcome);
        }
        self.read_back(&mut transaction, shape, &mut outcomes, batch).await?;
        match transaction.commit().await {
            Ok(()) => Ok(outcomes),
            // What a deferred constraint refuses is known; whether a commit whose answer is lost was made is not.
            Err(error) => Ok(outcome::not_committed(self.done..end, &error)),
        }
    }

    /// Adds what the rows hold now, with all that triggers and defaults made of them.
    async fn read_back(
        &self,
        transaction: &mut Transaction,
        shape: &Shape,
        outcomes: &mut [Outcome],
        batch: &mut Batch,
    ) -> Result<()> {
        let written = outcomes
            .iter()
            .filter(|outcome| matches!(outcome.kind, OutcomeKind::Applied { .. }));
        let ids: Vec<String> = written.filter_map(|outcome| outcome.id.clone()).collect();
        let (selected, statements) = selections(shape, &self.push.projection, &ids)?;
        for statement in statements {
            for cells in transaction.rows(&statement).await? {
                let found = selected.read(cells)?;
                let outcome = outcomes
                    .iter_mut()
                    .find(|outcome| outcome.id.as_ref() == Some(&found.id));
                if let Some(outcome) = outcome.filter(|_| !found.deleted) {
                    outcome.stamp = found.changed_at()?;
                    outcome.row = Some(batch.len());
                    found.put(batch, &self.push.projection)?;
                }
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Task for PushTask {
    async fn step(&mut self, io: &dyn Io, budget: Budget, batch: &mut Batch) -> Result<Progress> {
        batch.class = ReadClass::Strong;
        let size = budget.rows.clamp(1, WRITES);
        let end = self.push.writes.len().min(self.done + size);
        if self.shape.is_none() && end > 0 {
            let read = Shape::read(&self.database, &self.spec, self.scope.as_deref()).await;
            self.shape = Some(read?);
        }
        if let Some(shape) = self.shape.clone() {
            match self.chunk(&shape, end, io, batch).await {
                Ok(outcomes) => batch.outcomes.extend(outcomes),
                Err(error) if self.done == 0 => {
                    batch.clear();
                    return Err(error);
                }
                // Rolled back: certainly not applied.
                Err(error) => {
                    batch.clear();
                    batch.class = ReadClass::Strong;
                    batch.outcomes.extend(not_applied(self.done..end, &error));
                }
            }
        }
        self.done = end;
        Ok(if end == self.push.writes.len() {
            Progress::Done { cursor: Bytes::new() }
        } else {
            Progress::More {
                checkpoint: None,
                total: None,
            }
        })
    }
}

fn not_applied(range: std::ops::Range<usize>, error: &Error) -> impl Iterator<Item = Outcome> {
    let message = error.message().to_owned();
    range.map(move |index| Outcome {
        message: Some(message.clone()),
        ..Outcome::new(index, OutcomeKind::NotApplied { not_before: None })
    })
}
