use std::collections::BTreeMap;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use syncline_engine::http::{Limits, Transport, TransportError};
use tower::ServiceExt;

/// Requests answered by routers of this process, by host: no socket, and no time of its own.
#[derive(Debug, Clone, Default)]
pub struct RouterTransport {
    routes: BTreeMap<String, axum::Router>,
}

impl RouterTransport {
    /// Answers for a host.
    #[must_use]
    pub fn route(mut self, host: &str, router: axum::Router) -> Self {
        self.routes.insert(host.to_owned(), router);
        self
    }
}

#[async_trait]
impl Transport for RouterTransport {
    async fn send(
        &self,
        mut request: http::Request<Bytes>,
        limits: &Limits,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let Some(router) = self.routes.get(&host) else {
            return Err(TransportError::NotSent(format!("nobody answers for {host}")));
        };
        if let Ok(value) = http::HeaderValue::from_str(&host) {
            request.headers_mut().insert(http::header::HOST, value);
        }
        let answer = router.clone().oneshot(request.map(Body::from)).await;
        let (head, body) = answer.map_err(|never| match never {}).map(http::Response::into_parts)?;
        // A body that breaks off is a connection that broke off.
        let body = body
            .collect()
            .await
            .map_err(|error| TransportError::MaybeSent(error.to_string()))?
            .to_bytes();
        if body.len() as u64 > limits.max_response_bytes {
            return Err(TransportError::TooLarge(limits.max_response_bytes));
        }
        Ok(http::Response::from_parts(head, body))
    }
}
