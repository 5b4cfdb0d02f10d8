//! Conformance suites for connectors and stores.

pub mod connector;
pub mod stage;
pub mod store;
