//! The CRM as the conformance suite wants it: what it holds, and what its users do there.

use std::time::Duration;

use syncline::async_trait;
use syncline::bytes::Bytes;
use syncline::connector::Connector;
use syncline::http::TransportError;
use syncline::io::Config;
use syncline::jiff::{SignedDuration, Timestamp};
use syncline::simple::Simple;
use syncline_example_connector::Rolodex;
use syncline_testkit::connector::{Act, Held, Remote, Subject};

use crate::made_up::MadeUpCrm;

#[derive(Debug)]
pub(crate) struct SimulatedRolodex {
    crm: MadeUpCrm,
    connector: Simple<Rolodex>,
    subject: Subject,
}

impl SimulatedRolodex {
    pub(crate) fn fresh(records: usize) -> Self {
        let crm = MadeUpCrm::default();
        for number in 0..records {
            crm.save(None, &[("name", &format!("Person {number}"))]);
        }
        Self {
            crm,
            connector: Simple::new(Rolodex),
            subject: Subject {
                object: "people".into(),
                name: "name".into(),
                note: "note".into(),
                city: "city".into(),
                marker: None,
                refused: ("mail".into(), "not an address".into()),
                missing: "999999".into(),
                no_object: "robots".into(),
            },
        }
    }
}

#[async_trait]
impl Remote for SimulatedRolodex {
    fn connector(&self) -> &dyn Connector {
        &self.connector
    }

    fn config(&self) -> Config {
        Config {
            base_url: "https://api.rolodex.example".into(),
            ..Config::default()
        }
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        Ok(self.crm.request(&request))
    }

    async fn renew_token(&self) -> bool {
        true
    }

    fn now(&self) -> Timestamp {
        self.crm.now()
    }

    fn pass(&self, time: Duration) {
        self.crm.pass(SignedDuration::try_from(time).unwrap());
    }

    fn create(&self, fields: &[(&str, &str)]) -> String {
        self.crm.save(None, fields)
    }

    fn edit(&self, id: &str, fields: &[(&str, &str)]) {
        self.crm.save(Some(id), fields);
    }

    fn delete(&self, id: &str) {
        self.crm.delete(id);
    }

    fn records(&self) -> Vec<Held> {
        let people = self.crm.people().into_iter().map(|person| {
            let texts = person
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())));
            let mut fields: std::collections::BTreeMap<_, _> = texts.collect();
            let id = fields.remove("id").unwrap_or_default();
            Held { id, fields }
        });
        people.collect()
    }

    fn can(&self, act: Act) -> bool {
        act == Act::TouchAll
    }

    fn touch_all(&self) {
        for held in self.records() {
            self.crm.save(Some(&held.id), &[]);
        }
    }
}
