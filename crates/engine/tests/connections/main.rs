//! Connections from the outside: what a host, a provider or an attacker can see of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail the test")]

mod address_guard;
mod authorisation;
mod files;
mod http_stack;
mod lifecycle;
mod refresh;
mod secrets;
mod simulators;
mod support;
