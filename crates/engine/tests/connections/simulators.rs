//! Both providers' simulators on loopback, authorised as a person does it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use secrecy::SecretString;
use syncline_core::connector::Connector;
use syncline_core::io::Mark;
use syncline_core::store::Store;
use syncline_engine::connection::{
    AppGrantRequest, AuthoriseRequest, Callback, ConnectionParts, ConnectionStatus, Connections, Connectors, GrantKind,
};
use syncline_engine::http::{AddressPolicy, ReqwestTransport, StopFlag};
use syncline_engine::ports::{SystemClock, SystemRandom};
use syncline_engine::vault::{InMemoryKeyProvider, Vault};
use syncline_simulators::hubspot::HubSpot;
use syncline_simulators::salesforce::Salesforce;
use syncline_simulators::{Credentials, Options};
use syncline_storage::{MemoryStore, SqliteStore};

use crate::support::{TENANT, admin};

const REDIRECT: &str = "http://127.0.0.1:8910/callback";

fn connections(connector: Arc<dyn Connector>, store: Arc<dyn Store>) -> Connections {
    let addresses = AddressPolicy { allow_loopback: true };
    let keys = Arc::new(InMemoryKeyProvider::generate(&SystemRandom));
    let marks = AtomicU64::new(1);
    let mut parts = ConnectionParts::new(
        store,
        Vault::new(keys, Arc::new(SystemRandom)),
        Arc::new(ReqwestTransport::new(addresses).unwrap()),
        Connectors::new().with(connector),
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
        Arc::new(move || Mark(marks.fetch_add(1, Ordering::Relaxed))),
    );
    parts.addresses = addresses;
    Connections::new(parts)
}

/// Posts the consent form as a headless browser, and returns where it is sent back to.
async fn consent(authorize_url: &str, credentials: &Credentials) -> String {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("username", &credentials.username)
        .append_pair("password", &credentials.password)
        .append_pair("decision", "allow")
        .finish();
    let browser = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let request = browser
        .post(authorize_url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 302, "{}", answer.text().await.unwrap());
    answer.headers()["location"].to_str().unwrap().to_owned()
}

async fn walk(connector: Arc<dyn Connector>, store: Arc<dyn Store>, base_url: &str, credentials: Credentials) {
    let provider = connector.manifest().provider.clone();
    let object = connector.manifest().default_objects[0].clone();
    let connections = connections(Arc::clone(&connector), store);
    let request = AuthoriseRequest {
        login_url: Some(base_url.to_owned()),
        client_secret: Some(SecretString::from(credentials.client_secret.clone())),
        objects: vec![(object, syncline_core::connector::Access::Write)],
        ..AuthoriseRequest::new(TENANT, provider, "crm", credentials.client_id.clone(), REDIRECT)
    };
    let started = connections.authorise(request, &admin()).await.unwrap();
    let back = consent(&started.authorize_url, &credentials).await;
    assert!(back.starts_with(REDIRECT), "{back}");
    let connection = connections
        .complete(TENANT, &Callback::parse(&back), &admin())
        .await
        .unwrap();
    assert_eq!(connection.status, ConnectionStatus::Active);
    assert_eq!(connection.base_url, base_url);
    assert!(!connection.account.id.is_empty() && !connection.account.user_id.is_empty());

    let io = connections.io(connection.id, StopFlag::new(), &admin()).await.unwrap();
    let objects = connector.objects(&*io, &connection.config()).await.unwrap();
    assert!(objects.len() > 3);
    assert_eq!(io.calls().mutating, 0);
    assert!(connections.test(connection.id, &admin()).await.unwrap().ok);

    let ended = connections.disconnect(connection.id, &admin()).await.unwrap();
    assert_eq!(ended.status_reason.as_deref(), Some("by ada"), "the provider was told");
}

#[tokio::test]
async fn salesforce_is_authorised_used_and_disconnected() {
    let options = Options {
        records: 5,
        rotate_refresh_tokens: true,
        require_pkce: true,
        ..Options::default()
    };
    let simulator = Salesforce::new(options).unwrap();
    let server = simulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let connector = syncline_connector_salesforce::Salesforce::new();
    let store = SqliteStore::in_memory().await.unwrap();
    walk(
        Arc::new(connector),
        Arc::new(store),
        server.base_url(),
        simulator.credentials(),
    )
    .await;
}

#[tokio::test]
async fn hubspot_is_authorised_used_and_disconnected() {
    let options = Options {
        records: 5,
        require_pkce: true,
        ..Options::default()
    };
    let simulator = HubSpot::new(options).unwrap();
    let server = simulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let connector = syncline_connector_hubspot::HubSpot::new();
    walk(
        Arc::new(connector),
        Arc::new(MemoryStore::new()),
        server.base_url(),
        simulator.credentials(),
    )
    .await;
}

#[tokio::test]
async fn the_token_endpoint_is_that_of_the_version_that_a_connection_sets() {
    for (version, path) in [
        (None, "/oauth/2026-03/token"),
        (Some("v3"), "/oauth/v3/token"),
        (Some("v1"), "/oauth/v1/token"),
    ] {
        let options = Options {
            records: 1,
            ..Options::default()
        };
        let simulator = HubSpot::new(options).unwrap();
        let server = simulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
        let credentials = simulator.credentials();
        let connector = Arc::new(syncline_connector_hubspot::HubSpot::new());
        let connections = connections(connector, Arc::new(MemoryStore::new()));
        let setting = version.map(|version| ("oauth_version".to_owned(), version.to_owned()));
        let request = AuthoriseRequest {
            login_url: Some(server.base_url().to_owned()),
            client_secret: Some(SecretString::from(credentials.client_secret.clone())),
            settings: setting.into_iter().collect(),
            ..AuthoriseRequest::new(TENANT, "hubspot", "crm", credentials.client_id.clone(), REDIRECT)
        };
        let started = connections.authorise(request, &admin()).await.unwrap();
        let back = consent(&started.authorize_url, &credentials).await;
        connections
            .complete(TENANT, &Callback::parse(&back), &admin())
            .await
            .unwrap();
        let asked = simulator.log().entries();
        assert!(asked.iter().any(|entry| entry.path == path), "{path}: {asked:?}");
    }
    let connector = Arc::new(syncline_connector_hubspot::HubSpot::new());
    let connections = connections(connector, Arc::new(MemoryStore::new()));
    let request = AuthoriseRequest {
        settings: [("oauth_version".to_owned(), "../x".to_owned())].into(),
        ..AuthoriseRequest::new(TENANT, "hubspot", "crm", "app", REDIRECT)
    };
    let refused = connections.authorise(request, &admin()).await.unwrap_err();
    assert!(refused.message().contains("oauth_version"), "{refused}");
}

#[tokio::test]
async fn the_real_provider_s_addresses_are_not_mixed_with_a_simulator_s() {
    let connector = Arc::new(syncline_connector_hubspot::HubSpot::new());
    let connections = connections(connector, Arc::new(MemoryStore::new()));
    let request = AuthoriseRequest {
        login_url: Some("http://127.0.0.1:1".to_owned()),
        ..AuthoriseRequest::new(TENANT, "hubspot", "crm", "app", REDIRECT)
    };
    let started = connections.authorise(request, &admin()).await.unwrap();
    assert!(started.authorize_url.starts_with("http://127.0.0.1:1/oauth/authorize?"));
    let request = AuthoriseRequest::new(TENANT, "hubspot", "crm", "app", REDIRECT);
    let started = connections.authorise(request, &admin()).await.unwrap();
    assert!(
        started
            .authorize_url
            .starts_with("https://app.hubspot.com/oauth/authorize?")
    );
}

/// An app's private key; `None`, with a line that says so, where there is no tool to make one.
#[allow(clippy::print_stdout, reason = "a skipped part says so")]
fn private_key() -> Option<SecretString> {
    let made = std::process::Command::new("openssl")
        .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
        .output();
    match made {
        Ok(made) if made.status.success() => Some(SecretString::from(String::from_utf8(made.stdout).unwrap())),
        _ => {
            println!("skipped: openssl, which makes the app's key, is missing");
            None
        }
    }
}

#[tokio::test]
async fn an_app_connects_without_a_person_and_gets_new_tokens_the_same_way() {
    let simulator = Salesforce::new(Options {
        records: 5,
        ..Options::default()
    })
    .unwrap();
    let server = simulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let credentials = simulator.credentials();
    let by_jwt = GrantKind::JwtBearer {
        username: credentials.username.clone(),
    };
    let secret = SecretString::from(credentials.client_secret.clone());
    let ways = [(GrantKind::ClientCredentials, Some(secret)), (by_jwt, private_key())];
    for (grant, secret) in ways {
        let Some(secret) = secret else { continue };
        let connector: Arc<dyn Connector> = Arc::new(syncline_connector_salesforce::Salesforce::new());
        let connections = connections(Arc::clone(&connector), Arc::new(MemoryStore::new()));
        let request = AppGrantRequest {
            login_url: Some(server.base_url().to_owned()),
            ..AppGrantRequest::new(
                TENANT,
                "salesforce",
                "crm",
                credentials.client_id.clone(),
                grant,
                secret,
            )
        };
        let connection = connections.connect_as_app(request, &admin()).await.unwrap();
        assert_eq!(connection.status, ConnectionStatus::Active);
        simulator.oauth().expire_all();
        let io = connections.io(connection.id, StopFlag::new(), &admin()).await.unwrap();
        connector.objects(&*io, &connection.config()).await.unwrap();
        assert!(connections.test(connection.id, &admin()).await.unwrap().ok);
    }
}

#[tokio::test]
async fn an_app_with_a_wrong_secret_or_key_is_told_so() {
    let simulator = Salesforce::new(Options::default()).unwrap();
    let server = simulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let client_id = simulator.credentials().client_id;
    let by_jwt = GrantKind::JwtBearer { username: "x".into() };
    for grant in [GrantKind::ClientCredentials, by_jwt, GrantKind::Person] {
        let connector: Arc<dyn Connector> = Arc::new(syncline_connector_salesforce::Salesforce::new());
        let connections = connections(connector, Arc::new(MemoryStore::new()));
        let request = AppGrantRequest {
            login_url: Some(server.base_url().to_owned()),
            ..AppGrantRequest::new(
                TENANT,
                "salesforce",
                "crm",
                client_id.clone(),
                grant,
                SecretString::from("wrong"),
            )
        };
        let error = connections.connect_as_app(request, &admin()).await.unwrap_err();
        assert!(!error.to_string().contains("wrong;"), "{error}");
        assert!(connections.list(TENANT, true, &admin()).await.unwrap().is_empty());
    }
}
