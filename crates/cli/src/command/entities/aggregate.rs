//! `syncline entities aggregate`.

use syncline::aggregate::AggregateFunction;
use syncline::entity::{EntityAggregate, EntityAggregateQuery};

use super::blueprint::blueprint;
use super::selection::{SelectionArguments, wrong};
use crate::failure::Failure;
use crate::project::Project;
use crate::table::value;

/// What `entities aggregate` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct AggregateArguments {
    /// The blueprint; may be left out where there is only one.
    blueprint: Option<String>,
    #[command(flatten)]
    selection: SelectionArguments,
    /// For each value of this field; all as one otherwise.
    #[arg(long, value_name = "FIELD")]
    by: Option<String>,
    /// How many have a value in these fields.
    #[arg(long, value_delimiter = ',', value_name = "FIELD,...")]
    count: Vec<String>,
    /// The sums of these fields, exact for whole and decimal numbers; amounts of money by currency.
    #[arg(long, value_delimiter = ',', value_name = "FIELD,...")]
    sum: Vec<String>,
    /// The averages of these fields.
    #[arg(long, value_delimiter = ',', value_name = "FIELD,...")]
    average: Vec<String>,
    /// The least values of these fields.
    #[arg(long, value_delimiter = ',', value_name = "FIELD,...")]
    minimum: Vec<String>,
    /// The largest values of these fields.
    #[arg(long, value_delimiter = ',', value_name = "FIELD,...")]
    maximum: Vec<String>,
}

/// Does it.
///
/// # Errors
/// When there is no such blueprint or field, a filter is wrong, or what is no number is to be summed.
pub(super) async fn aggregate(project: &Project, arguments: AggregateArguments) -> Result<(), Failure> {
    let blueprint = blueprint(project, arguments.blueprint.as_deref()).await?;
    let asked = [
        (AggregateFunction::Count, arguments.count),
        (AggregateFunction::Sum, arguments.sum),
        (AggregateFunction::Average, arguments.average),
        (AggregateFunction::Minimum, arguments.minimum),
        (AggregateFunction::Maximum, arguments.maximum),
    ];
    let of = asked
        .into_iter()
        .flat_map(|(function, fields)| fields.into_iter().map(move |field| EntityAggregate { function, field }));
    let query = EntityAggregateQuery {
        selection: arguments.selection.selection(),
        by: arguments.by,
        of: of.collect(),
    };
    let entities = project.engine.entities();
    let groups = entities
        .aggregate(project.tenant.id, &blueprint.name, &query, &project.actor)
        .await
        .map_err(|error| wrong(error, &query.selection))?;
    let names: Vec<String> = query
        .of
        .iter()
        .map(|aggregate| format!("{} of {}", aggregate.function.label(), aggregate.field))
        .collect();
    let mut headers: Vec<&str> = query.by.iter().map(String::as_str).collect();
    headers.push("Records");
    headers.extend(names.iter().map(String::as_str));
    project.output.listing(
        &groups,
        &headers,
        &format!("no {} is like that, or there is none yet", blueprint.name),
        Clone::clone,
        |group| {
            let mut row = Vec::new();
            if query.by.is_some() {
                row.push(value(&group.key));
            }
            row.push(group.count.to_string());
            row.extend(group.values.iter().map(value));
            row
        },
    )
}
