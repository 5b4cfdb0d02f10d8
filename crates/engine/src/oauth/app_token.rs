//! [`AppToken`]: the app's own token of one connection, kept in memory only.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;

use super::token::TokenSet;
use crate::http::AccessToken;
use crate::ports::after;

/// A token that expires sooner than this is no longer used.
const MARGIN: Duration = Duration::from_secs(60);

/// The app's own token, and how many there were.
#[derive(Default)]
pub(super) struct AppToken {
    secret: Option<SecretString>,
    expires_at: Option<Timestamp>,
    generation: u64,
}

impl fmt::Debug for AppToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppToken")
            .field("generation", &self.generation)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl AppToken {
    /// The token, unless there is none, it is about to expire, or it is the one that was refused.
    pub(super) fn usable(&self, refused: Option<u64>, now: Timestamp) -> Option<AccessToken> {
        let is_fresh = self.expires_at.is_none_or(|at| at > after(now, MARGIN));
        let secret = self
            .secret
            .clone()
            .filter(|_| is_fresh && refused != Some(self.generation))?;
        Some(AccessToken {
            secret,
            generation: self.generation,
        })
    }

    /// Takes a new token in.
    pub(super) fn keep(&mut self, tokens: TokenSet, now: Timestamp) -> AccessToken {
        self.generation += 1;
        self.expires_at = tokens.expires_in.map(|life| after(now, life));
        self.secret = Some(tokens.access.clone());
        AccessToken {
            secret: tokens.access,
            generation: self.generation,
        }
    }
}
