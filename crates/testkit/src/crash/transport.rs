//! The way from a worker to CRMs that live in another process.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use async_trait::async_trait;
use axum::body::Body;
use axum::response::IntoResponse;
use bytes::Bytes;
use syncline_core::{Error, ErrorKind, Result};
use syncline_engine::http::{AddressPolicy, Limits, ReqwestTransport, Transport, TransportError};
use syncline_simulators::{Server, serve};
use tower::ServiceExt;

/// CRMs behind one address of this machine, told apart by their host names as the real ones are.
#[derive(Debug)]
pub struct Crms {
    server: Server,
}

impl Crms {
    /// Serves them on a port that the system chooses, until this is dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when no port can be had.
    pub async fn serve(routes: BTreeMap<String, axum::Router>) -> Result<Self> {
        let dispatch = move |request: http::Request<Body>| {
            let host = request.headers().get(http::header::HOST);
            let router = host.and_then(|host| routes.get(host.to_str().ok()?)).cloned();
            async move {
                match router {
                    Some(router) => router.oneshot(request).await.into_response(),
                    None => http::StatusCode::MISDIRECTED_REQUEST.into_response(),
                }
            }
        };
        let router = axum::Router::new().fallback(dispatch);
        let server = serve(router, SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .map_err(|error| Error::new(ErrorKind::Internal, "no port can be had for the CRMs").because(error))?;
        Ok(Self { server })
    }

    /// Where they are.
    pub fn base_url(&self) -> &str {
        self.server.base_url()
    }
}

/// Sends everything to one address, under the host name that it was meant for.
#[derive(Debug, Clone)]
pub struct Loopback {
    base_url: String,
    inner: ReqwestTransport,
}

impl Loopback {
    /// To where [`Crms`] are served.
    ///
    /// # Errors
    /// As [`ReqwestTransport::new`].
    pub fn new(base_url: &str) -> Result<Self> {
        Ok(Self {
            base_url: base_url.to_owned(),
            inner: ReqwestTransport::new(AddressPolicy { allow_loopback: true })?,
        })
    }
}

#[async_trait]
impl Transport for Loopback {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        limits: &Limits,
    ) -> std::result::Result<http::Response<Bytes>, TransportError> {
        let (mut head, body) = request.into_parts();
        let unreadable = |error: String| TransportError::NotSent(error);
        let host = head.uri.host().unwrap_or_default().to_owned();
        let path = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        head.uri = format!("{}{path}", self.base_url.trim_end_matches('/'))
            .parse()
            .map_err(|error: http::uri::InvalidUri| unreadable(error.to_string()))?;
        let host = http::HeaderValue::from_str(&host).map_err(|error| unreadable(error.to_string()))?;
        head.headers.insert(http::header::HOST, host);
        self.inner.send(http::Request::from_parts(head, body), limits).await
    }
}
