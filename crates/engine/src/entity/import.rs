//! Records from files: made or brought up to date row by row, each refused row told so that it can be mended and
//! imported again, and gone on with after a kill.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use syncline_core::columns::ColumnMatch;
#[cfg(doc)]
use syncline_core::error::ErrorKind;
use syncline_core::error::{Error, Result};
use syncline_core::model::TenantId;
use syncline_core::store::Mode;

use super::import_checkpoint::Checkpoint;
use super::import_form::Form;
use super::import_page::{ImportRow, write_page};
use super::service::Entities;
use super::transaction::{EntityTransaction, blueprint_by_name};
use super::upsert::{Upserted, UpsertedAs};
use crate::actor::{Action, Actor};
use crate::exchange::ReadRows;

/// Rows written per transaction.
const CHUNK: usize = 500;
/// Rows that a preview tries.
const PREVIEWED: usize = 200;
/// Rows that a preview shows.
const SHOWN: usize = 10;

/// By what a row's record is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportKey {
    /// By its id: a record of this id is brought up to date, and made with it where there is none.
    Id,
    /// By this unique field.
    Field(String),
    /// By nothing: every row is a new record.
    New,
}

/// How a file is imported.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportRequest {
    /// The fields of columns, by the column's name: a field, `id`, or nothing to leave it out. Other columns are found by
    /// name and label.
    pub columns: BTreeMap<String, String>,
    /// By what records are recognised; by the id where the file has one, else by the only unique field that it has.
    pub key: Option<ImportKey>,
    /// Whether an empty cell leaves a field as it is; it empties the field otherwise.
    pub keep_empty: bool,
    /// What tells this file from others, such as a hash of it. With it, an import of the same file that did not come to
    /// its end goes on where it was.
    pub fingerprint: Option<String>,
}

/// A row that was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportFailure {
    /// The row, as people count in the file.
    pub row: u64,
    /// Why.
    pub reason: String,
    /// What the row holds, by column.
    pub cells: Map<String, Json>,
}

/// Where refused rows go.
pub trait ImportFailures: Send {
    /// What was refused is taken as of this length: an import that goes on forgets what comes after.
    ///
    /// # Errors
    /// When that can't be.
    fn resume(&mut self, length: u64) -> Result<()>;

    /// Takes refused rows; returns the length afterwards, durable enough to be come back to.
    ///
    /// # Errors
    /// When they can't be kept: the import then ends before the rows are counted as done.
    fn take(&mut self, failures: &[ImportFailure]) -> Result<u64>;
}

impl ImportFailures for Vec<ImportFailure> {
    fn resume(&mut self, length: u64) -> Result<()> {
        self.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(())
    }

    fn take(&mut self, failures: &[ImportFailure]) -> Result<u64> {
        self.extend_from_slice(failures);
        Ok(self.len() as u64)
    }
}

/// How far an import has come, and in the end what it came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImportOutcome {
    /// Rows that were read.
    pub rows: u64,
    /// Records that were made.
    pub created: u64,
    /// Records that were changed.
    pub updated: u64,
    /// Records that were like this already.
    pub unchanged: u64,
    /// Rows that were refused.
    pub refused: u64,
    /// Rows of an earlier, unfinished import of the same file: they are in the other numbers.
    pub resumed: u64,
    /// Whether it was stopped before it was through; the same file again does the rest.
    pub stopped: bool,
}

impl ImportOutcome {
    fn count(&mut self, answers: &[std::result::Result<Upserted, Error>]) {
        for answer in answers {
            match answer {
                Ok(upserted) => match upserted.outcome {
                    UpsertedAs::Created => self.created += 1,
                    UpsertedAs::Updated => self.updated += 1,
                    UpsertedAs::Unchanged => self.unchanged += 1,
                },
                Err(_) => self.refused += 1,
            }
        }
    }
}

/// What an import would do. Nothing is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportPreview {
    /// What each column is taken for.
    pub columns: Vec<ColumnMatch>,
    /// By what records would be recognised.
    pub key: ImportKey,
    /// What became of the first 200 rows when they were tried.
    pub tried: ImportOutcome,
    /// The first rows as records, by field name.
    pub examples: Vec<Map<String, Json>>,
    /// The rows among those tried that would be refused.
    pub failures: Vec<ImportFailure>,
    /// Rows that an earlier, unfinished import of the same file has done.
    pub done: u64,
}

impl Entities<'_> {
    /// Says what each column is taken for, tries the first rows, and undoes them.
    ///
    /// # Errors
    /// As [`Entities::import`].
    pub async fn preview_import(
        &self,
        tenant: TenantId,
        blueprint: &str,
        rows: &mut dyn ReadRows,
        request: &ImportRequest,
        actor: &Actor,
    ) -> Result<ImportPreview> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::EditEntities)?;
        let (form, checkpoint) = {
            let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
            let blueprint = blueprint_by_name(tx.as_mut(), tenant, blueprint).await?;
            let checkpoint = Checkpoint::of(tx.as_mut(), &blueprint, request).await?;
            (Form::of(blueprint, rows, request)?, checkpoint)
        };
        let mut read = Vec::new();
        while read.len() < PREVIEWED
            && let Some(row) = rows.next()?
        {
            read.push(form.row(row));
        }
        let mut work = EntityTransaction::of_blueprint(inner, tenant, blueprint, actor).await?;
        let answers = write_page(&mut work, &form.key, &read).await?;
        let mut tried = ImportOutcome {
            rows: read.len() as u64,
            ..ImportOutcome::default()
        };
        tried.count(&answers);
        // Dropping the transaction undoes it.
        Ok(ImportPreview {
            columns: form.columns,
            key: form.key,
            tried,
            examples: read
                .iter()
                .filter_map(|row| row.values.as_ref().ok().cloned())
                .take(SHOWN)
                .collect(),
            failures: failures(&read, &answers),
            done: checkpoint.map_or(0, |checkpoint| checkpoint.outcome.rows),
        })
    }

    /// Takes a file in, 500 rows per transaction. A row that is refused goes to `refused`, and the others go on.
    /// `progress` is told after each page and can stop it there. With a fingerprint, the same file again goes on where an
    /// import of it was stopped or killed, with no row taken in twice.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint; [`ErrorKind::Invalid`] when
    /// columns are given that there are not, when no column is a field, when nothing tells by what records are recognised,
    /// or when the file can't be read on; what `refused` says. What was committed before is kept.
    #[expect(
        clippy::too_many_arguments,
        reason = "where rows come from, where refused ones go and who is told are three owners"
    )]
    pub async fn import(
        &self,
        tenant: TenantId,
        blueprint: &str,
        rows: &mut dyn ReadRows,
        request: &ImportRequest,
        refused: &mut dyn ImportFailures,
        progress: &mut (dyn FnMut(&ImportOutcome) -> ControlFlow<()> + Send),
        actor: &Actor,
    ) -> Result<ImportOutcome> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::EditEntities)?;
        let (form, checkpoint) = {
            let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
            let found = blueprint_by_name(tx.as_mut(), tenant, blueprint).await?;
            let checkpoint = Checkpoint::of(tx.as_mut(), &found, request).await?;
            (Form::of(found, rows, request)?, checkpoint)
        };
        let mut outcome = ImportOutcome::default();
        let mut length = 0;
        if let Some(checkpoint) = checkpoint {
            outcome = checkpoint.outcome;
            length = checkpoint.refused_length;
            for _ in 0..outcome.rows {
                rows.next()?;
            }
            outcome.resumed = outcome.rows;
        }
        refused.resume(length)?;
        loop {
            let mut read = Vec::with_capacity(CHUNK);
            while read.len() < CHUNK
                && let Some(row) = rows.next()?
            {
                read.push(form.row(row));
            }
            if read.is_empty() {
                break;
            }
            let mut work = EntityTransaction::of_blueprint(inner, tenant, blueprint, actor).await?;
            let answers = write_page(&mut work, &form.key, &read).await?;
            outcome.rows += read.len() as u64;
            outcome.count(&answers);
            // Before the commit: a refused row may be told twice after a kill, but is never lost. Going on cuts the rest.
            let failed = failures(&read, &answers);
            if !failed.is_empty() {
                length = refused.take(&failed)?;
            }
            Checkpoint::put(&mut work, request, &outcome, length).await?;
            work.finish().await?;
            if progress(&outcome).is_break() {
                outcome.stopped = true;
                return Ok(outcome);
            }
        }
        Checkpoint::forget(inner, &form.blueprint, request).await?;
        Ok(outcome)
    }
}

impl Entities<'_> {
    /// Forgets how far an import of the same file had come, so that the next one begins anew. What it took in stays.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint.
    pub async fn forget_import(
        &self,
        tenant: TenantId,
        blueprint: &str,
        request: &ImportRequest,
        actor: &Actor,
    ) -> Result<()> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::EditEntities)?;
        let blueprint = {
            let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
            blueprint_by_name(tx.as_mut(), tenant, blueprint).await?
        };
        Checkpoint::forget(inner, &blueprint, request).await
    }
}

fn failures(rows: &[ImportRow], answers: &[std::result::Result<Upserted, Error>]) -> Vec<ImportFailure> {
    let refused = rows.iter().zip(answers).filter_map(|(row, answer)| {
        let error = answer.as_ref().err()?;
        Some(ImportFailure {
            row: row.number,
            reason: error.message().to_owned(),
            cells: row.cells.clone(),
        })
    });
    refused.collect()
}
