//! `syncline sync`.

mod report;
mod watch;

use std::process::ExitCode;

use jiff::tz::TimeZone;
use syncline::RunRequest;
use syncline::connection::{Connection, ConnectionStatus};
use syncline::mapping::Direction;
use syncline::run::{Run, RunParameters, RunScope, RunStatus};
use syncline::sync::{Sync, SyncStatus};

use super::check::tell;
use crate::config::{Applied, ApplyOptions, apply};
use crate::failure::{Exit, Failure};
use crate::number::counted;
use crate::output::note;
use crate::project::Project;
use report::{is_braked, show};
use watch::carry_out;

pub(crate) use report::{ledger_table, show_plan};

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
    #[arg(long, value_name = "N", value_parser = crate::number::within(1_u64, u64::MAX))]
    max_records: Option<u64>,
    /// Records per page, where the provider lets us choose.
    #[arg(long, value_name = "N", value_parser = crate::number::within(1_u32, 10_000))]
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
    /// Remove syncs that are in the database and not in the file. Their links are kept.
    #[arg(long)]
    prune: bool,
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
        return Err(Failure::usage(
            "records belong to one sync; name exactly one with `--sync`",
        ));
    }
    let options = ApplyOptions {
        prune: arguments.prune,
        ..ApplyOptions::default()
    };
    let applied = apply(project, options).await?;
    tell(project, &applied);
    if let Some((_, connection)) = applied.waiting.first()
        && project
            .engine
            .syncs()
            .list(project.tenant.id, false, &project.actor)
            .await?
            .is_empty()
    {
        return Err(
            Failure::refused("nothing can run: no connection of these syncs is authorised yet")
                .next(format!("`syncline connect {connection}` signs in")),
        );
    }
    let requests = requests(project, &arguments, &applied).await?;
    tell_paused(project, &arguments).await?;
    let cut_off = tell_left_out(project, &arguments).await?;
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
    let cut_off = show(project, &runs, arguments.dry_run).await? || cut_off;
    for failure in &failures {
        note(failure);
    }
    let waiting = project
        .engine
        .conflicts()
        .count_pending(project.tenant.id, &project.actor)
        .await?;
    if waiting > 0 {
        project.output.line(format_args!(
            "{} for a person: `syncline conflicts list`",
            counted(waiting, "conflict waits", "conflicts wait")
        ));
    }
    if !failures.is_empty() {
        return Ok(Exit::Failure.into());
    }
    if cut_off {
        return Ok(Exit::Refused.into());
    }
    Ok(exit_of(&runs, stopped, arguments.fail_on_conflicts && waiting > 0))
}

async fn requests(project: &Project, arguments: &SyncArguments, applied: &Applied) -> Result<Vec<RunRequest>, Failure> {
    let since = match &arguments.since {
        Some(text) => {
            let zone = TimeZone::get(&project.tenant.time_zone).unwrap_or(TimeZone::UTC);
            let now = project.engine.now();
            let since = crate::moment::parse(text, now, &zone)?;
            if since > now {
                return Err(Failure::usage(format!(
                    "`{text}` is still to come; nothing can have changed since then"
                )));
            }
            Some(since)
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
    known(project, &arguments.object).await?;
    let mut scopes = Vec::new();
    for name in &arguments.sync {
        let sync = project.sync(name).await?;
        let connection = project
            .engine
            .connections()
            .get(sync.connection, &project.actor)
            .await?;
        usable(&connection)?;
        if sync.status == SyncStatus::Paused {
            return Err(Failure::refused(format!(
                "sync `{}` is paused ({}); resume it first",
                sync.name,
                reason(&sync)
            ))
            .next(format!("`syncline resume {}` lets it go on", sync.name)));
        }
        scopes.push(RunScope::Sync(sync.id));
    }
    for name in &arguments.connection {
        let connection = project.connection(name).await?;
        usable(&connection)?;
        scopes.push(RunScope::Connection(connection.id));
    }
    for provider in &arguments.provider {
        let mut known: Vec<&str> = project
            .engine
            .connectors()
            .map(|connector| connector.manifest().provider.as_str())
            .collect();
        known.sort_unstable();
        if !known.contains(&provider.as_str()) {
            return Err(Failure::not_found(format!(
                "there is no provider `{provider}`; there are: {}",
                known.join(", ")
            )));
        }
        scopes.push(RunScope::Provider(provider.clone()));
    }
    if scopes.is_empty() && applied.left_alone.is_empty() {
        scopes.push(RunScope::Tenant);
    } else if scopes.is_empty() {
        // Everything is what the file says; what it does not is somebody else's.
        for name in project.loaded.config.syncs.keys() {
            if applied.waiting.iter().all(|(waiting, _)| waiting != name) {
                scopes.push(RunScope::Sync(project.sync(name).await?.id));
            }
        }
        if scopes.is_empty() {
            return Err(
                Failure::not_found(format!("there is no sync in {}", project.loaded.shown()))
                    .next("`syncline map auto CONNECTION OBJECT --write` adds one"),
            );
        }
    }
    let tenant = project.tenant.id;
    Ok(scopes
        .into_iter()
        .map(|scope| RunRequest {
            tenant,
            scope,
            parameters: parameters.clone(),
        })
        .collect())
}

/// Names the syncs that a run of everything leaves out, and how to take them in again.
async fn tell_paused(project: &Project, arguments: &SyncArguments) -> Result<(), Failure> {
    // Whoever names a paused sync is refused with the reason.
    if !arguments.sync.is_empty() {
        return Ok(());
    }
    let syncs = project
        .engine
        .syncs()
        .list(project.tenant.id, false, &project.actor)
        .await?;
    for sync in syncs.iter().filter(|sync| sync.status == SyncStatus::Paused) {
        note(format_args!(
            "sync `{name}` is paused ({why}) and left out; `syncline resume {name}` lets it go on",
            name = sync.name,
            why = reason(sync),
        ));
    }
    Ok(())
}

/// Why a sync is paused.
fn reason(sync: &Sync) -> &str {
    sync.paused_because.as_deref().unwrap_or("no reason was given")
}

/// Names the connections that a run of everything leaves out, and how to take them in again. Whether one of them has to
/// be signed in to again, which nobody may overlook.
async fn tell_left_out(project: &Project, arguments: &SyncArguments) -> Result<bool, Failure> {
    // Whoever names one of them is refused with the reason.
    if !arguments.sync.is_empty() || !arguments.connection.is_empty() {
        return Ok(false);
    }
    let engine = &project.engine;
    let syncs = engine.syncs().list(project.tenant.id, false, &project.actor).await?;
    // Deleted ones, too: where the file still has their syncs, nobody may take them for synced.
    let connections = engine
        .connections()
        .list(project.tenant.id, true, &project.actor)
        .await?;
    let in_file = &project.loaded.config.syncs;
    let mut cut_off = false;
    for connection in connections {
        let is_meant = arguments.provider.is_empty() || arguments.provider.contains(&connection.provider);
        let objects = &arguments.object;
        let is_synced = syncs.iter().any(|sync| {
            sync.connection == connection.id
                && sync.status == SyncStatus::Active
                && (connection.status != ConnectionStatus::Deleted || in_file.contains_key(&sync.name))
                && (objects.is_empty() || objects.contains(&sync.mapping.object))
        });
        let Err(unusable) = connection.check_usable() else {
            continue;
        };
        if !is_meant || !is_synced {
            continue;
        }
        note(format_args!("{}; its syncs are left out", unusable.message()));
        note(format_args!("  next: {}", remedy(&connection)));
        cut_off |= connection.status != ConnectionStatus::Paused;
    }
    Ok(cut_off)
}

/// What makes a connection usable that is not.
fn remedy(connection: &Connection) -> String {
    let name = &connection.name;
    match connection.status {
        ConnectionStatus::Paused => format!("`syncline resume --connection {name}` lets it go on"),
        _ => format!("`syncline connect {name}` signs in again"),
    }
}

/// Refuses what is asked of a connection that can't be used, with what to do about it.
fn usable(connection: &Connection) -> Result<(), Failure> {
    let usable = connection.check_usable();
    usable.map_err(|error| Failure::from(error).next(remedy(connection)))
}

/// Refuses to run where there is nothing to run, and objects that no sync has.
async fn known(project: &Project, objects: &[String]) -> Result<(), Failure> {
    let syncs = project
        .engine
        .syncs()
        .list(project.tenant.id, false, &project.actor)
        .await?;
    if syncs.is_empty() {
        return Err(
            Failure::not_found(format!("there is no sync in {}", project.loaded.shown()))
                .next("`syncline map auto CONNECTION OBJECT --write` adds one"),
        );
    }
    let mut known: Vec<&str> = syncs.iter().map(|sync| sync.mapping.object.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    match objects.iter().find(|object| !known.contains(&object.as_str())) {
        Some(unknown) => Err(Failure::not_found(format!(
            "no sync is of the object `{unknown}`; there are syncs of: {}",
            known.join(", ")
        ))),
        None => Ok(()),
    }
}

fn exit_of(runs: &[Run], stopped: bool, conflicts: bool) -> ExitCode {
    let any = |status: RunStatus| runs.iter().any(|run| run.status == status);
    if runs.iter().any(is_braked) {
        Exit::Refused.into()
    } else if any(RunStatus::Failed) {
        Exit::Failure.into()
    } else if any(RunStatus::Stopped) {
        if stopped {
            Exit::Interrupted.into()
        } else {
            Exit::Refused.into()
        }
    } else if any(RunStatus::Partial) {
        Exit::Partial.into()
    } else if conflicts {
        Exit::Conflicts.into()
    } else {
        ExitCode::SUCCESS
    }
}
