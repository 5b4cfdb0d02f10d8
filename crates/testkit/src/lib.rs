//! Conformance suites for connectors and stores.

pub mod blocking;
pub mod connector;
pub mod crash;
mod forward;
pub mod openapi;
pub mod postgres;
pub mod recorded;
pub mod simulation;
pub mod stage;
pub mod store;
