//! Runs the plan: connections, HTTP stack, OAuth, runs, journal, schedule and events.
#![forbid(unsafe_code)]

pub mod actor;
pub mod audit;
pub mod blueprint;
pub mod conflict;
pub mod connection;
mod document;
mod engine;
pub mod entity;
pub mod event;
pub mod exchange;
mod feed;
pub mod file;
pub mod flow;
pub mod http;
pub mod incoming;
mod marks;
pub mod oauth;
pub mod overlay;
pub mod ports;
pub mod quality;
pub mod restore;
pub mod retention;
pub mod run;
mod schedule;
pub mod scheduler;
pub mod schema_drift;
pub mod settings;
pub mod sync;
pub mod tenant;
pub mod vault;
mod webhook;

pub use engine::{Engine, EngineBuilder};
