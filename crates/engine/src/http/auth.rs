//! Adds the access token, and refreshes it once when the provider says that it has expired.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use secrecy::SecretString;
use syncline_core::io::{Auth, Class};
use syncline_core::{Error, ErrorKind, Result};
use tower::{Layer, Service, ServiceExt};

use super::call::{Answer, Answering, Call, CallService};

/// An access token, with a number that goes up with each refresh.
#[derive(Clone)]
pub(crate) struct AccessToken {
    pub(crate) secret: SecretString,
    pub(crate) generation: u64,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

/// Where a connection's tokens come from.
#[async_trait]
pub(crate) trait TokenSource: Send + Sync + fmt::Debug {
    /// A token that should work, refreshed if it is known to expire soon.
    async fn token(&self) -> Result<AccessToken>;

    /// A newer token than the one of this generation, which the provider refused.
    async fn renew(&self, refused: u64) -> Result<AccessToken>;

    /// The provider says that the grant itself is gone.
    async fn grant_lost(&self) -> Result<()>;

    /// The app's own token; a newer one than that of this generation, where the provider refused it.
    async fn app_token(&self, refused: Option<u64>) -> Result<AccessToken>;
}

/// Adds the token.
#[derive(Debug, Clone)]
pub(super) struct AuthLayer(pub(super) Arc<dyn TokenSource>);

impl<S> Layer<S> for AuthLayer {
    type Service = Authorised<S>;

    fn layer(&self, inner: S) -> Authorised<S> {
        Authorised {
            tokens: Arc::clone(&self.0),
            inner,
        }
    }
}

/// See [`AuthLayer`].
#[derive(Debug, Clone)]
pub(super) struct Authorised<S> {
    tokens: Arc<dyn TokenSource>,
    inner: S,
}

impl<S: CallService> Service<Call> for Authorised<S> {
    type Response = Answer;
    type Error = Error;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let Self { tokens, inner } = self.clone();
        Box::pin(async move {
            match call.request.auth {
                Auth::None => inner.oneshot(call).await,
                Auth::App => as_app(tokens, inner, call).await,
                Auth::Connection => authorised(tokens, inner, call).await,
            }
        })
    }
}

async fn authorised<S: CallService>(tokens: Arc<dyn TokenSource>, inner: S, call: Call) -> Result<Answer> {
    let token = tokens.token().await?;
    let answer = inner.clone().oneshot(with_token(&call, &token)).await?;
    // A request refused for its token was not applied, so a write is safe to send again, too.
    let answer = if answer.class == Class::TokenExpired {
        let token = tokens.renew(token.generation).await?;
        inner.oneshot(with_token(&call, &token)).await?
    } else {
        answer
    };
    match answer.class {
        Class::Reauthorise => {
            tokens.grant_lost().await?;
            Ok(answer)
        }
        Class::TokenExpired => Err(Error::new(
            ErrorKind::Unavailable,
            "the provider refuses an access token that it has just given us; try again, and reconnect if it stays so",
        )),
        _ => Ok(answer),
    }
}

/// As the app itself. That its token is refused says nothing of the connection's grant.
async fn as_app<S: CallService>(tokens: Arc<dyn TokenSource>, inner: S, call: Call) -> Result<Answer> {
    let token = tokens.app_token(None).await?;
    let answer = inner.clone().oneshot(with_token(&call, &token)).await?;
    if !matches!(answer.class, Class::TokenExpired | Class::Reauthorise) {
        return Ok(answer);
    }
    let token = tokens.app_token(Some(token.generation)).await?;
    let answer = inner.oneshot(with_token(&call, &token)).await?;
    if matches!(answer.class, Class::TokenExpired | Class::Reauthorise) {
        let message = "the provider refuses the app's own token; check the app's client id, secret and scopes";
        return Err(Error::new(ErrorKind::Forbidden, message));
    }
    Ok(answer)
}

fn with_token(call: &Call, token: &AccessToken) -> Call {
    Call {
        token: Some(token.secret.clone()),
        ..call.clone()
    }
}
