//! Makes a sandboxed plugin of a connector: the guest's side of the contract.
//!
//! A plugin is one `.wasm` file that a host runs without trusting it: it has no network, files, clock or token of its
//! own, and asks the host for each request. Any crate with a [`Connector`] becomes
//! one, unchanged, through a crate beside it that is built as a `cdylib` for `wasm32-unknown-unknown`:
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib"]
//!
//! [dependencies]
//! acme-connector = { path = "../acme-connector" }
//! syncline-plugin = "0.1"
//! ```
//!
//! and whose whole source is
//!
//! ```ignore
//! // Ignored: it makes a library of the test, and the connector is somebody else's.
//! syncline_plugin::plugin!(acme_connector::Acme::new());
//! ```
//!
//! The contract itself is a text in `crates/plugins/wit`, which other languages can build against too.

#[doc(hidden)]
pub mod bindings;
#[doc(hidden)]
pub mod contract;
mod guest;
mod io;

use syncline_core::connector::Connector;

#[doc(hidden)]
pub use guest::tell_panics;
#[doc(hidden)]
pub use jiff::Timestamp;
#[doc(hidden)]
pub use syncline_core as core;

/// What [`plugin!`] makes of a connector.
pub trait Plugin: 'static {
    /// The connector, made once.
    fn connector() -> &'static dyn Connector;
}

/// Exports a connector from a `cdylib`. The expression makes the connector; it is evaluated once in each instance.
#[macro_export]
macro_rules! plugin {
    ($make:expr) => {
        struct Plugin;

        impl $crate::Plugin for Plugin {
            fn connector() -> &'static dyn $crate::core::connector::Connector {
                type Connector = ::std::boxed::Box<dyn $crate::core::connector::Connector>;
                static CONNECTOR: ::std::sync::OnceLock<Connector> = ::std::sync::OnceLock::new();
                &**CONNECTOR.get_or_init(|| ::std::boxed::Box::new($make))
            }
        }

        $crate::bindings::export!(Plugin with_types_in $crate::bindings);
    };
}
