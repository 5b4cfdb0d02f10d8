//! [`Connection`]: what is known of one authorised account. No secret is in it.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::io::Config;
use syncline_core::model::TenantId;
use syncline_core::schema::Account;
use syncline_core::store::DocumentKind;
use syncline_core::{Error, ErrorKind, Result};

use crate::document::{Columns, Stored};

/// One authorised account at a provider. What makes it the same is tenant, provider and remote account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// Its number.
    pub id: u64,
    /// The tenant.
    pub tenant: TenantId,
    /// The provider's name, such as `salesforce`.
    pub provider: String,
    /// Its name for people, unique within the tenant among those that are not deleted.
    pub name: String,
    /// Whether it can be used.
    pub status: ConnectionStatus,
    /// Why it has this status, where somebody said.
    pub status_reason: Option<String>,
    /// The account, with the remote user that the connection acts as.
    pub account: Account,
    /// Base URL of the API, without a slash at its end.
    pub base_url: String,
    /// Base URL of the authorisation server.
    pub login_url: String,
    /// Settings by the names in the manifest.
    pub settings: BTreeMap<String, String>,
    /// The app's public client id.
    pub client_id: String,
    /// How its access tokens are got.
    #[serde(default)]
    pub grant: GrantKind,
    /// The scopes that were granted, or else asked for.
    pub scopes: Vec<String>,
    /// Who authorised it first.
    pub creator: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was last authorised.
    pub authorised_at: Timestamp,
    /// What last went wrong, until something works again.
    pub last_error: Option<Problem>,
    /// When a sync last ran on it.
    pub last_run_at: Option<Timestamp>,
    /// When one will next.
    pub next_run_at: Option<Timestamp>,
}

/// How a connection's access tokens are got.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "grant", rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrantKind {
    /// A person agreed, and a refresh token stands for that.
    #[default]
    Person,
    /// The app asks for itself, with its client secret; the provider decides whom it acts as.
    ClientCredentials,
    /// The app signs an assertion with its private key, for a user who was admitted beforehand.
    JwtBearer {
        /// The user's login.
        username: String,
    },
}

/// Whether a connection can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// Its account is not known yet.
    Pending,
    /// It works.
    Active,
    /// Somebody paused it.
    Paused,
    /// The provider no longer accepts our tokens; a person must reconnect.
    NeedsReauthorisation,
    /// It was disconnected; there are no tokens.
    Disconnected,
    /// It was deleted, and comes back when the same account is authorised again.
    Deleted,
}

impl ConnectionStatus {
    /// Its name as stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::NeedsReauthorisation => "needs_reauthorisation",
            Self::Disconnected => "disconnected",
            Self::Deleted => "deleted",
        }
    }
}

impl fmt::Display for ConnectionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Something that went wrong, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// When.
    pub at: Timestamp,
    /// What happened, for people.
    pub message: String,
}

impl Problem {
    /// An error at a time.
    pub fn new(at: Timestamp, error: &Error) -> Self {
        Self {
            at,
            message: error.to_string(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Connection {
    /// What a connector is told of it.
    pub fn config(&self) -> Config {
        let user = &self.account.user_id;
        Config {
            base_url: self.base_url.clone(),
            settings: self.settings.clone(),
            user_id: (!user.is_empty()).then(|| user.clone()),
            api_version: self.account.api_version.clone(),
        }
    }

    /// Lets work on it begin.
    ///
    /// # Errors
    /// `Refused` when it is paused, disconnected, deleted or pending, `Reauthorise` when a person must reconnect; the
    /// message says why.
    pub fn check_usable(&self) -> Result<()> {
        let because = self
            .status_reason
            .as_deref()
            .map(|reason| format!(" ({reason})"))
            .unwrap_or_default();
        let name = &self.name;
        let (kind, message) = match self.status {
            ConnectionStatus::Active => return Ok(()),
            ConnectionStatus::Pending => (
                ErrorKind::Refused,
                format!("connection {name} is not authorised yet; finish connecting"),
            ),
            ConnectionStatus::Paused => (
                ErrorKind::Refused,
                format!("connection {name} is paused{because}; resume it first"),
            ),
            ConnectionStatus::NeedsReauthorisation => (
                ErrorKind::Reauthorise,
                format!("connection {name} must be reconnected{because}"),
            ),
            ConnectionStatus::Disconnected => (
                ErrorKind::Refused,
                format!("connection {name} is disconnected{because}; reconnect it first"),
            ),
            ConnectionStatus::Deleted => (
                ErrorKind::Refused,
                format!("connection {name} is deleted; authorise the same account to bring it back"),
            ),
        };
        Err(Error::new(kind, message))
    }
}

impl Stored for Connection {
    const KIND: DocumentKind = DocumentKind::Connection;
    const NOUN: &'static str = "connection";

    fn id(&self) -> u64 {
        self.id
    }

    fn set_id(&mut self, id: u64) {
        self.id = id;
    }

    fn columns(&self) -> Columns {
        // A deleted or unfinished one leaves its name to others.
        let named = !matches!(self.status, ConnectionStatus::Deleted | ConnectionStatus::Pending);
        Columns {
            tenant: self.tenant,
            scope: 0,
            key: named.then(|| self.name.clone()),
            status: self.status.name().to_owned(),
            at: self.created_at,
        }
    }
}
