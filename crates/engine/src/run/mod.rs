//! Runs: one execution of the syncs of a connection, with a ledger that must balance.
//!
//! The way of one change: a connector's task hands over a page of rows; one transaction loads the sides, plans, writes
//! entities, sides, cursor, ledger and audit. What a side is behind on is journaled, written, and confirmed in a second
//! transaction.

mod brake;
mod candidates;
mod chosen;
mod context;
mod conversion;
mod creations;
mod cursor;
mod files;
mod first_link;
mod fresh;
mod gone;
mod history;
mod lease;
mod links;
mod manager;
mod merge;
mod model;
mod outcome;
mod own_creates;
mod page;
mod perform;
mod pull;
mod push;
mod read_back;
mod references;
mod refile;
mod replaced;
mod reporter;
mod resolve;
mod retry;
mod rollback;
mod runner;
mod scope;
mod send;
mod session;
mod silence;
mod sweep;

pub use history::RunQuery;
pub use manager::{RunRequest, Runs, StartedRun};
pub use model::{
    Divergence, Failure, Ledger, Moment, PlannedChange, RollbackRelease, Run, RunParameters, RunScope, RunStatus,
};

pub(crate) use context::{SyncContext, compile_sync, same_rules, schema_of};
pub(crate) use first_link::{link, publish};
pub(crate) use lease::Lease;
pub(crate) use links::{Links, ObjectSides};
pub(crate) use page::{compute, store, store_judged, uid};
pub(crate) use push::links_for;
pub(crate) use runner::Runner;
pub(crate) use scope::syncs_of;
pub(crate) use session::{Page, append_audit};
