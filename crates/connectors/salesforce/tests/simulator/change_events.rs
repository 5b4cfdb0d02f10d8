//! The feed: Change Data Capture over the simulator's streaming API.

use std::collections::BTreeSet;

use bytes::Bytes;
use jiff::SignedDuration;
use serde_json::json;
use syncline_core::Value;
use syncline_core::batch::{Batch, Hint};
use syncline_core::job::{Budget, Feed, FeedObject, Job, Progress};

use super::support::World;
use super::{fields, first_id, update};

fn world() -> World {
    let mut world = World::with(
        syncline_simulators::Options {
            records: 5,
            ..World::options()
        },
        &[("change_events", "on")],
    );
    world.config.user_id = Some(world.simulator.integration_user_id());
    world.simulator.select_for_change_events("Contact").unwrap();
    world
}

async fn read(world: &World, cursor: Option<Bytes>) -> (BTreeSet<Option<String>>, Bytes) {
    let feed = Feed {
        cursor,
        objects: vec![FeedObject {
            object: "Contact".into(),
            fields: vec!["LastName".into()],
        }],
    };
    let mut task = world.open(Job::Feed(feed), None);
    let mut hints = BTreeSet::new();
    loop {
        let mut batch = Batch::new(0);
        let progress = task
            .step(world, Budget { rows: 10, calls: 2 }, &mut batch)
            .await
            .unwrap();
        assert!(batch.is_empty(), "a feed gives no rows");
        hints.extend(batch.hints.drain(..).map(|Hint { object, id }| {
            assert_eq!(object, "Contact");
            id
        }));
        match progress {
            Progress::Done { cursor } => return (hints, cursor),
            Progress::More { .. } => {}
            Progress::Wait { .. } => panic!("a feed does not wait"),
        }
    }
}

fn rename(world: &World, id: &str, name: &str) {
    world
        .simulator
        .update("Contact", id, fields(&[("LastName", json!(name))]))
        .unwrap();
}

#[tokio::test]
async fn every_kind_of_change_is_told_once_and_our_own_writes_are_not() {
    let world = world();
    let (first, cursor) = read(&world, None).await;
    assert_eq!(first, [None].into(), "before it there may have been anything");
    let id = first_id(&world, "Contact");
    let made = world
        .simulator
        .create("Contact", fields(&[("LastName", json!("New"))]))
        .unwrap();
    rename(&world, &id, "Renamed");
    let (told, cursor) = read(&world, Some(cursor)).await;
    assert_eq!(told, [Some(id.clone()), Some(made.clone())].into());
    let (told, cursor) = read(&world, Some(cursor)).await;
    assert!(told.is_empty());

    world.simulator.delete("Contact", &made).unwrap();
    let (told, cursor) = read(&world, Some(cursor)).await;
    assert_eq!(told, [Some(made.clone())].into());
    world.simulator.undelete("Contact", &made).unwrap();
    let (told, cursor) = read(&world, Some(cursor)).await;
    assert_eq!(told, [Some(made)].into());

    world
        .push("Contact", vec![update(&id, &[("LastName", Value::text("Ours"))])])
        .await;
    let (told, _) = read(&world, Some(cursor)).await;
    assert!(told.is_empty(), "{told:?}");
}

#[tokio::test]
async fn gaps_are_read_by_id_and_an_overflow_as_a_whole() {
    let world = world();
    let (_, cursor) = read(&world, None).await;
    let id = first_id(&world, "Contact");
    world.simulator.tell_gap("Contact", Some(&id)).unwrap();
    let (told, cursor) = read(&world, Some(cursor)).await;
    assert_eq!(told, [Some(id)].into());
    world.simulator.tell_gap("Contact", None).unwrap();
    let (told, _) = read(&world, Some(cursor)).await;
    assert_eq!(told, [None].into());
}

#[tokio::test]
async fn a_lost_session_goes_on_from_the_last_event_and_one_that_is_too_old_reads_everything() {
    let world = world();
    let (_, cursor) = read(&world, None).await;
    let id = first_id(&world, "Contact");
    rename(&world, &id, "One");
    let (_, cursor) = read(&world, Some(cursor)).await;
    world.simulator.end_streaming_sessions();
    rename(&world, &id, "Two");
    let (told, cursor) = read(&world, Some(cursor)).await;
    assert_eq!(told, [Some(id.clone())].into());

    world.clock.advance(SignedDuration::from_hours(73));
    rename(&world, &id, "Three");
    let (told, _) = read(&world, Some(cursor)).await;
    assert_eq!(told, [None].into());
}

#[tokio::test]
async fn more_events_than_one_answer_holds_are_all_told() {
    let world = world();
    let (_, cursor) = read(&world, None).await;
    let made: BTreeSet<Option<String>> = (0..250)
        .map(|number| {
            let name = json!(format!("Person {number}"));
            Some(
                world
                    .simulator
                    .create("Contact", fields(&[("LastName", name)]))
                    .unwrap(),
            )
        })
        .collect();
    let (told, _) = read(&world, Some(cursor)).await;
    assert_eq!(told, made);
}
