//! The memory store does what a store has to do, and knows what a crash is.

use libtest_mimic::{Arguments, Failed, Trial};
use syncline_core::ErrorKind;
use syncline_core::store::{Mode, Sequence, Store};
use syncline_storage::MemoryStore;

fn main() {
    let mut trials: Vec<Trial> = syncline_testkit::store::cases()
        .into_iter()
        .map(|case| Trial::test(case.name, move || run(case.run(&MemoryStore::new()))))
        .collect();
    trials.push(Trial::test("a_crash_keeps_what_was_committed_and_nothing_else", || {
        run(a_crash_keeps_what_was_committed_and_nothing_else())
    }));
    trials.push(Trial::test(
        "transactions_open_at_a_crash_fail_and_block_nobody",
        || run(transactions_open_at_a_crash_fail_and_block_nobody()),
    ));
    trials.push(Trial::test("who_waits_for_a_turn_at_a_crash_is_told", || {
        run(who_waits_for_a_turn_at_a_crash_is_told())
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// No runtime: the memory store must not need one.
fn run(case: impl Future<Output = syncline_core::Result<()>>) -> Result<(), Failed> {
    futures::executor::block_on(case).map_err(Failed::from)
}

async fn a_crash_keeps_what_was_committed_and_nothing_else() -> syncline_core::Result<()> {
    let store = MemoryStore::new();
    let mut committed = store.begin(Mode::Write).await?;
    committed.reserve(Sequence::Mark, 3).await?;
    committed.commit().await?;
    let mut open = store.begin(Mode::Write).await?;
    open.reserve(Sequence::Mark, 5).await?;
    store.crash();
    let mut after = store.begin(Mode::Write).await?;
    assert_eq!(after.reserve(Sequence::Mark, 1).await?, 4);
    Ok(())
}

async fn transactions_open_at_a_crash_fail_and_block_nobody() -> syncline_core::Result<()> {
    let store = MemoryStore::new();
    let mut writer = store.begin(Mode::Write).await?;
    let mut reader = store.begin(Mode::Read).await?;
    writer.reserve(Sequence::Mark, 5).await?;
    store.crash();
    let mut after = store.begin(Mode::Write).await?;
    assert_eq!(after.reserve(Sequence::Mark, 1).await?, 1);
    after.commit().await?;
    let failures = [
        writer.reserve(Sequence::Mark, 1).await.err(),
        reader.load(&[1]).await.err(),
        writer.commit().await.err(),
    ];
    for failure in failures {
        assert_eq!(failure.map(|error| error.kind()), Some(ErrorKind::Store));
    }
    let mut last = store.begin(Mode::Write).await?;
    assert_eq!(last.reserve(Sequence::Mark, 1).await?, 2);
    Ok(())
}

async fn who_waits_for_a_turn_at_a_crash_is_told() -> syncline_core::Result<()> {
    let store = MemoryStore::new();
    let holder = store.begin(Mode::Write).await?;
    let mut waiting = store.begin(Mode::Write);
    assert!(futures::poll!(waiting.as_mut()).is_pending());
    store.crash();
    drop(holder);
    assert_eq!(waiting.await.err().map(|error| error.kind()), Some(ErrorKind::Store));
    Ok(())
}
