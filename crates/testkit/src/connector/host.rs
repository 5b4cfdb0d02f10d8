//! [`Host`]: an [`Io`] as small as the contract allows, so that the suite sees what the connector does by itself.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use syncline_core::file::{Download, InMemory, Upload, gather};
use syncline_core::io::{Class, Effect, Head, Io, Level, MacAlgorithm, Mark, Method, Request, Response};
use syncline_core::{Error, ErrorKind, Result, Retry};
use syncline_engine::http::TransportError;
use syncline_simulators::Fault;

use super::Remote;

/// Adds the token, renews it, repeats reads as often as it is told, and remembers what it sent.
#[derive(Debug)]
pub struct Host<'a> {
    remote: &'a dyn Remote,
    /// Attempts at each request; 1 shows the connector every failure.
    attempts: u32,
    renews: bool,
    marks: AtomicU64,
    sent: Mutex<Vec<Request>>,
    /// Strikes when the request of this number is sent.
    armed: Mutex<Option<(u32, Fault)>>,
    count: AtomicU32,
}

impl<'a> Host<'a> {
    /// A host that tries each request up to so many times.
    pub fn new(remote: &'a dyn Remote, attempts: u32) -> Self {
        Self {
            remote,
            attempts,
            renews: true,
            marks: AtomicU64::new(0),
            sent: Mutex::default(),
            armed: Mutex::default(),
            count: AtomicU32::new(0),
        }
    }

    /// The same, unable to renew a token: the grant is gone.
    #[must_use]
    pub fn without_grant(mut self) -> Self {
        self.renews = false;
        self
    }

    /// Lets the remote system misbehave at the request of this number, from 0.
    pub fn arm(&self, number: u32, fault: Fault) {
        *self.armed.lock().unwrap() = Some((number, fault));
    }

    /// How many requests the connector sent; repetitions by the host do not count.
    pub fn requests(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }

    /// The requests that the connector sent and that do something.
    pub fn writes(&self) -> Vec<Request> {
        let sent = self.sent.lock().unwrap();
        sent.iter()
            .filter(|request| request.effect != Effect::Read)
            .cloned()
            .collect()
    }

    async fn once(&self, request: &Request) -> Result<Response> {
        let method = match request.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Patch => http::Method::PATCH,
            Method::Delete => http::Method::DELETE,
        };
        let mut built = http::Request::builder().method(method).uri(&request.url);
        for (name, value) in &request.headers {
            assert_eq!(name, &name.to_ascii_lowercase(), "header names are in lower case");
            assert_ne!(name, "authorization", "the token is the host's");
            built = built.header(name, value);
        }
        let built = built
            .body(request.body.clone())
            .expect("a request that can be put on the wire");
        let lost = |message: String, retry| Error::new(ErrorKind::Unavailable, message).retry_as(retry);
        let answer = self.remote.send(built).await.map_err(|error| match error {
            TransportError::MaybeSent(message) if request.effect != Effect::Read => {
                lost(message, Retry::UnknownOutcome)
            }
            error => lost(error.to_string(), Retry::After(Duration::ZERO)),
        })?;
        let (parts, body) = answer.into_parts();
        let headers = parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
        Ok(Response {
            head: Head {
                status: parts.status.as_u16(),
                headers: headers.collect(),
            },
            body,
        })
    }
}

#[async_trait]
impl Io for Host<'_> {
    async fn send(&self, request: Request) -> Result<Response> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        self.sent.lock().unwrap().push(request.clone());
        let strikes = self.armed.lock().unwrap().take_if(|(at, _)| *at == number);
        if let Some((_, fault)) = strikes {
            self.remote.misbehave(fault);
        }
        let mut renewed = false;
        let mut attempt = 1;
        loop {
            let answer = self.once(&request).await;
            let class = answer
                .as_ref()
                .map(|response| self.remote.connector().classify(&response.head, &response.body));
            let wait = match class {
                Ok(Class::TokenExpired) if !renewed && self.renews && self.remote.renew_token().await => {
                    renewed = true;
                    continue;
                }
                Ok(Class::TokenExpired) if !self.renews => {
                    return Err(Error::new(ErrorKind::Reauthorise, "the grant is gone"));
                }
                Ok(Class::RateLimited { after, .. } | Class::Retryable { after }) => after,
                Ok(Class::Unknown) | Err(_) => None,
                Ok(_) => return answer,
            };
            if attempt == self.attempts || request.effect != Effect::Read {
                return answer;
            }
            attempt += 1;
            self.remote.pass(wait.unwrap_or(Duration::from_secs(1)));
        }
    }

    async fn send_all(&self, requests: Vec<Request>) -> Vec<Result<Response>> {
        let mut answers = Vec::new();
        for request in requests {
            answers.push(self.send(request).await);
        }
        answers
    }

    async fn download(&self, request: Request) -> Result<Download> {
        let Response { head, body } = self.send(request).await?;
        let body = Box::new(InMemory::new(body));
        Ok(Download { head, body })
    }

    async fn upload(&self, request: Request, mut upload: Upload) -> Result<Response> {
        let body = gather(&mut *upload.body, usize::MAX).await?;
        assert_eq!(body.len() as u64, upload.length, "the length that was said");
        self.send(Request { body, ..request }).await
    }

    fn mark(&self) -> Mark {
        Mark(self.marks.fetch_add(1, Ordering::Relaxed))
    }

    fn now(&self) -> Timestamp {
        self.remote.now()
    }

    fn random(&self) -> u64 {
        4
    }

    fn log(&self, _: Level, _: &str) {}

    fn verify_mac(&self, _: &str, algorithm: MacAlgorithm, message: &[u8], tag: &[u8]) -> bool {
        assert_eq!(
            algorithm,
            MacAlgorithm::HmacSha256,
            "the suite signs by HMAC with SHA-256"
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.remote.webhook_key()).expect("a key of any length");
        mac.update(message);
        mac.verify_slice(tag).is_ok()
    }
}
