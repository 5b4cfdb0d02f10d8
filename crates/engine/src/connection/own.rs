//! Connecting what is the host's own.

use secrecy::SecretString;
use syncline_core::manifest::Role;
use syncline_core::{Error, ErrorKind, Result};

use super::authorise::{check_name, check_settings};
use super::establish::Grant;
use super::record::{Connection, GrantKind};
use super::request::ConnectRequest;
use super::service::Connections;
use crate::actor::{Action, Actor};
use crate::oauth::TokenSet;

impl Connections {
    /// Connects what is the host's own and reached by its connector itself, such as a table: nobody has to agree, and no
    /// token is kept. The same account connected again is the same connection.
    ///
    /// # Errors
    /// `Unsupported` for an unknown provider, or one that somebody has to authorise; `Invalid` for a name or a setting that
    /// can't be used; `Exists` when the name belongs to another account's connection; `Forbidden`; and as
    /// [`syncline_core::connector::Connector::account`].
    pub async fn connect(&self, request: ConnectRequest, actor: &Actor) -> Result<Connection> {
        self.allow_in(actor, request.tenant, Action::ManageConnections)?;
        let connector = self.connector(&request.provider)?;
        let manifest = connector.manifest();
        if manifest.role != Role::App {
            let message = format!(
                "{} has to be authorised: start with `connections().authorise(..)`",
                manifest.label
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        check_name(&request.name)?;
        check_settings(manifest, request.settings.keys())?;
        self.establish(Grant {
            tenant: request.tenant,
            provider: request.provider,
            name: request.name,
            login_url: String::new(),
            base_url: String::new(),
            client_id: String::new(),
            client_secret: None,
            kind: GrantKind::Person,
            scopes: Vec::new(),
            settings: request.settings,
            actor: actor.name.clone(),
            // Never sent: the connection is approved for no host.
            tokens: TokenSet {
                access: SecretString::from(String::new()),
                refresh: None,
                expires_in: None,
                scopes: None,
                instance_url: None,
                user_id: None,
            },
            expires_at: None,
            reconnect: None,
            accept_other_account: false,
        })
        .await
    }
}
