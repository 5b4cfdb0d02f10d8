//! Conformance suites for connectors and stores.

pub mod connector;
pub mod simulation;
pub mod stage;
pub mod store;
