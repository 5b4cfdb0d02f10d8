//! Real crashes of real processes: workers that are killed at their n-th failpoint, or whenever somebody pleases.
//!
//! The CRMs live in the test's process and are reached over loopback, so that they outlive whoever dies.

mod failing;
mod process;
mod transport;
mod worker;

use std::sync::Arc;

use syncline_core::Result;
use syncline_core::store::Store;
use syncline_simulators::{Clock, SystemClock};
use syncline_storage::{PostgresStore, SqliteStore};

use crate::stage::VirtualClock;

pub use failing::{Failing, FailingStore, OneCall};
pub use process::{Ended, Process};
pub use transport::{Crms, Loopback};
pub use worker::{Assignment, Work, work};

/// Opens the database of a worker: a Postgres URL, or a SQLite file.
///
/// # Errors
/// As the store's own `open`.
pub async fn open(database: &str) -> Result<Arc<dyn Store>> {
    Ok(if database.starts_with("postgres") {
        Arc::new(PostgresStore::open(database).await?)
    } else {
        Arc::new(SqliteStore::open(database).await?)
    })
}

/// The clock of the machine, which all processes share.
#[must_use]
pub fn machine_clock() -> VirtualClock {
    let clock = VirtualClock::new();
    clock.jump(SystemClock.now().duration_since(clock.time()));
    clock
}
