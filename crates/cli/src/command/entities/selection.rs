//! Which records a command is about.

use syncline::entity::EntitySelection;
use syncline::{Error, ErrorKind};

use crate::failure::Failure;

/// Which records.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SelectionArguments {
    /// Only those for which this expression is true: `city == "Graz" && employees > 10`.
    #[arg(long, value_name = "CEL")]
    pub(super) filter: Option<String>,
    /// Only those with words that begin like these, whatever their case and accents.
    #[arg(long, value_name = "WORDS")]
    pub(super) search: Option<String>,
}

impl SelectionArguments {
    pub(super) fn selection(&self) -> EntitySelection {
        EntitySelection {
            filter: self.filter.clone(),
            search: self.search.clone(),
            deleted: false,
        }
    }
}

/// A failure of a command that selects, with how filters are written where there was one.
pub(super) fn wrong(error: Error, selection: &EntitySelection) -> Failure {
    match error.kind() {
        ErrorKind::Invalid if selection.filter.is_some() => {
            Failure::from(error).next("filters are CEL: `city == \"Graz\" && employees > 10`")
        }
        _ => error.into(),
    }
}
