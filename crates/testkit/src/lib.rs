//! Conformance suites for connectors and stores.

pub mod connector;
pub mod simulation;
pub mod openapi;
pub mod recorded;
pub mod stage;
pub mod store;
