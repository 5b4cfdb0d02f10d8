//! Connections: authorised accounts at providers, from the consent page to the [`Io`](syncline_core::io::Io) that a
//! connector is handed.

mod authorise;
mod disconnect;
mod establish;
mod health;
mod own;
mod parts;
mod record;
mod registry;
mod request;
mod service;

pub use health::Health;
pub use parts::{ConnectionListener, ConnectionParts};
pub use record::{Connection, ConnectionStatus, GrantKind, Problem};
pub use registry::Connectors;
pub use request::{AppGrantRequest, AuthoriseRequest, Authorising, Callback, ConnectRequest, TokenRequest};
pub use service::Connections;
