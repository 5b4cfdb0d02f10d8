//! A transport that writes down what passes, and can hold a request back.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use syncline_engine::http::{Limits, Transport, TransportError};
use syncline_testkit::stage::{HUBSPOT, RouterTransport, SALESFORCE, Stage};
use tokio::sync::{Notify, Semaphore};

#[derive(Debug)]
pub(crate) struct Gate {
    routes: RouterTransport,
    /// Part of the address of the request to hold back.
    held: Mutex<Option<String>>,
    arrived: Notify,
    open: Semaphore,
    log: Mutex<Vec<(String, String)>>,
}

impl Gate {
    pub(crate) fn before(stage: &Stage) -> Arc<Self> {
        Arc::new(Self {
            routes: RouterTransport::default()
                .route(SALESFORCE, stage.salesforce.router())
                .route(HUBSPOT, stage.hubspot.router()),
            held: Mutex::new(None),
            arrived: Notify::new(),
            open: Semaphore::new(0),
            log: Mutex::new(Vec::new()),
        })
    }

    /// Holds the next request back whose address has this part.
    pub(crate) fn hold(&self, part: &str) {
        *self.held.lock().unwrap() = Some(part.to_owned());
    }

    /// Waits until it is there.
    pub(crate) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Lets it pass.
    pub(crate) fn release(&self) {
        self.open.add_permits(1);
    }

    /// The requests so far, by verb and address, and forgets them.
    pub(crate) fn taken(&self) -> Vec<(String, String)> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

#[async_trait]
impl Transport for Gate {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        limits: &Limits,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let address = request.uri().to_string();
        self.log
            .lock()
            .unwrap()
            .push((request.method().to_string(), address.clone()));
        let holds = {
            let mut held = self.held.lock().unwrap();
            let holds = held.as_ref().is_some_and(|part| address.contains(part));
            if holds {
                *held = None;
            }
            holds
        };
        if holds {
            self.arrived.notify_one();
            self.open.acquire().await.unwrap().forget();
        }
        self.routes.send(request, limits).await
    }
}
