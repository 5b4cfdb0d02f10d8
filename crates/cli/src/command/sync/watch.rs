//! Carrying runs out under the eyes of a person.

use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use syncline::RunRequest;
use syncline::run::{Run, RunQuery, RunStatus};

use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupts;
use crate::progress::Bars;
use crate::project::Project;

/// What became of each request.
pub(super) type Outcomes = Vec<Result<Vec<Run>, syncline::Error>>;

/// Carries requests out under live bars, until they are done or a second Ctrl-C; tells whether somebody asked to stop.
pub(super) async fn carry_out(project: &Project, requests: Vec<RunRequest>) -> Result<(Outcomes, bool), Failure> {
    let mut interrupts = Interrupts::listen();
    let mut events = project.engine.progress(&project.actor)?;
    // On tasks of their own, so that a busy run does not hold up the bars and Ctrl-C.
    let work = requests.into_iter().map(|request| {
        let (engine, actor) = (project.engine.clone(), project.actor.clone());
        tokio::spawn(async move { engine.runs().run(request, &actor).await })
    });
    let work = join_all(work).fuse();
    let mut work = std::pin::pin!(work);
    let mut bars = Bars::default();
    let mut beat = tokio::time::interval(Duration::from_millis(200));
    let mut beats: u32 = 0;
    let mut is_quiet = true;
    let mut stopping = false;
    loop {
        tokio::select! {
            done = &mut work => {
                bars.finish();
                let broken = |error| Err(syncline::Error::new(syncline::ErrorKind::Internal, "a run broke off").because(error));
                let outcomes = done.into_iter().map(|outcome| outcome.unwrap_or_else(broken)).collect();
                return Ok((outcomes, stopping));
            }
            event = events.recv() => match event {
                Ok(event) => {
                    is_quiet = false;
                    bars.show(&event);
                }
                // Too slow for all of them; the next one tells as much.
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Closed) => tokio::time::sleep(Duration::from_millis(200)).await,
            },
            _ = beat.tick() => {
                bars.tick();
                beats = beats.saturating_add(1);
                if is_quiet && beats == QUIET_BEATS {
                    bars.say("still waiting: the provider does not answer yet, or another run, perhaps a killed one, holds the connection");
                }
            }
            () = interrupts.next() => {
                if stopping {
                    bars.finish();
                    return Err(Failure::new(Exit::Interrupted, "stopped at once").next("nothing is lost: the next run goes on from here"));
                }
                stopping = true;
                bars.say("stopping at the next safe place; Ctrl-C again stops at once");
                stop_all(project).await?;
            }
        }
    }
}

/// Beats of 200 ms without a word from a run, after which a person is told what it may wait for.
const QUIET_BEATS: u32 = 15;

async fn stop_all(project: &Project) -> Result<(), Failure> {
    let query = RunQuery {
        status: vec![RunStatus::Running, RunStatus::Queued],
        ..RunQuery::default()
    };
    for run in project
        .engine
        .runs()
        .list(project.tenant.id, &query, &project.actor)
        .await?
    {
        // One that ended meanwhile needs no stopping.
        let _over = project.engine.runs().stop(run.id, &project.actor).await;
    }
    Ok(())
}
