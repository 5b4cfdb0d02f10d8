use std::time::{Duration, Instant};

use syncline_engine::http::StopFlag;
use syncline_engine::sync::Schedule;

use crate::gate::Gate;
use crate::play::{HUBSPOT, Play, SALESFORCE};

/// Both CRMs' people are synced by themselves, once a day.
async fn daily() -> Play {
    let play = Play::mapped(|_, sync| sync.schedule = Schedule::Day { at: "03:00".into() }).await;
    for number in 0..3 {
        play.create(SALESFORCE, &format!("p{number}@x.org"), &[("city", "Bern")]);
    }
    play.settle().await;
    play
}

async fn scheduled(play: &Play, work: impl AsyncFnOnce()) {
    let stop = StopFlag::new();
    let schedule = tokio::spawn({
        let (engine, actor, stop) = (play.stage.engine.clone(), play.stage.actor.clone(), stop.clone());
        async move { engine.run_schedule(stop, &actor).await }
    });
    work().await;
    stop.stop();
    schedule.await.unwrap().unwrap();
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..2_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came to it: {what}");
}

#[tokio::test]
async fn an_edit_of_the_app_reaches_both_crms_at_once() {
    let play = daily().await;
    scheduled(&play, async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        play.app_edit("p1@x.org", "city", "Genf").await;
        until("edited", async || {
            play.crm(SALESFORCE, "p1@x.org", "city").await == "Genf"
                && play.crm(HUBSPOT, "p1@x.org", "city").await == "Genf"
        })
        .await;
        play.app_create("new@x.org", &[("city", "Chur")]).await;
        until("created", async || {
            (play.count(SALESFORCE), play.count(HUBSPOT)) == (4, 4)
        })
        .await;
    })
    .await;
    play.is_quiet().await;
}

#[tokio::test]
async fn what_one_crm_told_reaches_the_other_at_once() {
    let play = daily().await;
    play.later().await;
    let ext = play.ext(&play.person("p0@x.org").await, SALESFORCE);
    scheduled(&play, async || {
        play.edit(SALESFORCE, &ext, "city", "Basel");
        play.run(SALESFORCE).await;
        play.app_edit("p1@x.org", "title", "Captain").await;
        until("passed on", async || {
            play.crm(HUBSPOT, "p0@x.org", "city").await == "Basel"
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn what_only_runs_by_hand_is_not_woken_and_quiet_stays_quiet() {
    let play = Play::mapped(|provider, sync| {
        if provider == HUBSPOT {
            sync.schedule = Schedule::Day { at: "03:00".into() };
        }
    })
    .await;
    play.create(SALESFORCE, "p1@x.org", &[("city", "Bern")]);
    play.settle().await;
    scheduled(&play, async || {
        play.app_edit("p1@x.org", "city", "Genf").await;
        until("edited", async || play.crm(HUBSPOT, "p1@x.org", "city").await == "Genf").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let runs = || async {
            let query = syncline_engine::run::RunQuery::default();
            let runs = play
                .stage
                .engine
                .runs()
                .list(play.stage.tenant, &query, &play.stage.actor)
                .await;
            runs.unwrap().len()
        };
        let before = runs().await;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(runs().await, before, "no run without news");
    })
    .await;
    assert_eq!(play.crm(SALESFORCE, "p1@x.org", "city").await, "Bern");
}

#[tokio::test]
async fn many_edits_at_once_make_few_runs() {
    let play = daily().await;
    let runs = async || {
        let query = syncline_engine::run::RunQuery::default();
        let runs = play
            .stage
            .engine
            .runs()
            .list(play.stage.tenant, &query, &play.stage.actor)
            .await;
        runs.unwrap().len()
    };
    let before = runs().await;
    scheduled(&play, async || {
        tokio::time::sleep(Duration::from_millis(50)).await;
        for number in 0..30 {
            play.app_edit("p1@x.org", "city", &format!("City {number}")).await;
        }
        until("the last", async || {
            play.crm(SALESFORCE, "p1@x.org", "city").await == "City 29"
        })
        .await;
        until("the last", async || {
            play.crm(HUBSPOT, "p1@x.org", "city").await == "City 29"
        })
        .await;
    })
    .await;
    let made = runs().await - before;
    assert!(made <= 20, "{made} runs for 30 edits on two connections");
}

#[tokio::test]
async fn from_an_edit_to_its_first_request_it_is_milliseconds() {
    let mut play = daily().await;
    let gate = Gate::before(&play.stage);
    play.stage.engine =
        syncline_testkit::stage::Stage::engine_over(play.stage.store.clone(), gate.clone(), &play.stage.clock).unwrap();
    let mut took = Vec::new();
    scheduled(&play, async || {
        tokio::time::sleep(Duration::from_millis(200)).await;
        for number in 0..9 {
            gate.taken();
            let begun = Instant::now();
            play.app_edit("p1@x.org", "city", &format!("City {number}")).await;
            while gate.taken().is_empty() {
                assert!(begun.elapsed() < Duration::from_secs(10));
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            took.push(begun.elapsed());
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
    })
    .await;
    took.sort();
    // The aim is 50 ms; a busy machine that builds beside it is allowed more.
    assert!(took[4] < Duration::from_millis(500), "{took:?}");
}
