//! `syncline conflicts`.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::str::FromStr;

use serde_json::{Value, json};
use syncline::conflict::{Always, ConflictQuery, FieldChoice, Resolution, Review, ReviewStatus};
use syncline::mapping::Strategy;

use super::entities::uid;
use crate::config::set_strategy;
use crate::failure::Failure;
use crate::project::Project;
use crate::table::{Table, maybe, maybe_time, time, value, values, word};

/// What can be done with conflicts.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ConflictsCommand {
    /// List conflicts, newest first.
    List(ListArguments),
    /// Show a conflict: what the app and each CRM hold, and what they held when they last agreed.
    Show {
        /// The conflict's number.
        conflict: u64,
    },
    /// Decide a conflict. The next run writes what was chosen.
    Resolve(ResolveArguments),
    /// Leave a conflict as it is until one side changes again.
    Ignore {
        /// The conflict's number.
        conflict: u64,
    },
    /// Decide a conflict for one side, and make that the rule for its fields in the sync.
    Always {
        /// The conflict's number.
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
    #[arg(long, value_name = "CONFLICT")]
    before: Option<u64>,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
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

/// What `conflicts resolve` takes.
#[derive(Debug, clap::Args)]
#[group(id = "resolution", required = true, multiple = false, args = ["field", "all", "link", "separate", "keep_both", "keep_record", "delete_record"])]
pub(crate) struct ResolveArguments {
    /// The conflict's number.
    conflict: u64,
    /// What a field is to hold: `city=app`, `city=crm`, or another value: `city=value:Graz`, `tags:=["a"]` for JSON.
    /// Repeatable; name every field of the conflict.
    #[arg(long, value_name = "FIELD=CHOICE")]
    field: Vec<Chosen>,
    /// The same choice for every field.
    #[arg(long, value_enum, value_name = "SIDE")]
    all: Option<Winner>,
    /// It is the same as this record of the app.
    #[arg(long, value_name = "ID")]
    link: Option<String>,
    /// It is none of them, and becomes a record of its own.
    #[arg(long)]
    separate: bool,
    /// After a merge in the CRM: both records stay in the app.
    #[arg(long)]
    keep_both: bool,
    /// The record stays, and is created again where it was deleted.
    #[arg(long)]
    keep_record: bool,
    /// The record is deleted in the app.
    #[arg(long)]
    delete_record: bool,
    /// The version that was looked at; if it was refreshed since, this is refused. The current one by default.
    #[arg(long, value_name = "VERSION")]
    if_version: Option<u64>,
}

/// A field and what it is to hold.
#[derive(Debug, Clone, PartialEq)]
struct Chosen {
    field: String,
    choice: FieldChoice,
}

impl FromStr for Chosen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("write `{text}=app`, `{text}=crm` or `{text}=value:...`");
        let (field, choice) = text.split_once('=').ok_or_else(wrong)?;
        let (field, choice) = match (field.strip_suffix(':'), choice) {
            (Some(field), json) => {
                let json = serde_json::from_str(json).map_err(|error| format!("`{json}` is no JSON: {error}"))?;
                (field, FieldChoice::Value(json))
            }
            (None, "app") => (field, FieldChoice::App),
            (None, "crm") => (field, FieldChoice::Crm),
            (None, other) => {
                let text = other.strip_prefix("value:").unwrap_or(other);
                (field, FieldChoice::Value(if text.is_empty() { Value::Null } else { text.into() }))
            }
        };
        Ok(Self { field: field.to_owned(), choice })
    }
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
            let resolved = conflicts.resolve(tenant, review.id, version, &resolution, actor).await?;
            ended(project, &resolved)?;
        }
        ConflictsCommand::Ignore { conflict } => {
            let review = find(project, conflict).await?;
            ended(project, &conflicts.ignore(tenant, conflict, review.version, actor).await?)?;
        }
        ConflictsCommand::Always { conflict, winner } => always(project, conflict, winner).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn find(project: &Project, conflict: u64) -> Result<Review, Failure> {
    project.engine.conflicts().get(project.tenant.id, conflict, &project.actor).await.map_err(|error| match error.kind() {
        syncline::ErrorKind::NotFound => {
            Failure::not_found(format!("there is no conflict {conflict}")).next("`syncline conflicts list` lists them")
        }
        _ => error.into(),
    })
}

fn resolution(review: &Review, arguments: ResolveArguments) -> Result<Resolution, Failure> {
    if let Some(winner) = arguments.all {
        let choice = match winner {
            Winner::App => FieldChoice::App,
            Winner::Crm => FieldChoice::Crm,
        };
        return Ok(Resolution::every(review, &choice));
    }
    if let Some(link) = arguments.link {
        return Ok(Resolution::Link(uid(&link)?));
    }
    let flags = [
        (arguments.separate, Resolution::Separate),
        (arguments.keep_both, Resolution::KeepBoth),
        (arguments.keep_record, Resolution::KeepRecord),
        (arguments.delete_record, Resolution::DeleteRecord),
    ];
    if let Some((_, resolution)) = flags.into_iter().find(|(is, _)| *is) {
        return Ok(resolution);
    }
    if let Some(unknown) = arguments.field.iter().find(|chosen| !review.fields.contains(&chosen.field)) {
        return Err(Failure::usage(format!(
            "conflict {} is not about `{}`; it is about {}",
            review.id,
            unknown.field,
            review.fields.join(", ")
        )));
    }
    let choices: BTreeMap<String, FieldChoice> =
        arguments.field.into_iter().map(|chosen| (chosen.field, chosen.choice)).collect();
    Ok(Resolution::Fields(choices))
}

/// JSON of a conflict with its number and version, which its stored form leaves out.
fn shown(review: &Review) -> Value {
    let mut json = crate::output::with_id(review.id, review);
    json["version"] = json!(review.version);
    json
}

fn ended(project: &Project, review: &Review) -> Result<(), Failure> {
    project.output.json(&shown(review))?;
    let how = review.resolution.as_deref().map(|how| format!(": {how}")).unwrap_or_default();
    project.output.line(format_args!("conflict {} is {}{how}; the next `syncline sync` writes it", review.id, review.status.name()));
    Ok(())
}

async fn always(project: &Project, conflict: u64, winner: Winner) -> Result<(), Failure> {
    let review = find(project, conflict).await?;
    let (always, strategy) = match winner {
        Winner::App => (Always::App, Strategy::AppWins),
        Winner::Crm => (Always::Crm, Strategy::CrmWins),
    };
    let (tenant, actor) = (project.tenant.id, &project.actor);
    let sync = project.engine.syncs().get(review.sync, actor).await?;
    let done = project.engine.conflicts().resolve_always(tenant, conflict, review.version, always, actor).await?;
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
        Ok(()) => output.line(format_args!("wrote strategy = \"{name}\" to {}", project.loaded.shown())),
        Err(failure) => crate::output::note(format_args!("{failure}")),
    }
    Ok(())
}

async fn list(project: &Project, arguments: ListArguments) -> Result<(), Failure> {
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
    let found = project.engine.conflicts().list(project.tenant.id, &query, &project.actor).await?;
    let syncs = project.engine.syncs().list(project.tenant.id, true, &project.actor).await?;
    project.output.listing(
        &found,
        &["Conflict", "Sync", "Record", "Why", "Fields", "App", "CRM", "Status", "Opened", "Resolved by"],
        "no such conflict",
        shown,
        |review| {
            let sync = syncs.iter().find(|sync| sync.id == review.sync);
            let own = sync.and_then(|sync| review.sides.iter().find(|side| side.side == sync.side)).or(review.sides.first());
            vec![
                review.id.to_string(),
                sync.map_or_else(|| review.object.clone(), |sync| sync.name.clone()),
                own.and_then(|side| side.record.clone()).unwrap_or_else(|| review.uid.to_string()),
                word(&review.reason).replace('_', " "),
                review.fields.join(", "),
                values(&review.app),
                own.map_or_else(|| "-".to_owned(), |side| values(&side.values)),
                review.status.name().to_owned(),
                time(review.opened_at),
                maybe(review.resolved_by.as_deref()),
            ]
        },
    )
}

async fn show(project: &Project, review: &Review) -> Result<(), Failure> {
    let records = project.engine.conflicts().records(project.tenant.id, review.id, &project.actor).await?;
    if project.output.is_json() {
        let mut json = shown(review);
        json["records"] = json!(records);
        return project.output.json(&json);
    }
    let output = &project.output;
    output.line(format_args!(
        "conflict {} (version {}): {}, {}, opened {} by run {}",
        review.id,
        review.version,
        word(&review.reason).replace('_', " "),
        review.status.name(),
        time(review.opened_at),
        review.run
    ));
    if !review.explanation.is_empty() {
        output.line(&review.explanation);
    }
    let mut headers = vec!["Field".to_owned(), "App".to_owned()];
    for side in &review.sides {
        headers.push(format!("{} {}", side.label, maybe(side.record.as_deref())));
        headers.push("when they agreed".to_owned());
    }
    let mut table = Table::new(&headers.iter().map(String::as_str).collect::<Vec<_>>());
    let at = |values: &[Value], index: usize| values.get(index).map_or_else(|| "-".to_owned(), value);
    for (index, field) in review.fields.iter().enumerate() {
        let mut row = vec![field.clone(), at(&review.app, index)];
        for side in &review.sides {
            row.push(at(&side.values, index));
            row.push(at(&side.base, index));
        }
        table.row(row);
    }
    let mut changed = vec!["(changed)".to_owned(), String::new()];
    for side in &review.sides {
        changed.push(maybe_time(side.changed_at));
        changed.push(String::new());
    }
    table.row(changed);
    output.table(&table);
    for (index, record) in records.iter().enumerate() {
        let role = if index == 0 { "record" } else { "may be" };
        let held: Vec<String> =
            record.values.iter().filter(|(_, held)| !held.is_null()).map(|(name, held)| format!("{name}={}", value(held))).collect();
        output.line(format_args!("{role} {}: {}", record.uid, held.join(", ")));
    }
    if let Some(resolution) = &review.resolution {
        output.line(format_args!(
            "{} by {} at {}",
            resolution,
            maybe(review.resolved_by.as_deref()),
            maybe_time(review.resolved_at)
        ));
    } else {
        output.line(format_args!("next: `syncline conflicts resolve {} {}`", review.id, how(review)));
    }
    Ok(())
}

/// What fits a conflict.
fn how(review: &Review) -> String {
    use syncline::plan::ReviewReason;
    match review.reason {
        ReviewReason::AmbiguousMatch => "--link ID` or `... --separate".to_owned(),
        ReviewReason::MergeCollision => "--keep-both` or `... --delete-record".to_owned(),
        _ if review.fields.is_empty() => "--keep-record` or `... --delete-record".to_owned(),
        _ => "--all app|crm` or `... --field FIELD=app|crm|value:...".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_given_to_a_side_or_a_value() {
        let read = |text: &str| text.parse::<Chosen>().unwrap().choice;
        assert_eq!(read("city=app"), FieldChoice::App);
        assert_eq!(read("city=crm"), FieldChoice::Crm);
        assert_eq!(read("city=value:app"), FieldChoice::Value("app".into()));
        assert_eq!(read("city=Graz"), FieldChoice::Value("Graz".into()));
        assert_eq!(read("city=value:"), FieldChoice::Value(Value::Null));
        assert_eq!(read("tags:=[1]"), FieldChoice::Value(json!([1])));
        assert!("city".parse::<Chosen>().is_err());
    }
}
