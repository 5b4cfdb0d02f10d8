//! The [`Store`](syncline_core::store::Store) port three times: [`MemoryStore`] for tests and
//! simulations, [`SqliteStore`] for one process, and `PostgresStore` for several that share the work.
//!
//! All keep records in the same packed rows and answer every call alike; one conformance suite, in
//! `syncline-testkit`, holds them to it. Where one looks for something in a driver, it is in the file of the same
//! name in the others. Times are kept to the microsecond.
//!
//! | feature | what it adds |
//! |---|---|
//! | `sqlite` (default) | [`SqliteStore`], with the C library built in |
//! | `postgres` | `PostgresStore`, in pure Rust |
#![forbid(unsafe_code)]

mod memory;
mod packed;
#[cfg(feature = "postgres")]
mod postgres;
mod refusal;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use memory::{MemoryBackup, MemoryStore};
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
