//! `syncline schedule`.

use std::process::ExitCode;

use syncline::event::{Event, EventKind};
use syncline::http::StopFlag;

use super::check::tell;
use crate::config::{ApplyOptions, apply};
use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::output::{Output, note, print};
use crate::project::Project;
use crate::table::{maybe_time, plain, time};

/// What `schedule` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ScheduleArguments {
    /// Read what is new in the file at once: first imports, and what a wider mapping asks for. Otherwise when it is due.
    #[arg(long)]
    import: bool,
    /// Remove syncs that are in the database and not in the file. Their links are kept.
    #[arg(long)]
    prune: bool,
}

/// Runs the schedule until it is stopped, and prints what it does: a line each, or one JSON object each.
///
/// # Errors
/// When the configuration can't be applied, or the store fails.
pub(crate) async fn schedule(project: &Project, arguments: &ScheduleArguments) -> Result<ExitCode, Failure> {
    let (engine, tenant) = (&project.engine, project.tenant.id);
    let options = ApplyOptions {
        prune: arguments.prune,
        import: arguments.import,
    };
    let applied = apply(project, options).await?;
    tell(project, &applied);
    let connections = engine.connections().list(tenant, true, &project.actor).await?;
    for sync in engine.syncs().list(tenant, false, &project.actor).await? {
        let connection = connections.iter().find(|connection| connection.id == sync.connection);
        let Some(unusable) = connection.and_then(|connection| connection.check_usable().err()) else {
            project.output.line(format_args!(
                "sync `{}` is {}; next at {}",
                sync.name,
                sync.status.name(),
                maybe_time(sync.next_run_at)
            ));
            continue;
        };
        note(format_args!(
            "sync `{}` does not run: {}",
            sync.name,
            unusable.message()
        ));
    }
    let known = engine
        .events(tenant, 0, usize::MAX, &project.actor)
        .await?
        .last()
        .map_or(0, |event| event.id);
    let names = |id: u64| {
        connections
            .iter()
            .find(|connection| connection.id == id)
            .map_or_else(|| id.to_string(), |found| found.name.clone())
    };
    let stop = StopFlag::new();
    let work = engine.run_schedule(stop.clone(), &project.actor);
    let mut work = std::pin::pin!(work);
    let events = engine.on_event(tenant, known, &project.actor, |event| {
        tell_event(project.output, &event, &names);
    });
    let mut events = std::pin::pin!(events);
    note("the schedule runs; Ctrl-C stops it");
    let mut interrupts = Interrupts::listen();
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = &mut work => {
                ended?;
                note("stopped; nothing is lost");
                return Ok(ExitCode::SUCCESS);
            }
            failed = &mut events => failed?,
            () = interrupts.next() => {
                if stopping {
                    return Err(Failure::new(crate::failure::Exit::Interrupted, "stopped at once"));
                }
                stopping = true;
                note("stopping at the next safe place; Ctrl-C again stops at once");
                stop.stop();
            }
        }
    }
}

fn tell_event(output: Output, event: &Event, names: &impl Fn(u64) -> String) {
    if output.is_json() {
        if let Ok(json) = serde_json::to_string(event) {
            print(&format!("{json}\n"));
        }
        return;
    }
    let what = match &event.kind {
        EventKind::RunStarted { run, connection } => format!("run {run} on `{}` began", names(*connection)),
        EventKind::RunFinished {
            run,
            connection,
            status,
        } => format!("run {run} on `{}` {status}", names(*connection)),
        EventKind::ConflictOpened { conflict, sync } => {
            format!("conflict {conflict} of sync `{sync}`: `syncline conflicts show {conflict}`")
        }
        EventKind::RecordFailed { sync, record, message } => {
            format!("record {record} of sync `{sync}` failed: {message}")
        }
        EventKind::ConnectionNeedsAttention { connection, message } => {
            format!("connection `{}`: {message}", names(*connection))
        }
        EventKind::SchemaDrifted {
            connection,
            object,
            changes,
        } => {
            format!(
                "{object} of `{}` is no longer what it was: {}",
                names(*connection),
                changes.join("; ")
            )
        }
        _ => serde_json::to_string(&event.kind).unwrap_or_default(),
    };
    output.line(format_args!("{} {}", time(event.at), plain(&what)));
}
