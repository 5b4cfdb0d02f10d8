//! A plugin that misbehaves and a good connection, side by side in one engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use syncline_core::mapping::{Mapping, Rule};
use syncline_core::model::{Field, FieldType};
use syncline_engine::connection::{Connection, TokenRequest};
use syncline_engine::http::{Limits, Transport, TransportError};
use syncline_engine::run::{Run, RunRequest, RunStatus};
use syncline_engine::sync::NewSync;
use syncline_plugins::PluginConnector;
use syncline_simulators::Options;
use syncline_storage::MemoryStore;
use syncline_testkit::stage::{RouterTransport, Stage};

use super::crm::ACCOUNT;
use super::hostile;

/// People in Salesforce.
const PEOPLE: usize = 12;

/// The simulators, and beside them a host that answers every request of the plugin.
#[derive(Debug)]
struct Network(RouterTransport);

#[async_trait]
impl Transport for Network {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        limits: &Limits,
    ) -> Result<http::Response<Bytes>, TransportError> {
        if request.uri().host() == Some("api.hostile.example") {
            return Ok(http::Response::new(Bytes::from_static(ACCOUNT)));
        }
        self.0.send(request, limits).await
    }
}

/// A stage whose engine has the plugin too, with Salesforce's people and the plugin's things mapped.
async fn stage(plugin: PluginConnector, what: &str) -> (Stage, Connection) {
    let options = Options {
        records: PEOPLE,
        ..Options::default()
    };
    let mut stage = Stage::set(Arc::new(MemoryStore::new()), options).await.unwrap();
    let network = Network(stage.transport());
    stage.engine = Stage::builder(stage.store.clone(), Arc::new(network), &stage.clock, 7)
        .connector(plugin)
        .build()
        .unwrap();
    stage.map("salesforce").await.unwrap();
    let request = TokenRequest {
        settings: BTreeMap::from([("do".to_owned(), what.to_owned())]),
        ..TokenRequest::new(stage.tenant, "hostile", "hostile", "client", "a-token")
    };
    let connections = stage.engine.connections();
    let hostile = connections.connect_with_tokens(request, &stage.actor).await.unwrap();
    let mut mapping = Mapping::new("thing", "things");
    mapping.rules = vec![Rule::new("name", "name")];
    let things = NewSync::new("things", &hostile, mapping, vec![Field::new("name", FieldType::Text)]);
    stage.engine.syncs().save(things, &stage.actor).await.unwrap();
    (stage, hostile)
}

/// Runs everything once; the plugin's run, and Salesforce's.
async fn run(stage: &Stage, hostile: &Connection) -> (Run, Run) {
    let runs = stage.engine.runs();
    let mut runs = runs.run(RunRequest::tenant(stage.tenant), &stage.actor).await.unwrap();
    let place = runs.iter().position(|run| run.connection == hostile.id).unwrap();
    let bad = runs.swap_remove(place);
    let salesforce = stage.connections["salesforce"].id;
    let place = runs.iter().position(|run| run.connection == salesforce).unwrap();
    (bad, runs.swap_remove(place))
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_misbehaves_ends_its_own_run_and_the_other_connections_go_on() {
    for (what, says) in [
        ("crash in a step", "the plugin crashed"),
        ("loop in a step", "computed for longer"),
        ("memory in a step", "more memory than"),
        ("log in a step", "more log lines"),
        ("another host in a step", "held back"),
        ("garbage", "a page that can't be read"),
        ("an enormous page", "a page of more than"),
        ("a time out of reach", "can't be read"),
    ] {
        let Some(plugin) = hostile() else { return };
        let (stage, hostile) = stage(plugin, what).await;
        let (bad, good) = run(&stage, &hostile).await;
        assert_eq!(bad.status, RunStatus::Failed, "{what}: {bad:?}");
        let error = bad.error.unwrap_or_default();
        assert!(error.contains(says) && error.contains("hostile"), "{what}: {error}");
        assert_eq!(stage.entities("thing").await.unwrap().len(), 0, "{what}");
        assert_eq!(good.status, RunStatus::Completed, "{what}: {good:?}");
        assert_eq!(stage.entities("person").await.unwrap().len(), PEOPLE, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_behaves_is_read_beside_the_others() {
    let Some(plugin) = hostile() else { return };
    let (stage, hostile) = stage(plugin, "behave").await;
    let (run, other) = run(&stage, &hostile).await;
    assert_eq!(run.status, RunStatus::Completed, "{run:?}");
    assert_eq!(other.status, RunStatus::Completed, "{other:?}");
    assert_eq!(stage.entities("thing").await.unwrap().len(), 1);
}
