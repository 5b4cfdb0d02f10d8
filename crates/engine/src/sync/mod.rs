//! Syncs: a mapping on a connection, with its schedule.

mod blueprint;
mod model;
mod service;

pub use model::{Schedule, Sync, SyncStatus};
pub use service::{NewSync, SavedSync, Syncs};
