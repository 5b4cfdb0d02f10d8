//! What an unchanged record, and a plain new one, may not cost.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use syncline_benches::planned::Planned;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// One test, since the counter counts the whole process.
#[test]
fn an_unchanged_record_costs_no_allocation_and_a_page_of_new_ones_few() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let planned = Planned::new().unwrap();
    let blocks = || dhat::HeapStats::get().total_blocks;
    let before = blocks();
    for _ in 0..1_000 {
        std::hint::black_box(planned.accept_unchanged());
    }
    assert_eq!(blocks() - before, 0);

    let before = blocks();
    assert_eq!(planned.create(1_000).unwrap(), 1_000);
    // The page's buffers as they grow, and nothing for each record.
    assert!(blocks() - before < 80, "{}", blocks() - before);
}
