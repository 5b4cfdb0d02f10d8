//! [`Credential`]: a connection's tokens and client secret, sealed in the store.

use std::fmt;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use syncline_core::store::{Document, DocumentKind, Transaction};
use syncline_core::{Error, ErrorKind, Result};
use zeroize::{Zeroize, Zeroizing};

use super::token::TokenSet;
use crate::ports::after;
use crate::vault::{Owner, Purpose, Sealed, Vault, WrappedKey};

/// A connection's tokens and client secret, opened.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) owner: Owner,
    pub(crate) access: SecretString,
    pub(crate) refresh: Option<SecretString>,
    pub(crate) client_secret: Option<SecretString>,
    pub(crate) expires_at: Option<Timestamp>,
    /// Goes up with each refresh.
    pub(crate) generation: u64,
    /// Why a person must reconnect, if they must.
    pub(crate) dead: Option<String>,
    key: Option<WrappedKey>,
    version: u64,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("owner", &self.owner)
            .field("generation", &self.generation)
            .field("expires_at", &self.expires_at)
            .field("dead", &self.dead)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    key: WrappedKey,
    tokens: Sealed,
    client_secret: Option<Sealed>,
    expires_at: Option<Timestamp>,
    generation: u64,
    dead: Option<String>,
}

#[derive(Serialize, Deserialize, Zeroize)]
#[zeroize(drop)]
struct Tokens {
    access: String,
    refresh: Option<String>,
}

fn unreadable(owner: Owner) -> Error {
    Error::new(ErrorKind::Corrupt, "the stored credentials can't be read; reconnect")
        .with("connection", owner.connection)
}

impl Credential {
    /// Tokens that were just handed out to a connection.
    pub(crate) fn new(owner: Owner, tokens: TokenSet, client_secret: Option<SecretString>, now: Timestamp) -> Self {
        Self {
            owner,
            access: tokens.access,
            refresh: tokens.refresh,
            client_secret,
            expires_at: tokens.expires_in.map(|time| after(now, time)),
            // By the clock, so that a connection that is authorised anew never repeats a number.
            generation: u64::try_from(now.as_microsecond()).unwrap_or_default(),
            dead: None,
            key: None,
            version: 0,
        }
    }

    /// These tokens in place of its own; a refresh token that was not replaced stays.
    pub(crate) fn refreshed(&self, tokens: TokenSet, now: Timestamp) -> Self {
        let next = Self::new(self.owner, tokens, self.client_secret.clone(), now);
        Self {
            refresh: next.refresh.or_else(|| self.refresh.clone()),
            generation: next.generation.max(self.generation + 1),
            key: self.key.clone(),
            version: self.version,
            access: next.access,
            ..next
        }
    }

    /// The same for another connection, which may have credentials already.
    pub(crate) async fn moved_to(&self, tx: &mut dyn Transaction, owner: Owner) -> Result<Self> {
        let version = tx
            .document(DocumentKind::Credential, owner.connection)
            .await?
            .map_or(0, |stored| stored.version);
        Ok(Self {
            owner,
            key: None,
            version,
            ..self.clone()
        })
    }

    /// The credentials of a connection, if it has any.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub(crate) async fn load(tx: &mut dyn Transaction, vault: &Vault, owner: Owner) -> Result<Option<Self>> {
        let Some(document) = tx.document(DocumentKind::Credential, owner.connection).await? else {
            return Ok(None);
        };
        let stored: Stored = serde_json::from_value(document.body).map_err(|_| unreadable(owner))?;
        let tokens = vault.open(owner, &stored.key, Purpose::Tokens, &stored.tokens)?;
        let mut tokens: Tokens = serde_json::from_slice(&tokens).map_err(|_| unreadable(owner))?;
        let client_secret = match &stored.client_secret {
            Some(sealed) => {
                let bytes = vault.open(owner, &stored.key, Purpose::ClientSecret, sealed)?;
                Some(SecretString::from(
                    std::str::from_utf8(&bytes).map_err(|_| unreadable(owner))?,
                ))
            }
            None => None,
        };
        Ok(Some(Self {
            owner,
            access: SecretString::from(std::mem::take(&mut tokens.access)),
            refresh: tokens.refresh.take().map(SecretString::from),
            client_secret,
            expires_at: stored.expires_at,
            generation: stored.generation,
            dead: stored.dead,
            key: Some(stored.key),
            version: document.version,
        }))
    }

    /// Stores them. Sealed under the current key, whichever they were under before.
    ///
    /// # Errors
    /// `Stale` when somebody else stored newer ones meanwhile.
    pub(crate) async fn put(&self, tx: &mut dyn Transaction, vault: &Vault) -> Result<()> {
        let key = match &self.key {
            Some(key) => vault.rewrap(self.owner, key)?.unwrap_or_else(|| key.clone()),
            None => vault.new_data_key(self.owner)?,
        };
        let tokens = Tokens {
            access: self.access.expose_secret().to_owned(),
            refresh: self.refresh.as_ref().map(|token| token.expose_secret().to_owned()),
        };
        let tokens = Zeroizing::new(serde_json::to_vec(&tokens).map_err(|_| unreadable(self.owner))?);
        let seal = |purpose, bytes: &[u8]| vault.seal(self.owner, &key, purpose, bytes);
        let client_secret = self.client_secret.as_ref();
        let client_secret = client_secret
            .map(|secret| seal(Purpose::ClientSecret, secret.expose_secret().as_bytes()))
            .transpose()?;
        let stored = Stored {
            tokens: seal(Purpose::Tokens, &tokens)?,
            client_secret,
            expires_at: self.expires_at,
            generation: self.generation,
            dead: self.dead.clone(),
            key,
        };
        let body = serde_json::to_value(&stored).map_err(|_| unreadable(self.owner))?;
        tx.put_document(&Document {
            kind: DocumentKind::Credential,
            id: self.owner.connection,
            tenant: self.owner.tenant,
            scope: 0,
            key: None,
            status: if self.dead.is_some() { "dead" } else { "live" }.to_owned(),
            at: self.expires_at.unwrap_or(Timestamp::UNIX_EPOCH),
            version: self.version,
            body,
        })
        .await?;
        Ok(())
    }

    /// Forgets them.
    pub(crate) async fn delete(tx: &mut dyn Transaction, connection: u64) -> Result<()> {
        tx.delete_document(DocumentKind::Credential, connection).await
    }
}
