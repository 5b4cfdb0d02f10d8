//! The service as a client sees it, in process and over loopback.

mod client;

mod clients;
mod collections;
mod faults;
mod files;
mod hooks;
mod oauth;
mod query;
mod records;
mod replication;
mod schema;
mod soql;
