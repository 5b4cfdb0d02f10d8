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

/// Why an object's fields can't be read, and what to do about it.
pub(crate) fn unreadable(error: syncline::Error, connection: &str, object: &str) -> Failure {
    match error.kind() {
        syncline::ErrorKind::NotFound => {
            Failure::from(error).next(format!("`syncline objects {connection}` lists those there are"))
        }
        syncline::ErrorKind::Forbidden => Failure::from(error).next(format!(
            "`syncline connect {connection} --object {object}` asks for what the object needs; beyond that, the \
             connection's user must be allowed to see it"
        )),
        _ => error.into(),
    }
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
        .map_err(|error| unreadable(error, &connection.name, &arguments.object))?;
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
