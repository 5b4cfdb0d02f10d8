//! Syncs: a mapping on a connection, with its schedule.

mod blueprint;
mod change;
mod explore;
mod model;
mod save;
mod service;

pub use change::SyncChange;
pub use explore::Preview;
pub use model::{Schedule, SweepInterval, Sync, SyncStatus};
pub use service::{NewSync, SavedSync, Syncs};

pub(crate) use service::{next_run, put_schema, show_next_run, siblings};
