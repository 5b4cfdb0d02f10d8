//! Commands that list when nothing more is said: `syncline runs` is `syncline runs list`.

use clap::Subcommand;

/// What a command is asked to do; to list, if it is not said.
#[derive(Debug, clap::Args)]
pub(crate) struct OrList<C: Subcommand> {
    #[command(subcommand)]
    command: Option<C>,
}

impl<C: Subcommand> OrList<C> {
    /// What was asked, or `list` with the defaults of its flags.
    ///
    /// # Errors
    /// When the command has no listing that needs no arguments.
    pub(crate) fn command(self) -> Result<C, clap::Error> {
        if let Some(command) = self.command {
            return Ok(command);
        }
        let known = C::augment_subcommands(clap::Command::new("syncline"));
        C::from_arg_matches(&known.try_get_matches_from(["syncline", "list"])?)
    }
}
