//! The command line: what can be typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::command;
use crate::failure::EXIT_CODES;
use crate::listing::OrList;
use crate::output::Format;

/// Keeps an app's records and its customers' CRMs in agreement, both ways.
#[derive(Debug, Parser)]
#[command(name = "syncline", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where help lists what every command takes: apart from what is peculiar to one.
const EVERYWHERE: &str = "Options of every command";

/// What every command takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct GlobalOptions {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        env = "SYNCLINE_CONFIG",
        default_value = "syncline.toml",
        value_name = "FILE",
        help_heading = EVERYWHERE
    )]
    pub(crate) config: PathBuf,
    /// How results are printed.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table, help_heading = EVERYWHERE)]
    pub(crate) output: Format,
    /// Tell on standard error what is being done. Secrets are redacted.
    #[arg(long, short, global = true, help_heading = EVERYWHERE)]
    pub(crate) verbose: bool,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a commented syncline.toml and a key file here.
    Init(command::init::InitArguments),
    /// See it work: an app and two simulated CRMs on this machine, synced and compared.
    Demo(command::demo::DemoArguments),
    /// Serve a simulated CRM on this machine.
    Simulate(command::simulate::SimulateArguments),
    /// Sign in to a connection of the configuration.
    Connect(command::connect::ConnectArguments),
    /// List, test, pause, resume, disconnect and delete connections.
    Connections(OrList<command::connections::ConnectionsCommand>),
    /// Look at the whole configuration: the file, every mapping, every connection.
    Check(command::check::CheckArguments),
    /// List the objects that a connection offers.
    Objects(command::objects::ObjectsArguments),
    /// Show the fields of an object.
    Describe(command::describe::DescribeArguments),
    /// Make a field that carries our key, in the customer's account.
    Marker(command::marker::MarkerArguments),
    /// Propose, preview and check mappings.
    #[command(subcommand)]
    Map(command::map::MapCommand),
    /// Run syncs, with a live progress bar. Ctrl-C stops cleanly.
    Sync(command::sync::SyncArguments),
    /// How everything stands.
    Status(command::status::StatusArguments),
    /// Whether the database was restored from a backup, and what to do then.
    Restored(command::restored::RestoredArguments),
    /// List and show runs, and deal with records that failed.
    Runs(OrList<command::runs::RunsCommand>),
    /// List, show and resolve conflicts.
    Conflicts(OrList<command::conflicts::ConflictsCommand>),
    /// List, show, make, compare and migrate blueprints.
    #[command(subcommand)]
    Blueprint(command::blueprint::BlueprintCommand),
    /// List, show and edit the app's records.
    #[command(subcommand)]
    Entities(command::entities::EntitiesCommand),
    /// List, download and upload files of linked records.
    #[command(subcommand)]
    Files(command::files::FilesCommand),
    /// Describe flows, take their transitions, and see what was taken.
    #[command(subcommand)]
    Flow(command::flow::FlowCommand),
    /// List, show, make, change and delete tenants.
    #[command(subcommand)]
    Tenant(command::tenant::TenantCommand),
    /// Pause a sync, or a whole connection.
    Pause(command::pause::PauseArguments),
    /// Let a paused sync or connection go on.
    Resume(command::pause::ResumeArguments),
    /// Undo what a run did, as a run of its own.
    Rollback(command::rollback::RollbackArguments),
    /// List, verify and export the audit.
    Audit(OrList<command::audit::AuditCommand>),
    /// Run the schedule in the foreground. Ctrl-C stops it.
    Schedule(command::schedule::ScheduleArguments),
    /// Add, list, inspect, check and remove connectors that come as plugins, or begin a new one.
    #[cfg(feature = "plugins")]
    #[command(subcommand)]
    Plugin(command::plugin::PluginCommand),
    /// Print completions for a shell.
    Completions(command::completions::CompletionsArguments),
    /// Print what each connector can do, and its settings.
    Connectors,
}

impl Command {
    /// The roles that the command is run with, as flows name them; the operator's where there are none.
    pub(crate) fn roles(&self) -> Vec<String> {
        match self {
            Self::Flow(command) => command.roles(),
            _ => Vec::new(),
        }
    }

    /// Whether the command asks for the log by itself.
    pub(crate) const fn wants_log(&self) -> bool {
        matches!(self, Self::Sync(arguments) if arguments.debug)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_does_not_contradict_itself() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_lists_what_is_peculiar_to_a_command_apart_from_what_all_take() {
        let help = Cli::command().try_get_matches_from(["syncline", "sync", "--help"]);
        let help = help.unwrap_err().to_string();
        let (own, common) = help.split_once(EVERYWHERE).unwrap();
        assert!(own.contains("--dry-run") && !own.contains("--config <FILE>"), "{help}");
        assert!(common.contains("--config <FILE>"), "{help}");
    }
}
