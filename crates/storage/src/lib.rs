//! The [`Store`](syncline_core::store::Store) port twice: [`MemoryStore`] for tests and simulations, and
//! [`SqliteStore`] for everything that has to last.
//!
//! Both keep records in the same packed rows and answer every call alike; one conformance suite, in
//! `syncline-testkit`, holds them to it. Where one looks for something in a driver, it is in the file of the same
//! name in the other one. Times are kept to the microsecond.
//!
//! | feature | what it adds |
//! |---|---|
//! | `sqlite` (default) | [`SqliteStore`], with the C library built in |
#![forbid(unsafe_code)]

mod memory;
mod packed;
mod refusal;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use memory::{MemoryBackup, MemoryStore};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
