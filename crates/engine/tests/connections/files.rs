//! Files over real sockets, larger than any answer may be: only what comes and goes in pieces passes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use syncline_core::connector::Connector;
use syncline_core::file::{FileBody, NewFile};
use syncline_core::io::{Io, Mark, Request};
use syncline_core::{Error, ErrorKind, Result};
use syncline_engine::connection::{ConnectionParts, Connections, Connectors, TokenRequest};
use syncline_engine::http::{AddressPolicy, ReqwestTransport, StopFlag};
use syncline_engine::ports::{SystemClock, SystemRandom};
use syncline_engine::vault::{InMemoryKeyProvider, Vault};
use syncline_simulators::hubspot::HubSpot;
use syncline_simulators::salesforce::Salesforce;
use syncline_simulators::{Credentials, Options};
use syncline_storage::MemoryStore;

use crate::support::{TENANT, admin};

const MOST_OF_AN_ANSWER: u64 = 1 << 20;
const PIECE: usize = 100_000;
const PIECES: usize = 120;

/// Bytes that tell their place, so many pieces of them; then an error, if it is to break.
struct Counting {
    piece: usize,
    pieces: usize,
    breaks: bool,
}

fn byte(at: usize) -> u8 {
    (at.wrapping_mul(2_654_435_761) >> 16) as u8
}

#[async_trait]
impl FileBody for Counting {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        if self.piece == self.pieces {
            let broke = Error::new(ErrorKind::Unavailable, "the other CRM broke off");
            return if self.breaks { Err(broke) } else { Ok(None) };
        }
        let start = self.piece * PIECE;
        self.piece += 1;
        Ok(Some((start..start + PIECE).map(byte).collect::<Vec<u8>>().into()))
    }
}

async fn there_and_back(
    connector: Arc<dyn Connector>,
    object: &str,
    record: &str,
    base_url: &str,
    credentials: Credentials,
) {
    let addresses = AddressPolicy { allow_loopback: true };
    let marks = AtomicU64::new(1);
    let mut parts = ConnectionParts::new(
        Arc::new(MemoryStore::new()),
        Vault::new(
            Arc::new(InMemoryKeyProvider::generate(&SystemRandom)),
            Arc::new(SystemRandom),
        ),
        Arc::new(ReqwestTransport::new(addresses).unwrap()),
        Connectors::new().with(Arc::clone(&connector)),
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
        Arc::new(move || Mark(marks.fetch_add(1, Ordering::Relaxed))),
    );
    parts.addresses = addresses;
    parts.http.max_response_bytes = MOST_OF_AN_ANSWER;
    let connections = Connections::new(parts);
    let request = TokenRequest {
        tenant: TENANT,
        provider: connector.manifest().provider.clone(),
        name: "crm".into(),
        login_url: Some(base_url.to_owned()),
        base_url: Some(base_url.to_owned()),
        client_id: credentials.client_id.clone(),
        client_secret: Some(credentials.client_secret.clone().into()),
        access_token: credentials.access_token.clone().into(),
        refresh_token: Some(credentials.refresh_token.into()),
        expires_at: None,
        settings: BTreeMap::new(),
    };
    let connection = connections.connect_with_tokens(request, &admin()).await.unwrap();
    let stop = StopFlag::new();
    let io = connections.io(connection.id, stop.clone(), &admin()).await.unwrap();
    let config = connection.config();
    let file = NewFile {
        name: "large.bin".into(),
        content_type: None,
        size: (PIECE * PIECES) as u64,
    };
    let body = |pieces, breaks| {
        Box::new(Counting {
            piece: 0,
            pieces,
            breaks,
        })
    };
    let broken = connector
        .upload(&*io, &config, object, record, &file, body(PIECES / 2, true))
        .await
        .unwrap_err();
    assert!(broken.to_string().contains("the other CRM broke off"), "{broken}");
    let made = connector
        .upload(&*io, &config, object, record, &file, body(PIECES, false))
        .await
        .unwrap();
    let listed = connector
        .files(&*io, &config, object, &[record.to_owned()])
        .await
        .unwrap();
    assert_eq!(listed.len(), 1, "half a file is none: {listed:?}");
    assert_eq!((&listed[0].file.id, listed[0].file.size), (&made.id, file.size));

    let mut opened = connector.download(&*io, &config, object, &made).await.unwrap();
    let (mut at, mut largest) = (0, 0);
    while let Some(piece) = opened.next().await.unwrap() {
        largest = largest.max(piece.len());
        assert!(
            piece.iter().enumerate().all(|(place, one)| *one == byte(at + place)),
            "at {at}"
        );
        at += piece.len();
    }
    assert_eq!(at as u64, file.size);
    assert!(largest as u64 <= MOST_OF_AN_ANSWER, "in pieces: {largest}");

    let mut opened = connector.download(&*io, &config, object, &made).await.unwrap();
    opened.next().await.unwrap();
    stop.stop();
    while let Ok(piece) = opened.next().await {
        assert!(piece.is_some(), "a stop is no end of the file");
    }
    let refused = io.download(Request::get(format!("{base_url}/anything"))).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Stopped);
}

#[tokio::test]
async fn a_file_larger_than_an_answer_goes_to_salesforce_and_back() {
    let simulator = Salesforce::new(Options {
        records: 2,
        ..Options::default()
    });
    let simulator = simulator.unwrap();
    let server = simulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let record = simulator.records("Contact").remove(0).id;
    let connector = Arc::new(syncline_connector_salesforce::Salesforce::new());
    there_and_back(
        connector,
        "Contact",
        &record,
        server.base_url(),
        simulator.credentials(),
    )
    .await;
}

#[tokio::test]
async fn a_file_larger_than_an_answer_goes_to_hubspot_and_back() {
    let simulator = HubSpot::new(Options {
        records: 2,
        ..Options::default()
    });
    let simulator = simulator.unwrap();
    let server = simulator.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let record = simulator.records("contacts").remove(0).id;
    let connector = Arc::new(syncline_connector_hubspot::HubSpot::new());
    there_and_back(
        connector,
        "contacts",
        &record,
        server.base_url(),
        simulator.credentials(),
    )
    .await;
}
