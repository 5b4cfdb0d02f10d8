//! An [`Io`] that answers from a script and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use syncline_core::Result;
use syncline_core::io::{Config, Head, Io, Level, MacAlgorithm, Mark, Request, Response};

use crate::client::Api;

/// The server's time in every scripted answer.
pub(crate) const SERVER_TIME: &str = "Fri, 20 Nov 2026 10:00:00 GMT";

#[derive(Debug, Default)]
pub(crate) struct ScriptedIo {
    answers: Mutex<VecDeque<Result<Response>>>,
    requests: Mutex<Vec<Request>>,
}

impl ScriptedIo {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn answer(&self, status: u16, body: &str) {
        self.answer_with(status, &[], body);
    }

    pub(crate) fn answer_with(&self, status: u16, headers: &[(&str, &str)], body: &str) {
        let mut headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        headers.push(("date".into(), SERVER_TIME.into()));
        let response = Response {
            head: Head { status, headers },
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        self.answers.lock().unwrap().push_back(Ok(response));
    }

    pub(crate) fn fail(&self, error: syncline_core::Error) {
        self.answers.lock().unwrap().push_back(Err(error));
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The SOQL text of the request of this number.
    pub(crate) fn soql(&self, index: usize) -> String {
        let url = self.requests()[index].url.clone();
        let query = url
            .split_once("?q=")
            .map(|(_, query)| query.to_owned())
            .unwrap_or_default();
        percent_encoding::percent_decode_str(&query)
            .decode_utf8()
            .unwrap()
            .into_owned()
    }

    /// The JSON body of the request of this number.
    pub(crate) fn body(&self, index: usize) -> serde_json::Value {
        serde_json::from_slice(&self.requests()[index].body).unwrap()
    }
}

#[async_trait]
impl Io for ScriptedIo {
    async fn send(&self, request: Request) -> Result<Response> {
        self.requests.lock().unwrap().push(request);
        self.answers
            .lock()
            .unwrap()
            .pop_front()
            .expect("an answer for every request")
    }

    async fn send_all(&self, requests: Vec<Request>) -> Vec<Result<Response>> {
        let mut answers = Vec::new();
        for request in requests {
            answers.push(self.send(request).await);
        }
        answers
    }

    fn mark(&self) -> Mark {
        Mark(1)
    }

    fn now(&self) -> Timestamp {
        "2026-11-20T10:00:00Z".parse().unwrap()
    }

    fn random(&self) -> u64 {
        4
    }

    fn log(&self, _: Level, _: &str) {}

    fn verify_mac(&self, _: &str, _: MacAlgorithm, _: &[u8], _: &[u8]) -> bool {
        false
    }
}

pub(crate) fn config() -> Config {
    Config {
        base_url: "https://acme.my.salesforce.com".into(),
        ..Config::default()
    }
}

pub(crate) fn api() -> Api {
    Api::new(&config()).unwrap()
}

/// The body of a recorded answer; `None`, with a line that says so, where the recordings are not at hand.
pub(crate) fn recorded(file: &str) -> Option<serde_json::Value> {
    let shared = std::env::var_os("SYNCLINE_SHARED").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared"),
        std::path::PathBuf::from,
    );
    let path = shared.join("recorded/salesforce").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: no recorded answer {file}");
        return None;
    };
    Some(serde_json::from_str::<serde_json::Value>(&text).unwrap()["response"]["body"].take())
}
