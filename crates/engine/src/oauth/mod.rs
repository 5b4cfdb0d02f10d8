//! OAuth 2.0: authorization code with PKCE, refresh that is single-flight across processes and durable before use,
//! and revocation.

mod app_token;
mod assertion;
mod client;
mod credential;
mod endpoints;
mod failure;
mod lease;
mod pending;
mod refresh;
mod token;

pub(crate) use client::OAuthClient;
pub(crate) use credential::Credential;
pub(crate) use endpoints::{Endpoints, check_redirect};
pub(crate) use pending::{PendingAuthorisation, PendingSecrets, Start};
pub(crate) use refresh::{ConnectionTokens, RefreshParts};
pub(crate) use token::TokenSet;
