//! Salesforce and HubSpot as in-process or loopback HTTP services, with fault injection.
//!
//! Each simulator is a cheap handle over shared state: [`salesforce::Salesforce`] and [`hubspot::HubSpot`]. It is a
//! [`router`](salesforce::Salesforce::router) for use in process, or a [`Server`] on a socket; it is started with
//! [`Options`], misbehaves by [`Faults`], and keeps a [`RequestLog`] of what it was asked. Hooks on the handle act as a
//! user does in the product itself, and read records back without HTTP.

pub mod clock;
pub mod fault;
pub mod hubspot;
pub mod log;
mod multipart;
pub mod oauth;
pub mod options;
mod page;
pub mod people;
pub mod record;
pub mod salesforce;
pub mod server;

pub use clock::{Clock, ManualClock, SystemClock};
pub use fault::{Fault, Faults};
pub use log::{LogEntry, RequestLog};
pub use oauth::Credentials;
pub use options::Options;
pub use people::{Company, Person, Population, Side};
pub use record::{Fields, HookError, SimulatedRecord};
pub use server::{Server, serve};
