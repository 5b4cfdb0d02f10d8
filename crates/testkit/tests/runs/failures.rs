use syncline_engine::actor::Actor;
use syncline_engine::entity::EntityRead;
use syncline_engine::run::{Failure, RunParameters, RunStatus};
use syncline_simulators::Fault;

use crate::play::{HUBSPOT, Play, SALESFORCE};
use crate::timed::{ext, people, settled, sync};

async fn failures(stage: &syncline_testkit::stage::Stage) -> Vec<Failure> {
    stage
        .engine
        .runs()
        .failures(stage.tenant, None, &stage.actor)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_failed_write_waits_for_its_time_or_for_a_person_who_asks_for_it_at_once() {
    let (stage, clock) = settled(2).await;
    let person = people(&stage).await.remove(0);
    let id = ext(&person, "salesforce");
    stage.salesforce.faults().script(Fault::Validation, 1);
    let patch = [("title".to_owned(), serde_json::Value::from("Admiral"))]
        .into_iter()
        .collect();
    let read = syncline_engine::entity::EntityRead::Blind;
    stage
        .engine
        .entities()
        .update(stage.tenant, person.entity.uid, patch, read, &stage.actor)
        .await
        .unwrap();
    stage.sync("salesforce", RunParameters::default()).await.unwrap();
    let failed = failures(&stage).await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].record.as_deref(), Some(id.as_str()));
    assert!(failed[0].message.len() > 10 && failed[0].attempts == 1);
    // What the provider said is for those who may read it; what it means is for everybody.
    let said = failed[0].detail.as_deref().unwrap();
    assert!(
        said.contains("VALIDATION") && !failed[0].message.contains(said),
        "{failed:?}"
    );
    let member = Actor::member("ada");
    let shown = stage.engine.runs().failures(stage.tenant, None, &member).await.unwrap();
    assert_eq!((&shown[0].message, &shown[0].detail), (&failed[0].message, &None));
    // Before its time nothing is tried.
    let writes = stage.salesforce.log().mutating();
    stage.sync("salesforce", RunParameters::default()).await.unwrap();
    assert_eq!(stage.salesforce.log().mutating(), writes);
    assert_eq!(failures(&stage).await.len(), 1);
    // At once on demand.
    stage
        .engine
        .runs()
        .retry_failure(failed[0].id, &stage.actor)
        .await
        .unwrap();
    clock.advance(1);
    stage.sync("salesforce", RunParameters::default()).await.unwrap();
    assert_eq!(
        stage.salesforce.record("Contact", &id).unwrap().fields["Title"],
        "Admiral"
    );
    assert!(failures(&stage).await.is_empty(), "and is forgotten");
}

#[tokio::test]
async fn each_try_waits_longer_and_a_dismissed_record_is_left_alone() {
    let (stage, clock) = settled(2).await;
    let person = people(&stage).await.remove(0);
    stage.salesforce.faults().set_rate(Fault::Validation, 1.0);
    let patch = [("title".to_owned(), serde_json::Value::from("Admiral"))]
        .into_iter()
        .collect();
    let read = syncline_engine::entity::EntityRead::Blind;
    stage
        .engine
        .entities()
        .update(stage.tenant, person.entity.uid, patch, read, &stage.actor)
        .await
        .unwrap();
    let mut waits = Vec::new();
    for _ in 0..3 {
        stage.sync("salesforce", RunParameters::default()).await.unwrap();
        let failed = failures(&stage).await.remove(0);
        waits.push(failed.retry_at.duration_since(clock.time()).as_secs());
        clock.advance(waits[waits.len() - 1] + 1);
    }
    assert!(waits[0] < waits[1] && waits[1] < waits[2], "{waits:?}");
    let failed = failures(&stage).await.remove(0);
    stage
        .engine
        .runs()
        .dismiss_failure(failed.id, &stage.actor)
        .await
        .unwrap();
    assert!(failures(&stage).await.is_empty(), "shown no more");
    clock.advance(100_000);
    let writes = stage.salesforce.log().mutating();
    sync(&stage, &clock, "salesforce").await;
    assert_eq!(stage.salesforce.log().mutating(), writes, "nor tried");
    // Another value is another try.
    stage.salesforce.faults().clear();
    let id = ext(&person, "salesforce");
    let patch = [("title".to_owned(), serde_json::Value::from("Major"))]
        .into_iter()
        .collect();
    let read = syncline_engine::entity::EntityRead::Blind;
    stage
        .engine
        .entities()
        .update(stage.tenant, person.entity.uid, patch, read, &stage.actor)
        .await
        .unwrap();
    sync(&stage, &clock, "salesforce").await;
    assert_eq!(
        stage.salesforce.record("Contact", &id).unwrap().fields["Title"],
        "Major"
    );
}

#[tokio::test]
async fn a_record_without_a_value_to_write_is_a_failure_until_it_has_one() {
    let play = Play::empty().await;
    play.settle().await;
    let (engine, tenant, actor) = (&play.stage.engine, play.stage.tenant, &play.stage.actor);
    let empty = serde_json::Map::new();
    let made = engine.entities().create(tenant, "person", empty, actor).await.unwrap();
    let run = play.run(HUBSPOT).await;
    assert_eq!(run.status, RunStatus::Partial);
    assert_eq!((run.total("push").failed, run.total("push").unchanged), (1, 0));
    let found = failures(&play.stage).await;
    assert!(found[0].message.contains("no value that this sync writes"), "{found:?}");
    assert_eq!(play.count(HUBSPOT), 0);
    let patch = [
        ("email".to_owned(), "a@x.org".into()),
        ("last_name".to_owned(), "A".into()),
    ];
    let (patch, read) = (patch.into_iter().collect(), EntityRead::Rev(made.rev));
    engine
        .entities()
        .update(tenant, made.uid, patch, read, actor)
        .await
        .unwrap();
    play.settle().await;
    assert_eq!((play.count(HUBSPOT), play.count(SALESFORCE)), (1, 1));
    assert!(failures(&play.stage).await.is_empty());
    play.is_quiet().await;
}

#[tokio::test]
async fn a_pulled_record_that_breaks_a_rule_that_refuses_is_its_own_visible_failure() {
    let (stage, clock) = settled(2).await;
    let all = people(&stage).await;
    let (person, other) = (&all[0], &all[1]);
    let rules = serde_json::json!([
        { "name": "title", "check": "format", "field": "title", "pattern": "[A-Z].*", "severity": "refuse" }
    ]);
    let rules: Vec<syncline_core::quality::QualityRule> = serde_json::from_value(rules).unwrap();
    let quality = stage.engine.quality();
    quality
        .save_rules(stage.tenant, "person", &rules, &stage.actor)
        .await
        .unwrap();
    let set = |person: &syncline_core::state::Linked, title: &str| {
        let id = ext(person, "salesforce");
        let fields = [("Title".to_owned(), title.into())].into_iter().collect();
        stage.salesforce.update("Contact", &id, fields).unwrap();
    };
    set(person, "admiral");
    set(other, "Major");
    sync(&stage, &clock, "salesforce").await;
    let failed = failures(&stage).await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].record, Some(ext(person, "salesforce")));
    assert!(failed[0].message.contains("rule `title`"), "{failed:?}");
    let title = |uid| {
        let stage = &stage;
        async move {
            let view = stage
                .engine
                .entities()
                .get(stage.tenant, uid, &stage.actor)
                .await
                .unwrap();
            view.values["title"].clone()
        }
    };
    let before = title(person.entity.uid).await;
    assert_ne!(before, "admiral", "the app's record stays as it was");
    assert_eq!(title(other.entity.uid).await, "Major", "and the others go on");
    set(person, "Admiral");
    clock.advance(100_000);
    sync(&stage, &clock, "salesforce").await;
    assert_eq!(title(person.entity.uid).await, "Admiral");
    assert!(failures(&stage).await.is_empty(), "mended there, it is taken in");
}
