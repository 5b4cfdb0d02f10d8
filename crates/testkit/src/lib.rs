//! Conformance suites for connectors and stores.

pub mod store;
