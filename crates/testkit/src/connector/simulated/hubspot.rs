use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use syncline_connector_hubspot::HubSpot;
use syncline_core::connector::{Connector, RawRequest};
use syncline_core::io::Config;
use syncline_engine::http::TransportError;
use syncline_simulators::hubspot::HubSpot as Simulator;
use syncline_simulators::{Clock, Fault};

use super::super::{Act, Held, Remote, Subject};
use super::{Wire, fields, held, signed};

const BASE_URL: &str = "https://api.hubapi.com";
const OBJECT: &str = "contacts";

/// A simulated HubSpot account.
#[derive(Debug)]
pub struct SimulatedHubSpot {
    /// The simulator, for what [`Remote`] does not offer.
    pub simulator: Simulator,
    connector: HubSpot,
    subject: Subject,
    wire: Wire,
    version: Option<String>,
}

impl SimulatedHubSpot {
    /// An account with so many contacts.
    pub fn fresh(records: usize) -> Self {
        let wire = Wire::new();
        let simulator = Simulator::new(wire.options(records)).expect("options that name no file");
        wire.set_token(&simulator.credentials().access_token);
        // Contacts are stamped when they are seeded; nothing of the suite is to fall into their overlap.
        wire.clock.advance(signed(Duration::from_secs(3_600)));
        Self {
            simulator,
            connector: HubSpot::new(),
            subject: Subject {
                object: OBJECT.into(),
                name: "lastname".into(),
                note: "jobtitle".into(),
                city: "city".into(),
                marker: Some("external_id".into()),
                refused: ("email".into(), "not an address".into()),
                missing: "999999999999".into(),
                no_object: "p1_nothing".into(),
            },
            wire,
            version: None,
        }
    }

    /// The same, spoken to in this version of the API.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }
}

#[async_trait]
impl Remote for SimulatedHubSpot {
    fn connector(&self) -> &dyn Connector {
        &self.connector
    }

    fn config(&self) -> Config {
        let version = self.version.clone().map(|version| ("api_version".to_owned(), version));
        Config {
            base_url: BASE_URL.into(),
            settings: version.into_iter().collect(),
            ..Config::default()
        }
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        self.wire.send(self.simulator.router(), request).await
    }

    async fn renew_token(&self) -> bool {
        let url = format!("{BASE_URL}/oauth/v1/token");
        self.wire
            .renew(self.simulator.router(), &url, self.simulator.credentials())
            .await
    }

    fn now(&self) -> Timestamp {
        self.wire.clock.now()
    }

    fn pass(&self, time: Duration) {
        self.wire.clock.advance(signed(time));
    }

    fn create(&self, pairs: &[(&str, &str)]) -> String {
        self.simulator
            .create(OBJECT, fields(pairs))
            .expect("a record of the suite")
    }

    fn edit(&self, id: &str, pairs: &[(&str, &str)]) {
        self.simulator
            .update(OBJECT, id, fields(pairs))
            .expect("an edit of the suite");
    }

    fn delete(&self, id: &str) {
        self.simulator.delete(OBJECT, id).expect("a live record");
    }

    fn records(&self) -> Vec<Held> {
        held(self.simulator.records(OBJECT))
    }

    fn can(&self, _: Act) -> bool {
        true
    }

    fn merge(&self, winner: &str, loser: &str) -> String {
        let losers = [loser.to_owned()];
        self.simulator.merge(OBJECT, winner, &losers).expect("two live records")
    }

    fn touch_all(&self) {
        self.simulator.touch_all(OBJECT).expect("the object is there");
    }

    fn commit_next_late(&self, delay: Duration) {
        self.simulator.next_commit_late(signed(delay));
    }

    fn add_field(&self) -> String {
        let name = "suite";
        self.simulator
            .add_property(OBJECT, name, "Suite", "string", "text")
            .expect("a new property");
        name.into()
    }

    fn webhook(&self, id: &str, at: Timestamp) -> Option<RawRequest> {
        let url = "https://app.example/hooks/hubspot";
        let body = format!(
            r#"[{{"eventId":1,"subscriptionId":7,"portalId":{},"occurredAt":{},"subscriptionType":"contact.propertyChange","attemptNumber":0,"objectId":{id},"propertyName":"city","propertyValue":"x","changeSource":"CRM_UI"}}]"#,
            self.simulator.portal_id(),
            at.as_millisecond()
        );
        let time = at.as_millisecond().to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.webhook_key()).expect("a key of any length");
        mac.update(format!("POST{url}{body}{time}").as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        Some(RawRequest {
            method: "POST".into(),
            url: url.into(),
            headers: [
                ("x-hubspot-request-timestamp".to_owned(), time),
                ("x-hubspot-signature-v3".to_owned(), signature),
            ]
            .into(),
            body: body.into(),
        })
    }

    fn webhook_key(&self) -> Vec<u8> {
        b"suite-secret".to_vec()
    }

    fn misbehave(&self, fault: Fault) {
        self.wire.faults.script(fault, 1);
    }

    fn misbehaved(&self) -> u64 {
        self.wire.faults.injected().values().sum()
    }

    async fn settle(&self) {
        self.wire.faults.clear();
        self.simulator.injector().deliver_all().await;
        self.simulator.commit_open();
    }
}
