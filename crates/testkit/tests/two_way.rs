//! The whole way: an app, a Salesforce and a HubSpot, edited on all sides.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test has no public interface and may panic"
)]

use std::sync::Arc;

use syncline_core::Value;
use syncline_engine::run::{RunParameters, RunStatus};
use syncline_simulators::{Fields, Options};
use syncline_storage::MemoryStore;
use syncline_testkit::stage::Stage;

async fn stage(records: usize) -> Stage {
    let options = Options {
        records,
        overlap: 0.6,
        ..Options::default()
    };
    let stage = Stage::set(Arc::new(MemoryStore::new()), options).await.unwrap();
    stage.map_all().await.unwrap();
    stage
}

fn field(name: &str, value: &str) -> Fields {
    [(name.to_owned(), serde_json::Value::from(value))].into()
}

#[tokio::test(start_paused = true)]
async fn a_first_sync_brings_all_three_sides_together_and_a_second_is_silent() {
    let stage = stage(30).await;
    let runs = stage.rounds(2).await.unwrap();
    for run in &runs {
        assert_eq!(run.status, RunStatus::Completed, "{:?} {:?}", run.error, run.ledgers);
        assert!(run.balances());
    }
    let people = stage.entities("person").await.unwrap();
    let linked = people
        .iter()
        .filter(|linked| linked.sides.iter().filter(|side| side.ext.is_some()).count() == 2);
    assert_eq!(linked.count(), people.len(), "everybody is in both CRMs");
    assert_eq!(stage.salesforce.count("Contact"), people.len());
    assert_eq!(stage.hubspot.count("contacts"), people.len());
    let with_company = people
        .iter()
        .filter(|linked| !linked.entity.value(6).is_empty())
        .count();
    assert!(
        with_company > people.len() / 2,
        "references are followed: {with_company} of {}",
        people.len()
    );

    let before = (stage.salesforce.log().mutating(), stage.hubspot.log().mutating());
    let revs: Vec<u64> = people.iter().map(|linked| linked.entity.rev).collect();
    stage.rounds(1).await.unwrap();
    stage
        .sync(
            "salesforce",
            RunParameters {
                full: true,
                ..RunParameters::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(
        before,
        (stage.salesforce.log().mutating(), stage.hubspot.log().mutating()),
        "no echo"
    );
    let again: Vec<u64> = stage
        .entities("person")
        .await
        .unwrap()
        .iter()
        .map(|linked| linked.entity.rev)
        .collect();
    assert_eq!(revs, again);
}

#[tokio::test(start_paused = true)]
async fn edits_in_both_crms_reach_every_side() {
    let stage = stage(12).await;
    stage.rounds(2).await.unwrap();
    let people = stage.entities("person").await.unwrap();
    let ext = |index: usize, provider: &str| {
        let side = usize::from(provider == "hubspot");
        people[index].sides[side].ext.clone().unwrap()
    };
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    stage
        .salesforce
        .update("Contact", &ext(0, "salesforce"), field("Title", "Countess"))
        .unwrap();
    stage
        .hubspot
        .update("contacts", &ext(0, "hubspot"), field("city", "London"))
        .unwrap();
    stage
        .hubspot
        .update("contacts", &ext(1, "hubspot"), field("jobtitle", "Admiral"))
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    stage.rounds(3).await.unwrap();
    let record = stage.salesforce.record("Contact", &ext(0, "salesforce")).unwrap();
    assert_eq!(record.fields["MailingCity"], "London");
    let record = stage.hubspot.record("contacts", &ext(0, "hubspot")).unwrap();
    assert_eq!(record.fields["jobtitle"], "Countess");
    let record = stage.salesforce.record("Contact", &ext(1, "salesforce")).unwrap();
    assert_eq!(record.fields["Title"], "Admiral");
    let people = stage.entities("person").await.unwrap();
    assert_eq!(people[0].entity.value(4), &Value::text("Countess"));
}

#[tokio::test(start_paused = true)]
async fn a_record_behind_thousands_that_share_one_stamp_is_found() {
    let stage = stage(4_200).await;
    stage.sync("salesforce", RunParameters::default()).await.unwrap();
    stage.salesforce.touch_all("Contact").unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let id = stage
        .salesforce
        .create("Contact", person("Newcomer", "newcomer@example.org"))
        .unwrap();
    for _ in 0..4 {
        // A window ends before the server's present, by as long as the first answer took.
        tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
        let run = stage.sync("salesforce", RunParameters::default()).await.unwrap();
        assert!(run.error.is_none(), "{:?}", run.error);
    }
    let people = stage.entities("person").await.unwrap();
    let found = people
        .iter()
        .filter(|linked| linked.sides.iter().any(|side| side.ext.as_ref() == Some(&id)));
    assert_eq!(found.count(), 1);
}

fn person(last: &str, email: &str) -> Fields {
    let mut person = field("LastName", last);
    person.extend(field("Email", email));
    person
}

#[tokio::test(start_paused = true)]
async fn a_later_arrival_whose_only_candidate_is_taken_waits_for_a_person() {
    let stage = stage(10).await;
    stage.rounds(2).await.unwrap();
    let people = stage.entities("person").await.unwrap();
    let email = people[0].entity.value(0).to_string();
    stage.salesforce.create("Contact", person("Double", &email)).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    stage.rounds(2).await.unwrap();
    assert_eq!(
        stage.entities("person").await.unwrap().len(),
        people.len(),
        "nothing was made of it"
    );
    let pending = stage
        .engine
        .conflicts()
        .list(
            stage.tenant,
            &syncline_engine::conflict::ConflictQuery::pending(),
            &stage.actor,
        )
        .await
        .unwrap();
    assert_eq!(pending.len(), 1, "{pending:#?}");
    assert!(pending[0].explanation.contains("linked"), "{}", pending[0].explanation);
    assert_eq!(
        stage.hubspot.count("contacts"),
        people.len(),
        "and nothing was written for it"
    );
}

#[tokio::test(start_paused = true)]
async fn leaving_the_filter_is_no_delete_and_coming_back_is_seen() {
    let stage = stage(8).await;
    let mut new = syncline_testkit::stage::person_mapping("salesforce", stage.connections["salesforce"].id);
    new.mapping.filter = Some(r#"remote.Title != "Left""#.to_owned());
    stage.engine.syncs().save(new, &stage.actor).await.unwrap();
    stage.rounds(2).await.unwrap();
    let people = stage.entities("person").await.unwrap();
    let id = people[0].sides[0].ext.clone().unwrap();
    stage.salesforce.update("Contact", &id, field("Title", "Left")).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    stage.rounds(2).await.unwrap();
    let again = stage.entities("person").await.unwrap();
    assert_eq!(again.len(), people.len());
    assert_ne!(
        again[0].entity.value(4),
        &Value::text("Left"),
        "what is outside is not taken in"
    );
    let mut back = field("Title", "Back");
    back.extend(field("MailingCity", "Graz"));
    stage.salesforce.update("Contact", &id, back).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    stage.rounds(2).await.unwrap();
    let again = stage.entities("person").await.unwrap();
    assert_eq!(
        (again[0].entity.value(4), again[0].entity.value(5)),
        (&Value::text("Back"), &Value::text("Graz"))
    );
}
