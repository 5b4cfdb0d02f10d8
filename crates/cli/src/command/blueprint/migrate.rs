//! `syncline blueprint migrate` and `failures`.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Map, Value as Json};
use syncline::blueprint::{MigrationJob, MigrationPreview, MigrationStatus, MigrationTarget};
use syncline::migration::Migration;
use syncline::model::Severity;

use super::text;
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupts;
use crate::output::note;
use crate::project::Project;
use crate::table::Table;

/// What `blueprint migrate` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct MigrateArguments {
    /// The blueprint.
    blueprint: String,
    /// A file of rules that make a new version: `{"rules": [{"rule": "rename", "field": "a", "to": "b"}]}`.
    #[arg(long, value_name = "FILE", conflicts_with = "back_to")]
    rules: Option<PathBuf>,
    /// Go back to this version.
    #[arg(long, value_name = "VERSION")]
    back_to: Option<u32>,
    /// Only say what would change, what would fail and why.
    #[arg(long)]
    dry_run: bool,
    /// Only make the version; the records follow with `syncline blueprint migrate BLUEPRINT`, or one by one as they are
    /// edited and synced.
    #[arg(long, conflicts_with = "dry_run")]
    save_only: bool,
}

/// Does it.
///
/// # Errors
/// When the rules are wrong, or a sync uses what they give up.
pub(super) async fn migrate(project: &Project, arguments: MigrateArguments) -> Result<ExitCode, Failure> {
    let (engine, tenant, actor) = (&project.engine, project.tenant.id, &project.actor);
    let name = arguments.blueprint.as_str();
    let rules = arguments.rules.as_deref().map(|file| -> Result<Migration, Failure> {
        serde_json::from_str(&text(file)?).map_err(|error| {
            Failure::usage(format!("{}: these are no rules: {error}", file.display()))
                .next("`syncline blueprint propose BLUEPRINT FILE` writes some")
        })
    });
    let rules = rules.transpose()?;
    if arguments.dry_run {
        let target = match (rules, arguments.back_to) {
            (Some(rules), _) => {
                let findings = engine.versions().check(tenant, name, &rules, actor).await?;
                for finding in &findings {
                    note(format_args!("{}: {}", finding.place, finding.message));
                }
                if findings.iter().any(|finding| finding.severity == Severity::Error) {
                    return Err(Failure::usage(format!(
                        "`{name}` can't be changed like this; see above"
                    )));
                }
                MigrationTarget::Migration(rules)
            }
            (None, Some(version)) => MigrationTarget::Version(version),
            (None, None) => MigrationTarget::Current,
        };
        let preview = engine.migrations().dry_run(tenant, name, &target, actor).await?;
        project.output.json(&preview)?;
        show(project, &preview);
        return Ok(if preview.failed > 0 {
            Exit::Partial.into()
        } else {
            ExitCode::SUCCESS
        });
    }
    if let Some(rules) = rules {
        let made = engine.versions().save(tenant, name, &rules, actor).await?;
        note(format_args!("version {} of {name} is made and current", made.version));
    }
    if let Some(version) = arguments.back_to {
        engine.versions().go_back(tenant, name, version, actor).await?;
        note(format_args!("version {version} of {name} is current again"));
    }
    if arguments.save_only {
        return Ok(ExitCode::SUCCESS);
    }
    carry_out(project, name).await
}

async fn carry_out(project: &Project, name: &str) -> Result<ExitCode, Failure> {
    let (engine, tenant, actor) = (&project.engine, project.tenant.id, &project.actor);
    let mut interrupts = Interrupts::listen();
    let migrations = engine.migrations();
    let work = migrations.run(tenant, name, actor);
    tokio::pin!(work);
    let job: MigrationJob = loop {
        tokio::select! {
            done = &mut work => break done?,
            () = interrupts.next() => {
                let running = migrations.list(tenant, name, actor).await?;
                if let Some(job) = running.iter().find(|job| job.status == MigrationStatus::Running) {
                    migrations.stop(job.id, actor).await?;
                }
            }
        }
    };
    project.output.json(&job)?;
    project.output.line(format_args!(
        "{}: {} of {} looked at, {} brought to version {}, {} were there already, {} could not be",
        job.status.name(),
        job.read,
        job.total,
        job.migrated,
        job.to,
        job.unchanged,
        job.failed
    ));
    Ok(match job.status {
        MigrationStatus::Stopped => {
            note(format_args!("`syncline blueprint migrate {name}` goes on from here"));
            Exit::Interrupted.into()
        }
        _ if job.failed > 0 => {
            note(format_args!("`syncline blueprint failures {name}` says why"));
            Exit::Partial.into()
        }
        _ => ExitCode::SUCCESS,
    })
}

fn show(project: &Project, preview: &MigrationPreview) {
    let output = project.output;
    output.line(format_args!(
        "to version {}: {} of {} records would change, {} would not, {} could not be brought over; {} remote records would be \
         written. Nothing was changed.",
        preview.to, preview.changed, preview.total, preview.unchanged, preview.failed, preview.writes
    ));
    if !preview.examples.is_empty() {
        let mut table = Table::new(&["record", "before", "after"]);
        for example in &preview.examples {
            table.row(vec![
                example.uid.to_string(),
                line(&example.before),
                line(&example.after),
            ]);
        }
        output.table(&table);
    }
    if !preview.reasons.is_empty() {
        let mut table = Table::new(&["fields", "records", "why", "for example"]);
        for reason in &preview.reasons {
            let example = reason.examples.first().map(ToString::to_string).unwrap_or_default();
            table.row(vec![
                reason.fields.join(", "),
                reason.count.to_string(),
                reason.reason.clone(),
                example,
            ]);
        }
        output.table(&table);
    }
}

fn line(values: &Map<String, Json>) -> String {
    let parts: Vec<String> = values.iter().map(|(name, value)| format!("{name}={value}")).collect();
    parts.join(" ")
}

/// Lists what could not be brought over.
///
/// # Errors
/// When there is no such blueprint.
pub(super) async fn failures(project: &Project, blueprint: &str) -> Result<(), Failure> {
    let failed = project
        .engine
        .migrations()
        .failures(project.tenant.id, blueprint, &project.actor)
        .await?;
    project.output.listing(
        &failed,
        &["record", "version", "to", "why"],
        "every record could be brought over",
        Clone::clone,
        |failed| {
            let reasons: Vec<&str> = failed.failures.iter().map(|failure| failure.reason.as_str()).collect();
            vec![
                failed.uid.to_string(),
                failed.version.to_string(),
                failed.to.to_string(),
                reasons.join("; "),
            ]
        },
    )
}
