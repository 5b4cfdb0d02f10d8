//! `syncline objects`.

use std::process::ExitCode;

use crate::failure::Failure;
use crate::project::Project;

/// What `objects` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ObjectsArguments {
    /// The connection.
    connection: String,
    /// Only those that the customer made.
    #[arg(long)]
    custom: bool,
}

/// Lists the objects that a connection offers.
///
/// # Errors
/// When the connection can't be used, or the provider does not answer.
pub(crate) async fn objects(project: &Project, arguments: &ObjectsArguments) -> Result<ExitCode, Failure> {
    let connection = project.connection(&arguments.connection).await?;
    let mut objects = project.engine.objects(&connection, &project.actor).await?;
    objects.retain(|object| object.custom || !arguments.custom);
    project.output.listing(
        &objects,
        &["Object", "Label", "Custom", "May be"],
        "the provider offers no object",
        Clone::clone,
        |object| {
            let may = [
                ("created", object.creatable),
                ("changed", object.updatable),
                ("deleted", object.deletable),
            ];
            let may: Vec<&str> = may.iter().filter(|(_, may)| *may).map(|(verb, _)| *verb).collect();
            vec![
                object.name.clone(),
                object.label.clone(),
                if object.custom { "yes" } else { "" }.to_owned(),
                if may.is_empty() {
                    "read only".to_owned()
                } else {
                    may.join(", ")
                },
            ]
        },
    )?;
    Ok(ExitCode::SUCCESS)
}
