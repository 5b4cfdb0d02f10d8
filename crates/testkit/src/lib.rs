//! Conformance suites for connectors and stores.
