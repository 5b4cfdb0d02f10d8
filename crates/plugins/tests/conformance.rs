//! The plugins do what a connector has to do: the whole suite, sentence by sentence and fault by fault.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that can't go on says why by panicking; what is not selected is told"
)]

mod support;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use libtest_mimic::{Arguments, Failed, Trial};
use syncline_core::connector::{Access, Connector, RawRequest};
use syncline_core::io::Config;
use syncline_engine::http::TransportError;
use syncline_plugins::{Limits, PluginConnector};
use syncline_simulators::Fault;
use syncline_testkit::connector::simulated::{SimulatedHubSpot, SimulatedSalesforce};
use syncline_testkit::connector::{self, Act, Held, Remote, Subject};

type Make = fn(usize) -> Box<dyn Remote>;

fn main() {
    let arguments = Arguments::from_args();
    let remotes: [(&str, Make); 2] = [
        ("salesforce", |records| Box::new(SimulatedSalesforce::fresh(records))),
        ("hubspot", |records| Box::new(SimulatedHubSpot::fresh(records))),
    ];
    let mut trials = Vec::new();
    for (provider, make) in remotes {
        trials.push(Trial::test(
            format!("{provider}/says_what_the_native_build_says"),
            move || says_what_the_native_build_says(provider, make),
        ));
        // So the same cases bind it, but for those of files.
        let cases = connector::suite(&make).cases;
        for case in cases.into_iter().filter(|case| !case.name.starts_with("files/")) {
            trials.push(Trial::test(format!("{provider}/{}", case.name), move || {
                let Some(plugin) = support::connector(&support::plugins(Limits::default()), provider) else {
                    return Ok(());
                };
                let fresh =
                    move |records| Box::new(Plugged(make(records), PluginConnector::clone(&plugin))) as Box<dyn Remote>;
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(Failed::from)?;
                runtime.block_on(case.run(&fresh));
                Ok(())
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn says_what_the_native_build_says(provider: &str, make: Make) -> Result<(), Failed> {
    let Some(plugin) = support::connector(&support::plugins(Limits::default()), provider) else {
        return Ok(());
    };
    let remote = make(1);
    let native = remote.connector();
    // All of it but files of records, for which this version of the contract has no calls.
    let mut manifest = native.manifest().clone();
    manifest.capabilities.files = false;
    assert_eq!(
        serde_json::to_value(plugin.manifest())?,
        serde_json::to_value(&manifest)?
    );
    assert_eq!(plugin.app_scopes(), native.app_scopes());
    let objects = [("contacts", Access::Write), ("companies", Access::Read)];
    assert_eq!(plugin.scopes(&objects), native.scopes(&objects));
    Ok(())
}

/// A remote system, and its connector as a plugin.
#[derive(Debug)]
struct Plugged(Box<dyn Remote>, PluginConnector);

#[async_trait]
impl Remote for Plugged {
    fn connector(&self) -> &dyn Connector {
        &self.1
    }

    fn config(&self) -> Config {
        self.0.config()
    }

    fn subject(&self) -> &Subject {
        self.0.subject()
    }

    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        self.0.send(request).await
    }

    async fn renew_token(&self) -> bool {
        self.0.renew_token().await
    }

    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn pass(&self, time: Duration) {
        self.0.pass(time);
    }

    fn create(&self, fields: &[(&str, &str)]) -> String {
        self.0.create(fields)
    }

    fn edit(&self, id: &str, fields: &[(&str, &str)]) {
        self.0.edit(id, fields);
    }

    fn delete(&self, id: &str) {
        self.0.delete(id);
    }

    fn records(&self) -> Vec<Held> {
        self.0.records()
    }

    fn can(&self, act: Act) -> bool {
        self.0.can(act)
    }

    fn merge(&self, winner: &str, loser: &str) -> String {
        self.0.merge(winner, loser)
    }

    fn touch_all(&self) {
        self.0.touch_all();
    }

    fn commit_next_late(&self, delay: Duration) {
        self.0.commit_next_late(delay);
    }

    fn add_field(&self) -> String {
        self.0.add_field()
    }

    fn webhook(&self, id: &str, signed: Timestamp) -> Option<RawRequest> {
        self.0.webhook(id, signed)
    }

    fn webhook_key(&self) -> Vec<u8> {
        self.0.webhook_key()
    }

    fn misbehave(&self, fault: Fault) {
        self.0.misbehave(fault);
    }

    fn misbehaved(&self) -> u64 {
        self.0.misbehaved()
    }

    async fn settle(&self) {
        self.0.settle().await;
    }
}
