//! Conformance suites for connectors and stores.

pub mod stage;
pub mod store;
