//! `syncline pause` and `syncline resume`.

use std::process::ExitCode;

use syncline::sync::SyncStatus;

use crate::command::connections::told;
use crate::failure::Failure;
use crate::output::with_id;
use crate::project::Project;

/// What `pause` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct PauseArguments {
    /// The sync; by `connection/sync` where several connections have one of this name.
    #[arg(required_unless_present = "connection")]
    sync: Option<String>,
    /// The whole connection instead.
    #[arg(long, value_name = "NAME", conflicts_with = "sync")]
    connection: Option<String>,
    /// Why, for others to read.
    #[arg(long)]
    reason: Option<String>,
}

/// What `resume` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ResumeArguments {
    /// The sync; by `connection/sync` where several connections have one of this name.
    #[arg(required_unless_present = "connection")]
    sync: Option<String>,
    /// The whole connection instead.
    #[arg(long, value_name = "NAME", conflicts_with = "sync")]
    connection: Option<String>,
}

/// Pauses a sync or a connection: neither schedule, hint nor hand runs it until it is resumed.
///
/// # Errors
/// When there is none of this name.
pub(crate) async fn pause(project: &Project, arguments: PauseArguments) -> Result<ExitCode, Failure> {
    let (engine, actor) = (&project.engine, &project.actor);
    if let Some(name) = &arguments.connection {
        let connection = project.connection(name).await?;
        return told(
            project,
            &engine
                .connections()
                .pause(connection.id, arguments.reason.as_deref(), actor)
                .await?,
        );
    }
    let sync = project.sync(arguments.sync.as_deref().unwrap_or_default()).await?;
    // Pausing it once more, without a word, does not take away why it was paused.
    let known = sync.paused_because.filter(|_| sync.status == SyncStatus::Paused);
    let reason = arguments.reason.or(known).unwrap_or_else(|| format!("by {actor}"));
    let sync = engine.syncs().pause(sync.id, &reason, actor).await?;
    project.output.json(&with_id(sync.id, &sync))?;
    project.output.line(format_args!(
        "sync `{}` is paused ({reason}); `syncline resume {}` lets it go on",
        sync.name, sync.name
    ));
    Ok(ExitCode::SUCCESS)
}

/// Lets a paused sync or connection go on.
///
/// # Errors
/// When there is none of this name, or it is not paused.
pub(crate) async fn resume(project: &Project, arguments: ResumeArguments) -> Result<ExitCode, Failure> {
    let (engine, actor) = (&project.engine, &project.actor);
    if let Some(name) = &arguments.connection {
        let connection = project.connection(name).await?;
        return told(project, &engine.connections().resume(connection.id, actor).await?);
    }
    let sync = project.sync(arguments.sync.as_deref().unwrap_or_default()).await?;
    if sync.status != SyncStatus::Paused {
        return Err(Failure::refused(format!(
            "sync `{}` is {}, not paused",
            sync.name,
            sync.status.name()
        )));
    }
    let sync = engine.syncs().resume(sync.id, actor).await?;
    project.output.json(&with_id(sync.id, &sync))?;
    project
        .output
        .line(format_args!("sync `{}` is {}", sync.name, sync.status.name()));
    Ok(ExitCode::SUCCESS)
}
