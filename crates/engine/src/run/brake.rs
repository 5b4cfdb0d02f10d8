//! The mass-change brake: a run that would delete or overwrite too much halts, and a person is asked.

use syncline_core::error::{Error, ErrorKind, Result};

use super::context::SyncContext;
use super::model::{Ledger, Run};
use super::page::PageTally;
use super::session::Page;
use crate::document;
use crate::engine::Inner;
use crate::sync::Sync;

/// Halts a run that deletes or overwrites more in the app than the set share.
pub(super) async fn reading(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: &mut Run,
    tally: &PageTally,
) -> Result<()> {
    if run.parameters.release_brake || (tally.deletes == 0 && tally.overwrites == 0 && tally.decided == 0) {
        return Ok(());
    }
    if is_unproven(context, page).await? {
        let before = *run.ledger(&context.sync.name, "pull");
        let count = before.updated + before.deleted + tally.decided.max(tally.deletes);
        return halt(run, &unproven(&context.sync, count));
    }
    let linked = page.tx()?.side_counts(context.side()).await?.linked + tally.deletes;
    let before = *run.ledger(&context.sync.name, "pull");
    let (deletes, overwrites) = (before.deleted + tally.deletes, before.updated + tally.overwrites);
    for (what, count, brake) in [
        ("delete", deletes, inner.settings.delete_brake),
        ("overwrite", overwrites, inner.settings.overwrite_brake),
    ] {
        if brake.trips(count, linked) {
            let why = format!(
                "it would {what} {count} of {linked} linked records of sync `{}`; look at a dry run, then run again with \
                 the brake released if this is meant",
                context.sync.name
            );
            halt(run, &why)?;
        }
    }
    Ok(())
}

/// Halts a run that deletes or overwrites more in the CRM than the set share.
pub(super) async fn writing(
    inner: &Inner,
    context: &SyncContext,
    page: &mut Page,
    run: &mut Run,
    ledger: &Ledger,
) -> Result<()> {
    if run.parameters.release_brake {
        return Ok(());
    }
    let changes = ledger.updated + ledger.deleted;
    if changes > 0 && is_unproven(context, page).await? {
        return halt(run, &unproven(&context.sync, changes));
    }
    let linked = page.tx()?.side_counts(context.side()).await?.linked;
    let before = *run.ledger(&context.sync.name, "push");
    for (what, count, brake) in [
        (
            "delete or unlink",
            before.deleted + ledger.deleted,
            inner.settings.delete_brake,
        ),
        (
            "overwrite",
            before.updated + ledger.updated,
            inner.settings.overwrite_brake,
        ),
    ] {
        if brake.trips(count, linked) {
            let why = format!(
                "it would {what} {count} of {linked} records in {}; look at a dry run, then run again with the brake \
                 released if this is meant",
                context.mapping.label
            );
            halt(run, &why)?;
        }
    }
    Ok(())
}

/// Whether the links of a sync are those of another account, and nothing has shown yet that they hold in this one.
async fn is_unproven(context: &SyncContext, page: &mut Page) -> Result<bool> {
    if !context.sync.unproven_links {
        return Ok(false);
    }
    // As stored: what this run has read meanwhile may have shown that nothing differs.
    Ok(document::get::<Sync>(page.tx()?, context.sync.id).await?.unproven_links)
}

fn unproven(sync: &Sync, count: u64) -> String {
    format!(
        "its account was replaced, and at least {count} linked records of sync `{}` differ from those with the same ids \
         in the new one, so that they may be others; look at a dry run, then run again with the brake released if they \
         are the same, or sign in to the first account again and make a new connection for the new one",
        sync.name
    )
}

/// Ends the run here. A dry run goes on and remembers why: it is what a person looks at to decide.
fn halt(run: &mut Run, why: &str) -> Result<()> {
    if run.parameters.dry_run {
        run.brake = Some(format!("the mass-change brake would stop this run: {why}"));
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Stopped,
        format!("the mass-change brake stopped this run: {why}"),
    ))
}
