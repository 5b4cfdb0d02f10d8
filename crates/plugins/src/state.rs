//! [`State`]: what the host keeps of one instance, and its answers to what the instance asks.

use std::sync::Arc;
use std::time::Instant;

use syncline_core::io::{Effect, Level, Request, Response};
use syncline_core::{Error, ErrorKind, Result, Retry};
use tokio::sync::mpsc;

use crate::asked::{Asked, ask};
use crate::bindings::syncline::connector::{host, types as wit};
use crate::breach::{breach, shown};
use crate::door::Door;
use crate::limits::Limits;
use crate::memory::Memory;

syncline_plugin::convert_contract!(wit);

/// Longest log line, in characters.
const LINE: usize = 2_000;

/// What the host keeps of one instance. Every count is of the call under way.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) limits: Arc<Limits>,
    pub(crate) memory: Memory,
    pub(crate) door: Door,
    pub(crate) call: Call,
    outbox: mpsc::Sender<Asked>,
}

/// What one call has used.
#[derive(Debug)]
pub(crate) struct Call {
    /// Whether the call may wait: one that may not is never put aside for others.
    pub(crate) may_wait: bool,
    /// Ticks of the clock that it may compute for.
    pub(crate) ticks: u64,
    /// Whether the host took time since the last tick, which then is none of the plugin's.
    pub(crate) waited: bool,
    began: Instant,
    requests: u32,
    lines: u32,
    line_bytes: usize,
    /// Whether a request was let out that does something.
    pub(crate) has_written: bool,
    /// The last thing that the plugin warned of: where it crashes, the reason.
    pub(crate) warning: Option<String>,
    /// Why the host ended the call.
    pub(crate) breach: Option<Error>,
}

impl Call {
    pub(crate) fn new(may_wait: bool, ticks: u64) -> Self {
        Self {
            may_wait,
            ticks,
            waited: false,
            began: Instant::now(),
            requests: 0,
            lines: 0,
            line_bytes: 0,
            has_written: false,
            warning: None,
            breach: None,
        }
    }
}

impl State {
    pub(crate) fn new(limits: Arc<Limits>, door: Door, outbox: mpsc::Sender<Asked>) -> Self {
        Self {
            memory: Memory::new(&limits),
            limits,
            door,
            call: Call::new(false, 1),
            outbox,
        }
    }

    /// Ends the call: what the plugin did, it may not do.
    fn end<T>(&mut self, reason: Error) -> wasmtime::Result<T> {
        let error = wasmtime::Error::msg(reason.to_string());
        self.call.breach = Some(reason);
        Err(error)
    }

    /// Whether the call has time left. Looked at when it computes, and whenever it asks for something.
    ///
    /// # Errors
    /// Ends the call when it has not.
    pub(crate) fn check_time(&mut self) -> wasmtime::Result<()> {
        if self.call.began.elapsed() > self.limits.call {
            let most = self.limits.call.as_secs();
            return self.end(breach(format!(
                "the plugin took longer than the {most} s that one call may take"
            )));
        }
        Ok(())
    }

    /// Counts a tick of the clock.
    ///
    /// # Errors
    /// Ends the call when it has computed for too long.
    pub(crate) fn tick(&mut self) -> wasmtime::Result<()> {
        if std::mem::take(&mut self.call.waited) {
            return self.check_time();
        }
        self.call.ticks = self.call.ticks.saturating_sub(1);
        if self.call.ticks == 0 {
            return self.end(breach(
                "the plugin computed for longer than one call may, without coming to an end",
            ));
        }
        self.check_time()
    }

    /// Asks whoever made the call.
    async fn ask<T>(&mut self, question: impl FnOnce(tokio::sync::oneshot::Sender<T>) -> Asked) -> wasmtime::Result<T> {
        self.check_time()?;
        match ask(&self.outbox, question).await {
            Ok(answer) => Ok(answer),
            Err(error) => self.end(error),
        }
    }

    /// Looks over requests before they leave. What may not leave ends the call: a plugin that tries is not one to go on
    /// with.
    fn let_out(&mut self, requests: Vec<wit::Request>) -> wasmtime::Result<Vec<Request>> {
        let count = u32::try_from(requests.len()).unwrap_or(u32::MAX);
        self.call.requests = self.call.requests.saturating_add(count);
        if self.call.requests > self.limits.requests {
            let most = self.limits.requests;
            return self.end(breach(format!(
                "the plugin sent more than the {most} requests that one call may"
            )));
        }
        let mut checked = Vec::with_capacity(requests.len());
        for request in requests {
            let mut request = Request::from(request);
            if let Err(error) = self.door.check(&mut request) {
                return self.end(error);
            }
            checked.push(request);
        }
        Ok(checked)
    }

    /// Marks that requests leave now.
    fn leaves(&mut self, requests: &[Request]) {
        self.call.has_written |= requests.iter().any(|request| request.effect != Effect::Read);
    }

    /// An answer as the plugin gets it.
    fn hand_over(&self, answer: Result<Response>) -> Result<wit::Response, wit::Error> {
        let response = answer?;
        let most = self.limits.response_bytes;
        if response.body.len() > most {
            let message = format!("the answer is larger than the {most} bytes that a plugin is handed");
            let retry = if self.call.has_written {
                Retry::UnknownOutcome
            } else {
                Retry::Never
            };
            return Err(Error::new(ErrorKind::Protocol, message).retry_as(retry).into());
        }
        Ok(response.into())
    }
}

impl wit::Host for State {}

impl host::Host for State {
    async fn send(&mut self, request: wit::Request) -> wasmtime::Result<Result<wit::Response, wit::Error>> {
        let Some(request) = self.let_out(vec![request])?.pop() else {
            return self.end(breach("no request"));
        };
        self.leaves(std::slice::from_ref(&request));
        let answer = self.ask(|answer| Asked::Send(request, answer)).await?;
        self.call.waited = true;
        Ok(self.hand_over(answer))
    }

    async fn send_all(
        &mut self,
        requests: Vec<wit::Request>,
    ) -> wasmtime::Result<Vec<Result<wit::Response, wit::Error>>> {
        let requests = self.let_out(requests)?;
        self.leaves(&requests);
        let answers = self.ask(|answer| Asked::SendAll(requests, answer)).await?;
        self.call.waited = true;
        Ok(answers.into_iter().map(|answer| self.hand_over(answer)).collect())
    }

    async fn mark(&mut self) -> wasmtime::Result<u64> {
        Ok(self.ask(Asked::Mark).await?.0)
    }

    async fn now(&mut self) -> wasmtime::Result<wit::Instant> {
        Ok(self.ask(Asked::Now).await?.into())
    }

    async fn random(&mut self) -> wasmtime::Result<u64> {
        self.ask(Asked::Random).await
    }

    async fn log(&mut self, level: wit::Level, message: String) -> wasmtime::Result<()> {
        self.call.lines = self.call.lines.saturating_add(1);
        self.call.line_bytes = self.call.line_bytes.saturating_add(message.len());
        if self.call.lines > self.limits.log_lines || self.call.line_bytes > self.limits.log_bytes {
            return self.end(breach(
                "the plugin wrote more log lines than one call may; the rest of them was dropped",
            ));
        }
        let (level, message) = (Level::from(level), shown(&message, LINE));
        if level == Level::Warn {
            self.call.warning = Some(message.clone());
        }
        self.ask(|answer| Asked::Log(level, message, answer)).await
    }

    async fn verify_mac(
        &mut self,
        key_name: String,
        algorithm: wit::MacAlgorithm,
        message: Vec<u8>,
        tag: Vec<u8>,
    ) -> wasmtime::Result<bool> {
        let algorithm = algorithm.into();
        self.ask(|answer| Asked::Verify {
            key_name,
            algorithm,
            message,
            tag,
            answer,
        })
        .await
    }
}
