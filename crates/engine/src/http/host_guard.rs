//! Lets requests pass only to hosts that the connection is approved for, so that a token is never sent elsewhere.

use std::sync::Arc;
use std::task::{Context, Poll};

use syncline_core::manifest::{Manifest, host_fits};
use syncline_core::{Error, ErrorKind, Result};
use tower::{Layer, Service, ServiceExt};
use url::{Origin, Url};

use super::address::AddressPolicy;
use super::call::{Answer, Answering, Call, CallService};

/// Hosts that a connection is approved for.
#[derive(Debug, Clone)]
pub(crate) struct HostGuard {
    patterns: Vec<String>,
    own: Option<Origin>,
    addresses: AddressPolicy,
}

impl HostGuard {
    /// The manifest's hosts, and the connection's own base URL if it is one that may be used.
    pub(crate) fn new(manifest: &Manifest, base_url: &str, addresses: AddressPolicy) -> Self {
        let own = Url::parse(base_url)
            .ok()
            .filter(|url| addresses.check_url(url).is_ok())
            .map(|url| url.origin());
        Self {
            patterns: manifest.hosts.clone(),
            own,
            addresses,
        }
    }

    /// Whether a URL may be asked.
    ///
    /// # Errors
    /// `Refused` when its host is not approved, or it is not HTTPS.
    pub(crate) fn check(&self, url: &Url) -> Result<()> {
        let refused = |reason: &str| {
            Err(Error::new(
                ErrorKind::Refused,
                format!("a request to another host was held back: {reason}"),
            )
            .with("host", url.host_str().unwrap_or("none")))
        };
        if let Err(reason) = self.addresses.check_url(url) {
            return refused(&reason);
        }
        let by_pattern = url.scheme() == "https"
            && url.port().is_none()
            && url
                .host_str()
                .is_some_and(|host| self.patterns.iter().any(|pattern| host_fits(pattern, host)));
        if by_pattern || self.own.as_ref() == Some(&url.origin()) {
            return Ok(());
        }
        refused("the connection is not approved for it")
    }
}

/// The layer of a [`HostGuard`].
#[derive(Debug, Clone)]
pub(super) struct HostGuardLayer(pub(super) Arc<HostGuard>);

impl<S> Layer<S> for HostGuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            guard: Arc::clone(&self.0),
            inner,
        }
    }
}

/// See [`HostGuardLayer`].
#[derive(Debug, Clone)]
pub(super) struct Guarded<S> {
    guard: Arc<HostGuard>,
    inner: S,
}

impl<S: CallService> Service<Call> for Guarded<S> {
    type Response = Answer;
    type Error = Error;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let inner = self.inner.clone();
        let checked = self.guard.check(&call.url).and_then(|()| check_headers(&call));
        Box::pin(async move {
            checked?;
            inner.oneshot(call).await
        })
    }
}

/// A connector that named its own credentials or host could send the token where it should not go.
fn check_headers(call: &Call) -> Result<()> {
    match call
        .request
        .headers
        .iter()
        .find(|(name, _)| matches!(name.as_str(), "authorization" | "host"))
    {
        Some((name, _)) => Err(Error::new(
            ErrorKind::Refused,
            format!("the header {name} is the host's and not a connector's"),
        )),
        None => Ok(()),
    }
}
