//! `syncline blueprint`.

mod migrate;
mod trash;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value as Json, json};
use syncline::migration::{BlueprintVersion, Difference};
use syncline::model::{Blueprint, BlueprintForm, Field, Finding, from_json_schema, to_json_schema};

use crate::failure::Failure;
use crate::output::note;
use crate::project::Project;
use crate::table::{Table, time};

/// What can be done with blueprints.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum BlueprintCommand {
    /// List the blueprints.
    List,
    /// Show the fields of a blueprint.
    Show {
        /// The blueprint.
        blueprint: String,
        /// As of this version; the current one otherwise.
        #[arg(long, value_name = "N")]
        version: Option<u32>,
        /// As JSON Schema.
        #[arg(long)]
        schema: bool,
    },
    /// Make a blueprint from a file: JSON Schema, or `{"name": ..., "fields": [...]}`.
    Create {
        /// The file; `-` for standard input.
        file: PathBuf,
        /// Its name, where the file does not say.
        #[arg(long)]
        name: Option<String>,
    },
    /// List the versions of a blueprint, with the rules that made each.
    Versions {
        /// The blueprint.
        blueprint: String,
    },
    /// Compare two versions of a blueprint.
    Diff {
        /// The blueprint.
        blueprint: String,
        /// One version.
        from: u32,
        /// The other.
        to: u32,
        /// Print the migration from one to the other instead, as `migrate --rules` takes it.
        #[arg(long)]
        rules: bool,
    },
    /// Propose the migration that makes a blueprint be as a file says, and print its rules.
    Propose {
        /// The blueprint.
        blueprint: String,
        /// The file, as for `create`.
        file: PathBuf,
    },
    /// Make a new version, or go back to an earlier one, and bring the records to it. Ctrl-C stops; the same command goes on.
    Migrate(migrate::MigrateArguments),
    /// Put a blueprint into the trash: its syncs are paused, its records kept, no CRM is told. Without a name, list the trash.
    Trash {
        /// The blueprint.
        blueprint: Option<String>,
    },
    /// Take a blueprint out of the trash, with its records.
    Restore {
        /// The blueprint.
        blueprint: String,
    },
    /// Remove a blueprint in the trash for good, with its records and syncs. No CRM is told.
    Purge {
        /// The blueprint.
        blueprint: String,
        /// Do it.
        #[arg(long)]
        yes: bool,
    },
    /// List the records that could not be brought to the current version, with all that is wrong with each.
    Failures {
        /// The blueprint.
        blueprint: String,
    },
}

/// Does it.
///
/// # Errors
/// When there is no such blueprint or version, or a file is wrong.
pub(crate) async fn blueprint(project: &Project, command: BlueprintCommand) -> Result<ExitCode, Failure> {
    let (engine, tenant, actor) = (&project.engine, project.tenant.id, &project.actor);
    match command {
        BlueprintCommand::List => list(project).await?,
        BlueprintCommand::Show {
            blueprint,
            version,
            schema,
        } => {
            let mut found = engine.blueprint(tenant, &blueprint, actor).await?;
            if let Some(version) = version {
                found = as_of(project, &blueprint, version).await?;
            }
            if schema {
                crate::output::print(&pretty(&to_json_schema(&found))?);
            } else {
                show(project, &found)?;
            }
        }
        BlueprintCommand::Create { file, name } => create(project, &file, name).await?,
        BlueprintCommand::Versions { blueprint } => versions(project, &blueprint).await?,
        BlueprintCommand::Diff {
            blueprint,
            from,
            to,
            rules,
        } => {
            if rules {
                let proposal = engine
                    .versions()
                    .propose_between(tenant, &blueprint, (from, to), actor)
                    .await?;
                tell(&proposal.findings);
                crate::output::print(&pretty(&proposal.migration)?);
            } else {
                let found = engine.versions().diff(tenant, &blueprint, (from, to), actor).await?;
                project.output.json(&found)?;
                if found.is_empty() {
                    project.output.line("they are the same");
                }
                found
                    .iter()
                    .map(Difference::label)
                    .for_each(|line| project.output.line(line));
            }
        }
        BlueprintCommand::Propose { blueprint, file } => {
            let form = form(&file)?;
            let proposal = engine
                .versions()
                .propose(tenant, &blueprint, &form.fields, &form.groups, actor)
                .await?;
            tell(&proposal.findings);
            crate::output::print(&pretty(&proposal.migration)?);
            note(format_args!(
                "look through it, save it to a file, and `syncline blueprint migrate {blueprint} --rules FILE --dry-run`"
            ));
        }
        BlueprintCommand::Migrate(arguments) => return migrate::migrate(project, arguments).await,
        BlueprintCommand::Trash { blueprint } => trash::trash(project, blueprint.as_deref()).await?,
        BlueprintCommand::Restore { blueprint } => trash::restore(project, &blueprint).await?,
        BlueprintCommand::Purge { blueprint, yes } => trash::purge(project, &blueprint, yes).await?,
        BlueprintCommand::Failures { blueprint } => migrate::failures(project, &blueprint).await?,
    }
    Ok(ExitCode::SUCCESS)
}

fn pretty<T: serde::Serialize>(value: &T) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| format!("{text}\n"))
        .map_err(|error| Failure::failed(format!("this can't be written as JSON: {error}")))
}

/// Tells what was found, on standard error.
fn tell(findings: &[Finding]) {
    for finding in findings {
        note(format_args!("{}: {}", finding.place, finding.message));
    }
}

/// A file's text, or standard input's.
fn text(file: &Path) -> Result<String, Failure> {
    let read = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    };
    read.map_err(|error| Failure::usage(format!("{} can't be read: {error}", file.display())))
}

/// What a file says of a blueprint.
fn form(file: &Path) -> Result<BlueprintForm, Failure> {
    let wrong = |why: String| Failure::usage(format!("{}: {why}", file.display()));
    let json: Json = serde_json::from_str(&text(file)?).map_err(|error| wrong(format!("it is no JSON: {error}")))?;
    let Some(fields) = json.get("fields") else {
        return from_json_schema(&json).map_err(|findings| {
            let lines: Vec<String> = findings
                .iter()
                .map(|one| format!("{}: {}", one.place, one.message))
                .collect();
            wrong(lines.join("; "))
        });
    };
    let mut fields: Vec<Field> =
        serde_json::from_value(fields.clone()).map_err(|error| wrong(format!("its fields: {error}")))?;
    for field in &mut fields {
        if field.label.is_empty() {
            field.label = Field::new(&field.name, field.kind.clone()).label;
        }
    }
    let groups = json.get("groups").cloned().unwrap_or_else(|| json!([]));
    let text = |key: &str| json.get(key).and_then(Json::as_str).map(str::to_owned);
    Ok(BlueprintForm {
        name: text("name"),
        label: text("label"),
        fields,
        groups: serde_json::from_value(groups).map_err(|error| wrong(format!("its groups: {error}")))?,
    })
}

async fn as_of(project: &Project, blueprint: &str, number: u32) -> Result<Blueprint, Failure> {
    let all = project
        .engine
        .versions()
        .list(project.tenant.id, blueprint, &project.actor)
        .await?;
    let known: Vec<String> = all
        .iter()
        .map(|version| version.blueprint.version.to_string())
        .collect();
    let found = all.into_iter().find(|version| version.blueprint.version == number);
    found.map(|version| version.blueprint).ok_or_else(|| {
        Failure::not_found(format!(
            "there is no version {number} of `{blueprint}`; there are: {}",
            known.join(", ")
        ))
    })
}

async fn list(project: &Project) -> Result<(), Failure> {
    let (engine, tenant, actor) = (&project.engine, project.tenant.id, &project.actor);
    let mut found = Vec::new();
    for blueprint in engine.blueprints(tenant, actor).await? {
        let records = engine.entities().count(tenant, &blueprint.name, false, actor).await?;
        found.push((blueprint, records));
    }
    project.output.listing(
        &found,
        &["blueprint", "label", "version", "fields", "records"],
        "no blueprint yet: `syncline blueprint create FILE` makes one, and so does saving a mapping",
        |(blueprint, records)| json!({"blueprint": live(blueprint), "records": records}),
        |(blueprint, records)| {
            vec![
                blueprint.name.clone(),
                blueprint.label.clone(),
                blueprint.version.to_string(),
                blueprint.live_fields().count().to_string(),
                records.to_string(),
            ]
        },
    )
}

/// A blueprint without what is only kept for its places.
fn live(blueprint: &Blueprint) -> Json {
    let fields: Vec<&Field> = blueprint.live_fields().map(|(_, field)| field).collect();
    json!({
        "name": blueprint.name,
        "label": blueprint.label,
        "version": blueprint.version,
        "fields": fields,
        "groups": blueprint.groups,
    })
}

fn show(project: &Project, blueprint: &Blueprint) -> Result<(), Failure> {
    project.output.json(&live(blueprint))?;
    project
        .output
        .line(format_args!("{}, version {}", blueprint.name, blueprint.version));
    let mut table = Table::new(&["field", "label", "type", "what else"]);
    for (_, field) in blueprint.live_fields() {
        let mut more: Vec<String> = [
            ("required", field.required),
            ("unique", field.unique),
            ("indexed", field.indexed),
        ]
        .into_iter()
        .filter(|(_, is_set)| *is_set)
        .map(|(name, _)| name.to_owned())
        .collect();
        if !field.on_delete.keeps() {
            let rule = serde_json::to_value(field.on_delete).unwrap_or_default();
            more.push(format!("on delete {}", rule.as_str().unwrap_or_default()));
        }
        if let Some(computed) = &field.computed {
            more.push(format!("computed: {computed}"));
        }
        if let Some(default) = &field.default {
            more.push(format!("default {default}"));
        }
        table.row(vec![
            field.name.clone(),
            field.label.clone(),
            field.kind.label().to_owned(),
            more.join(", "),
        ]);
    }
    project.output.table(&table);
    for group in &blueprint.groups {
        project
            .output
            .line(format_args!("{} only change together", group.join(", ")));
    }
    Ok(())
}

async fn create(project: &Project, file: &Path, name: Option<String>) -> Result<(), Failure> {
    let form = form(file)?;
    let name = name.or(form.name).ok_or_else(|| {
        Failure::usage(format!("{} does not say what the blueprint is called", file.display()))
            .next("`syncline blueprint create FILE --name NAME`")
    })?;
    let (engine, tenant, actor) = (&project.engine, project.tenant.id, &project.actor);
    if engine
        .blueprints(tenant, actor)
        .await?
        .iter()
        .any(|known| known.name == name)
    {
        return Err(
            Failure::refused(format!("there is a blueprint `{name}` already")).next(format!(
                "`syncline blueprint propose {name} {}` says how to change it",
                file.display()
            )),
        );
    }
    let made = engine
        .save_blueprint(tenant, &name, &form.fields, &form.groups, actor)
        .await?;
    show(project, &made)?;
    note(format_args!(
        "made; `syncline entities create {name} FIELD=VALUE` makes a record"
    ));
    Ok(())
}

async fn versions(project: &Project, blueprint: &str) -> Result<(), Failure> {
    let all = project
        .engine
        .versions()
        .list(project.tenant.id, blueprint, &project.actor)
        .await?;
    let current = project
        .engine
        .blueprint(project.tenant.id, blueprint, &project.actor)
        .await?
        .version;
    let number = |version: &BlueprintVersion| version.blueprint.version;
    project.output.listing(
        &all,
        &["version", "made from", "when", "by", "what"],
        "no version is known",
        |version| {
            json!({
                "version": number(version),
                "current": number(version) == current,
                "parent": version.parent,
                "saved_at": version.saved_at,
                "saved_by": version.saved_by,
                "rules": version.migration.rules,
                "blueprint": live(&version.blueprint),
            })
        },
        |version| {
            let rules: Vec<String> = version
                .migration
                .rules
                .iter()
                .map(syncline::migration::MigrationRule::label)
                .collect();
            let mark = if number(version) == current { " (current)" } else { "" };
            vec![
                format!("{}{mark}", number(version)),
                if version.parent == 0 {
                    String::new()
                } else {
                    version.parent.to_string()
                },
                time(version.saved_at),
                version.saved_by.clone(),
                rules.join("; "),
            ]
        },
    )
}
