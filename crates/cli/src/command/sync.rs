//! `syncline sync`.

use std::process::ExitCode;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use jiff::tz::TimeZone;
use syncline::RunRequest;
use syncline::mapping::Direction;
use syncline::run::{Run, RunParameters, RunQuery, RunScope, RunStatus};

use super::check::tell;
use crate::config::apply;
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupts;
use crate::output::{note, with_id};
use crate::progress::Bars;
use crate::project::Project;
use crate::table::{Table, value};

/// What `sync` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct SyncArguments {
    /// Only this sync. Repeatable; everything if nothing is named.
    #[arg(long, value_name = "NAME")]
    sync: Vec<String>,
    /// All syncs of this connection. Repeatable.
    #[arg(long, value_name = "NAME")]
    connection: Vec<String>,
    /// All syncs of this provider. Repeatable.
    #[arg(long, value_name = "NAME")]
    provider: Vec<String>,
    /// Read everything instead of what changed.
    #[arg(long)]
    full: bool,
    /// Read what changed since then instead: 2026-05-01, 2026-05-01T12:00:00Z, 2h. The cursor stays where it is.
    #[arg(long, value_name = "TIME", conflicts_with = "full")]
    since: Option<String>,
    /// Compare the ids and stamps of all remote records with those known here, to find lost changes and hard deletes.
    #[arg(long)]
    sweep: bool,
    /// The source side wins this run: the CRM, or the app with `--direction push`. Losers are in the audit.
    #[arg(long)]
    force: bool,
    /// Plan everything and write nothing; prints the plan field by field.
    #[arg(long)]
    dry_run: bool,
    /// Read at most so many records of each object. The cursor stays where it is.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_records: Option<u64>,
    /// Records per page, where the provider lets us choose.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    batch_size: Option<u32>,
    /// Only syncs of this remote object. Repeatable.
    #[arg(long, value_name = "OBJECT")]
    object: Vec<String>,
    /// Only this way, beside what sync and fields say.
    #[arg(long, value_enum)]
    direction: Option<Way>,
    /// Only this remote record, of one sync. Repeatable.
    #[arg(long, value_name = "ID", requires = "sync")]
    record: Vec<String>,
    /// Go on although the mass-change brake would stop the run.
    #[arg(long)]
    release_brake: bool,
    /// Log this run verbosely to standard error, secrets redacted.
    #[arg(long)]
    pub(crate) debug: bool,
    /// Exit with 6 when conflicts wait for a person.
    #[arg(long)]
    fail_on_conflicts: bool,
}

/// Which way values flow in a run.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Way {
    /// From the CRM to the app.
    Pull,
    /// From the app to the CRM.
    Push,
    /// Both.
    Bidirectional,
}

impl From<Way> for Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::Pull => Self::Pull,
            Way::Push => Self::Push,
            Way::Bidirectional => Self::Bidirectional,
        }
    }
}

/// Runs syncs and waits for them.
///
/// # Errors
/// When nothing could be run. How runs ended is in the exit code.
pub(crate) async fn sync(project: &Project, arguments: SyncArguments) -> Result<ExitCode, Failure> {
    if !arguments.record.is_empty() && arguments.sync.len() != 1 {
        return Err(Failure::usage("records belong to one sync; name exactly one with `--sync`"));
    }
    let applied = apply(project).await?;
    tell(project, &applied);
    if let Some((_, connection)) = applied.waiting.first()
        && project.engine.syncs().list(project.tenant.id, false, &project.actor).await?.is_empty()
    {
        return Err(Failure::refused("nothing can run: no connection of these syncs is authorised yet")
            .next(format!("`syncline connect {connection}` signs in")));
    }
    let requests = requests(project, &arguments).await?;
    let (outcomes, stopped) = Box::pin(carry_out(project, requests)).await?;
    let mut runs = Vec::new();
    let mut failures = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(done) => runs.extend(done),
            Err(error) => failures.push(Failure::from(error)),
        }
    }
    if runs.is_empty()
        && let Some(failure) = failures.pop()
    {
        return Err(failure);
    }
    runs.sort_by_key(|run| run.id);
    show(project, &runs, arguments.dry_run)?;
    for failure in &failures {
        note(failure);
    }
    let waiting = project.engine.conflicts().count_pending(project.tenant.id, &project.actor).await?;
    if waiting > 0 {
        project.output.line(format_args!("{waiting} conflicts wait for a person: `syncline conflicts list`"));
    }
    if !failures.is_empty() {
        return Ok(Exit::Failure.into());
    }
    Ok(exit_of(&runs, stopped, arguments.fail_on_conflicts && waiting > 0))
}

async fn requests(project: &Project, arguments: &SyncArguments) -> Result<Vec<RunRequest>, Failure> {
    let since = match &arguments.since {
        Some(text) => {
            let zone = TimeZone::get(&project.tenant.time_zone).unwrap_or(TimeZone::UTC);
            Some(crate::moment::parse(text, project.engine.now(), &zone)?)
        }
        None => None,
    };
    let parameters = RunParameters {
        full: arguments.full,
        since,
        force: arguments.force,
        dry_run: arguments.dry_run,
        max_records: arguments.max_records,
        batch_size: arguments.batch_size.and_then(|size| usize::try_from(size).ok()),
        objects: arguments.object.clone(),
        direction: arguments.direction.map(Direction::from),
        records: arguments.record.clone(),
        release_brake: arguments.release_brake,
        debug: arguments.debug,
        sweep: arguments.sweep,
        ..RunParameters::default()
    };
    let mut scopes = Vec::new();
    for name in &arguments.sync {
        scopes.push(RunScope::Sync(project.sync(name).await?.id));
    }
    for name in &arguments.connection {
        scopes.push(RunScope::Connection(project.connection(name).await?.id));
    }
    for provider in &arguments.provider {
        let mut known: Vec<&str> = project.engine.connectors().map(|connector| connector.manifest().provider.as_str()).collect();
        known.sort_unstable();
        if !known.contains(&provider.as_str()) {
            return Err(Failure::not_found(format!("there is no provider `{provider}`; there are: {}", known.join(", "))));
        }
        scopes.push(RunScope::Provider(provider.clone()));
    }
    if scopes.is_empty() {
        scopes.push(RunScope::Tenant);
    }
    let tenant = project.tenant.id;
    Ok(scopes.into_iter().map(|scope| RunRequest { tenant, scope, parameters: parameters.clone() }).collect())
}

/// What became of each request.
type Outcomes = Vec<Result<Vec<Run>, syncline::Error>>;

/// Carries requests out under live bars, until they are done or a second Ctrl-C; tells whether somebody asked to stop.
async fn carry_out(project: &Project, requests: Vec<RunRequest>) -> Result<(Outcomes, bool), Failure> {
    let mut interrupts = Interrupts::listen();
    let mut events = project.engine.progress();
    // On tasks of their own, so that a busy run does not hold up the bars and Ctrl-C.
    let work = requests.into_iter().map(|request| {
        let (engine, actor) = (project.engine.clone(), project.actor.clone());
        tokio::spawn(async move { engine.runs().run(request, &actor).await })
    });
    let work = join_all(work).fuse();
    let mut work = std::pin::pin!(work);
    let mut bars = Bars::default();
    let mut beat = tokio::time::interval(Duration::from_millis(200));
    let mut beats: u32 = 0;
    let mut is_quiet = true;
    let mut stopping = false;
    loop {
        tokio::select! {
            done = &mut work => {
                bars.finish();
                let broken = |error| Err(syncline::Error::new(syncline::ErrorKind::Internal, "a run broke off").because(error));
                let outcomes = done.into_iter().map(|outcome| outcome.unwrap_or_else(broken)).collect();
                return Ok((outcomes, stopping));
            }
            event = events.recv() => match event {
                Ok(event) => {
                    is_quiet = false;
                    bars.show(&event);
                }
                // Too slow for all of them; the next one tells as much.
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => tokio::time::sleep(Duration::from_millis(200)).await,
            },
            _ = beat.tick() => {
                bars.tick();
                beats = beats.saturating_add(1);
                if is_quiet && beats == QUIET_BEATS {
                    bars.say("waiting for the connection: another run holds it, or one that was killed did a moment ago");
                }
            }
            () = interrupts.next() => {
                if stopping {
                    bars.finish();
                    return Err(Failure::new(Exit::Interrupted, "stopped at once").next("nothing is lost: the next run goes on from here"));
                }
                stopping = true;
                bars.say("stopping at the next safe place; Ctrl-C again stops at once");
                stop_all(project).await?;
            }
        }
    }
}

/// Beats of 200 ms without a word from a run, after which a person is told what it may wait for.
const QUIET_BEATS: u32 = 15;

async fn stop_all(project: &Project) -> Result<(), Failure> {
    let query = RunQuery { status: vec![RunStatus::Running, RunStatus::Queued], ..RunQuery::default() };
    for run in project.engine.runs().list(project.tenant.id, &query, &project.actor).await? {
        // One that ended meanwhile needs no stopping.
        let _over = project.engine.runs().stop(run.id, &project.actor).await;
    }
    Ok(())
}

fn exit_of(runs: &[Run], stopped: bool, conflicts: bool) -> ExitCode {
    let any = |status: RunStatus| runs.iter().any(|run| run.status == status);
    let braked = runs.iter().any(|run| run.error.as_ref().is_some_and(|error| error.contains("mass-change brake")));
    if braked {
        Exit::Refused.into()
    } else if any(RunStatus::Failed) {
        Exit::Failure.into()
    } else if any(RunStatus::Stopped) {
        if stopped { Exit::Interrupted.into() } else { Exit::Refused.into() }
    } else if any(RunStatus::Partial) {
        Exit::Partial.into()
    } else if conflicts {
        Exit::Conflicts.into()
    } else {
        ExitCode::SUCCESS
    }
}

fn show(project: &Project, runs: &[Run], dry_run: bool) -> Result<(), Failure> {
    project.output.json(&runs.iter().map(|run| with_id(run.id, run)).collect::<Vec<_>>())?;
    for run in runs {
        if !run.ledgers.is_empty() {
            project.output.table(&ledger_table(run));
        }
        let mut line = format!("run {} {}", run.id, run.status.name());
        if let (Some(started), Some(finished)) = (run.started_at, run.finished_at) {
            line.push_str(&format!(" in {:.1} s", finished.duration_since(started).as_secs_f64()));
        }
        project.output.line(line);
        if dry_run {
            show_plan(project, run);
        }
        let failed = run.total("pull").failed + run.total("push").failed;
        if failed > 0 {
            project.output.line(format_args!("{failed} records failed: `syncline runs show {}` says why", run.id));
        }
        let deferred = run.total("pull").deferred + run.total("push").deferred;
        if deferred > 0 {
            project.output.line(format_args!("{deferred} records were left for a later run; run again"));
        }
        if let Some(error) = &run.error {
            note(format_args!("run {}: {error}", run.id));
        }
    }
    Ok(())
}

/// The ledger of a run: everything read is accounted for.
pub(crate) fn ledger_table(run: &Run) -> Table {
    let mut table = Table::new(&[
        "Sync", "Direction", "Read", "Created", "Updated", "Deleted", "Unchanged", "Filtered", "Conflicted", "Deferred", "Failed",
    ]);
    for (sync, directions) in &run.ledgers {
        for (direction, ledger) in directions {
            let counts = [
                ledger.read,
                ledger.created,
                ledger.updated,
                ledger.deleted,
                ledger.unchanged,
                ledger.filtered,
                ledger.conflicted,
                ledger.deferred,
                ledger.failed,
            ];
            let mut row = vec![sync.clone(), direction.clone()];
            row.extend(counts.iter().map(u64::to_string));
            table.row(row);
        }
    }
    table
}

/// Fields of a plan that a table shows.
const SHOWN: usize = 200;

/// The plan of a dry run.
pub(crate) fn show_plan(project: &Project, run: &Run) {
    if run.plan.is_empty() {
        project.output.line("nothing would change");
        return;
    }
    let mut table = Table::new(&["Where", "Record", "Action", "Field", "Before", "After"]);
    for change in run.plan.iter().take(SHOWN) {
        table.row(vec![
            change.target.clone(),
            change.record.clone(),
            change.action.clone(),
            change.field.clone(),
            value(&change.before),
            value(&change.after),
        ]);
    }
    project.output.table(&table);
    let shown = run.plan.len().min(SHOWN) as u64;
    if run.planned > shown {
        project.output.line(format_args!("{shown} of {} changes shown; `--output json` has up to 10,000", run.planned));
    }
}
