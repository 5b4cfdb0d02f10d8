//! A run over records that somebody chose: they are read by id, and what is not there is said.

use std::collections::BTreeSet;

use syncline_core::batch::{Batch, RowState};
use syncline_core::error::Result;

use super::brake;
use super::context::SyncContext;
use super::model::Run;
use super::page::{PageTally, take_page};
use super::pull::{fetch, took};
use super::reporter::Reporter;
use super::session::{FailureNote, Page, Session, record_failure};
use crate::document::Versioned;
use crate::engine::Inner;

/// Whether a run writes a record: one over chosen records leaves the others for the next.
pub(super) fn is_meant(run: &Run, ext: Option<&str>) -> bool {
    let chosen = &run.parameters.records;
    chosen.is_empty() || ext.is_some_and(|ext| chosen.iter().any(|record| record == ext))
}

/// Reads chosen records strongly.
pub(super) async fn pull_chosen(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    reporter: &Reporter,
) -> Result<()> {
    let chosen: BTreeSet<String> = run.parameters.records.iter().cloned().collect();
    let chosen: Vec<String> = chosen.into_iter().collect();
    for ids in chosen.chunks(context.connector.manifest().capabilities.read.fetch_size.max(1)) {
        reporter.check_stop()?;
        let (batch, mark) = fetch(inner, context, ids.to_vec()).await?;
        for row in batch.rows() {
            // As the provider writes them, by which they are known from here on.
            if !is_meant(run, Some(row.id())) {
                run.parameters.records.push(row.id().to_owned());
            }
        }
        let mut page = session.begin().await?;
        let mut tally = take_page(inner, context, &mut page, run, &batch, batch.len(), mark).await?;
        tell_unknown(inner, context, &mut page, run, &batch, &mut tally).await?;
        brake::reading(inner, context, &mut page, run, &tally).await?;
        run.ledger(&context.sync.name, "pull").add(&tally.ledger);
        reporter.detail(run, || took(context, "read by id", &tally));
        session.commit(page, run).await?;
        reporter.progress(context, "pull", run);
    }
    Ok(())
}

/// Whoever names a record that is not there made a mistake that they have to hear of. Where a link knows the record, what
/// became of it is dealt with as in every other run.
async fn tell_unknown(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: &Run,
    batch: &Batch,
    tally: &mut PageTally,
) -> Result<()> {
    let gone = |state| matches!(state, RowState::Missing | RowState::Deleted | RowState::Archived);
    let rows: Vec<_> = batch.rows().filter(|row| gone(row.state())).collect();
    let ids: Vec<&str> = rows.iter().map(syncline_core::batch::RowRef::id).collect();
    let heads = page.tx()?.heads(context.side(), &ids).await?;
    for (row, head) in rows.iter().zip(heads) {
        if head.is_some() {
            continue;
        }
        let (place, id) = (&context.mapping.label, row.id());
        let message = match row.state() {
            RowState::Missing => {
                format!("there is no record `{id}` in {place}, or the connection's user may not see it; check the id")
            }
            _ => {
                format!("record `{id}` in {place} is deleted and was never linked; restore it there, or choose another")
            }
        };
        tally.ledger.unchanged -= 1;
        tally.ledger.failed += 1;
        let note = FailureNote {
            record: Some(id.to_owned()),
            entity: None,
            fields: Vec::new(),
            message,
            detail: None,
        };
        record_failure(inner, page, run.id, &context.sync, "pull", note).await?;
    }
    Ok(())
}
