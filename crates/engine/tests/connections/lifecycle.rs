//! Which connection an account is, and what may run on it.

use std::sync::{Arc, Mutex};

use syncline_core::ErrorKind;
use syncline_core::io::{Io, Request};
use syncline_core::mapping::Mapping;
use syncline_core::store::{Document, DocumentKind, Mode};
use syncline_engine::actor::Actor;
use syncline_engine::connection::{AuthoriseRequest, Callback, Connection, ConnectionStatus};
use syncline_engine::http::StopFlag;
use syncline_engine::sync::{Schedule, SweepInterval, Sync, SyncStatus};

use crate::support::{Fault, REDIRECT, TENANT, World, admin};

async fn finish(world: &World, request: AuthoriseRequest) -> syncline_core::Result<Connection> {
    let started = world.connections.authorise(request, &admin()).await?;
    let callback = Callback::parse(&world.acme.consent(&started.authorize_url));
    world.connections.complete(TENANT, &callback, &admin()).await
}

#[tokio::test(start_paused = true)]
async fn the_same_account_is_the_same_connection_and_another_account_another_one() {
    let world = World::new();
    let first = world.authorised("main").await;
    let again = world.authorised("main").await;
    assert_eq!(again.id, first.id);
    let other_name = world.authorised("again").await;
    assert_eq!((other_name.id, other_name.name.as_str()), (first.id, "main"));
    world.acme.set_account("org-2");
    let second = world.authorised("second").await;
    assert_ne!(second.id, first.id);
    assert_eq!(world.connections.list(TENANT, false, &admin()).await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_name_in_use_is_not_taken_over_by_another_account() {
    let world = World::new();
    let first = world.authorised("main").await;
    world.acme.set_account("org-2");
    let error = finish(&world, world.request("main")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists, "{error}");
    assert_eq!(
        world.connections.get(first.id, &admin()).await.unwrap().account.id,
        "org-1"
    );
    assert_eq!(world.connections.list(TENANT, true, &admin()).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn reconnecting_to_another_account_halts_and_asks() {
    let world = World::new();
    let first = world.authorised("main").await;
    world.acme.set_account("org-2");
    let reconnect = |accept| {
        let world = world.clone();
        async move {
            let started = world
                .connections
                .reconnect(first.id, REDIRECT, vec![], accept, &admin())
                .await
                .unwrap();
            let callback = Callback::parse(&world.acme.consent(&started.authorize_url));
            world.connections.complete(TENANT, &callback, &admin()).await
        }
    };
    let error = reconnect(false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(
        error.to_string().contains("org-1") && error.to_string().contains("org-2"),
        "{error}"
    );
    let sync = put_sync(&world, first.id).await;
    let changed = reconnect(true).await.unwrap();
    assert_eq!((changed.id, changed.account.id.as_str()), (first.id, "org-2"));
    // What its syncs know are the other account's records.
    let sync = sync_of(&world, sync).await;
    assert!(
        sync.backfill && sync.hold_deletes && sync.unproven_links,
        "all is read, and nothing overwritten or deleted unasked"
    );
}

#[tokio::test(start_paused = true)]
async fn reconnecting_to_the_same_account_leaves_its_syncs_as_they_are() {
    let world = World::new();
    let first = world.authorised("main").await;
    let sync = put_sync(&world, first.id).await;
    world.authorised("main").await;
    let sync = sync_of(&world, sync).await;
    assert!(!sync.backfill && !sync.hold_deletes);
}

async fn put_sync(world: &World, connection: u64) -> u64 {
    let sync = Sync {
        id: 0,
        tenant: TENANT,
        connection,
        name: "people".into(),
        blueprint: 1,
        mapping: Mapping::new("person", "people"),
        earlier: Vec::new(),
        side: 1,
        slot: 0,
        rank: 1,
        role: syncline_core::manifest::Role::Crm,
        schedule: Schedule::Manual,
        sweep: SweepInterval::Usual,
        status: SyncStatus::Active,
        paused_because: None,
        backfill: false,
        refile: false,
        hold_deletes: false,
        unproven_links: false,
        dirty_since: None,
        files: false,
        estimate: None,
        created_by: "ada".into(),
        created_at: jiff::Timestamp::UNIX_EPOCH,
        last_run_at: None,
        next_run_at: None,
    };
    let document = Document {
        kind: DocumentKind::Sync,
        id: 0,
        tenant: TENANT,
        scope: connection,
        key: Some(sync.name.clone()),
        status: sync.status.name().to_owned(),
        at: sync.created_at,
        version: 0,
        body: serde_json::to_value(&sync).unwrap(),
    };
    let mut tx = world.store.begin(Mode::Write).await.unwrap();
    let id = tx.put_document(&document).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn sync_of(world: &World, id: u64) -> Sync {
    let mut tx = world.store.begin(Mode::Read).await.unwrap();
    let document = tx.document(DocumentKind::Sync, id).await.unwrap().unwrap();
    serde_json::from_value(document.body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn reconnecting_uses_the_stored_client_secret_and_heals_a_dead_connection() {
    let world = World::new();
    let first = world.authorised("main").await;
    world.acme.revoke_grant();
    let io = world.connections.io(first.id, StopFlag::new(), &admin()).await.unwrap();
    io.send(Request::get("https://eu1.acme.test/x")).await.unwrap_err();
    let dead = world.connections.get(first.id, &admin()).await.unwrap();
    assert_eq!(dead.status, ConnectionStatus::NeedsReauthorisation);
    let started = world
        .connections
        .reconnect(first.id, REDIRECT, vec![], false, &admin())
        .await
        .unwrap();
    let callback = Callback::parse(&world.acme.consent(&started.authorize_url));
    let healed = world.connections.complete(TENANT, &callback, &admin()).await.unwrap();
    assert_eq!(
        (healed.id, healed.status, healed.last_error),
        (first.id, ConnectionStatus::Active, None)
    );
    io.send(Request::get("https://eu1.acme.test/x")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_paused_disconnected_or_deleted_does_not_run_and_says_why() {
    let world = World::new();
    let connection = world.authorised("main").await;
    let refusal = || async {
        let error = world
            .connections
            .io(connection.id, StopFlag::new(), &admin())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        error.to_string()
    };
    world
        .connections
        .pause(connection.id, Some("audit"), &admin())
        .await
        .unwrap();
    assert!(refusal().await.contains("paused (by ada: audit)"));
    assert_eq!(
        world.connections.resume(connection.id, &admin()).await.unwrap().status,
        ConnectionStatus::Active
    );
    world
        .connections
        .io(connection.id, StopFlag::new(), &admin())
        .await
        .unwrap();
    world.connections.resume(connection.id, &admin()).await.unwrap_err();

    let disconnected = world.connections.disconnect(connection.id, &admin()).await.unwrap();
    assert_eq!(disconnected.status, ConnectionStatus::Disconnected);
    assert_eq!(world.acme.count("/revoke"), 1);
    assert!(refusal().await.contains("disconnected"));
    world.connections.delete(connection.id, &admin()).await.unwrap();
    assert!(refusal().await.contains("deleted"));
    assert_eq!(world.acme.count("/revoke"), 1, "there was nothing left to revoke");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_connection_frees_its_name_and_comes_back_with_its_account() {
    let world = World::new();
    let first = world.authorised("main").await;
    world.connections.delete(first.id, &admin()).await.unwrap();
    assert!(
        world
            .connections
            .list(TENANT, false, &admin())
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(world.connections.list(TENANT, true, &admin()).await.unwrap().len(), 1);
    world.acme.set_account("org-2");
    let second = world.authorised("main").await;
    assert_ne!(second.id, first.id);
    world.acme.set_account("org-1");
    let back = world.authorised("back").await;
    assert_eq!(
        (back.id, back.name.as_str(), back.status),
        (first.id, "back", ConnectionStatus::Active)
    );
}

#[tokio::test(start_paused = true)]
async fn disconnecting_works_while_the_provider_is_down_and_admits_it() {
    let world = World::new();
    let connection = world.authorised("main").await;
    let io = world
        .connections
        .io(connection.id, StopFlag::new(), &admin())
        .await
        .unwrap();
    world.acme.fault("/revoke", Fault::NotSent);
    let ended = world.connections.disconnect(connection.id, &admin()).await.unwrap();
    assert!(ended.status_reason.unwrap().contains("remove the app there"));
    let error = io.send(Request::get("https://eu1.acme.test/x")).await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Reauthorise,
        "work under way loses its token at once"
    );
}

#[tokio::test(start_paused = true)]
async fn another_tenant_sees_and_finds_nothing() {
    let world = World::new();
    let connection = world.authorised("main").await;
    assert!(world.connections.list(2, true, &admin()).await.unwrap().is_empty());
    for name in ["main".to_owned(), connection.id.to_string()] {
        let error = world.connections.find(2, &name, &admin()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(
            world.connections.find(TENANT, &name, &admin()).await.unwrap().id,
            connection.id
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_test_measures_and_remembers_what_went_wrong() {
    let world = World::new();
    let connection = world.authorised("main").await;
    let health = world.connections.test(connection.id, &admin()).await.unwrap();
    assert!(health.ok && health.account.is_some() && health.milliseconds.is_some());
    for _ in 0..5 {
        world.acme.fault("/me", Fault::NotSent);
    }
    let health = world.connections.test(connection.id, &admin()).await.unwrap();
    assert!(!health.ok);
    assert!(!world.connections.health(connection.id, &admin()).await.unwrap().ok);
    assert!(world.connections.test(connection.id, &admin()).await.unwrap().ok);
    assert!(world.connections.health(connection.id, &admin()).await.unwrap().ok);
}

#[tokio::test(start_paused = true)]
async fn the_host_hears_of_every_change_of_status() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let world = World::with(|parts| {
        let heard = Arc::clone(&heard);
        parts.listener = Arc::new(move |connection| heard.lock().unwrap().push(connection.status.name()));
    });
    let connection = world.authorised("main").await;
    world.connections.pause(connection.id, None, &admin()).await.unwrap();
    world.connections.resume(connection.id, &admin()).await.unwrap();
    world.acme.revoke_grant();
    world.connections.test(connection.id, &admin()).await.unwrap();
    assert_eq!(
        heard.lock().unwrap()[..4],
        ["active", "paused", "active", "needs_reauthorisation"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_leaves_nothing_behind() {
    let world = World::new();
    for _ in 0..5 {
        world.acme.fault("/me", Fault::Status(500, ""));
    }
    finish(&world, world.request("main")).await.unwrap_err();
    assert!(world.connections.list(TENANT, true, &admin()).await.unwrap().is_empty());
    let mut tx = world.store.begin(syncline_core::store::Mode::Read).await.unwrap();
    for kind in [
        syncline_core::store::DocumentKind::Connection,
        syncline_core::store::DocumentKind::Credential,
        syncline_core::store::DocumentKind::Authorisation,
    ] {
        let found = tx
            .documents(&syncline_core::store::DocumentQuery::new(kind))
            .await
            .unwrap();
        assert!(found.is_empty(), "{kind:?}");
    }
}

#[tokio::test]
async fn only_who_manages_connections_may_speak_to_a_crm_in_their_name() {
    let world = World::new();
    let connection = world.authorised("main").await;
    let member = Actor::member("bob");
    let refused = world.connections.io(connection.id, StopFlag::new(), &member).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
    let stranger = admin().of(2);
    let refused = world.connections.io(connection.id, StopFlag::new(), &stranger).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
    let refused = world.connections.calls(connection.id, &stranger).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
}
