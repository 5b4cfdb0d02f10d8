//! Two-way sync between an application and its customers' CRMs, in process.
//!
//! Records of your application live in Syncline as *entities*. Each CRM that a customer connects is kept in agreement
//! with them, both ways: edits that do not overlap never conflict, none is lost silently, and what both sides changed
//! differently is decided by a policy that you choose, or by a person.
//!
//! ```
//! use syncline::{Actor, EntityListQuery, NewSync, RunRequest, TokenRequest};
//! use syncline_simulators::{Options, salesforce::Salesforce};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("app.db");
//! // A simulator stands for your customer's Salesforce. For the real one, send them to
//! // `connections().authorise(..)` and finish with `connections().complete(..)`.
//! let crm = Salesforce::new(Options { records: 20, ..Options::default() })?;
//! let server = crm.serve(([127, 0, 0, 1], 0).into()).await?;
//! let tokens = crm.credentials();
//!
//! let engine = syncline::builder(&path).await?.allow_loopback(true).build()?;
//! let me = Actor::admin("ada");
//! let tenant = engine.tenant("Acme", &me).await?;
//! let request = TokenRequest::new(tenant.id, "salesforce", "acme", tokens.client_id, tokens.access_token)
//!     .simulated_at(server.base_url());
//! let connection = engine.connections().connect_with_tokens(request, &me).await?;
//!
//! let proposal = engine.propose(&connection, "Contact", None, &me).await?;
//! engine.syncs().save(NewSync::proposed("contacts", &connection, proposal), &me).await?;
//! for run in engine.runs().run(RunRequest::tenant(tenant.id), &me).await? {
//!     println!("run {} {}: {:?}", run.id, run.status.name(), run.total("pull"));
//! }
//! let people = engine.entities().list(tenant.id, "person", &EntityListQuery::default(), &me).await?;
//! assert_eq!(people.entities.len(), 20);
//! # Ok(())
//! # }
//! ```
//!
//! # Where things are
//!
//! [`Engine`] is the way in: [`Engine::connections`], [`Engine::syncs`], [`Engine::runs`], [`Engine::blueprints`],
//! events and progress. The modules here hold what these take and return. [`open`] and [`builder`] put an engine
//! together over one SQLite file or a Postgres database; [`Engine::builder`] does so over any [`Store`](store::Store), with your own keys,
//! connectors, policy, clock and transport.
//!
//! | feature (all but `postgres` and `plugins` on by default) | what it adds |
//! |---|---|
//! | `sqlite` | the SQLite store, for one process |
//! | `postgres` | the Postgres store, for several that share the work |
//! | `salesforce` | [`connectors::Salesforce`] |
//! | `hubspot` | [`connectors::HubSpot`] |
//! | `table` | [`connectors::Tables`], for tables of the host's own |
//! | `plugins` | `plugins`: connectors that come as WebAssembly plugins |
#![forbid(unsafe_code)]

mod open;

/// For implementing the traits of this crate that have async functions.
pub use async_trait::async_trait;
pub use open::{builder, is_url, open, open_store};
pub use secrecy;
pub use syncline_core::{Error, ErrorKind, Result, Retry, Value};
pub use syncline_core::{
    aggregate, batch, columns, connector, decode, error, expression, io, job, lens, manifest, mapping, matching,
    migration, model, plan, schema, simple, state, value,
};
pub use syncline_engine::actor::Actor;
pub use syncline_engine::connection::{AppGrantRequest, ConnectRequest, GrantKind, TokenRequest};
pub use syncline_engine::entity::EntityListQuery;
pub use syncline_engine::run::RunRequest;
pub use syncline_engine::sync::NewSync;
pub use syncline_engine::{Engine, EngineBuilder};
pub use syncline_engine::{
    actor, blueprint, conflict, connection, entity, event, exchange, http, incoming, oauth, ports, restore, retention,
    run, scheduler, schema_drift, settings, sync, tenant, vault,
};
/// Crates whose types are in the signatures here.
pub use {bytes, jiff};

/// What records should be like, what is refused for it, and how they stand.
pub mod quality {
    pub use syncline_core::quality::*;
    pub use syncline_engine::quality::*;
}

/// What is written down for ever: its entries, and reading, verifying and exporting them.
pub mod audit {
    pub use syncline_core::audit::*;
    pub use syncline_engine::audit::*;
}

/// State machines over blueprints: describing and checking them, taking their transitions, and the history of that.
pub mod flow {
    pub use syncline_core::flow::*;
    pub use syncline_engine::flow::*;
}

/// Files of linked records: listing, downloading and uploading them.
pub mod file {
    pub use syncline_core::file::*;
    pub use syncline_engine::file::*;
}

/// The stores that records are kept in, and the contract for your own.
pub mod store {
    pub use syncline_core::store::*;
    pub use syncline_storage::MemoryStore;
    #[cfg(feature = "postgres")]
    pub use syncline_storage::PostgresStore;
    #[cfg(feature = "sqlite")]
    pub use syncline_storage::SqliteStore;
}

#[cfg(feature = "plugins")]
pub use syncline_plugins as plugins;

/// The connectors of this build.
pub mod connectors {
    #[cfg(feature = "hubspot")]
    pub use syncline_connector_hubspot::HubSpot;
    #[cfg(feature = "salesforce")]
    pub use syncline_connector_salesforce::Salesforce;
    #[cfg(feature = "table")]
    pub use syncline_connector_table::{TableSpec, Tables};

    /// Adds the connector of every CRM of this build to an engine.
    #[must_use]
    pub fn add_all(builder: crate::EngineBuilder) -> crate::EngineBuilder {
        #[cfg(feature = "salesforce")]
        let builder = builder.connector(Salesforce::new());
        #[cfg(feature = "hubspot")]
        let builder = builder.connector(HubSpot::new());
        builder
    }
}

#[cfg(test)]
extern crate self as syncline;

// The examples are played as they are.
#[cfg(test)]
#[path = "../examples/delivery.rs"]
mod delivery_example;
#[cfg(test)]
#[path = "../examples/stock.rs"]
mod stock_example;

#[cfg(test)]
mod tests {
    #[test]
    fn a_delivery_goes_from_an_empty_database_to_the_end() {
        let played = super::delivery_example::main();
        assert!(played.is_ok(), "{played:?}");
    }

    #[test]
    fn stock_items_go_from_an_empty_database_to_the_end() {
        let played = super::stock_example::main();
        assert!(played.is_ok(), "{played:?}");
    }
}

// The examples of the guides are compiled, and run where they need no account.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/embedding.md")]
struct EmbeddingGuide;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/flows.md")]
struct FlowsGuide;
