//! What the routes share, who asks, and how errors are told.

use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use syncline::secrecy::SecretString;
use syncline::{Actor, Engine, Error, ErrorKind};

/// The application's registration at HubSpot.
#[derive(Debug)]
pub(crate) struct App {
    /// Where this application is reached, as registered.
    pub(crate) public_url: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretString,
    /// A simulator, in tests.
    pub(crate) login_url: Option<String>,
}

/// What every route is handed.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) app: Arc<App>,
}

impl Host {
    pub(crate) fn new(engine: Engine, app: App) -> Self {
        let app = Arc::new(app);
        Self { engine, app }
    }
}

/// Who asks, and for which customer. Yours come from your session.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) me: Actor,
    pub(crate) tenant: u32,
}

impl FromRequestParts<Host> for Asking {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, host: &Host) -> Result<Self, Failed> {
        let user = parts.headers.get("x-user").and_then(|user| user.to_str().ok());
        let Some(user) = user else {
            return Err(Error::new(ErrorKind::Forbidden, "nobody is signed in").into());
        };
        let tenant = host.engine.tenant("Acme", &Actor::system()).await?.id;
        let me = Actor::admin(user).of(tenant);
        Ok(Self { me, tenant })
    }
}

/// An error as the browser gets it: the message says what to do, and holds no secret.
#[derive(Debug)]
pub(crate) struct Failed(Error);

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let status = match self.0.kind() {
            ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
            ErrorKind::Exists | ErrorKind::Refused | ErrorKind::Stale => StatusCode::CONFLICT,
            ErrorKind::RateLimited | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Reauthorise | ErrorKind::Rejected | ErrorKind::Protocol => StatusCode::BAD_GATEWAY,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let told = serde_json::json!({ "error": self.0.to_string() });
        (status, Json(told)).into_response()
    }
}
