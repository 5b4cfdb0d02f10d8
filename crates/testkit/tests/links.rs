//! Links that no stamp tells of: sets of companies, found by a sweep and merged three ways.
#![allow(missing_docs, reason = "a test has no public interface")]
#![allow(clippy::unwrap_used, reason = "a test's support may fail the test")]

mod timed;

use syncline_core::mapping::{LensSpec, Rule};
use syncline_core::model::{Field, FieldType};
use syncline_core::value::Value;
use syncline_engine::run::RunParameters;
use syncline_engine::sync::NewSync;
use syncline_testkit::stage::{Stage, person_mapping};
use timed::{ext, field, people, settled, sync};

/// Maps a person's companies as a set, and gives its place in the blueprint.
async fn map_companies(stage: &Stage) -> usize {
    let mut new: NewSync = person_mapping("hubspot", stage.connections["hubspot"].id);
    let lens = LensSpec::new("reference").with("object", "companies");
    new.mapping
        .rules
        .push(Rule::new("companies", "associations.company.all").lens(lens));
    new.fields
        .push(Field::new("companies", FieldType::MultiChoice { choices: Vec::new() }));
    let place = new.fields.len() - 1;
    stage.engine.syncs().save(new, &stage.actor).await.unwrap();
    place
}

fn sweep() -> RunParameters {
    RunParameters {
        sweep: true,
        ..RunParameters::default()
    }
}

#[tokio::test]
async fn a_link_that_moved_no_stamp_is_found_by_a_sweep_and_taken_in_as_a_set_of_entities() {
    let (stage, clock) = settled(4).await;
    let place = map_companies(&stage).await;
    let firms: Vec<String> = (0..3)
        .map(|number| {
            stage
                .hubspot
                .create("companies", field("name", &format!("Firm {number}")))
                .unwrap()
        })
        .collect();
    let person = people(&stage).await.remove(0);
    let id = ext(&person, "hubspot");
    stage
        .hubspot
        .associate("contacts", &id, "companies", &firms[0])
        .unwrap();
    clock.advance(3_600);
    sync(&stage, &clock, "hubspot").await;
    sync(&stage, &clock, "hubspot").await;
    let held = async || {
        let person = people(&stage).await.remove(0);
        match person.entity.value(place) {
            Value::List(list) => list.len(),
            _ => 0,
        }
    };
    let before = held().await;
    assert!(before >= 1);
    clock.advance(3 * 3_600);
    sync(&stage, &clock, "hubspot").await;
    stage
        .hubspot
        .associate("contacts", &id, "companies", &firms[1])
        .unwrap();
    stage
        .hubspot
        .associate("contacts", &id, "companies", &firms[2])
        .unwrap();
    clock.advance(3 * 3_600);
    sync(&stage, &clock, "hubspot").await;
    assert_eq!(held().await, before, "no stamp moved, so a poll can't see it");
    let run = stage.sync("hubspot", sweep()).await.unwrap();
    assert!(run.balances() && run.total("sweep").deferred == 1, "{:?}", run.ledgers);
    assert_eq!(held().await, before + 2);
    let run = stage.sync("hubspot", sweep()).await.unwrap();
    assert_eq!(run.total("sweep").deferred, 0, "what is known is not read again");
}
