//! Syncs: a mapping on a connection, with its schedule.

mod blueprint;
mod explore;
mod model;
mod service;

pub use explore::Preview;
pub use model::{Schedule, Sync, SyncStatus};
pub use service::{NewSync, SavedSync, Syncs};
