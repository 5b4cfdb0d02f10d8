//! Syncline's pure heart: model, mapping, merge, plan, and the connector and store contracts.
//!
//! Nothing here reads a clock, draws a random number or does I/O. A connector depends on this crate alone, without the
//! default feature `model`.
#![forbid(unsafe_code)]

#[cfg(feature = "model")]
pub mod aggregate;
#[cfg(feature = "model")]
pub mod audit;
pub mod batch;
#[cfg(feature = "model")]
pub mod columns;
pub mod connector;
pub mod decode;
pub mod error;
#[cfg(feature = "model")]
pub mod expression;
pub mod file;
#[cfg(feature = "model")]
pub mod flow;
#[cfg(feature = "model")]
mod glimpse;
pub mod io;
pub mod job;
#[cfg(feature = "model")]
pub mod lens;
pub mod manifest;
#[cfg(feature = "model")]
pub mod mapping;
#[cfg(feature = "model")]
pub mod matching;
#[cfg(feature = "model")]
pub mod migration;
#[cfg(feature = "model")]
pub mod model;
#[cfg(feature = "model")]
pub mod plan;
#[cfg(feature = "model")]
pub mod quality;
pub mod schema;
#[cfg(feature = "model")]
pub mod search;
#[cfg(feature = "model")]
pub mod sighting;
pub mod simple;
#[cfg(feature = "model")]
pub mod sort_key;
#[cfg(feature = "model")]
pub mod state;
#[cfg(feature = "model")]
pub mod store;
pub mod value;

pub use error::{Error, ErrorKind, Result, Retry};
pub use value::Value;
