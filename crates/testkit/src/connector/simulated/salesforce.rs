use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use syncline_connector_salesforce::Salesforce;
use syncline_core::connector::Connector;
use syncline_core::io::Config;
use syncline_engine::http::TransportError;
use syncline_simulators::salesforce::Salesforce as Simulator;
use syncline_simulators::{Clock, Fault};

use super::super::{Act, Held, Remote, Subject};
use super::{Wire, fields, held, signed};

const BASE_URL: &str = "https://simulated.my.salesforce.com";
const OBJECT: &str = "Contact";

/// A simulated Salesforce organisation.
#[derive(Debug)]
pub struct SimulatedSalesforce {
    /// The simulator, for what [`Remote`] does not offer.
    pub simulator: Simulator,
    connector: Salesforce,
    subject: Subject,
    wire: Wire,
}

impl SimulatedSalesforce {
    /// An organisation with so many contacts.
    pub fn fresh(records: usize) -> Self {
        let wire = Wire::new();
        let simulator = Simulator::new(wire.options(records)).expect("options that name no file");
        wire.set_token(&simulator.credentials().access_token);
        Self {
            simulator,
            connector: Salesforce::new(),
            subject: Subject {
                object: OBJECT.into(),
                name: "LastName".into(),
                note: "Title".into(),
                city: "MailingCity".into(),
                marker: Some("External_Id__c".into()),
                refused: ("Email".into(), "not an address".into()),
                missing: "003000000000000AAA".into(),
                no_object: "Nothing__c".into(),
            },
            wire,
        }
    }
}

#[async_trait]
impl Remote for SimulatedSalesforce {
    fn connector(&self) -> &dyn Connector {
        &self.connector
    }

    fn config(&self) -> Config {
        Config {
            base_url: BASE_URL.into(),
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
        let url = format!("{BASE_URL}/services/oauth2/token");
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

    fn can(&self, act: Act) -> bool {
        !matches!(act, Act::SignWebhook | Act::Fault(Fault::StaleIndex))
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
        let name = "Suite__c";
        self.simulator
            .add_custom_field(OBJECT, name, "Suite", "string(40)")
            .expect("a new field");
        name.into()
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
