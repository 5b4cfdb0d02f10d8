//! The feed: the webhooks journal against the simulator.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what tests share may fail the test")]

mod support;

use std::collections::BTreeSet;

use bytes::Bytes;
use support::World;
use syncline_core::batch::{Batch, Hint};
use syncline_core::connector::Connector;
use syncline_core::error::ErrorKind;
use syncline_core::job::{Budget, Feed, FeedObject, Job, Progress};

const VERSIONS: [&str; 2] = ["2026-09", "v3"];

fn world(version: &str) -> World {
    let mut world = World::at(version, 20);
    world.config.settings.insert("journal".into(), "on".into());
    world
}

fn job(cursor: Option<Bytes>) -> Job {
    let object = |object: &str, fields: &[&str]| FeedObject {
        object: object.into(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
    };
    Job::Feed(Feed {
        cursor,
        objects: vec![
            object("contacts", &["phone", "associations.company"]),
            object("companies", &["name"]),
        ],
    })
}

/// Reads the feed to its end: the hints, and the cursor.
async fn read(world: &World, cursor: Option<Bytes>) -> (BTreeSet<(String, Option<String>)>, Bytes) {
    let mut task = world.connector.open(&world.config, job(cursor), None).unwrap();
    let mut hints = BTreeSet::new();
    loop {
        let mut batch = Batch::new(0);
        let progress = task.step(world, Budget::default(), &mut batch).await.unwrap();
        hints.extend(batch.hints.drain(..).map(|Hint { object, id }| (object, id)));
        assert!(batch.is_empty(), "a feed gives no rows");
        match progress {
            Progress::Done { cursor } => return (hints, cursor),
            Progress::More { .. } => {}
            Progress::Wait { .. } => panic!("a feed does not wait"),
        }
    }
}

fn hint(object: &str, id: &str) -> (String, Option<String>) {
    (object.to_owned(), Some(id.to_owned()))
}

fn ids(world: &World, object: &str) -> Vec<String> {
    world
        .simulator
        .records(object)
        .into_iter()
        .map(|record| record.id)
        .collect()
}

fn everything() -> BTreeSet<(String, Option<String>)> {
    [("companies".to_owned(), None), ("contacts".to_owned(), None)].into()
}

fn phone(number: &str) -> syncline_simulators::Fields {
    [("phone".to_owned(), number.into())].into_iter().collect()
}

#[tokio::test]
async fn every_kind_of_change_is_hinted_at_once_and_in_one_call_when_nothing_happened() {
    for version in VERSIONS {
        for says_404 in [false, true] {
            let world = world(version);
            let mut behaviour = world.simulator.behaviour();
            behaviour.empty_journal_is_404 = says_404;
            world.simulator.set_behaviour(behaviour);
            let (told, cursor) = read(&world, None).await;
            assert_eq!(told, everything(), "what happened before the first look is not known");
            let (told, cursor) = read(&world, Some(cursor)).await;
            assert_eq!(told, BTreeSet::new());

            let people = ids(&world, "contacts");
            world.simulator.update("contacts", &people[0], phone("1")).unwrap();
            world.simulator.update("contacts", &people[0], phone("2")).unwrap();
            let title = [("jobtitle".to_owned(), "Countess".into())];
            world
                .simulator
                .update("contacts", &people[1], title.into_iter().collect())
                .unwrap();
            world.simulator.delete("contacts", &people[2]).unwrap();
            world.simulator.hard_delete("contacts", &people[3]).unwrap();
            let survivor = world.simulator.merge("contacts", &people[4], &people[5..6]).unwrap();
            let name = [("name".to_owned(), "New".into())];
            let firm = world.simulator.create("companies", name.into_iter().collect()).unwrap();
            world
                .simulator
                .associate("contacts", &people[6], "companies", &firm)
                .unwrap();
            let (told, cursor) = read(&world, Some(cursor)).await;
            for id in [
                &people[0], &people[2], &people[3], &people[4], &people[5], &people[6], &survivor,
            ] {
                assert!(told.contains(&hint("contacts", id)), "{id} of {told:?}");
            }
            assert!(told.contains(&hint("companies", &firm)));
            assert!(!told.contains(&hint("contacts", &people[1])), "nobody maps its title");

            world.asked.lock().unwrap().clear();
            let (told, _) = read(&world, Some(cursor)).await;
            assert_eq!(told, BTreeSet::new());
            let asked = world.asked.lock().unwrap().len();
            assert!(asked <= 2, "{asked} calls to learn that nothing happened");
        }
    }
}

#[tokio::test]
async fn more_entries_than_one_call_gives_are_all_read() {
    let world = world("2026-09");
    let (_, cursor) = read(&world, None).await;
    let mut made = BTreeSet::new();
    for number in 0..150 {
        let fields = [("name".to_owned(), format!("Firm {number}").into())];
        made.insert(
            world
                .simulator
                .create("companies", fields.into_iter().collect())
                .unwrap(),
        );
        {
            // Each look publishes what waits as an entry of its own.
            let url = format!(
                "{}/webhooks-journal/journal-local/2026-03/latest",
                world.config.base_url
            );
            let request = syncline_core::io::Request {
                auth: syncline_core::io::Auth::App,
                ..syncline_core::io::Request::get(url)
            };
            syncline_core::io::Io::send(&world, request).await.unwrap();
        }
    }
    let (told, _) = read(&world, Some(cursor)).await;
    let told: BTreeSet<String> = told.into_iter().filter_map(|(_, id)| id).collect();
    assert!(made.is_subset(&told));
}

#[tokio::test]
async fn a_position_older_than_the_journal_keeps_hints_at_everything() {
    let world = world("2026-09");
    let (_, cursor) = read(&world, None).await;
    let person = ids(&world, "contacts").remove(0);
    world.simulator.update("contacts", &person, phone("1")).unwrap();
    let (_, cursor) = read(&world, Some(cursor)).await;
    world.pass(4 * 86_400);
    let (told, cursor) = read(&world, Some(cursor)).await;
    assert_eq!(told, everything());
    let (told, _) = read(&world, Some(cursor)).await;
    assert_eq!(told, BTreeSet::new());
    let (told, _) = read(&world, Some(Bytes::from_static(b"nonsense"))).await;
    assert_eq!(told, everything());
}

#[tokio::test]
async fn entries_are_fetched_without_a_token_and_the_journal_must_be_switched_on() {
    let world = world("2026-09");
    let (_, cursor) = read(&world, None).await;
    let person = ids(&world, "contacts").remove(0);
    world.simulator.update("contacts", &person, phone("1")).unwrap();
    read(&world, Some(cursor)).await;
    let asked = world.asked.lock().unwrap();
    let signed: Vec<_> = asked
        .iter()
        .filter(|request| request.url.contains("signature="))
        .collect();
    assert!(!signed.is_empty());
    assert!(
        signed
            .iter()
            .all(|request| request.auth == syncline_core::io::Auth::None)
    );
    drop(asked);
    let off = World::new(1);
    let error = off.connector.open(&off.config, job(None), None).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
