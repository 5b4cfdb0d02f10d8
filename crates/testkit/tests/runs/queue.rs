use std::time::Duration;

use syncline_engine::run::{
    RollbackRelease, Run, RunParameters, RunQuery, RunRequest, RunScope, RunStatus, StartedRun,
};
use syncline_testkit::stage::Stage;

use crate::gate::Gate;
use crate::play::{HUBSPOT, Play, SALESFORCE};

async fn start(play: &Play, parameters: RunParameters) -> StartedRun {
    let request = RunRequest {
        tenant: play.stage.tenant,
        scope: RunScope::Provider(SALESFORCE.to_owned()),
        parameters,
    };
    play.stage
        .engine
        .runs()
        .start(request, &play.stage.actor)
        .await
        .unwrap()
        .remove(0)
}

async fn ended(play: &Play, run: u64) -> Run {
    for _ in 0..2_000 {
        let run = play.stage.engine.runs().get(run, &play.stage.actor).await.unwrap();
        if run.status.is_over() {
            return run;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("run {run} never ended");
}

#[tokio::test]
async fn equal_requests_during_a_run_become_one_that_waits_and_has_a_number() {
    let mut play = Play::empty().await;
    play.create(SALESFORCE, "a@x.org", &[]);
    let gate = Gate::before(&play.stage);
    play.stage.engine = Stage::engine_over(play.stage.store.clone(), gate.clone(), &play.stage.clock).unwrap();
    gate.hold("/query");
    let first = start(&play, RunParameters::default()).await;
    assert!(!first.queued);
    gate.arrived().await;
    let second = start(&play, RunParameters::default()).await;
    let third = start(&play, RunParameters::default()).await;
    let other = start(
        &play,
        RunParameters {
            full: true,
            ..RunParameters::default()
        },
    )
    .await;
    assert!(second.queued && third.queued && other.queued);
    assert_ne!(second.id, first.id);
    assert_eq!(second.id, third.id, "coalesced");
    assert_ne!(other.id, second.id, "with other parameters it is another run");
    gate.release();
    let mut finished = Vec::new();
    for run in [first.id, second.id, other.id] {
        let run = ended(&play, run).await;
        assert_eq!(run.status, RunStatus::Completed, "{:?}", run.error);
        finished.push((run.started_at.unwrap(), run.finished_at.unwrap()));
    }
    finished.sort();
    assert!(
        finished.windows(2).all(|pair| pair[0].1 <= pair[1].0),
        "one after the other: {finished:?}"
    );
}

#[tokio::test]
async fn a_run_that_is_stopped_loses_nothing() {
    let mut play = Play::empty().await;
    for number in 0..5 {
        play.create(SALESFORCE, &format!("p{number}@x.org"), &[("city", "Bern")]);
    }
    play.app_create("app@x.org", &[]).await;
    for part in ["/query", "composite"] {
        let gate = Gate::before(&play.stage);
        play.stage.engine = Stage::engine_over(play.stage.store.clone(), gate.clone(), &play.stage.clock).unwrap();
        gate.hold(part);
        let run = start(&play, RunParameters::default()).await;
        let came = tokio::time::timeout(Duration::from_secs(3), gate.arrived())
            .await
            .is_ok();
        if came {
            play.stage.engine.runs().stop(run.id, &play.stage.actor).await.unwrap();
        }
        gate.release();
        let run = ended(&play, run.id).await;
        if came {
            assert!(
                matches!(run.status, RunStatus::Stopped | RunStatus::Completed),
                "{part}: {:?}",
                run.error
            );
            assert!(run.balances());
        }
        let late = play
            .stage
            .engine
            .runs()
            .stop(run.id, &play.stage.actor)
            .await
            .unwrap_err();
        assert!(late.message().contains("over already"), "{late}");
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    play.settle().await;
    assert_eq!(
        (play.people().await.len(), play.count(SALESFORCE), play.count(HUBSPOT)),
        (6, 6, 6)
    );
    play.is_quiet().await;
}

#[tokio::test]
async fn the_history_is_found_by_connection_date_status_and_object() {
    let play = Play::empty().await;
    play.create(SALESFORCE, "a@x.org", &[]);
    play.run(SALESFORCE).await;
    play.later().await;
    let middle = play.stage.engine.now();
    play.run(HUBSPOT).await;
    let companies = RunParameters {
        objects: vec!["Account".into()],
        ..RunParameters::default()
    };
    play.stage.sync(SALESFORCE, companies).await.unwrap();
    play.stage
        .salesforce
        .faults()
        .script(syncline_simulators::Fault::ServerError, 50);
    let failed = play.stage.sync(SALESFORCE, RunParameters::default()).await.unwrap();
    play.stage.salesforce.faults().clear();
    assert_eq!(failed.status, RunStatus::Failed);
    let list = async |query: RunQuery| -> Vec<u64> {
        let runs = play
            .stage
            .engine
            .runs()
            .list(play.stage.tenant, &query, &play.stage.actor)
            .await
            .unwrap();
        runs.iter().map(|run| run.id).collect()
    };
    let hubspot = play.stage.connections[HUBSPOT].id;
    assert_eq!(list(RunQuery::default()).await, [4, 3, 2, 1], "newest first");
    assert_eq!(
        list(RunQuery {
            connection: Some(hubspot),
            ..RunQuery::default()
        })
        .await,
        [2]
    );
    assert_eq!(
        list(RunQuery {
            status: vec![RunStatus::Failed],
            ..RunQuery::default()
        })
        .await,
        [4]
    );
    assert_eq!(
        list(RunQuery {
            until: Some(middle),
            ..RunQuery::default()
        })
        .await,
        [1]
    );
    assert_eq!(
        list(RunQuery {
            since: Some(middle),
            ..RunQuery::default()
        })
        .await,
        [4, 3, 2]
    );
    assert_eq!(
        list(RunQuery {
            object: Some("contacts".into()),
            ..RunQuery::default()
        })
        .await,
        [2]
    );
    let people = list(RunQuery {
        object: Some("Contact".into()),
        ..RunQuery::default()
    })
    .await;
    assert!(
        people.contains(&1) && !people.contains(&3) && !people.contains(&2),
        "{people:?}"
    );
    assert_eq!(
        list(RunQuery {
            limit: 1,
            before: Some(3),
            ..RunQuery::default()
        })
        .await,
        [2],
        "page by page"
    );
    let run = play.stage.engine.runs().get(4, &play.stage.actor).await.unwrap();
    assert_eq!(run.initiator, "test");
    assert!(run.timeline.len() >= 2 && run.finished_at.is_some() && run.error.is_some());
}

#[tokio::test]
async fn the_runs_of_an_object_are_found_however_many_others_came_since() {
    let play = Play::empty().await;
    let run = play.run(HUBSPOT).await;
    let others = RunParameters {
        objects: vec!["Account".into()],
        ..RunParameters::default()
    };
    for _ in 0..120 {
        play.stage.sync(SALESFORCE, others.clone()).await.unwrap();
    }
    let query = RunQuery {
        object: Some("contacts".into()),
        limit: 5,
        ..RunQuery::default()
    };
    let (runs, actor) = (play.stage.engine.runs(), &play.stage.actor);
    let found = runs.list(play.stage.tenant, &query, actor).await.unwrap();
    assert_eq!(found.iter().map(|run| run.id).collect::<Vec<_>>(), [run.id]);
}

#[tokio::test]
async fn a_run_whose_process_died_is_shown_as_interrupted_and_the_next_goes_on_from_there() {
    let mut play = Play::empty().await;
    play.create(SALESFORCE, "a@x.org", &[]);
    let gate = Gate::before(&play.stage);
    play.stage.engine = Stage::engine_over(play.stage.store.clone(), gate.clone(), &play.stage.clock).unwrap();
    gate.hold("/query");
    let dying = tokio::spawn({
        let stage = play.stage.clone();
        async move { stage.sync(SALESFORCE, RunParameters::default()).await }
    });
    gate.arrived().await;
    let of = async |status: Vec<RunStatus>| {
        let query = RunQuery {
            status,
            ..RunQuery::default()
        };
        let runs = play.stage.engine.runs();
        runs.list(play.stage.tenant, &query, &play.stage.actor).await.unwrap()
    };
    assert_eq!(of(vec![RunStatus::Running]).await.len(), 1);
    assert!(of(vec![RunStatus::Interrupted]).await.is_empty());
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());
    play.stage.clock.advance(31);
    assert!(of(vec![RunStatus::Running]).await.is_empty());
    let interrupted = of(vec![RunStatus::Interrupted]).await;
    assert_eq!(interrupted.len(), 1);
    let (id, actor) = (interrupted[0].id, &play.stage.actor);
    let runs = play.stage.engine.runs();
    assert_eq!(runs.get(id, actor).await.unwrap().status, RunStatus::Interrupted);
    let everything = of(Vec::new()).await;
    assert!(
        everything
            .iter()
            .any(|run| run.id == id && run.status == RunStatus::Interrupted)
    );
    for refused in [
        runs.stop(id, actor).await.unwrap_err(),
        runs.rollback(id, RollbackRelease::Hold, false, actor)
            .await
            .unwrap_err(),
    ] {
        assert!(refused.message().contains("interrupted"), "{refused}");
    }
    gate.release();
    let next = play.stage.sync(SALESFORCE, RunParameters::default()).await.unwrap();
    assert_eq!(next.status, RunStatus::Completed, "{:?}", next.error);
    assert_eq!(runs.get(id, actor).await.unwrap().status, RunStatus::Stopped);
}

#[tokio::test]
async fn a_run_whose_process_died_while_it_waited_is_shown_as_interrupted_and_the_next_ends_it() {
    let mut play = Play::empty().await;
    let gate = Gate::before(&play.stage);
    play.stage.engine = Stage::engine_over(play.stage.store.clone(), gate.clone(), &play.stage.clock).unwrap();
    gate.hold("/query");
    let start = |parameters: RunParameters| {
        let stage = play.stage.clone();
        tokio::spawn(async move { stage.sync(SALESFORCE, parameters).await })
    };
    let running = start(RunParameters::default());
    gate.arrived().await;
    let waiting = start(RunParameters {
        full: true,
        ..RunParameters::default()
    });
    let runs = play.stage.engine.runs();
    let of = async |status: RunStatus| {
        let query = RunQuery {
            status: vec![status],
            ..RunQuery::default()
        };
        runs.list(play.stage.tenant, &query, &play.stage.actor).await.unwrap()
    };
    while of(RunStatus::Queued).await.is_empty() {
        tokio::task::yield_now().await;
    }
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    // Nothing tells it from one that waits for its turn, however long that takes.
    assert_eq!(of(RunStatus::Queued).await.len(), 1);
    gate.release();
    running.await.unwrap().unwrap();
    assert_eq!(of(RunStatus::Queued).await.len(), 1, "its turn has only just come");
    play.stage.clock.advance(31);
    assert!(of(RunStatus::Queued).await.is_empty());
    let interrupted = of(RunStatus::Interrupted).await;
    assert_eq!(interrupted.len(), 1);
    let next = play.stage.sync(SALESFORCE, RunParameters::default()).await.unwrap();
    assert_eq!(next.status, RunStatus::Completed, "{:?}", next.error);
    let ended = runs.get(interrupted[0].id, &play.stage.actor).await.unwrap();
    assert_eq!(ended.status, RunStatus::Stopped);
    assert!(ended.error.unwrap().contains("ask again"));
}
