//! The transport of production against servers and name services that mean harm.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use bytes::Bytes;
use syncline_engine::http::{AddressPolicy, Limits, ReqwestTransport, Transport, TransportError};

use crate::support::TableLookup;

const LOOPBACK: AddressPolicy = AddressPolicy { allow_loopback: true };
const PUBLIC: AddressPolicy = AddressPolicy { allow_loopback: false };

/// A server on this machine, and how often it was asked.
async fn server() -> (SocketAddr, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let router = Router::new()
        .route("/plain", get(|| async { "hello" }))
        .route("/large", get(|| async { vec![b'x'; 200_000] }))
        .route(
            "/elsewhere",
            get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/plain")]) }),
        )
        .layer(axum::middleware::from_fn(
            move |request, next: axum::middleware::Next| {
                counted.fetch_add(1, Ordering::Relaxed);
                next.run(request)
            },
        ));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, asked)
}

async fn ask(transport: &ReqwestTransport, url: &str) -> Result<http::Response<Bytes>, TransportError> {
    let limits = Limits {
        max_response_bytes: 100_000,
        ..Limits::default()
    };
    transport
        .send(http::Request::get(url).body(Bytes::new()).unwrap(), &limits)
        .await
}

fn named(policy: AddressPolicy, lookup: TableLookup) -> ReqwestTransport {
    ReqwestTransport::with_lookup(policy, Arc::new(lookup)).unwrap()
}

#[tokio::test]
async fn this_machine_is_reached_only_where_a_setting_allows_it() {
    let (address, asked) = server().await;
    let url = format!("http://{address}/plain");
    let error = ask(&ReqwestTransport::new(PUBLIC).unwrap(), &url).await.unwrap_err();
    assert!(matches!(error, TransportError::Blocked(_)), "{error}");
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    let answer = ask(&ReqwestTransport::new(LOOPBACK).unwrap(), &url).await.unwrap();
    assert_eq!(answer.body(), "hello");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let (address, asked) = server().await;
    let answer = ask(
        &ReqwestTransport::new(LOOPBACK).unwrap(),
        &format!("http://{address}/elsewhere"),
    )
    .await
    .unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read() {
    let (address, _) = server().await;
    let error = ask(
        &ReqwestTransport::new(LOOPBACK).unwrap(),
        &format!("http://{address}/large"),
    )
    .await
    .unwrap_err();
    assert_eq!(error, TransportError::TooLarge(100_000));
}

#[tokio::test]
async fn a_name_that_resolves_into_a_network_is_blocked_whichever_of_its_addresses_does() {
    let (address, asked) = server().await;
    for inside in [
        "127.0.0.1",
        "10.0.0.7",
        "169.254.169.254",
        "::1",
        "::ffff:127.0.0.1",
        "fd00::1",
    ] {
        for addresses in [vec![inside], vec!["93.184.215.14", inside]] {
            let lookup = TableLookup::default().answer("crm.example", &addresses);
            let url = format!("https://crm.example:{}/plain", address.port());
            let error = ask(&named(LOOPBACK, lookup), &url).await.unwrap_err();
            assert!(matches!(error, TransportError::Blocked(_)), "{addresses:?}: {error}");
        }
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_name_that_changes_between_check_and_use_gains_nothing() {
    let (address, asked) = server().await;
    // Whatever is looked up is checked, and what was checked is what is connected to: a second answer, if anybody asked
    // for it, is checked as the first one was.
    let lookup = TableLookup::default()
        .answer("localhost", &["127.0.0.1"])
        .answer("localhost", &["10.0.0.7"]);
    let transport = named(LOOPBACK, lookup);
    let url = format!("http://localhost:{}/plain", address.port());
    ask(&transport, &url).await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    let rebound = TableLookup::default().answer("localhost", &["10.0.0.7"]);
    let error = ask(&named(LOOPBACK, rebound), &url).await.unwrap_err();
    assert!(matches!(error, TransportError::Blocked(_)), "{error}");
}

#[tokio::test]
async fn what_was_certainly_not_sent_is_told_apart() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let transport = ReqwestTransport::new(LOOPBACK).unwrap();
    let error = ask(&transport, &format!("http://{address}/")).await.unwrap_err();
    assert!(matches!(error, TransportError::NotSent(_)), "{error}");
    let error = ask(&named(PUBLIC, TableLookup::default()), "https://nowhere.example/")
        .await
        .unwrap_err();
    assert!(matches!(error, TransportError::NotSent(_)), "{error}");

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut some = [0; 16];
        let _read = tokio::io::AsyncReadExt::read(&mut stream, &mut some).await;
    });
    let error = ask(&transport, &format!("http://{address}/")).await.unwrap_err();
    assert!(matches!(error, TransportError::MaybeSent(_)), "{error}");
}
