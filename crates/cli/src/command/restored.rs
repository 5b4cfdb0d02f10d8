//! `syncline restored`.

use std::process::ExitCode;

use serde_json::json;

use crate::failure::Failure;
use crate::project::Project;
use crate::table::time;

/// What `restored` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoredArguments {
    /// You have looked at everything: deletes follow the mappings' policies again.
    #[arg(long, conflicts_with = "declare")]
    confirm: bool,
    /// You have put a backup of the database back, together with all that lies beside it.
    #[arg(long)]
    declare: bool,
}

/// Says whether the database was restored from a backup, and what that holds up.
///
/// # Errors
/// When the store fails.
pub(crate) async fn restored(project: &Project, arguments: &RestoredArguments) -> Result<ExitCode, Failure> {
    let (engine, actor) = (&project.engine, &project.actor);
    if arguments.confirm {
        engine.confirm_restored(actor).await?;
    } else if arguments.declare {
        engine.declare_restored(actor).await?;
    }
    let restored = engine.restored(actor).await?;
    project.output.json(&json!({ "restored": restored }))?;
    match restored {
        Some(restored) => {
            let at = time(restored.noticed_at);
            project.output.line(format_args!("noticed {at}: {}", restored.reason));
            project
                .output
                .line("look at `syncline conflicts list`, then `syncline restored --confirm`");
        }
        None => project.output.line("the database is as the last run left it"),
    }
    Ok(ExitCode::SUCCESS)
}
