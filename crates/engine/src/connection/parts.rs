//! What [`Connections`](super::Connections) are made of.

use std::fmt;
use std::sync::Arc;

use syncline_core::store::Store;

use super::record::Connection;
use super::registry::Connectors;
use crate::actor::{DefaultPolicy, Policy};
use crate::http::{AddressPolicy, HttpSettings, MarkSource, Transport};
use crate::ports::{Clock, Random};
use crate::vault::Vault;

/// Told of each connection whose status changed, after it was stored. Must return at once.
pub type ConnectionListener = Arc<dyn Fn(&Connection) + Send + Sync>;

/// What [`Connections`](super::Connections) are made of.
#[derive(Clone)]
pub struct ConnectionParts {
    /// Where they are kept.
    pub store: Arc<dyn Store>,
    /// What seals their secrets.
    pub vault: Vault,
    /// What sends their requests.
    pub transport: Arc<dyn Transport>,
    /// The providers that can be connected to.
    pub connectors: Connectors,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness; must be unpredictable in production.
    pub random: Arc<dyn Random>,
    /// Where marks come from.
    pub marks: MarkSource,
    /// Who may do what.
    pub policy: Arc<dyn Policy>,
    /// Which addresses may be reached; the same as the transport's.
    pub addresses: AddressPolicy,
    /// The numbers that tune the HTTP stack.
    pub http: HttpSettings,
    /// Told of changes.
    pub listener: ConnectionListener,
}

impl ConnectionParts {
    /// Parts with the default policy and settings, public addresses only, and nobody listening.
    pub fn new(
        store: Arc<dyn Store>,
        vault: Vault,
        transport: Arc<dyn Transport>,
        connectors: Connectors,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        marks: MarkSource,
    ) -> Self {
        Self {
            store,
            vault,
            transport,
            connectors,
            clock,
            random,
            marks,
            policy: Arc::new(DefaultPolicy),
            addresses: AddressPolicy::default(),
            http: HttpSettings::default(),
            listener: Arc::new(|_| {}),
        }
    }
}

impl fmt::Debug for ConnectionParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionParts")
            .field("store", &self.store.label())
            .field("connectors", &self.connectors)
            .field("addresses", &self.addresses)
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}
