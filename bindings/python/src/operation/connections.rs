//! Connections: authorising, looking after them, and what they offer.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use syncline::actor::Actor;
use syncline::connection::{
    AppGrantRequest, AuthoriseRequest, Authorising, Callback, Connection, GrantKind, TokenRequest,
};
use syncline::connector::{Access, RawRequest};
use syncline::secrecy::{ExposeSecret, SecretString};
use syncline::{Engine, Error, ErrorKind, Result};

use super::{plain, take, unknown};

/// What authorising, tokens and grants have in common.
#[derive(Deserialize)]
struct Request {
    provider: String,
    name: String,
    client_id: String,
    client_secret: Option<String>,
    login_url: Option<String>,
    #[serde(default)]
    settings: BTreeMap<String, String>,
}

pub(super) async fn call(engine: &Engine, operation: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    match operation {
        "authorise" | "reconnect" | "complete" | "with_tokens" | "as_app" => {
            connect(engine, operation, actor, arguments).await
        }
        "webhook" => webhook(engine, arguments).await,
        "list" => {
            take!(arguments => tenant: u32, deleted: bool);
            plain(&engine.connections().list(tenant, deleted, actor).await?)
        }
        "find" => {
            take!(arguments => tenant: u32, name: String);
            plain(&engine.connections().find(tenant, &name, actor).await?)
        }
        _ => of_one(engine, operation, actor, arguments).await,
    }
}

async fn connect(engine: &Engine, operation: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    let connections = engine.connections();
    match operation {
        "authorise" => {
            take!(arguments => tenant: u32, request: Request, redirect_uri: String, objects: Vec<(String, String)>);
            let mut wanted =
                AuthoriseRequest::new(tenant, request.provider, request.name, request.client_id, redirect_uri);
            wanted.client_secret = request.client_secret.map(SecretString::from);
            wanted.login_url = request.login_url;
            wanted.settings = request.settings;
            wanted.objects = accesses(objects)?;
            Ok(authorising(&connections.authorise(wanted, actor).await?))
        }
        "reconnect" => {
            take!(arguments =>
                connection: u64, redirect_uri: String, objects: Vec<(String, String)>, accept_other_account: bool
            );
            let connection = known(engine, connection, actor).await?;
            let objects = accesses(objects)?;
            let started = connections
                .reconnect(connection.id, &redirect_uri, objects, accept_other_account, actor)
                .await?;
            Ok(authorising(&started))
        }
        "complete" => {
            take!(arguments => tenant: u32, query: String);
            plain(&connections.complete(tenant, &Callback::parse(&query), actor).await?)
        }
        "with_tokens" => {
            take!(arguments =>
                tenant: u32, request: Request, access_token: String, refresh_token: Option<String>,
                expires_at: Option<Timestamp>, base_url: Option<String>
            );
            let mut wanted = TokenRequest::new(tenant, request.provider, request.name, request.client_id, access_token);
            wanted.client_secret = request.client_secret.map(SecretString::from);
            wanted.refresh_token = refresh_token.map(SecretString::from);
            wanted.login_url = request.login_url;
            wanted.base_url = base_url;
            wanted.expires_at = expires_at;
            wanted.settings = request.settings;
            plain(&connections.connect_with_tokens(wanted, actor).await?)
        }
        _ => {
            take!(arguments => tenant: u32, request: Request, username: Option<String>);
            let grant = match username {
                Some(username) => GrantKind::JwtBearer { username },
                None => GrantKind::ClientCredentials,
            };
            let secret = SecretString::from(request.client_secret.unwrap_or_default());
            let mut wanted =
                AppGrantRequest::new(tenant, request.provider, request.name, request.client_id, grant, secret);
            wanted.login_url = request.login_url;
            wanted.settings = request.settings;
            plain(&connections.connect_as_app(wanted, actor).await?)
        }
    }
}

async fn of_one(engine: &Engine, operation: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    take!(arguments =>
        connection: u64, reason: Option<String>, object: Option<String>, blueprint: Option<String>,
        beside: Option<Vec<String>>
    );
    let connections = engine.connections();
    let connection = known(engine, connection, actor).await?;
    let id = connection.id;
    let object = object.unwrap_or_default();
    match operation {
        "get" => plain(&connection),
        "pause" => plain(&connections.pause(id, reason.as_deref(), actor).await?),
        "resume" => plain(&connections.resume(id, actor).await?),
        "disconnect" => plain(&connections.disconnect(id, actor).await?),
        "delete" => plain(&connections.delete(id, actor).await?),
        "health" => plain(&connections.health(id, actor).await?),
        "test" => plain(&connections.test(id, actor).await?),
        "objects" => plain(&engine.objects(&connection, actor).await?),
        "describe" => plain(&engine.describe(&connection, &object, actor).await?),
        "make_marker" => plain(&engine.make_marker(&connection, &object, actor).await?),
        "check_schema" => plain(&engine.check_schema(&connection, actor).await?),
        "propose" => {
            let beside = beside.unwrap_or_default();
            let beside: Vec<&str> = beside.iter().map(String::as_str).collect();
            let proposal = engine
                .propose_beside(&connection, &object, blueprint.as_deref(), &beside, actor)
                .await?;
            plain(&proposal)
        }
        _ => unknown(operation),
    }
}

/// A connection that the actor reaches.
pub(super) async fn known(engine: &Engine, id: u64, actor: &Actor) -> Result<Connection> {
    engine.connections().get(id, actor).await
}

fn accesses(objects: Vec<(String, String)>) -> Result<Vec<(String, Access)>> {
    let one = |(object, access): (String, String)| match access.as_str() {
        "read" => Ok((object, Access::Read)),
        "write" => Ok((object, Access::Write)),
        other => Err(Error::new(
            ErrorKind::Invalid,
            format!("`{other}` is no access to `{object}`; there are: read, write"),
        )),
    };
    objects.into_iter().map(one).collect()
}

fn authorising(started: &Authorising) -> Json {
    json!({
        "authorize_url": started.authorize_url,
        "state": started.state.expose_secret(),
        "expires_at": started.expires_at.to_string(),
    })
}

async fn webhook(engine: &Engine, arguments: Json) -> Result<Json> {
    take!(arguments =>
        connection: u64, method: String, url: String, headers: BTreeMap<String, String>, body: Vec<u8>, secrets: Vec<String>
    );
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value));
    let request = RawRequest {
        method,
        url,
        headers: headers.collect(),
        body: body.into(),
    };
    let secrets: Vec<SecretString> = secrets.into_iter().map(SecretString::from).collect();
    plain(&engine.webhook_signed_by(connection, &request, &secrets).await?)
}
