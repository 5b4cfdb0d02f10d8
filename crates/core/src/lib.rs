//! Syncline's pure heart: model, mapping, merge, plan, and the connector and store contracts.
//!
//! Nothing here reads a clock, draws a random number or does I/O. A connector depends on this crate alone, without the
//! default feature `model`.
#![forbid(unsafe_code)]

pub mod batch;
pub mod connector;
pub mod decode;
pub mod error;
pub mod io;
pub mod job;
pub mod manifest;
pub mod schema;
pub mod value;

pub use error::{Error, ErrorKind, Result, Retry};
pub use value::Value;
