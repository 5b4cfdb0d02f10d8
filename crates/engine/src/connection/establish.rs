//! Turning tokens into a connection: which account they belong to decides which connection it is.

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::SecretString;
use syncline_core::model::TenantId;
use syncline_core::schema::Account;
use syncline_core::store::{DocumentKind, DocumentQuery, Mode, Transaction};
use syncline_core::{Error, ErrorKind, Result};

use super::record::{Connection, ConnectionStatus, GrantKind};
use super::service::{Connections, check_tenant, owner};
use crate::document::{self, Versioned};
use crate::http::StopFlag;
use crate::oauth::{Credential, TokenSet};
use crate::sync::Sync;

/// Tokens, and what they were asked for.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) tenant: TenantId,
    pub(super) provider: String,
    pub(super) name: String,
    pub(super) login_url: String,
    pub(super) base_url: String,
    pub(super) client_id: String,
    pub(super) client_secret: Option<SecretString>,
    pub(super) kind: GrantKind,
    pub(super) scopes: Vec<String>,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) actor: String,
    pub(super) tokens: TokenSet,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) reconnect: Option<u64>,
    pub(super) accept_other_account: bool,
}

impl Connections {
    /// Stores the tokens under a connection without an account, asks for the account by the usual way, and then
    /// becomes, or replaces the tokens of, the connection of that account.
    pub(super) async fn establish(&self, grant: Grant) -> Result<Connection> {
        let (reconnect, accept) = (grant.reconnect, grant.accept_other_account);
        let pending = self.put_pending(grant).await?;
        let settled = match self.ask_account(&pending).await {
            Ok(account) => self.settle(&pending, account, reconnect, accept).await,
            Err(error) => Err(error),
        };
        self.drop_shared(pending.id);
        match settled {
            Ok(connection) => {
                self.forget(connection.id);
                (self.parts().listener)(&connection);
                Ok(connection)
            }
            Err(error) => {
                self.remove(pending.id).await?;
                Err(error)
            }
        }
    }

    async fn put_pending(&self, grant: Grant) -> Result<Connection> {
        let now = self.now();
        let mut tx = self.parts().store.begin(Mode::WriteDurable).await?;
        let connection = Connection {
            id: 0,
            tenant: grant.tenant,
            provider: grant.provider,
            name: grant.name,
            status: ConnectionStatus::Pending,
            status_reason: None,
            // Some connectors know the user only from here.
            account: Account {
                user_id: grant.tokens.user_id.clone().unwrap_or_default(),
                ..Account::default()
            },
            base_url: grant.base_url,
            login_url: grant.login_url,
            settings: grant.settings,
            client_id: grant.client_id,
            grant: grant.kind,
            scopes: grant.scopes,
            creator: grant.actor,
            created_at: now,
            authorised_at: now,
            last_error: None,
            last_run_at: None,
            next_run_at: None,
        };
        let connection = document::insert(&mut *tx, connection).await?.value;
        let mut credential = Credential::new(owner(&connection), grant.tokens, grant.client_secret, now);
        credential.expires_at = credential.expires_at.or(grant.expires_at);
        credential.put(&mut *tx, &self.parts().vault).await?;
        tx.commit().await?;
        Ok(connection)
    }

    async fn ask_account(&self, pending: &Connection) -> Result<Account> {
        let io = self.open_io(pending, StopFlag::new()).await?.interactive();
        let connector = self.connector(&pending.provider)?;
        let account = connector.account(&io, &pending.config()).await?;
        if account.id.is_empty() {
            return Err(Error::new(
                ErrorKind::Protocol,
                "the provider does not say which account this is",
            ));
        }
        Ok(account)
    }

    async fn settle(
        &self,
        pending: &Connection,
        account: Account,
        reconnect: Option<u64>,
        accept_other_account: bool,
    ) -> Result<Connection> {
        let mut tx = self.parts().store.begin(Mode::WriteDurable).await?;
        // As stored, since asking may have refreshed the tokens and moved the instance.
        let pending = document::get::<Connection>(&mut *tx, pending.id).await?;
        let same_account = find_account(&mut *tx, &pending, &account).await?;
        let target = match reconnect {
            Some(id) => {
                let target = document::get::<Connection>(&mut *tx, id).await?;
                check_tenant(&target, pending.tenant)?;
                check_account(&target, &account, same_account.as_ref(), accept_other_account)?;
                Some(target)
            }
            None => same_account,
        };
        let connection = match target {
            Some(target) => self.take_over(&mut *tx, target, pending, account).await?,
            None => {
                let mut connection = pending;
                connection.status = ConnectionStatus::Active;
                connection.account = account;
                document::put(&mut *tx, &mut connection)
                    .await
                    .map_err(|error| name_taken(error, &connection.value))?;
                connection.value
            }
        };
        tx.commit().await?;
        Ok(connection)
    }

    /// Gives a connection the tokens of the pending one, and makes it active again.
    async fn take_over(
        &self,
        tx: &mut dyn Transaction,
        mut target: Versioned<Connection>,
        pending: Versioned<Connection>,
        account: Account,
    ) -> Result<Connection> {
        let vault = &self.parts().vault;
        let credential = Credential::load(tx, vault, owner(&pending)).await?;
        let credential = credential.ok_or_else(|| Error::new(ErrorKind::Internal, "new credentials are gone"))?;
        credential.moved_to(tx, owner(&target)).await?.put(tx, vault).await?;
        Credential::delete(tx, pending.id).await?;
        tx.delete_document(DocumentKind::Connection, pending.id).await?;
        let new = pending.value;
        if target.status == ConnectionStatus::Deleted {
            target.name = new.name;
        }
        if target.account.id != account.id {
            doubt_syncs(tx, &target).await?;
        }
        target.status = ConnectionStatus::Active;
        target.status_reason = None;
        target.last_error = None;
        target.account = account;
        target.base_url = new.base_url;
        target.login_url = new.login_url;
        target.settings = new.settings;
        target.client_id = new.client_id;
        target.grant = new.grant;
        target.scopes = new.scopes;
        target.authorised_at = new.authorised_at;
        document::put(tx, &mut target)
            .await
            .map_err(|error| name_taken(error, &target.value))?;
        Ok(target.value)
    }

    async fn remove(&self, id: u64) -> Result<()> {
        let mut tx = self.parts().store.begin(Mode::Write).await?;
        Credential::delete(&mut *tx, id).await?;
        tx.delete_document(DocumentKind::Connection, id).await?;
        tx.commit().await
    }
}

/// The links of a connection's syncs are those of an account that was replaced: a sandbox that was refreshed has many of
/// the same records, another customer none, or others under the same ids. So everything is read, and nothing that is
/// linked is overwritten or deleted unasked.
async fn doubt_syncs(tx: &mut dyn Transaction, connection: &Connection) -> Result<()> {
    let query = DocumentQuery::new(DocumentKind::Sync)
        .tenant(connection.tenant)
        .scope(connection.id);
    for mut sync in document::find::<Sync>(tx, &query).await? {
        crate::restore::doubt(&mut sync.value);
        sync.unproven_links = true;
        document::put(tx, &mut sync).await?;
    }
    Ok(())
}

/// The connection of this account, whatever became of it.
async fn find_account(
    tx: &mut dyn Transaction,
    pending: &Connection,
    account: &Account,
) -> Result<Option<Versioned<Connection>>> {
    let query = DocumentQuery::new(DocumentKind::Connection)
        .tenant(pending.tenant)
        .limit(100_000);
    let found = document::find::<Connection>(tx, &query).await?;
    Ok(found.into_iter().find(|connection| {
        connection.status != ConnectionStatus::Pending
            && connection.provider == pending.provider
            && connection.account.id == account.id
    }))
}

/// A reconnect that ends at another account would write one customer's records into another's.
fn check_account(
    target: &Connection,
    account: &Account,
    other: Option<&Versioned<Connection>>,
    accept_other_account: bool,
) -> Result<()> {
    if target.account.id == account.id {
        return Ok(());
    }
    if let Some(other) = other {
        let message = format!(
            "account {} ({}) is connected already, as {}; sign in to account {} ({}) to reconnect {}",
            account.name, account.id, other.name, target.account.name, target.account.id, target.name
        );
        return Err(Error::new(ErrorKind::Exists, message));
    }
    if accept_other_account {
        return Ok(());
    }
    let message = format!(
        "connection {} belongs to account {} ({}), but this sign-in is for account {} ({}); sign in to the first one, \
         make a new connection for the second one, or say that the account is to be replaced",
        target.name, target.account.name, target.account.id, account.name, account.id
    );
    Err(Error::new(ErrorKind::Refused, message))
}

fn name_taken(error: Error, connection: &Connection) -> Error {
    if error.kind() != ErrorKind::Exists {
        return error;
    }
    let message = format!(
        "the name {} belongs to a connection to another account; choose another name for account {} ({})",
        connection.name, connection.account.name, connection.account.id
    );
    Error::new(ErrorKind::Exists, message)
}
