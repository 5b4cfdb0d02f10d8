//! `syncline status`.

use std::process::ExitCode;

use serde_json::json;
use syncline::conflict::ConflictQuery;
use syncline::connection::Connection;
use syncline::run::{RunQuery, RunStatus};
use syncline::sync::{Sync, SyncStatus};

use super::connections::{nothing_connected, tell_unauthorised};
use crate::config::show_schedule;
use crate::failure::{Exit, Failure};
use crate::number::counted;
use crate::output::with_id;
use crate::project::Project;
use crate::table::{Table, maybe, maybe_time, word};

/// What `status` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArguments {
    /// Exit with 6 when conflicts wait for a person.
    #[arg(long)]
    fail_on_conflicts: bool,
}

/// Shows how everything stands: connections, syncs, what waits for whom.
///
/// # Errors
/// When the store fails.
pub(crate) async fn status(project: &Project, arguments: &StatusArguments) -> Result<ExitCode, Failure> {
    let (engine, actor, tenant) = (&project.engine, &project.actor, project.tenant.id);
    let connections = engine.connections().list(tenant, false, actor).await?;
    let syncs = engine.syncs().list(tenant, false, actor).await?;
    let conflicts = engine.conflicts().count_pending(tenant, actor).await?;
    let restored = engine.restored(actor).await?;
    let under_way = RunQuery {
        status: vec![RunStatus::Running, RunStatus::Interrupted, RunStatus::Queued],
        ..RunQuery::default()
    };
    let running = engine.runs().list(tenant, &under_way, actor).await?;

    let mut rows = Vec::new();
    for sync in &syncs {
        let counts = engine.syncs().counts(sync, actor).await?;
        let query = ConflictQuery {
            sync: Some(sync.id),
            limit: 10_000,
            ..ConflictQuery::pending()
        };
        let open = engine.conflicts().list(tenant, &query, actor).await?.len();
        let failed = engine.runs().failures(tenant, Some(sync.id), actor).await?.len();
        rows.push((sync, counts, open, failed));
    }
    if project.output.is_json() {
        let syncs: Vec<_> = rows
            .iter()
            .map(|(sync, counts, open, failed)| {
                let mut json = with_id(sync.id, *sync);
                json["counts"] = json!({
                    "linked": counts.linked, "to_write": counts.push, "to_read": counts.read, "conflicts": open,
                    "failed": failed,
                });
                json
            })
            .collect();
        project.output.json(&json!({
            "tenant": project.tenant,
            "connections": connections.iter().map(|connection| with_id(connection.id, connection)).collect::<Vec<_>>(),
            "syncs": syncs,
            "conflicts": conflicts,
            "restored": restored,
            "running": running.iter().map(|run| with_id(run.id, run)).collect::<Vec<_>>(),
        }))?;
    } else {
        let mut table = Table::new(&[
            "Connection",
            "Provider",
            "Account",
            "Status",
            "Last run",
            "Next run",
            "Last error",
        ]);
        for connection in &connections {
            table.row(vec![
                connection.name.clone(),
                connection.provider.clone(),
                connection.account.name.clone(),
                connection.status.to_string(),
                maybe_time(connection.last_run_at),
                maybe_time(connection.next_run_at.filter(|_| connection.check_usable().is_ok())),
                maybe(connection.last_error.as_ref().map(|problem| problem.message.as_str())),
            ]);
        }
        show(project, &table, connections.is_empty(), &nothing_connected(project));
        let authorised: Vec<String> = connections.iter().map(|connection| connection.name.clone()).collect();
        tell_unauthorised(project, &authorised);
        project.output.line("");
        let mut table = Table::new(&[
            "Sync",
            "Blueprint",
            "Object",
            "Direction",
            "Schedule",
            "Status",
            "Linked",
            "To write",
            "To read",
            "Conflicts",
            "Failed",
            "Last run",
            "Next run",
        ]);
        for (sync, counts, open, failed) in &rows {
            table.row(vec![
                sync.name.clone(),
                sync.mapping.blueprint.clone(),
                sync.mapping.object.clone(),
                word(&sync.mapping.direction),
                show_schedule(&sync.schedule),
                sync.paused_because
                    .as_ref()
                    .map_or_else(|| sync.status.name().to_owned(), |why| format!("paused ({why})")),
                counts.linked.to_string(),
                counts.push.to_string(),
                counts.read.to_string(),
                open.to_string(),
                failed.to_string(),
                maybe_time(sync.last_run_at),
                maybe_time(sync.next_run_at.filter(|_| runs(sync, &connections))),
            ]);
        }
        show(
            project,
            &table,
            rows.is_empty(),
            "no syncs yet; `syncline map auto CONNECTION OBJECT --write` makes one",
        );
        for run in &running {
            let since = maybe_time(run.started_at.or(Some(run.requested_at)));
            project.output.line(match run.status {
                RunStatus::Interrupted => format!(
                    "run {} of {since} was interrupted; the next one goes on from there, and nothing is lost",
                    run.id
                ),
                status => format!("run {} is {} since {since}", run.id, status.name()),
            });
        }
        if let Some(restored) = restored {
            project.output.line(restored.reason);
            project.output.line("`syncline restored --confirm` confirms it");
        }
        if running.is_empty()
            && rows
                .iter()
                .any(|(sync, ..)| sync.next_run_at.is_some_and(|at| at <= engine.now()))
        {
            project.output.line(
                "something is due: `syncline schedule` runs what is due by itself, `syncline sync` everything once",
            );
        }
        if conflicts > 0 {
            project.output.line(format_args!(
                "{} for a person: `syncline conflicts list`",
                counted(conflicts, "conflict waits", "conflicts wait")
            ));
        }
    }
    Ok(if arguments.fail_on_conflicts && conflicts > 0 {
        Exit::Conflicts.into()
    } else {
        ExitCode::SUCCESS
    })
}

/// Whether a schedule runs this sync at all.
fn runs(sync: &Sync, connections: &[Connection]) -> bool {
    let connection = connections.iter().find(|connection| connection.id == sync.connection);
    sync.status == SyncStatus::Active && connection.is_some_and(|connection| connection.check_usable().is_ok())
}

fn show(project: &Project, table: &Table, is_empty: bool, nothing: &str) {
    if is_empty {
        project.output.line(nothing);
    } else {
        project.output.table(table);
    }
}
