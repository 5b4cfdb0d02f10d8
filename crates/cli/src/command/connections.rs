//! `syncline connections`.

use std::process::ExitCode;

use serde_json::json;
use syncline::connection::{Connection, Health};

use crate::failure::{Exit, Failure};
use crate::output::with_id;
use crate::project::Project;
use crate::table::{account, maybe, maybe_time, user};

/// What can be done with connections.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ConnectionsCommand {
    /// List connections.
    List {
        /// Deleted ones too.
        #[arg(long)]
        deleted: bool,
    },
    /// Ask the provider who we are; all connections if none is named.
    Test {
        /// The connection.
        name: Option<String>,
    },
    /// Stop all work on a connection until it is resumed.
    Pause {
        /// The connection.
        name: String,
        /// Why, for others to read.
        #[arg(long)]
        reason: Option<String>,
    },
    /// Let work on a paused connection go on.
    Resume {
        /// The connection.
        name: String,
    },
    /// Give the provider its tokens back. `connect` signs in again.
    Disconnect {
        /// The connection.
        name: String,
    },
    /// Disconnect and hide a connection. `connect` to the same account brings it back.
    Delete {
        /// The connection.
        name: String,
    },
}

/// Does it.
///
/// # Errors
/// When there is no such connection, or it is refused as things stand.
pub(crate) async fn connections(project: &Project, command: ConnectionsCommand) -> Result<ExitCode, Failure> {
    let connections = project.engine.connections();
    let actor = &project.actor;
    match command {
        ConnectionsCommand::List { deleted } => list(project, deleted).await,
        ConnectionsCommand::Test { name } => test(project, name.as_deref()).await,
        ConnectionsCommand::Pause { name, reason } => {
            let connection = project.connection(&name).await?;
            told(
                project,
                &connections.pause(connection.id, reason.as_deref(), actor).await?,
            )
        }
        ConnectionsCommand::Resume { name } => {
            let connection = project.connection(&name).await?;
            told(project, &connections.resume(connection.id, actor).await?)
        }
        ConnectionsCommand::Disconnect { name } => {
            let connection = project.connection(&name).await?;
            told(project, &connections.disconnect(connection.id, actor).await?)
        }
        ConnectionsCommand::Delete { name } => {
            let connection = project.connection(&name).await?;
            told(project, &connections.delete(connection.id, actor).await?)
        }
    }
}

/// Says how a connection stands now.
pub(crate) fn told(project: &Project, connection: &Connection) -> Result<ExitCode, Failure> {
    project.output.json(&with_id(connection.id, connection))?;
    let because = connection
        .status_reason
        .as_deref()
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    project.output.line(format_args!(
        "connection `{}` is {}{because}",
        connection.name, connection.status
    ));
    Ok(ExitCode::SUCCESS)
}

async fn list(project: &Project, deleted: bool) -> Result<ExitCode, Failure> {
    let engine = &project.engine;
    let found = engine
        .connections()
        .list(project.tenant.id, deleted, &project.actor)
        .await?;
    let syncs = engine.syncs().list(project.tenant.id, false, &project.actor).await?;
    let mut rows = Vec::new();
    for connection in found {
        let mut linked = 0;
        for sync in syncs.iter().filter(|sync| sync.connection == connection.id) {
            linked += engine.syncs().counts(sync, &project.actor).await?.linked;
        }
        rows.push((connection, linked));
    }
    let authorised: Vec<String> = rows.iter().map(|(connection, _)| connection.name.clone()).collect();
    project.output.listing(
        &rows,
        &[
            "Name",
            "Provider",
            "Account",
            "User",
            "Status",
            "Linked",
            "Last run",
            "Next run",
            "Last error",
        ],
        &nothing_connected(project),
        |(connection, linked)| {
            let mut json = with_id(connection.id, connection);
            json["linked"] = json!(linked);
            json
        },
        |(connection, linked)| {
            vec![
                connection.name.clone(),
                connection.provider.clone(),
                account(&connection.account),
                user(&connection.account),
                connection.status.to_string(),
                linked.to_string(),
                maybe_time(connection.last_run_at),
                maybe_time(connection.next_run_at),
                maybe(connection.last_error.as_ref().map(|problem| problem.message.as_str())),
            ]
        },
    )?;
    tell_unauthorised(project, &authorised);
    Ok(ExitCode::SUCCESS)
}

/// What is said where nothing is connected.
pub(crate) fn nothing_connected(project: &Project) -> String {
    if project.loaded.config.connections.is_empty() {
        format!(
            "no connections yet; add a section [connections.NAME] to {}, then `syncline connect NAME`",
            project.loaded.shown()
        )
    } else {
        "no connection is authorised yet".to_owned()
    }
}

/// Names the connections of the file that nobody has signed in to.
pub(crate) fn tell_unauthorised(project: &Project, authorised: &[String]) {
    let configured = project.loaded.config.connections.keys();
    for name in configured.filter(|name| !authorised.contains(name)) {
        project.output.line(format_args!(
            "`{name}` is in {} and not authorised yet: `syncline connect {name}`",
            project.loaded.shown()
        ));
    }
}

/// How a test of one connection went; a refusal is a result too.
pub(crate) async fn tested(project: &Project, connection: &Connection) -> Result<Health, Failure> {
    Ok(project.engine.connections().test(connection.id, &project.actor).await?)
}

async fn test(project: &Project, name: Option<&str>) -> Result<ExitCode, Failure> {
    let chosen = match name {
        Some(name) => vec![project.connection(name).await?],
        None => {
            project
                .engine
                .connections()
                .list(project.tenant.id, false, &project.actor)
                .await?
        }
    };
    let mut rows = Vec::new();
    for connection in chosen {
        let outcome = tested(project, &connection).await;
        if let (Err(failure), Some(_)) = (&outcome, name) {
            return Err(Failure::refused(
                failure.to_string().trim_start_matches("error: ").to_owned(),
            ));
        }
        rows.push((connection, outcome));
    }
    let all_work = rows
        .iter()
        .all(|(_, outcome)| outcome.as_ref().is_ok_and(|health| health.ok));
    project.output.listing(
        &rows,
        &["Name", "Works", "Answered in", "Account", "User", "Problem"],
        &nothing_connected(project),
        |(connection, outcome)| match outcome {
            Ok(health) => json!({ "connection": connection.name, "health": health }),
            Err(failure) => json!({ "connection": connection.name, "error": failure.to_string() }),
        },
        |(connection, outcome)| {
            let health = outcome.as_ref().ok();
            let held = health
                .and_then(|health| health.account.as_ref())
                .unwrap_or(&connection.account);
            let problem = match outcome {
                Ok(health) => maybe(health.problem.as_ref().map(|problem| problem.message.as_str())),
                Err(failure) => failure.to_string(),
            };
            vec![
                connection.name.clone(),
                if health.is_some_and(|health| health.ok) {
                    "yes"
                } else {
                    "no"
                }
                .to_owned(),
                health
                    .and_then(|health| health.milliseconds)
                    .map_or_else(|| "-".to_owned(), |time| format!("{time} ms")),
                account(held),
                user(held),
                problem,
            ]
        },
    )?;
    Ok(if all_work {
        ExitCode::SUCCESS
    } else {
        Exit::Failure.into()
    })
}
