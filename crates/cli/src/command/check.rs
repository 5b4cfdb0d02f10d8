//! `syncline check`.

use std::process::ExitCode;

use serde_json::json;
use syncline::connection::Connection;
use syncline::model::{Finding, Severity};
use syncline::sync::SyncChange;

use super::connections::tested;
use crate::config::{Applied, ApplyOptions, apply, new_sync};
use crate::failure::{Exit, Failure};
use crate::project::Project;
use crate::table::{Table, user};

/// What `check` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArguments {
    /// Change nothing: do not bring the engine to what the file says.
    #[arg(long)]
    no_apply: bool,
    /// Remove syncs that are in the database and not in the file. Their links are kept.
    #[arg(long, conflicts_with = "no_apply")]
    prune: bool,
}

/// Something that was looked at.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Checked {
    /// What it is.
    pub(crate) subject: String,
    /// Where it is written, or where within it.
    pub(crate) place: String,
    /// `ok`, `notice` or `error`.
    pub(crate) result: &'static str,
    /// What is wrong and what to do.
    pub(crate) message: String,
}

/// Looks at everything, and brings the engine to what the file says unless something is wrong.
///
/// # Errors
/// When the store fails. What is wrong with the configuration is a result.
pub(crate) async fn check(project: &Project, arguments: &CheckArguments) -> Result<ExitCode, Failure> {
    let mut checked = vec![Checked {
        subject: "configuration".to_owned(),
        place: project.loaded.shown(),
        result: "ok",
        message: format!("database {}", project.engine.store_label()),
    }];
    for name in project.loaded.config.connections.keys() {
        checked.push(check_connection(project, name).await);
    }
    for name in project.loaded.config.syncs.keys() {
        checked.extend(check_sync(project, name).await);
    }
    checked.extend(unused(project));
    let wrong = checked.iter().any(|checked| checked.result == "error");
    let applied = if wrong || arguments.no_apply {
        Applied::default()
    } else {
        let options = ApplyOptions {
            prune: arguments.prune,
            ..ApplyOptions::default()
        };
        apply(project, options).await?
    };
    project.output.json(&json!({
        "ok": !wrong,
        "checked": checked,
        "saved": applied.saved.iter().map(|saved| &saved.sync.name).collect::<Vec<_>>(),
        "removed": applied.removed,
        "left_alone": applied.left_alone,
    }))?;
    let mut table = Table::new(&["Looked at", "Where", "Result", "What"]);
    for line in &checked {
        table.row(vec![
            line.subject.clone(),
            line.place.clone(),
            line.result.to_owned(),
            line.message.clone(),
        ]);
    }
    project.output.table(&table);
    tell(project, &applied);
    if wrong {
        project.output.line("something is wrong; nothing was saved");
        return Ok(Exit::Usage.into());
    }
    if !project.loaded.config.syncs.is_empty() && !arguments.no_apply {
        project
            .output
            .line("next: `syncline sync --dry-run` shows what would change, `syncline sync` does it");
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what applying the file changed.
pub(crate) fn tell(project: &Project, applied: &Applied) {
    for saved in &applied.saved {
        let records = saved
            .estimate
            .map_or_else(String::new, |records| format!(", about {records} records"));
        let what = match (saved.change, &saved.run) {
            (SyncChange::Created | SyncChange::Widened, Some(run)) => {
                format!("; run {} reads them{records}", run.id)
            }
            (SyncChange::Created, None) => format!("; its first run reads everything{records}"),
            (SyncChange::Widened, None) => format!("; its next run reads the records again{records}"),
            _ => String::new(),
        };
        project
            .output
            .line(format_args!("saved sync `{}`{what}", saved.sync.name));
    }
    for name in &applied.removed {
        project.output.line(format_args!(
            "removed sync `{name}`, which is not in the file; its links are kept"
        ));
    }
    for name in &applied.left_alone {
        project.output.line(format_args!(
            "sync `{name}` is not in {} and was left alone; `--prune` removes it",
            project.loaded.shown()
        ));
    }
    for (name, connection) in &applied.waiting {
        project.output.line(format_args!(
            "sync `{name}` waits for its connection: `syncline connect {connection}`"
        ));
    }
}

/// Mappings that no sync uses. Which CRM they are for is not said anywhere, so there is nothing to compare them with.
fn unused(project: &Project) -> impl Iterator<Item = Checked> {
    let config = &project.loaded.config;
    let is_used = |name: &str| config.syncs.values().any(|sync| sync.get_ref().mapping == name);
    let mappings = config.mappings.iter().filter(move |(name, _)| !is_used(name));
    mappings.map(|(name, mapping)| Checked {
        subject: format!("mapping {name}"),
        place: project.loaded.place(mapping.span().start),
        result: "notice",
        message: format!(
            "no sync uses it, so it does nothing and was not looked at; a section [syncs.NAME] with `mapping = \"{name}\"` \
             puts it to work"
        ),
    })
}

async fn check_connection(project: &Project, name: &str) -> Checked {
    let tested = async {
        let connection = project.connection(name).await?;
        let health = tested(project, &connection).await?;
        match health.problem {
            Some(problem) => Err(Failure::failed(problem.message)),
            None => {
                let account = health.account.as_ref().unwrap_or(&connection.account);
                let mut warnings = account.warnings.clone();
                warnings.extend(moved(project, &connection));
                Ok((format!("{} as {}", account.name, user(account)), warnings))
            }
        }
    };
    let (result, message) = match tested.await {
        Ok((message, warnings)) if warnings.is_empty() => ("ok", message),
        Ok((message, warnings)) => ("warning", format!("{message}; {}", warnings.join("; "))),
        Err(failure) => (
            "error",
            failure.to_string().replacen("error: ", "", 1).replace("\n  ", "; "),
        ),
    };
    let place = project
        .loaded
        .config
        .connections
        .get(name)
        .map_or(0, |table| table.span().start);
    Checked {
        subject: format!("connection {name}"),
        place: project.loaded.place(place),
        result,
        message,
    }
}

/// That the file names another place or app than the one that was signed in to, which counts until somebody signs in
/// again.
fn moved(project: &Project, connection: &Connection) -> Option<String> {
    let table = project.table(&connection.name).ok()?;
    let same = |said: &str, used: &str| said.is_empty() || said.trim_end_matches('/') == used.trim_end_matches('/');
    let login_url = table.login_url.as_deref().unwrap_or_default();
    let (what, used) = if !same(login_url, &connection.login_url) {
        ("login_url", &connection.login_url)
    } else if !same(&table.client_id, &connection.client_id) {
        ("client_id", &connection.client_id)
    } else {
        return None;
    };
    Some(format!(
        "the {what} of the file is not used yet, but {used}; `syncline connect {}` signs in by it",
        connection.name
    ))
}

/// Every finding about the mapping of a sync.
pub(crate) async fn check_sync(project: &Project, name: &str) -> Vec<Checked> {
    let config = &project.loaded.config;
    let subject = format!("sync {name}");
    let Some(sync) = config.syncs.get(name) else {
        return Vec::new();
    };
    let mapping = config.mappings.get(&sync.get_ref().mapping);
    let line = project.loaded.place(mapping.map_or(0, |mapping| mapping.span().start));
    let findings = async {
        let connection = project.connection(&sync.get_ref().connection).await?;
        let new = new_sync(config, name, &connection)?;
        Ok::<Vec<Finding>, Failure>(project.engine.syncs().check(&new, &project.actor).await?)
    };
    match findings.await {
        Ok(findings) if findings.is_empty() => {
            vec![Checked {
                subject,
                place: line,
                result: "ok",
                message: String::new(),
            }]
        }
        Ok(findings) => findings
            .into_iter()
            .map(|finding| Checked {
                subject: subject.clone(),
                place: format!("{line} {}", finding.place),
                result: match finding.severity {
                    Severity::Error => "error",
                    Severity::Notice => "notice",
                },
                message: finding.message,
            })
            .collect(),
        Err(failure) => {
            let message = failure.to_string().replacen("error: ", "", 1).replace("\n  ", "; ");
            vec![Checked {
                subject,
                place: line,
                result: "error",
                message,
            }]
        }
    }
}
