//! [`Manifest`]: what a connector says of its provider before any request is made: identity, authorisation,
//! capabilities by operation, and limits. The engine adapts to it and the documentation prints it as a table.

use serde::{Deserialize, Serialize};

/// What a side is to the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A customer's CRM, which somebody has to give access to.
    #[default]
    Crm,
    /// The host's own data, such as a table. The connector was made with a way to it, so that nobody authorises anything
    /// and no request is sent; where a conflict is decided for the app, it counts as the app.
    App,
}

impl Role {
    fn is_crm(&self) -> bool {
        *self == Self::Crm
    }
}

/// What a connector is and can do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// The provider's name in configuration, such as `salesforce`.
    pub provider: String,
    /// The provider's name for people.
    pub label: String,
    /// The API version spoken unless the connection says otherwise.
    pub api_version: String,
    /// How a connection is authorised.
    pub authorisation: Authorisation,
    /// Host patterns that a connection of this provider may talk to: a name, or `*.` and a suffix.
    pub hosts: Vec<String>,
    /// What the provider can do, by operation.
    pub capabilities: Capabilities,
    /// Limits that apply when answers do not say otherwise.
    pub limits: Vec<RateLimit>,
    /// Objects that a new sync takes if none are named, in the order in which references need them.
    pub default_objects: Vec<String>,
    /// Settings of a connection.
    pub settings: Vec<Setting>,
    /// What its records are to the hub.
    #[serde(default, skip_serializing_if = "Role::is_crm")]
    pub role: Role,
}

impl Manifest {
    /// The manifest of a provider of which nothing is known yet: it claims nothing that has to be earned. Say the rest by
    /// struct update.
    ///
    /// ```
    /// use syncline_core::manifest::Manifest;
    ///
    /// let manifest = Manifest {
    ///     hosts: vec!["*.rolodex.example".into()],
    ///     default_objects: vec!["people".into()],
    ///     ..Manifest::new("rolodex", "Rolodex", "https://login.rolodex.example", "https://api.rolodex.example")
    /// };
    /// assert!(!manifest.capabilities.create.marker);
    /// ```
    pub fn new(provider: &str, label: &str, login_url: &str, api_url: &str) -> Self {
        let write = || WriteCapabilities {
            batch_size: 1,
            compare_and_set: CompareAndSet::None,
        };
        Self {
            provider: provider.into(),
            label: label.into(),
            api_version: "1".into(),
            authorisation: Authorisation {
                login_url: login_url.into(),
                authorize_path: "/oauth/authorize".into(),
                token_base_url: None,
                token_path: "/oauth/token".into(),
                revoke: None,
                rotates_refresh_tokens: false,
                names_instance: false,
                api_base_url: Some(api_url.into()),
            },
            hosts: Vec::new(),
            capabilities: Capabilities {
                read: ReadCapabilities {
                    page_size: 100,
                    fetch_size: 100,
                    stamp_milliseconds: 1_000,
                    overlap_seconds: 60,
                    index_lags: false,
                    hides_records: false,
                },
                create: CreateCapabilities {
                    batch_size: 1,
                    marker: false,
                    job_size: None,
                    makes_marker: false,
                },
                update: write(),
                delete: write(),
                delete_evidence: DeleteEvidence::Sweep,
                undelete: false,
                merges_reported: false,
                merge_makes_new_id: false,
                webhooks: false,
                files: false,
            },
            limits: Vec::new(),
            default_objects: Vec::new(),
            settings: Vec::new(),
            role: Role::Crm,
        }
    }
}

/// OAuth 2.0 by authorization code with PKCE (S256), which every provider here speaks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Authorisation {
    /// Where a person is sent when the connection names no other host, such as `https://login.salesforce.com`.
    pub login_url: String,
    /// Path of the authorisation page below the login URL.
    pub authorize_path: String,
    /// Base URL of the token endpoint when it differs from the login URL.
    pub token_base_url: Option<String>,
    /// Path of the token endpoint. The name of a setting in braces stands for what the connection sets it to.
    pub token_path: String,
    /// How a grant is revoked.
    pub revoke: Option<Revocation>,
    /// Whether a refresh answers with a new refresh token that replaces the old one at once.
    pub rotates_refresh_tokens: bool,
    /// Whether token answers name the URL of the account's own instance (`instance_url`).
    pub names_instance: bool,
    /// Base URL of the API when token answers do not name one.
    pub api_base_url: Option<String>,
}

/// How a grant is revoked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Revocation {
    /// Path of the endpoint below the token base URL; a form with `token` is posted to it.
    pub path: String,
    /// Whether client id and secret go with it.
    pub with_client: bool,
}

/// A setting of a connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Setting {
    /// Its name in configuration.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Its value if none is given.
    pub default: Option<String>,
}

/// How surely a write can be refused when somebody else changed the record meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompareAndSet {
    /// Never: the engine reads directly before it writes, and a small race remains.
    None,
    /// By a stamp that is too coarse to tell two changes of one second apart.
    Weak,
    /// By an exact version.
    Strong,
}

/// How deletes become known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteEvidence {
    /// Deleted records show in the incremental read.
    Incremental,
    /// A list of archived records has to be read through.
    ArchivedList,
    /// Only by enumerating what is left.
    Sweep,
}

/// What the provider can do, by operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Capabilities {
    /// Incremental reads.
    pub read: ReadCapabilities,
    /// Creating records.
    pub create: CreateCapabilities,
    /// Changing records.
    pub update: WriteCapabilities,
    /// Deleting records.
    pub delete: WriteCapabilities,
    /// How deletes become known.
    pub delete_evidence: DeleteEvidence,
    /// Whether a deleted record can be brought back by an API call.
    pub undelete: bool,
    /// Whether merges are reported with the surviving record.
    pub merges_reported: bool,
    /// Whether a merge gives the survivor a new id.
    pub merge_makes_new_id: bool,
    /// Whether the provider can call us when something changes.
    pub webhooks: bool,
    /// Whether files of records can be listed, downloaded and uploaded.
    #[serde(default)]
    pub files: bool,
}

/// Incremental and strong reads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReadCapabilities {
    /// Records per page.
    pub page_size: usize,
    /// Records per strong read by id.
    pub fetch_size: usize,
    /// Granularity of the provider's modified stamp in milliseconds.
    pub stamp_milliseconds: u32,
    /// How far back every incremental read starts again, in seconds: records may become visible this late.
    pub overlap_seconds: u32,
    /// Whether pages of the incremental read may be stale and are confirmed by a strong read.
    pub index_lags: bool,
    /// Whether single records may be kept from the connection's user. That one is not found then proves no delete, however
    /// often: only the provider's own word does.
    #[serde(default)]
    pub hides_records: bool,
}

/// Creating records.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateCapabilities {
    /// Records per call.
    pub batch_size: usize,
    /// Whether a create can carry our own unique key, so that sending it twice makes one record.
    pub marker: bool,
    /// How many creates one job of the provider takes well, where the connector writes many through jobs instead of calls:
    /// the engine gathers so many before it sends them. `None` where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_size: Option<usize>,
    /// Whether the connector can make the field for that key, on request.
    #[serde(default)]
    pub makes_marker: bool,
}

/// Changing or deleting records.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WriteCapabilities {
    /// Records per call.
    pub batch_size: usize,
    /// Whether the write can be made conditional.
    pub compare_and_set: CompareAndSet,
}

/// So many calls in a time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RateLimit {
    /// Name for people and metrics, such as `daily`.
    pub name: String,
    /// Calls allowed.
    pub calls: u64,
    /// In this many seconds, rolling.
    pub seconds: u64,
    /// Only for calls whose [`crate::io::Request::bucket`] is this; all calls otherwise.
    pub bucket: Option<String>,
}

/// Whether a host fits a pattern of [`Manifest::hosts`]: the same name, or `*.` and a suffix with something before it.
/// Case, and the dot that may end a host's name, mean nothing.
///
/// ```
/// use syncline_core::manifest::host_fits;
///
/// assert!(host_fits("*.my.salesforce.com", "ACME--x.sandbox.my.salesforce.com"));
/// assert!(!host_fits("*.my.salesforce.com", "evilmy.salesforce.com"));
/// ```
pub fn host_fits(pattern: &str, host: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    match pattern.strip_prefix('*') {
        Some(suffix) => suffix.starts_with('.') && host.len() > suffix.len() && host.ends_with(suffix),
        None => host == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_labels_only() {
        assert!(host_fits("*.my.example.com", "acme.my.example.com"));
        assert!(host_fits("api.example.com", "API.example.com."));
        for other in [
            "my.example.com",
            "evilmy.example.com",
            "acme.my.example.com.evil.test",
            ".my.example.com",
        ] {
            assert!(!host_fits("*.my.example.com", other), "{other}");
        }
        assert!(
            !host_fits("*example.com", "evilexample.com"),
            "a star stands for whole labels"
        );
    }
}
