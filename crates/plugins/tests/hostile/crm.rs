//! [`Crm`]: a host that answers whatever it is asked, and remembers it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use syncline_core::Result;
use syncline_core::io::{Head, Io, Level, MacAlgorithm, Mark, Request, Response};

/// The answer to every question.
pub(crate) const ACCOUNT: &[u8] = br#"{"id": "1", "name": "Acme", "user_id": "2", "user_name": "ada"}"#;

/// A host that answers whatever it is asked, and remembers it.
#[derive(Debug)]
pub(crate) struct Crm {
    pub(crate) asked: Mutex<Vec<Request>>,
    pub(crate) lines: AtomicUsize,
    pub(crate) answer: Response,
}

impl Default for Crm {
    fn default() -> Self {
        Self {
            asked: Mutex::default(),
            lines: AtomicUsize::new(0),
            answer: Response {
                head: Head {
                    status: 200,
                    headers: Vec::new(),
                },
                body: Bytes::from_static(ACCOUNT),
            },
        }
    }
}

impl Crm {
    /// The addresses that were asked.
    pub(crate) fn urls(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|request| request.url.clone()).collect()
    }
}

#[async_trait]
impl Io for Crm {
    async fn send(&self, request: Request) -> Result<Response> {
        self.asked.lock().unwrap().push(request);
        // As a network does, it lets others go first.
        tokio::task::yield_now().await;
        Ok(self.answer.clone())
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
        Timestamp::UNIX_EPOCH
    }

    fn random(&self) -> u64 {
        4
    }

    fn log(&self, _: Level, _: &str) {
        self.lines.fetch_add(1, Ordering::Relaxed);
    }

    fn verify_mac(&self, _: &str, _: MacAlgorithm, _: &[u8], _: &[u8]) -> bool {
        false
    }
}
