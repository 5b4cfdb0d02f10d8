//! Secrets do not print, and stored rows open only where they belong.

use std::io::Write;
use std::sync::{Arc, Mutex};

use syncline_core::ErrorKind;
use syncline_core::io::{Effect, Io, Method, Request};
use syncline_core::store::{DocumentKind, DocumentQuery, Mode};
use syncline_engine::connection::Callback;
use syncline_engine::http::StopFlag;

use crate::support::{Fault, TENANT, World, admin};

/// Whatever of these shows somewhere is a leak.
const SECRETS: [&str; 4] = ["access-secret", "refresh-secret", "app-secret", "code-"];

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn assert_no_secret(text: &str, wher: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} shows in {wher}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_log_line_debug_output_or_error_shows_a_secret() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let world = World::new();
    let started = world
        .connections
        .authorise(world.request("main"), &admin())
        .await
        .unwrap();
    let state = secrecy::ExposeSecret::expose_secret(&started.state).to_owned();
    let callback = Callback::parse(&world.acme.consent(&started.authorize_url));
    let mut shown = format!(
        "{started:?} {callback:?} {:?} {:?}",
        world.request("x"),
        world.tokens("x")
    );
    let connection = world.connections.complete(TENANT, &callback, &admin()).await.unwrap();
    let io = world
        .connections
        .io(connection.id, StopFlag::new(), &admin())
        .await
        .unwrap();
    world.acme.expire_access();
    let query = "https://eu1.acme.test/x?filter=private%20data";
    io.send(Request::get(query)).await.unwrap();
    world.acme.fault("/w", Fault::LostAnswer);
    let request = Request::new(Method::Post, "https://eu1.acme.test/w", Effect::Once).json("{\"a\":\"private data\"}");
    shown += &format!("{:?}", io.send(request).await.unwrap_err());
    world.acme.revoke_grant();
    shown += &format!("{:?}", io.send(Request::get(query)).await.unwrap_err());
    shown += &format!("{io:?} {:?} {connection:?}", world.connections);
    shown += &serde_json::to_string(&world.connections.get(connection.id, &admin()).await.unwrap()).unwrap();

    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(
        logged.contains("answered") && logged.contains("needs a person"),
        "there is something to look at: {logged}"
    );
    for (text, wher) in [(&logged, "the log"), (&shown, "debug output")] {
        assert_no_secret(text, wher);
        assert!(!text.contains(&state), "the state shows in {wher}");
        assert!(!text.contains("private"), "data shows in {wher}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_in_the_store_is_readable() {
    let world = World::new();
    world.authorised("main").await;
    let pending = world
        .connections
        .authorise(world.request("other"), &admin())
        .await
        .unwrap();
    let state = secrecy::ExposeSecret::expose_secret(&pending.state).to_owned();
    let mut tx = world.store.begin(Mode::Read).await.unwrap();
    let mut rows = 0;
    for kind in [
        DocumentKind::Credential,
        DocumentKind::Connection,
        DocumentKind::Authorisation,
        DocumentKind::Lease,
    ] {
        for row in tx.documents(&DocumentQuery::new(kind)).await.unwrap() {
            let text = format!("{:?}{}", row.key, row.body);
            assert_no_secret(&text, "the store");
            assert!(
                !text.contains(&state),
                "whoever reads the store could finish the authorisation"
            );
            rows += 1;
        }
    }
    assert!(rows >= 3);
}

#[tokio::test(start_paused = true)]
async fn credentials_copied_to_another_tenant_do_not_open() {
    let world = World::new();
    let mine = world.authorised("main").await;
    world.acme.set_account("org-2");
    let request = syncline_engine::connection::TokenRequest {
        tenant: 2,
        ..world.tokens("other")
    };
    let other = world.connections.connect_with_tokens(request, &admin()).await.unwrap();
    let mut tx = world.store.begin(Mode::Write).await.unwrap();
    let stolen = tx.document(DocumentKind::Credential, mine.id).await.unwrap().unwrap();
    let mut row = tx.document(DocumentKind::Credential, other.id).await.unwrap().unwrap();
    row.body = stolen.body;
    tx.put_document(&row).await.unwrap();
    tx.commit().await.unwrap();
    let sent = world.acme.seen().len();
    let error = world
        .another_process()
        .io(other.id, StopFlag::new(), &admin())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(world.acme.seen().len(), sent);
}
