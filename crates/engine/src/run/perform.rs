//! Carrying a run out from beginning to end.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use syncline_core::error::{ErrorKind, Result};
use syncline_core::io::Io;
use syncline_core::mapping::Direction;
use syncline_core::state::{OperationState, SideFlags};
use syncline_core::store::{DocumentKind, DocumentQuery, Mode, Transaction};

use super::context::SyncContext;
use super::lease::Lease;
use super::model::{Moment, Run, RunStatus};
use super::reporter::Reporter;
use super::scope::syncs_of;
use super::session::Session;
use super::{files, first_link, pull, push, refile, resolve, retry, rollback, sweep};
use crate::connection::{Connection, Problem};
use crate::document::{self, Versioned};
use crate::engine::Inner;
use crate::event::EventKind;
use crate::sync::Sync;

/// How long a sync rests whose object changes faster than hints are kept.
const DIRTY_REST: Duration = Duration::from_secs(60);

/// Waits for the connection's turn, carries the run out, and returns it as it ended.
///
/// Boxed here: the body of an `async fn` is compiled by whoever awaits it, and this one holds most of the engine, which
/// each program over it would compile and carry once more.
#[inline(never)]
pub(crate) fn perform(inner: &Arc<Inner>, id: u64) -> BoxFuture<'_, Result<Run>> {
    Box::pin(perform_now(inner, id))
}

async fn perform_now(inner: &Arc<Inner>, id: u64) -> Result<Run> {
    let mut run = load(inner, id).await?;
    let lane = inner.runner.lane(run.connection);
    let turn = lane.lock().await;
    run = load(inner, id).await?;
    if run.status.is_over() {
        // Somebody asked for the same run and was first.
        return Ok(run.value);
    }
    let stop = inner.runner.stop_flag(id);
    let reporter = Reporter::new(inner.clock.clone(), inner.events.clone(), stop.clone(), id);
    let lease = Lease::of_run(inner, run.tenant, run.connection, &reporter).await?;
    // Another process may have carried it out while this one waited.
    run = load(inner, id).await?;
    if run.status.is_over() {
        inner.runner.forget(id);
        lease.release(inner).await?;
        return Ok(run.value);
    }
    let renewal = lease.renew(inner);
    begin(inner, &mut run, &lease).await?;
    let ended = carry_out(inner, &mut run, &lease, &reporter, &stop).await;
    let finished = finish(inner, id, run, ended).await;
    inner.runner.forget(id);
    drop(renewal);
    lease.release(inner).await?;
    drop(turn);
    finished
}

async fn load(inner: &Inner, id: u64) -> Result<Versioned<Run>> {
    let mut tx = inner.store.begin(Mode::Read).await?;
    document::get(tx.as_mut(), id).await
}

async fn begin(inner: &Inner, run: &mut Versioned<Run>, lease: &Lease) -> Result<()> {
    let now = inner.clock.now();
    run.status = RunStatus::Running;
    run.started_at = Some(now);
    run.timeline.push(Moment {
        at: now,
        what: "started".to_owned(),
    });
    let mut tx = inner.store.begin_for(run.tenant, Mode::Write).await?;
    close_dead(inner, tx.as_mut(), run, lease).await?;
    document::put(tx.as_mut(), run).await?;
    let started = EventKind::RunStarted {
        run: run.id,
        connection: run.connection,
    };
    inner.events.store(tx.as_mut(), inner, run.tenant, started).await?;
    tx.commit().await?;
    inner.events.wake();
    Ok(())
}

/// Ends the runs of this connection that still say they run, or wait, and that nobody carries out: its lease is ours, so
/// whoever ran is gone, and whoever waits would have had the turn before.
async fn close_dead(inner: &Inner, tx: &mut dyn Transaction, run: &Versioned<Run>, lease: &Lease) -> Result<()> {
    let now = inner.clock.now();
    let query = DocumentQuery::new(DocumentKind::Run)
        .tenant(run.tenant)
        .scope(run.connection)
        .status(RunStatus::Running.name())
        .status(RunStatus::Queued.name());
    for mut dead in document::find::<Run>(tx, &query).await? {
        if dead.id == run.id {
            continue;
        }
        let error = match dead.status {
            RunStatus::Queued if lease.was_left_waiting(dead.requested_at, now) => {
                "the process that asked for it ended before its turn came; nothing was done, ask again".to_owned()
            }
            RunStatus::Queued => continue,
            _ => format!(
                "the process that ran it ended in the middle; run {} goes on from there",
                run.id
            ),
        };
        dead.status = RunStatus::Stopped;
        dead.finished_at = Some(now);
        dead.error = Some(error);
        dead.timeline.push(Moment {
            at: now,
            what: "found abandoned".to_owned(),
        });
        document::put(tx, &mut dead).await?;
        let finished = EventKind::RunFinished {
            run: dead.id,
            connection: dead.connection,
            status: dead.status.name().to_owned(),
        };
        inner.events.store(tx, inner, dead.tenant, finished).await?;
    }
    Ok(())
}

async fn carry_out(
    inner: &Arc<Inner>,
    run: &mut Versioned<Run>,
    lease: &Lease,
    reporter: &Reporter,
    stop: &crate::http::StopFlag,
) -> Result<()> {
    crate::restore::notice(inner).await?;
    if !run.parameters.dry_run && run.rolls_back.is_none() {
        crate::restore::notice_silence(inner, run).await?;
    }
    let connection = {
        let mut tx = inner.store.begin(Mode::Read).await?;
        document::get::<Connection>(tx.as_mut(), run.connection).await?.value
    };
    if let Some(undone) = run.rolls_back {
        return rollback::carry_out(inner, run, undone, &connection, lease, reporter, stop).await;
    }
    let io: Arc<dyn Io> = inner.connections.io_for_work(&connection, stop.clone()).await?;
    let mut contexts = Vec::new();
    // A mapping that can't run any more holds up no other: its error is told when they are through.
    let mut broken = None;
    {
        let mut tx = inner.store.begin(Mode::Read).await?;
        for sync in syncs_of(inner, run).await? {
            let parameters = run.parameters.clone();
            let initiator = run.initiator.clone();
            let loading = SyncContext::load(
                inner,
                tx.as_mut(),
                sync,
                &connection,
                io.clone(),
                &parameters,
                &initiator,
            );
            match loading.await {
                Ok(context) => contexts.push(context),
                Err(error) if error.kind() == ErrorKind::Invalid => broken = broken.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
    }
    order(&mut contexts);
    let mut session = Session::new(inner, run.parameters.dry_run, lease.clone());
    for context in &contexts {
        refile::refile(inner, context, &mut session, run, reporter).await?;
        // What an earlier run left open comes first, or what it created would be read as a stranger's.
        resolve::resolve_unknown(inner, context, &mut session, run, reporter).await?;
        if reads(context, run) {
            moment(inner, run, format!("reading {}", context.mapping.label));
            if !run.parameters.hints {
                pull::pull(inner, context, &mut session, run, reporter).await?;
            }
            if sweep::is_wanted(inner, context, run).await? {
                moment(inner, run, format!("sweeping {}", context.mapping.label));
                sweep::sweep(inner, context, &mut session, run, reporter).await?;
            }
            if run.parameters.records.is_empty() {
                retry::retry_failures(inner, context, &mut session, run, reporter).await?;
            }
            pull::pull_dirty(inner, context, &mut session, run, reporter).await?;
            match_new(inner, context, &mut session, run, reporter).await?;
        }
    }
    if !session.is_dry() {
        for context in &contexts {
            let decided = crate::conflict::decide_overdue(inner, &context.sync).await?;
            if decided > 0 {
                let name = &context.mapping.label;
                moment(inner, run, format!("decided {decided} overdue conflicts of {name}"));
            }
            let decided = crate::conflict::decide_by_rules(inner, &context.sync).await?;
            if decided > 0 {
                let name = &context.mapping.label;
                moment(
                    inner,
                    run,
                    format!("decided {decided} conflicts of {name} by the host's rules"),
                );
            }
        }
    }
    for pass in 0..inner.settings.passes {
        let mut sent = 0;
        for context in &contexts {
            if pass > 0 && reads(context, run) {
                pull::pull_dirty(inner, context, &mut session, run, reporter).await?;
            }
            if context.writes() {
                if pass == 0 {
                    let doing = if session.is_dry() {
                        "planning writes to"
                    } else {
                        "writing"
                    };
                    moment(inner, run, format!("{doing} {}", context.mapping.label));
                }
                sent += push::push(inner, context, &mut session, run, reporter).await?.sent;
            }
        }
        if sent == 0 || session.is_dry() {
            break;
        }
    }
    for context in &contexts {
        files::carry(inner, context, &mut session, run, reporter, stop).await?;
    }
    if !session.is_dry() {
        // A first import pays nothing for an index; now it is worth having.
        for context in &contexts {
            crate::entity::fill_declared(inner, &context.blueprint).await?;
        }
    }
    broken.map_or(Ok(()), Err)
}

/// Matches what was staged, while nobody else matches records of this blueprint: two connections that did so at once
/// would each find nobody, and make the same person twice.
async fn match_new(
    inner: &Arc<Inner>,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    reporter: &Reporter,
) -> Result<()> {
    let mut page = session.begin().await?;
    let staged = page.tx()?.flagged(context.side(), SideFlags::STAGED, 0, 1).await?;
    session.commit(page, run).await?;
    if staged.is_empty() {
        return Ok(());
    }
    if session.is_dry() {
        // It makes nobody, so nobody has to wait for it.
        return first_link::link_staged(inner, context, session, run, reporter).await;
    }
    let _alone = inner.runner.linking.lock().await;
    let turn = Lease::of_matching(inner, context.sync.tenant, context.sync.blueprint, reporter).await?;
    let renewal = turn.renew(inner);
    session.fence(Some(turn.clone()));
    let linked = first_link::link_staged(inner, context, session, run, reporter).await;
    session.fence(None);
    drop(renewal);
    turn.release(inner).await?;
    linked
}

/// References first, so that a record's parents are there when it comes.
fn order(contexts: &mut Vec<SyncContext>) {
    let mut ordered: Vec<SyncContext> = Vec::with_capacity(contexts.len());
    let mut left = std::mem::take(contexts);
    while !left.is_empty() {
        let objects: Vec<String> = left.iter().map(|context| context.mapping.object.clone()).collect();
        let place = left
            .iter()
            .position(|context| {
                let refers = context
                    .mapping
                    .groups
                    .iter()
                    .flat_map(|group| &group.rules)
                    .flat_map(|rule| rule.lens.references());
                refers
                    .into_iter()
                    .all(|object| object == context.mapping.object || !objects.contains(&object))
            })
            // A cycle: any order will do, what is missing waits for the next pass.
            .unwrap_or(0);
        ordered.push(left.remove(place));
    }
    *contexts = ordered;
}

fn reads(context: &SyncContext, run: &Run) -> bool {
    let wanted = run.parameters.direction.is_none_or(Direction::pulls);
    // A sync that only writes still has to know what is there, or it would create everything again.
    wanted || context.mapping.groups.iter().any(|group| group.direction.pushes()) && context.sync.last_run_at.is_none()
}

pub(super) fn moment(inner: &Inner, run: &mut Run, what: String) {
    run.timeline.push(Moment {
        at: inner.clock.now(),
        what,
    });
}

/// What a run deferred and came back to is no longer deferred. Whether anything is left is looked up, since a record
/// may be deferred in one place and dealt with in another.
async fn settle_deferred(inner: &Inner, run: &mut Versioned<Run>) -> Result<()> {
    let mut tx = inner.store.begin(Mode::Read).await?;
    for sync in syncs_of(inner, run).await? {
        let left = |flags: SideFlags| (sync.side, flags);
        let looks = [
            ("pull", left(SideFlags(SideFlags::READ.0 | SideFlags::WAITING.0))),
            (
                "push",
                left(SideFlags(
                    SideFlags::READ.0 | SideFlags::WAITING.0 | SideFlags::PUSH.0 | SideFlags::IN_FLIGHT.0,
                )),
            ),
        ];
        for (direction, (side, flags)) in looks {
            let ledger = run.ledgers.get(&sync.name).and_then(|ledgers| ledgers.get(direction));
            if ledger.is_some_and(|ledger| ledger.deferred > 0)
                && tx.flagged(side, flags, 0, 1).await?.is_empty()
                && tx.hints(side, 1).await?.is_empty()
                && tx
                    .operations(side, &[OperationState::Sent, OperationState::Unknown], 1)
                    .await?
                    .is_empty()
            {
                run.value.ledger(&sync.name, direction).settle_deferred();
            }
        }
    }
    Ok(())
}

async fn finish(inner: &Inner, id: u64, run: Versioned<Run>, ended: Result<()>) -> Result<Run> {
    // What the last transaction stored is the truth; a run whose last page failed knows more than was kept.
    let mut stored = load(inner, id).await?;
    let is_dry = run.parameters.dry_run;
    stored.value.timeline.clone_from(&run.timeline);
    if is_dry {
        stored.value.ledgers.clone_from(&run.ledgers);
        stored.value.plan.clone_from(&run.plan);
        stored.value.planned = run.planned;
        stored.value.brake.clone_from(&run.brake);
        stored.value.diverged.clone_from(&run.diverged);
        stored.value.diverged_count = run.diverged_count;
    }
    if ended.is_ok() && !is_dry && stored.balances() {
        settle_deferred(inner, &mut stored).await?;
    }
    let now = inner.clock.now();
    let (pulled, pushed, carried) = (stored.total("pull"), stored.total("push"), stored.total(files::FILES));
    let status = match &ended {
        Err(error) if error.kind() == ErrorKind::Stopped => RunStatus::Stopped,
        Err(_) => RunStatus::Failed,
        Ok(()) if !stored.balances() => RunStatus::Failed,
        Ok(()) if pulled.failed + pushed.failed + pulled.deferred + pushed.deferred > 0 => RunStatus::Partial,
        Ok(()) if carried.failed + carried.deferred > 0 => RunStatus::Partial,
        Ok(()) if stored.diverged_count > 0 => RunStatus::Partial,
        Ok(()) => RunStatus::Completed,
    };
    stored.error = match &ended {
        Err(error) => Some(error.to_string()),
        Ok(()) if !stored.balances() => Some("the ledger does not balance; please report this".to_owned()),
        Ok(()) => None,
    };
    stored.status = status;
    stored.finished_at = Some(now);
    stored.timeline.push(Moment {
        at: now,
        what: status.name().to_owned(),
    });
    let mut tx = inner.store.begin_for(stored.tenant, Mode::Write).await?;
    // A small run in between says nothing of the syncs' own schedule.
    let is_scheduled = !is_dry && !stored.parameters.hints && stored.rolls_back.is_none();
    if is_scheduled {
        for sync in syncs_of(inner, &stored).await? {
            let mut sync = document::get::<Sync>(tx.as_mut(), sync.id).await?;
            if ended.is_ok() {
                sync.last_run_at = Some(now);
            }
            let tenant = document::get::<syncline_core::model::Tenant>(tx.as_mut(), u64::from(sync.tenant)).await?;
            let next = crate::schedule::next(&sync.schedule, now, &tenant.time_zone);
            // More was hinted at while it was read than is kept one by one.
            let again = sync.dirty_since.and_then(|_| now.checked_add(DIRTY_REST).ok());
            sync.value.next_run_at = next.map(|next| again.map_or(next, |again| next.min(again)));
            crate::conflict::pause_where_flooded(inner, tx.as_mut(), &mut sync).await?;
            document::put(tx.as_mut(), &mut sync).await?;
        }
    }
    let mut connection = document::get::<Connection>(tx.as_mut(), stored.connection).await?;
    connection.last_run_at = Some(now);
    if is_scheduled {
        connection.next_run_at = crate::sync::next_run(tx.as_mut(), stored.tenant, stored.connection).await?;
    }
    connection.last_error = ended.as_ref().err().map(|error| Problem::new(now, error));
    document::put(tx.as_mut(), &mut connection).await?;
    document::put(tx.as_mut(), &mut stored).await?;
    let event = EventKind::RunFinished {
        run: id,
        connection: stored.connection,
        status: status.name().to_owned(),
    };
    inner.events.store(tx.as_mut(), inner, stored.tenant, event).await?;
    tx.commit().await?;
    inner.events.wake();
    Ok(stored.value)
}
