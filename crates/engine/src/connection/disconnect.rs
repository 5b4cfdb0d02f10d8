//! Giving tokens back.

use std::sync::Arc;

use syncline_core::manifest::Role;
use syncline_core::store::Mode;
use syncline_core::{Error, ErrorKind, Result};

use super::record::{Connection, ConnectionStatus};
use super::service::{Connections, owner};
use crate::actor::{Action, Actor};
use crate::document;
use crate::oauth::{Credential, Endpoints, OAuthClient};

impl Connections {
    /// Revokes a connection's tokens at the provider and deletes them here. Its links and syncs stay. When the provider
    /// can't be reached the tokens are deleted all the same, and the connection's reason says so.
    ///
    /// # Errors
    /// `Refused` when it is deleted, `NotFound`, `Forbidden`.
    pub async fn disconnect(&self, id: u64, actor: &Actor) -> Result<Connection> {
        self.end(id, ConnectionStatus::Disconnected, actor).await
    }

    /// Disconnects a connection and hides it. Authorising the same account again brings it back.
    ///
    /// # Errors
    /// `Refused` when it is deleted already, `NotFound`, `Forbidden`.
    pub async fn delete(&self, id: u64, actor: &Actor) -> Result<Connection> {
        self.end(id, ConnectionStatus::Deleted, actor).await
    }

    async fn end(&self, id: u64, status: ConnectionStatus, actor: &Actor) -> Result<Connection> {
        let connection = self.allow_on(actor, id, Action::ManageConnections).await?;
        let mut tx = self.parts().store.begin(Mode::Read).await?;
        if connection.status == ConnectionStatus::Deleted {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("connection {} is deleted already", connection.name),
            ));
        }
        // Credentials that can't be opened any more can still be deleted.
        let credential = Credential::load(&mut *tx, &self.parts().vault, owner(&connection))
            .await
            .unwrap_or_default();
        drop(tx);
        let not_revoked = match credential {
            Some(credential) if credential.dead.is_none() && !self.is_hosts_own(&connection) => {
                self.revoke(&connection, credential).await
            }
            _ => None,
        };

        let mut tx = self.parts().store.begin(Mode::Write).await?;
        Credential::delete(&mut *tx, id).await?;
        let mut connection = document::get::<Connection>(&mut *tx, id).await?;
        connection.status = status;
        connection.next_run_at = None;
        connection.status_reason = Some(match not_revoked {
            Some(reason) => format!("by {actor}; the provider could not be told ({reason}), remove the app there"),
            None => format!("by {actor}"),
        });
        document::put(&mut *tx, &mut connection).await?;
        tx.commit().await?;
        self.forget(id);
        self.drop_shared(id);
        (self.parts().listener)(&connection);
        Ok(connection.value)
    }

    /// Whether there is nobody who could be told.
    fn is_hosts_own(&self, connection: &Connection) -> bool {
        self.connector(&connection.provider)
            .is_ok_and(|connector| connector.manifest().role == Role::App)
    }

    /// Revokes; the reason when that was not possible.
    async fn revoke(&self, connection: &Connection, credential: Credential) -> Option<String> {
        let parts = self.parts();
        let client = || {
            let connector = self.connector(&connection.provider)?;
            Ok::<_, Error>(OAuthClient {
                transport: Arc::clone(&parts.transport),
                endpoints: Endpoints::new(
                    connector.manifest(),
                    Some(&connection.login_url),
                    &connection.settings,
                    parts.addresses,
                )?,
                connector,
                clock: Arc::clone(&parts.clock),
                client_id: connection.client_id.clone(),
                client_secret: credential.client_secret.clone(),
            })
        };
        let client = match client() {
            Ok(client) => client,
            Err(error) => return Some(error.to_string()),
        };
        // The refresh token stands for the grant; access tokens fall with it or expire by themselves.
        let token = credential.refresh.as_ref().unwrap_or(&credential.access);
        match client.revoke(token).await {
            Ok(_) => None,
            Err(failure) => Some(failure.into_error("revoking").message().to_owned()),
        }
    }
}
