//! One file per command.

pub(crate) mod audit;
pub(crate) mod blueprint;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod conflicts;
pub(crate) mod connect;
pub(crate) mod connections;
pub(crate) mod connectors;
pub(crate) mod demo;
pub(crate) mod describe;
pub(crate) mod entities;
pub(crate) mod files;
pub(crate) mod flow;
pub(crate) mod init;
pub(crate) mod map;
pub(crate) mod marker;
pub(crate) mod objects;
pub(crate) mod pause;
#[cfg(feature = "plugins")]
pub(crate) mod plugin;
pub(crate) mod restored;
pub(crate) mod rollback;
pub(crate) mod runs;
pub(crate) mod schedule;
pub(crate) mod simulate;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod tenant;

use std::process::ExitCode;

use crate::arguments::{Cli, Command};
use crate::failure::Failure;
use crate::output::Output;
use crate::project::Project;

/// Does what was asked.
///
/// # Errors
/// As the command.
pub(crate) async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let Cli { global, command } = cli;
    let output = Output::new(global.output);
    // Commands that need no configuration.
    let command = match command {
        Command::Init(arguments) => return init::init(&arguments, &global.config, output),
        Command::Demo(arguments) => return Box::pin(demo::demo(arguments)).await,
        Command::Simulate(arguments) => return simulate::simulate(arguments, output).await,
        Command::Completions(arguments) => return completions::completions(&arguments),
        Command::Connectors => return connectors::connectors(output),
        #[cfg(feature = "plugins")]
        Command::Plugin(command) => return plugin::plugin(command, &global.config, output),
        other => other,
    };
    let project = Project::open(&global, command.roles()).await?;
    match command {
        Command::Connect(arguments) => connect::connect(&project, arguments).await,
        Command::Connections(command) => connections::connections(&project, command.command()?).await,
        Command::Check(arguments) => check::check(&project, &arguments).await,
        Command::Objects(arguments) => objects::objects(&project, &arguments).await,
        Command::Describe(arguments) => describe::describe(&project, &arguments).await,
        Command::Marker(arguments) => marker::marker(&project, &arguments).await,
        Command::Map(command) => map::map(&project, command).await,
        Command::Sync(arguments) => sync::sync(&project, arguments).await,
        Command::Status(arguments) => status::status(&project, &arguments).await,
        Command::Runs(command) => runs::runs(&project, command.command()?).await,
        Command::Conflicts(command) => conflicts::conflicts(&project, command.command()?).await,
        Command::Blueprint(command) => Box::pin(blueprint::blueprint(&project, command)).await,
        Command::Tenant(command) => tenant::tenant(&project, command).await,
        Command::Entities(command) => entities::entities(&project, command).await,
        Command::Files(command) => files::files(&project, command).await,
        Command::Flow(command) => flow::flow(&project, command).await,
        Command::Pause(arguments) => pause::pause(&project, arguments).await,
        Command::Resume(arguments) => pause::resume(&project, arguments).await,
        Command::Rollback(arguments) => rollback::rollback(&project, arguments).await,
        Command::Audit(command) => audit::audit(&project, command.command()?).await,
        Command::Restored(arguments) => restored::restored(&project, &arguments).await,
        Command::Schedule(arguments) => schedule::schedule(&project, &arguments).await,
        // Dealt with above.
        #[cfg(feature = "plugins")]
        Command::Plugin(_) => Ok(ExitCode::SUCCESS),
        Command::Init(_) | Command::Demo(_) | Command::Simulate(_) | Command::Completions(_) | Command::Connectors => {
            Ok(ExitCode::SUCCESS)
        }
    }
}
