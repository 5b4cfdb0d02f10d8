//! A provider of our own, whose every answer a test can bend, and the parts of connections to it.

mod acme;
mod clock;
mod connector;
mod flaky_store;
mod lookup;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use secrecy::SecretString;
use syncline_core::io::Mark;
use syncline_core::store::Store;
use syncline_engine::actor::Actor;
use syncline_engine::connection::{
    AuthoriseRequest, Callback, Connection, ConnectionParts, Connections, Connectors, TokenRequest,
};
use syncline_engine::ports::SystemRandom;
use syncline_engine::vault::{InMemoryKeyProvider, SecretKey, Vault};
use syncline_storage::MemoryStore;

pub(crate) use acme::{Acme, Fault};
pub(crate) use clock::PausedClock;
pub(crate) use connector::AcmeConnector;
pub(crate) use flaky_store::FlakyStore;
pub(crate) use lookup::TableLookup;

pub(crate) const TENANT: u32 = 1;
pub(crate) const REDIRECT: &str = "https://app.example/callback";

pub(crate) fn admin() -> Actor {
    Actor::admin("ada")
}

/// Everything a test touches.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) acme: Arc<Acme>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keys: Arc<InMemoryKeyProvider>,
    pub(crate) clock: Arc<PausedClock>,
    pub(crate) connections: Connections,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut ConnectionParts)) -> Self {
        let keys = Arc::new(InMemoryKeyProvider::new(SecretKey::new([1; 32])));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let (acme, clock) = (Arc::new(Acme::new()), Arc::new(PausedClock::new()));
        let mut parts = parts(&acme, &store, &keys, &clock);
        change(&mut parts);
        Self {
            acme,
            store,
            keys,
            clock,
            connections: Connections::new(parts),
        }
    }

    /// Another process on the same store.
    pub(crate) fn another_process(&self) -> Connections {
        Connections::new(parts(&self.acme, &self.store, &self.keys, &self.clock))
    }

    pub(crate) fn request(&self, name: &str) -> AuthoriseRequest {
        AuthoriseRequest {
            client_secret: Some(SecretString::from("app-secret")),
            ..AuthoriseRequest::new(TENANT, "acme", name, "app", REDIRECT)
        }
    }

    /// Authorises as a person with a browser does.
    pub(crate) async fn authorised(&self, name: &str) -> Connection {
        let started = self.connections.authorise(self.request(name), &admin()).await.unwrap();
        let callback = Callback::parse(&self.acme.consent(&started.authorize_url));
        self.connections.complete(TENANT, &callback, &admin()).await.unwrap()
    }

    pub(crate) fn tokens(&self, name: &str) -> TokenRequest {
        let (access_token, refresh_token) = self.acme.grant();
        TokenRequest {
            tenant: TENANT,
            provider: "acme".into(),
            name: name.into(),
            login_url: None,
            base_url: Some("https://eu1.acme.test".into()),
            client_id: "app".into(),
            client_secret: Some(SecretString::from("app-secret")),
            access_token: SecretString::from(access_token),
            refresh_token: Some(SecretString::from(refresh_token)),
            expires_at: None,
            settings: Default::default(),
        }
    }

    pub(crate) async fn connected(&self) -> Connection {
        self.connections
            .connect_with_tokens(self.tokens("main"), &admin())
            .await
            .unwrap()
    }
}

fn parts(
    acme: &Arc<Acme>,
    store: &Arc<dyn Store>,
    keys: &Arc<InMemoryKeyProvider>,
    clock: &Arc<PausedClock>,
) -> ConnectionParts {
    let marks = AtomicU64::new(1);
    ConnectionParts::new(
        Arc::clone(store),
        Vault::new(Arc::clone(keys) as _, Arc::new(SystemRandom)),
        Arc::clone(acme) as _,
        Connectors::new().with(Arc::new(AcmeConnector::new())),
        Arc::clone(clock) as _,
        Arc::new(SystemRandom),
        Arc::new(move || Mark(marks.fetch_add(1, Ordering::Relaxed))),
    )
}
