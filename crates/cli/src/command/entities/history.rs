//! `syncline entities history` and `restore`.

use syncline::audit::{AuditKind, AuditRecord};

use super::uid;
use crate::command::audit::Position;
use crate::failure::Failure;
use crate::project::Project;
use crate::table::{Table, time, value, word};

/// What `entities history` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct HistoryArguments {
    /// The record's id.
    uid: String,
    /// At most so many entries.
    #[arg(long, default_value_t = 25, value_name = "N", value_parser = crate::number::within(1_u16, 1_000))]
    limit: u16,
    /// Only what is older than this position: where the page before ended.
    #[arg(long, value_name = "BLOCK.ENTRY")]
    before: Option<Position>,
    /// Also what was written to and answered by the CRMs.
    #[arg(long)]
    all: bool,
}

/// What `entities restore` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArguments {
    /// The record's id.
    uid: String,
    /// The revision whose values come back; `entities history` shows them.
    #[arg(long, value_parser = crate::number::number)]
    rev: u64,
}

/// What tells of the record itself, and not of writes.
const fn is_change(entry: &AuditRecord) -> bool {
    !matches!(
        entry.kind,
        AuditKind::Intended | AuditKind::Confirmed | AuditKind::UnknownOutcome
    )
}

/// Does `entities history`.
///
/// # Errors
/// When there is no such record.
pub(super) async fn history(project: &Project, arguments: HistoryArguments) -> Result<(), Failure> {
    let entities = project.engine.entities();
    let before = arguments.before.map(|position| position.0);
    let found = entities
        .history(
            project.tenant.id,
            uid(&arguments.uid)?,
            before,
            usize::from(arguments.limit),
            &project.actor,
        )
        .await?;
    if project.output.is_json() {
        return project.output.json(&found);
    }
    let mut table = Table::new(&["When", "Revision", "What", "By", "Changes"]);
    let mut left_out = 0;
    for entry in &found.entries {
        if !arguments.all && !is_change(entry) {
            left_out += 1;
            continue;
        }
        let by = match (&entry.sync, entry.note.as_str()) {
            (Some(sync), "") => sync.clone(),
            (Some(sync), note) => format!("{sync}: {note}"),
            (None, note) => note.to_owned(),
        };
        let changes: Vec<String> = entry
            .changes
            .iter()
            .map(|change| match entry.kind {
                AuditKind::Created => format!("{}: {}", change.field, value(&change.after)),
                _ => format!(
                    "{}: {} -> {}",
                    change.field,
                    value(&change.before),
                    value(&change.after)
                ),
            })
            .collect();
        table.row(vec![
            time(entry.at),
            if entry.rev > 0 {
                entry.rev.to_string()
            } else {
                "-".to_owned()
            },
            word(&entry.kind).replace('_', " "),
            by,
            changes.join("\n"),
        ]);
    }
    project.output.table(&table);
    if left_out > 0 {
        project.output.line(format_args!(
            "{left_out} of writes to CRMs are left out; `--all` shows them"
        ));
    }
    if found.purged {
        project
            .output
            .line("what is older than the audit is kept is not there any more");
    }
    if let Some(next) = found.next {
        project
            .output
            .line(format_args!("older with `--before {}.{}`", next.block, next.entry));
    }
    Ok(())
}

/// Does `entities restore`.
///
/// # Errors
/// When there is no such record or revision, or what happened since is no longer known.
pub(super) async fn restore(project: &Project, arguments: RestoreArguments) -> Result<(), Failure> {
    let entities = project.engine.entities();
    let edited = entities
        .restore(project.tenant.id, uid(&arguments.uid)?, arguments.rev, &project.actor)
        .await
        .map_err(|error| match error.kind() {
            syncline::ErrorKind::Invalid | syncline::ErrorKind::Refused => {
                Failure::from(error).next(format!("`syncline entities history {}`", arguments.uid))
            }
            _ => error.into(),
        })?;
    project.output.json(&edited)?;
    project.output.line(match edited.changed.as_slice() {
        [] => format!("nothing to do: it is as it was at revision {}", arguments.rev),
        changed => format!(
            "{} as at revision {} again; revision {} now, which the next `syncline sync` writes to the CRMs",
            changed.join(", "),
            arguments.rev,
            edited.entity.rev
        ),
    });
    Ok(())
}
