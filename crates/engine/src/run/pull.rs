//! Reading: page by page, planned and stored in the transaction that moves the cursor.

use std::collections::BTreeSet;

use syncline_core::batch::{Batch, ReadClass};
use syncline_core::connector::Task;
use syncline_core::error::{ErrorKind, Result, Retry};
use syncline_core::io::Mark;
use syncline_core::job::{Budget, Job, Progress, Pull, Start};
use syncline_core::state::{EntityId, SideFlags};

use super::brake;
use super::chosen::pull_chosen;
use super::context::SyncContext;
use super::cursor::{NEXT, UNDER_WAY, answered, filled, forget, keep, of_object, of_pull, start};
use super::model::Run;
use super::page::{PageTally, take_page};
use super::reporter::Reporter;
use super::session::Session;
use crate::document::Versioned;
use crate::engine::Inner;

/// Reads one sync's object and plans every row.
pub(crate) async fn pull(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    reporter: &Reporter,
) -> Result<()> {
    if !run.parameters.records.is_empty() {
        return pull_chosen(inner, context, session, run, reporter).await;
    }
    for lost in [UNDER_WAY, NEXT] {
        match read(inner, context, session, run, reporter).await {
            // What can't be gone on from is left behind; without any position everything is read.
            Err(error) if error.kind() == ErrorKind::CursorExpired => {
                let mut page = session.begin().await?;
                forget(context, &mut page, lost).await?;
                session.commit(page, run).await?;
            }
            other => return other,
        }
    }
    read(inner, context, session, run, reporter).await
}

/// Reads from where the last pull ended, or broke off.
async fn read(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    reporter: &Reporter,
) -> Result<()> {
    let parameters = run.parameters.clone();
    let began = inner.marks.next(inner.clock.now());
    let (start, resume) = start(context, session, run).await?;
    // What was read before it broke off began earlier than this.
    let goes_on = resume.is_some();
    let checkpoint_of = of_pull(context, &start);
    // What a run that takes nothing in has read is still to be read by the next.
    let keeps_cursor = parameters.since.is_none() && parameters.max_records.is_none() && context.direction.pulls();
    let from_beginning = start == Start::Beginning;
    let job = Job::Pull(Pull {
        object: context.mapping.object.clone(),
        projection: context.mapping.projection.clone(),
        start,
        conditions: match (&context.filter, from_beginning) {
            (Some(filter), true) => filter.conditions(),
            _ => Vec::new(),
        },
        page_size: parameters.batch_size,
    });
    let mut task = match context.connector.open(&context.config, job.clone(), resume.clone()) {
        Err(error) if error.kind() == ErrorKind::CursorExpired && resume.is_some() => {
            context.connector.open(&context.config, job, None)?
        }
        other => other?,
    };
    let width = context.mapping.projection.fields.len();
    // Two batches in turn.
    let mut spare = Batch::new(width);
    let mut ahead = None;
    let mut seen = 0u64;
    loop {
        reporter.check_stop()?;
        let next = match ahead.take() {
            Some(next) => next,
            None => {
                let batch = std::mem::replace(&mut spare, Batch::new(width));
                read_page(inner, context, task.as_mut(), batch, reporter).await
            }
        };
        let ReadPage { batch, mark, progress } = next?;
        let left = parameters.max_records.map(|max| max.saturating_sub(seen));
        let rows = left.map_or(batch.len(), |left| {
            usize::try_from(left).unwrap_or(usize::MAX).min(batch.len())
        });
        seen += rows as u64;
        let reached_limit = parameters.max_records.is_some_and(|max| seen >= max);
        let take = async {
            let mut page = session.begin().await?;
            let tally = take_page(inner, context, &mut page, run, &batch, rows, mark).await?;
            brake::reading(inner, context, &mut page, run, &tally).await?;
            match &progress {
                Progress::More { checkpoint, total } => {
                    if let (Some(checkpoint), true) = (checkpoint, keeps_cursor) {
                        keep(inner, context, &mut page, UNDER_WAY, &checkpoint_of, checkpoint).await?;
                    }
                    reporter.total(context, *total);
                }
                Progress::Wait { checkpoint, .. } if keeps_cursor => {
                    keep(inner, context, &mut page, UNDER_WAY, &checkpoint_of, checkpoint).await?;
                }
                Progress::Done { cursor } if keeps_cursor => {
                    keep(inner, context, &mut page, NEXT, &of_object(context), cursor).await?;
                    if from_beginning {
                        filled(context, &mut page).await?;
                    }
                    forget(context, &mut page, UNDER_WAY).await?;
                    if !goes_on {
                        answered(context, &mut page, began).await?;
                    }
                }
                Progress::Wait { .. } | Progress::Done { .. } => {}
            }
            run.ledger(&context.sync.name, "pull").add(&tally.ledger);
            reporter.detail(run, || took(context, "read", &tally));
            session.commit(page, run).await?;
            reporter.progress(context, "pull", run);
            Ok(())
        };
        if matches!(progress, Progress::More { .. }) && !reached_limit {
            // The next page is fetched and decoded while this one is stored. It is planned only after that.
            let (taken, next) = futures::join!(take, read_page(inner, context, task.as_mut(), spare, reporter));
            taken?;
            ahead = Some(next);
        } else {
            let taken: Result<()> = take.await;
            taken?;
        }
        spare = batch;
        match progress {
            Progress::Done { .. } => {
                if parameters.since.is_none() && !reached_limit {
                    session.know(context.side(), began);
                }
                return Ok(());
            }
            _ if reached_limit => return Ok(()),
            Progress::Wait { until, .. } => reporter.wait_until(until).await?,
            Progress::More { .. } => {}
        }
    }
}

pub(super) fn took(context: &SyncContext, how: &str, tally: &PageTally) -> String {
    format!("{how} of {}: {}", context.mapping.label, tally.ledger)
}

/// A page as it was read.
struct ReadPage {
    batch: Batch,
    /// Taken when the read began.
    mark: Mark,
    progress: Progress,
}

/// Reads the next page into a batch.
async fn read_page(
    inner: &Inner,
    context: &SyncContext,
    task: &mut dyn Task,
    mut batch: Batch,
    reporter: &Reporter,
) -> Result<ReadPage> {
    batch.clear();
    let budget = Budget {
        rows: inner.settings.page_rows,
        ..Budget::default()
    };
    let mark = inner.marks.next(inner.clock.now());
    let progress = step(inner, context, task, budget, &mut batch, reporter).await?;
    Ok(ReadPage { batch, mark, progress })
}

/// One step, repeated a few times when the network fails.
pub(crate) async fn step(
    inner: &Inner,
    context: &SyncContext,
    task: &mut dyn Task,
    budget: Budget,
    batch: &mut Batch,
    reporter: &Reporter,
) -> Result<Progress> {
    let mut attempt = 0u32;
    loop {
        match task.step(context.io.as_ref(), budget, batch).await {
            Ok(progress) => {
                super::silence::check(inner, context, batch).await?;
                return Ok(progress);
            }
            Err(error) => {
                let Retry::After(wait) = error.retry() else {
                    return Err(error);
                };
                attempt += 1;
                if attempt > 4 {
                    return Err(error);
                }
                batch.clear();
                let wait = wait.max(std::time::Duration::from_millis(250 << attempt));
                let until = inner.clock.now().saturating_add(wait).unwrap_or(inner.clock.now());
                reporter.wait_until(until).await?;
            }
        }
    }
}

/// A strong read of these ids.
pub(crate) async fn fetch(inner: &Inner, context: &SyncContext, ids: Vec<String>) -> Result<(Batch, Mark)> {
    let mut batch = Batch::new(context.mapping.projection.fields.len());
    let mark = inner.marks.next(inner.clock.now());
    let fetch = syncline_core::job::Fetch {
        object: context.mapping.object.clone(),
        projection: context.mapping.projection.clone(),
        by: syncline_core::job::FetchBy::Ids(ids),
    };
    context
        .connector
        .fetch(context.io.as_ref(), &context.config, &fetch, &mut batch)
        .await?;
    batch.class = ReadClass::Strong;
    super::silence::check(inner, context, &batch).await?;
    Ok((batch, mark))
}

/// Reads strongly what was marked as possibly stale, or hinted, or is due for another try.
pub(crate) async fn pull_dirty(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    reporter: &Reporter,
) -> Result<()> {
    let size = context
        .connector
        .manifest()
        .capabilities
        .read
        .fetch_size
        .clamp(1, inner.settings.page_rows);
    let mut after: EntityId = 0;
    loop {
        reporter.check_stop()?;
        let mut page = session.begin().await?;
        let flags = SideFlags(SideFlags::READ.0 | SideFlags::WAITING.0);
        let dirty = page.tx()?.flagged(context.side(), flags, after, size).await?;
        let hints = page.tx()?.hints(context.side(), size).await?;
        let mut ids: BTreeSet<String> = hints.iter().map(|hint| hint.ext.clone()).collect();
        for linked in page.tx()?.load(&dirty).await? {
            after = after.max(linked.entity.id);
            let side = linked.side_index(context.side()).map(|index| &linked.sides[index]);
            if let Some(side) =
                side.filter(|side| !side.flags.has(SideFlags::IN_FLIGHT) && !super::gone::waits(inner, &side.presence))
            {
                ids.extend(side.ext.clone());
            }
        }
        session.commit(page, run).await?;
        if ids.is_empty() && dirty.is_empty() {
            return Ok(());
        }
        if ids.is_empty() {
            // None of these can be read yet; others behind them may.
            continue;
        }
        let ids: Vec<String> = ids.into_iter().collect();
        let (batch, mark) = fetch(inner, context, ids.clone()).await?;
        let mut page = session.begin().await?;
        let tally = take_page(inner, context, &mut page, run, &batch, batch.len(), mark).await?;
        brake::reading(inner, context, &mut page, run, &tally).await?;
        let refs: Vec<&str> = ids.iter().map(String::as_str).collect();
        page.tx()?.clear_hints(context.side(), &refs, mark.0).await?;
        run.ledger(&context.sync.name, "pull").add(&tally.ledger);
        reporter.detail(run, || took(context, "read again", &tally));
        session.commit(page, run).await?;
        if dirty.is_empty() && hints.is_empty() {
            return Ok(());
        }
    }
}
