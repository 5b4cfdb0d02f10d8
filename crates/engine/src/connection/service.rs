//! [`Connections`]: finding, pausing and using connections. Authorising, disconnecting and health are beside it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use syncline_core::connector::Connector;
use syncline_core::model::TenantId;
use syncline_core::store::{DocumentKind, DocumentQuery, Mode};
use syncline_core::{Error, ErrorKind, Result};

use super::parts::ConnectionParts;
use super::record::{Connection, ConnectionStatus};
use crate::actor::{Action, Actor};
use crate::document::{self, Versioned};
use crate::http::{
    CallCounts, ConnectionIo, HostGuard, HttpSettings, IoParts, Lane, QuotaLedger, StackParts, StopFlag,
};
use crate::oauth::{ConnectionTokens, Credential, RefreshParts};
use crate::vault::Owner;

/// All connections of a store. Cheap to clone.
#[derive(Clone)]
pub struct Connections(Arc<Inner>);

struct Inner {
    parts: ConnectionParts,
    http: Arc<HttpSettings>,
    shared: Mutex<BTreeMap<u64, Shared>>,
    ledgers: Mutex<BTreeMap<(String, String), Arc<QuotaLedger>>>,
}

/// What all work on one connection shares in this process.
#[derive(Clone)]
struct Shared {
    tokens: ConnectionTokens,
    lane: Lane,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connections").field(&self.0.parts).finish()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connections {
    /// The connections of a store.
    pub fn new(parts: ConnectionParts) -> Self {
        let http = Arc::new(parts.http.clone());
        Self(Arc::new(Inner {
            parts,
            http,
            shared: Mutex::default(),
            ledgers: Mutex::default(),
        }))
    }

    pub(super) fn parts(&self) -> &ConnectionParts {
        &self.0.parts
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.parts.clock.now()
    }

    /// Refuses what the policy does not allow, and whoever belongs to another tenant.
    pub(super) fn allow_in(&self, actor: &Actor, tenant: TenantId, action: Action) -> Result<()> {
        self.parts().policy.allows(actor, action)?;
        actor.check_reaches(tenant)
    }

    /// The connection of this number, if the policy allows an action and the connection is there for the actor.
    pub(crate) async fn allow_on(&self, actor: &Actor, id: u64, action: Action) -> Result<Connection> {
        self.parts().policy.allows(actor, action)?;
        let mut tx = self.parts().store.begin(Mode::Read).await?;
        Ok(document::get_for::<Connection>(&mut *tx, id, actor).await?.value)
    }

    /// A tenant's connections by name; deleted ones only on request.
    ///
    /// # Errors
    /// `Forbidden` when the actor may not see connections.
    pub async fn list(&self, tenant: TenantId, with_deleted: bool, actor: &Actor) -> Result<Vec<Connection>> {
        self.allow_in(actor, tenant, Action::ReadConnections)?;
        let mut tx = self.parts().store.begin(Mode::Read).await?;
        let query = DocumentQuery::new(DocumentKind::Connection)
            .tenant(tenant)
            .limit(100_000);
        let found = document::find::<Connection>(&mut *tx, &query).await?;
        let shown = |connection: &Connection| match connection.status {
            ConnectionStatus::Pending => false,
            ConnectionStatus::Deleted => with_deleted,
            _ => true,
        };
        let mut connections: Vec<_> = found.into_iter().map(|found| found.value).filter(shown).collect();
        connections.sort_by(|one, two| (&one.name, one.id).cmp(&(&two.name, two.id)));
        Ok(connections)
    }

    /// A connection by its number, for the engine itself.
    pub(crate) async fn load(&self, id: u64) -> Result<Connection> {
        let mut tx = self.parts().store.begin(Mode::Read).await?;
        Ok(document::get::<Connection>(&mut *tx, id).await?.value)
    }

    /// A connection by its number, of whichever tenant the actor may reach.
    ///
    /// # Errors
    /// `NotFound` when there is none for the actor, `Forbidden` when the actor may not see connections.
    pub async fn get(&self, id: u64, actor: &Actor) -> Result<Connection> {
        self.allow_on(actor, id, Action::ReadConnections).await
    }

    /// The connection that a tenant's user names, by its name or number. A deleted one is found by its number only;
    /// another tenant's never.
    ///
    /// # Errors
    /// `NotFound` when the tenant has none such, `Forbidden` when the actor may not see connections.
    pub async fn find(&self, tenant: TenantId, name_or_id: &str, actor: &Actor) -> Result<Connection> {
        self.allow_in(actor, tenant, Action::ReadConnections)?;
        let mut tx = self.parts().store.begin(Mode::Read).await?;
        let by_name = document::by_key::<Connection>(&mut *tx, tenant, 0, name_or_id).await?;
        let found = match (by_name, name_or_id.parse()) {
            (Some(found), _) => Some(found),
            (None, Ok(id)) => document::get::<Connection>(&mut *tx, id).await.ok(),
            (None, Err(_)) => None,
        };
        found
            .map(|found| found.value)
            .filter(|connection| connection.tenant == tenant)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no connection {name_or_id:?}")))
    }

    /// Stops all work on a connection until it is resumed.
    ///
    /// # Errors
    /// `Refused` when it is not in use, `NotFound`, `Forbidden`.
    pub async fn pause(&self, id: u64, reason: Option<&str>, actor: &Actor) -> Result<Connection> {
        self.allow_on(actor, id, Action::ManageConnections).await?;
        self.change(id, |connection| match connection.status {
            ConnectionStatus::Active | ConnectionStatus::NeedsReauthorisation | ConnectionStatus::Paused => {
                let is_known = connection.status == ConnectionStatus::Paused && reason.is_none();
                connection.status = ConnectionStatus::Paused;
                // Pausing it once more, without a word, does not take away why it was paused.
                if !is_known {
                    connection.status_reason = Some(match reason {
                        Some(reason) => format!("by {actor}: {reason}"),
                        None => format!("by {actor}"),
                    });
                }
                Ok(())
            }
            status => {
                let message = format!("connection {} is {status}; there is nothing to pause", connection.name);
                Err(Error::new(ErrorKind::Refused, message))
            }
        })
        .await
    }

    /// Lets work on a paused connection go on.
    ///
    /// # Errors
    /// `Refused` when it is not paused, `NotFound`, `Forbidden`.
    pub async fn resume(&self, id: u64, actor: &Actor) -> Result<Connection> {
        let connection = self.allow_on(actor, id, Action::ManageConnections).await?;
        let mut tx = self.parts().store.begin(Mode::Read).await?;
        let credential = Credential::load(&mut *tx, &self.parts().vault, owner(&connection)).await?;
        drop(tx);
        let dead = credential.map_or(Some("it has no credentials".to_owned()), |credential| credential.dead);
        self.change(id, |connection| {
            if connection.status != ConnectionStatus::Paused {
                let message = format!("connection {} is {}, not paused", connection.name, connection.status);
                return Err(Error::new(ErrorKind::Refused, message));
            }
            connection.status = match dead {
                Some(_) => ConnectionStatus::NeedsReauthorisation,
                None => ConnectionStatus::Active,
            };
            connection.status_reason.clone_from(&dead);
            Ok(())
        })
        .await
    }

    /// What a connector is handed to work on a connection, until the flag stops it: whoever has it speaks to the CRM in
    /// the connection's name.
    ///
    /// # Errors
    /// `Forbidden` by policy; `NotFound`; as [`Connection::check_usable`]; `Unsupported` when this host does not know the
    /// provider.
    pub async fn io(&self, id: u64, stop: StopFlag, actor: &Actor) -> Result<Arc<ConnectionIo>> {
        let connection = self.allow_on(actor, id, Action::ManageConnections).await?;
        self.io_for_work(&connection, stop).await
    }

    /// The same for work whose actor was asked about before. Looks the connection's status up, so that one paused or
    /// deleted a moment ago is refused.
    pub(crate) async fn io_for_work(&self, connection: &Connection, stop: StopFlag) -> Result<Arc<ConnectionIo>> {
        let mut tx = self.parts().store.begin(Mode::Read).await?;
        let connection = document::get::<Connection>(&mut *tx, connection.id).await?.value;
        drop(tx);
        connection.check_usable()?;
        self.open_io(&connection, stop).await
    }

    pub(super) async fn open_io(&self, connection: &Connection, stop: StopFlag) -> Result<Arc<ConnectionIo>> {
        let parts = self.parts();
        let connector = self.connector(&connection.provider)?;
        let Shared { tokens, lane } = self.shared(connection)?;
        let client_secret = tokens.client_secret().await?;
        let stack = StackParts {
            connection: Arc::from(connection.name.as_str()),
            transport: Arc::clone(&parts.transport),
            guard: HostGuard::new(connector.manifest(), &connection.base_url, parts.addresses),
            connector,
            tokens: Arc::new(tokens),
            ledger: self.ledger(connection)?,
            lane,
            clock: Arc::clone(&parts.clock),
            random: Arc::clone(&parts.random),
            settings: Arc::clone(&self.0.http),
        };
        Ok(Arc::new(ConnectionIo::new(IoParts {
            stack,
            marks: Arc::clone(&parts.marks),
            stop,
            client_secret,
        })))
    }

    /// The connector of a provider.
    ///
    /// # Errors
    /// As [`Connectors::get`](super::Connectors::get).
    pub fn connector(&self, provider: &str) -> Result<Arc<dyn Connector>> {
        self.parts().connectors.get(provider)
    }

    /// Calls made on a connection by this process, over all its work.
    ///
    /// # Errors
    /// `Forbidden` by policy; `NotFound`.
    pub async fn calls(&self, id: u64, actor: &Actor) -> Result<CallCounts> {
        self.allow_on(actor, id, Action::ReadConnections).await?;
        Ok(self.calls_so_far(id))
    }

    pub(crate) fn calls_so_far(&self, id: u64) -> CallCounts {
        locked(&self.0.shared)
            .get(&id)
            .map(|shared| shared.lane.counters.get())
            .unwrap_or_default()
    }

    /// Changes a connection and tells the listener.
    pub(super) async fn change(
        &self,
        id: u64,
        change: impl FnOnce(&mut Connection) -> Result<()> + Send,
    ) -> Result<Connection> {
        let changed = self.update(id, change).await?;
        (self.parts().listener)(&changed);
        Ok(changed)
    }

    async fn update(&self, id: u64, change: impl FnOnce(&mut Connection) -> Result<()> + Send) -> Result<Connection> {
        let mut tx = self.parts().store.begin(Mode::Write).await?;
        let mut connection: Versioned<Connection> = document::get(&mut *tx, id).await?;
        change(&mut connection.value)?;
        document::put(&mut *tx, &mut connection).await?;
        tx.commit().await?;
        Ok(connection.value)
    }

    fn shared(&self, connection: &Connection) -> Result<Shared> {
        let parts = self.parts();
        let connector = self.connector(&connection.provider)?;
        let mut all = locked(&self.0.shared);
        let shared = all.entry(connection.id).or_insert_with(|| Shared {
            tokens: ConnectionTokens::new(
                owner(connection),
                RefreshParts {
                    store: Arc::clone(&parts.store),
                    vault: parts.vault.clone(),
                    transport: Arc::clone(&parts.transport),
                    connector,
                    clock: Arc::clone(&parts.clock),
                    addresses: parts.addresses,
                    listener: Arc::clone(&parts.listener),
                },
            ),
            lane: Lane::new(&self.0.http),
        });
        Ok(shared.clone())
    }

    /// Forgets the tokens known here, since the store has others or none.
    pub(super) fn forget(&self, id: u64) {
        if let Some(shared) = locked(&self.0.shared).get(&id) {
            shared.tokens.forget();
        }
    }

    /// Forgets all about a connection.
    pub(super) fn drop_shared(&self, id: u64) {
        locked(&self.0.shared).remove(&id);
    }

    /// One ledger per remote account, whichever connections lead there.
    pub(super) fn ledger(&self, connection: &Connection) -> Result<Arc<QuotaLedger>> {
        let connector = self.connector(&connection.provider)?;
        let limits = if self.0.http.default_limits {
            connector.manifest().limits.as_slice()
        } else {
            &[]
        };
        let account = match connection.account.id.as_str() {
            "" => format!("pending {}", connection.id),
            id => id.to_owned(),
        };
        let mut ledgers = locked(&self.0.ledgers);
        let ledger = ledgers
            .entry((connection.provider.clone(), account))
            .or_insert_with(|| Arc::new(QuotaLedger::new(limits, self.0.http.interactive_reserve)));
        Ok(Arc::clone(ledger))
    }
}

pub(super) fn owner(connection: &Connection) -> Owner {
    Owner {
        tenant: connection.tenant,
        connection: connection.id,
    }
}

/// Another tenant's connection is as good as none: even that it exists is not for them to know.
pub(super) fn check_tenant(connection: &Connection, tenant: TenantId) -> Result<()> {
    if connection.tenant == tenant {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::NotFound,
        format!("there is no connection {}", connection.id),
    ))
}
