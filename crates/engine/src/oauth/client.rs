//! [`OAuthClient`]: asks a token endpoint, through our own transport.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, Either, select};
use jiff::Timestamp;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RefreshToken, Scope, StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use syncline_core::connector::Connector;
use syncline_core::io::Head;
use url::Url;

use super::assertion::assertion;
use super::endpoints::Endpoints;
use super::failure::TokenFailure;
use super::token::TokenSet;
use crate::connection::GrantKind;
use crate::http::{Limits, Transport, TransportError};
use crate::ports::{Clock, after};

/// Shorter than the lease that a refresh holds.
const LIMITS: Limits = Limits {
    timeout: Duration::from_secs(30),
    max_response_bytes: 1 << 20,
};

/// What providers add to a token answer.
#[derive(Debug, Default, Serialize, Deserialize)]
struct InstanceFields {
    instance_url: Option<String>,
    /// A number with some, text with others.
    user_id: Option<serde_json::Value>,
}

impl ExtraTokenFields for InstanceFields {}

type Answer = StandardTokenResponse<InstanceFields, BasicTokenType>;
type Client = oauth2::Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Asks one authorisation server for one app.
#[derive(Clone)]
pub(crate) struct OAuthClient {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) endpoints: Endpoints,
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<SecretString>,
}

impl fmt::Debug for OAuthClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthClient")
            .field("endpoints", &self.endpoints)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Why nothing came back; kept outside since the crate's own error drops the status.
type Outcome = Mutex<Option<Result<(Head, Bytes), TransportError>>>;

#[derive(Debug, thiserror::Error)]
#[error("the request failed")]
struct Failed;

/// Carries the crate's requests over our transport.
struct Courier<'a> {
    client: &'a OAuthClient,
    outcome: Outcome,
}

impl<'c> AsyncHttpClient<'c> for Courier<'_> {
    type Error = Failed;
    type Future = BoxFuture<'c, Result<HttpResponse, Failed>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.client.send(request, &self.outcome))
    }
}

impl OAuthClient {
    fn client(&self) -> Client {
        let client = oauth2::Client::new(ClientId::new(self.client_id.clone()))
            // In the body, which both providers and most others understand.
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(AuthUrl::from_url(self.endpoints.authorize.clone()))
            .set_token_uri(TokenUrl::from_url(self.endpoints.token.clone()));
        match &self.client_secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned())),
            None => client,
        }
    }

    /// Where a person is sent to agree.
    pub(crate) fn authorize_url(
        &self,
        redirect_uri: &str,
        scopes: &[String],
        state: &SecretString,
        verifier: &SecretString,
    ) -> Result<Url, url::ParseError> {
        let verifier = PkceCodeVerifier::new(verifier.expose_secret().to_owned());
        let redirect = RedirectUrl::new(redirect_uri.to_owned())?;
        let (url, _) = self
            .client()
            .authorize_url(|| CsrfToken::new(state.expose_secret().to_owned()))
            .set_redirect_uri(Cow::Owned(redirect))
            .add_scopes(scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(url)
    }

    /// Exchanges a code, once.
    pub(crate) async fn exchange(
        &self,
        code: &SecretString,
        redirect_uri: &str,
        verifier: &SecretString,
    ) -> Result<TokenSet, TokenFailure> {
        let redirect = RedirectUrl::new(redirect_uri.to_owned())
            .map_err(|error| TokenFailure::Misconfigured(format!("the redirect URI can't be read: {error}")))?;
        let courier = Courier {
            client: self,
            outcome: Outcome::default(),
        };
        let client = self.client();
        let asked = client
            .exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()))
            .set_redirect_uri(Cow::Owned(redirect))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose_secret().to_owned()))
            .request_async(&courier)
            .await;
        self.tokens(asked.ok(), &courier.outcome)
    }

    /// Uses a refresh token, once.
    pub(crate) async fn refresh(&self, refresh_token: &SecretString) -> Result<TokenSet, TokenFailure> {
        let refresh_token = RefreshToken::new(refresh_token.expose_secret().to_owned());
        let courier = Courier {
            client: self,
            outcome: Outcome::default(),
        };
        let client = self.client();
        let asked = client
            .exchange_refresh_token(&refresh_token)
            .request_async(&courier)
            .await;
        self.tokens(asked.ok(), &courier.outcome)
    }

    /// A token of the app itself, by client credentials.
    pub(crate) async fn app_token(&self, scopes: &[String]) -> Result<TokenSet, TokenFailure> {
        let courier = Courier {
            client: self,
            outcome: Outcome::default(),
        };
        let client = self.client();
        let asked = client
            .exchange_client_credentials()
            .add_scopes(scopes.iter().cloned().map(Scope::new))
            .request_async(&courier)
            .await;
        self.tokens(asked.ok(), &courier.outcome)
    }

    /// A token for a connection that needs no person.
    pub(crate) async fn app_grant(&self, grant: &GrantKind, now: Timestamp) -> Result<TokenSet, TokenFailure> {
        let form = self.app_form(grant, now)?;
        let request = http::Request::post(self.endpoints.token.as_str())
            .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(http::header::ACCEPT, "application/json")
            .body(form.into_bytes())
            .map_err(|error| TokenFailure::Misconfigured(error.to_string()))?;
        let outcome = Outcome::default();
        let answer = self.send(request, &outcome).await.ok();
        let answer = answer
            .filter(|answer| answer.status().is_success())
            .and_then(|answer| serde_json::from_slice::<Answer>(answer.body()).ok());
        self.tokens(answer, &outcome)
    }

    fn app_form(&self, grant: &GrantKind, now: Timestamp) -> Result<String, TokenFailure> {
        let secret = self
            .client_secret
            .as_ref()
            .ok_or_else(|| TokenFailure::Misconfigured("the app's secret or private key is missing".to_owned()))?;
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        match grant {
            GrantKind::Person => {
                return Err(TokenFailure::Misconfigured("a person has to agree to this".to_owned()));
            }
            GrantKind::ClientCredentials => {
                form.append_pair("grant_type", "client_credentials");
                form.append_pair("client_id", &self.client_id);
                form.append_pair("client_secret", secret.expose_secret());
            }
            GrantKind::JwtBearer { username } => {
                let signed = assertion(&self.client_id, username, &self.endpoints.login_url, secret, now)
                    .map_err(TokenFailure::Misconfigured)?;
                form.append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
                form.append_pair("assertion", &signed);
            }
        }
        Ok(form.finish())
    }

    /// Gives a token back. `Ok(false)` when the provider has no way to.
    pub(crate) async fn revoke(&self, token: &SecretString) -> Result<bool, TokenFailure> {
        let Some((url, with_client)) = &self.endpoints.revoke else {
            return Ok(false);
        };
        let form = self.revocation_form(token, *with_client);
        let request = http::Request::post(url.as_str())
            .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(http::header::ACCEPT, "application/json")
            .body(form.into_bytes())
            .map_err(|error| TokenFailure::Misconfigured(error.to_string()))?;
        let outcome = Outcome::default();
        let _told_by_outcome = self.send(request, &outcome).await;
        match taken(&outcome) {
            Some(Ok((head, _))) if head.is_success() => Ok(true),
            Some(Ok((head, body))) => match TokenFailure::from_answer(&*self.connector, &head, &body) {
                // What no longer exists needs no revocation.
                TokenFailure::InvalidGrant(_) => Ok(true),
                failure => Err(failure),
            },
            Some(Err(error)) => Err(TokenFailure::from_transport(error)),
            None => Err(TokenFailure::Transient("nothing was sent".to_owned())),
        }
    }

    /// Apart from what awaits the answer: the serializer is not `Send`, and so would nothing be that disconnects.
    fn revocation_form(&self, token: &SecretString, with_client: bool) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("token", token.expose_secret());
        if with_client {
            form.append_pair("client_id", &self.client_id);
            if let Some(secret) = &self.client_secret {
                form.append_pair("client_secret", secret.expose_secret());
            }
        }
        form.finish()
    }

    async fn send(&self, request: HttpRequest, outcome: &Outcome) -> Result<HttpResponse, Failed> {
        let until = after(self.clock.now(), LIMITS.timeout);
        let sending = self.transport.send(request.map(Bytes::from), &LIMITS);
        let answer = match select(sending, self.clock.sleep_until(until)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Err(TransportError::MaybeSent("it took too long".to_owned())),
        };
        let mut kept = outcome.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(answer) => {
                let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
                let headers = answer
                    .headers()
                    .iter()
                    .map(|(name, value)| (name.as_str().to_owned(), text(value)));
                let head = Head {
                    status: answer.status().as_u16(),
                    headers: headers.collect(),
                };
                *kept = Some(Ok((head, answer.body().clone())));
                Ok(answer.map(|body| with_token_type(&body)))
            }
            Err(error) => {
                *kept = Some(Err(error));
                Err(Failed)
            }
        }
    }

    fn tokens(&self, answer: Option<Answer>, outcome: &Outcome) -> Result<TokenSet, TokenFailure> {
        if let Some(answer) = answer {
            return Ok(TokenSet {
                access: SecretString::from(answer.access_token().secret().clone()),
                refresh: answer
                    .refresh_token()
                    .map(|token| SecretString::from(token.secret().clone())),
                expires_in: answer.expires_in(),
                scopes: answer
                    .scopes()
                    .map(|scopes| scopes.iter().map(|scope| scope.to_string()).collect()),
                instance_url: answer.extra_fields().instance_url.clone(),
                user_id: answer.extra_fields().user_id.as_ref().and_then(|id| match id {
                    serde_json::Value::String(id) => Some(id.clone()),
                    serde_json::Value::Number(id) => Some(id.to_string()),
                    _ => None,
                }),
            });
        }
        Err(match taken(outcome) {
            Some(Ok((head, body))) => TokenFailure::from_answer(&*self.connector, &head, &body),
            Some(Err(error)) => TokenFailure::from_transport(error),
            None => TokenFailure::Misconfigured("the token request can't be written".to_owned()),
        })
    }
}

/// Older answers of Salesforce leave out the type of the token, which both providers only ever hand out as a bearer's;
/// to refuse one would lose the refresh token in it.
fn with_token_type(body: &[u8]) -> Vec<u8> {
    match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body) {
        Ok(mut members) if members.contains_key("access_token") && !members.contains_key("token_type") => {
            members.insert("token_type".into(), "bearer".into());
            serde_json::to_vec(&members).unwrap_or_else(|_| body.to_vec())
        }
        _ => body.to_vec(),
    }
}

fn taken(outcome: &Outcome) -> Option<Result<(Head, Bytes), TransportError>> {
    outcome.lock().unwrap_or_else(PoisonError::into_inner).take()
}
