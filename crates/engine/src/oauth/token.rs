//! [`TokenSet`]: what a token endpoint hands out.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;

/// What a token endpoint hands out. Never printed.
pub(crate) struct TokenSet {
    pub(crate) access: SecretString,
    /// Absent when the one used stays valid.
    pub(crate) refresh: Option<SecretString>,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) scopes: Option<Vec<String>>,
    /// The URL of the account's own instance, not yet checked.
    pub(crate) instance_url: Option<String>,
    /// Id of the user who agreed, where the answer says so.
    pub(crate) user_id: Option<String>,
}

impl fmt::Debug for TokenSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSet")
            .field("has_refresh_token", &self.refresh.is_some())
            .field("expires_in", &self.expires_in)
            .field("instance_url", &self.instance_url)
            .finish_non_exhaustive()
    }
}
