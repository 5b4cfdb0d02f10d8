//! `syncline runs`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use jiff::tz::TimeZone;
use serde_json::json;
use syncline::entity::EntityListQuery;
use syncline::run::{Failure as RecordFailure, Run, RunQuery, RunScope, RunStatus};
use syncline::sync::Sync;

use super::sync::{ledger_table, show_plan};
use crate::failure::Failure;
use crate::output::with_id;
use crate::project::Project;
use crate::table::{Table, maybe, maybe_time, time};

/// What can be done with runs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum RunsCommand {
    /// List runs, newest first.
    List(ListArguments),
    /// Show a run: ledger, timeline, records that failed in it.
    Show {
        /// The run's number.
        #[arg(value_parser = crate::number::number)]
        run: u64,
    },
    /// List records that failed and wait to be tried again.
    Failures {
        /// Only of this sync.
        #[arg(long)]
        sync: Option<String>,
    },
    /// Make a failed record due at once; the next run tries it again.
    Retry {
        /// The failure's number.
        #[arg(value_parser = crate::number::number)]
        failure: u64,
    },
    /// Dismiss a failed record: it is not shown or tried again.
    Dismiss {
        /// The failure's number.
        #[arg(value_parser = crate::number::number)]
        failure: u64,
    },
}

/// What `runs list` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArguments {
    /// Only of this connection.
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// Only with this status. Repeatable.
    #[arg(long, value_enum)]
    status: Vec<Status>,
    /// Only of syncs of this remote object.
    #[arg(long)]
    object: Option<String>,
    /// Only those asked for since then: 2026-05-01, 2026-05-01T12:00:00Z, 2h.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only those asked for before then.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Only numbers below this: where the page before ended.
    #[arg(long, value_name = "RUN", value_parser = crate::number::number)]
    before: Option<u64>,
    /// At most so many.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = crate::number::within(1_u16, 1_000))]
    limit: u16,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Status {
    Queued,
    Running,
    Interrupted,
    Completed,
    Partial,
    Failed,
    Stopped,
}

impl From<Status> for RunStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Queued => Self::Queued,
            Status::Running => Self::Running,
            Status::Interrupted => Self::Interrupted,
            Status::Completed => Self::Completed,
            Status::Partial => Self::Partial,
            Status::Failed => Self::Failed,
            Status::Stopped => Self::Stopped,
        }
    }
}

/// Does it.
///
/// # Errors
/// When there is no such run, connection or failure.
pub(crate) async fn runs(project: &Project, command: RunsCommand) -> Result<ExitCode, Failure> {
    let runs = project.engine.runs();
    match command {
        RunsCommand::List(arguments) => list(project, arguments).await?,
        RunsCommand::Show { run } => show(project, run).await?,
        RunsCommand::Failures { sync } => {
            let sync = match sync {
                Some(name) => Some(project.sync(&name).await?.id),
                None => None,
            };
            let found = runs.failures(project.tenant.id, sync, &project.actor).await?;
            show_failures(project, &found, "no record has failed").await?;
        }
        RunsCommand::Retry { failure } => {
            known_failure(project, failure).await?;
            runs.retry_failure(failure, &project.actor).await?;
            project.output.json(&json!({ "failure": failure, "due": true }))?;
            project.output.line("it is due now; `syncline sync` tries it again");
        }
        RunsCommand::Dismiss { failure } => {
            known_failure(project, failure).await?;
            runs.dismiss_failure(failure, &project.actor).await?;
            project.output.json(&json!({ "failure": failure, "dismissed": true }))?;
            project.output.line("dismissed; it is not tried again by itself");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Another tenant's failures are nobody's business here.
async fn known_failure(project: &Project, failure: u64) -> Result<(), Failure> {
    let known = project
        .engine
        .runs()
        .failures(project.tenant.id, None, &project.actor)
        .await?;
    if known.iter().any(|known| known.id == failure) {
        return Ok(());
    }
    Err(Failure::not_found(format!("there is no failed record {failure}")).next("`syncline runs failures` lists them"))
}

async fn list(project: &Project, arguments: ListArguments) -> Result<(), Failure> {
    let zone = TimeZone::get(&project.tenant.time_zone).unwrap_or(TimeZone::UTC);
    let moment = |text: Option<&String>| {
        text.map(|text| crate::moment::parse(text, project.engine.now(), &zone))
            .transpose()
    };
    let is_narrowed = arguments.connection.is_some()
        || !arguments.status.is_empty()
        || arguments.object.is_some()
        || arguments.since.is_some()
        || arguments.until.is_some()
        || arguments.before.is_some();
    let nothing = if is_narrowed {
        "no run is like that"
    } else {
        "no runs yet; `syncline sync` makes one"
    };
    let query = RunQuery {
        connection: match &arguments.connection {
            Some(name) => Some(project.connection(name).await?.id),
            None => None,
        },
        status: arguments.status.into_iter().map(RunStatus::from).collect(),
        object: arguments.object,
        since: moment(arguments.since.as_ref())?,
        until: moment(arguments.until.as_ref())?,
        before: arguments.before,
        limit: usize::from(arguments.limit),
    };
    let found = project
        .engine
        .runs()
        .list(project.tenant.id, &query, &project.actor)
        .await?;
    let connections = project
        .engine
        .connections()
        .list(project.tenant.id, true, &project.actor)
        .await?;
    let name = |id: u64| {
        connections
            .iter()
            .find(|connection| connection.id == id)
            .map_or_else(|| id.to_string(), |found| found.name.clone())
    };
    project.output.listing(
        &found,
        &[
            "Run",
            "Connection",
            "Over",
            "By",
            "Status",
            "Started",
            "Took",
            "Pulled",
            "Pushed",
            "Failed",
            "Error",
        ],
        nothing,
        |run| with_id(run.id, run),
        |run| {
            let (pulled, pushed) = (run.total("pull"), run.total("push"));
            vec![
                run.id.to_string(),
                name(run.connection),
                over(run),
                run.initiator.clone(),
                run.status.name().to_owned(),
                maybe_time(run.started_at),
                took(run),
                pulled.read.to_string(),
                pushed.read.to_string(),
                (pulled.failed + pushed.failed).to_string(),
                maybe(run.error.as_deref()),
            ]
        },
    )?;
    if let Some(last) = found.last()
        && found.len() == usize::from(arguments.limit)
    {
        project.output.line(format_args!("more with `--before {}`", last.id));
    }
    Ok(())
}

fn over(run: &Run) -> String {
    let mut over = match &run.scope {
        RunScope::Sync(_) => "one sync".to_owned(),
        RunScope::Connection(_) => "all syncs".to_owned(),
        RunScope::Provider(provider) => provider.clone(),
        RunScope::Tenant => "everything".to_owned(),
    };
    let parameters = &run.parameters;
    let marks = [
        ("full", parameters.full),
        ("since", parameters.since.is_some()),
        ("forced", parameters.force),
        ("dry run", parameters.dry_run),
        ("limited", parameters.max_records.is_some()),
        ("chosen records", !parameters.records.is_empty()),
        ("brake released", parameters.release_brake),
    ];
    for (mark, _) in marks.iter().filter(|(_, is)| *is) {
        over.push_str(&format!(", {mark}"));
    }
    if let Some(undone) = run.rolls_back {
        over = format!("rollback of {undone}");
    }
    over
}

fn took(run: &Run) -> String {
    match (run.started_at, run.finished_at) {
        (Some(started), Some(finished)) => format!("{:.1} s", finished.duration_since(started).as_secs_f64()),
        _ => "-".to_owned(),
    }
}

async fn show(project: &Project, id: u64) -> Result<(), Failure> {
    let unknown = || Failure::not_found(format!("there is no run {id}")).next("`syncline runs list` lists them");
    let run = project
        .engine
        .runs()
        .get(id, &project.actor)
        .await
        .map_err(|error| match error.kind() {
            syncline::ErrorKind::NotFound => unknown(),
            _ => error.into(),
        })?;
    if run.tenant != project.tenant.id {
        return Err(unknown());
    }
    let mut failures = project
        .engine
        .runs()
        .failures(project.tenant.id, None, &project.actor)
        .await?;
    failures.retain(|failure| failure.run == id);
    if project.output.is_json() {
        let mut json = with_id(run.id, &run);
        json["failures"] = failures.iter().map(|failure| with_id(failure.id, failure)).collect();
        return project.output.json(&json);
    }
    let output = &project.output;
    output.line(format_args!(
        "run {} ({}) by {}: {}, asked for {}, took {}",
        run.id,
        over(&run),
        run.initiator,
        run.status.name(),
        time(run.requested_at),
        took(&run)
    ));
    if let Some(error) = &run.error {
        output.line(format_args!("error: {error}"));
    }
    output.table(&ledger_table(&run));
    if run.parameters.dry_run {
        show_plan(project, &run);
    }
    let mut table = Table::new(&["When", "What"]);
    for moment in &run.timeline {
        table.row(vec![time(moment.at), moment.what.clone()]);
    }
    output.table(&table);
    show_failures(project, &failures, "no record waits because of it").await?;
    if !run.diverged.is_empty() {
        let mut table = Table::new(&["Record", "Field", "Left alone because"]);
        for left in &run.diverged {
            table.row(vec![left.record.clone(), left.field.clone(), left.reason.clone()]);
        }
        output.table(&table);
    }
    Ok(())
}

async fn show_failures(project: &Project, failures: &[RecordFailure], nothing: &str) -> Result<(), Failure> {
    let syncs = project
        .engine
        .syncs()
        .list(project.tenant.id, true, &project.actor)
        .await?;
    let made = made_in_app(project, failures, &syncs).await?;
    let name = |id| syncs.iter().find(|sync| sync.id == id).map(|sync| sync.name.clone());
    project.output.listing(
        failures,
        &[
            "Failure",
            "Run",
            "Sync",
            "Direction",
            "Record",
            "Fields",
            "Attempts",
            "Tried again",
            "What is wrong",
        ],
        nothing,
        |failure| with_id(failure.id, failure),
        |failure| {
            vec![
                failure.id.to_string(),
                failure.run.to_string(),
                name(failure.sync).unwrap_or_default(),
                failure.direction.clone(),
                failure
                    .record
                    .clone()
                    .or_else(|| made.get(&failure.id).cloned())
                    .unwrap_or_default(),
                failure.fields.join(", "),
                failure.attempts.to_string(),
                time(failure.retry_at),
                said(failure),
            ]
        },
    )?;
    if let Some(failure) = failures.first() {
        project.output.line(format_args!(
            "next: mend the record, then `syncline runs retry {0}`; or `syncline runs dismiss {0}`",
            failure.id
        ));
    }
    Ok(())
}

/// The ids of those failed records that are in the app alone, by the number of the failure.
async fn made_in_app(
    project: &Project,
    failures: &[RecordFailure],
    syncs: &[Sync],
) -> Result<BTreeMap<u64, String>, Failure> {
    let (engine, tenant, actor) = (&project.engine, project.tenant.id, &project.actor);
    let mut made = BTreeMap::new();
    for failure in failures.iter().filter(|failure| failure.record.is_none()) {
        let (Some(number), Some(sync)) = (failure.entity, syncs.iter().find(|sync| sync.id == failure.sync)) else {
            continue;
        };
        let query = EntityListQuery {
            after: Some((number - 1).to_string()),
            limit: 1,
            ..EntityListQuery::default()
        };
        let page = engine
            .entities()
            .list(tenant, &sync.mapping.blueprint, &query, actor)
            .await?;
        if let Some(entity) = page.entities.first().filter(|entity| entity.number == number) {
            made.insert(failure.id, entity.uid.to_string());
        }
    }
    Ok(made)
}

/// What is wrong, and what the provider said of it.
fn said(failure: &RecordFailure) -> String {
    match &failure.detail {
        Some(detail) => format!("{} ({detail})", failure.message),
        None => failure.message.clone(),
    }
}
