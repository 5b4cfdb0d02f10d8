//! What is asked of [`Connections`](super::Connections).

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use secrecy::SecretString;
use syncline_core::connector::Access;
use syncline_core::model::TenantId;

use super::record::GrantKind;

/// Starts an authorisation.
#[derive(Debug, Clone)]
pub struct AuthoriseRequest {
    /// The tenant.
    pub tenant: TenantId,
    /// The provider's name.
    pub provider: String,
    /// The connection's name; of an existing one to authorise it again.
    pub name: String,
    /// Another authorisation server of the provider: a sandbox, a customer's own domain, a simulator.
    pub login_url: Option<String>,
    /// The app's client id.
    pub client_id: String,
    /// The app's client secret. When reconnecting, the stored one is used if this is absent.
    pub client_secret: Option<SecretString>,
    /// Where the provider sends the person back to, exactly as registered there.
    pub redirect_uri: String,
    /// What will be read and written, for the least scopes.
    pub objects: Vec<(String, Access)>,
    /// Settings by the names in the manifest.
    pub settings: BTreeMap<String, String>,
    /// The connection that must come back as the same account.
    pub reconnect: Option<u64>,
    /// Lets [`AuthoriseRequest::reconnect`] end at another account all the same.
    pub accept_other_account: bool,
}

impl AuthoriseRequest {
    /// A request with nothing optional.
    pub fn new(
        tenant: TenantId,
        provider: impl Into<String>,
        name: impl Into<String>,
        client_id: impl Into<String>,
        redirect_uri: impl Into<String>,
    ) -> Self {
        Self {
            tenant,
            provider: provider.into(),
            name: name.into(),
            login_url: None,
            client_id: client_id.into(),
            client_secret: None,
            redirect_uri: redirect_uri.into(),
            objects: Vec::new(),
            settings: BTreeMap::new(),
            reconnect: None,
            accept_other_account: false,
        }
    }
}

/// An authorisation that a person has to agree to.
#[derive(Clone)]
pub struct Authorising {
    /// Where to send the person.
    pub authorize_url: String,
    /// What comes back with them; whoever holds it may finish the authorisation.
    pub state: SecretString,
    /// Until when they may come back.
    pub expires_at: Timestamp,
}

impl fmt::Debug for Authorising {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL carries the state.
        f.debug_struct("Authorising")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// What the provider sent the person back with.
#[derive(Clone, Default)]
pub struct Callback {
    /// The code, when they agreed.
    pub code: Option<SecretString>,
    /// The state.
    pub state: Option<SecretString>,
    /// The authorisation server, when it names itself (RFC 9207).
    pub issuer: Option<String>,
    /// Why not, when they did not agree.
    pub error: Option<String>,
    /// The same for people.
    pub error_description: Option<String>,
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback")
            .field("issuer", &self.issuer)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl Callback {
    /// Reads the query of the redirect, with or without the question mark or the whole URL before it.
    ///
    /// ```
    /// use syncline_engine::connection::Callback;
    /// let callback = Callback::parse("https://app.example/cb?error=access_denied&state=x");
    /// assert_eq!(callback.error.as_deref(), Some("access_denied"));
    /// ```
    pub fn parse(query: &str) -> Self {
        let query = query.split_once('?').map_or(query, |(_, query)| query);
        let query = query.split_once('#').map_or(query, |(query, _)| query);
        let mut callback = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "code" => callback.code = Some(SecretString::from(value.into_owned())),
                "state" => callback.state = Some(SecretString::from(value.into_owned())),
                "iss" => callback.issuer = Some(value.into_owned()),
                "error" => callback.error = Some(value.into_owned()),
                "error_description" => callback.error_description = Some(value.into_owned()),
                _ => {}
            }
        }
        callback
    }
}

/// Connects with tokens that are there already: a provider's static token, or a simulator's.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// The tenant.
    pub tenant: TenantId,
    /// The provider's name.
    pub provider: String,
    /// The connection's name.
    pub name: String,
    /// Another authorisation server of the provider, for refreshing.
    pub login_url: Option<String>,
    /// Base URL of the API; needed where token answers name it.
    pub base_url: Option<String>,
    /// The app's client id; needed for refreshing.
    pub client_id: String,
    /// The app's client secret.
    pub client_secret: Option<SecretString>,
    /// The token.
    pub access_token: SecretString,
    /// The refresh token; without one the connection ends with its token.
    pub refresh_token: Option<SecretString>,
    /// When the token expires, if that is known.
    pub expires_at: Option<Timestamp>,
    /// Settings by the names in the manifest.
    pub settings: BTreeMap<String, String>,
}

impl TokenRequest {
    /// A token, and nothing optional.
    pub fn new(
        tenant: TenantId,
        provider: impl Into<String>,
        name: impl Into<String>,
        client_id: impl Into<String>,
        access_token: impl Into<String>,
    ) -> Self {
        Self {
            tenant,
            provider: provider.into(),
            name: name.into(),
            login_url: None,
            base_url: None,
            client_id: client_id.into(),
            client_secret: None,
            access_token: SecretString::from(access_token.into()),
            refresh_token: None,
            expires_at: None,
            settings: BTreeMap::new(),
        }
    }

    /// Goes to a simulator at this base URL, which is authorisation server and API at once.
    #[must_use]
    pub fn simulated_at(mut self, base_url: &str) -> Self {
        self.login_url = Some(base_url.to_owned());
        self.base_url = Some(base_url.to_owned());
        self
    }
}

/// Connects what is the host's own and needs no authorisation, such as a table.
#[derive(Debug, Clone)]
pub struct ConnectRequest {
    /// The tenant.
    pub tenant: TenantId,
    /// The provider's name, whose manifest says [`Role::App`](syncline_core::manifest::Role::App).
    pub provider: String,
    /// The connection's name.
    pub name: String,
    /// Settings by the names in the manifest.
    pub settings: BTreeMap<String, String>,
}

impl ConnectRequest {
    /// A request without settings.
    pub fn new(tenant: TenantId, provider: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            tenant,
            provider: provider.into(),
            name: name.into(),
            settings: BTreeMap::new(),
        }
    }

    /// Sets one of the manifest's settings.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.insert(name.into(), value.into());
        self
    }
}

/// Connects as an app, without a person.
#[derive(Debug, Clone)]
pub struct AppGrantRequest {
    /// The tenant.
    pub tenant: TenantId,
    /// The provider's name.
    pub provider: String,
    /// The connection's name.
    pub name: String,
    /// The authorisation server: Salesforce takes client credentials at the customer's own domain only, and an assertion
    /// at the login host of the user.
    pub login_url: Option<String>,
    /// The app's client id.
    pub client_id: String,
    /// How tokens are got; [`GrantKind::Person`] is refused.
    pub grant: GrantKind,
    /// The client secret, or for an assertion the private RSA key as PEM (PKCS#8 or PKCS#1).
    pub secret: SecretString,
    /// Settings by the names in the manifest.
    pub settings: BTreeMap<String, String>,
}

impl AppGrantRequest {
    /// A request with nothing optional.
    pub fn new(
        tenant: TenantId,
        provider: impl Into<String>,
        name: impl Into<String>,
        client_id: impl Into<String>,
        grant: GrantKind,
        secret: SecretString,
    ) -> Self {
        Self {
            tenant,
            provider: provider.into(),
            name: name.into(),
            login_url: None,
            client_id: client_id.into(),
            grant,
            secret,
            settings: BTreeMap::new(),
        }
    }
}
