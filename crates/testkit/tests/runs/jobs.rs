use std::sync::Arc;

use serde_json::json;
use syncline_engine::run::RunParameters;
use syncline_simulators::Options;
use syncline_storage::MemoryStore;
use syncline_testkit::stage::Stage;

use crate::play::SALESFORCE;

#[tokio::test(start_paused = true)]
async fn more_creates_than_a_page_holds_go_through_one_job_and_each_is_accounted_for() {
    let options = Options {
        records: 0,
        ..Options::default()
    };
    let stage = Stage::set(Arc::new(MemoryStore::new()), options).await.unwrap();
    stage.map(SALESFORCE).await.unwrap();
    let (entities, tenant, actor) = (stage.engine.entities(), stage.tenant, &stage.actor);
    for number in 0..2_300 {
        let person = json!({ "email": format!("p{number}@x.org"), "last_name": format!("Person {number}") });
        let person = person.as_object().unwrap().clone();
        entities.create(tenant, "person", person, actor).await.unwrap();
    }
    let run = stage.sync(SALESFORCE, RunParameters::default()).await.unwrap();
    assert!(
        run.error.is_none() && run.balances(),
        "{:?} {:?}",
        run.error,
        run.ledgers
    );
    assert_eq!((run.total("push").created, run.total("push").failed), (2_300, 0));
    assert_eq!(stage.salesforce.count("Contact"), 2_300);
    let log = stage.salesforce.log();
    let jobs = || {
        log.entries()
            .iter()
            .filter(|entry| entry.path.ends_with("/jobs/ingest"))
            .count()
    };
    assert_eq!(jobs(), 1);
    let before = log.mutating();
    stage.sync(SALESFORCE, RunParameters::default()).await.unwrap();
    assert_eq!((log.mutating(), jobs()), (before, 1));
}
