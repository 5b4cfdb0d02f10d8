//! First reads of large objects through a bulk job.

use std::collections::BTreeSet;

use syncline_core::batch::ValueKind;
use syncline_core::job::Start;
use syncline_simulators::fault::Fault;

use crate::support::World;
use crate::{CONTACT, NAME, ids, live_ids};

fn world(records: usize) -> World {
    let mut world = World::new(records);
    world.config.settings.insert("bulk_read_above".into(), "500".into());
    world
}

fn asked(world: &World, path: &str) -> usize {
    let entries = world.simulator.log().entries();
    entries.iter().filter(|entry| entry.path.contains(path)).count()
}

#[tokio::test]
async fn a_large_object_is_read_whole_by_one_job_and_next_only_what_changed() {
    let world = world(3_000);
    let first = world.pull("Contact", &CONTACT, Start::Beginning).await;
    assert_eq!(first.rows.len(), 3_000);
    assert_eq!(ids(&first.rows), live_ids(&world, "Contact"));
    assert!(first.waits > 0);
    assert_eq!(asked(&world, "/jobs/query/"), first.waits + asked(&world, "/results"));
    for row in first.rows.iter().rev().take(100) {
        let truth = world.simulator.record("Contact", &row.id).unwrap();
        assert_eq!(row.values[0].to_json(), truth.fields["LastName"]);
        assert_eq!(row.values[3].to_json(), truth.fields["Birthdate"]);
        assert_eq!(row.stamp, Some(truth.modified));
        let account = truth.fields.get("AccountId").and_then(|id| id.as_str());
        let name = account.map(|id| world.simulator.record("Account", id).unwrap().fields["Name"].clone());
        assert_eq!(row.values[2].to_json(), name.unwrap_or_default());
    }
    world.pass(3_600);
    let second = world.pull("Contact", &NAME, Start::Cursor(first.cursor)).await;
    assert!(second.rows.is_empty());
}

#[tokio::test]
async fn a_value_is_the_same_by_job_and_by_query() {
    let fields = [
        ("Name", ValueKind::Text),
        ("Amount", ValueKind::Number),
        ("CloseDate", ValueKind::Date),
        ("IsClosed", ValueKind::Bool),
        ("CreatedDate", ValueKind::DateTime),
        ("Description", ValueKind::Text),
        ("Account.Name", ValueKind::Text),
    ];
    let mut world = world(12_000);
    let id = crate::first_id(&world, "Opportunity");
    let odd = crate::fields(&[(
        "Description",
        serde_json::json!("a \"quoted\" line,\r\nanother; with #N/A and ünïcode"),
    )]);
    world.simulator.update("Opportunity", &id, odd).unwrap();
    world.config.settings.insert("bulk_read_above".into(), "100".into());
    let by_job = world.pull("Opportunity", &fields, Start::Beginning).await;
    assert!(by_job.waits > 0);
    world.config.settings.insert("bulk_read_above".into(), "0".into());
    let by_query = world.pull("Opportunity", &fields, Start::Beginning).await;
    assert_eq!(by_query.waits, 0);
    let text = |pulled: &crate::support::Pulled| -> BTreeSet<String> {
        pulled.rows.iter().map(|row| format!("{row:?}")).collect()
    };
    assert_eq!(text(&by_job), text(&by_query));
}

#[tokio::test]
async fn several_pages_at_once_give_the_same_records() {
    let mut world = world(2_000);
    world
        .config
        .settings
        .insert("bulk_parallel_pages".into(), "true".into());
    let pulled = world.pull("Contact", &NAME, Start::Beginning).await;
    assert_eq!(ids(&pulled.rows), live_ids(&world, "Contact"));
    assert!(asked(&world, "/resultPages") > 0);
}

#[tokio::test]
async fn without_an_allowance_for_jobs_the_object_is_read_by_query() {
    let world = World::with(
        syncline_simulators::Options {
            records: 2_000,
            daily_bulk_query_jobs: 0,
            ..World::options()
        },
        &[("bulk_read_above", "500")],
    );
    let pulled = world.pull("Contact", &NAME, Start::Beginning).await;
    assert_eq!(ids(&pulled.rows), live_ids(&world, "Contact"));
    assert_eq!((pulled.waits, asked(&world, "/jobs/query")), (0, 1));
}

#[tokio::test]
async fn a_bulk_read_survives_every_fault_of_the_network() {
    for fault in [
        Fault::RateLimited,
        Fault::ServerError,
        Fault::HtmlError,
        Fault::Reset,
        Fault::Truncated,
        Fault::Timeout,
    ] {
        let world = world(1_500);
        world.simulator.faults().set_rate(fault, 0.3);
        let pulled = world.pull("Contact", &NAME, Start::Beginning).await;
        assert_eq!(ids(&pulled.rows), live_ids(&world, "Contact"), "{fault}");
        assert!(pulled.waits > 0, "{fault}");
    }
}

#[tokio::test]
async fn a_job_that_vanished_leaves_the_rest_to_queries() {
    let world = world(2_000);
    let pulled = world
        .pull_with("Contact", &NAME, Start::Beginning, |step, world| {
            if step == 5 {
                world.pass(8 * 24 * 3_600);
            }
        })
        .await;
    assert_eq!(ids(&pulled.rows), live_ids(&world, "Contact"));
}
