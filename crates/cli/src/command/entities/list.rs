//! `syncline entities list` and `search`.

use std::str::FromStr;

use serde_json::json;
use syncline::entity::{EntityListQuery, EntityPage, EntitySort};
use syncline::model::Blueprint;

use super::blueprint::{blueprint, known_fields};
use super::selection::wrong;
use crate::failure::Failure;
use crate::number::counted;
use crate::project::Project;
use crate::table::{Table, time, value};

/// Columns where nobody chose.
const COLUMNS: usize = 6;

/// What `entities list` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArguments {
    /// The blueprint; may be left out where there is only one.
    blueprint: Option<String>,
    /// Only those for which this expression is true: `city == "Graz" && employees > 10`.
    #[arg(long, value_name = "CEL")]
    filter: Option<String>,
    /// Only those with words that begin like these, whatever their case and accents.
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    #[command(flatten)]
    page: PageArguments,
    /// Deleted ones instead.
    #[arg(long)]
    deleted: bool,
}

/// What `entities search` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct SearchArguments {
    /// The blueprint.
    blueprint: String,
    /// The words; all of them must begin a word of the record.
    #[arg(required = true)]
    words: Vec<String>,
    /// Only those for which this expression is true.
    #[arg(long, value_name = "CEL")]
    filter: Option<String>,
    #[command(flatten)]
    page: PageArguments,
}

/// Which page, and how it is shown.
#[derive(Debug, clap::Args)]
struct PageArguments {
    /// At most so many.
    #[arg(long, default_value_t = 25, value_name = "N", value_parser = crate::number::within(1_u16, 1_000))]
    limit: u16,
    /// By these fields, separated by commas, `FIELD:desc` for the largest first; in the order of their making otherwise.
    #[arg(long, value_delimiter = ',', value_name = "FIELD[:desc],...")]
    sort: Vec<SortKey>,
    /// All keys the other way round.
    #[arg(long, requires = "sort")]
    descending: bool,
    /// The page of this number, from 1, and how many there are.
    #[arg(long, value_name = "N", conflicts_with = "after", value_parser = crate::number::within(1_u64, u64::MAX))]
    page: Option<u64>,
    /// Only those after this place: where the page before ended.
    #[arg(long, value_name = "PLACE")]
    after: Option<String>,
    /// Count them all.
    #[arg(long)]
    count: bool,
    /// The columns, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "FIELD,...")]
    fields: Vec<String>,
}

/// A field to sort by, as typed.
#[derive(Debug, Clone)]
struct SortKey(EntitySort);

impl FromStr for SortKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (field, descending) = match text.trim().split_once(':') {
            None => (text.trim(), false),
            Some((field, "asc")) => (field, false),
            Some((field, "desc")) => (field, true),
            Some((field, other)) => return Err(format!("write `{field}:asc` or `{field}:desc`, not `:{other}`")),
        };
        if field.is_empty() {
            return Err("name a field, such as `name` or `created_at:desc`".to_owned());
        }
        Ok(Self(EntitySort {
            field: field.to_owned(),
            descending,
        }))
    }
}

/// Does `entities list`.
///
/// # Errors
/// When there is no such blueprint or field, or a filter is wrong.
pub(super) async fn list(project: &Project, arguments: ListArguments) -> Result<(), Failure> {
    let blueprint = blueprint(project, arguments.blueprint.as_deref()).await?;
    let query = EntityListQuery {
        filter: arguments.filter,
        search: arguments.search,
        deleted: arguments.deleted,
        ..EntityListQuery::default()
    };
    show(project, &blueprint, query, arguments.page).await
}

/// Does `entities search`.
///
/// # Errors
/// As [`list`].
pub(super) async fn search(project: &Project, arguments: SearchArguments) -> Result<(), Failure> {
    let blueprint = blueprint(project, Some(&arguments.blueprint)).await?;
    let query = EntityListQuery {
        filter: arguments.filter,
        search: Some(arguments.words.join(" ")),
        ..EntityListQuery::default()
    };
    show(project, &blueprint, query, arguments.page).await
}

async fn show(
    project: &Project,
    blueprint: &Blueprint,
    query: EntityListQuery,
    arguments: PageArguments,
) -> Result<(), Failure> {
    known_fields(blueprint, &arguments.fields)?;
    let sort = arguments.sort.into_iter().map(|SortKey(key)| EntitySort {
        descending: key.descending != arguments.descending,
        ..key
    });
    let query = EntityListQuery {
        sort: sort.collect(),
        after: arguments.after,
        page: arguments.page,
        limit: usize::from(arguments.limit),
        count: arguments.count || arguments.page.is_some(),
        ..query
    };
    let entities = project.engine.entities();
    let found = entities
        .list(project.tenant.id, &blueprint.name, &query, &project.actor)
        .await;
    let page = found.map_err(|error| wrong(error, &query.selection()))?;
    if project.output.is_json() {
        return project
            .output
            .json(&json!({ "entities": page.entities, "next": page.next, "total": page.total }));
    }
    let output = &project.output;
    if page.entities.is_empty() {
        output.line(match (query.page, page.total) {
            (Some(number), Some(total)) if number > 1 && total > 0 => format!(
                "there is no page {number}; the last is {}",
                total.div_ceil(u64::from(arguments.limit))
            ),
            _ => format!("no {} is like that, or there is none yet", blueprint.name),
        });
        return Ok(());
    }
    output.table(&table(blueprint, &page, arguments.fields));
    if let Some(total) = page.total {
        let total_text = counted(total, "record", "records");
        let pages = total.div_ceil(u64::from(arguments.limit));
        output.line(match query.page {
            Some(number) => format!("page {number} of {pages}, {total_text}"),
            None => total_text,
        });
    }
    if let (Some(next), None) = (page.next, query.page) {
        output.line(format_args!("more with `--after {next}`"));
    }
    Ok(())
}

fn table(blueprint: &Blueprint, page: &EntityPage, fields: Vec<String>) -> Table {
    let used = |name: &String| {
        page.entities
            .iter()
            .any(|entity| entity.values.get(name).is_some_and(|held| !held.is_null()))
    };
    let columns: Vec<String> = if fields.is_empty() {
        let names = blueprint.field_names().map(str::to_owned);
        names.filter(used).take(COLUMNS).collect()
    } else {
        fields
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
    table
}
