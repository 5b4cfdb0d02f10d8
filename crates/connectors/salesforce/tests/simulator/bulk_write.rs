//! Large pushes through bulk jobs, reconciled row by row.

use serde_json::json;
use syncline_core::Value;
use syncline_core::batch::OutcomeKind;
use syncline_core::job::Verb;
use syncline_simulators::fault::Fault;

use crate::support::World;
use crate::{create, live_ids, update, write};

fn world(records: usize) -> World {
    let mut world = World::new(records);
    world.config.settings.insert("bulk_write_above".into(), "100".into());
    world
}

fn through_jobs(world: &World) -> bool {
    let entries = world.simulator.log().entries();
    entries.iter().any(|entry| entry.path.ends_with("/successfulResults"))
}

#[tokio::test]
async fn many_creates_by_key_are_made_once_and_told_apart_from_what_was_there() {
    let world = world(10);
    let writes = |text: &str| -> Vec<_> {
        (0..150)
            .map(|number| {
                let name = Value::text(format!("{text} \"{number}\",\nend"));
                create(
                    Some(&format!("key-{number}")),
                    &[("LastName", name), ("Title", Value::Null)],
                )
            })
            .collect()
    };
    let made = world.push("Contact", writes("First")).await;
    assert!(through_jobs(&world));
    assert!(
        made.iter()
            .all(|outcome| outcome.kind == OutcomeKind::Applied { created: true })
    );
    let again = world.push("Contact", writes("Second")).await;
    assert!(
        again
            .iter()
            .all(|outcome| outcome.kind == OutcomeKind::Applied { created: false })
    );
    for (index, (first, second)) in made.iter().zip(&again).enumerate() {
        assert_eq!(first.id, second.id);
        let record = world.simulator.record("Contact", first.id.as_ref().unwrap()).unwrap();
        assert_eq!(record.fields["LastName"], json!(format!("Second \"{index}\",\nend")));
    }
}

#[tokio::test]
async fn refused_rows_are_refused_and_the_others_written() {
    let world = world(200);
    let ids: Vec<String> = live_ids(&world, "Contact").into_iter().collect();
    let writes = ids
        .iter()
        .enumerate()
        .map(|(index, id)| match index % 10 {
            0 => update(id, &[("Email", Value::text("no address"))]),
            1 => update(id, &[("LastName", Value::Null)]),
            2 => update(id, &[("Title", Value::text("#N/A"))]),
            _ => update(id, &[("Title", Value::text("Boss"))]),
        })
        .collect();
    let outcomes = world.push("Contact", writes).await;
    assert!(through_jobs(&world));
    for (index, outcome) in outcomes.iter().enumerate() {
        let truth = world.simulator.record("Contact", &ids[index]).unwrap();
        match index % 10 {
            0 => assert_eq!(
                outcome.kind,
                OutcomeKind::Rejected {
                    fields: vec!["Email".into()]
                }
            ),
            1 => assert!(matches!(&outcome.kind, OutcomeKind::Rejected { fields } if fields == &["LastName"])),
            2 => assert_eq!(truth.fields["Title"], json!("#N/A")),
            _ => assert_eq!(truth.fields["Title"], json!("Boss")),
        }
        assert_eq!(outcome.id.as_ref(), Some(&ids[index]));
    }
}

#[tokio::test]
async fn what_a_broken_job_did_not_come_to_is_not_applied() {
    let world = world(300);
    world.simulator.break_next_bulk_job_after(120);
    let ids: Vec<String> = live_ids(&world, "Contact").into_iter().collect();
    let writes = ids
        .iter()
        .map(|id| update(id, &[("Title", Value::text("Boss"))]))
        .collect();
    let outcomes = world.push("Contact", writes).await;
    let applied = |outcome: &&syncline_core::batch::Outcome| matches!(outcome.kind, OutcomeKind::Applied { .. });
    assert_eq!(outcomes.iter().filter(applied).count(), 120);
    for outcome in &outcomes {
        let id = outcome.id.as_ref().unwrap();
        let boss = world.simulator.record("Contact", id).unwrap().fields.get("Title") == Some(&json!("Boss"));
        match outcome.kind {
            OutcomeKind::Applied { .. } => assert!(boss),
            OutcomeKind::NotApplied { .. } => assert!(!boss),
            ref other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn many_deletes_go_through_a_job_and_what_was_gone_is_gone() {
    let world = world(150);
    let ids: Vec<String> = live_ids(&world, "Contact").into_iter().collect();
    world.simulator.delete("Contact", &ids[7]).unwrap();
    let writes = ids
        .iter()
        .map(|id| write(Verb::Delete { id: id.clone() }, &[]))
        .collect();
    let outcomes = world.push("Contact", writes).await;
    assert!(through_jobs(&world));
    assert_eq!(outcomes[7].kind, OutcomeKind::Gone);
    assert_eq!(world.simulator.count("Contact"), 0);
}

#[tokio::test]
async fn whatever_the_network_does_no_outcome_says_more_than_is_true() {
    for fault in [
        Fault::RateLimited,
        Fault::ServerError,
        Fault::HtmlError,
        Fault::Reset,
        Fault::Truncated,
        Fault::Timeout,
        Fault::AppliedTimeout,
        Fault::Duplicate,
        Fault::RowLock,
        Fault::Validation,
    ] {
        let world = world(5);
        world.simulator.faults().set_rate(fault, 0.2);
        let writes = (0..150)
            .map(|number| create(Some(&format!("key-{number}")), &[("LastName", Value::text("A"))]))
            .collect();
        let outcomes = world.push("Contact", writes).await;
        world.simulator.faults().clear();
        let mut live = std::collections::BTreeMap::new();
        for record in world.simulator.records("Contact") {
            if let Some(key) = record.fields.get("External_Id__c") {
                live.insert(key.as_str().unwrap().to_owned(), record.id.clone());
            }
        }
        for (number, outcome) in outcomes.iter().enumerate() {
            let there = live.get(&format!("key-{number}"));
            match outcome.kind {
                OutcomeKind::Applied { .. } => assert_eq!(there, outcome.id.as_ref(), "{fault}"),
                OutcomeKind::NotApplied { .. } | OutcomeKind::Rejected { .. } => assert_eq!(there, None, "{fault}"),
                OutcomeKind::Unknown => {}
                ref other => panic!("{fault}: {other:?}"),
            }
        }
    }
}
