//! HubSpot's OpenAPI documents between our connector and our simulator: no violation either way.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and says why it was skipped"
)]

use std::path::PathBuf;
use std::sync::Arc;

use syncline_engine::run::RunParameters;
use syncline_simulators::{Fields, Options};
use syncline_storage::MemoryStore;
use syncline_testkit::connector::simulated::SimulatedHubSpot;
use syncline_testkit::connector::{self, Remote};
use syncline_testkit::openapi::{CheckedTransport, Specification};
use syncline_testkit::stage::{HUBSPOT, RouterTransport, SALESFORCE, Stage};

fn specification() -> Option<Arc<Specification>> {
    let shared = std::env::var_os("SYNCLINE_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = shared.join("openapi/hubspot");
    if !folder.is_dir() {
        println!("skipped: {} is not there; set SYNCLINE_SHARED", folder.display());
        return None;
    }
    Some(Arc::new(Specification::load(&folder).unwrap()))
}

/// Where the service itself is known to differ from its documents, with the evidence.
const KNOWN: [(&str, &str); 3] = [
    (
        r#"the request at "/sorts/""#,
        "the documents type sorts as texts; objects are what clients send and the service takes",
    ),
    (
        r#"the answer 400 at "": "category" is a required property"#,
        "recorded: an object type that can't be inferred is refused without a category",
    ),
    (
        r#"at "/results//to//toObjectId""#,
        "the documents are of the dated version, where the other record's id is a text; v4 answers with a number",
    ),
];

/// Shows what was checked, and fails on violations.
fn judge(specification: &Specification, least: usize) {
    let seen = specification.seen();
    println!("checked: {:#?}\nin no document: {:#?}", seen.checked, seen.unknown);
    let known = |violation: &&String| KNOWN.iter().any(|(part, _)| violation.contains(part));
    for (_, because) in KNOWN {
        println!("not counted: {because}");
    }
    let violations: Vec<_> = seen.violations.iter().filter(|violation| !known(violation)).collect();
    assert!(violations.is_empty(), "{violations:#?}");
    assert!(
        seen.checked.len() >= least,
        "only {} operations were seen",
        seen.checked.len()
    );
}

fn field(name: &str, value: &str) -> Fields {
    [(name.to_owned(), serde_json::Value::from(value))].into()
}

#[tokio::test]
async fn the_two_way_stage_breaks_no_document() {
    let Some(specification) = specification() else { return };
    let store = Arc::new(MemoryStore::new());
    let options = Options {
        records: 30,
        ..Options::default()
    };
    let mut stage = Stage::set(Arc::clone(&store) as _, options).await.unwrap();
    let router = RouterTransport::default()
        .route(SALESFORCE, stage.salesforce.router())
        .route(HUBSPOT, stage.hubspot.router());
    let checked = CheckedTransport::new(router, HUBSPOT, Arc::clone(&specification));
    stage.engine = Stage::engine_over(store, Arc::new(checked), &stage.clock).unwrap();
    stage.map_all().await.unwrap();
    stage.rounds(2).await.unwrap();
    let people = stage.hubspot.records("contacts");
    stage
        .hubspot
        .update("contacts", &people[0].id, field("city", "Ulm"))
        .unwrap();
    stage.hubspot.delete("contacts", &people[1].id).unwrap();
    stage
        .hubspot
        .merge("contacts", &people[2].id, std::slice::from_ref(&people[3].id))
        .unwrap();
    let contacts = stage.salesforce.records("Contact");
    for contact in contacts.iter().take(5) {
        stage
            .salesforce
            .update("Contact", &contact.id, field("Title", "Changed"))
            .unwrap();
    }
    stage.rounds(2).await.unwrap();
    stage.sync("hubspot", RunParameters::default()).await.unwrap();
    judge(&specification, 8);
}

#[tokio::test]
async fn no_sentence_of_the_contract_breaks_a_document() {
    let Some(specification) = specification() else { return };
    for version in ["v3", "2026-09"] {
        let specification = Arc::clone(&specification);
        let fresh = move |records| {
            let remote = SimulatedHubSpot::fresh(records).version(version);
            Box::new(remote.checked(Arc::clone(&specification))) as Box<dyn Remote>
        };
        let suite = connector::suite(&fresh);
        for case in suite.cases.iter().filter(|case| case.sentence.is_some()) {
            case.run(&fresh).await;
        }
    }
    judge(&specification, 10);
}
