//! Versions of blueprints: how they are saved, compared and gone back to, and how entities are brought to them.
//!
//! Saving a version touches no entity. What an entity is edited or synced for is brought to the current version in the
//! same transaction, and a [migration](Migrations) brings the others, a page at a time.

mod cross;
mod history;
mod job;
mod migrate;
mod preview;
mod save;
mod service;
mod syncs;
mod trash;

pub use job::{FailedEntity, MigrationJob, MigrationStatus};
pub use migrate::Migrations;
pub use preview::{MigrationExample, MigrationPreview, MigrationTarget, ReasonCount};
pub use service::Versions;
pub use trash::{PurgedBlueprint, TrashedBlueprint};

pub(crate) use cross::{Crosser, settle};
pub(crate) use history::{history_of, record};
pub(crate) use migrate::forget_failure;
pub(crate) use trash::forget_blueprint;

#[cfg(test)]
mod tests;
