//! Values that only one record may have, and CRMs that know nothing of that.

use std::sync::Arc;
use std::time::Duration;

use syncline_core::store::Store;
use syncline_simulators::Options;
use syncline_storage::{MemoryStore, SqliteStore};

use crate::play::{HUBSPOT, Play, SALESFORCE};

/// People whose e-mail address is unique in the app; recognised by it, or not at all.
async fn play(store: Arc<dyn Store>, recognised: bool) -> Play {
    let options = Options {
        records: 0,
        ..Options::default()
    };
    Play::over(store, options, |_, sync| {
        sync.fields[0].unique = true;
        if !recognised {
            sync.mapping.match_keys.clear();
        }
    })
    .await
}

async fn failures(play: &Play) -> Vec<String> {
    let (runs, actor) = (play.stage.engine.runs(), &play.stage.actor);
    let failures = runs.failures(play.stage.tenant, None, actor).await.unwrap();
    failures.into_iter().map(|failure| failure.message).collect()
}

/// Until a failed record is due again.
async fn due() {
    tokio::time::sleep(Duration::from_millis(40)).await;
}

#[tokio::test]
async fn the_second_record_with_a_unique_value_fails_alone_and_comes_in_once_it_has_its_own() {
    let sqlite = Arc::new(SqliteStore::in_memory().await.unwrap());
    for (store, recognised) in [
        (Arc::new(MemoryStore::new()) as Arc<dyn Store>, false),
        (Arc::new(MemoryStore::new()), true),
        (sqlite, false),
    ] {
        let play = play(store, recognised).await;
        play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
        let second = play.create(SALESFORCE, "a@x.org", &[("city", "Genf")]);
        play.create(SALESFORCE, "b@x.org", &[]);
        play.run(SALESFORCE).await;
        assert_eq!(play.people().await.len(), 2, "recognised: {recognised}");
        assert_eq!(play.app("a@x.org", "city").await, "Bern");
        let failed = failures(&play).await;
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert!(
            failed[0].contains("`email` is unique and another person has a@x.org"),
            "{failed:?}"
        );
        due().await;
        play.run(SALESFORCE).await;
        assert_eq!(play.people().await.len(), 2);
        if recognised {
            // Later on it is a double of a linked record, and a person's to decide.
            assert_eq!(play.conflicts().await.len(), 1);
            continue;
        }
        assert_eq!(failures(&play).await.len(), 1);
        play.edit(SALESFORCE, &second, "email", "c@x.org");
        due().await;
        play.run(SALESFORCE).await;
        assert_eq!(play.app("c@x.org", "city").await, "Genf");
        assert_eq!(failures(&play).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_edit_that_takes_anothers_unique_value_waits_until_that_is_free() {
    let play = play(Arc::new(MemoryStore::new()), true).await;
    let one = play.create(SALESFORCE, "a@x.org", &[]);
    let other = play.create(SALESFORCE, "b@x.org", &[]);
    play.settle().await;
    play.later().await;
    // In one page: a city, which is nobody's, and an address, which is.
    play.edit(SALESFORCE, &other, "email", "a@x.org");
    play.edit(SALESFORCE, &other, "city", "Bern");
    play.settle().await;
    assert_eq!(play.people().await.len(), 2);
    assert_eq!(play.app("b@x.org", "city").await, "Bern");
    assert_eq!(failures(&play).await.len(), 1);
    assert_eq!(
        play.held(SALESFORCE, &other, "email"),
        "a@x.org",
        "and nobody writes over it"
    );
    play.edit(SALESFORCE, &one, "email", "z@x.org");
    due().await;
    play.settle().await;
    due().await;
    play.settle().await;
    assert_eq!(play.app("a@x.org", "city").await, "Bern");
    assert_eq!(failures(&play).await, Vec::<String>::new());
    play.is_quiet().await;
}

#[tokio::test]
async fn concurrent_runs_of_two_crms_take_a_unique_value_once() {
    let play = play(Arc::new(SqliteStore::in_memory().await.unwrap()), false).await;
    play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    play.create(HUBSPOT, "a@x.org", &[("city", "Genf")]);
    let pull = || syncline_engine::run::RunParameters {
        direction: Some(syncline_core::mapping::Direction::Pull),
        ..Default::default()
    };
    let (one, other) = tokio::join!(play.stage.sync(SALESFORCE, pull()), play.stage.sync(HUBSPOT, pull()));
    assert!(one.unwrap().balances() && other.unwrap().balances());
    assert_eq!(play.people().await.len(), 1);
    assert_eq!(failures(&play).await.len(), 1);
}
