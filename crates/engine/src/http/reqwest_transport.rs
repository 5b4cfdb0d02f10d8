//! [`ReqwestTransport`]: the transport of production, over reqwest and rustls.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt};
use syncline_core::{Error, ErrorKind};
use url::Url;

use super::address::AddressPolicy;
use super::resolver::{BlockedName, CheckedResolver, Lookup, SystemLookup};
use super::transport::{Incoming, Limits, Outgoing, Transport, TransportError};

/// Sends over TCP and TLS. Follows no redirect, reads no proxy variable, repeats nothing, and connects only to addresses
/// that its [`AddressPolicy`] allows. Connections are kept and shared; cheap to clone.
#[derive(Clone)]
pub struct ReqwestTransport {
    client: reqwest::Client,
    policy: AddressPolicy,
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransport")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl ReqwestTransport {
    /// A transport that asks the operating system for addresses.
    ///
    /// # Errors
    /// `Internal` when TLS can't be set up, for example without root certificates.
    pub fn new(policy: AddressPolicy) -> syncline_core::Result<Self> {
        Self::with_lookup(policy, Arc::new(SystemLookup))
    }

    /// A transport with a name service of its own.
    ///
    /// # Errors
    /// As [`ReqwestTransport::new`].
    pub fn with_lookup(policy: AddressPolicy, lookup: Arc<dyn Lookup>) -> syncline_core::Result<Self> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Losing the race to another thread is fine: one provider is installed either way.
            let _installed_by_another = rustls::crypto::ring::default_provider().install_default();
        }
        let client = reqwest::Client::builder()
            .user_agent(concat!("syncline/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .gzip(true)
            .connect_timeout(Duration::from_secs(10))
            .pool_idle_timeout(Duration::from_secs(30))
            .tcp_nodelay(true)
            .dns_resolver(CheckedResolver { lookup, policy })
            .build()
            .map_err(|error| Error::new(ErrorKind::Internal, "TLS can't be set up").because(error))?;
        Ok(Self { client, policy })
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        limits: &Limits,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let url = self.checked(request.uri())?;
        let (parts, body) = request.into_parts();
        let sent = self
            .client
            .request(parts.method, url)
            .headers(parts.headers)
            .body(body)
            .timeout(limits.timeout)
            .send()
            .await
            .map_err(refusal)?;
        read(sent, limits.max_response_bytes).await
    }

    async fn exchange(
        &self,
        request: http::Request<Outgoing>,
        _limits: &Limits,
    ) -> Result<http::Response<Incoming>, TransportError> {
        let url = self.checked(request.uri())?;
        let (parts, body) = request.into_parts();
        let mut sending = self.client.request(parts.method, url).headers(parts.headers);
        sending = match body {
            Outgoing::Whole(bytes) => sending.body(bytes),
            Outgoing::Stream { length, pieces } => sending
                .header(http::header::CONTENT_LENGTH, length)
                .body(reqwest::Body::wrap_stream(pieces)),
        };
        // The layer above ends what takes too long to begin; how long a file takes depends on its size.
        let sent = sending.send().await.map_err(refusal)?;
        let mut answer = http::Response::builder().status(sent.status());
        if let Some(headers) = answer.headers_mut() {
            headers.clone_from(sent.headers());
        }
        let lost = |error: reqwest::Error| TransportError::MaybeSent(reason(&error.without_url()));
        let pieces: Incoming = sent.bytes_stream().map_err(lost).boxed();
        answer
            .body(pieces)
            .map_err(|error| TransportError::MaybeSent(error.to_string()))
    }
}

impl ReqwestTransport {
    fn checked(&self, uri: &http::Uri) -> Result<Url, TransportError> {
        let url = Url::parse(&uri.to_string())
            .map_err(|error| TransportError::Blocked(format!("the address can't be read: {error}")))?;
        // Addresses written as numbers never pass the resolver.
        self.policy.check_url(&url).map_err(TransportError::Blocked)?;
        Ok(url)
    }
}

/// So many bytes are set aside for an answer before any of it came.
const ROOM_AT_ONCE: u64 = 4 << 20;

async fn read(response: reqwest::Response, most: u64) -> Result<http::Response<Bytes>, TransportError> {
    let mut answer = http::Response::builder().status(response.status());
    if let Some(headers) = answer.headers_mut() {
        headers.clone_from(response.headers());
    }
    // The length is the server's word: room for it is made at once only up to what a page may take.
    let expected = response
        .content_length()
        .unwrap_or_default()
        .min(most)
        .min(ROOM_AT_ONCE);
    let mut body = BytesMut::with_capacity(usize::try_from(expected).unwrap_or_default());
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| TransportError::MaybeSent(reason(&error.without_url())))?;
        if (body.len() + piece.len()) as u64 > most {
            return Err(TransportError::TooLarge(most));
        }
        body.extend_from_slice(&piece);
    }
    answer
        .body(body.freeze())
        .map_err(|error| TransportError::MaybeSent(error.to_string()))
}

/// What a failure means. Only while connecting is it sure that nothing was sent.
fn refusal(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(current) = cause {
        if let Some(blocked) = current.downcast_ref::<BlockedName>() {
            return TransportError::Blocked(blocked.to_string());
        }
        cause = current.source();
    }
    let reason = reason(&error);
    if error.is_connect() || error.is_dns() || error.is_builder() {
        TransportError::NotSent(reason)
    } else {
        TransportError::MaybeSent(reason)
    }
}

/// The innermost cause, which is the one that tells people something.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut cause: &(dyn StdError + 'static) = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
