//! Sending journaled writes and taking their outcomes in.

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::batch::{Batch, Carried, Outcome, OutcomeKind, RowRef, RowState};
use syncline_core::error::{Error, ErrorKind, Result, Retry};
use syncline_core::io::Mark;
use syncline_core::job::{Budget, Job, Progress, Push, Verb, Write};
use syncline_core::plan::{self, Effects, Observation, Readback, Scene};
use syncline_core::state::{EntityId, Linked, Operation, OperationVerb, SideFlags};

use super::context::SyncContext;
use super::links::Links;
use super::model::Run;
use super::outcome::{self, Answer};
use super::page::store;
use super::pull::fetch;
use super::push::links_for;
use super::reporter::Reporter;
use super::session::{Page, Session, restate_failure, settle};
use crate::document::Versioned;
use crate::engine::Inner;

/// Sends journaled operations and takes their outcomes in, batch by batch. Where they have to be read back, the records
/// of `next` are read in the same call; what that found is returned, if it came about.
pub(super) async fn send(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    operations: Vec<Operation>,
    next: &[String],
    reporter: &Reporter,
) -> Result<Option<(Batch, Mark)>> {
    if operations.is_empty() {
        return Ok(None);
    }
    let mut read_ahead = ReadAhead { ids: next, found: None };
    let projection = &context.mapping.projection;
    let field = |path: u16| projection.fields.get(usize::from(path)).map(|field| field.path.clone());
    let stamps = stamps(inner, context, &operations).await?;
    let writes = operations
        .iter()
        .map(|operation| {
            let (ext, stamp) = stamps.get(&operation.key.entity).cloned().unwrap_or_default();
            let id = ext.unwrap_or_default();
            Write {
                operation: operation.id,
                verb: match operation.verb {
                    OperationVerb::Create => Verb::Create {
                        marker: operation.marker.clone(),
                    },
                    OperationVerb::Update => Verb::Update {
                        id,
                        expected_stamp: stamp,
                    },
                    OperationVerb::Delete => Verb::Delete { id },
                },
                fields: operation
                    .target
                    .iter()
                    .filter_map(|(path, value)| Some((field(*path)?, value.clone())))
                    .collect(),
            }
        })
        .collect();
    let job = Job::Push(Push {
        object: context.mapping.object.clone(),
        projection: projection.clone(),
        writes,
    });
    let mut answered = vec![false; operations.len()];
    let mut batch = Batch::new(projection.fields.len());
    let opened = context.connector.open(&context.config, job, None);
    let mut broke = None;
    match opened {
        Err(error) => {
            // Nothing was sent.
            let message = error.to_string();
            let outcomes = (0..operations.len()).map(|index| Outcome {
                message: Some(message.clone()),
                ..Outcome::new(index, OutcomeKind::NotApplied { not_before: None })
            });
            batch.outcomes.extend(outcomes);
            take_outcomes(
                inner,
                context,
                session,
                run,
                &operations,
                &mut answered,
                &batch,
                &mut read_ahead,
            )
            .await?;
            return Err(error);
        }
        Ok(mut task) => loop {
            batch.clear();
            let step = task.step(context.io.as_ref(), Budget::default(), &mut batch).await;
            take_outcomes(
                inner,
                context,
                session,
                run,
                &operations,
                &mut answered,
                &batch,
                &mut read_ahead,
            )
            .await?;
            match step {
                Ok(Progress::Done { .. }) => break,
                Ok(Progress::More { .. }) => reporter.progress(context, "push", run),
                Ok(Progress::Wait { until, .. }) => reporter.wait_until(until).await?,
                Err(error) => {
                    broke = Some(error);
                    break;
                }
            }
        },
    }
    // What the connector did not answer for may have been applied.
    batch.clear();
    let definitely_not = broke
        .as_ref()
        .is_some_and(|error| !matches!(error.retry(), Retry::UnknownOutcome));
    for index in (0..operations.len()).filter(|&index| !answered[index]) {
        let kind = if definitely_not {
            OutcomeKind::NotApplied { not_before: None }
        } else {
            OutcomeKind::Unknown
        };
        let message = broke.as_ref().map(ToString::to_string);
        batch.outcomes.push(Outcome {
            message,
            ..Outcome::new(index, kind)
        });
    }
    let mut ignore = vec![false; operations.len()];
    take_outcomes(
        inner,
        context,
        session,
        run,
        &operations,
        &mut ignore,
        &batch,
        &mut read_ahead,
    )
    .await?;
    match broke {
        Some(error)
            if matches!(
                error.kind(),
                ErrorKind::Reauthorise | ErrorKind::Stopped | ErrorKind::Refused
            ) =>
        {
            Err(error)
        }
        _ => Ok(read_ahead.found),
    }
}

/// Records that are read together with what is read back anyway.
struct ReadAhead<'a> {
    ids: &'a [String],
    found: Option<(Batch, Mark)>,
}

impl ReadAhead<'_> {
    /// Reads these records strongly, and the others with them where the provider takes both in one call.
    async fn fetch(&mut self, inner: &Inner, context: &SyncContext, mut ids: Vec<String>) -> Result<(Batch, Mark)> {
        let fits = ids.len() + self.ids.len() <= context.connector.manifest().capabilities.read.fetch_size;
        let both = fits && !self.ids.is_empty();
        if both {
            ids.extend_from_slice(self.ids);
        }
        let (batch, mark) = fetch(inner, context, ids).await?;
        self.found = both.then(|| {
            let mut ahead = batch.clone();
            let wanted: BTreeSet<&str> = self.ids.iter().map(String::as_str).collect();
            ahead.retain(|row| wanted.contains(row.id()));
            (ahead, mark)
        });
        Ok((batch, mark))
    }
}

/// Remote ids and stamps of the operations' records.
async fn stamps(
    inner: &Inner,
    context: &SyncContext,
    operations: &[Operation],
) -> Result<BTreeMap<EntityId, (Option<String>, Option<jiff::Timestamp>)>> {
    let mut tx = inner.store.begin(syncline_core::store::Mode::Read).await?;
    let ids: Vec<EntityId> = operations.iter().map(|operation| operation.key.entity).collect();
    Ok(tx
        .load(&ids)
        .await?
        .into_iter()
        .filter_map(|linked| {
            let index = linked.side_index(context.side())?;
            let side = &linked.sides[index];
            Some((linked.entity.id, (side.ext.clone(), side.stamp)))
        })
        .collect())
}

/// Second transaction: what the provider answered becomes state.
#[expect(
    clippy::too_many_arguments,
    reason = "outcomes are taken in with exactly these, and each has another owner"
)]
async fn take_outcomes(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    operations: &[Operation],
    answered: &mut [bool],
    batch: &Batch,
    read_ahead: &mut ReadAhead<'_>,
) -> Result<()> {
    if batch.outcomes.is_empty() {
        return Ok(());
    }
    // Successes whose answer does not show the record are read strongly before they count as confirmed.
    let unread: Vec<String> = batch
        .outcomes
        .iter()
        .filter(|outcome| {
            operations
                .get(outcome.index)
                .is_some_and(|operation| is_unread(batch, outcome, operation.verb))
        })
        .filter_map(|outcome| outcome.id.clone())
        .collect();
    let read = if unread.is_empty() {
        None
    } else {
        read_ahead.fetch(inner, context, unread).await.ok()
    };
    let finished = inner.marks.next(inner.clock.now());

    let mut page = session.begin().await?;
    let ids: Vec<EntityId> = batch
        .outcomes
        .iter()
        .filter_map(|outcome| operations.get(outcome.index).map(|operation| operation.key.entity))
        .collect();
    let loaded = page.load(inner, &ids).await?;
    let links = links_for(context, &mut page, &loaded).await?;
    let mut known: BTreeMap<EntityId, Linked> = loaded.into_iter().map(|linked| (linked.entity.id, linked)).collect();
    let nothing = Links::default();
    let mut closed = Vec::new();
    let mut owners = owners(context, &mut page, batch).await?;
    // Those that were created come before those that turned out to exist, which may be the very same records.
    let (existed, rest): (Vec<_>, Vec<_>) = batch
        .outcomes
        .iter()
        .partition(|outcome| matches!(outcome.kind, OutcomeKind::Duplicate { .. }));
    for outcome in rest.into_iter().chain(existed) {
        let Some(operation) = operations.get(outcome.index) else {
            continue;
        };
        answered[outcome.index] = true;
        let entity = operation.key.entity;
        let owner = named(outcome).map_or(entity, |ext| *owners.entry(ext.to_owned()).or_insert(entity));
        let mut operation = operation.clone();
        let Some(linked) = known.get_mut(&operation.key.entity) else {
            continue;
        };
        let Some(index) = linked.side_index(context.side()) else {
            continue;
        };
        let is_read = |row: &RowRef<'_>| row.state() == RowState::Live && Some(row.id()) == outcome.id.as_deref();
        let row = match (outcome.row, &read) {
            (_, Some((rows, _))) if is_unread(batch, outcome, operation.verb) => rows.rows().find(is_read),
            (Some(row), _) => batch.get(row),
            (None, _) => None,
        };
        let had_failed = linked.sides[index].flags.has(SideFlags::FAILED);
        let scene = context.scene(inner, &links, &nothing);
        let answer = Answer {
            outcome,
            row,
            finished,
            is_foreign: owner != entity,
        };
        let effects = outcome::take(
            inner,
            context,
            &mut page,
            run,
            linked,
            index,
            &mut operation,
            &answer,
            &scene,
        )
        .await?;
        // Refused once more is not mended, nor is a record whose other fields alone went well.
        let left = match had_failed && !linked.sides[index].flags.has(SideFlags::FAILED) {
            true => unwritten(context, linked, index, &scene)?,
            false => None,
        };
        if let Some((fields, message)) = &left {
            restate_failure(&mut page, &context.sync, "push", &linked.sides[index], fields, message).await?;
            linked.sides[index].flags.set(SideFlags::FAILED);
        }
        let is_mended = had_failed && !linked.sides[index].flags.has(SideFlags::FAILED);
        settle(
            inner,
            &mut page,
            run,
            context,
            linked,
            index,
            failing_direction(&effects),
            is_mended,
            effects,
        )
        .await?;
        closed.push(operation);
    }
    let changed: Vec<Linked> = known.into_values().collect();
    store(page.tx()?, &changed).await?;
    page.tx()?.put_operations(&closed.iter().collect::<Vec<_>>()).await?;
    session.commit(page, run).await
}

/// What of a record a CRM still does not take, and why, though a write to it went well: fields that it refused, or whose
/// value can't be sent at all, are left out of later writes.
fn unwritten(
    context: &SyncContext,
    linked: &Linked,
    index: usize,
    scene: &Scene<'_>,
) -> Result<Option<(Vec<String>, String)>> {
    let failures = plan::plan_push(linked, index, scene)?.failures;
    let unsent = failures.iter().map(|(group, error)| (*group, error.message()));
    let what = outcome::refusals(context, &linked.sides[index]).chain(unsent);
    let (fields, reasons) = outcome::told(context, what);
    Ok((!fields.is_empty()).then_some((fields, reasons)))
}

/// Whether a success has to be read strongly before it counts as confirmed. Of a record that was there, and that we only
/// found out about by writing it, nothing is known but what was written.
fn is_unread(batch: &Batch, outcome: &Outcome, verb: OperationVerb) -> bool {
    let OutcomeKind::Applied { created } = outcome.kind else {
        return false;
    };
    let tells_enough = |row: RowRef<'_>| {
        row.is_complete() || verb == OperationVerb::Update || created && verb == OperationVerb::Create
    };
    verb != OperationVerb::Delete && !outcome.row.and_then(|row| batch.get(row)).is_some_and(tells_enough)
}

/// What can't be taken in of a record after a write to it is a failure of reading; only what the CRM did not keep is one
/// of writing.
pub(super) fn failing_direction(effects: &Effects) -> &'static str {
    let is_kept = |(_, error): &(_, Error)| error.kind() != ErrorKind::Rejected;
    if !effects.failures.is_empty() && effects.failures.iter().all(is_kept) {
        "pull"
    } else {
        "push"
    }
}

/// The record that an answer names as ours.
fn named(outcome: &Outcome) -> Option<&str> {
    match &outcome.kind {
        OutcomeKind::Applied { .. } => outcome.id.as_deref(),
        OutcomeKind::Duplicate { existing } => Some(existing),
        _ => None,
    }
}

/// Which entities the records belong to that answers name.
async fn owners(context: &SyncContext, page: &mut Page, batch: &Batch) -> Result<BTreeMap<String, EntityId>> {
    let exts: Vec<&str> = batch.outcomes.iter().filter_map(named).collect();
    let heads = page.tx()?.heads(context.side(), &exts).await?;
    let owner =
        |(ext, head): (&&str, Option<syncline_core::store::SideHead>)| Some(((*ext).to_owned(), head?.key.entity));
    Ok(exts.iter().zip(heads).filter_map(owner).collect())
}

/// A row as an observation or a read-back needs it.
pub(crate) fn readback<'a>(row: &RowRef<'a>, outcome: &Outcome) -> Readback<'a> {
    Readback {
        ext: row.id(),
        stamp: row.stamp(),
        encoded: row.encoded(),
        carried: if row.is_complete() {
            Carried::all()
        } else {
            row.carried()
        },
        written_stamp: outcome.stamp,
    }
}

/// A strongly read row as an observation.
pub(crate) fn strong<'a>(row: &RowRef<'a>, mark: Mark) -> Observation<'a> {
    Observation {
        mark,
        class: syncline_core::batch::ReadClass::Strong,
        stamp: row.stamp(),
        encoded: row.encoded(),
        carried: row.carried(),
    }
}
