//! An [`Io`] that answers one request with a recording, and leaves the others to a simulator.

use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;
use syncline_core::Result;
use syncline_core::io::{Io, Level, MacAlgorithm, Mark, Request, Response};

use crate::connector::{Host, Remote};

type Answers = fn(&Request) -> bool;

/// See the [module](self).
pub(crate) struct Replay<'a> {
    host: Host<'a>,
    /// Which requests are answered, and with what; the first that fits answers, as often as it is asked.
    answers: Vec<(Answers, Response)>,
    /// What the connector asked.
    pub(crate) asked: Mutex<Vec<Request>>,
}

impl<'a> Replay<'a> {
    pub(crate) fn new(remote: &'a dyn Remote, answers: Vec<(Answers, Response)>) -> Self {
        Self {
            host: Host::new(remote, 2),
            answers,
            asked: Mutex::default(),
        }
    }

    /// Whether a recording was asked for.
    pub(crate) fn was_asked(&self) -> bool {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .any(|request| self.answers.iter().any(|(fits, _)| fits(request)))
    }
}

#[async_trait]
impl Io for Replay<'_> {
    async fn send(&self, request: Request) -> Result<Response> {
        self.asked.lock().unwrap().push(request.clone());
        match self.answers.iter().find(|(fits, _)| fits(&request)) {
            Some((_, response)) => Ok(response.clone()),
            None => self.host.send(request).await,
        }
    }

    async fn send_all(&self, requests: Vec<Request>) -> Vec<Result<Response>> {
        let mut answers = Vec::new();
        for request in requests {
            answers.push(self.send(request).await);
        }
        answers
    }

    fn mark(&self) -> Mark {
        self.host.mark()
    }

    fn now(&self) -> Timestamp {
        self.host.now()
    }

    fn random(&self) -> u64 {
        4
    }

    fn log(&self, _: Level, _: &str) {}

    /// A recording's signature is not ours to check.
    fn verify_mac(&self, _: &str, _: MacAlgorithm, _: &[u8], _: &[u8]) -> bool {
        true
    }
}
