//! `syncline conflicts`.

mod resolution;
mod show;

use std::process::ExitCode;

use serde_json::{Value, json};
use syncline::conflict::{Always, ConflictQuery, Review, ReviewStatus};
use syncline::mapping::Strategy;
use syncline::plan::ReviewReason;

use super::entities::uid;
use crate::config::set_strategy;
use crate::failure::Failure;
use crate::project::Project;
use crate::table::{maybe, time, values, word};
use resolution::{ResolveArguments, resolution};
use show::{is_whole, next, presence, show};

/// What can be done with conflicts.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ConflictsCommand {
    /// List conflicts, newest first.
    List(ListArguments),
    /// Show a conflict: what the app and each CRM hold, and what they held when they last agreed.
    Show {
        /// The conflict's number.
        #[arg(value_parser = crate::number::number)]
        conflict: u64,
    },
    /// Decide a conflict. The next run writes what was chosen.
    Resolve(ResolveArguments),
    /// Leave a conflict as it is until one side changes again.
    Ignore {
        /// The conflict's number.
        #[arg(value_parser = crate::number::number)]
        conflict: u64,
    },
    /// Decide a conflict for one side, and make that the rule for its fields in the sync.
    Always {
        /// The conflict's number.
        #[arg(value_parser = crate::number::number)]
        conflict: u64,
        /// Who wins from now on.
        #[arg(value_enum)]
        winner: Winner,
    },
}

/// What `conflicts list` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArguments {
    /// Only of this connection.
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// Only of this sync.
    #[arg(long, value_name = "NAME")]
    sync: Option<String>,
    /// Only of this remote object.
    #[arg(long)]
    object: Option<String>,
    /// Only about this record of the app.
    #[arg(long, value_name = "ID")]
    entity: Option<String>,
    /// With this status; those that wait for a person by default. Repeatable.
    #[arg(long, value_enum)]
    status: Vec<Status>,
    /// Only numbers below this: where the page before ended.
    #[arg(long, value_name = "CONFLICT", value_parser = crate::number::number)]
    before: Option<u64>,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = crate::number::within(1_u16, 1_000))]
    limit: u16,
}

/// Where a conflict stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Status {
    Pending,
    Resolved,
    Ignored,
    All,
}

/// Who wins.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Winner {
    /// The app.
    App,
    /// The CRM.
    Crm,
}
/// Does it.
///
/// # Errors
/// When there is no such conflict, a resolution does not fit it, or it was refreshed meanwhile.
pub(crate) async fn conflicts(project: &Project, command: ConflictsCommand) -> Result<ExitCode, Failure> {
    let conflicts = project.engine.conflicts();
    let (tenant, actor) = (project.tenant.id, &project.actor);
    match command {
        ConflictsCommand::List(arguments) => list(project, arguments).await?,
        ConflictsCommand::Show { conflict } => {
            let review = find(project, conflict).await?;
            show(project, &review).await?;
        }
        ConflictsCommand::Resolve(arguments) => {
            let review = find(project, arguments.conflict).await?;
            let version = arguments.if_version.unwrap_or(review.version);
            let resolution = resolution(&review, arguments)?;
            let resolved = conflicts
                .resolve(tenant, review.id, version, &resolution, actor)
                .await
                .map_err(|error| undecided(error, &review))?;
            ended(project, &resolved)?;
        }
        ConflictsCommand::Ignore { conflict } => {
            let review = find(project, conflict).await?;
            ended(
                project,
                &conflicts
                    .ignore(tenant, conflict, review.version, actor)
                    .await
                    .map_err(|error| undecided(error, &review))?,
            )?;
        }
        ConflictsCommand::Always { conflict, winner } => always(project, conflict, winner).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn find(project: &Project, conflict: u64) -> Result<Review, Failure> {
    project
        .engine
        .conflicts()
        .get(project.tenant.id, conflict, &project.actor)
        .await
        .map_err(|error| match error.kind() {
            syncline::ErrorKind::NotFound => Failure::not_found(format!("there is no conflict {conflict}"))
                .next("`syncline conflicts list` lists them"),
            _ => error.into(),
        })
}
/// Why a conflict could not be decided as asked, and what to type instead.
fn undecided(error: syncline::Error, review: &Review) -> Failure {
    match error.kind() {
        syncline::ErrorKind::Invalid => Failure::from(error).next(next(review)),
        syncline::ErrorKind::Stale => {
            Failure::from(error).next(format!("`syncline conflicts show {}`, then decide it again", review.id))
        }
        _ => error.into(),
    }
}

/// JSON of a conflict with its number and version, which its stored form leaves out.
fn shown(review: &Review) -> Value {
    let mut json = crate::output::with_id(review.id, review);
    json["version"] = json!(review.version);
    json
}

fn ended(project: &Project, review: &Review) -> Result<(), Failure> {
    project.output.json(&shown(review))?;
    let how = review
        .resolution
        .as_deref()
        .map(|how| format!(": {how}"))
        .unwrap_or_default();
    let then = if review.status == ReviewStatus::Ignored {
        "both sides keep what they have until one of them changes"
    } else {
        "the next `syncline sync` writes it"
    };
    project.output.line(format_args!(
        "conflict {} is {}{how}; {then}",
        review.id,
        review.status.name()
    ));
    Ok(())
}

/// Why a person is asked, in a few words.
pub(crate) const fn why(reason: ReviewReason) -> &'static str {
    match reason {
        ReviewReason::Conflict => "both changed",
        ReviewReason::DeleteConflict => "deleted and changed",
        ReviewReason::AmbiguousMatch => "may be the same",
        ReviewReason::MergeCollision => "merged in the CRM",
        ReviewReason::Converted => "converted in the CRM",
        ReviewReason::AmbiguousCreate => "may have been created",
        ReviewReason::Oscillation => "keeps flipping",
        ReviewReason::UnresolvedReference => "refers to nothing known",
        ReviewReason::RollbackHold => "held by a rollback",
        ReviewReason::BreaksFlow => "breaks the flow",
    }
}

async fn always(project: &Project, conflict: u64, winner: Winner) -> Result<(), Failure> {
    let review = find(project, conflict).await?;
    let (always, strategy) = match winner {
        Winner::App => (Always::App, Strategy::AppWins),
        Winner::Crm => (Always::Crm, Strategy::CrmWins),
    };
    let (tenant, actor) = (project.tenant.id, &project.actor);
    let sync = project.engine.syncs().get(review.sync, actor).await?;
    let done = project
        .engine
        .conflicts()
        .resolve_always(tenant, conflict, review.version, always, actor)
        .await
        .map_err(|error| undecided(error, &review))?;
    project.output.json(&json!({
        "conflict": shown(&done.conflict),
        "resolved": done.resolved,
        "left": done.left.iter().map(|(id, why)| json!({ "conflict": id, "why": why })).collect::<Vec<_>>(),
    }))?;
    let name = word(&strategy);
    let output = &project.output;
    output.line(format_args!(
        "conflict {conflict} is resolved; {name} decides {} of sync `{}` from now on, and {} more conflicts with it",
        review.fields.join(", "),
        sync.name,
        done.resolved.len()
    ));
    for (id, why) in &done.left {
        output.line(format_args!("conflict {id} stays open: {why}"));
    }
    // The file is what syncs are saved from: without this the next one would take the rule back.
    match set_strategy(&project.loaded, &sync.name, &review.fields, strategy) {
        Ok(()) => output.line(format_args!(
            "wrote strategy = \"{name}\" to {}",
            project.loaded.shown()
        )),
        Err(failure) => crate::output::note(format_args!("{failure}")),
    }
    Ok(())
}

async fn list(project: &Project, arguments: ListArguments) -> Result<(), Failure> {
    let nothing = if arguments.status.is_empty() {
        "no conflict waits for a person"
    } else {
        "no conflict is like that"
    };
    let status = match arguments.status.as_slice() {
        [] => vec![ReviewStatus::Pending],
        given if given.contains(&Status::All) => Vec::new(),
        given => given
            .iter()
            .filter_map(|status| match status {
                Status::Pending => Some(ReviewStatus::Pending),
                Status::Resolved => Some(ReviewStatus::Resolved),
                Status::Ignored => Some(ReviewStatus::Ignored),
                Status::All => None,
            })
            .collect(),
    };
    let query = ConflictQuery {
        connection: match &arguments.connection {
            Some(name) => Some(project.connection(name).await?.id),
            None => None,
        },
        sync: match &arguments.sync {
            Some(name) => Some(project.sync(name).await?.id),
            None => None,
        },
        object: arguments.object,
        entity: arguments.entity.as_deref().map(uid).transpose()?,
        status,
        before: arguments.before,
        limit: usize::from(arguments.limit),
    };
    let found = project
        .engine
        .conflicts()
        .list(project.tenant.id, &query, &project.actor)
        .await?;
    let syncs = project
        .engine
        .syncs()
        .list(project.tenant.id, true, &project.actor)
        .await?;
    project.output.listing(
        &found,
        &[
            "Conflict",
            "Sync",
            "Record",
            "Why",
            "Fields",
            "App",
            "CRM",
            "Status",
            "Opened",
            "Resolved by",
        ],
        nothing,
        shown,
        |review| {
            let held = |held: &[Value]| if is_whole(review) { presence(held) } else { values(held) };
            let sync = syncs.iter().find(|sync| sync.id == review.sync);
            let own = sync
                .and_then(|sync| review.sides.iter().find(|side| side.side == sync.side))
                .or(review.sides.first());
            vec![
                review.id.to_string(),
                sync.map_or_else(|| review.object.clone(), |sync| sync.name.clone()),
                own.and_then(|side| side.record.clone())
                    .unwrap_or_else(|| review.uid.to_string()),
                why(review.reason).to_owned(),
                review.fields.join(", "),
                held(&review.app),
                own.map_or_else(|| "-".to_owned(), |side| held(&side.values)),
                review.status.name().to_owned(),
                time(review.opened_at),
                maybe(review.resolved_by.as_deref()),
            ]
        },
    )?;
    if let Some(last) = found.last() {
        if found.len() == usize::from(arguments.limit) {
            project.output.line(format_args!("more with `--before {}`", last.id));
        }
        project
            .output
            .line(format_args!("next: `syncline conflicts show {}`", last.id));
    }
    Ok(())
}
