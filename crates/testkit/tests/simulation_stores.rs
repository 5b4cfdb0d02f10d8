//! The same seed plays the same history on every store.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test has no public interface and may panic"
)]

use std::sync::Arc;

use syncline_core::store::Store;
use syncline_storage::SqliteStore;
use syncline_testkit::blocking::BlockingStore;
use syncline_testkit::postgres::Schema;
use syncline_testkit::simulation::{Mode, simulate, simulate_on};

/// Seeds, unless `SYNCLINE_STORE_SEEDS` asks for more.
fn seeds() -> std::ops::Range<u64> {
    let asked = std::env::var("SYNCLINE_STORE_SEEDS").ok();
    0..asked.and_then(|seeds| seeds.parse().ok()).unwrap_or(3)
}

#[test]
fn a_seed_has_the_same_trace_on_sqlite_as_in_memory() {
    for seed in seeds() {
        let open = async { Ok(Arc::new(SqliteStore::in_memory().await?) as Arc<dyn Store>) };
        let sqlite = simulate_on(Arc::new(BlockingStore::over(open).unwrap()), seed, Mode::Liveness);
        let memory = simulate(seed, Mode::Liveness);
        assert_eq!(sqlite.violations, memory.violations, "seed {seed}");
        assert_eq!(sqlite.trace, memory.trace, "seed {seed}");
    }
}

#[test]
fn a_seed_has_the_same_trace_on_postgres_as_in_memory() {
    if Schema::is_skipped() {
        return;
    }
    for seed in seeds() {
        let schema = futures::executor::block_on(Schema::new()).unwrap();
        let open = async { Ok(Arc::new(schema.open().await?) as Arc<dyn Store>) };
        let store = Arc::new(BlockingStore::over(open).unwrap());
        let postgres = simulate_on(store.clone(), seed, Mode::Liveness);
        let memory = simulate(seed, Mode::Liveness);
        store.wait(schema.remove()).unwrap().unwrap();
        assert_eq!(postgres.violations, memory.violations, "seed {seed}");
        assert_eq!(postgres.trace, memory.trace, "seed {seed}");
    }
}
