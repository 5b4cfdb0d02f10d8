//! [`Engine`]: everything wired together, and the way in for hosts.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use syncline_core::connector::Connector;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::lens::LensRegistry;
use syncline_core::model::{Tenant, TenantId};
use syncline_core::store::{DocumentKind, DocumentQuery, Mode, Store};

use crate::actor::{Action, Actor, DefaultPolicy, Policy};
use crate::conflict::ConflictRule;
use crate::connection::{ConnectionListener, ConnectionParts, ConnectionStatus, Connections, Connectors};
use crate::document::{self, Versioned};
use crate::event::{Event, EventKind, Events};
use crate::flow::TransitionHook;
use crate::http::{AddressPolicy, HttpSettings, MarkSource, ReqwestTransport, Transport};
use crate::incoming::ChangeHook;
use crate::marks::Marks;
use crate::ports::{Clock, Random, SystemClock, SystemRandom};
use crate::run::Runner;
use crate::settings::Settings;
use crate::vault::{KeyProvider, Vault};

/// The sync engine. Cheap to clone; all clones are one engine.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

/// What the engine's parts share.
pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) connectors: Connectors,
    pub(crate) lenses: LensRegistry,
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) settings: Settings,
    pub(crate) connections: Connections,
    pub(crate) events: Events,
    pub(crate) marks: Arc<Marks>,
    pub(crate) runner: Runner,
    pub(crate) hooks: Vec<Arc<dyn TransitionHook>>,
    pub(crate) rules: Vec<Arc<dyn ConflictRule>>,
    pub(crate) change_hooks: Vec<Arc<dyn ChangeHook>>,
}

impl Inner {
    /// The connector of a provider.
    pub(crate) fn connector(&self, provider: &str) -> Result<Arc<dyn Connector>> {
        self.connectors.get(provider)
    }

    /// Refuses what the policy does not allow.
    pub(crate) fn allow(&self, actor: &Actor, action: Action) -> Result<()> {
        self.policy.allows(actor, action)
    }

    /// Refuses what the policy does not allow, and whoever belongs to another tenant.
    pub(crate) fn allow_in(&self, actor: &Actor, tenant: TenantId, action: Action) -> Result<()> {
        self.policy.allows(actor, action)?;
        actor.check_reaches(tenant)
    }

    /// Refuses what the policy does not allow, and whoever does not act for all tenants.
    pub(crate) fn allow_everywhere(&self, actor: &Actor, action: Action) -> Result<()> {
        self.policy.allows(actor, action)?;
        actor.check_unbound(action)
    }

    /// Tells the workers of other processes that something is due now.
    pub(crate) async fn wake(&self, connection: Option<u64>) {
        if let Some(dispatcher) = self.store.dispatcher() {
            dispatcher.wake(connection, self.clock.now()).await;
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("store", &self.inner.store.label())
            .field("connectors", &self.inner.connectors)
            .finish_non_exhaustive()
    }
}

/// Puts an [`Engine`] together.
pub struct EngineBuilder {
    store: Arc<dyn Store>,
    keys: Arc<dyn KeyProvider>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    connectors: Connectors,
    lenses: LensRegistry,
    policy: Arc<dyn Policy>,
    settings: Settings,
    http: HttpSettings,
    addresses: AddressPolicy,
    transport: Option<Arc<dyn Transport>>,
    hooks: Vec<Arc<dyn TransitionHook>>,
    rules: Vec<Arc<dyn ConflictRule>>,
    change_hooks: Vec<Arc<dyn ChangeHook>>,
}

impl std::fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("store", &self.store.label())
            .finish_non_exhaustive()
    }
}

impl EngineBuilder {
    /// Adds a provider's connector.
    #[must_use]
    pub fn connector(mut self, connector: impl Connector + 'static) -> Self {
        self.connectors = self.connectors.with(Arc::new(connector));
        self
    }

    /// Replaces the lenses, to add the host's own.
    #[must_use]
    pub fn lenses(mut self, lenses: LensRegistry) -> Self {
        self.lenses = lenses;
        self
    }

    /// Replaces the rule of who may do what.
    #[must_use]
    pub fn policy(mut self, policy: impl Policy + 'static) -> Self {
        self.policy = Arc::new(policy);
        self
    }

    /// Gives the host a say in the transitions of flows. Several are asked in the order in which they were added.
    #[must_use]
    pub fn transition_hook(mut self, hook: impl TransitionHook + 'static) -> Self {
        self.hooks.push(Arc::new(hook));
        self
    }

    /// Gives the host a say in changes that come from a CRM, before they are applied. Several are asked in the order in which
    /// they were added.
    #[must_use]
    pub fn change_hook(mut self, hook: impl ChangeHook + 'static) -> Self {
        self.change_hooks.push(Arc::new(hook));
        self
    }

    /// Gives the host a say in conflicts that would wait for a person. Several are asked in the order in which they were
    /// added, until one decides.
    #[must_use]
    pub fn conflict_rule(mut self, rule: impl ConflictRule + 'static) -> Self {
        self.rules.push(Arc::new(rule));
        self
    }

    /// Replaces the settings.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Replaces the settings of the HTTP stack.
    #[must_use]
    pub fn http(mut self, http: HttpSettings) -> Self {
        self.http = http;
        self
    }

    /// Lets connections reach this machine, also over plain HTTP: for simulators and tests only.
    #[must_use]
    pub const fn allow_loopback(mut self, allow: bool) -> Self {
        self.addresses.allow_loopback = allow;
        self
    }

    /// Replaces the transport, for simulations.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Replaces clock and randomness, for simulations.
    #[must_use]
    pub fn ports(mut self, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        self.clock = clock;
        self.random = random;
        self
    }

    /// Puts the engine together.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the HTTP client can't be made.
    pub fn build(self) -> Result<Engine> {
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(ReqwestTransport::new(self.addresses)?),
        };
        let vault = Vault::new(self.keys, self.random.clone());
        let marks = Arc::new(Marks::default());
        let source: MarkSource = {
            let (marks, clock) = (marks.clone(), self.clock.clone());
            Arc::new(move || marks.next(clock.now()))
        };
        let events = Events::new();
        let connections = Connections::new(ConnectionParts {
            policy: self.policy.clone(),
            http: self.http,
            addresses: self.addresses,
            listener: attention(self.store.clone(), self.clock.clone(), events.clone()),
            ..ConnectionParts::new(
                self.store.clone(),
                vault,
                transport,
                self.connectors.clone(),
                self.clock.clone(),
                self.random.clone(),
                source,
            )
        });
        Ok(Engine {
            inner: Arc::new(Inner {
                store: self.store,
                clock: self.clock,
                random: self.random,
                connectors: self.connectors,
                lenses: self.lenses,
                policy: self.policy,
                settings: self.settings,
                connections,
                events,
                marks,
                runner: Runner::default(),
                hooks: self.hooks,
                rules: self.rules,
                change_hooks: self.change_hooks,
            }),
        })
    }
}

impl Engine {
    /// Starts putting an engine together, over a store and with the keys that seal its secrets.
    pub fn builder(store: Arc<dyn Store>, keys: Arc<dyn KeyProvider>) -> EngineBuilder {
        EngineBuilder {
            store,
            keys,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            connectors: Connectors::new(),
            lenses: LensRegistry::standard(),
            policy: Arc::new(DefaultPolicy),
            settings: Settings::default(),
            http: HttpSettings::default(),
            addresses: AddressPolicy::default(),
            transport: None,
            hooks: Vec::new(),
            rules: Vec::new(),
            change_hooks: Vec::new(),
        }
    }

    /// The connections.
    pub fn connections(&self) -> &Connections {
        &self.inner.connections
    }

    /// The connectors of this engine, by provider.
    pub fn connectors(&self) -> impl Iterator<Item = &Arc<dyn Connector>> {
        self.inner.connectors.iter().map(|(_, connector)| connector)
    }

    /// The engine's time.
    pub fn now(&self) -> jiff::Timestamp {
        self.inner.clock.now()
    }

    /// What people call the store, such as `SQLite at ./syncline.db`. Never holds a password.
    pub fn store_label(&self) -> String {
        self.inner.store.label()
    }

    /// Makes a tenant, or returns the one with this name's slug.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::Invalid`] for a name without a letter or digit.
    pub async fn tenant(&self, name: &str, actor: &Actor) -> Result<Tenant> {
        let fresh = Tenant::new(0, name);
        if fresh.slug.is_empty() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a tenant's name has at least one letter or digit",
            ));
        }
        let mut tx = self.inner.store.begin(Mode::Write).await?;
        if let Some(known) = document::by_key::<Tenant>(tx.as_mut(), 0, 0, &fresh.slug).await?
            && actor.reaches(known.id)
        {
            return Ok(known.value);
        }
        self.inner.allow_everywhere(actor, Action::ManageSettings)?;
        let tenant = document::insert(tx.as_mut(), fresh).await?;
        tx.commit().await?;
        Ok(tenant.value)
    }

    /// All tenants, or the one that the actor belongs to.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy.
    pub async fn tenants(&self, actor: &Actor) -> Result<Vec<Tenant>> {
        self.inner.allow(actor, Action::ManageSettings)?;
        let mut tx = self.inner.store.begin(Mode::Read).await?;
        let found = document::find::<Tenant>(tx.as_mut(), &DocumentQuery::new(DocumentKind::Tenant)).await?;
        let reached = found.into_iter().rev().map(|tenant| tenant.value);
        Ok(reached.filter(|tenant| actor.reaches(tenant.id)).collect())
    }

    /// Changes a tenant's name, time zone or language.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`], [`ErrorKind::Invalid`] for an unknown time zone.
    pub async fn update_tenant(&self, tenant: &Tenant, actor: &Actor) -> Result<()> {
        self.inner.allow_in(actor, tenant.id, Action::ManageSettings)?;
        if jiff::tz::TimeZone::get(&tenant.time_zone).is_err() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("`{}` is no time zone; name one such as Europe/Vienna", tenant.time_zone),
            ));
        }
        let mut tx = self.inner.store.begin(Mode::Write).await?;
        let mut known = document::get::<Tenant>(tx.as_mut(), u64::from(tenant.id)).await?;
        known.value = tenant.clone();
        document::put(tx.as_mut(), &mut known).await?;
        tx.commit().await
    }
}

/// Tells the host when a person has to do something about a connection.
fn attention(store: Arc<dyn Store>, clock: Arc<dyn Clock>, events: Events) -> ConnectionListener {
    // Warnings are told once by each process: they come with every answer about the account until they are heeded.
    let told: Mutex<BTreeSet<(u64, String)>> = Mutex::default();
    Arc::new(move |connection| {
        let mut messages = Vec::new();
        if connection.status == ConnectionStatus::NeedsReauthorisation {
            let reason = connection
                .status_reason
                .clone()
                .unwrap_or_else(|| "the provider refused our tokens".to_owned());
            messages.push(format!(
                "connection `{}` has to be authorised again: {reason}",
                connection.name
            ));
        }
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in &connection.account.warnings {
            if told.insert((connection.id, warning.clone())) {
                messages.push(format!("connection `{}`: {warning}", connection.name));
            }
        }
        drop(told);
        if messages.is_empty() {
            return;
        }
        let event = |message| Event {
            id: 0,
            tenant: connection.tenant,
            at: clock.now(),
            kind: EventKind::ConnectionNeedsAttention {
                connection: connection.id,
                message,
            },
        };
        let new: Vec<Event> = messages.into_iter().map(event).collect();
        let (store, events) = (store.clone(), events.clone());
        // The listener may be called within a transaction of its caller, and must return at once.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            let stored: Result<()> = async {
                let mut tx = store.begin(Mode::Write).await?;
                for value in new {
                    document::put(tx.as_mut(), &mut Versioned { value, version: 0 }).await?;
                }
                tx.commit().await
            }
            .await;
            match stored {
                Ok(()) => events.wake(),
                Err(error) => tracing::warn!(%error, "an event could not be stored"),
            }
        });
    })
}
