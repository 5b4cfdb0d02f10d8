//! Live progress, as server-sent events.

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::{Stream, stream};
use tokio::sync::broadcast::error::RecvError;

use crate::host::{Asking, Failed, Host};

/// `GET /progress`: in a browser, `new EventSource("/progress").onmessage = (moment) => ...`.
pub(crate) async fn progress(
    State(host): State<Host>,
    asking: Asking,
) -> Result<Sse<impl Stream<Item = Result<Event, axum::Error>>>, Failed> {
    let moments = host.engine.progress(&asking.me)?;
    let events = stream::unfold(moments, |mut moments| async {
        loop {
            match moments.recv().await {
                Ok(moment) => return Some((Event::default().json_data(&moment), moments)),
                // A browser that is slow misses moments; the next one tells as much.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}
