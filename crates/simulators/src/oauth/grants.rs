//! Codes, grants and tokens, and the rules by which they live and die.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{AuthorizationSettings, AuthorizeRequest, Issued, OAuthError, OAuthErrorKind, TokenInfo};
use crate::clock::Clock;

/// An authorisation server with one client and one person. Clones share one state.
#[derive(Clone)]
pub struct AuthorizationServer {
    pub(super) settings: Arc<AuthorizationSettings>,
    pub(super) clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

impl fmt::Debug for AuthorizationServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationServer")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

pub(super) struct State {
    dice: ChaCha8Rng,
    pub(super) codes: BTreeMap<String, Code>,
    pub(super) grants: BTreeMap<u64, Grant>,
    pub(super) next_grant: u64,
    access_tokens: BTreeMap<String, AccessToken>,
    /// Every refresh token ever issued, so that the reuse of a dead one is recognised.
    pub(super) refresh_tokens: BTreeMap<String, u64>,
}

pub(super) struct Code {
    pub(super) redirect_uri: String,
    pub(super) scope: String,
    pub(super) challenge: Option<String>,
    pub(super) expires_at: Timestamp,
    /// The grant it was exchanged for.
    pub(super) used_for: Option<u64>,
}

pub(super) struct Grant {
    pub(super) scope: String,
    pub(super) refresh_token: Option<String>,
    pub(super) issued_at: Timestamp,
    pub(super) last_used: Timestamp,
    /// Made at start for callers that skip the flow; never evicted by later sign-ins.
    pub(super) preset: bool,
}

struct AccessToken {
    grant: u64,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl AuthorizationServer {
    /// A server that knows the client and the person of `settings`.
    #[must_use]
    pub fn new(settings: AuthorizationSettings, clock: Arc<dyn Clock>) -> Self {
        let state = State {
            dice: ChaCha8Rng::seed_from_u64(settings.seed ^ 0x6f61_7574_6832),
            codes: BTreeMap::new(),
            grants: BTreeMap::new(),
            next_grant: 1,
            access_tokens: BTreeMap::new(),
            refresh_tokens: BTreeMap::new(),
        };
        Self {
            settings: Arc::new(settings),
            clock,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// The settings it was made with.
    #[must_use]
    pub fn settings(&self) -> &AuthorizationSettings {
        &self.settings
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A grant made without any flow, for callers that want to start at once.
    pub fn preset(&self) -> Issued {
        let mut state = self.state();
        let grant = self.open_grant(&mut state, self.settings.default_scope.clone(), true, true);
        self.issue(&mut state, grant, true)
    }

    /// Checks an authorisation request before anybody is asked to sign in.
    ///
    /// # Errors
    /// `invalid_client_id` for an unknown client; `redirect_uri_mismatch` for an address that is missing or not the
    /// client's; `unsupported_response_type` for anything but `code`; `invalid_request` for a challenge method other
    /// than S256, or no challenge where PKCE is required.
    pub fn check(&self, request: &AuthorizeRequest) -> Result<(), OAuthError> {
        if request.client_id.as_deref() != Some(&self.settings.client_id) {
            return Err(OAuthError::new(
                OAuthErrorKind::InvalidClientId,
                "client identifier invalid",
            ));
        }
        let redirect = request.redirect_uri.as_deref().unwrap_or_default();
        if !self.redirect_allowed(redirect) {
            return Err(OAuthError::new(
                OAuthErrorKind::RedirectUriMismatch,
                "redirect_uri must match configuration",
            ));
        }
        if request.response_type.as_deref().is_some_and(|kind| kind != "code") {
            return Err(OAuthError::new(
                OAuthErrorKind::UnsupportedResponseType,
                "response type is not supported",
            ));
        }
        if request
            .code_challenge_method
            .as_deref()
            .is_some_and(|method| method != "S256")
        {
            return Err(OAuthError::new(
                OAuthErrorKind::InvalidRequest,
                "code challenge method must be S256",
            ));
        }
        if self.settings.require_pkce && request.code_challenge.is_none() {
            return Err(OAuthError::new(
                OAuthErrorKind::InvalidRequest,
                "missing required code challenge",
            ));
        }
        Ok(())
    }

    fn redirect_allowed(&self, redirect: &str) -> bool {
        let Ok(asked) = url::Url::parse(redirect) else {
            return false;
        };
        if self.settings.redirect_uris.is_empty() {
            return true;
        }
        self.settings.redirect_uris.iter().any(|allowed| {
            allowed == redirect
                || url::Url::parse(allowed).is_ok_and(|allowed| {
                    let loopback = matches!(asked.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
                    loopback
                        && asked.scheme() == allowed.scheme()
                        && asked.host_str() == allowed.host_str()
                        && asked.path() == allowed.path()
                })
        })
    }

    /// Signs the person in and gives the address to send the browser to, with a code that works once.
    ///
    /// # Errors
    /// As [`AuthorizationServer::check`], and `access_denied` for a wrong name or password.
    pub fn sign_in(&self, request: &AuthorizeRequest, username: &str, password: &str) -> Result<String, OAuthError> {
        self.check(request)?;
        if username != self.settings.username || password != self.settings.password {
            return Err(OAuthError::new(
                OAuthErrorKind::AccessDenied,
                "the user name or password is wrong",
            ));
        }
        let mut state = self.state();
        // Real codes end in an escaped `==`, which a client must decode exactly once.
        let code = format!("aPrx{}==", random_text(&mut state.dice, 60));
        let now = self.clock.now();
        let entry = Code {
            redirect_uri: request.redirect_uri.clone().unwrap_or_default(),
            scope: self.scope_of(request.scope.as_deref()),
            challenge: request.code_challenge.clone(),
            expires_at: later(now, self.settings.code_life),
            used_for: None,
        };
        state.codes.insert(code.clone(), entry);
        Ok(redirect(request, &[("code", &code)]))
    }

    /// The address to send the browser to when the person says no.
    #[must_use]
    pub fn deny(&self, request: &AuthorizeRequest, error: &OAuthError) -> String {
        redirect(
            request,
            &[("error", error.kind.code()), ("error_description", error.description)],
        )
    }

    pub(super) fn scope_of(&self, asked: Option<&str>) -> String {
        match asked {
            Some(scope) if !scope.trim().is_empty() => scope.trim().to_owned(),
            _ => self.settings.default_scope.clone(),
        }
    }

    pub(super) fn new_refresh_token(&self, state: &mut State, grant: u64) -> String {
        let token = format!(
            "{}{}",
            self.settings.refresh_token_prefix,
            random_text(&mut state.dice, 64)
        );
        state.refresh_tokens.insert(token.clone(), grant);
        token
    }

    pub(super) fn open_grant(&self, state: &mut State, scope: String, refreshable: bool, preset: bool) -> u64 {
        let now = self.clock.now();
        let id = state.next_grant;
        state.next_grant += 1;
        let refresh_token = refreshable.then(|| self.new_refresh_token(state, id));
        state.grants.insert(
            id,
            Grant {
                scope,
                refresh_token,
                issued_at: now,
                last_used: now,
                preset,
            },
        );
        let live: Vec<u64> = state
            .grants
            .iter()
            .filter(|(_, grant)| !grant.preset && grant.refresh_token.is_some())
            .map(|(id, _)| *id)
            .collect();
        if live.len() > self.settings.max_grants
            && let Some(oldest) = live.first()
        {
            close_grant(state, *oldest);
        }
        id
    }

    pub(super) fn issue(&self, state: &mut State, id: u64, refresh_token_is_new: bool) -> Issued {
        let now = self.clock.now();
        let access_token = format!(
            "{}{}",
            self.settings.access_token_prefix,
            random_text(&mut state.dice, 96)
        );
        let expires_in = self.settings.access_token_life;
        let entry = AccessToken {
            grant: id,
            issued_at: now,
            expires_at: later(now, expires_in),
        };
        state.access_tokens.insert(access_token.clone(), entry);
        let (scope, refresh_token) = state
            .grants
            .get(&id)
            .map(|grant| (grant.scope.clone(), grant.refresh_token.clone()))
            .unwrap_or_default();
        Issued {
            access_token,
            refresh_token,
            refresh_token_is_new,
            scope,
            issued_at: now,
            expires_in,
        }
    }

    /// Whether a request with this access token may pass.
    #[must_use]
    pub fn accepts(&self, access_token: &str) -> bool {
        let now = self.clock.now();
        self.state()
            .access_tokens
            .get(access_token)
            .is_some_and(|token| token.expires_at > now)
    }

    /// Lets one access token expire now; its grant lives on. `false` if it was unknown.
    pub fn expire(&self, access_token: &str) -> bool {
        self.state().access_tokens.remove(access_token).is_some()
    }

    /// Lets all access tokens expire now; the grants live on.
    pub fn expire_all(&self) {
        self.state().access_tokens.clear();
    }

    /// Revokes a refresh token with everything it led to, or one access token. `false` if it was unknown.
    pub fn revoke(&self, token: &str) -> bool {
        let mut state = self.state();
        if let Some(&grant) = state.refresh_tokens.get(token) {
            let known = state.grants.contains_key(&grant);
            close_grant(&mut state, grant);
            return known;
        }
        state.access_tokens.remove(token).is_some()
    }

    /// What is known of a token that is alive.
    #[must_use]
    pub fn introspect(&self, token: &str) -> Option<TokenInfo> {
        let now = self.clock.now();
        let state = self.state();
        if let Some(access) = state.access_tokens.get(token) {
            let grant = state.grants.get(&access.grant)?;
            return (access.expires_at > now).then(|| TokenInfo {
                is_refresh_token: false,
                scope: grant.scope.clone(),
                issued_at: access.issued_at,
                expires_at: Some(access.expires_at),
            });
        }
        let grant = state.grants.get(state.refresh_tokens.get(token)?)?;
        (grant.refresh_token.as_deref() == Some(token)).then(|| TokenInfo {
            is_refresh_token: true,
            scope: grant.scope.clone(),
            issued_at: grant.issued_at,
            expires_at: None,
        })
    }
}

pub(super) fn close_grant(state: &mut State, id: u64) {
    state.grants.remove(&id);
    state.access_tokens.retain(|_, token| token.grant != id);
}

pub(super) fn later(instant: Timestamp, step: SignedDuration) -> Timestamp {
    instant.checked_add(step).unwrap_or(Timestamp::MAX)
}

fn random_text(dice: &mut ChaCha8Rng, length: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
    (0..length)
        .map(|_| char::from(ALPHABET[dice.random_range(0..64_usize)]))
        .collect()
}

fn redirect(request: &AuthorizeRequest, parameters: &[(&str, &str)]) -> String {
    let target = request.redirect_uri.as_deref().unwrap_or_default();
    let Ok(mut url) = url::Url::parse(target) else {
        return target.to_owned();
    };
    {
        let mut query = url.query_pairs_mut();
        query.extend_pairs(parameters);
        if let Some(state) = &request.state {
            query.append_pair("state", state);
        }
    }
    url.into()
}
