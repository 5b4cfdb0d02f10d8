//! [`Endpoints`]: where a connection's authorisation server is, and which instance URLs it may name.

use std::collections::BTreeMap;

use syncline_core::manifest::{Manifest, Role};
use syncline_core::{Error, ErrorKind, Result};
use url::{Host, Url};

use crate::http::{AddressPolicy, HostGuard};

/// The addresses of one authorisation server.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    /// Without a slash at its end.
    pub(crate) login_url: String,
    pub(crate) authorize: Url,
    pub(crate) token: Url,
    /// The address, and whether client id and secret go with it.
    pub(crate) revoke: Option<(Url, bool)>,
    base_url: String,
    names_instance: bool,
    guard: HostGuard,
}

impl Endpoints {
    /// The addresses of the manifest, or those below another login URL: a sandbox, a customer's own domain or a
    /// simulator.
    pub(crate) fn new(
        manifest: &Manifest,
        login_url: Option<&str>,
        settings: &BTreeMap<String, String>,
        addresses: AddressPolicy,
    ) -> Result<Self> {
        if manifest.role == Role::App {
            let message = format!(
                "{} is the host's own and nobody authorises it: connect it with `connections().connect(..)`",
                manifest.label
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let authorisation = &manifest.authorisation;
        let default = authorisation.login_url.trim_end_matches('/');
        let login_url = login_url.map_or(default, |url| url.trim().trim_end_matches('/'));
        let login = parse(login_url)?;
        let local = is_local(&login);
        if login_url != default {
            if login.path() != "/" || login.query().is_some() || login.fragment().is_some() {
                return Err(
                    Error::new(ErrorKind::Invalid, "the login URL must be a host without a path")
                        .with("url", login_url),
                );
            }
            let own = if local && addresses.allow_loopback {
                login_url
            } else {
                ""
            };
            HostGuard::new(manifest, own, addresses)
                .check(&login)
                .map_err(|error| {
                    let message = format!("this login URL is not one of {}: {}", manifest.label, error.message());
                    Error::new(ErrorKind::Refused, message).with("url", login_url)
                })?;
        }
        // A simulator is everything at once; the addresses of the real provider are then out of reach.
        let token_base = match &authorisation.token_base_url {
            Some(base) if !local => base.trim_end_matches('/'),
            _ => login_url,
        };
        let base_url = match &authorisation.api_base_url {
            Some(base) if !local => base.trim_end_matches('/'),
            _ => login_url,
        };
        let revoke = authorisation.revoke.as_ref().map(|revocation| {
            Ok::<_, Error>((
                parse(&format!("{token_base}{}", revocation.path))?,
                revocation.with_client,
            ))
        });
        Ok(Self {
            authorize: parse(&format!("{login_url}{}", authorisation.authorize_path))?,
            token: parse(&format!(
                "{token_base}{}",
                filled(&authorisation.token_path, manifest, settings)?
            ))?,
            revoke: revoke.transpose()?,
            base_url: base_url.to_owned(),
            names_instance: authorisation.names_instance,
            // An instance may be anywhere in the provider's patterns; on this machine only where the login is.
            guard: HostGuard::new(manifest, if local { login_url } else { "" }, addresses),
            login_url: login_url.to_owned(),
        })
    }

    /// The base URL of the API: the instance that a token answer names, if it is one of the provider's.
    ///
    /// # Errors
    /// `Refused` when it is elsewhere: a token must not be sent there. `Protocol` when none is named but should be.
    pub(crate) fn base_url(&self, instance_url: Option<&str>) -> Result<String> {
        if !self.names_instance {
            return Ok(self.base_url.clone());
        }
        let Some(instance) = instance_url else {
            return Err(Error::new(
                ErrorKind::Protocol,
                "the token answer does not name the account's instance",
            ));
        };
        let elsewhere = |reason: &str| {
            let message = format!(
                "the token answer names an instance that is not the provider's ({reason}); nothing was sent to it"
            );
            Error::new(ErrorKind::Refused, message).with("instance", instance)
        };
        let url = Url::parse(instance).map_err(|error| elsewhere(&error.to_string()))?;
        self.guard.check(&url).map_err(|error| elsewhere(error.message()))?;
        Ok(url.origin().ascii_serialization())
    }

    /// Whether `issuer` names this authorisation server.
    pub(crate) fn is_issuer(&self, issuer: &str) -> bool {
        Url::parse(issuer)
            .is_ok_and(|issuer| issuer.origin() == self.authorize.origin() || issuer.origin() == self.token.origin())
    }
}

/// A path with the settings of the connection that it names, such as the version in `/oauth/{oauth_version}/token`.
fn filled(path: &str, manifest: &Manifest, settings: &BTreeMap<String, String>) -> Result<String> {
    let mut filled = path.to_owned();
    for setting in &manifest.settings {
        let place = format!("{{{}}}", setting.name);
        if !filled.contains(&place) {
            continue;
        }
        let value = settings.get(&setting.name).or(setting.default.as_ref());
        let value = value.map(String::as_str).unwrap_or_default();
        // Part of a path to which secrets are sent: nothing that could lead elsewhere.
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            let message = format!(
                "the setting {} is `{value}`; it takes letters, digits and hyphens: {}",
                setting.name, setting.description
            );
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        filled = filled.replace(&place, value);
    }
    Ok(filled)
}

fn parse(text: &str) -> Result<Url> {
    Url::parse(text)
        .map_err(|error| Error::new(ErrorKind::Invalid, format!("this is not a URL: {error}")).with("url", text))
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether a redirect URI may be used: HTTPS, or HTTP on this machine for a command line (RFC 8252).
///
/// # Errors
/// `Invalid` when it may not.
pub(crate) fn check_redirect(redirect_uri: &str) -> Result<()> {
    let url = parse(redirect_uri)?;
    let fits = url.fragment().is_none()
        && url.username().is_empty()
        && url.host().is_some()
        && (url.scheme() == "https" || (url.scheme() == "http" && is_local(&url)));
    if fits {
        return Ok(());
    }
    let message = "a redirect URI must be https, or http on this machine, without a fragment";
    Err(Error::new(ErrorKind::Invalid, message).with("redirect_uri", redirect_uri))
}
