//! Both simulators on loopback, a store, and an engine over it.

use std::sync::Arc;
use std::time::Duration;

use syncline::http::HttpSettings;
use syncline::model::TenantId;
use syncline::ports::SystemRandom;
use syncline::settings::Settings;
use syncline::store::{SqliteStore, Store};
use syncline::vault::{FileKeyProvider, InMemoryKeyProvider, KeyProvider};
use syncline::{Actor, Engine, Error, ErrorKind, Result, connectors};
use syncline_simulators::hubspot::HubSpot;
use syncline_simulators::salesforce::Salesforce;
use syncline_simulators::{Options, Server};

use super::DemoArguments;
use super::crm::Crm;
use super::trouble::Trouble;

/// Everything that the demo is played in.
pub(super) struct World {
    pub(super) salesforce: Crm,
    pub(super) hubspot: Crm,
    pub(super) engine: Engine,
    pub(super) store: Arc<dyn Store>,
    pub(super) tenant: TenantId,
    pub(super) tenant_name: String,
    /// What goes wrong at the CRMs.
    pub(super) trouble: Trouble,
    /// Who connects, maps and runs.
    pub(super) admin: Actor,
    _servers: [Server; 2],
}

impl World {
    /// Starts the simulators and puts the engine together.
    ///
    /// # Errors
    /// `Invalid` for a people file that can't be read, `Store` for a database that can't be opened.
    pub(super) async fn start(arguments: &DemoArguments) -> Result<Self> {
        let trouble = Trouble::new(arguments);
        let options = |csv: &Option<std::path::PathBuf>| Options {
            records: if arguments.has_files() {
                0
            } else {
                usize::try_from(arguments.records).unwrap_or(usize::MAX)
            },
            seed: arguments.seed,
            overlap: 0.5,
            csv: csv.clone(),
            faults: trouble.faults(),
            ..Options::default()
        };
        let salesforce = Salesforce::new(options(&arguments.salesforce)).map_err(not_started)?;
        let hubspot = HubSpot::new(options(&arguments.hubspot)).map_err(not_started)?;
        let mut behaviour = hubspot.behaviour();
        behaviour.stale_index_lag = Trouble::PASSES_AFTER;
        hubspot.set_behaviour(behaviour);
        let anywhere = ([127, 0, 0, 1], 0).into();
        let servers = [
            salesforce.serve(anywhere).await.map_err(not_started)?,
            hubspot.serve(anywhere).await.map_err(not_started)?,
        ];
        let (store, keys): (Arc<dyn Store>, Arc<dyn KeyProvider>) = match &arguments.db {
            Some(path) => (
                Arc::new(SqliteStore::open(path).await?),
                Arc::new(FileKeyProvider::open_or_create(
                    path.with_extension("key"),
                    &SystemRandom,
                )?),
            ),
            None => (
                Arc::new(SqliteStore::in_memory().await?),
                Arc::new(InMemoryKeyProvider::generate(&SystemRandom)),
            ),
        };
        let engine = engine(store.clone(), keys, arguments)?;
        let admin = Actor::admin("demo");
        // The simulators start anew each time, so an earlier demo in the same file keeps to its own tenant.
        let number = engine.tenants(&admin).await?.len() + 1;
        let name = if number == 1 {
            "Demo".to_owned()
        } else {
            format!("Demo {number}")
        };
        let tenant = engine.tenant(&name, &admin).await?;
        Ok(Self {
            salesforce: Crm::Salesforce(Box::new(salesforce)),
            hubspot: Crm::HubSpot(hubspot),
            engine,
            store,
            tenant: tenant.id,
            tenant_name: tenant.name,
            trouble,
            admin,
            _servers: servers,
        })
    }

    /// The CRMs, the one that is synced first first.
    pub(super) fn crms(&self) -> [&Crm; 2] {
        [&self.salesforce, &self.hubspot]
    }

    /// A CRM by its provider's name.
    pub(super) fn crm(&self, provider: &str) -> &Crm {
        if provider == "hubspot" {
            &self.hubspot
        } else {
            &self.salesforce
        }
    }

    /// Live people and companies of both CRMs.
    pub(super) fn records(&self) -> usize {
        self.crms()
            .into_iter()
            .map(|crm| crm.count("company") + crm.count("person"))
            .sum()
    }

    /// Requests that could change records, over both CRMs, since they were started.
    pub(super) fn mutating_requests(&self) -> u64 {
        self.crms().into_iter().map(|crm| crm.log().mutating()).sum()
    }
}

#[cfg_attr(
    not(feature = "plugins"),
    expect(unused_variables, reason = "what is asked for here is plugins")
)]
fn engine(store: Arc<dyn Store>, keys: Arc<dyn KeyProvider>, arguments: &DemoArguments) -> Result<Engine> {
    // A person waits for this, and no write is under way for longer than a moment.
    let settings = Settings {
        ambiguity_horizon: Duration::from_secs(1),
        late_write_horizon: Duration::from_secs(2),
        failure_retry: Duration::from_millis(200),
        failure_retry_longest: Duration::from_secs(2),
        // Its deletes are meant, and nobody wants to wait for them.
        delete_grace: Duration::ZERO,
        ..Settings::default()
    };
    let mut http = HttpSettings::default();
    // The simulators do not count calls, and real limits would make the demo take hours.
    http.default_limits = false;
    let builder = connectors::add_all(Engine::builder(store, keys));
    #[cfg(feature = "plugins")]
    let builder = match &arguments.plugins {
        Some(folder) => super::plugged::plug_in(builder, folder)?,
        None => builder,
    };
    builder.settings(settings).http(http).allow_loopback(true).build()
}

fn not_started(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Invalid, format!("a simulator can't be started: {error}")).because(error)
}
