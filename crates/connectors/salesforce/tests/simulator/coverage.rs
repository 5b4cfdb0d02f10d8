//! What an overlap alone would miss: transactions that commit later than it, and records that left the recycle bin.

use jiff::SignedDuration;
use serde_json::json;
use syncline_core::batch::RowState;
use syncline_core::job::Start;

use super::support::World;
use super::{NAME, fields, first_id, ids};

const HOUR: i64 = 3_600;

#[tokio::test]
async fn a_change_that_commits_later_than_the_overlap_is_read_once_everything_before_it_is_visible() {
    let world = World::new(5);
    let first = world.pull("Contact", &NAME, Start::Beginning).await;
    world.pass(2 * HOUR);
    // Stamped now, visible in an hour and a half: longer than any overlap.
    world.simulator.next_commit_late(SignedDuration::from_mins(90));
    let late = world
        .simulator
        .create("Contact", fields(&[("LastName", json!("Late"))]))
        .unwrap();
    let mut cursor = first.cursor;
    let mut seen = Vec::new();
    for _ in 0..30 {
        let pulled = world.pull("Contact", &NAME, Start::Cursor(cursor)).await;
        seen.extend(ids(&pulled.rows));
        cursor = pulled.cursor;
        world.pass(600);
    }
    assert!(seen.contains(&late));
}

#[tokio::test]
async fn a_record_that_left_the_recycle_bin_is_told_as_deleted_and_one_that_lost_a_merge_is_not() {
    let world = World::new(8);
    let first = world.pull("Contact", &NAME, Start::Beginning).await;
    world.pass(HOUR / 2);
    let mut all = ids(&first.rows).into_iter();
    let (purged, binned, winner, loser) = (
        all.next().unwrap(),
        all.next().unwrap(),
        all.next().unwrap(),
        all.next().unwrap(),
    );
    world.simulator.hard_delete("Contact", &purged).unwrap();
    world.simulator.delete("Contact", &binned).unwrap();
    world
        .simulator
        .merge("Contact", &winner, std::slice::from_ref(&loser))
        .unwrap();
    world.pass(HOUR);
    let pulled = world.pull("Contact", &NAME, Start::Cursor(first.cursor)).await;
    let states = |id: &str| -> Vec<RowState> {
        let of = |row: &&super::PulledRow| row.id == id;
        pulled.rows.iter().filter(of).map(|row| row.state).collect()
    };
    assert_eq!(states(&purged), [RowState::Deleted]);
    assert_eq!(states(&binned), [RowState::Deleted]);
    assert_eq!(states(&loser), [RowState::Merged]);
    assert_eq!(states(&winner), [RowState::Live]);
}

#[tokio::test]
async fn a_poll_within_the_hour_asks_one_query_and_an_object_that_is_not_replicated_costs_nothing_but_the_question() {
    let world = World::new(5);
    let asked = |from: u64, feed: &str| {
        let entries = world.simulator.log().entries();
        entries
            .iter()
            .filter(|entry| entry.number > from && entry.path.contains(feed))
            .count()
    };
    let mut cursor = world.pull("Contact", &NAME, Start::Beginning).await.cursor;
    for minutes in [10, 20, 45, 10] {
        world.pass(minutes * 60);
        let before = world.simulator.log().total();
        cursor = world.pull("Contact", &NAME, Start::Cursor(cursor)).await.cursor;
        let feeds = asked(before, "/updated/") + asked(before, "/deleted/");
        assert_eq!(feeds, if minutes == 45 { 2 } else { 0 }, "after {minutes} minutes");
    }
    world.simulator.clear_delete_log();
    world.pass(HOUR);
    let id = first_id(&world, "Contact");
    world
        .simulator
        .update("Contact", &id, fields(&[("LastName", json!("Seen"))]))
        .unwrap();
    world.pass(1);
    let pulled = world.pull("Contact", &NAME, Start::Cursor(cursor)).await;
    assert!(ids(&pulled.rows).contains(&id));
}
