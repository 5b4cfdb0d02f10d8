//! `syncline map`.

use std::process::ExitCode;

use serde_json::json;
use syncline::mapping::{Direction, PreviewRecord, Proposal};
use syncline::model::Severity;

use super::check::check_sync;
use super::describe::unreadable;
use crate::config::{Addition, append, new_sync, parse_schedule, save_blueprints};
use crate::failure::{Exit, Failure};
use crate::project::Project;
use crate::table::{Table, value, values, word};

/// What can be done with mappings.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum MapCommand {
    /// Propose a mapping from both schemas and some records, with confidence and reason per field.
    Auto(AutoArguments),
    /// Show what the mapping of a sync makes of live records. Nothing is stored.
    Preview(PreviewArguments),
    /// Everything worth knowing about the mappings of syncs, and where.
    Check {
        /// The syncs; all of the configuration if none is named.
        syncs: Vec<String>,
    },
}

/// What `map auto` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct AutoArguments {
    /// The connection.
    connection: String,
    /// The object, as `objects` names it.
    object: String,
    /// The blueprint to map to; otherwise the standard one for this object, or a new one.
    #[arg(long)]
    blueprint: Option<String>,
    /// Add the mapping, and a sync with it, to the configuration.
    #[arg(long)]
    write: bool,
    /// Name of the mapping and the sync in the configuration; connection and object by default.
    #[arg(long)]
    name: Option<String>,
    /// When the sync is to run by itself.
    #[arg(long, default_value = "hourly")]
    schedule: String,
}

/// What `map preview` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct PreviewArguments {
    /// The sync, as the configuration names it.
    sync: String,
    /// How many records.
    #[arg(long, default_value_t = 3, value_parser = crate::number::within(1_u16, 100))]
    records: u16,
}

/// Does it.
///
/// # Errors
/// When something is not there, or the provider does not answer.
pub(crate) async fn map(project: &Project, command: MapCommand) -> Result<ExitCode, Failure> {
    match command {
        MapCommand::Auto(arguments) => auto(project, &arguments).await,
        MapCommand::Preview(arguments) => preview(project, &arguments).await,
        MapCommand::Check { syncs } => check(project, &syncs).await,
    }
}

async fn auto(project: &Project, arguments: &AutoArguments) -> Result<ExitCode, Failure> {
    parse_schedule(&arguments.schedule).map_err(Failure::usage)?;
    let connection = project.connection(&arguments.connection).await?;
    // What the file says of blueprints counts for the proposal.
    save_blueprints(project).await?;
    let blueprint = arguments.blueprint.as_deref();
    let config = &project.loaded.config;
    // Syncs of the file that are not saved yet count as well.
    let planned: Vec<&str> = config
        .syncs
        .values()
        .map(toml::Spanned::get_ref)
        .filter(|sync| sync.connection == connection.name)
        .filter_map(|sync| config.mappings.get(&sync.mapping))
        .map(|mapping| mapping.get_ref().object.as_str())
        .collect();
    let proposal = project
        .engine
        .propose_beside(&connection, &arguments.object, blueprint, &planned, &project.actor)
        .await
        .map_err(|error| unreadable(error, &connection.name, &arguments.object))?;
    project.output.json(&proposal)?;
    show(project, &proposal);
    let name = arguments
        .name
        .clone()
        .unwrap_or_else(|| format!("{}-{}", connection.name, arguments.object).to_lowercase());
    if !arguments.write {
        project.output.line(format_args!(
            "next: the same with `--write` adds it to {} as `{name}`",
            project.loaded.shown()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let addition = Addition {
        name: &name,
        connection: &connection.name,
        proposal: &proposal,
        schedule: &arguments.schedule,
    };
    append(&project.loaded, &addition)?;
    project.output.line(format_args!(
        "added mapping and sync `{name}` to {}",
        project.loaded.shown()
    ));
    project.output.line(format_args!(
        "next: `syncline map preview {name}`, then `syncline sync --sync {name} --dry-run`"
    ));
    Ok(ExitCode::SUCCESS)
}

fn show(project: &Project, proposal: &Proposal) {
    let mapping = &proposal.mapping;
    project
        .output
        .line(format_args!("{} <-> {}", mapping.blueprint, mapping.object));
    let mut table = Table::new(&["Field", "", "Remote", "Lens", "Sure", "Why"]);
    for proposed in &proposal.rules {
        let rule = &proposed.rule;
        let arrow = match mapping.direction.intersect(rule.direction) {
            Direction::Bidirectional => "<->",
            Direction::Pull => "<-",
            Direction::Push => "->",
            Direction::None => "off",
        };
        let lens = match &rule.transform {
            Some(syncline::mapping::Transform::Lens { steps }) => steps
                .iter()
                .map(|step| step.lens.as_str())
                .collect::<Vec<_>>()
                .join(", "),
            Some(syncline::mapping::Transform::Cel { expression }) => expression.clone(),
            None => String::new(),
        };
        table.row(vec![
            rule.fields.join(", "),
            arrow.to_owned(),
            rule.remote.join(", "),
            lens,
            format!("{:.0} %", proposed.confidence * 100.0),
            proposed.reason.clone(),
        ]);
    }
    project.output.table(&table);
    if !proposal.left_out.is_empty() {
        project.output.line(format_args!(
            "{} fields are left out; `--output json` says why",
            proposal.left_out.len()
        ));
    }
    for note in &proposal.notes {
        project.output.line(format_args!("- {note}"));
    }
}

async fn preview(project: &Project, arguments: &PreviewArguments) -> Result<ExitCode, Failure> {
    let config = &project.loaded.config;
    let Some(sync) = config.syncs.get(&arguments.sync) else {
        let known: Vec<&str> = config.syncs.keys().map(String::as_str).collect();
        let known = if known.is_empty() {
            "none yet".to_owned()
        } else {
            known.join(", ")
        };
        return Err(Failure::not_found(format!(
            "the configuration has no sync `{}`; it has: {known}",
            arguments.sync
        ))
        .next("`syncline map auto CONNECTION OBJECT --write` adds one"));
    };
    let connection = project.connection(&sync.get_ref().connection).await?;
    let new = new_sync(config, &arguments.sync, &connection)?;
    let preview = project
        .engine
        .preview(&new, usize::from(arguments.records), &project.actor)
        .await?;
    project.output.json(&preview)?;
    for record in &preview.records {
        show_record(project, record);
    }
    if preview.records.is_empty() {
        project.output.line("there is no record to show");
    }
    for field in &preview.unfilled {
        project
            .output
            .line(format_args!("nothing fills the required field `{field}`"));
    }
    let wrong = preview
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    for finding in &preview.findings {
        project.output.line(format_args!(
            "{}: {}: {}",
            word(&finding.severity),
            finding.place,
            finding.message
        ));
    }
    Ok(if wrong { Exit::Usage.into() } else { ExitCode::SUCCESS })
}

fn show_record(project: &Project, record: &PreviewRecord) {
    project.output.line(format_args!("record {}", record.id));
    let mut table = Table::new(&["Field", "Value", "From", "Raw"]);
    for field in &record.fields {
        let mapped = match (&field.error, &field.value) {
            (Some(error), _) => format!("! {error}"),
            (None, Some(mapped)) => value(mapped),
            (None, None) => "-".to_owned(),
        };
        table.row(vec![
            field.field.clone(),
            mapped,
            field.remote.join(", "),
            values(&field.raw),
        ]);
    }
    project.output.table(&table);
    if !record.missing.is_empty() {
        project
            .output
            .line(format_args!("missing, though required: {}", record.missing.join(", ")));
    }
}

async fn check(project: &Project, syncs: &[String]) -> Result<ExitCode, Failure> {
    let config = &project.loaded.config;
    if let Some(unknown) = syncs.iter().find(|name| !config.syncs.contains_key(*name)) {
        let known: Vec<&str> = config.syncs.keys().map(String::as_str).collect();
        return Err(Failure::not_found(format!(
            "the configuration has no sync `{unknown}`; it has: {}",
            known.join(", ")
        )));
    }
    let mut checked = Vec::new();
    for name in config
        .syncs
        .keys()
        .filter(|name| syncs.is_empty() || syncs.contains(name))
    {
        checked.extend(check_sync(project, name).await);
    }
    project.output.listing(
        &checked,
        &["Sync", "Where", "Result", "What"],
        "the configuration has no sync; `syncline map auto CONNECTION OBJECT --write` adds one",
        |checked| json!(checked),
        |checked| {
            vec![
                checked.subject.clone(),
                checked.place.clone(),
                checked.result.to_owned(),
                checked.message.clone(),
            ]
        },
    )?;
    let wrong = checked.iter().any(|checked| checked.result == "error");
    Ok(if wrong { Exit::Usage.into() } else { ExitCode::SUCCESS })
}
