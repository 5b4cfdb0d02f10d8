//! A customer connects their HubSpot: away to its consent page, and back.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::Redirect;
use syncline::NewSync;
use syncline::connection::{AuthoriseRequest, Callback};
use syncline::connector::Access;

use crate::host::{Asking, Failed, Host};

/// `POST /integrations/hubspot`: where to send the person.
pub(crate) async fn connect(State(host): State<Host>, asking: Asking) -> Result<Json<serde_json::Value>, Failed> {
    let app = &host.app;
    let mut request = AuthoriseRequest::new(
        asking.tenant,
        "hubspot",
        "marketing",
        &app.client_id,
        format!("{}/callback", app.public_url),
    );
    request.client_secret = Some(app.client_secret.clone());
    request.login_url.clone_from(&app.login_url);
    // Decides the scopes that the person is asked for.
    request.objects = vec![("contacts".into(), Access::Write)];
    let authorising = host.engine.connections().authorise(request, &asking.me).await?;
    Ok(Json(serde_json::json!({ "go_to": authorising.authorize_url })))
}

/// `GET /callback?code=...&state=...`: takes the person back, and starts the first read.
pub(crate) async fn callback(
    State(host): State<Host>,
    asking: Asking,
    RawQuery(query): RawQuery,
) -> Result<Redirect, Failed> {
    let callback = Callback::parse(&query.unwrap_or_default());
    let connections = host.engine.connections();
    let connection = connections.complete(asking.tenant, &callback, &asking.me).await?;
    let proposal = host.engine.propose(&connection, "contacts", None, &asking.me).await?;
    let mut new = NewSync::proposed("contacts", &connection, proposal);
    new.start = true;
    host.engine.syncs().save(new, &asking.me).await?;
    Ok(Redirect::to("/people"))
}
