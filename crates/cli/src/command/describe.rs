//! `syncline describe`.

use std::process::ExitCode;

use syncline::schema::FieldSchema;

use crate::failure::Failure;
use crate::project::Project;
use crate::table::{shortened, word};

/// What `describe` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct DescribeArguments {
    /// The connection.
    connection: String,
    /// The object, as `objects` names it.
    object: String,
}

/// Shows the fields of an object.
///
/// # Errors
/// When there is no such object, or the provider does not answer.
pub(crate) async fn describe(project: &Project, arguments: &DescribeArguments) -> Result<ExitCode, Failure> {
    let connection = project.connection(&arguments.connection).await?;
    let schema = project
        .engine
        .describe(&connection, &arguments.object, &project.actor)
        .await
        .map_err(|error| {
            let unknown = error.kind() == syncline::ErrorKind::NotFound;
            let failure = Failure::from(error);
            if unknown {
                failure.next(format!("`syncline objects {}` lists those there are", connection.name))
            } else {
                failure
            }
        })?;
    if project.output.is_json() {
        project.output.json(&schema)?;
        return Ok(ExitCode::SUCCESS);
    }
    project.output.listing(
        &schema.fields,
        &["Field", "Label", "Type", "Properties", "Choices or target"],
        "the object has no fields that we may see",
        |field| field.path.clone(),
        |field| {
            vec![
                field.path.clone(),
                field.label.clone(),
                kind(field),
                properties(field),
                choices(field),
            ]
        },
    )?;
    for left in &schema.left_out {
        project.output.line(format_args!("{} {}", left.path, left.reason));
    }
    Ok(ExitCode::SUCCESS)
}

fn kind(field: &FieldSchema) -> String {
    let mut kind = word(&field.kind).replace('_', " ");
    if let Some(length) = field.length.filter(|length| *length > 0) {
        kind.push_str(&format!(" ({length})"));
    }
    kind
}

fn properties(field: &FieldSchema) -> String {
    let properties = [
        ("required", field.required),
        ("unique", field.unique),
        ("external id", field.external_id),
        ("calculated", field.calculated),
        ("read only", !field.writable()),
        ("set on create only", field.creatable && !field.updatable),
    ];
    properties
        .iter()
        .filter(|(_, is)| *is)
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(", ")
}

fn choices(field: &FieldSchema) -> String {
    if !field.references.is_empty() {
        let path = field
            .relationship
            .as_ref()
            .map(|path| format!(" (path {path}.)"))
            .unwrap_or_default();
        return format!("{}{path}", field.references.join(", "));
    }
    let choices: Vec<&str> = field
        .choices
        .iter()
        .filter(|choice| choice.active)
        .map(|choice| choice.value.as_str())
        .collect();
    shortened(&choices.join(", "), 160)
}
