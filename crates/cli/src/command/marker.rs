//! `syncline marker`.

use std::process::ExitCode;

use crate::failure::Failure;
use crate::project::Project;

/// What `marker` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct MarkerArguments {
    /// The connection.
    connection: String,
    /// The object, as `objects` names it.
    object: String,
}

/// Makes a field that carries our key, in the customer's account.
///
/// # Errors
/// When the provider makes no such fields, or the connected user may not.
pub(crate) async fn marker(project: &Project, arguments: &MarkerArguments) -> Result<ExitCode, Failure> {
    let connection = project.connection(&arguments.connection).await?;
    let field = project
        .engine
        .make_marker(&connection, &arguments.object, &project.actor)
        .await?;
    if project.output.is_json() {
        let made = serde_json::json!({ "connection": connection.name, "object": arguments.object, "marker": field });
        project.output.json(&made)?;
        return Ok(ExitCode::SUCCESS);
    }
    project.output.line(format!(
        "{} has the field {field}. Write `marker = \"{field}\"` into the mappings of {}, and a create that is sent twice \
         makes one record.",
        arguments.object, arguments.object
    ));
    Ok(ExitCode::SUCCESS)
}
