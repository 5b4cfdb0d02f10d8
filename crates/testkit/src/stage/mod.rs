//! A [`Stage`]: the real engine, the real connectors and both simulators in one process, without a socket.
//!
//! What a test, or a host's own suite, needs to play a history of users and look at what became of it.

mod clock;
mod compare;
mod mapping;
mod transport;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use syncline_connector_hubspot::HubSpot as HubSpotConnector;
use syncline_connector_salesforce::Salesforce as SalesforceConnector;
use syncline_core::error::Result;
use syncline_core::state::Linked;
use syncline_core::store::{EntityQuery, Mode, Store};
use syncline_engine::actor::Actor;
use syncline_engine::connection::{Connection, TokenRequest};
use syncline_engine::http::Transport;
use syncline_engine::ports::SeededRandom;
use syncline_engine::run::{Run, RunParameters, RunRequest, RunScope};
use syncline_engine::settings::Settings;
use syncline_engine::sync::Sync;
use syncline_engine::vault::{InMemoryKeyProvider, SecretKey};
use syncline_engine::{Engine, EngineBuilder};
use syncline_simulators::hubspot::HubSpot;
use syncline_simulators::salesforce::Salesforce;
use syncline_simulators::{Credentials, Options};

pub use clock::VirtualClock;
pub use mapping::{company_mapping, person_fields, person_mapping};
pub use transport::RouterTransport;

/// The host under which the Salesforce simulator is reached.
pub const SALESFORCE: &str = "salesforce.localhost";
/// The host under which the HubSpot simulator is reached.
pub const HUBSPOT: &str = "hubspot.localhost";

/// An app, a Salesforce and a HubSpot.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The engine.
    pub engine: Engine,
    /// The store under it.
    pub store: Arc<dyn Store>,
    /// The Salesforce simulator.
    pub salesforce: Salesforce,
    /// The HubSpot simulator.
    pub hubspot: HubSpot,
    /// The tenant.
    pub tenant: u32,
    /// Who acts.
    pub actor: Actor,
    /// The time of all of them.
    pub clock: VirtualClock,
    /// The connections by provider.
    pub connections: BTreeMap<String, Connection>,
}

impl Stage {
    /// Sets the stage: simulators with so many people, an engine over `store`, both connected with tokens. All of
    /// them live by one [`VirtualClock`]; under `tokio::test(start_paused = true)` waiting then costs nothing.
    ///
    /// # Errors
    /// What the simulators and the engine report.
    pub async fn set(store: Arc<dyn Store>, mut options: Options) -> Result<Self> {
        let clock = VirtualClock::new();
        options.clock = Arc::new(clock.clone());
        Self::set_by(store, options, clock).await
    }

    /// As [`Stage::set`], with the simulators on the clock of their options.
    ///
    /// # Errors
    /// What the simulators and the engine report.
    pub async fn set_by(store: Arc<dyn Store>, options: Options, clock: VirtualClock) -> Result<Self> {
        let broken =
            |error: std::io::Error| syncline_core::Error::new(syncline_core::ErrorKind::Internal, error.to_string());
        let salesforce = Salesforce::new(options.clone()).map_err(broken)?;
        let hubspot = HubSpot::new(options).map_err(broken)?;
        let engine = Self::engine(store.clone(), Self::routes(&salesforce, &hubspot), &clock)?;
        let actor = Actor::admin("test");
        let tenant = engine.tenant("Acme", &actor).await?.id;
        let mut stage = Self {
            engine,
            store,
            salesforce,
            hubspot,
            tenant,
            actor,
            clock,
            connections: BTreeMap::new(),
        };
        let (salesforce, hubspot) = (stage.salesforce.credentials(), stage.hubspot.credentials());
        stage
            .connect("salesforce", SALESFORCE, salesforce, BTreeMap::new())
            .await?;
        stage.connect("hubspot", HUBSPOT, hubspot, BTreeMap::new()).await?;
        Ok(stage)
    }

    /// Connects with HubSpot once more, by these settings; this connection takes the place of the other one here.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn connect_hubspot(&mut self, settings: BTreeMap<String, String>) -> Result<()> {
        let credentials = self.hubspot.credentials();
        self.connect("hubspot", HUBSPOT, credentials, settings).await
    }

    /// Connects Salesforce anew, with these settings.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn connect_salesforce(&mut self, settings: BTreeMap<String, String>) -> Result<()> {
        let credentials = self.salesforce.credentials();
        self.connect("salesforce", SALESFORCE, credentials, settings).await
    }

    fn routes(salesforce: &Salesforce, hubspot: &HubSpot) -> RouterTransport {
        RouterTransport::default()
            .route(SALESFORCE, salesforce.router())
            .route(HUBSPOT, hubspot.router())
    }

    /// What answers the engine's requests: both simulators.
    #[must_use]
    pub fn transport(&self) -> RouterTransport {
        Self::routes(&self.salesforce, &self.hubspot)
    }

    /// Goes on with another store, as a process does that opens the database again.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn reopen(&mut self, store: Arc<dyn Store>) -> Result<()> {
        self.engine = Self::engine(
            store.clone(),
            Self::routes(&self.salesforce, &self.hubspot),
            &self.clock,
        )?;
        self.store = store;
        Ok(())
    }

    /// An engine with both connectors, short horizons, and requests that never leave the process.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn engine(store: Arc<dyn Store>, transport: RouterTransport, clock: &VirtualClock) -> Result<Engine> {
        Self::engine_over(store, Arc::new(transport), clock)
    }

    /// The same over a transport of the test's own.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn engine_over(store: Arc<dyn Store>, transport: Arc<dyn Transport>, clock: &VirtualClock) -> Result<Engine> {
        // Each engine draws other numbers, as another process does: two that drew the same would make the same ids.
        static ENGINES: AtomicU64 = AtomicU64::new(1);
        Self::engine_drawing(store, transport, clock, ENGINES.fetch_add(1, Ordering::Relaxed))
    }

    /// The same with numbers drawn from a seed of the test's own, for processes that have to differ.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn engine_drawing(
        store: Arc<dyn Store>,
        transport: Arc<dyn Transport>,
        clock: &VirtualClock,
        seed: u64,
    ) -> Result<Engine> {
        Self::builder(store, transport, clock, seed).build()
    }

    /// What such an engine is built from, for a test that adds a connector or puts another in its place.
    pub fn builder(
        store: Arc<dyn Store>,
        transport: Arc<dyn Transport>,
        clock: &VirtualClock,
        seed: u64,
    ) -> EngineBuilder {
        let random = SeededRandom::new(seed);
        let settings = Settings {
            ambiguity_horizon: Duration::from_millis(1),
            failure_retry: Duration::from_millis(1),
            delete_grace: Duration::ZERO,
            ..Settings::default()
        };
        Engine::builder(store, Arc::new(InMemoryKeyProvider::new(SecretKey::new([7; 32]))))
            .connector(SalesforceConnector::new())
            .connector(HubSpotConnector::new())
            .settings(settings)
            .allow_loopback(true)
            .ports(Arc::new(clock.clone()), Arc::new(random))
            .transport(transport)
    }

    async fn connect(
        &mut self,
        provider: &str,
        host: &str,
        credentials: Credentials,
        settings: BTreeMap<String, String>,
    ) -> Result<()> {
        let request = TokenRequest {
            tenant: self.tenant,
            provider: provider.to_owned(),
            name: if self.connections.contains_key(provider) {
                format!("{provider} again")
            } else {
                provider.to_owned()
            },
            login_url: Some(format!("http://{host}")),
            base_url: Some(format!("http://{host}")),
            client_id: credentials.client_id.clone(),
            client_secret: Some(credentials.client_secret.clone().into()),
            access_token: credentials.access_token.clone().into(),
            refresh_token: Some(credentials.refresh_token.into()),
            expires_at: None,
            settings,
        };
        let connection = self
            .engine
            .connections()
            .connect_with_tokens(request, &self.actor)
            .await?;
        self.connections.insert(provider.to_owned(), connection);
        Ok(())
    }

    /// Makes the usual syncs: companies and people with both CRMs.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn map_all(&self) -> Result<Vec<Sync>> {
        let mut syncs = Vec::new();
        for provider in ["salesforce", "hubspot"] {
            syncs.extend(self.map(provider).await?);
        }
        Ok(syncs)
    }

    /// Makes the usual syncs with one CRM.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn map(&self, provider: &str) -> Result<Vec<Sync>> {
        let connection = &self.connections[provider];
        let mut syncs = Vec::new();
        for new in [
            company_mapping(provider, connection.id),
            person_mapping(provider, connection.id),
        ] {
            syncs.push(self.engine.syncs().save(new, &self.actor).await?.sync);
        }
        Ok(syncs)
    }

    /// Runs one CRM's syncs and returns the run.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn sync(&self, provider: &str, parameters: RunParameters) -> Result<Run> {
        let request = RunRequest {
            tenant: self.tenant,
            scope: RunScope::Provider(provider.to_owned()),
            parameters,
        };
        let mut runs = self.engine.runs().run(request, &self.actor).await?;
        runs.pop()
            .ok_or_else(|| syncline_core::Error::new(syncline_core::ErrorKind::NotFound, "nothing ran"))
    }

    /// Runs both CRMs' syncs in turn, so often.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn rounds(&self, count: usize) -> Result<Vec<Run>> {
        let mut runs = Vec::new();
        for _ in 0..count {
            for provider in ["salesforce", "hubspot"] {
                runs.push(self.sync(provider, RunParameters::default()).await?);
            }
        }
        Ok(runs)
    }

    /// All live entities of a blueprint with their sides, straight from the store.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn entities(&self, blueprint: &str) -> Result<Vec<Linked>> {
        let blueprint = self.engine.blueprint(self.tenant, blueprint, &self.actor).await?;
        let mut tx = self.store.begin(Mode::Read).await?;
        let mut found = Vec::new();
        let mut query = EntityQuery {
            tenant: self.tenant,
            blueprint: blueprint.id,
            after: 0,
            deleted: Some(false),
            limit: 1_000,
        };
        loop {
            let page = tx.entities(&query).await?;
            let Some(last) = page.last() else { return Ok(found) };
            query.after = last.id;
            let ids: Vec<i64> = page.iter().map(|entity| entity.id).collect();
            found.extend(tx.load(&ids).await?);
        }
    }
}
