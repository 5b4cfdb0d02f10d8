//! `syncline entities`.

mod aggregate;
mod blueprint;
mod bulk;
mod exchange;
mod history;
mod list;
mod quality;
mod selection;

use std::process::ExitCode;

use syncline::ErrorKind;
use syncline::entity::{EntityRead, EntityView};
use syncline::state::Presence;

use aggregate::AggregateArguments;
use bulk::BulkCommand;
use exchange::{ExportArguments, ImportArguments};
use history::{HistoryArguments, RestoreArguments};
use list::{ListArguments, SearchArguments};
use quality::QualityArguments;

use crate::assignment::{Assignment, values};
use crate::failure::Failure;
use crate::output::note;
use crate::project::Project;
use crate::table::{Table, maybe, maybe_time, time, value, word};

/// What can be done with the app's records.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum EntitiesCommand {
    /// List records of a blueprint, a page at a time.
    List(ListArguments),
    /// List records with words that begin like these: `entities search person "ada king"`.
    Search(SearchArguments),
    /// Count, sum and average records, as a whole or by the values of a field.
    Aggregate(AggregateArguments),
    /// What happened to a record: who changed what, when, and from which side.
    History(HistoryArguments),
    /// Give a record the values of an earlier revision, as a new edit.
    Restore(RestoreArguments),
    /// Set fields of many records, or delete them; shown first, done with `--yes`.
    #[command(subcommand)]
    Bulk(BulkCommand),
    /// Take records in from a file: CSV, JSON lines or Excel.
    Import(ImportArguments),
    /// Write records to a file: CSV, JSON lines or Excel.
    Export(ExportArguments),
    /// Hold records against the blueprint's rules of data quality, and show or set the rules.
    Quality(QualityArguments),
    /// Show a record with its links.
    Get {
        /// The record's id.
        uid: String,
    },
    /// Change fields of a record: `city=Graz`, `city=` to clear it, `tags:=["a"]` for JSON.
    Set {
        /// The record's id.
        uid: String,
        /// Fields and values.
        #[arg(required = true, value_name = "FIELD=VALUE")]
        values: Vec<Assignment>,
        /// The revision that was looked at, so that what was decided meanwhile is noticed; the current one otherwise.
        #[arg(long, value_parser = crate::number::number)]
        rev: Option<u64>,
    },
    /// Make a record.
    Create {
        /// The blueprint.
        blueprint: String,
        /// Fields and values.
        #[arg(required = true, value_name = "FIELD=VALUE")]
        values: Vec<Assignment>,
    },
    /// Delete a record in the app; each sync's policy says what becomes of it elsewhere.
    Delete {
        /// The record's id.
        uid: String,
    },
    /// Bring a deleted record back.
    Undelete {
        /// The record's id.
        uid: String,
    },
}

/// Does it.
///
/// # Errors
/// When there is no such record or blueprint, or a value does not fit.
pub(crate) async fn entities(project: &Project, command: EntitiesCommand) -> Result<ExitCode, Failure> {
    let entities = project.engine.entities();
    let (tenant, actor) = (project.tenant.id, &project.actor);
    match command {
        EntitiesCommand::List(arguments) => list::list(project, arguments).await?,
        EntitiesCommand::Search(arguments) => list::search(project, arguments).await?,
        EntitiesCommand::Aggregate(arguments) => aggregate::aggregate(project, arguments).await?,
        EntitiesCommand::History(arguments) => history::history(project, arguments).await?,
        EntitiesCommand::Restore(arguments) => history::restore(project, arguments).await?,
        EntitiesCommand::Import(arguments) => return exchange::import(project, arguments).await,
        EntitiesCommand::Export(arguments) => return exchange::export(project, arguments).await,
        EntitiesCommand::Quality(arguments) => return quality::quality(project, arguments).await,
        EntitiesCommand::Bulk(command) => return bulk::bulk(project, command).await,
        EntitiesCommand::Get { uid } => {
            let found = entities.get(tenant, self::uid(&uid)?, actor).await;
            show(project, &found.map_err(gone)?)?;
        }
        EntitiesCommand::Set {
            uid,
            values: assignments,
            rev,
        } => {
            let uid = self::uid(&uid)?;
            let rev = match rev {
                Some(rev) => rev,
                None => entities.get(tenant, uid, actor).await.map_err(gone)?.rev,
            };
            let edited = entities
                .update(tenant, uid, values(assignments), EntityRead::Rev(rev), actor)
                .await
                .map_err(gone)?;
            project.output.json(&edited)?;
            let output = &project.output;
            output.line(match edited.changed.as_slice() {
                [] => "nothing changed".to_owned(),
                changed => format!(
                    "changed {}; revision {} now, which the next `syncline sync` writes to the CRMs",
                    changed.join(", "),
                    edited.entity.rev
                ),
            });
            if !edited.overruled.is_empty() {
                output.line(format_args!(
                    "overruled by a CRM's edit made meanwhile: {}",
                    edited.overruled.join(", ")
                ));
            }
            for conflict in &edited.conflicts {
                output.line(format_args!(
                    "conflict {conflict}: `syncline conflicts show {conflict}`"
                ));
            }
        }
        EntitiesCommand::Create {
            blueprint,
            values: assignments,
        } => {
            let made = entities.create(tenant, &blueprint, values(assignments), actor).await?;
            project.output.json(&made)?;
            project.output.line(made.uid);
            note("made; the next `syncline sync` writes it to the CRMs");
        }
        EntitiesCommand::Delete { uid } => {
            let deleted = entities.delete(tenant, self::uid(&uid)?, actor).await.map_err(gone)?;
            project.output.json(&deleted)?;
            project.output.line(format_args!(
                "deleted {0}; `syncline entities undelete {0}` brings it back",
                deleted.uid
            ));
        }
        EntitiesCommand::Undelete { uid } => {
            let restored = entities.undelete(tenant, self::uid(&uid)?, actor).await.map_err(gone)?;
            project.output.json(&restored)?;
            project.output.line(format_args!("{} is back", restored.uid));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Where records are found.
const LIST: &str = "`syncline entities list BLUEPRINT` lists them";

/// Why a record could not be dealt with, and where those there are are found.
fn gone(error: syncline::Error) -> Failure {
    match error.kind() {
        ErrorKind::NotFound => Failure::from(error).next(LIST),
        _ => error.into(),
    }
}

/// A record's id as typed.
pub(crate) fn uid<U: std::str::FromStr>(text: &str) -> Result<U, Failure> {
    text.parse()
        .map_err(|_| Failure::usage(format!("`{text}` is no record id; it looks like 01890c6e-...")).next(LIST))
}

/// What is known of a remote record's being there.
fn there(presence: &Presence) -> String {
    match presence {
        Presence::NeverSeen => "not yet".to_owned(),
        Presence::Deleted(_) => "deleted".to_owned(),
        Presence::MergedInto(record) => format!("merged into {record}"),
        Presence::Converted(record) => format!("converted into {record}"),
        Presence::ReportedDeleted(until) => format!("reported deleted, believed from {}", time(*until)),
        Presence::Live | Presence::Inaccessible | Presence::Archived | Presence::Unlinked => word(presence),
    }
}

fn show(project: &Project, entity: &EntityView) -> Result<(), Failure> {
    project.output.json(entity)?;
    let output = &project.output;
    let deleted = if entity.deleted { ", deleted" } else { "" };
    output.line(format_args!(
        "{} {} (revision {}{deleted}), changed {} by {}",
        entity.blueprint,
        entity.uid,
        entity.rev,
        time(entity.updated_at),
        entity.updated_by
    ));
    let mut table = Table::new(&["Field", "Value", ""]);
    for (name, held) in &entity.values {
        let conflict = entity.conflicts.iter().find(|conflict| conflict.fields.contains(name));
        let mark = conflict.map_or_else(String::new, |conflict| format!("conflict {}", conflict.conflict));
        table.row(vec![name.clone(), value(held), mark]);
    }
    output.table(&table);
    if entity.links.is_empty() {
        output.line("no links");
        return Ok(());
    }
    let mut table = Table::new(&["Sync", "Object", "Record", "There", "Changed there", "Waits for"]);
    for link in &entity.links {
        let waits = [
            ("writing", link.push_due),
            ("reading", link.read_due),
            ("a person", link.held),
            ("a retry", link.failed),
        ];
        let waits: Vec<&str> = waits.iter().filter(|(_, is)| *is).map(|(what, _)| *what).collect();
        table.row(vec![
            link.sync_name.clone(),
            link.object.clone(),
            maybe(link.record.as_deref()),
            there(&link.presence),
            maybe_time(link.changed_at),
            waits.join(", "),
        ]);
    }
    output.table(&table);
    for link in &entity.links {
        for (field, reason) in &link.refused {
            output.line(format_args!("{} refused `{field}`: {reason}", link.sync_name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_remote_record_is_told_in_words() {
        let told = |presence| there(&presence);
        assert_eq!(told(Presence::Live), "live");
        assert_eq!(told(Presence::Deleted("listed".into())), "deleted");
        assert_eq!(told(Presence::MergedInto("7".into())), "merged into 7");
        let reported = told(Presence::ReportedDeleted("2026-11-20T10:00:00Z".parse().unwrap()));
        assert!(
            reported.starts_with("reported deleted, believed from 2026-11-20"),
            "{reported}"
        );
    }
}
