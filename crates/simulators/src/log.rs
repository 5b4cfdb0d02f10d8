//! What a simulator was asked, so that a test can assert that nothing was written.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use jiff::Timestamp;

use crate::clock::Clock;
use crate::fault::{Dropped, FaultBodies};

/// How many entries are kept; the counters go on.
const KEPT: usize = 10_000;

/// One request as the service saw it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogEntry {
    /// 1 for the first request.
    pub number: u64,
    /// When it arrived, by the simulator's clock.
    pub time: Timestamp,
    /// The HTTP method.
    pub method: String,
    /// Path and query, with secrets replaced by `***`.
    pub path: String,
    /// Whether it could change records.
    pub mutating: bool,
    /// The status it was answered with, or 0 when the answer was cut off or never sent.
    pub status: u16,
    /// How many records it wrote.
    pub records: u64,
}

/// Response extension: how many records the request wrote.
#[derive(Clone, Copy, Debug)]
pub struct RecordsTouched(pub u64);

/// Response extension: the request only read, although its method and path allow it to write.
#[derive(Clone, Copy, Debug)]
pub struct OnlyRead;

#[derive(Debug, Default)]
struct Entries {
    kept: VecDeque<LogEntry>,
    total: u64,
    mutating: u64,
    records: u64,
}

/// The requests a simulator got. Clones share one log.
#[derive(Clone, Debug, Default)]
pub struct RequestLog(Arc<Mutex<Entries>>);

impl RequestLog {
    fn entries_mut(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many requests there were.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.entries_mut().total
    }

    /// How many requests could change records.
    #[must_use]
    pub fn mutating(&self) -> u64 {
        self.entries_mut().mutating
    }

    /// How many records were written by requests.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.entries_mut().records
    }

    /// The last 10,000 requests, oldest first.
    #[must_use]
    pub fn entries(&self) -> Vec<LogEntry> {
        self.entries_mut().kept.iter().cloned().collect()
    }

    fn push(&self, mut entry: LogEntry) {
        let mut entries = self.entries_mut();
        entries.total += 1;
        entries.mutating += u64::from(entry.mutating);
        entries.records += entry.records;
        entry.number = entries.total;
        if entries.kept.len() == KEPT {
            entries.kept.pop_front();
        }
        entries.kept.push_back(entry);
    }
}

#[derive(Clone, Debug)]
struct Recorder {
    log: RequestLog,
    clock: Arc<dyn Clock>,
    bodies: Arc<dyn FaultBodies>,
}

/// Records every request to `router` in `log`. Put it outermost, so that it sees what the client sees.
pub fn record(router: Router, log: RequestLog, clock: Arc<dyn Clock>, bodies: Arc<dyn FaultBodies>) -> Router {
    router.layer(from_fn_with_state(Recorder { log, clock, bodies }, observe))
}

async fn observe(State(recorder): State<Recorder>, request: Request, next: Next) -> Response {
    let time = recorder.clock.now();
    let method = request.method().to_string();
    let writes = recorder.bodies.mutating(request.method(), request.uri().path());
    let path = redacted(request.uri().path_and_query().map_or("/", |whole| whole.as_str()));
    let response = next.run(request).await;
    let extensions = response.extensions();
    let status = if extensions.get::<Dropped>().is_some() {
        0
    } else {
        response.status().as_u16()
    };
    let records = extensions.get::<RecordsTouched>().map_or(0, |touched| touched.0);
    let mutating = writes && extensions.get::<OnlyRead>().is_none();
    recorder.log.push(LogEntry {
        number: 0,
        time,
        method,
        path,
        mutating,
        status,
        records,
    });
    response
}

/// Replaces the values of query parameters that carry secrets, and tokens in the path.
fn redacted(path_and_query: &str) -> String {
    const SECRET: [&str; 8] = [
        "access_token",
        "refresh_token",
        "client_secret",
        "token",
        "code",
        "code_verifier",
        "password",
        "hapikey",
    ];
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path_and_query, None),
    };
    let mut text = String::with_capacity(path_and_query.len());
    let mut hide = false;
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            text.push('/');
        }
        text.push_str(if hide && !segment.is_empty() { "***" } else { segment });
        hide = matches!(segment, "access-tokens" | "refresh-tokens");
    }
    if let Some(query) = query {
        for (index, pair) in query.split('&').enumerate() {
            text.push(if index == 0 { '?' } else { '&' });
            match pair.split_once('=') {
                Some((name, _)) if SECRET.contains(&name) => {
                    text.push_str(name);
                    text.push_str("=***");
                }
                _ => text.push_str(pair),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn tokens_never_reach_the_log() {
        assert_eq!(redacted("/oauth/v1/access-tokens/abc"), "/oauth/v1/access-tokens/***");
        assert_eq!(redacted("/a?code=x&state=y"), "/a?code=***&state=y");
    }
}
