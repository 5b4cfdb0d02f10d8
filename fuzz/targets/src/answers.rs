//! An [`Io`] whose answers are the input.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use syncline_core::io::{Head, Io, Level, MacAlgorithm, Mark, Request, Response};
use syncline_core::{Error, ErrorKind, Result, Retry};

/// Separates answers within an input: no text in UTF-8 holds it.
const SEPARATOR: u8 = 0xff;
/// No connector needs more for one step; an input of empty answers would go on for ever otherwise.
const MOST: usize = 24;
const STATUSES: [u16; 12] = [200, 200, 200, 201, 204, 207, 300, 400, 401, 403, 404, 500];

/// See the [module](self). The first byte of an answer chooses its status, the rest is its body.
#[derive(Debug, Default)]
pub(super) struct Answers {
    left: Mutex<VecDeque<Response>>,
    asked: Mutex<Vec<Request>>,
}

impl Answers {
    pub(super) fn new(input: &[u8]) -> Self {
        let answers = input.split(|byte| *byte == SEPARATOR).take(MOST).map(answer);
        Self {
            left: Mutex::new(answers.collect()),
            asked: Mutex::default(),
        }
    }

    /// What was asked so far.
    pub(super) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer(input: &[u8]) -> Response {
    let (choice, body) = input.split_first().map_or((0, input), |(first, body)| (*first, body));
    let kind = if choice & 0x80 == 0 {
        "application/json"
    } else {
        "text/csv"
    };
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Response {
        head: Head {
            status: STATUSES[usize::from(choice) % STATUSES.len()],
            headers: vec![
                header("content-type", kind),
                header("date", "Fri, 20 Nov 2026 10:00:00 GMT"),
                header("sforce-locator", if choice & 0x40 == 0 { "null" } else { "MTAwMDA" }),
            ],
        },
        body: Bytes::copy_from_slice(body),
    }
}

#[async_trait]
impl Io for Answers {
    async fn send(&self, request: Request) -> Result<Response> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let next = self.left.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        next.ok_or_else(|| {
            Error::new(ErrorKind::Unavailable, "the input has no more answers").retry_as(Retry::After(Duration::ZERO))
        })
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

    /// Friday, 20 November 2026, at ten.
    fn now(&self) -> Timestamp {
        Timestamp::constant(1_795_168_800, 0)
    }

    fn random(&self) -> u64 {
        4
    }

    fn log(&self, _: Level, _: &str) {}

    fn verify_mac(&self, _: &str, _: MacAlgorithm, _: &[u8], _: &[u8]) -> bool {
        true
    }
}
