//! `syncline rollback`.

use std::process::ExitCode;

use serde_json::json;
use syncline::run::{RollbackRelease, RunStatus};

use super::sync::{ledger_table, show_plan};
use crate::failure::{Exit, Failure};
use crate::number::counted;
use crate::output::{note, with_id};
use crate::project::Project;
use crate::table::Table;

/// What `rollback` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct RollbackArguments {
    /// The run to undo; with `--release-held`, the rollback itself.
    #[arg(value_parser = crate::number::number)]
    run: u64,
    /// What becomes of a change at the side that it came from.
    #[arg(long, value_enum, default_value_t = Source::Hold)]
    source: Source,
    /// Only show what would be undone.
    #[arg(long)]
    dry_run: bool,
    /// Let what an earlier rollback holds go: `--source accept` or `--source everywhere`.
    #[arg(long, conflicts_with = "dry_run")]
    release_held: bool,
}

/// What becomes of a change at the side that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Source {
    /// It stays there, and a person decides.
    Hold,
    /// The next run reads that side anew, and takes what it holds.
    Accept,
    /// The value from before the run is written there too.
    Everywhere,
}

/// Undoes a run, as a run of its own.
///
/// # Errors
/// When there is no such run, or it is not over.
pub(crate) async fn rollback(project: &Project, arguments: RollbackArguments) -> Result<ExitCode, Failure> {
    let release = match arguments.source {
        Source::Hold => RollbackRelease::Hold,
        Source::Accept => RollbackRelease::AcceptSourceNext,
        Source::Everywhere => RollbackRelease::Everywhere,
    };
    let runs = project.engine.runs();
    let unknown =
        || Failure::not_found(format!("there is no run {}", arguments.run)).next("`syncline runs list` lists them");
    let undone = runs
        .get(arguments.run, &project.actor)
        .await
        .map_err(|error| match error.kind() {
            syncline::ErrorKind::NotFound => unknown(),
            _ => error.into(),
        })?;
    if undone.tenant != project.tenant.id {
        return Err(unknown());
    }
    if arguments.release_held {
        let released = runs
            .release_rollback(arguments.run, release, &project.actor)
            .await
            .map_err(|error| match error.kind() {
                syncline::ErrorKind::Invalid => Failure::from(error)
                    .next("`syncline rollback ROLLBACK --release-held --source accept` or `... --source everywhere`"),
                _ => error.into(),
            })?;
        project
            .output
            .json(&json!({ "rollback": arguments.run, "released": released }))?;
        project.output.line(format_args!(
            "{} released; the next `syncline sync` brings them together",
            counted(released, "field was", "fields were")
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let run = runs
        .rollback(arguments.run, release, arguments.dry_run, &project.actor)
        .await?;
    project.output.json(&with_id(run.id, &run))?;
    if !run.ledgers.is_empty() {
        project.output.table(&ledger_table(&run));
    }
    if arguments.dry_run {
        show_plan(project, &run);
    }
    if run.diverged_count > 0 {
        let mut table = Table::new(&["Record", "Field", "Left alone because"]);
        for left in run.diverged.iter().take(100) {
            table.row(vec![left.record.clone(), left.field.clone(), left.reason.clone()]);
        }
        project.output.table(&table);
        project.output.line(counted(
            run.diverged_count,
            "change stays as it is",
            "changes stay as they are",
        ));
    }
    let (id, status) = (run.id, run.status.name());
    project.output.line(if arguments.dry_run {
        format!(
            "run {id} {status}: a dry run, nothing was undone; without `--dry-run` it undoes run {}",
            arguments.run
        )
    } else {
        format!("run {id} {status}: it undoes run {}", arguments.run)
    });
    if let Some(error) = &run.error {
        note(format_args!("run {}: {error}", run.id));
    }
    Ok(match run.status {
        RunStatus::Failed => Exit::Failure.into(),
        RunStatus::Stopped => Exit::Refused.into(),
        RunStatus::Partial => Exit::Partial.into(),
        _ if run.diverged_count > 0 => Exit::Partial.into(),
        _ => ExitCode::SUCCESS,
    })
}
