//! A client over the in-process router.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use tower::ServiceExt;

use crate::clock::ManualClock;
use crate::options::Options;
use crate::salesforce::Salesforce;

pub(super) struct Client {
    pub(super) salesforce: Salesforce,
    pub(super) clock: Arc<ManualClock>,
    router: Router,
    token: String,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {} {}", self.status, self.text))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn code(&self) -> String {
        self.json()[0]["errorCode"].as_str().unwrap_or_default().to_owned()
    }
}

impl Client {
    pub(super) fn new() -> Self {
        Self::with(Options {
            records: 50,
            ..Options::default()
        })
    }

    pub(super) fn with(options: Options) -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-20T10:00:30.4Z".parse::<Timestamp>().unwrap()));
        let salesforce = Salesforce::new(Options {
            clock: clock.clone(),
            ..options
        })
        .unwrap();
        let router = salesforce.router();
        let token = salesforce.credentials().access_token;
        Self {
            salesforce,
            clock,
            router,
            token,
        }
    }

    pub(super) fn set_token(&mut self, token: &str) {
        token.clone_into(&mut self.token);
    }

    pub(super) async fn try_send(&self, request: Request<Body>) -> Result<Answer, axum::Error> {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await?;
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        })
    }

    pub(super) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Request<Body> {
        let uri = if path.starts_with("/services") || path.starts_with("/id") {
            path.to_owned()
        } else {
            format!("/services/data/v66.0{path}")
        };
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header("host", "acme.example")
            .header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        request.body(body).unwrap()
    }

    pub(super) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        self.try_send(self.request(method, path, headers, body.as_ref()))
            .await
            .unwrap()
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, &[], Some(body)).await
    }

    pub(super) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, &[], Some(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], None).await
    }

    pub(super) async fn query(&self, soql: &str) -> Answer {
        self.get(&format!("/query?q={}", encoded(soql))).await
    }

    pub(super) async fn query_all(&self, soql: &str) -> Answer {
        self.get(&format!("/queryAll?q={}", encoded(soql))).await
    }

    /// The ids a query selects.
    pub(super) async fn ids(&self, soql: &str) -> Vec<String> {
        let answer = self.query(soql).await;
        assert_eq!(answer.status, 200, "{soql}: {}", answer.text);
        ids_of(&answer.json())
    }
}

pub(super) fn ids_of(page: &Value) -> Vec<String> {
    page["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["Id"].as_str().unwrap().to_owned())
        .collect()
}

pub(super) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
