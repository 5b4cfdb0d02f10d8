//! What the layers do with a connector's requests.

use std::sync::Arc;
use std::time::Duration;

use syncline_core::io::{Effect, Io, MacAlgorithm, Method, Request};
use syncline_core::{ErrorKind, Retry};
use syncline_engine::http::{ConnectionIo, StopFlag};

use crate::support::{Fault, World, admin};

const BASE: &str = "https://eu1.acme.test";

fn read(path: &str) -> Request {
    Request::get(format!("{BASE}{path}"))
}

fn write(path: &str, effect: Effect) -> Request {
    Request::new(Method::Post, format!("{BASE}{path}"), effect).json("{}")
}

async fn world() -> (World, Arc<ConnectionIo>) {
    let world = World::new();
    let connection = world.connected().await;
    let io = world
        .connections
        .io(connection.id, StopFlag::new(), &admin())
        .await
        .unwrap();
    (world, io)
}

#[tokio::test(start_paused = true)]
async fn a_read_is_repeated_until_it_works() {
    let (world, io) = world().await;
    world.acme.fault("/x", Fault::Status(503, "<html>"));
    world.acme.fault("/x", Fault::NotSent);
    world.acme.fault("/x", Fault::LostAnswer);
    world.acme.fault("/x", Fault::CutOff);
    let answer = io.send(read("/x")).await.unwrap();
    assert_eq!(answer.head.status, 200);
    assert_eq!(world.acme.count("/x"), 4, "one of five never arrived");
    assert_eq!(io.calls().calls, 5);
    assert_eq!(io.calls().mutating, 0);
}

#[tokio::test(start_paused = true)]
async fn a_read_is_given_up_after_five_attempts_with_the_last_answer() {
    let (world, io) = world().await;
    for _ in 0..5 {
        world.acme.fault("/x", Fault::Status(500, "broken"));
    }
    let answer = io.send(read("/x")).await.unwrap();
    assert_eq!(answer.head.status, 500);
    assert_eq!(world.acme.count("/x"), 5);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured() {
    let (world, io) = world().await;
    world.acme.fault("/x", Fault::RetryAfter(429, 7));
    let before = tokio::time::Instant::now();
    io.send(read("/x")).await.unwrap();
    assert!(before.elapsed() >= Duration::from_secs(7));
    assert!(before.elapsed() < Duration::from_secs(9));
}

#[tokio::test(start_paused = true)]
async fn a_write_is_never_repeated_and_says_whether_it_may_have_been_applied() {
    let (world, io) = world().await;
    for effect in [Effect::Once, Effect::Idempotent] {
        world.acme.fault("/w", Fault::LostAnswer);
        let error = io.send(write("/w", effect)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (ErrorKind::Unavailable, Retry::UnknownOutcome),
            "{error}"
        );
        world.acme.fault("/w", Fault::CutOff);
        assert_eq!(
            io.send(write("/w", effect)).await.unwrap_err().retry(),
            Retry::UnknownOutcome
        );
        world.acme.fault("/w", Fault::Slow(Duration::from_secs(300)));
        assert_eq!(
            io.send(write("/w", effect)).await.unwrap_err().retry(),
            Retry::UnknownOutcome
        );
        world.acme.fault("/w", Fault::NotSent);
        let error = io.send(write("/w", effect)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.retry()),
            (ErrorKind::Unavailable, Retry::After(Duration::ZERO))
        );
        world.acme.fault("/w", Fault::Status(500, ""));
        assert_eq!(io.send(write("/w", effect)).await.unwrap().head.status, 500);
    }
    assert_eq!(world.acme.count("/w"), 8);
    assert_eq!(io.calls().mutating, 10);
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_refreshed_once_and_the_request_sent_again_even_a_write() {
    let (world, io) = world().await;
    world.acme.expire_access();
    let answer = io.send(write("/w", Effect::Once)).await.unwrap();
    assert_eq!(answer.head.status, 200);
    assert_eq!(world.acme.refreshes(), 1);
    assert_eq!(world.acme.count("/w"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_token_that_is_refused_ends_in_an_error_and_not_in_a_loop() {
    let (world, io) = world().await;
    for _ in 0..2 {
        world.acme.fault("/w", Fault::Status(401, ""));
    }
    let error = io.send(write("/w", Effect::Once)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(world.acme.count("/w"), 2);
}

#[tokio::test(start_paused = true)]
async fn requests_to_other_hosts_are_held_back_with_or_without_a_token() {
    let (world, io) = world().await;
    let before = world.acme.seen().len();
    for url in [
        "https://evil.test/x",
        "https://eu1.acme.test.evil.test/x",
        "https://eu1.acme.test@evil.test/x",
        "https://user:pass@eu1.acme.test/x",
        "http://eu1.acme.test/x",
        "https://eu1.acme.test:8443/x",
        "https://acme.test/x",
        "https://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:1/x",
    ] {
        let error = io.send(Request::get(url)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{url}");
    }
    for name in ["authorization", "host"] {
        let error = io.send(read("/x").header(name, "x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{name}");
    }
    assert_eq!(world.acme.seen().len(), before);
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_the_manifest_is_kept_and_a_part_of_it_is_for_people() {
    let (world, io) = world().await;
    world.clock.pass(Duration::from_secs(2)).await;
    let before = tokio::time::Instant::now();
    let requests = (0..100).map(|index| read(&format!("/{index}"))).collect();
    let answers = io.send_all(requests).await;
    // 45 of 50 a second are for background work.
    assert!(before.elapsed() >= Duration::from_secs(2), "{:?}", before.elapsed());
    assert!(before.elapsed() < Duration::from_secs(4), "{:?}", before.elapsed());
    for (index, answer) in answers.into_iter().enumerate() {
        let body = String::from_utf8(answer.unwrap().body.to_vec()).unwrap();
        assert!(
            body.contains(&format!("\"/{index}\"")),
            "answers come in the order of the requests"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_answers_say_of_the_quota_counts_more_than_the_manifest() {
    let (world, io) = world().await;
    world.acme.set_header("acme-limit-info", "api-usage=15000/15000");
    io.send(read("/x")).await.unwrap();
    let error = io.send(read("/x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited, "{error}");
    assert!(matches!(error.retry(), Retry::After(time) if time > Duration::from_secs(600)));
}

#[tokio::test(start_paused = true)]
async fn no_more_than_eight_requests_are_in_flight() {
    let (world, io) = world().await;
    for index in 0..16 {
        world
            .acme
            .fault(&format!("/{index}"), Fault::Slow(Duration::from_secs(10)));
    }
    let before = tokio::time::Instant::now();
    io.send_all((0..16).map(|index| read(&format!("/{index}"))).collect())
        .await;
    assert_eq!(before.elapsed().as_secs(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_reads_and_waiting_at_once_but_sees_a_write_through() {
    let (world, io) = world().await;
    let stop = io.stop_flag().clone();
    world.acme.fault("/w", Fault::Slow(Duration::from_secs(5)));
    world.acme.fault("/r", Fault::Slow(Duration::from_secs(5)));
    let before = tokio::time::Instant::now();
    let writing = tokio::spawn({
        let io = Arc::clone(&io);
        async move { io.send(write("/w", Effect::Once)).await }
    });
    let reading = tokio::spawn({
        let io = Arc::clone(&io);
        async move { io.send(read("/r")).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.stop();
    assert_eq!(reading.await.unwrap().unwrap_err().kind(), ErrorKind::Stopped);
    assert_eq!(before.elapsed().as_secs(), 1);
    assert_eq!(writing.await.unwrap().unwrap().head.status, 200);
    assert_eq!(
        io.send(write("/w", Effect::Once)).await.unwrap_err().kind(),
        ErrorKind::Stopped
    );
    assert_eq!(world.acme.count("/w"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_down_is_left_alone_and_tried_again_later() {
    let (world, io) = world().await;
    for _ in 0..10 {
        world.acme.fault("/w", Fault::NotSent);
        io.send(write("/w", Effect::Once)).await.unwrap_err();
    }
    let error = io.send(write("/w", Effect::Once)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let Retry::After(rest) = error.retry() else {
        panic!("{error:?}")
    };
    assert!(!rest.is_zero());
    assert_eq!(world.acme.count("/w"), 0);
    world.clock.pass(rest + Duration::from_millis(10)).await;
    io.send(write("/w", Effect::Once)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_is_gone_marks_the_connection() {
    let (world, io) = world().await;
    world.acme.fault("/x", Fault::Status(403, "gone"));
    let answer = io.send(read("/x")).await.unwrap();
    assert_eq!(answer.head.status, 403);
    let connection = world
        .connections
        .list(1, false, &crate::support::admin())
        .await
        .unwrap()
        .remove(0);
    assert_eq!(connection.status.name(), "needs_reauthorisation");
}

#[tokio::test(start_paused = true)]
async fn webhook_codes_are_checked_under_the_client_secret_alone() {
    use hmac::{Hmac, KeyInit, Mac};
    let (_, io) = world().await;
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"app-secret").unwrap();
    mac.update(b"body");
    let tag = mac.finalize().into_bytes();
    assert!(io.verify_mac("client_secret", MacAlgorithm::HmacSha256, b"body", &tag));
    assert!(!io.verify_mac("client_secret", MacAlgorithm::HmacSha256, b"bodz", &tag));
    assert!(!io.verify_mac("other", MacAlgorithm::HmacSha256, b"body", &tag));
}
