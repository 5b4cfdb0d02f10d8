//! `syncline entities bulk`: many records at once.

use std::ops::ControlFlow;
use std::process::ExitCode;

use syncline::entity::{EntityBulkChange, EntityBulkOutcome, EntityBulkPreview};
use syncline::model::Blueprint;

use super::blueprint::blueprint;
use super::selection::{SelectionArguments, wrong};
use crate::assignment::{Assignment, values};
use crate::failure::{Exit, Failure};
use crate::interrupt::StopAsked;
use crate::number::counted;
use crate::project::Project;
use crate::steps::Steps;
use crate::table::{Table, value};

/// What can be done with many records at once. Without `--yes` it is only shown.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum BulkCommand {
    /// Set fields of all records that fit: `entities bulk set person --filter 'city == "Wien"' city=Vienna`.
    Set {
        /// The blueprint.
        blueprint: String,
        /// Fields and values.
        #[arg(required = true, value_name = "FIELD=VALUE")]
        values: Vec<Assignment>,
        #[command(flatten)]
        which: WhichArguments,
    },
    /// Delete all records that fit; each can be brought back.
    Delete {
        /// The blueprint.
        blueprint: String,
        #[command(flatten)]
        which: WhichArguments,
    },
}

/// Which records, and whether it is really done.
#[derive(Debug, clap::Args)]
pub(crate) struct WhichArguments {
    #[command(flatten)]
    selection: SelectionArguments,
    /// All records of the blueprint, where neither `--filter` nor `--search` says which.
    #[arg(long, conflicts_with_all = ["filter", "search"])]
    all: bool,
    /// Do it. Without this it is tried and shown, and nothing is written.
    #[arg(long)]
    yes: bool,
}

/// Does it.
///
/// # Errors
/// When there is no such blueprint, a filter or value is wrong, or nothing says which records.
pub(super) async fn bulk(project: &Project, command: BulkCommand) -> Result<ExitCode, Failure> {
    let (name, change, which) = match command {
        BulkCommand::Set {
            blueprint,
            values: assignments,
            which,
        } => (blueprint, EntityBulkChange::Set(values(assignments)), which),
        BulkCommand::Delete { blueprint, which } => (blueprint, EntityBulkChange::Delete, which),
    };
    let blueprint = blueprint(project, Some(&name)).await?;
    let selection = which.selection.selection();
    if selection.filter.is_none() && selection.search.is_none() && !which.all {
        return Err(Failure::usage("say which records: `--filter`, `--search` or `--all`"));
    }
    let entities = project.engine.entities();
    let (tenant, actor) = (project.tenant.id, &project.actor);
    if !which.yes {
        let preview = entities
            .preview_bulk(tenant, &name, &selection, &change, actor)
            .await
            .map_err(|error| wrong(error, &selection))?;
        project.output.json(&preview)?;
        show(project, &blueprint, &preview);
        return Ok(ExitCode::SUCCESS);
    }
    let total = entities
        .count_selected(tenant, &name, &selection, actor)
        .await
        .map_err(|error| wrong(error, &selection))?;
    let steps = Steps::new("records", Some(total));
    let interrupted = StopAsked::listen();
    let mut progress = |outcome: &EntityBulkOutcome| {
        steps.show(
            outcome.selected,
            &format!("{} changed, {} refused", outcome.changed, outcome.refused),
        );
        if interrupted.is_set() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let outcome = entities
        .bulk(tenant, &name, &selection, &change, &mut progress, actor)
        .await
        .map_err(|error| wrong(error, &selection))?;
    steps.finish();
    project.output.json(&outcome)?;
    refusals(project, &outcome);
    let done = match change {
        EntityBulkChange::Set(_) => "changed",
        EntityBulkChange::Delete => "deleted",
    };
    project.output.line(format_args!(
        "{} {done}, {} like this already, {} refused{}",
        outcome.changed,
        outcome.unchanged,
        outcome.refused,
        if outcome.stopped {
            "; stopped, and again does the rest"
        } else {
            ""
        }
    ));
    Ok(if outcome.stopped {
        Exit::Interrupted.into()
    } else if outcome.refused > 0 {
        Exit::Partial.into()
    } else {
        ExitCode::SUCCESS
    })
}

fn show(project: &Project, blueprint: &Blueprint, preview: &EntityBulkPreview) {
    let output = &project.output;
    let mut table = Table::new(&["Id", "Field", "Before", "After"]);
    for example in &preview.examples {
        for (field, before) in example
            .before
            .iter()
            .filter(|(_, before)| example.after.is_some() || !before.is_null())
        {
            let after = example.after.as_ref().map_or_else(
                || "(deleted)".to_owned(),
                |after| after.get(field).map_or_else(String::new, value),
            );
            table.row(vec![example.uid.to_string(), field.clone(), value(before), after]);
        }
    }
    if !preview.examples.is_empty() {
        output.table(&table);
    }
    refusals(project, &preview.tried);
    let tried = &preview.tried;
    output.line(format_args!(
        "{} of {} selected",
        counted(preview.selected, "record", "records"),
        blueprint.name
    ));
    if tried.selected > 0 {
        output.line(format_args!(
            "of the first {}: {} would change, {} are like this already, {} would be refused",
            tried.selected, tried.changed, tried.unchanged, tried.refused
        ));
        output.line("nothing was written; `--yes` does it");
    }
}

/// Refusals shown.
const SHOWN: usize = 20;

fn refusals(project: &Project, outcome: &EntityBulkOutcome) {
    if outcome.failures.is_empty() {
        return;
    }
    let mut table = Table::new(&["Refused", "Because"]);
    for failure in outcome.failures.iter().take(SHOWN) {
        table.row(vec![failure.uid.to_string(), failure.reason.clone()]);
    }
    project.output.table(&table);
    if outcome.refused > SHOWN as u64 {
        project.output.line(format_args!(
            "and {} more; `--output json` has the first 1,000",
            outcome.refused - SHOWN as u64
        ));
    }
}
