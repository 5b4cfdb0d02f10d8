//! Refreshing: one at a time, durable before use, and never twice when the outcome is unknown.

use std::sync::Arc;
use std::time::Duration;

use syncline_core::ErrorKind;
use syncline_core::io::{Io, Request};
use syncline_engine::connection::{Connection, ConnectionStatus, Connectors};
use syncline_engine::http::{ConnectionIo, StopFlag};
use syncline_engine::vault::SecretKey;

use syncline_storage::MemoryStore;

use crate::support::{AcmeConnector, Fault, FlakyStore, World, admin};

fn read() -> Request {
    Request::get("https://eu1.acme.test/x")
}

async fn world() -> (World, Connection, Arc<ConnectionIo>) {
    let world = World::new();
    let connection = world.connected().await;
    let io = world
        .connections
        .io(connection.id, StopFlag::new(), &admin())
        .await
        .unwrap();
    (world, connection, io)
}

async fn status(world: &World, connection: &Connection) -> ConnectionStatus {
    world.connections.get(connection.id, &admin()).await.unwrap().status
}

#[tokio::test(start_paused = true)]
async fn many_callers_with_an_expired_token_make_one_refresh() {
    let (world, _, io) = world().await;
    world.acme.expire_access();
    let callers: Vec<_> = (0..40)
        .map(|_| {
            let io = Arc::clone(&io);
            tokio::spawn(async move { io.send(read()).await.unwrap().head.status })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 200);
    }
    assert_eq!(world.acme.refreshes(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_processes_with_an_expired_token_make_one_refresh() {
    let (world, connection, here) = world().await;
    let there = world.another_process();
    let there = there.io(connection.id, StopFlag::new(), &admin()).await.unwrap();
    there.send(read()).await.unwrap();
    world.acme.expire_access();
    // The first one is slow, so that the second one finds the lease taken.
    world.acme.fault("/token", Fault::Slow(Duration::from_secs(2)));
    let (one, two) = tokio::join!(here.send(read()), there.send(read()));
    assert_eq!((one.unwrap().head.status, two.unwrap().head.status), (200, 200));
    assert_eq!(world.acme.refreshes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_refreshed_a_minute_before_it_expires() {
    let world = World::new();
    world.acme.set_expires_in(1_800);
    let connection = world.authorised("main").await;
    let io = world
        .connections
        .io(connection.id, StopFlag::new(), &admin())
        .await
        .unwrap();
    world.clock.pass(Duration::from_secs(1_700)).await;
    io.send(read()).await.unwrap();
    assert_eq!(world.acme.refreshes(), 0);
    world.clock.pass(Duration::from_secs(45)).await;
    io.send(read()).await.unwrap();
    assert_eq!(world.acme.refreshes(), 1);
    assert!(
        world
            .acme
            .seen()
            .iter()
            .filter(|seen| seen.url.ends_with("/x"))
            .all(|seen| seen.token.is_some())
    );
}

#[tokio::test(start_paused = true)]
async fn while_the_old_token_still_works_a_failing_refresh_is_no_error() {
    let world = World::new();
    world.acme.set_expires_in(1_800);
    let connection = world.authorised("main").await;
    let io = world
        .connections
        .io(connection.id, StopFlag::new(), &admin())
        .await
        .unwrap();
    world.clock.pass(Duration::from_secs(1_750)).await;
    world.acme.fault("/token", Fault::Status(503, "down"));
    assert_eq!(io.send(read()).await.unwrap().head.status, 200);
    assert_eq!(io.send(read()).await.unwrap().head.status, 200);
    assert_eq!(world.acme.refreshes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lost_refresh_answer_asks_for_a_person_and_is_never_repeated() {
    for fault in [Fault::LostAnswer, Fault::CutOff, Fault::Slow(Duration::from_secs(40))] {
        let (world, connection, io) = world().await;
        world.acme.expire_access();
        world.acme.fault("/token", fault.clone());
        for _ in 0..3 {
            let error = io.send(read()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Reauthorise, "{fault:?} {error}");
        }
        assert_eq!(world.acme.refreshes(), 1, "{fault:?}");
        assert_eq!(
            status(&world, &connection).await,
            ConnectionStatus::NeedsReauthorisation
        );
        let refused = world
            .connections
            .io(connection.id, StopFlag::new(), &admin())
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Reauthorise);
        assert!(refused.to_string().contains("must be reconnected"), "{refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_refresh_tokens_do_not_rotate_a_lost_answer_is_no_harm() {
    let world = World::with(|parts| {
        parts.connectors = Connectors::new().with(Arc::new(AcmeConnector::without_rotation()));
    });
    let connection = world.connected().await;
    let io = world
        .connections
        .io(connection.id, StopFlag::new(), &admin())
        .await
        .unwrap();
    world.acme.expire_access();
    world.acme.fault("/token", Fault::NotSent);
    assert_eq!(io.send(read()).await.unwrap().head.status, 200, "a read is tried again");
    assert_eq!(status(&world, &connection).await, ConnectionStatus::Active);
}

#[tokio::test(start_paused = true)]
async fn an_invalid_grant_asks_for_a_person() {
    let (world, connection, io) = world().await;
    world.acme.revoke_grant();
    assert_eq!(io.send(read()).await.unwrap_err().kind(), ErrorKind::Reauthorise);
    assert_eq!(io.send(read()).await.unwrap_err().kind(), ErrorKind::Reauthorise);
    assert_eq!(world.acme.refreshes(), 1);
    assert_eq!(
        status(&world, &connection).await,
        ConnectionStatus::NeedsReauthorisation
    );
    let connection = world.connections.get(connection.id, &admin()).await.unwrap();
    assert!(connection.last_error.unwrap().message.contains("invalid_grant"));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_down_or_busy_does_not_cost_the_grant() {
    for fault in [
        Fault::Status(500, ""),
        Fault::Status(503, "<html>"),
        Fault::RetryAfter(429, 1),
        Fault::NotSent,
    ] {
        let (world, connection, io) = world().await;
        world.acme.expire_access();
        world.acme.fault("/token", fault.clone());
        assert_eq!(io.send(read()).await.unwrap().head.status, 200, "{fault:?}");
        assert_eq!(status(&world, &connection).await, ConnectionStatus::Active);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mistake_of_ours_does_not_cost_the_grant() {
    let (world, connection, io) = world().await;
    world.acme.expire_access();
    world
        .acme
        .fault("/token", Fault::Status(400, r#"{"error":"invalid_client"}"#));
    assert_eq!(io.send(read()).await.unwrap_err().kind(), ErrorKind::Rejected);
    assert_eq!(status(&world, &connection).await, ConnectionStatus::Active);
    assert_eq!(io.send(read()).await.unwrap().head.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_restarted_process_goes_on_with_the_rotated_token() {
    let (world, connection, io) = world().await;
    for _ in 0..3 {
        world.acme.expire_access();
        io.send(read()).await.unwrap();
    }
    let restarted = world.another_process();
    world.acme.expire_access();
    let io = restarted.io(connection.id, StopFlag::new(), &admin()).await.unwrap();
    assert_eq!(io.send(read()).await.unwrap().head.status, 200);
    assert_eq!(world.acme.refreshes(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_does_not_take_the_new_token_with_it() {
    let (world, _, io) = world().await;
    world.acme.expire_access();
    world.acme.fault("/token", Fault::Slow(Duration::from_secs(3)));
    let caller = tokio::spawn({
        let io = Arc::clone(&io);
        async move { io.send(read()).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    caller.abort();
    assert_eq!(io.send(read()).await.unwrap().head.status, 200);
    assert_eq!(world.acme.refreshes(), 1);
}

#[tokio::test(start_paused = true)]
async fn tokens_that_could_not_be_stored_are_not_used_and_stored_as_soon_as_that_works() {
    let flaky = FlakyStore::new(Arc::new(MemoryStore::new()));
    let world = World::with(|parts| parts.store = Arc::new(flaky.clone()));
    let connection = world.connected().await;
    let io = world
        .connections
        .io(connection.id, StopFlag::new(), &admin())
        .await
        .unwrap();
    world.acme.expire_access();
    // The lease can be taken, and then the disk is full.
    flaky.script(&[true, false, false, false, false]);
    assert_eq!(io.send(read()).await.unwrap_err().kind(), ErrorKind::Store);
    assert_eq!(world.acme.count("/x"), 1, "the new token was not used");
    assert_eq!(io.send(read()).await.unwrap().head.status, 200);
    assert_eq!(world.acme.refreshes(), 1);

    flaky.script(&[true, false, false]);
    world.acme.expire_access();
    assert_eq!(
        io.send(read()).await.unwrap().head.status,
        200,
        "a short trouble is waited for"
    );
    assert_eq!(world.acme.refreshes(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_moves_elsewhere_with_a_refresh_gets_no_token() {
    let (world, connection, io) = world().await;
    world.acme.expire_access();
    world.acme.set_instance("https://evil.test");
    assert_eq!(io.send(read()).await.unwrap_err().kind(), ErrorKind::Reauthorise);
    assert!(world.acme.seen().iter().all(|seen| !seen.url.contains("evil")));
    assert_eq!(
        status(&world, &connection).await,
        ConnectionStatus::NeedsReauthorisation
    );
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_moves_within_the_provider_is_followed() {
    let (world, connection, io) = world().await;
    world.acme.expire_access();
    world.acme.set_instance("https://eu2.acme.test");
    io.send(read()).await.unwrap();
    assert_eq!(
        world.connections.get(connection.id, &admin()).await.unwrap().base_url,
        "https://eu2.acme.test"
    );
}

#[tokio::test(start_paused = true)]
async fn keys_rotate_under_stored_tokens() {
    let (world, connection, _) = world().await;
    world.keys.rotate(SecretKey::new([2; 32]));
    let restarted = world.another_process();
    let io = restarted.io(connection.id, StopFlag::new(), &admin()).await.unwrap();
    assert_eq!(io.send(read()).await.unwrap().head.status, 200, "old rows open");
    world.acme.expire_access();
    assert_eq!(
        io.send(read()).await.unwrap().head.status,
        200,
        "and are sealed under the new key from now on"
    );
    let mut tx = world.store.begin(syncline_core::store::Mode::Read).await.unwrap();
    let row = tx
        .document(syncline_core::store::DocumentKind::Credential, connection.id)
        .await
        .unwrap()
        .unwrap();
    let new = SecretKey::new([2; 32]).id();
    assert_eq!(row.body["key"]["under"], new.to_string());
}
