use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use syncline_core::Result;
use syncline_core::store::{Mode, Store, Transaction};
use syncline_engine::run::RunParameters;
use syncline_simulators::Options;
use syncline_storage::{MemoryStore, SqliteStore};
use syncline_testkit::stage::{HUBSPOT as HUBSPOT_HOST, RouterTransport, SALESFORCE as SALESFORCE_HOST, Stage};

use crate::play::{HUBSPOT, Play, SALESFORCE};

/// A store where every transaction begins with a pause, so that a run can be cut off between any two.
#[derive(Debug)]
struct Pausing(MemoryStore);

#[async_trait]
impl Store for Pausing {
    async fn begin(&self, mode: Mode) -> Result<Box<dyn Transaction>> {
        tokio::task::yield_now().await;
        self.0.begin(mode).await
    }

    fn label(&self) -> String {
        self.0.label()
    }
}

/// Polls so often, then drops what is left. Says whether it was done by then.
async fn cut_off(work: impl Future, polls: usize) -> bool {
    let mut work = Box::pin(work);
    for _ in 0..polls {
        if futures::poll!(work.as_mut()).is_ready() {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}

/// Another process over the same store.
fn restarted(play: Play, store: Arc<dyn Store>) -> Play {
    let transport = RouterTransport::default()
        .route(SALESFORCE_HOST, play.stage.salesforce.router())
        .route(HUBSPOT_HOST, play.stage.hubspot.router());
    let engine = Stage::engine(store.clone(), transport, &play.stage.clock).unwrap();
    Play {
        stage: Stage {
            engine,
            store,
            ..play.stage
        },
        syncs: play.syncs,
    }
}

fn edit_somebody(play: &Play, people: &[syncline_core::state::Linked], round: usize) {
    for (number, person) in people.iter().enumerate() {
        match (number + round) % 4 {
            0 => play.edit(
                SALESFORCE,
                &play.ext(person, SALESFORCE),
                "title",
                &format!("sf {round}"),
            ),
            1 => play.edit(HUBSPOT, &play.ext(person, HUBSPOT), "city", &format!("hs {round}")),
            _ => {}
        }
    }
}

async fn nothing_is_lost_or_doubled(play: &Play, case: &str) {
    for _ in 0..4 {
        for provider in [SALESFORCE, HUBSPOT] {
            let run = play.stage.sync(provider, RunParameters::default()).await.unwrap();
            assert!(run.error.is_none(), "{case}: {:?}", run.error);
        }
    }
    let differences = play.stage.differences().await.unwrap();
    assert!(differences.is_empty(), "{case}: {differences:#?}");
    let people = play.people().await.len();
    assert_eq!(
        (play.count(SALESFORCE), play.count(HUBSPOT)),
        (people, people),
        "{case}"
    );
    assert!(
        play.conflicts().await.is_empty(),
        "{case}: {:#?}",
        play.conflicts().await
    );
    play.is_quiet().await;
}

async fn crashes(marked: bool, options: Options) {
    let expected = {
        let play = Play::over(Arc::new(MemoryStore::new()), options.clone(), |_, _| {}).await;
        play.settle().await;
        play.people().await.len()
    };
    let mut done = 0;
    for start in 1..8 {
        let memory = MemoryStore::new();
        let store: Arc<dyn Store> = Arc::new(Pausing(memory.clone()));
        let mut play = Play::over(store.clone(), options.clone(), |_, sync| {
            if !marked {
                sync.mapping.marker = None;
            }
        })
        .await;
        // The first sync and then edits, each process a little longer lived than the one before.
        let mut polls = start;
        for provider in [SALESFORCE, HUBSPOT, SALESFORCE, HUBSPOT] {
            loop {
                let finished = cut_off(play.stage.sync(provider, RunParameters::default()), polls).await;
                memory.crash();
                play = restarted(play, store.clone());
                done += 1;
                if finished {
                    break;
                }
                polls += 3;
            }
            polls = start;
        }
        nothing_is_lost_or_doubled(&play, &format!("first sync, from {start}")).await;
        assert_eq!(play.people().await.len(), expected, "from {start}");
        for round in 0..3 {
            let people = play.people().await;
            edit_somebody(&play, &people, round);
            let email = people[round].entity.value(0).to_string();
            play.app_edit(&email, "phone", &format!("+41 44 668 18 0{round}")).await;
            for provider in [SALESFORCE, HUBSPOT] {
                cut_off(
                    play.stage.sync(provider, RunParameters::default()),
                    start + 5 * round + 4,
                )
                .await;
                memory.crash();
                play = restarted(play, store.clone());
            }
        }
        nothing_is_lost_or_doubled(&play, &format!("edits, from {start}")).await;
    }
    assert!(done > 40, "only {done} crashes");
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_moment_loses_and_doubles_nothing() {
    crashes(
        true,
        Options {
            records: 6,
            overlap: 0.5,
            ..Options::default()
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_moment_doubles_nothing_without_a_unique_key_either() {
    crashes(
        false,
        Options {
            records: 6,
            overlap: 0.5,
            seed: 2,
            ..Options::default()
        },
    )
    .await;
}

#[tokio::test]
async fn an_aborted_run_over_sqlite_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("syncline.db");
    let options = Options {
        records: 6,
        overlap: 0.5,
        ..Options::default()
    };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&path).await.unwrap());
    let mut play = Play::over(store, options, |_, _| {}).await;
    for milliseconds in [1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121, 144] {
        for provider in [SALESFORCE, HUBSPOT] {
            let run = play.stage.sync(provider, RunParameters::default());
            let _ = tokio::time::timeout(std::time::Duration::from_millis(milliseconds), run).await;
            let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&path).await.unwrap());
            play = restarted(play, store);
        }
    }
    nothing_is_lost_or_doubled(&play, "sqlite").await;
}
