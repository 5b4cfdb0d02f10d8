//! Repeats reads that failed for a moment. Writes are never repeated here: only the write protocol knows when that is
//! safe.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use syncline_core::io::{Class, Effect};
use syncline_core::{Error, ErrorKind, Result, Retry};
use tower::{Layer, Service, ServiceExt};

use super::call::{Answer, Answering, Call, CallService};
use super::circuit::Circuit;
use super::settings::HttpSettings;
use crate::ports::{Clock, Random, after};

/// Repeats reads, and leaves a failing provider alone.
#[derive(Debug, Clone)]
pub(super) struct RetryLayer {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) circuit: Arc<Circuit>,
    pub(super) settings: Arc<HttpSettings>,
}

impl<S> Layer<S> for RetryLayer {
    type Service = Retried<S>;

    fn layer(&self, inner: S) -> Retried<S> {
        Retried {
            layer: self.clone(),
            inner,
        }
    }
}

/// See [`RetryLayer`].
#[derive(Debug, Clone)]
pub(super) struct Retried<S> {
    layer: RetryLayer,
    inner: S,
}

impl<S: CallService> Service<Call> for Retried<S> {
    type Response = Answer;
    type Error = Error;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let Self { layer, inner } = self.clone();
        Box::pin(async move {
            let mut attempt = 1;
            loop {
                layer.pass()?;
                let outcome = inner.clone().oneshot(call.clone()).await;
                layer.learn(&outcome);
                let Some(least) = failed_for_a_moment(&outcome) else {
                    return outcome;
                };
                let pause = layer.pause(attempt, least);
                if call.request.effect != Effect::Read
                    || attempt >= layer.settings.max_attempts
                    || pause > layer.settings.max_wait
                {
                    return outcome;
                }
                tracing::debug!(
                    attempt,
                    milliseconds = pause.as_millis() as u64,
                    "trying again after a pause"
                );
                tokio::select! {
                    biased;
                    () = call.stop.stopped() => return Err(Error::new(ErrorKind::Stopped, "stopped on request")),
                    () = layer.clock.sleep_until(after(layer.clock.now(), pause)) => {}
                }
                attempt += 1;
            }
        })
    }
}

impl RetryLayer {
    fn pass(&self) -> Result<()> {
        self.circuit.pass(self.clock.now()).map_err(|(rest, last)| {
            let message =
                format!("the provider failed many times in a row and is left alone for a while; the last time: {last}");
            Error::new(ErrorKind::Unavailable, message).retry_as(Retry::After(rest))
        })
    }

    fn learn(&self, outcome: &Result<Answer>) {
        match outcome {
            Ok(Answer {
                class: Class::Unknown,
                response,
                ..
            }) => {
                let why = format!("it answered with status {}", response.head.status);
                self.circuit.failed(self.clock.now(), why);
            }
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                let why = std::error::Error::source(error).map(ToString::to_string);
                let why = why.filter(|why| !error.to_string().contains(why.as_str()));
                let why = why.map_or_else(|| error.to_string(), |why| format!("{error}: {why}"));
                self.circuit.failed(self.clock.now(), why);
            }
            Ok(_) => self.circuit.succeeded(),
            Err(_) => {}
        }
    }

    /// Full jitter: evenly drawn below a bound that doubles, but no shorter than the provider asks.
    fn pause(&self, attempt: u32, least: Duration) -> Duration {
        let doubled = 1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX);
        let bound = self
            .settings
            .backoff
            .saturating_mul(doubled)
            .min(self.settings.max_backoff);
        let bound = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
        let drawn = if bound == 0 { 0 } else { self.random.u64() % bound };
        least.saturating_add(Duration::from_micros(drawn))
    }
}

/// The least time to wait before another attempt, if one may help.
fn failed_for_a_moment(outcome: &Result<Answer>) -> Option<Duration> {
    match outcome {
        Ok(answer) => match &answer.class {
            Class::RateLimited { daily: true, .. } => None,
            Class::RateLimited { after, .. } | Class::Retryable { after } => Some(after.unwrap_or_default()),
            Class::Unknown => Some(
                // Providers in maintenance say how long, too.
                answer
                    .response
                    .head
                    .header("retry-after")
                    .and_then(|text| text.trim().parse().ok())
                    .map_or(Duration::ZERO, Duration::from_secs),
            ),
            _ => None,
        },
        Err(error) if error.kind() == ErrorKind::Unavailable => match error.retry() {
            Retry::After(least) => Some(least),
            Retry::UnknownOutcome => Some(Duration::ZERO),
            Retry::Never => None,
        },
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{SeededRandom, SystemClock};

    #[test]
    fn pauses_are_spread_evenly_below_a_bound_that_doubles_and_never_shorter_than_was_asked() {
        let layer = RetryLayer {
            clock: Arc::new(SystemClock),
            random: Arc::new(SeededRandom::new(1)),
            circuit: Arc::new(Circuit::new(1, Duration::ZERO, Duration::ZERO)),
            settings: Arc::new(HttpSettings::default()),
        };
        let least = Duration::from_secs(7);
        // Half a second, doubled with each attempt up to half a minute.
        for (attempt, bound) in [(1, 500), (2, 1_000), (3, 2_000), (7, 30_000), (40, 30_000)] {
            let drawn: Vec<u128> = (0..1_000)
                .map(|_| (layer.pause(attempt, least) - least).as_millis())
                .collect();
            assert!(drawn.iter().all(|pause| *pause < bound), "attempt {attempt}");
            // No quarter of the span is left out, from nothing on.
            for quarter in 0..4 {
                let span = bound * quarter / 4..bound * (quarter + 1) / 4;
                let count = drawn.iter().filter(|pause| span.contains(*pause)).count();
                assert!((200..300).contains(&count), "attempt {attempt}: {count} in {span:?}");
            }
        }
    }
}
