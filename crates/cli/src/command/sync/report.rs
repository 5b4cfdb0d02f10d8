//! What runs came to, for people and programs.

use syncline::connection::ConnectionStatus;
use syncline::run::{PlannedChange, Run, RunStatus};

use crate::failure::Failure;
use crate::number::counted;
use crate::output::{note, with_id};
use crate::project::Project;
use crate::table::{Table, value};

/// Shows runs with their ledgers, and the plan of dry ones. Whether one failed since a person must sign in again.
///
/// # Errors
/// When a run has no JSON form, or the store fails.
pub(super) async fn show(project: &Project, runs: &[Run], dry_run: bool) -> Result<bool, Failure> {
    project
        .output
        .json(&runs.iter().map(|run| with_id(run.id, run)).collect::<Vec<_>>())?;
    let mut cut_off = false;
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
        let failed = run.total("pull").failed + run.total("push").failed + run.total("files").failed;
        if failed > 0 {
            project.output.line(format_args!(
                "{} failed: `syncline runs show {}` says why",
                counted(failed, "record", "records"),
                run.id
            ));
        }
        let deferred = run.total("pull").deferred + run.total("push").deferred;
        if deferred > 0 && run.error.is_none() {
            project.output.line(format_args!(
                "{} left for a later run, as deletes and writes without an answer are for some minutes; run again then",
                counted(deferred, "record was", "records were")
            ));
        }
        if let Some(error) = &run.error {
            note(format_args!("run {}: {error}", run.id));
        }
        if let Some(brake) = &run.brake {
            note(format_args!("run {}: {brake}", run.id));
        }
        if is_braked(run) {
            note("  next: the same with `--dry-run` shows what would change, and with `--release-brake` it is done");
        }
        if run.status == RunStatus::Failed {
            let connections = project.engine.connections();
            let connection = connections.get(run.connection, &project.actor).await?;
            if connection.status == ConnectionStatus::NeedsReauthorisation {
                note(format_args!(
                    "  next: `syncline connect {}` signs in again",
                    connection.name
                ));
                cut_off = true;
            } else {
                note("  next: `syncline check` looks at mappings and connections; then run again, nothing is lost");
            }
        }
    }
    tell_waiting(project, runs).await?;
    Ok(cut_off)
}

/// Whether the mass-change brake stopped it.
pub(super) fn is_braked(run: &Run) -> bool {
    run.error
        .as_ref()
        .is_some_and(|error| error.contains("mass-change brake"))
}

/// Reminds of records that failed in earlier runs and still do: a run that had nothing to do with them is in order.
async fn tell_waiting(project: &Project, runs: &[Run]) -> Result<(), Failure> {
    let all = project.engine.runs();
    let failures = all.failures(project.tenant.id, None, &project.actor).await?;
    let is_earlier = |run: u64| runs.iter().all(|known| known.id != run);
    let count = failures.iter().filter(|failure| is_earlier(failure.run)).count() as u64;
    if count > 0 {
        project.output.line(format_args!(
            "{} in earlier runs and will be tried again: `syncline runs failures`",
            counted(count, "record failed", "records failed")
        ));
    }
    Ok(())
}

/// The ledger of a run: everything read is accounted for.
pub(crate) fn ledger_table(run: &Run) -> Table {
    let mut table = Table::new(&[
        "Sync",
        "Direction",
        "Read",
        "Created",
        "Updated",
        "Deleted",
        "Unchanged",
        "Filtered",
        "Conflicted",
        "Deferred",
        "Failed",
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
    let mut above: Option<&PlannedChange> = None;
    for change in run.plan.iter().take(SHOWN) {
        // What the line above says of the same record is not said again.
        let same = above.is_some_and(|above| {
            (&above.target, &above.record, &above.action) == (&change.target, &change.record, &change.action)
        });
        above = Some(change);
        let once = |text: &String| if same { String::new() } else { text.clone() };
        table.row(vec![
            once(&change.target),
            once(&change.record),
            once(&change.action),
            change.field.clone(),
            value(&change.before),
            value(&change.after),
        ]);
    }
    project.output.table(&table);
    let shown = run.plan.len().min(SHOWN) as u64;
    if run.planned > shown {
        project.output.line(format_args!(
            "{shown} of {} changes shown; `--output json` has up to 10,000",
            run.planned
        ));
    }
}
