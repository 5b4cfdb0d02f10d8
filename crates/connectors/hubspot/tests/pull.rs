//! Pulls and strong reads against the simulator.

mod support;

use std::collections::BTreeSet;

use jiff::SignedDuration;
use support::{Answered, World, pull, update};
use syncline_core::batch::{Batch, Projection, RowState, ValueKind};
use syncline_core::connector::Connector;
use syncline_core::error::ErrorKind;
use syncline_core::job::{Budget, Comparison, Condition, FetchBy, Job, Progress, Start};
use syncline_core::value::Value;

fn people() -> Projection {
    Projection::new([
        ("email", ValueKind::Text),
        ("associations.company", ValueKind::Text),
        ("createdate", ValueKind::DateTime),
    ])
}

fn small() -> Budget {
    Budget { rows: 200, calls: 3 }
}

fn live(world: &World, object: &str) -> BTreeSet<String> {
    let records = world.simulator.records(object);
    records
        .into_iter()
        .filter(|r| !r.deleted && r.merged_into.is_none())
        .map(|r| r.id)
        .collect()
}

fn ids(rows: &[support::Row]) -> BTreeSet<String> {
    rows.iter().map(|row| row.id.clone()).collect()
}

#[tokio::test]
async fn a_first_pull_reads_everything_with_links_and_can_be_resumed_after_any_step() {
    for version in ["2026-09", "v3"] {
        let mut world = World::new(430);
        world.config.settings.insert("api_version".into(), version.into());
        let (rows, _) = world
            .pull(pull("contacts", &people(), Start::Beginning), small(), true)
            .await;
        assert_eq!((ids(&rows), rows.len()), (live(&world, "contacts"), 430));
        let mut linked = 0;
        for row in &rows {
            let companies = world.simulator.associated("contacts", &row.id, "companies");
            assert_eq!(row.text(1).map(str::to_owned), companies.first().cloned());
            linked += companies.len();
            assert!(matches!(row.values[2], Some(Value::DateTime(_))));
        }
        assert!(linked > 0);
    }
}

#[tokio::test]
async fn a_projection_too_long_for_a_url_is_read_by_id() {
    let world = World::new(120);
    let long = (0..400).map(|n| (format!("a_property_of_a_very_long_name_{n}"), ValueKind::Text));
    let projection = Projection::new([("email".to_owned(), ValueKind::Text)].into_iter().chain(long));
    let (rows, _) = world
        .pull(pull("contacts", &projection, Start::Beginning), small(), true)
        .await;
    assert_eq!(ids(&rows), live(&world, "contacts"));
    assert!(rows.iter().any(|row| row.text(0).is_some()));
    assert!(
        world
            .asked
            .lock()
            .unwrap()
            .iter()
            .all(|request| request.url.len() < 8_000)
    );
}

#[tokio::test]
async fn an_incremental_pull_sees_more_records_of_one_stamp_than_a_page_holds() {
    let world = World::new(650);
    let (_, cursor) = world
        .pull(pull("contacts", &people(), Start::Beginning), Budget::default(), false)
        .await;
    world.pass(3_600);
    assert_eq!(world.simulator.touch_all("contacts").unwrap(), 650);
    world.pass(60);
    let again = pull("contacts", &people(), Start::Cursor(cursor));
    let (rows, cursor) = world.pull(again, small(), true).await;
    assert_eq!((ids(&rows), rows.len()), (live(&world, "contacts"), 650));
    world.pass(3_600);
    let again = pull("contacts", &people(), Start::Cursor(cursor));
    let (rows, cursor) = world.pull(again, small(), true).await;
    assert_eq!(rows.len(), 650, "the overlap reads them again");
    let again = pull("contacts", &people(), Start::Cursor(cursor));
    assert!(world.pull(again, small(), true).await.0.is_empty());
}

#[tokio::test]
async fn incremental_pulls_tell_of_changes_deletes_restores_and_merges() {
    for object in ["contacts", "companies"] {
        let world = World::new(60);
        let all: Vec<String> = live(&world, object).into_iter().collect();
        let start = pull(object, &Projection::default(), Start::Beginning);
        let (_, cursor) = world.pull(start, Budget::default(), false).await;
        world.pass(3_600);
        let survivor = world.simulator.merge(object, &all[0], &all[1..2]).unwrap();
        world.simulator.delete(object, &all[2]).unwrap();
        world.simulator.delete(object, &all[3]).unwrap();
        world.simulator.undelete(object, &all[3]).unwrap();
        world.pass(60);
        let again = pull(object, &Projection::default(), Start::Cursor(cursor));
        let (rows, cursor) = world.pull(again, small(), true).await;
        let state = |id: &str| {
            rows.iter()
                .find(|row| row.id == id)
                .map(|row| (row.state, row.merged_into.clone()))
        };
        assert_eq!(state(&all[0]), Some((RowState::Merged, Some(survivor.clone()))));
        assert_eq!(state(&all[1]), Some((RowState::Merged, Some(survivor.clone()))));
        assert_eq!(state(&survivor), Some((RowState::Live, None)));
        assert_eq!(state(&all[2]), Some((RowState::Archived, None)));
        assert_eq!(state(&all[3]), Some((RowState::Live, None)));
        assert_eq!(rows.len(), 5);
        world.pass(3_600);
        let again = pull(object, &Projection::default(), Start::Cursor(cursor));
        let (_, cursor) = world.pull(again, small(), true).await;
        let again = pull(object, &Projection::default(), Start::Cursor(cursor));
        assert_eq!(world.pull(again, small(), true).await.0, []);
    }
}

#[tokio::test]
async fn a_first_pull_with_conditions_reads_only_what_may_meet_them() {
    let world = World::new(300);
    let projection = Projection::new([("email", ValueKind::Text), ("createdate", ValueKind::DateTime)]);
    let email = world.simulator.records("contacts")[7].fields["email"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut filtered = pull("contacts", &projection, Start::Beginning);
    filtered.conditions.push(Condition {
        field: "email".into(),
        comparison: Comparison::Equal,
        value: Value::text(&email),
    });
    let (rows, cursor) = world.pull(filtered, Budget::default(), true).await;
    assert_eq!(
        rows.iter().map(|row| row.text(0)).collect::<Vec<_>>(),
        [Some(email.as_str())]
    );
    assert!(!cursor.is_empty());
}

#[tokio::test]
async fn a_sweep_lists_ids_and_stamps_of_live_records() {
    let world = World::new(250);
    let dead = world.simulator.records("contacts")[0].id.clone();
    world.simulator.delete("contacts", &dead).unwrap();
    let mut task = world
        .connector
        .open(
            &world.config,
            Job::Sweep {
                object: "contacts".into(),
                projection: Projection::default(),
            },
            None,
        )
        .unwrap();
    let mut found = BTreeSet::new();
    loop {
        let mut batch = Batch::new(0);
        let progress = task.step(&world, small(), &mut batch).await.unwrap();
        for row in batch.rows() {
            assert!(row.stamp().is_some());
            found.insert(row.id().to_owned());
        }
        if let Progress::Done { cursor } = progress {
            assert!(cursor.is_empty());
            break;
        }
    }
    assert_eq!(found, live(&world, "contacts"));
}

#[tokio::test]
async fn a_strong_read_answers_every_id_asked_for() {
    let world = World::new(40);
    let all: Vec<String> = live(&world, "contacts").into_iter().collect();
    let survivor = world.simulator.merge("contacts", &all[0], &all[1..2]).unwrap();
    world.simulator.delete("contacts", &all[2]).unwrap();
    world.simulator.hard_delete("contacts", &all[3]).unwrap();
    let asked = [&all[0], &all[1], &all[2], &all[3], &all[4], &all[4]];
    let mut asked: Vec<String> = asked.into_iter().cloned().collect();
    asked.push("not an id".into());
    let rows = world.fetch("contacts", &people(), FetchBy::Ids(asked)).await;
    let state = |id: &str| {
        let found: Vec<_> = rows.iter().filter(|row| row.id == id).collect();
        assert_eq!(found.len(), 1, "{id}");
        (found[0].state, found[0].merged_into.as_deref())
    };
    assert_eq!(state(&all[0]), (RowState::Merged, Some(survivor.as_str())));
    assert_eq!(state(&all[1]), (RowState::Merged, Some(survivor.as_str())));
    assert_eq!(state(&survivor), (RowState::Live, None));
    assert_eq!(state(&all[2]), (RowState::Archived, None));
    assert_eq!(state(&all[3]), (RowState::Missing, None));
    assert_eq!(state("not an id"), (RowState::Missing, None));
    assert_eq!(state(&all[4]), (RowState::Live, None));
    assert_eq!(rows.len(), 7);
}

#[tokio::test]
async fn a_merged_id_that_a_batch_read_does_not_know_is_asked_for_alone() {
    let world = World::new(10);
    let all: Vec<String> = live(&world, "contacts").into_iter().collect();
    let survivor = world.simulator.merge("contacts", &all[0], &all[1..2]).unwrap();
    world.answer(
        "/batch/read",
        Answered::Instead(207, r#"{"status":"COMPLETE","results":[],"numErrors":1,"errors":[]}"#),
    );
    let rows = world
        .fetch("contacts", &Projection::default(), FetchBy::Ids(vec![all[1].clone()]))
        .await;
    let merged = rows.iter().find(|row| row.id == all[1]).unwrap();
    assert_eq!(
        (merged.state, merged.merged_into.as_deref()),
        (RowState::Merged, Some(survivor.as_str()))
    );
}

#[tokio::test]
async fn keys_are_looked_up_in_unique_and_in_other_properties() {
    let world = World::new(40);
    let record = world.simulator.records("contacts")[5].clone();
    let email = record.fields["email"].as_str().unwrap().to_uppercase();
    let rows = world
        .fetch(
            "contacts",
            &people(),
            FetchBy::Key {
                field: "email".into(),
                values: vec![email, "no@one.test".into()],
            },
        )
        .await;
    assert_eq!(ids(&rows), [record.id.clone()].into());
    let domain = world.simulator.records("companies")[0].clone();
    let values = vec![domain.fields["domain"].as_str().unwrap().to_owned()];
    let rows = world
        .fetch(
            "companies",
            &people(),
            FetchBy::Key {
                field: "domain".into(),
                values,
            },
        )
        .await;
    assert!(ids(&rows).contains(&domain.id));
}

#[tokio::test]
async fn a_page_token_that_is_refused_and_a_foreign_cursor_start_over() {
    let world = World::new(250);
    let mut task = world
        .connector
        .open(
            &world.config,
            Job::Pull(pull("contacts", &people(), Start::Beginning)),
            None,
        )
        .unwrap();
    let one = Budget { rows: 100, calls: 1 };
    task.step(&world, one, &mut Batch::new(3)).await.unwrap();
    world.answer(
        "/contacts",
        Answered::Instead(400, r#"{"message":"Cannot deserialize value of type `long`"}"#),
    );
    let error = task.step(&world, one, &mut Batch::new(3)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CursorExpired);
    let foreign = pull("contacts", &people(), Start::Cursor("{}".into()));
    let error = world
        .connector
        .open(&world.config, Job::Pull(foreign), None)
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::CursorExpired);
}

#[tokio::test]
async fn the_search_stays_within_its_limits() {
    let world = World::new(250);
    let since = pull(
        "contacts",
        &people(),
        Start::Since("2020-01-01T00:00:00Z".parse().unwrap()),
    );
    let (rows, _) = world.pull(since, Budget::default(), false).await;
    assert_eq!(ids(&rows), live(&world, "contacts"));
    let asked = world.asked.lock().unwrap();
    let searches: Vec<_> = asked
        .iter()
        .filter(|request| request.url.ends_with("/search"))
        .collect();
    assert_eq!(searches.len(), 2);
    assert!(
        searches
            .iter()
            .all(|request| request.bucket.as_deref() == Some("search") && request.body.len() < 3_000)
    );
}

#[tokio::test]
async fn a_record_of_a_lagging_index_is_found_by_the_next_pull() {
    let world = World::lagging(30, SignedDuration::from_secs(60));
    let (_, cursor) = world
        .pull(pull("contacts", &people(), Start::Beginning), Budget::default(), false)
        .await;
    world.pass(3_600);
    let id = live(&world, "contacts").into_iter().next().unwrap();
    world
        .push("contacts", vec![update(&id, &[("firstname", Value::text("Late"))])])
        .await;
    world.pass(1);
    let now = pull("contacts", &people(), Start::Cursor(cursor));
    let (rows, cursor) = world.pull(now, small(), false).await;
    assert!(rows.is_empty(), "the index does not know yet");
    world.pass(120);
    let (rows, _) = world
        .pull(pull("contacts", &people(), Start::Cursor(cursor)), small(), false)
        .await;
    assert_eq!(ids(&rows), [id].into(), "the overlap reaches back to it");
}

#[tokio::test]
async fn a_survivor_that_keeps_its_id_is_not_merged_into_itself() {
    let world = World::new(10);
    let mut behaviour = world.simulator.behaviour();
    behaviour.merge_keeps_primary_id = true;
    world.simulator.set_behaviour(behaviour);
    let all: Vec<String> = live(&world, "contacts").into_iter().collect();
    assert_eq!(world.simulator.merge("contacts", &all[0], &all[1..2]).unwrap(), all[0]);
    let rows = world
        .fetch("contacts", &Projection::default(), FetchBy::Ids(all[..2].to_vec()))
        .await;
    let states: Vec<_> = rows.iter().map(|row| (row.id.as_str(), row.state)).collect();
    assert_eq!(
        states,
        [(all[0].as_str(), RowState::Live), (all[1].as_str(), RowState::Merged)]
    );
}

#[tokio::test]
async fn the_history_of_a_property_comes_where_it_is_asked_for() {
    for version in ["2026-09", "v3"] {
        let world = World::at(version, 120);
        let id = live(&world, "contacts").pop_first().unwrap();
        for phone in ["1", "2"] {
            let fields = [("phone".to_owned(), phone.into())];
            world
                .simulator
                .update("contacts", &id, fields.into_iter().collect())
                .unwrap();
            world.pass(60);
        }
        let projection = Projection::new([("phone", ValueKind::Text), ("history.phone", ValueKind::Json)]);
        let told = |rows: &[support::Row]| {
            let row = rows.iter().find(|row| row.id == id).unwrap();
            let Some(Value::List(versions)) = row.values[1].clone() else {
                panic!("no history: {:?}", row.values)
            };
            let texts: Vec<String> = versions.iter().map(ToString::to_string).collect();
            assert!(texts[0].contains("CRM_UI") && texts.len() >= 2, "{texts:?}");
            row.text(0).map(str::to_owned)
        };
        let (rows, cursor) = world
            .pull(pull("contacts", &projection, Start::Beginning), small(), true)
            .await;
        assert_eq!((rows.len(), told(&rows).as_deref()), (120, Some("2")));
        let rows = world
            .fetch("contacts", &projection, FetchBy::Ids(ids(&rows).into_iter().collect()))
            .await;
        assert_eq!((rows.len(), told(&rows).as_deref()), (120, Some("2")));
        world.simulator.touch_all("contacts").unwrap();
        let again = pull("contacts", &projection, Start::Cursor(cursor));
        let (rows, _) = world.pull(again, small(), true).await;
        assert_eq!(told(&rows).as_deref(), Some("2"));
    }
}
