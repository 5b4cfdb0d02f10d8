//! Failed records whose time has come: read again, or written again.

use syncline_core::batch::{RowRef, RowState};
use syncline_core::error::Result;
use syncline_core::state::{EntityId, SideFlags};
use syncline_core::store::{DocumentKind, DocumentQuery};

use super::brake;
use super::context::SyncContext;
use super::model::{Failure, Run};
use super::page::{store, take_page};
use super::pull::fetch;
use super::reporter::Reporter;
use super::session::Session;
use crate::document::{self, Versioned};
use crate::engine::Inner;

/// Tries again what failed earlier and is due. What succeeds is forgotten; what fails again waits longer.
pub(crate) async fn retry_failures(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    reporter: &Reporter,
) -> Result<()> {
    let mut page = session.begin().await?;
    let mut query = DocumentQuery::new(DocumentKind::Failure)
        .tenant(context.sync.tenant)
        .scope(context.sync.id)
        .status("open")
        .limit(inner.settings.page_rows);
    query.until = Some(inner.clock.now());
    let due = document::find::<Failure>(page.tx()?, &query).await?;
    session.commit(page, run).await?;
    // A file that could not be carried says nothing of its record.
    let due: Vec<_> = due
        .into_iter()
        .filter(|failure| failure.direction != super::files::FILES)
        .collect();
    let (reads, writes): (Vec<_>, Vec<_>) = due.into_iter().partition(|failure| failure.direction == "pull");
    lift_quarantines(context, session, run, &writes).await?;
    let size = context
        .connector
        .manifest()
        .capabilities
        .read
        .fetch_size
        .clamp(1, inner.settings.page_rows);
    for due in reads.chunks(size) {
        reporter.check_stop()?;
        let ids: Vec<String> = due.iter().filter_map(|failure| failure.record.clone()).collect();
        let (batch, mark) = fetch(inner, context, ids.clone()).await?;
        let mut page = session.begin().await?;
        let tally = take_page(inner, context, &mut page, run, &batch, batch.len(), mark).await?;
        brake::reading(inner, context, &mut page, run, &tally).await?;
        run.ledger(&context.sync.name, "pull").add(&tally.ledger);
        let refs: Vec<&str> = ids.iter().map(String::as_str).collect();
        let heads = page.tx()?.heads(context.side(), &refs).await?;
        for failure in due {
            let place = failure
                .record
                .as_ref()
                .and_then(|record| ids.iter().position(|id| id == record));
            let head = place.and_then(|place| heads[place].as_ref());
            let is_there = |row: &RowRef<'_>| row.state() == RowState::Live && row.is_complete();
            let read = place.is_some_and(|place| batch.rows().any(|row| row.id() == ids[place] && is_there(&row)));
            // Brought back beside the record that stands for it: there until a person says which is meant.
            if read && let Some(record) = &failure.record {
                let current = page.tx()?.resolve_alias(context.side(), record).await?;
                if current != *record {
                    continue;
                }
            }
            // Taken in by now, or no longer there at all.
            if head.is_some_and(|head| !head.flags.has(SideFlags::FAILED)) || (head.is_none() && !read) {
                page.tx()?.delete_document(DocumentKind::Failure, failure.id).await?;
            }
        }
        session.commit(page, run).await?;
    }
    Ok(())
}

/// What a CRM refused is written once more: a person may have mended the rule that refused it.
async fn lift_quarantines(
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    due: &[Versioned<Failure>],
) -> Result<()> {
    let ids: Vec<EntityId> = due.iter().filter_map(|failure| failure.entity).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let mut page = session.begin().await?;
    let mut loaded = page.tx()?.load(&ids).await?;
    for linked in &mut loaded {
        if let Some(index) = linked.side_index(context.side()) {
            let side = &mut linked.sides[index];
            for state in side.groups.values_mut() {
                state.quarantine = None;
            }
            side.tidy();
            side.flags.clear(SideFlags::QUARANTINED);
            // Still failed until it is written, or found to need no write any more.
            side.flags.set(SideFlags::FAILED);
            side.flags.set(SideFlags::PUSH);
        }
    }
    store(page.tx()?, &loaded).await?;
    session.commit(page, run).await
}
