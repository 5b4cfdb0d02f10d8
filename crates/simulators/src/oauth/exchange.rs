//! Token requests: a code, a refresh token or the client itself for an access token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::grants::{AuthorizationServer, close_grant, later};
use super::{Issued, OAuthError, OAuthErrorKind, TokenRequest};

impl AuthorizationServer {
    /// Answers a token request.
    ///
    /// # Errors
    /// `invalid_client_id` or `invalid_client` for wrong client credentials; `invalid_grant` for a code or refresh
    /// token that is unknown, used, expired or revoked, and for a missing verifier; `invalid_request` for a verifier
    /// that does not match or a missing parameter; `redirect_uri_mismatch`; `unsupported_grant_type`.
    pub fn exchange(&self, request: &TokenRequest) -> Result<Issued, OAuthError> {
        if request.grant_type.as_deref() == Some("urn:ietf:params:oauth:grant-type:jwt-bearer") {
            return self.assert(request);
        }
        if request.client_id.as_deref() != Some(&self.settings.client_id) {
            return Err(OAuthError::new(
                OAuthErrorKind::InvalidClientId,
                "client identifier invalid",
            ));
        }
        if request
            .client_secret
            .as_deref()
            .is_some_and(|secret| secret != self.settings.client_secret)
        {
            return Err(OAuthError::new(
                OAuthErrorKind::InvalidClient,
                "invalid client credentials",
            ));
        }
        match request.grant_type.as_deref() {
            Some("authorization_code") => self.exchange_code(request),
            Some("refresh_token") => self.refresh(request),
            Some("client_credentials") => {
                if request.client_secret.is_none() {
                    return Err(OAuthError::new(
                        OAuthErrorKind::InvalidClient,
                        "invalid client credentials",
                    ));
                }
                let mut state = self.state();
                let scope = self.scope_of(request.scope.as_deref());
                let grant = self.open_grant(&mut state, scope, false, false);
                Ok(self.issue(&mut state, grant, false))
            }
            Some("password") if self.settings.password_flow => self.exchange_password(request),
            _ => Err(OAuthError::new(
                OAuthErrorKind::UnsupportedGrantType,
                "grant type not supported",
            )),
        }
    }

    /// Takes the name and the password themselves, behind which a security token may stand.
    fn exchange_password(&self, request: &TokenRequest) -> Result<Issued, OAuthError> {
        let known = request.username.as_deref() == Some(&self.settings.username)
            && request
                .password
                .as_deref()
                .is_some_and(|password| password.starts_with(&self.settings.password));
        if !known || request.client_secret.is_none() {
            return Err(OAuthError::new(OAuthErrorKind::InvalidGrant, "authentication failure"));
        }
        let mut state = self.state();
        let scope = self.scope_of(request.scope.as_deref());
        let grant = self.open_grant(&mut state, scope, false, false);
        Ok(self.issue(&mut state, grant, false))
    }

    /// Takes a signed assertion. Its claims are checked; its signature is only looked for, since the simulator is told
    /// no public key.
    fn assert(&self, request: &TokenRequest) -> Result<Issued, OAuthError> {
        let refused = |description| OAuthError::new(OAuthErrorKind::InvalidGrant, description);
        let text = request.assertion.as_deref().unwrap_or_default();
        let parts: Vec<&str> = text.split('.').collect();
        let [_, claims, signature] = parts.as_slice() else {
            return Err(refused("invalid assertion"));
        };
        let claims: serde_json::Value = URL_SAFE_NO_PAD
            .decode(claims.trim_end_matches('='))
            .ok()
            .and_then(|claims| serde_json::from_slice(&claims).ok())
            .ok_or_else(|| refused("invalid assertion"))?;
        let claim = |name: &str| claims.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        if claim("iss") != self.settings.client_id {
            return Err(OAuthError::new(
                OAuthErrorKind::InvalidClientId,
                "client identifier invalid",
            ));
        }
        if claim("sub") != self.settings.username {
            return Err(refused("user hasn't approved this consumer"));
        }
        if signature.is_empty() || claim("aud").is_empty() {
            return Err(refused("invalid assertion"));
        }
        // Some clients send the number as text.
        let expires = claims
            .get("exp")
            .and_then(|exp| exp.as_i64().or_else(|| exp.as_str()?.trim().parse().ok()))
            .unwrap_or_default();
        let now = self.clock.now().as_second();
        if expires <= now || expires > now + 300 {
            return Err(refused("expired authorization code"));
        }
        let mut state = self.state();
        let scope = self.scope_of(request.scope.as_deref());
        let grant = self.open_grant(&mut state, scope, false, false);
        Ok(self.issue(&mut state, grant, false))
    }

    fn exchange_code(&self, request: &TokenRequest) -> Result<Issued, OAuthError> {
        let now = self.clock.now();
        let mut state = self.state();
        let wanted = request.code.as_deref().unwrap_or_default();
        let Some(code) = state.codes.get(wanted) else {
            return Err(OAuthError::new(
                OAuthErrorKind::InvalidGrant,
                "invalid authorization code",
            ));
        };
        if let Some(grant) = code.used_for {
            // A code seen twice was stolen or replayed; what it led to is no longer trusted.
            close_grant(&mut state, grant);
            return Err(OAuthError::new(
                OAuthErrorKind::InvalidGrant,
                "expired authorization code",
            ));
        }
        if code.expires_at <= now {
            return Err(OAuthError::new(
                OAuthErrorKind::InvalidGrant,
                "expired authorization code",
            ));
        }
        if request.redirect_uri.as_deref() != Some(&code.redirect_uri) {
            return Err(OAuthError::new(
                OAuthErrorKind::RedirectUriMismatch,
                "redirect_uri must match configuration",
            ));
        }
        match (&code.challenge, request.code_verifier.as_deref()) {
            (Some(_), None) => {
                return Err(OAuthError::new(OAuthErrorKind::InvalidGrant, "missing code verifier"));
            }
            (Some(challenge), Some(verifier)) if *challenge != challenge_of(verifier) => {
                return Err(OAuthError::new(OAuthErrorKind::InvalidRequest, "invalid code verifier"));
            }
            // Without a challenge nothing but the secret proves who asks.
            (None, _) if request.client_secret.is_none() => {
                return Err(OAuthError::new(
                    OAuthErrorKind::InvalidClient,
                    "invalid client credentials",
                ));
            }
            _ => {}
        }
        let scope = code.scope.clone();
        let grant = self.open_grant(&mut state, scope, true, false);
        if let Some(code) = state.codes.get_mut(wanted) {
            code.used_for = Some(grant);
        }
        Ok(self.issue(&mut state, grant, true))
    }

    fn refresh(&self, request: &TokenRequest) -> Result<Issued, OAuthError> {
        const DEAD: &str = "expired access/refresh token";
        let now = self.clock.now();
        let mut state = self.state();
        let used = request.refresh_token.as_deref().unwrap_or_default();
        let Some(&id) = state.refresh_tokens.get(used) else {
            return Err(OAuthError::new(OAuthErrorKind::InvalidGrant, DEAD));
        };
        let Some(grant) = state.grants.get_mut(&id) else {
            return Err(OAuthError::new(OAuthErrorKind::InvalidGrant, DEAD));
        };
        let idle = self
            .settings
            .refresh_idle_life
            .is_some_and(|life| later(grant.last_used, life) <= now);
        if grant.refresh_token.as_deref() != Some(used) || idle {
            close_grant(&mut state, id);
            return Err(OAuthError::new(OAuthErrorKind::InvalidGrant, DEAD));
        }
        grant.last_used = now;
        let rotate = self.settings.rotate_refresh_tokens;
        if rotate {
            let fresh = self.new_refresh_token(&mut state, id);
            if let Some(grant) = state.grants.get_mut(&id) {
                grant.refresh_token = Some(fresh);
            }
        }
        Ok(self.issue(&mut state, id, rotate))
    }
}

fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}
