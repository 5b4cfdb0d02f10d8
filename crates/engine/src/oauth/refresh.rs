//! [`ConnectionTokens`]: one connection's tokens, refreshed by one at a time and stored before use.
//!
//! Providers that rotate kill the refresh token that was used at once, and take its reuse for theft. So one refresh is
//! in flight per connection, in this process by a lock and across processes by a lease; the new refresh token is
//! committed before the new access token is used; and a refresh whose answer is lost is never repeated.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use syncline_core::connector::Connector;
use syncline_core::store::{Mode, Store};
use syncline_core::{Error, ErrorKind, Result, Retry};
use tokio::sync::Mutex as AsyncMutex;
use tracing::Instrument;

use super::app_token::AppToken;
use super::client::OAuthClient;
use super::credential::Credential;
use super::endpoints::Endpoints;
use super::failure::TokenFailure;
use super::lease::Lease;
use crate::connection::{Connection, ConnectionListener, ConnectionStatus, GrantKind, Problem};
use crate::document;
use crate::http::{AccessToken, AddressPolicy, TokenSource, Transport};
use crate::ports::{Clock, after};
use crate::vault::{Owner, Vault};

/// Tokens that expire sooner than this are refreshed first.
const MARGIN: Duration = Duration::from_secs(60);
/// Longer than a refresh can take, so that nobody else begins one meanwhile.
const LEASE: Duration = Duration::from_secs(45);
/// How long another process is waited for: longer than a lease of one that is gone.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(200);
const COMMIT_ATTEMPTS: u32 = 4;
const REFRESHING: &str = "refreshing the access token";

/// What refreshing needs.
#[derive(Clone)]
pub(crate) struct RefreshParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Vault,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) addresses: AddressPolicy,
    pub(crate) listener: ConnectionListener,
}

impl fmt::Debug for RefreshParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshParts")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// One connection's tokens in this process. Clones are one.
#[derive(Clone)]
pub(crate) struct ConnectionTokens(Arc<Inner>);

struct Inner {
    owner: Owner,
    parts: RefreshParts,
    cached: Mutex<Option<Credential>>,
    /// Held while refreshing. What it holds was handed out by the provider but could not be stored yet.
    flight: AsyncMutex<Option<Refreshed>>,
    /// The app's own token, which is never stored: another one is asked for when it is needed.
    app: AsyncMutex<AppToken>,
}

struct Refreshed {
    credential: Credential,
    base_url: Option<String>,
}

impl fmt::Debug for ConnectionTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionTokens")
            .field("owner", &self.0.owner)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenSource for ConnectionTokens {
    async fn token(&self) -> Result<AccessToken> {
        let credential = self.0.credential().await?;
        let now = self.0.parts.clock.now();
        let Some(expires_at) = credential
            .expires_at
            .filter(|expires_at| *expires_at <= after(now, MARGIN))
        else {
            return Ok(access(&credential));
        };
        match self.renew(credential.generation).await {
            // It still works for a moment, and the provider may have recovered by then.
            Err(error) if error.kind() == ErrorKind::Unavailable && now < expires_at => Ok(access(&credential)),
            renewed => renewed,
        }
    }

    async fn renew(&self, refused: u64) -> Result<AccessToken> {
        // On a task of its own: a caller that goes away must not take the answer with it.
        let inner = Arc::clone(&self.0);
        let task = tokio::spawn(async move { inner.renew(refused).await }.in_current_span());
        task.await
            .map_err(|error| Error::new(ErrorKind::Internal, "refreshing broke off").because(error))?
    }

    async fn app_token(&self, refused: Option<u64>) -> Result<AccessToken> {
        self.0.app_token(refused).await
    }

    async fn grant_lost(&self) -> Result<()> {
        let _flight = self.0.flight.lock().await;
        let reason = "the provider says that the authorisation is gone".to_owned();
        let error = match self.0.load().await {
            Ok(credential) => self.0.bury(credential, None, reason).await,
            Err(error) => error,
        };
        if error.kind() == ErrorKind::Reauthorise {
            Ok(())
        } else {
            Err(error)
        }
    }
}

impl ConnectionTokens {
    pub(crate) fn new(owner: Owner, parts: RefreshParts) -> Self {
        Self(Arc::new(Inner {
            owner,
            parts,
            cached: Mutex::default(),
            flight: AsyncMutex::default(),
            app: AsyncMutex::default(),
        }))
    }

    /// Forgets what is known here, since the store knows better.
    pub(crate) fn forget(&self) {
        *self.0.cached.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The app's client secret, if there is one.
    pub(crate) async fn client_secret(&self) -> Result<Option<SecretString>> {
        Ok(self.0.credential().await?.client_secret)
    }
}

fn access(credential: &Credential) -> AccessToken {
    AccessToken {
        secret: credential.access.clone(),
        generation: credential.generation,
    }
}

fn reconnect(reason: &str) -> Error {
    Error::new(ErrorKind::Reauthorise, format!("{reason}; reconnect"))
}

impl Inner {
    fn cached(&self) -> Option<Credential> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, credential: Credential) -> AccessToken {
        let token = access(&credential);
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = Some(credential);
        token
    }

    /// The credentials as stored, if they can be used.
    async fn load(&self) -> Result<Credential> {
        let mut tx = self.parts.store.begin_for(self.owner.tenant, Mode::Read).await?;
        let credential = Credential::load(&mut *tx, &self.parts.vault, self.owner).await?;
        let credential = credential.ok_or_else(|| reconnect("the connection has no credentials"))?;
        match &credential.dead {
            Some(reason) => Err(reconnect(reason)),
            None => Ok(credential),
        }
    }

    async fn credential(&self) -> Result<Credential> {
        if let Some(credential) = self.cached() {
            return Ok(credential);
        }
        let credential = self.load().await?;
        self.keep(credential.clone());
        Ok(credential)
    }

    async fn renew(&self, refused: u64) -> Result<AccessToken> {
        let mut flight = self.flight.lock().await;
        // Whoever was here before may have done it already.
        if let Some(credential) = self.cached().filter(|credential| credential.generation != refused) {
            return Ok(access(&credential));
        }
        let lease = match self.lease(refused).await? {
            Held::Lease(lease) => lease,
            Held::Newer(credential) => {
                // Whatever could not be stored is out of date.
                *flight = None;
                return Ok(self.keep(credential));
            }
        };
        let refreshed = match flight.take() {
            Some(refreshed) => refreshed,
            None => self.ask(lease.clone(), refused).await?,
        };
        match self.commit(&refreshed, lease).await {
            Ok(()) => Ok(self.keep(refreshed.credential)),
            Err(error) => {
                if error.kind() == ErrorKind::Store {
                    *flight = Some(refreshed);
                }
                Err(error)
            }
        }
    }

    /// Waits for our turn among all processes.
    async fn lease(&self, refused: u64) -> Result<Held> {
        let clock = &self.parts.clock;
        let key = format!("refresh/{}", self.owner.connection);
        let deadline = after(clock.now(), PATIENCE);
        loop {
            let now = clock.now();
            let lease = Lease::take(&*self.parts.store, self.owner.tenant, &key, now, LEASE).await?;
            // Looked at after the lease: whoever held it before has finished.
            let credential = self.load().await;
            match (credential, lease) {
                (Ok(credential), lease) if credential.generation != refused => {
                    self.give_back(lease).await?;
                    return Ok(Held::Newer(credential));
                }
                (Ok(_), Some(lease)) => return Ok(Held::Lease(lease)),
                (Err(error), lease) => {
                    self.give_back(lease).await?;
                    return Err(error);
                }
                (Ok(_), None) if now >= deadline => {
                    let message = "another process has been refreshing the access token for a minute";
                    return Err(Error::new(ErrorKind::Unavailable, message).retry_as(Retry::After(LEASE)));
                }
                (Ok(_), None) => clock.sleep_until(after(now, GLANCE)).await,
            }
        }
    }

    async fn give_back(&self, lease: Option<Lease>) -> Result<()> {
        let Some(lease) = lease else {
            return Ok(());
        };
        let mut tx = self.parts.store.begin_for(self.owner.tenant, Mode::Write).await?;
        lease.give_back(&mut *tx, self.parts.clock.now()).await?;
        tx.commit().await
    }

    fn client(&self, connection: &Connection, credential: &Credential) -> Result<OAuthClient> {
        let parts = &self.parts;
        Ok(OAuthClient {
            transport: Arc::clone(&parts.transport),
            connector: Arc::clone(&parts.connector),
            clock: Arc::clone(&parts.clock),
            endpoints: Endpoints::new(
                parts.connector.manifest(),
                Some(&connection.login_url),
                &connection.settings,
                parts.addresses,
            )?,
            client_id: connection.client_id.clone(),
            client_secret: credential.client_secret.clone(),
        })
    }

    /// The app's own token; one at a time is asked for.
    async fn app_token(&self, refused: Option<u64>) -> Result<AccessToken> {
        let scopes = self.parts.connector.app_scopes();
        if scopes.is_empty() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "requests with the app's own credentials are not supported for this provider",
            ));
        }
        let mut app = self.app.lock().await;
        let now = self.parts.clock.now();
        if let Some(token) = app.usable(refused, now) {
            return Ok(token);
        }
        let (credential, connection) = (self.load().await?, self.connection().await?);
        if credential.client_secret.is_none() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the connection has no app of its own: its client id and secret are needed for this",
            ));
        }
        match self.client(&connection, &credential)?.app_token(&scopes).await {
            Ok(tokens) => Ok(app.keep(tokens, now)),
            Err(failure) => Err(failure.into_error("getting a token of the app")),
        }
    }

    /// Uses the refresh token.
    async fn ask(&self, lease: Lease, refused: u64) -> Result<Refreshed> {
        let credential = self.load().await?;
        debug_assert_eq!(credential.generation, refused, "the lease keeps others out");
        let connection = self.connection().await?;
        let parts = &self.parts;
        let client = self.client(&connection, &credential)?;
        let by_person = connection.grant == GrantKind::Person;
        let rotates = by_person && parts.connector.manifest().authorisation.rotates_refresh_tokens;
        let asked = match (by_person, &credential.refresh) {
            (true, Some(refresh_token)) => client.refresh(refresh_token).await,
            (true, None) => {
                let reason = "the access token has expired and there is no refresh token".to_owned();
                return Err(self.bury(credential, Some(lease.clone()), reason).await);
            }
            // Asking once more costs nothing, and loses nothing.
            (false, _) => client.app_grant(&connection.grant, parts.clock.now()).await,
        };
        let tokens = match asked {
            Ok(tokens) => tokens,
            Err(TokenFailure::InvalidGrant(reason)) => {
                let reason = format!("the provider no longer accepts the authorisation ({reason})");
                return Err(self.bury(credential, Some(lease.clone()), reason).await);
            }
            Err(TokenFailure::Lost(reason)) if rotates => {
                let reason = format!("a new refresh token was on its way and never arrived ({reason})");
                return Err(self.bury(credential, Some(lease.clone()), reason).await);
            }
            Err(failure) => {
                self.give_back(Some(lease.clone())).await?;
                return Err(failure.into_error(REFRESHING));
            }
        };
        let named = tokens.instance_url.clone();
        let refreshed = credential.refreshed(tokens, parts.clock.now());
        let base_url = match named.map(|named| client.endpoints.base_url(Some(&named))).transpose() {
            Ok(base_url) => base_url.filter(|base_url| *base_url != connection.base_url),
            Err(error) => {
                return Err(self
                    .bury(refreshed, Some(lease.clone()), error.message().to_owned())
                    .await);
            }
        };
        tracing::debug!(connection = self.owner.connection, "the access token was refreshed");
        Ok(Refreshed {
            credential: refreshed,
            base_url,
        })
    }

    async fn connection(&self) -> Result<Connection> {
        let mut tx = self.parts.store.begin_for(self.owner.tenant, Mode::Read).await?;
        Ok(document::get::<Connection>(&mut *tx, self.owner.connection)
            .await?
            .value)
    }

    /// Stores new tokens. Tried several times, since without it they are lost and the grant with them.
    async fn commit(&self, refreshed: &Refreshed, lease: Lease) -> Result<()> {
        let mut pause = GLANCE;
        let mut attempt = 1;
        loop {
            match self.commit_once(refreshed, lease.clone()).await {
                Err(error) if error.kind() == ErrorKind::Store && attempt < COMMIT_ATTEMPTS => {
                    tracing::warn!(%error, attempt, "new tokens could not be stored yet");
                    self.parts.clock.sleep_until(after(self.parts.clock.now(), pause)).await;
                    pause *= 2;
                    attempt += 1;
                }
                outcome => return outcome.map_err(|error| error.operation(REFRESHING)),
            }
        }
    }

    async fn commit_once(&self, refreshed: &Refreshed, lease: Lease) -> Result<()> {
        let mut tx = self
            .parts
            .store
            .begin_for(self.owner.tenant, Mode::WriteDurable)
            .await?;
        // Its version is the fence: had anybody stored other tokens meanwhile, this would be refused.
        refreshed.credential.put(&mut *tx, &self.parts.vault).await?;
        if let Some(base_url) = &refreshed.base_url {
            let mut connection = document::get::<Connection>(&mut *tx, self.owner.connection).await?;
            connection.base_url.clone_from(base_url);
            document::put(&mut *tx, &mut connection).await?;
        }
        lease.give_back(&mut *tx, self.parts.clock.now()).await?;
        tx.commit().await
    }

    /// Notes that a person must reconnect, and returns the error that says so.
    async fn bury(&self, credential: Credential, lease: Option<Lease>, reason: String) -> Error {
        let error = reconnect(&reason).operation(REFRESHING);
        match self.bury_in_store(credential, lease, reason).await {
            Ok(connection) => {
                tracing::warn!(connection = connection.name, %error, "a connection needs a person");
                (self.parts.listener)(&connection);
                error
            }
            Err(failed) => failed,
        }
    }

    async fn bury_in_store(&self, credential: Credential, lease: Option<Lease>, reason: String) -> Result<Connection> {
        let now = self.parts.clock.now();
        let mut tx = self
            .parts
            .store
            .begin_for(self.owner.tenant, Mode::WriteDurable)
            .await?;
        let mut dead = credential;
        dead.dead = Some(reason.clone());
        dead.put(&mut *tx, &self.parts.vault).await?;
        let mut connection = document::get::<Connection>(&mut *tx, self.owner.connection).await?;
        if connection.status == ConnectionStatus::Active {
            connection.status = ConnectionStatus::NeedsReauthorisation;
            connection.status_reason = Some(reason.clone());
        }
        connection.last_error = Some(Problem {
            at: now,
            message: reason,
        });
        document::put(&mut *tx, &mut connection).await?;
        if let Some(lease) = lease {
            lease.give_back(&mut *tx, now).await?;
        }
        tx.commit().await?;
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(connection.value)
    }
}

enum Held {
    /// It is our turn.
    Lease(Lease),
    /// Somebody else has refreshed meanwhile.
    Newer(Credential),
}
