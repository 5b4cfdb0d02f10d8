//! A person was sent to agree and has not come back yet.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use syncline_core::model::TenantId;
use syncline_core::store::{Document, DocumentKind, DocumentQuery, Transaction};
use syncline_core::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

use crate::ports::{Random, after};
use crate::vault::{Owner, Purpose, Sealed, Vault, WrappedKey};

/// How long a person has to agree.
const LIFE: Duration = Duration::from_secs(10 * 60);

/// What an authorisation was started with. Its state is not kept, only a hash to find it by.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PendingAuthorisation {
    pub(crate) tenant: TenantId,
    pub(crate) provider: String,
    pub(crate) name: String,
    pub(crate) login_url: String,
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) settings: BTreeMap<String, String>,
    /// Who started it; the same one finishes it.
    pub(crate) actor: String,
    /// The connection that is reconnected.
    pub(crate) reconnect: Option<u64>,
    pub(crate) accept_other_account: bool,
    pub(crate) expires_at: Timestamp,
}

/// What of it is secret.
pub(crate) struct PendingSecrets {
    pub(crate) verifier: SecretString,
    pub(crate) client_secret: Option<SecretString>,
}

impl fmt::Debug for PendingSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingSecrets(hidden)")
    }
}

/// A fresh state and verifier.
pub(crate) struct Start {
    pub(crate) state: SecretString,
    pub(crate) verifier: SecretString,
    pub(crate) expires_at: Timestamp,
}

impl fmt::Debug for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Start {
    /// 256 bits each; the verifier's 43 characters are the least that RFC 7636 allows.
    pub(crate) fn new(now: Timestamp, random: &dyn Random) -> Self {
        let draw = || {
            let mut bytes = Zeroizing::new([0; 32]);
            random.fill(&mut *bytes);
            SecretString::from(URL_SAFE_NO_PAD.encode(*bytes))
        };
        Self {
            state: draw(),
            verifier: draw(),
            expires_at: after(now, LIFE),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(flatten)]
    pending: PendingAuthorisation,
    key: WrappedKey,
    verifier: Sealed,
    client_secret: Option<Sealed>,
}

fn owner(tenant: TenantId) -> Owner {
    Owner { tenant, connection: 0 }
}

/// What a state is found by. Whoever reads the store must not be able to finish an authorisation.
fn key(state: &str) -> String {
    Sha256::digest(state.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl PendingAuthorisation {
    /// Remembers it under the state.
    pub(crate) async fn put(
        &self,
        tx: &mut dyn Transaction,
        vault: &Vault,
        state: &SecretString,
        secrets: &PendingSecrets,
    ) -> Result<()> {
        let owner = owner(self.tenant);
        let data_key = vault.new_data_key(owner)?;
        let seal =
            |purpose, secret: &SecretString| vault.seal(owner, &data_key, purpose, secret.expose_secret().as_bytes());
        let stored = Stored {
            pending: self.clone(),
            verifier: seal(Purpose::Authorisation, &secrets.verifier)?,
            client_secret: secrets
                .client_secret
                .as_ref()
                .map(|secret| seal(Purpose::ClientSecret, secret))
                .transpose()?,
            key: data_key,
        };
        let body = serde_json::to_value(&stored)
            .map_err(|error| Error::new(ErrorKind::Internal, "an authorisation can't be written").because(error))?;
        tx.put_document(&Document {
            kind: DocumentKind::Authorisation,
            id: 0,
            tenant: self.tenant,
            scope: 0,
            key: Some(key(state.expose_secret())),
            status: "pending".to_owned(),
            at: self.expires_at,
            version: 0,
            body,
        })
        .await?;
        Ok(())
    }

    /// Finds the authorisation of a state and removes it, so that the state works once.
    ///
    /// # Errors
    /// `Refused` when the state is unknown, used or another tenant's.
    pub(crate) async fn take(
        tx: &mut dyn Transaction,
        vault: &Vault,
        tenant: TenantId,
        state: &str,
    ) -> Result<(Self, PendingSecrets)> {
        let refused = || {
            Error::new(
                ErrorKind::Refused,
                "this authorisation was not started here, was used already, or took longer than ten minutes; start again",
            )
        };
        let query = DocumentQuery::new(DocumentKind::Authorisation)
            .tenant(tenant)
            .key(key(state))
            .limit(1);
        let document = tx.documents(&query).await?.into_iter().next().ok_or_else(refused)?;
        tx.delete_document(DocumentKind::Authorisation, document.id).await?;
        let stored: Stored = serde_json::from_value(document.body)
            .map_err(|error| Error::new(ErrorKind::Corrupt, "a stored authorisation can't be read").because(error))?;
        let owner = owner(tenant);
        let open = |purpose, sealed: &Sealed| {
            let bytes = vault.open(owner, &stored.key, purpose, sealed)?;
            let text = std::str::from_utf8(&bytes);
            text.map(SecretString::from)
                .map_err(|_| Error::new(ErrorKind::Corrupt, "a stored authorisation can't be read"))
        };
        let secrets = PendingSecrets {
            verifier: open(Purpose::Authorisation, &stored.verifier)?,
            client_secret: stored
                .client_secret
                .as_ref()
                .map(|sealed| open(Purpose::ClientSecret, sealed))
                .transpose()?,
        };
        Ok((stored.pending, secrets))
    }

    /// Removes those that nobody came back for.
    pub(crate) async fn purge(tx: &mut dyn Transaction, now: Timestamp) -> Result<()> {
        let mut query = DocumentQuery::new(DocumentKind::Authorisation);
        query.until = Some(now);
        for document in tx.documents(&query).await? {
            tx.delete_document(DocumentKind::Authorisation, document.id).await?;
        }
        Ok(())
    }

    /// Whether it may still be finished.
    pub(crate) fn is_alive(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}
