//! `syncline entities`.

use std::process::ExitCode;

use serde_json::json;
use syncline::ErrorKind;
use syncline::entity::{EntityListQuery, EntityRead, EntityView};

use crate::assignment::{Assignment, values};
use crate::failure::Failure;
use crate::output::note;
use crate::project::Project;
use crate::table::{Table, maybe, maybe_time, time, value, word};

/// What can be done with the app's records.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum EntitiesCommand {
    /// List records of a blueprint.
    List(ListArguments),
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

/// What `entities list` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArguments {
    /// The blueprint; may be left out where there is only one.
    blueprint: Option<String>,
    /// Only those for which this expression is true: `city == "Graz" && employees > 10`.
    #[arg(long, value_name = "CEL")]
    filter: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 25, value_name = "N", value_parser = crate::number::within(1_u16, 1_000))]
    limit: u16,
    /// By this indexed or unique field; in the order of their making otherwise.
    #[arg(long, value_name = "FIELD")]
    sort: Option<String>,
    /// Sorted the other way round.
    #[arg(long, requires = "sort")]
    descending: bool,
    /// Only those after this place: where the page before ended.
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
    /// Deleted ones instead.
    #[arg(long)]
    deleted: bool,
    /// The columns, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "FIELD,...")]
    fields: Vec<String>,
}

/// Does it.
///
/// # Errors
/// When there is no such record or blueprint, or a value does not fit.
pub(crate) async fn entities(project: &Project, command: EntitiesCommand) -> Result<ExitCode, Failure> {
    let entities = project.engine.entities();
    let (tenant, actor) = (project.tenant.id, &project.actor);
    match command {
        EntitiesCommand::List(arguments) => list(project, arguments).await?,
        EntitiesCommand::Get { uid } => {
            let found = entities.get(tenant, self::uid(&uid)?, actor).await;
            let found = found.map_err(|error| match error.kind() {
                ErrorKind::NotFound => Failure::from(error).next("`syncline entities list BLUEPRINT` lists them"),
                _ => error.into(),
            })?;
            show(project, &found)?;
        }
        EntitiesCommand::Set {
            uid,
            values: assignments,
            rev,
        } => {
            let uid = self::uid(&uid)?;
            let rev = match rev {
                Some(rev) => rev,
                None => entities.get(tenant, uid, actor).await?.rev,
            };
            let edited = entities
                .update(tenant, uid, values(assignments), EntityRead::Rev(rev), actor)
                .await?;
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
            let deleted = entities.delete(tenant, self::uid(&uid)?, actor).await?;
            project.output.json(&deleted)?;
            project.output.line(format_args!(
                "deleted {0}; `syncline entities undelete {0}` brings it back",
                deleted.uid
            ));
        }
        EntitiesCommand::Undelete { uid } => {
            let restored = entities.undelete(tenant, self::uid(&uid)?, actor).await?;
            project.output.json(&restored)?;
            project.output.line(format_args!("{} is back", restored.uid));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A record's id as typed.
pub(crate) fn uid<U: std::str::FromStr>(text: &str) -> Result<U, Failure> {
    text.parse().map_err(|_| {
        Failure::usage(format!("`{text}` is no record id; it looks like 01890c6e-..."))
            .next("`syncline entities list` shows them")
    })
}

/// Columns where nobody chose.
const COLUMNS: usize = 6;

async fn list(project: &Project, arguments: ListArguments) -> Result<(), Failure> {
    let (engine, tenant, actor) = (&project.engine, project.tenant.id, &project.actor);
    let blueprint = match arguments.blueprint {
        Some(name) => engine.blueprint(tenant, &name, actor).await?,
        None => {
            let mut all = engine.blueprints(tenant, actor).await?;
            match (all.pop(), all.is_empty()) {
                (Some(only), true) => only,
                (None, _) => {
                    return Err(Failure::not_found("there is no blueprint yet")
                        .next("`syncline map auto CONNECTION OBJECT --write`, then `syncline check`"));
                }
                (Some(last), false) => {
                    all.push(last);
                    let names: Vec<&str> = all.iter().map(|blueprint| blueprint.name.as_str()).collect();
                    return Err(Failure::usage(format!("name the blueprint: {}", names.join(", "))));
                }
            }
        }
    };
    if let Some(unknown) = arguments
        .fields
        .iter()
        .find(|field| blueprint.position(field).is_none())
    {
        let known: Vec<&str> = blueprint.field_names().collect();
        return Err(Failure::usage(format!(
            "a {} has no field `{unknown}`; it has: {}",
            blueprint.name,
            known.join(", ")
        )));
    }
    let query = EntityListQuery {
        filter: arguments.filter,
        sort: arguments.sort,
        descending: arguments.descending,
        after: arguments.after,
        limit: usize::from(arguments.limit),
        deleted: arguments.deleted,
    };
    let filtered = query.filter.is_some();
    let page = engine
        .entities()
        .list(tenant, &blueprint.name, &query, actor)
        .await
        .map_err(|error| match error.kind() {
            ErrorKind::Invalid if filtered => {
                Failure::from(error).next("filters are CEL: `city == \"Graz\" && employees > 10`")
            }
            _ => error.into(),
        })?;
    if project.output.is_json() {
        return project
            .output
            .json(&json!({ "entities": page.entities, "next": page.next }));
    }
    if page.entities.is_empty() {
        project
            .output
            .line(format_args!("no {} is like that, or there is none yet", blueprint.name));
        return Ok(());
    }
    let columns: Vec<String> = if arguments.fields.is_empty() {
        let used = |name: &str| {
            page.entities
                .iter()
                .any(|entity| entity.values.get(name).is_some_and(|held| !held.is_null()))
        };
        blueprint
            .fields
            .iter()
            .map(|field| field.name.clone())
            .filter(|name| used(name))
            .take(COLUMNS)
            .collect()
    } else {
        arguments.fields
    };
    let mut headers = vec!["Id"];
    headers.extend(columns.iter().map(String::as_str));
    headers.push("Changed");
    let mut table = Table::new(&headers);
    for entity in &page.entities {
        let mut row = vec![entity.uid.to_string()];
        row.extend(
            columns
                .iter()
                .map(|column| entity.values.get(column).map_or_else(|| "-".to_owned(), value)),
        );
        row.push(time(entity.updated_at));
        table.row(row);
    }
    project.output.table(&table);
    if let Some(next) = page.next {
        project.output.line(format_args!("more with `--after {next}`"));
    }
    Ok(())
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
            word(&link.presence),
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
