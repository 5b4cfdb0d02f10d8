//! The table connector: a host's own SQL tables, in SQLite or Postgres, as a side of a sync.
//!
//! A host that keeps its records in tables of its own has them synced like a CRM's: [`Tables`] is a connector, its role is
//! [`Role::App`](syncline_core::manifest::Role::App), and nobody has to authorise it. It reaches the database by itself,
//! which makes it the one connector that does I/O. `docs/table.md` is its guide.
//!
//! ```
//! use syncline_connector_table::{TableSpec, Tables};
//!
//! # async fn example() -> syncline_core::Result<()> {
//! let tables = Tables::open("app.db").await?.table(TableSpec::new("customers").outbox());
//! tables.install_outbox().await?;
//! # Ok(())
//! # }
//! ```
//!
//! How changes are found is each table's own business: see [`TableSpec`].
#![forbid(unsafe_code)]

mod catalog;
mod database;
mod decode;
mod dialect;
mod encode;
mod error;
mod manifest;
mod outbox;
mod position;
mod pull;
mod push;
mod read;
mod schema;
mod spec;
mod tables;

pub use spec::TableSpec;
pub use tables::Tables;
