//! In-process Salesforce simulator.
//!
//! ```
//! # async fn demo() -> std::io::Result<()> {
//! use syncline_simulators::{Options, salesforce::Salesforce};
//!
//! let salesforce = Salesforce::new(Options { records: 20, ..Options::default() })?;
//! let server = salesforce.serve(([127, 0, 0, 1], 0).into()).await?;
//! assert!(salesforce.connection_line()["base_url"] == server.base_url());
//! assert_eq!(salesforce.count("Contact"), 20);
//! # Ok(())
//! # }
//! ```

mod api;
mod cell;
mod content;
mod duplicate;
mod error;
mod events;
mod field_value;
mod hooks;
mod id;
mod people_file;
mod permission;
mod schema;
mod seed;
mod soql;
mod stamp;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod validate;
mod write;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use jiff::SignedDuration;
use serde_json::{Value, json};

pub use hooks::ConvertedLead;

use crate::clock::Clock;
use crate::fault::{FaultBodies, Faults, Injector};
use crate::log::RequestLog;
use crate::oauth::{AuthorizationServer, AuthorizationSettings, Credentials, Issued};
use crate::options::Options;
use crate::people::Population;
use crate::server::{Server, serve};
use schema::{ObjectSchema, custom_field, load_recorded, standard_objects};
use state::State;

/// When the metadata of the organisation was last changed before it was started, in seconds since 1970.
const METADATA_CHANGED: i64 = 1_767_225_600;

/// A simulated organisation. Clones share one.
#[derive(Clone)]
pub struct Salesforce {
    state: Arc<Mutex<State>>,
    oauth: AuthorizationServer,
    preset: Issued,
    clock: Arc<dyn Clock>,
    faults: Faults,
    log: RequestLog,
    bodies: Arc<dyn FaultBodies>,
    injector: Injector,
    base_url: Arc<Mutex<Option<String>>>,
}

impl fmt::Debug for Salesforce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Salesforce")
            .field("oauth", &self.oauth)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

impl Salesforce {
    /// An organisation with the objects, users and records that the options ask for.
    ///
    /// # Errors
    /// When the file of people or the folder of schemas cannot be read.
    pub fn new(options: Options) -> io::Result<Self> {
        let mut state = State::new(schemas(&options)?, &options);
        let settings = AuthorizationSettings {
            client_id: "3MVG9simulatedConsumerKey".to_owned(),
            client_secret: "salesforce-simulator-secret".to_owned(),
            username: "integration@example.com".to_owned(),
            password: "salesforce-simulator-password".to_owned(),
            rotate_refresh_tokens: options.rotate_refresh_tokens,
            require_pkce: options.require_pkce,
            password_flow: options.password_flow,
            access_token_life: options.access_token_life.unwrap_or(SignedDuration::from_hours(2)),
            access_token_prefix: format!("{}!AQ", state.organization.short()),
            refresh_token_prefix: "5Aep861".to_owned(),
            default_scope: "refresh_token api id".to_owned(),
            seed: options.seed,
            ..AuthorizationSettings::default()
        };
        state.seed_setup();
        state.seed_users(&settings.username);
        state.set_access(false);
        match &options.csv {
            Some(file) => state.seed_csv(&people_file::read_people(file)?, options.seed),
            None if options.records > 0 => {
                let population = Population::new(options.seed, options.overlap, options.records);
                state.seed_population(population, options.records, options.seed);
            }
            None => {}
        }
        let oauth = AuthorizationServer::new(settings, Arc::clone(&options.clock));
        let preset = oauth.preset();
        let bodies: Arc<dyn FaultBodies> = Arc::new(api::Refusals::new(oauth.clone()));
        let injector = Injector::new(options.faults.clone(), Arc::clone(&options.clock), Arc::clone(&bodies));
        Ok(Self {
            state: Arc::new(Mutex::new(state)),
            oauth,
            preset,
            clock: options.clock,
            faults: options.faults,
            log: RequestLog::default(),
            bodies,
            injector,
            base_url: Arc::new(Mutex::new(None)),
        })
    }

    /// The state, with the late commits that are due, as whoever runs the organisation sees it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state_for(false)
    }

    /// The same as the API's user sees it.
    fn shared_state(&self) -> MutexGuard<'_, State> {
        self.state_for(true)
    }

    fn state_for(&self, by_integration: bool) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // What happens by itself happens whoever looks.
        state.look_as(false);
        state.settle();
        state.look_as(by_integration);
        state
    }

    /// The whole service as a router, for use in process; all routers of one handle share its state.
    pub fn router(&self) -> Router {
        let router = api::routes(self);
        let router = crate::fault::inject(router, self.injector.clone());
        let router = api::dated(router, Arc::clone(&self.clock));
        let recorded = crate::log::record(
            router,
            self.log.clone(),
            Arc::clone(&self.clock),
            Arc::clone(&self.bodies),
        );
        crate::page::routes(self.clone()).merge(recorded)
    }

    /// Serves it on a socket; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn serve(&self, listen: SocketAddr) -> io::Result<Server> {
        let server = serve(self.router(), listen).await?;
        *self.base_url.lock().unwrap_or_else(PoisonError::into_inner) = Some(server.base_url().to_owned());
        Ok(server)
    }

    /// The address it was last served at.
    #[must_use]
    pub fn base_url(&self) -> Option<String> {
        self.base_url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it accepts: the OAuth client, the person who signs in, and a pair of tokens that works at once.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        Credentials::new(self.oauth.settings(), &self.preset)
    }

    /// Everything a caller needs, as one JSON object; `base_url` is null until it is served.
    #[must_use]
    pub fn connection_line(&self) -> Value {
        let credentials = self.credentials();
        json!({
            "base_url": self.base_url(),
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
            "username": credentials.username,
            "password": credentials.password,
            "access_token": credentials.access_token,
            "refresh_token": credentials.refresh_token
        })
    }

    /// The faults it has; a clone shares them.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The requests it got; a clone shares them.
    #[must_use]
    pub fn log(&self) -> &RequestLog {
        &self.log
    }

    /// The authorisation server, to expire or revoke tokens.
    #[must_use]
    pub fn oauth(&self) -> &AuthorizationServer {
        &self.oauth
    }

    /// The writes that a fault holds back, to deliver them early.
    #[must_use]
    pub fn injector(&self) -> &Injector {
        &self.injector
    }

    /// The objects, and how many live records each has.
    pub(crate) fn object_counts(&self) -> Vec<(String, usize)> {
        let state = self.state();
        let count = |table: &table::Table| (table.schema.name.clone(), table.live());
        state.tables.iter().map(count).collect()
    }

    /// The limits, for people.
    pub(crate) fn limits_in_words(&self) -> Vec<(String, String)> {
        let state = self.state();
        vec![
            (
                "API requests of 24 hours".to_owned(),
                format!("{} of {}", state.api_requests, state.daily_api_requests),
            ),
            (
                "bulk query jobs of 24 hours".to_owned(),
                format!(
                    "{} of {}",
                    state.jobs.queries_today(state.now()),
                    state.jobs.daily_queries()
                ),
            ),
        ]
    }

    /// The id of the organisation, which is the tenant of the token answers.
    #[must_use]
    pub fn organization_id(&self) -> String {
        self.state().organization.to_string()
    }

    /// The id of the user that the API acts as.
    #[must_use]
    pub fn integration_user_id(&self) -> String {
        self.state().integration_user.to_string()
    }
}

/// The built-in objects, replaced and joined by the recorded ones, with the columns of a file of people.
fn schemas(options: &Options) -> io::Result<Vec<ObjectSchema>> {
    let mut schemas = standard_objects(METADATA_CHANGED);
    if let Some(folder) = &options.schema_dir {
        let recorded = load_recorded(folder, METADATA_CHANGED)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", folder.display())))?;
        for schema in recorded {
            match schemas.iter_mut().find(|known| known.name == schema.name) {
                Some(known) => *known = schema,
                None => schemas.push(schema),
            }
        }
        schemas.sort_by(|left, right| left.name.cmp(&right.name));
    }
    if options.csv.is_some()
        && let Some(contact) = schemas.iter_mut().find(|schema| schema.name == "Contact")
    {
        for (name, label, kind) in people_file::CSV_FIELDS {
            if let Some(field) = custom_field(name, label, kind) {
                contact.add(field);
            }
        }
    }
    Ok(schemas)
}
