//! Sending a person to the provider, and taking them back.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use syncline_core::connector::Access;
use syncline_core::manifest::Manifest;
use syncline_core::model::TenantId;
use syncline_core::store::{DocumentKind, DocumentQuery, Mode, Transaction};
use syncline_core::{Error, ErrorKind, Result};

use super::establish::Grant;
use super::record::{Connection, ConnectionStatus, GrantKind};
use super::request::{AppGrantRequest, AuthoriseRequest, Authorising, Callback, TokenRequest};
use super::service::{Connections, check_tenant, owner};
use crate::actor::{Action, Actor};
use crate::document;
use crate::oauth::{
    Credential, Endpoints, OAuthClient, PendingAuthorisation, PendingSecrets, Start, TokenSet, check_redirect,
};
use crate::ports::between;

/// How long an account may take to tell its name before the attempt counts as given up.
const PENDING_LIFE: Duration = Duration::from_secs(10 * 60);
const AUTHORISING: &str = "authorising a connection";

impl Connections {
    /// Starts an authorisation: send the person to the URL, and hand what they come back with to
    /// [`Connections::complete`].
    ///
    /// # Errors
    /// `Invalid` for a name, login URL, redirect URI or setting that can't be used, `Refused` for a login URL that is
    /// not the provider's, `Unsupported` for an unknown provider, `NotFound` for an unknown connection to reconnect,
    /// `Forbidden`.
    pub async fn authorise(&self, request: AuthoriseRequest, actor: &Actor) -> Result<Authorising> {
        let parts = self.parts();
        self.allow_in(actor, request.tenant, Action::ManageConnections)?;
        let connector = self.connector(&request.provider)?;
        let manifest = connector.manifest();
        check_name(&request.name)?;
        check_settings(manifest, request.settings.keys())?;
        check_redirect(&request.redirect_uri)?;
        if request.client_id.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "the client id of the app is missing"));
        }
        let endpoints = Endpoints::new(
            manifest,
            request.login_url.as_deref(),
            &request.settings,
            parts.addresses,
        )?;
        let objects: Vec<_> = request
            .objects
            .iter()
            .map(|(name, access)| (name.as_str(), *access))
            .collect();
        let scopes = connector.scopes(&objects);

        let now = self.now();
        let start = Start::new(now, &*parts.random);
        let mut tx = parts.store.begin(Mode::Write).await?;
        PendingAuthorisation::purge(&mut *tx, now).await?;
        self.purge_pending(&mut *tx).await?;
        let client_secret = match (request.client_secret, request.reconnect) {
            (None, Some(id)) => self.stored_secret(&mut *tx, request.tenant, id).await?,
            (given, _) => given,
        };
        let client = OAuthClient {
            transport: Arc::clone(&parts.transport),
            connector: Arc::clone(&connector),
            clock: Arc::clone(&parts.clock),
            endpoints,
            client_id: request.client_id.clone(),
            client_secret: None,
        };
        let url = client
            .authorize_url(&request.redirect_uri, &scopes, &start.state, &start.verifier)
            .map_err(|error| Error::new(ErrorKind::Invalid, format!("the redirect URI can't be read: {error}")))?;
        let pending = PendingAuthorisation {
            tenant: request.tenant,
            provider: request.provider,
            name: request.name,
            login_url: client.endpoints.login_url.clone(),
            client_id: request.client_id,
            redirect_uri: request.redirect_uri,
            scopes,
            settings: request.settings,
            actor: actor.name.clone(),
            reconnect: request.reconnect,
            accept_other_account: request.accept_other_account,
            expires_at: start.expires_at,
        };
        let secrets = PendingSecrets {
            verifier: start.verifier,
            client_secret,
        };
        pending.put(&mut *tx, &parts.vault, &start.state, &secrets).await?;
        tx.commit().await?;
        Ok(Authorising {
            authorize_url: url.into(),
            state: start.state,
            expires_at: start.expires_at,
        })
    }

    /// Starts the authorisation of a connection again, with what is known of it.
    ///
    /// # Errors
    /// As [`Connections::authorise`].
    pub async fn reconnect(
        &self,
        id: u64,
        redirect_uri: &str,
        objects: Vec<(String, Access)>,
        accept_other_account: bool,
        actor: &Actor,
    ) -> Result<Authorising> {
        let connection = self.get(id, actor).await?;
        let request = AuthoriseRequest {
            login_url: Some(connection.login_url),
            objects,
            settings: connection.settings,
            reconnect: Some(id),
            accept_other_account,
            ..AuthoriseRequest::new(
                connection.tenant,
                connection.provider,
                connection.name,
                connection.client_id,
                redirect_uri,
            )
        };
        self.authorise(request, actor).await
    }

    /// Finishes an authorisation with what the person came back with. The same account authorised before is the same
    /// connection, and becomes active again even if it was deleted.
    ///
    /// # Errors
    /// `Refused` when the state is unknown, used, too old, another tenant's or another actor's, when the answer came
    /// from another authorisation server, when the person did not agree, when the instance is not the provider's, or
    /// when a reconnect ended at another account. `Exists` when the name belongs to another account's connection.
    /// `Reauthorise` when the provider refuses the code, `Rejected` when it refuses the app, and as
    /// [`syncline_core::connector::Connector::account`].
    pub async fn complete(&self, tenant: TenantId, callback: &Callback, actor: &Actor) -> Result<Connection> {
        let parts = self.parts();
        self.allow_in(actor, tenant, Action::ManageConnections)?;
        let refused = |message: String| Error::new(ErrorKind::Refused, message).operation(AUTHORISING);
        let Some(state) = &callback.state else {
            return Err(refused(
                "the provider's answer carries no state; start again".to_owned(),
            ));
        };
        let now = self.now();
        let mut tx = parts.store.begin(Mode::Write).await?;
        let (pending, secrets) =
            PendingAuthorisation::take(&mut *tx, &parts.vault, tenant, state.expose_secret()).await?;
        // Durable before the code is used: the state is used up whatever comes of it.
        tx.commit().await?;
        if !pending.is_alive(now) {
            return Err(refused(
                "the authorisation took longer than ten minutes; start again".to_owned(),
            ));
        }
        if pending.actor != actor.name {
            return Err(refused(
                "the authorisation was started by somebody else; start again".to_owned(),
            ));
        }
        let connector = self.connector(&pending.provider)?;
        let endpoints = Endpoints::new(
            connector.manifest(),
            Some(&pending.login_url),
            &pending.settings,
            parts.addresses,
        )?;
        if let Some(issuer) = callback.issuer.as_deref().filter(|issuer| !endpoints.is_issuer(issuer)) {
            let message = format!(
                "the answer came from {issuer} and not from {}; nothing was sent to either",
                pending.login_url
            );
            return Err(refused(message));
        }
        if let Some(error) = &callback.error {
            let said = callback.error_description.as_deref().unwrap_or(error);
            return Err(refused(format!(
                "{} did not give access: {said}",
                connector.manifest().label
            )));
        }
        let Some(code) = &callback.code else {
            return Err(refused("the provider's answer carries no code; start again".to_owned()));
        };
        let client = OAuthClient {
            transport: Arc::clone(&parts.transport),
            connector: Arc::clone(&connector),
            clock: Arc::clone(&parts.clock),
            endpoints,
            client_id: pending.client_id.clone(),
            client_secret: secrets.client_secret.clone(),
        };
        let tokens = client
            .exchange(code, &pending.redirect_uri, &secrets.verifier)
            .await
            .map_err(|failure| failure.into_error(AUTHORISING))?;
        let base_url = client.endpoints.base_url(tokens.instance_url.as_deref())?;
        self.establish(Grant {
            tenant,
            provider: pending.provider,
            name: pending.name,
            login_url: pending.login_url,
            base_url,
            client_id: pending.client_id,
            client_secret: secrets.client_secret,
            kind: GrantKind::Person,
            scopes: tokens.scopes.clone().unwrap_or(pending.scopes),
            settings: pending.settings,
            actor: actor.name.clone(),
            tokens,
            expires_at: None,
            reconnect: pending.reconnect,
            accept_other_account: pending.accept_other_account,
        })
        .await
    }

    /// Connects with tokens that are there already.
    ///
    /// # Errors
    /// As [`Connections::authorise`] and [`Connections::complete`].
    pub async fn connect_with_tokens(&self, request: TokenRequest, actor: &Actor) -> Result<Connection> {
        let parts = self.parts();
        self.allow_in(actor, request.tenant, Action::ManageConnections)?;
        let connector = self.connector(&request.provider)?;
        check_name(&request.name)?;
        check_settings(connector.manifest(), request.settings.keys())?;
        let endpoints = Endpoints::new(
            connector.manifest(),
            request.login_url.as_deref(),
            &request.settings,
            parts.addresses,
        )?;
        let base_url = endpoints.base_url(request.base_url.as_deref())?;
        self.establish(Grant {
            tenant: request.tenant,
            provider: request.provider,
            name: request.name,
            login_url: endpoints.login_url,
            base_url,
            client_id: request.client_id,
            client_secret: request.client_secret,
            kind: GrantKind::Person,
            scopes: Vec::new(),
            settings: request.settings,
            actor: actor.name.clone(),
            tokens: TokenSet {
                access: request.access_token,
                refresh: request.refresh_token,
                expires_in: None,
                scopes: None,
                instance_url: None,
                user_id: None,
            },
            expires_at: request.expires_at,
            reconnect: None,
            accept_other_account: false,
        })
        .await
    }

    /// Connects as an app that needs no person: by client credentials, or by an assertion that it signs. New access
    /// tokens are got in the same way, so there is no refresh token to lose.
    ///
    /// # Errors
    /// As [`Connections::authorise`] and [`Connections::complete`]; `Invalid` when the private key can't be read.
    pub async fn connect_as_app(&self, request: AppGrantRequest, actor: &Actor) -> Result<Connection> {
        let parts = self.parts();
        self.allow_in(actor, request.tenant, Action::ManageConnections)?;
        let connector = self.connector(&request.provider)?;
        check_name(&request.name)?;
        check_settings(connector.manifest(), request.settings.keys())?;
        if request.client_id.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "the client id of the app is missing"));
        }
        let client = OAuthClient {
            transport: Arc::clone(&parts.transport),
            connector: Arc::clone(&connector),
            clock: Arc::clone(&parts.clock),
            endpoints: Endpoints::new(
                connector.manifest(),
                request.login_url.as_deref(),
                &request.settings,
                parts.addresses,
            )?,
            client_id: request.client_id.clone(),
            client_secret: Some(request.secret.clone()),
        };
        let tokens = client
            .app_grant(&request.grant, self.now())
            .await
            .map_err(|failure| failure.into_error(AUTHORISING))?;
        let base_url = client.endpoints.base_url(tokens.instance_url.as_deref())?;
        self.establish(Grant {
            tenant: request.tenant,
            provider: request.provider,
            name: request.name,
            login_url: client.endpoints.login_url,
            base_url,
            client_id: request.client_id,
            client_secret: Some(request.secret),
            kind: request.grant,
            scopes: tokens.scopes.clone().unwrap_or_default(),
            settings: request.settings,
            actor: actor.name.clone(),
            tokens,
            expires_at: None,
            reconnect: None,
            accept_other_account: false,
        })
        .await
    }

    async fn stored_secret(&self, tx: &mut dyn Transaction, tenant: TenantId, id: u64) -> Result<Option<SecretString>> {
        let connection = document::get::<Connection>(tx, id).await?;
        check_tenant(&connection, tenant)?;
        let credential = Credential::load(tx, &self.parts().vault, owner(&connection)).await?;
        Ok(credential.and_then(|credential| credential.client_secret))
    }

    /// Removes connections whose account never told its name: the process ended in between.
    async fn purge_pending(&self, tx: &mut dyn Transaction) -> Result<()> {
        let query = DocumentQuery::new(DocumentKind::Connection).status(ConnectionStatus::Pending.name());
        for pending in document::find::<Connection>(tx, &query).await? {
            if between(pending.created_at, self.now()) > PENDING_LIFE {
                Credential::delete(tx, pending.id).await?;
                tx.delete_document(DocumentKind::Connection, pending.id).await?;
            }
        }
        Ok(())
    }
}

pub(super) fn check_name(name: &str) -> Result<()> {
    let fits = !name.is_empty()
        && name.chars().count() <= 80
        && name.trim() == name
        && !name.chars().any(char::is_control)
        // A number would be taken for the connection of that number.
        && name.parse::<u64>().is_err();
    if fits {
        return Ok(());
    }
    let message = "a connection's name has 1 to 80 characters, no blanks at its ends, and is not a number";
    Err(Error::new(ErrorKind::Invalid, message).with("name", name))
}

pub(super) fn check_settings<'a>(manifest: &Manifest, names: impl Iterator<Item = &'a String>) -> Result<()> {
    for name in names {
        if !manifest.settings.iter().any(|setting| setting.name == *name) {
            let known = manifest
                .settings
                .iter()
                .map(|setting| setting.name.as_str())
                .collect::<Vec<_>>()
                .join(", ");
            let message = format!("{} has no setting {name:?}; there are: {known}", manifest.label);
            return Err(Error::new(ErrorKind::Invalid, message));
        }
    }
    Ok(())
}
