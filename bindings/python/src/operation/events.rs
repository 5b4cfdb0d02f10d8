//! What the host is told.

use std::time::Duration;

use serde_json::Value as Json;
use syncline::actor::Actor;
use syncline::event::Event;
use syncline::{Engine, Result};
use tokio::sync::mpsc;

use super::{plain, take, unknown};

pub(super) async fn call(engine: &Engine, operation: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    match operation {
        "list" => {
            take!(arguments => tenant: u32, after: u64, limit: usize);
            plain(&engine.events(tenant, after, limit, actor).await?)
        }
        "next" => {
            take!(arguments => tenant: u32, after: u64, seconds: Option<f64>);
            plain(&next(engine, tenant, after, seconds, actor).await?)
        }
        _ => unknown(operation),
    }
}

/// How long nobody looks for what other processes stored, who ring no bell here.
const LOOK: Duration = Duration::from_secs(1);

/// Waits for what happens after an event; nothing when the time is over.
async fn next(engine: &Engine, tenant: u32, after: u64, seconds: Option<f64>, actor: &Actor) -> Result<Vec<Event>> {
    let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let over = time.map(|time| tokio::time::Instant::now() + time);
    loop {
        let (send, mut receive) = mpsc::unbounded_channel();
        let told = engine.on_event(tenant, after, actor, |event| {
            // Nobody listens any more once the first is there; the others are read with it.
            let _late = send.send(event);
        });
        tokio::select! {
            biased;
            ended = told => ended?,
            _ = receive.recv() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        let events = engine.events(tenant, after, 1_000, actor).await?;
        if !events.is_empty() || over.is_some_and(|over| over <= tokio::time::Instant::now()) {
            return Ok(events);
        }
    }
}
