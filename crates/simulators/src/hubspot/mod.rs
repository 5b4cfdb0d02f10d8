//! HubSpot as an in-process service: OAuth, CRM objects, batches, search over a delayed index, associations,
//! properties, pipelines and owners, at the numbered paths (v1 to v4) and the dated ones (2026-03, 2026-09).
//!
//! A client cannot tell the contents of its answers from the real service's where the behaviour is known; where it is
//! not, [`Behaviour`] has a switch.

mod access;
mod account_api;
mod answer;
mod association;
mod association_api;
mod association_v3_api;
mod batch_answer;
mod batch_api;
mod builtin;
mod change;
mod derived;
mod export_api;
mod fault_bodies;
mod files_api;
mod hooks;
mod import_api;
mod journal;
mod journal_api;
mod lifecycle;
mod limits;
mod list_api;
mod list_folder_api;
mod oauth_api;
mod objects_api;
mod owner;
mod pipeline;
mod pipeline_api;
mod portal;
mod property;
mod property_api;
mod record;
mod recorded;
mod request;
mod schema;
mod schema_api;
mod search_api;
mod search_filter;
mod search_index;
mod seed;
mod seed_sales;
mod service;
mod stamp;
mod standard_types;
mod store;
#[cfg(test)]
mod tests;
mod usage_api;
mod user_api;
mod value;
mod view;
mod webhook_sender;
mod webhooks_api;
mod write;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::middleware::from_fn_with_state;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::fault::{FaultBodies, Faults, Injector, inject};
use crate::log::{RequestLog, record};
use crate::oauth::{AuthorizationServer, AuthorizationSettings, Credentials, authorize_routes};
use crate::options::Options;
use crate::server::{Server, serve};

use access::Access;
use fault_bodies::HubSpotFaults;
use portal::Portal;

pub use webhook_sender::WebhookDelivery;

/// Where nobody knows, or accounts differ, how HubSpot behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Behaviour {
    /// A merge keeps the primary record's id instead of making a new one.
    pub merge_keeps_primary_id: bool,
    /// A batch that fails in part is answered 207 by 2026-09 too, not 200 with `errors`.
    pub partial_batch_is_207_since_2026_09: bool,
    /// A lifecycle stage earlier than the current one is silently ignored.
    pub lifecycle_moves_forward_only: bool,
    /// Reading the journal behind its last entry is answered 404, not 204.
    pub empty_journal_is_404: bool,
    /// Reads show a property that holds nothing as null, as recorded answers do, and do not leave it out.
    pub unset_properties_are_null: bool,
    /// By how much a [`Fault::StaleIndex`](crate::Fault::StaleIndex) write reaches search later.
    pub stale_index_lag: SignedDuration,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            merge_keeps_primary_id: false,
            partial_batch_is_207_since_2026_09: true,
            lifecycle_moves_forward_only: true,
            empty_journal_is_404: false,
            unset_properties_are_null: true,
            stale_index_lag: SignedDuration::from_secs(30),
        }
    }
}

/// A simulated HubSpot account. Clones share one state.
#[derive(Clone)]
pub struct HubSpot(Arc<Inner>);

struct Inner {
    portal: Mutex<Portal>,
    access: Access,
    credentials: Credentials,
    faults: Faults,
    log: RequestLog,
    clock: Arc<dyn Clock>,
    bodies: Arc<dyn FaultBodies>,
    injector: Injector,
    base_url: Mutex<Option<String>>,
}

impl fmt::Debug for HubSpot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubSpot")
            .field("portal_id", &self.portal_id())
            .finish_non_exhaustive()
    }
}

impl HubSpot {
    /// An account with the records that the options ask for.
    ///
    /// # Errors
    /// When the file of people or the folder of recorded schemas cannot be read.
    pub fn new(options: Options) -> io::Result<Self> {
        let mut settings = AuthorizationSettings {
            client_id: "hubspot-simulator-client".to_owned(),
            client_secret: "hubspot-simulator-secret".to_owned(),
            rotate_refresh_tokens: options.rotate_refresh_tokens,
            require_pkce: options.require_pkce,
            access_token_life: options.access_token_life.unwrap_or(SignedDuration::from_mins(30)),
            // Refresh tokens do not die of age, and one person can install an app any number of times.
            refresh_idle_life: None,
            max_grants: usize::MAX,
            access_token_prefix: "CJSim".to_owned(),
            refresh_token_prefix: "na1-sim-".to_owned(),
            seed: options.seed ^ 0x0068_7562_7370_6f74,
            ..AuthorizationSettings::default()
        };
        access::SCOPES.clone_into(&mut settings.default_scope);
        let clock = Arc::clone(&options.clock);
        let server = AuthorizationServer::new(settings, Arc::clone(&clock));
        let issued = server.preset();
        let credentials = Credentials::new(server.settings(), &issued);
        let token = uuid::Builder::from_random_bytes((u128::from(options.seed) * 0x9e37_79b9_7f4a_7c15).to_be_bytes());
        let access = Access::new(server, Arc::clone(&clock), format!("pat-sim-{}", token.into_uuid()));
        access.remember(&issued);
        let mut portal = Portal::new(&options, Behaviour::default(), &credentials.username)?;
        portal.seed(&options)?;
        let bodies: Arc<dyn FaultBodies> = Arc::new(HubSpotFaults::new(access.clone(), options.seed));
        let injector = Injector::new(options.faults.clone(), Arc::clone(&clock), Arc::clone(&bodies));
        Ok(Self(Arc::new(Inner {
            portal: Mutex::new(portal),
            access,
            credentials,
            faults: options.faults,
            log: RequestLog::default(),
            clock,
            bodies,
            injector,
            base_url: Mutex::new(None),
        })))
    }

    fn portal(&self) -> MutexGuard<'_, Portal> {
        self.0.portal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn access(&self) -> &Access {
        &self.0.access
    }

    /// The whole service as a router, for use in process; all routers of one handle share its state.
    pub fn router(&self) -> Router {
        let api = Router::new().fallback(service::handle).with_state(self.clone());
        let consent = authorize_routes("/oauth/authorize", self.0.access.server.clone(), "HubSpot");
        let faulty = inject(consent.merge(api), self.0.injector.clone());
        let dated = faulty.layer(from_fn_with_state(self.clone(), service::date));
        let recorded = record(
            dated,
            self.0.log.clone(),
            Arc::clone(&self.0.clock),
            Arc::clone(&self.0.bodies),
        );
        crate::page::routes(self.clone()).merge(recorded)
    }

    /// Serves the account on `listen`; port 0 takes a free one. Dropping the server stops it.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn serve(&self, listen: SocketAddr) -> io::Result<Server> {
        let server = serve(self.router(), listen).await?;
        *self.0.base_url.lock().unwrap_or_else(PoisonError::into_inner) = Some(server.base_url().to_owned());
        Ok(server)
    }

    /// The address it was last served at.
    #[must_use]
    pub fn base_url(&self) -> Option<String> {
        self.0.base_url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What signs in to the account; the access token lives for 30 minutes, like any other.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        self.0.credentials.clone()
    }

    /// The token of a private app: it may do everything and never expires.
    #[must_use]
    pub fn private_app_token(&self) -> String {
        self.0.access.private_app_token().to_owned()
    }

    /// Everything a caller needs, as one JSON object; `base_url` is null until it is served.
    #[must_use]
    pub fn connection_line(&self) -> Value {
        let credentials = &self.0.credentials;
        json!({
            "base_url": self.base_url(),
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
            "username": credentials.username,
            "password": credentials.password,
            "access_token": credentials.access_token,
            "refresh_token": credentials.refresh_token,
        })
    }

    /// The authorisation server, to expire or revoke tokens.
    #[must_use]
    pub fn oauth(&self) -> &AuthorizationServer {
        &self.0.access.server
    }

    /// The writes that a fault holds back, to deliver them early.
    #[must_use]
    pub fn injector(&self) -> &Injector {
        &self.0.injector
    }

    /// The id of the account, which tokens call `hub_id`.
    #[must_use]
    pub fn portal_id(&self) -> u64 {
        self.portal().id
    }

    /// The faults it has; a clone shares them.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// The requests it got; a clone shares them.
    #[must_use]
    pub fn log(&self) -> &RequestLog {
        &self.0.log
    }

    /// How it behaves where that is not fixed.
    #[must_use]
    pub fn behaviour(&self) -> Behaviour {
        self.portal().behaviour.clone()
    }

    /// Changes how it behaves from now on.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        self.portal().behaviour = behaviour;
    }
}
