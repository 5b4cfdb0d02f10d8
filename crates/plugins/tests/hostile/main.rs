//! Plugins that do what no plugin may: each ends as an error that says what it did, and nothing else is touched by it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that can't go on says why by panicking; what can't be built is told"
)]

#[path = "../support/mod.rs"]
mod support;

mod crm;
mod engine;
mod jobs;
mod manifest;
mod requests;
mod resources;

use std::time::Duration;

use syncline_core::ErrorKind;
use syncline_core::connector::Connector;
use syncline_core::io::Config;
use syncline_plugins::{Limits, PluginConnector};

use crm::Crm;

/// Limits that are reached soon.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.memory_bytes = 128 << 20;
    limits.computing = Duration::from_millis(300);
    limits.computing_at_once = Duration::from_millis(300);
    limits.requests = 200;
    limits.result_bytes = 32 << 20;
    limits.response_bytes = 1 << 20;
    limits.log_lines = 100;
    limits
}

/// The hostile plugin; `None` where nothing can build it.
fn hostile() -> Option<PluginConnector> {
    support::connector(&support::plugins(limits()), "hostile")
}

/// A connection that wants the plugin to do this.
fn wanting(what: &str) -> Config {
    Config {
        base_url: "https://api.hostile.example".into(),
        settings: [("do".to_owned(), what.to_owned())].into(),
        ..Config::default()
    }
}

/// Asks for the account, by which the plugin does this, and looks whether it ends as it should.
#[track_caller]
fn ends(what: &str, kind: ErrorKind, says: &str) {
    let Some(connector) = hostile() else { return };
    let crm = Crm::default();
    let error = block_on(connector.account(&crm, &wanting(what))).unwrap_err();
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(error.to_string().contains(says), "{error}");
    assert!(error.to_string().contains("plugin: hostile"), "{error}");
    // Whatever it did, the next one finds everything as it was.
    let account = block_on(connector.account(&crm, &wanting("behave"))).unwrap();
    assert_eq!(account.id, "1");
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}
