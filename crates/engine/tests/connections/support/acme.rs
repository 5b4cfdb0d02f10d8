//! A provider behind the transport port: code flow with PKCE, refresh tokens that rotate and punish reuse, and an API
//! that echoes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use syncline_engine::http::{Limits, Transport, TransportError};
use url::Url;

/// How a request goes wrong.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// This status and body, with nothing done.
    Status(u16, &'static str),
    /// This status with `Retry-After` seconds.
    RetryAfter(u16, u64),
    /// Nothing reached the server.
    NotSent,
    /// It was done, and the answer lost.
    LostAnswer,
    /// It was done, and the answer takes this long.
    Slow(Duration),
    /// It was done, and half the answer is missing.
    CutOff,
}

/// A request that reached the provider.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) url: String,
    pub(crate) token: Option<String>,
    pub(crate) body: String,
}

#[derive(Debug, Default)]
struct State {
    /// Challenge and redirect by code.
    codes: BTreeMap<String, (String, String)>,
    access: BTreeSet<String>,
    refresh: Option<String>,
    used: BTreeSet<String>,
    serial: u32,
    account: String,
    instance: String,
    expires_in: Option<u64>,
    faults: BTreeMap<String, VecDeque<Fault>>,
    seen: Vec<Seen>,
    headers: Vec<(String, String)>,
}

#[derive(Debug)]
pub(crate) struct Acme(Mutex<State>);

impl Acme {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State {
            account: "org-1".into(),
            instance: "https://eu1.acme.test".into(),
            ..State::default()
        }))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The next request to a path goes wrong.
    pub(crate) fn fault(&self, path: &str, fault: Fault) {
        self.state().faults.entry(path.into()).or_default().push_back(fault);
    }

    pub(crate) fn set_account(&self, account: &str) {
        self.state().account = account.into();
    }

    pub(crate) fn set_instance(&self, instance: &str) {
        self.state().instance = instance.into();
    }

    pub(crate) fn set_expires_in(&self, seconds: u64) {
        self.state().expires_in = Some(seconds);
    }

    /// Headers of every answer.
    pub(crate) fn set_header(&self, name: &str, value: &str) {
        self.state().headers.push((name.into(), value.into()));
    }

    /// Access tokens stop working, as by age.
    pub(crate) fn expire_access(&self) {
        self.state().access.clear();
    }

    /// The person removes the app.
    pub(crate) fn revoke_grant(&self) {
        let mut state = self.state();
        state.access.clear();
        state.refresh = None;
    }

    /// Tokens without any flow.
    pub(crate) fn grant(&self) -> (String, String) {
        let mut state = self.state();
        let answer = state.issue();
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        (text("access_token"), text("refresh_token"))
    }

    /// Agrees, as a person does, and returns what they come back with.
    pub(crate) fn consent(&self, authorize_url: &str) -> String {
        let url = Url::parse(authorize_url).unwrap();
        assert_eq!((url.host_str(), url.path()), (Some("login.acme.test"), "/authorize"));
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["code_challenge_method"], "S256");
        let mut state = self.state();
        state.serial += 1;
        let code = format!("code-{}", state.serial);
        state.codes.insert(
            code.clone(),
            (query["code_challenge"].clone(), query["redirect_uri"].clone()),
        );
        format!("code={code}&state={}", query["state"])
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// How often a path was asked.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.state()
            .seen
            .iter()
            .filter(|seen| Url::parse(&seen.url).unwrap().path() == path)
            .count()
    }

    /// How often a refresh token was used.
    pub(crate) fn refreshes(&self) -> usize {
        self.state()
            .seen
            .iter()
            .filter(|seen| seen.body.contains("grant_type=refresh_token"))
            .count()
    }
}

impl State {
    fn issue(&mut self) -> Value {
        self.serial += 1;
        let (access, refresh) = (
            format!("access-secret-{}", self.serial),
            format!("refresh-secret-{}", self.serial),
        );
        self.access.insert(access.clone());
        if let Some(old) = self.refresh.replace(refresh.clone()) {
            self.used.insert(old);
        }
        let mut answer = json!({
            "access_token": access, "refresh_token": refresh, "token_type": "Bearer", "instance_url": self.instance,
        });
        if let Some(seconds) = self.expires_in {
            answer["expires_in"] = seconds.into();
        }
        answer
    }

    fn token(&mut self, form: &BTreeMap<String, String>) -> (u16, Value) {
        let refused = |error: &str| (400, json!({"error": error, "error_description": "refused"}));
        if form.get("client_id").map(String::as_str) != Some("app")
            || form.get("client_secret").map(String::as_str) != Some("app-secret")
        {
            return refused("invalid_client");
        }
        match form["grant_type"].as_str() {
            "authorization_code" => {
                let Some((challenge, redirect)) = self.codes.remove(&form["code"]) else {
                    return refused("invalid_grant");
                };
                let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
                if digest != challenge || form["redirect_uri"] != redirect {
                    return refused("invalid_grant");
                }
                (200, self.issue())
            }
            "refresh_token" => {
                let token = &form["refresh_token"];
                if self.used.contains(token) {
                    // Reuse is theft: the grant dies.
                    self.access.clear();
                    self.refresh = None;
                }
                if self.refresh.as_ref() != Some(token) {
                    return refused("invalid_grant");
                }
                (200, self.issue())
            }
            _ => refused("unsupported_grant_type"),
        }
    }

    fn answer(&mut self, path: &str, seen: &Seen) -> (u16, Value) {
        let form = || url::form_urlencoded::parse(seen.body.as_bytes()).into_owned().collect();
        match path {
            "/token" => self.token(&form()),
            "/revoke" => {
                self.access.clear();
                self.refresh = None;
                (200, Value::Null)
            }
            _ if seen.token.as_ref().is_none_or(|token| !self.access.contains(token)) => (401, Value::Null),
            "/me" => (
                200,
                json!({"id": self.account, "name": "Acme Inc.", "user_id": "u1", "user_name": "ada",
                       "user_email": null, "time_zone": null}),
            ),
            _ => (200, json!({"path": path, "body": seen.body})),
        }
    }
}

#[async_trait]
impl Transport for Acme {
    async fn send(&self, request: http::Request<Bytes>, _: &Limits) -> Result<http::Response<Bytes>, TransportError> {
        // As a network does, it lets others go on.
        tokio::task::yield_now().await;
        let token = request
            .headers()
            .get("authorization")
            .map(|value| value.to_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned());
        let seen = Seen {
            url: request.uri().to_string(),
            token,
            body: String::from_utf8(request.body().to_vec()).unwrap(),
        };
        let path = request.uri().path().to_owned();
        let (fault, status, body, headers) = {
            let mut state = self.state();
            let fault = state.faults.get_mut(&path).and_then(VecDeque::pop_front);
            if matches!(fault, Some(Fault::NotSent)) {
                return Err(TransportError::NotSent("connection refused".into()));
            }
            state.seen.push(seen.clone());
            let (status, body) = match &fault {
                Some(Fault::Status(status, body)) => (*status, (*body).to_owned()),
                Some(Fault::RetryAfter(status, _)) => (*status, String::new()),
                _ => {
                    let (status, body) = state.answer(&path, &seen);
                    (status, body.to_string())
                }
            };
            (fault, status, body, state.headers.clone())
        };
        let mut answer = http::Response::builder()
            .status(status)
            .header("content-type", "application/json");
        for (name, value) in headers {
            answer = answer.header(name, value);
        }
        match fault {
            Some(Fault::LostAnswer) => return Err(TransportError::MaybeSent("connection reset".into())),
            Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
            Some(Fault::RetryAfter(_, seconds)) => answer = answer.header("retry-after", seconds),
            Some(Fault::CutOff) => return Ok(answer.body(Bytes::from(body[..body.len() / 2].to_owned())).unwrap()),
            _ => {}
        }
        Ok(answer.body(Bytes::from(body)).unwrap())
    }
}
