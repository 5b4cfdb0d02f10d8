//! Runs connectors that come as WebAssembly components, without trusting them.
//!
//! [`Plugins`] makes a connector of a plugin's file: the engine can't tell it from a native one. A plugin has no network,
//! files, clock or threads; it asks the host for each request, which leaves only to hosts that its manifest asks for and
//! somebody [approved](Approval). The engine adds the token behind the plugin's back, so no token is ever in its memory,
//! and as each piece of work has an instance of its own, nothing of another connection is either. What it may use is
//! [limited](Limits), and what it does wrong ends the work of its connection with an error of the kind
//! [`Plugin`](syncline_core::ErrorKind::Plugin) or [`Refused`](syncline_core::ErrorKind::Refused).
//!
//! The contract is the text in `wit/`, a folder for each major version; the crate `syncline-plugin` is its other side.

mod asked;
mod bindings;
mod breach;
mod cache;
mod connector;
mod door;
mod instance;
mod limits;
mod loaded;
mod manifest;
mod memory;
mod plugins;
mod sandbox;
mod shelf;
mod signature;
mod state;
mod task;
mod ticker;
mod version;

pub use connector::PluginConnector;
pub use limits::Limits;
pub use plugins::{Approval, Inspection, Plugins, hash};
pub use shelf::{Shelf, Shelved};
pub use signature::{TrustedKey, signer};
