use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use syncline_core::mapping::Strategy;
use syncline_engine::event::{Event, EventKind};

use crate::play::{Play, SALESFORCE};

#[tokio::test]
async fn every_event_has_a_number_and_none_is_missed_by_who_goes_on_from_the_last() {
    let play = Play::mapped(|_, sync| sync.mapping.strategy = Strategy::ManualReview).await;
    let (engine, tenant) = (&play.stage.engine, play.stage.tenant);
    let seen: Arc<Mutex<Vec<Event>>> = Arc::default();
    let listener = tokio::spawn({
        let (engine, seen, actor) = (engine.clone(), seen.clone(), play.stage.actor.clone());
        async move {
            engine
                .on_event(tenant, 0, &actor, |event| seen.lock().unwrap().push(event))
                .await
        }
    });
    let ext = play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    play.settle().await;
    play.later().await;
    play.edit(SALESFORCE, &ext, "city", "Genf");
    play.app_edit("a@x.org", "city", "Basel").await;
    play.run(SALESFORCE).await;
    let all = engine.events(tenant, 0, 1_000, &play.stage.actor).await.unwrap();
    let syncs = engine.syncs().list(tenant, false, &play.stage.actor).await.unwrap();
    for _ in 0..400 {
        if seen.lock().unwrap().len() >= all.len() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    listener.abort();
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen, all, "the callback gets them all, in order");
    let numbers: BTreeSet<u64> = all.iter().map(|event| event.id).collect();
    assert_eq!(numbers.len(), all.len(), "each number once");
    let started = all
        .iter()
        .filter(|event| matches!(event.kind, EventKind::RunStarted { .. }))
        .count();
    let finished = all
        .iter()
        .filter(|event| matches!(event.kind, EventKind::RunFinished { .. }))
        .count();
    assert_eq!((started, finished), (7, 7));
    let names: Vec<String> = syncs.into_iter().map(|sync| sync.name).collect();
    assert!(
        all.iter()
            .any(|event| matches!(&event.kind, EventKind::ConflictOpened { sync, .. } if names.contains(sync))),
        "{all:?}"
    );
    // Who had dealt with some of them asks from there, and gets the rest again and again.
    let half = all[all.len() / 2].id;
    for _ in 0..2 {
        let rest = engine.events(tenant, half, 1_000, &play.stage.actor).await.unwrap();
        assert_eq!(rest, all[all.len() / 2 + 1..]);
    }
}
