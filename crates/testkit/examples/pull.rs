//! Records per second of a first pull into SQLite and of an unchanged full one, simulator included:
//! `cargo run --release -p syncline-testkit --example pull -- 200000`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program")]

use std::sync::Arc;
use std::time::Instant;

use syncline_engine::run::RunParameters;
use syncline_simulators::Options;
use syncline_storage::SqliteStore;
use syncline_testkit::stage::Stage;

#[tokio::main]
async fn main() {
    let records = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_000);
    let store = Arc::new(SqliteStore::in_memory().await.unwrap());
    let seeded = Instant::now();
    let stage = Stage::set(
        store,
        Options {
            records,
            ..Options::default()
        },
    )
    .await
    .unwrap();
    println!("seeded and connected in {:.1} s", seeded.elapsed().as_secs_f64());
    stage.map("salesforce").await.unwrap();
    for (name, full) in [("first pull", false), ("unchanged full pull", true)] {
        let objects = vec!["Contact".to_owned(), "Account".to_owned()];
        let direction = Some(syncline_core::mapping::Direction::Pull);
        let parameters = RunParameters {
            full,
            objects,
            direction,
            ..RunParameters::default()
        };
        let began = Instant::now();
        let run = stage.sync("salesforce", parameters).await.unwrap();
        let seconds = began.elapsed().as_secs_f64();
        let read = run.total("pull").read;
        println!(
            "{name}: {read} records in {seconds:.1} s, {:.0} records/s, {:?} {:?}",
            read as f64 / seconds,
            run.status,
            run.error
        );
    }
}
