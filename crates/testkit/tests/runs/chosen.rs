use std::collections::BTreeSet;

use syncline_core::ErrorKind;
use syncline_core::mapping::Direction;
use syncline_engine::run::{Run, RunParameters, RunRequest, RunScope, RunStatus};

use crate::play::{HUBSPOT, Play, SALESFORCE};

async fn run(play: &Play, scope: RunScope, parameters: RunParameters) -> Vec<Run> {
    let request = RunRequest {
        tenant: play.stage.tenant,
        scope,
        parameters,
    };
    play.stage.engine.runs().run(request, &play.stage.actor).await.unwrap()
}

fn syncs(runs: &[Run]) -> BTreeSet<String> {
    runs.iter().flat_map(|run| run.ledgers.keys().cloned()).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn a_run_is_over_one_sync_a_connection_a_provider_or_the_tenant() {
    let play = Play::empty().await;
    play.create(SALESFORCE, "a@x.org", &[]);
    let of_salesforce = ["salesforce-companies", "salesforce-people"];
    let all = [
        "hubspot-companies",
        "hubspot-people",
        "salesforce-companies",
        "salesforce-people",
    ];
    let full = || RunParameters {
        full: true,
        ..RunParameters::default()
    };
    let people = RunScope::Sync(play.people_sync(SALESFORCE).id);
    assert_eq!(syncs(&run(&play, people, full()).await), set(&["salesforce-people"]));
    let connection = RunScope::Connection(play.stage.connections[SALESFORCE].id);
    assert_eq!(syncs(&run(&play, connection, full()).await), set(&of_salesforce));
    let provider = RunScope::Provider(SALESFORCE.to_owned());
    assert_eq!(syncs(&run(&play, provider, full()).await), set(&of_salesforce));
    let runs = run(&play, RunScope::Tenant, full()).await;
    assert_eq!(syncs(&runs), set(&all));
    assert_eq!(runs.len(), 2, "one for each connection");
    let objects = RunParameters {
        objects: vec!["Contact".into(), "companies".into()],
        ..full()
    };
    let runs = run(&play, RunScope::Tenant, objects).await;
    assert_eq!(syncs(&runs), set(&["hubspot-companies", "salesforce-people"]));
}

#[tokio::test]
async fn what_is_not_there_is_named_in_the_refusal() {
    let play = Play::empty().await;
    let request = RunRequest {
        tenant: play.stage.tenant,
        scope: RunScope::Tenant,
        parameters: RunParameters {
            objects: vec!["Unicorn".into()],
            ..RunParameters::default()
        },
    };
    let refused = play
        .stage
        .engine
        .runs()
        .start(request, &play.stage.actor)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn chosen_records_are_read_and_nothing_else() {
    let play = Play::empty().await;
    let first = play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    let second = play.create(SALESFORCE, "b@x.org", &[("city", "Bern")]);
    play.settle().await;
    play.later().await;
    play.edit(SALESFORCE, &first, "city", "Genf");
    play.edit(SALESFORCE, &second, "city", "Genf");
    let parameters = RunParameters {
        records: vec![first.clone()],
        ..RunParameters::default()
    };
    let scope = RunScope::Sync(play.people_sync(SALESFORCE).id);
    let done = run(&play, scope, parameters).await.remove(0);
    assert_eq!(done.total("pull").read, 1, "{:?} {:?}", done.error, done.ledgers);
    assert_eq!(play.app("a@x.org", "city").await, "Genf");
    assert_eq!(play.app("b@x.org", "city").await, "Bern");
    play.run(SALESFORCE).await;
    assert_eq!(play.app("b@x.org", "city").await, "Genf", "the cursor did not pass it");
}

#[tokio::test]
async fn one_direction_moves_nothing_the_other_way() {
    let play = Play::empty().await;
    let ext = play.create(SALESFORCE, "a@x.org", &[("city", "Bern"), ("title", "Captain")]);
    play.settle().await;
    play.later().await;
    play.edit(SALESFORCE, &ext, "city", "Genf");
    play.app_edit("a@x.org", "title", "Admiral").await;
    let only = |direction| RunParameters {
        direction: Some(direction),
        ..RunParameters::default()
    };
    let writes = play.writes();
    play.stage.sync(SALESFORCE, only(Direction::Pull)).await.unwrap();
    assert_eq!(play.writes(), writes, "a pull writes nothing to the CRM");
    assert_eq!(play.app("a@x.org", "city").await, "Genf");
    play.later().await;
    play.edit(SALESFORCE, &ext, "city", "Chur");
    play.stage.sync(SALESFORCE, only(Direction::Push)).await.unwrap();
    assert_eq!(play.held(SALESFORCE, &ext, "title"), "Admiral");
    assert_eq!(play.app("a@x.org", "city").await, "Genf", "a push takes nothing in");
    play.settle().await;
    assert_eq!(play.app("a@x.org", "city").await, "Chur");
    assert_eq!(play.crm(HUBSPOT, "a@x.org", "title").await, "Admiral");
}

#[tokio::test]
async fn a_chosen_record_that_is_not_there_is_a_failure_and_the_others_are_synced() {
    let play = Play::empty().await;
    let known = play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    let gone = play.create(SALESFORCE, "b@x.org", &[]);
    play.delete(SALESFORCE, &gone);
    let parameters = RunParameters {
        records: vec!["003000000000000AAA".into(), known.clone(), gone.clone()],
        ..RunParameters::default()
    };
    let scope = || RunScope::Sync(play.people_sync(SALESFORCE).id);
    let done = run(&play, scope(), parameters).await.remove(0);
    assert_eq!(done.status, RunStatus::Partial, "{:?}", done.error);
    let ledger = done.total("pull");
    assert_eq!((ledger.read, ledger.created, ledger.failed), (3, 1, 2), "{ledger:?}");
    assert!(ledger.balances());
    let (runs, actor) = (play.stage.engine.runs(), &play.stage.actor);
    let failures = runs.failures(play.stage.tenant, None, actor).await.unwrap();
    let said = |record: &str| {
        let found = failures
            .iter()
            .find(|failure| failure.record.as_deref() == Some(record));
        found
            .unwrap_or_else(|| panic!("{record} is not among {failures:?}"))
            .message
            .clone()
    };
    assert!(said("003000000000000AAA").starts_with("there is no record `003000000000000AAA`"));
    assert!(said(&gone).contains("is deleted"), "{}", said(&gone));
    // It is nothing to come back to by itself.
    play.later().await;
    play.run(SALESFORCE).await;
    assert!(runs.failures(play.stage.tenant, None, actor).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_run_over_chosen_records_writes_no_other() {
    let play = Play::empty().await;
    let first = play.create(SALESFORCE, "a@x.org", &[]);
    let second = play.create(SALESFORCE, "b@x.org", &[]);
    play.settle().await;
    play.app_edit("a@x.org", "city", "Genf").await;
    play.app_edit("b@x.org", "city", "Chur").await;
    play.app_create("c@x.org", &[]).await;
    let parameters = RunParameters {
        // As people copy it out of an address: without the three letters that a CRM adds.
        records: vec![first[..15].to_owned()],
        ..RunParameters::default()
    };
    let scope = RunScope::Sync(play.people_sync(SALESFORCE).id);
    let done = run(&play, scope, parameters).await.remove(0);
    assert_eq!(done.status, RunStatus::Completed, "{:?}", done.ledgers);
    assert_eq!(play.held(SALESFORCE, &first, "city"), "Genf");
    assert_eq!(play.held(SALESFORCE, &second, "city"), "");
    assert_eq!(play.count(SALESFORCE), 2);
    play.settle().await;
    assert_eq!(play.held(SALESFORCE, &second, "city"), "Chur");
    assert_eq!(play.count(SALESFORCE), 3);
    play.is_quiet().await;
}
