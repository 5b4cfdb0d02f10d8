//! What a plugin says of itself, and whether that can be true.

use syncline_core::manifest::{Authorisation, Manifest, Role, host_fits};
use syncline_core::{Error, ErrorKind, Result};
use url::{Host, Url};

use crate::breach::breach;

/// Most bytes of a manifest.
const BYTES: usize = 256 << 10;
/// Most entries of one of its lists.
const ENTRIES: usize = 64;
/// Longest name.
const NAME: usize = 64;

/// Reads a manifest and looks whether the engine can work by it.
///
/// # Errors
/// `Plugin`, with each thing that is wrong.
pub(crate) fn read(text: &str) -> Result<Manifest> {
    if text.len() > BYTES {
        return Err(breach(format!("the plugin's manifest is larger than {BYTES} bytes")));
    }
    let mut manifest: Manifest = serde_json::from_str(text).map_err(|error| {
        breach("the plugin's manifest can't be read; report it to the plugin's maker").because(error)
    })?;
    // This version of the contract has no calls for files, whatever the connector inside could do.
    manifest.capabilities.files = false;
    let wrong = wrong(&manifest);
    if wrong.is_empty() {
        Ok(manifest)
    } else {
        Err(refused(&wrong))
    }
}

/// Whether the hosts that authorisation needs are among those that were approved.
///
/// # Errors
/// `Refused` when they are not.
pub(crate) fn check_authorisation(manifest: &Manifest) -> Result<()> {
    let wrong = authorisation(&manifest.authorisation, &manifest.hosts);
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Refused,
        "a host that the plugin needs for authorisation was not approved; approve it, or do without the plugin",
    )
    .with("provider", &manifest.provider))
}

fn refused(wrong: &[String]) -> Error {
    breach(format!(
        "the plugin's manifest is not acceptable, which is for its maker to mend: {}",
        wrong.join("; ")
    ))
}

fn wrong(manifest: &Manifest) -> Vec<String> {
    let mut wrong = Vec::new();
    let is_name = |text: &str| {
        let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
        !text.is_empty() && text.len() <= NAME && text.bytes().all(fine)
    };
    if !is_name(&manifest.provider) {
        wrong.push("the provider's name is made of small letters, digits, - and _".to_owned());
    }
    if manifest.label.is_empty() || manifest.label.len() > NAME || manifest.label.contains(char::is_control) {
        wrong.push("the label is a short line of text".to_owned());
    }
    if manifest.role != Role::Crm {
        // What is the app's own is not authorised by anybody, and wins conflicts as the app does.
        wrong.push("a plugin speaks for a CRM, and never for the app itself".to_owned());
    }
    let lists = [
        manifest.hosts.len(),
        manifest.limits.len(),
        manifest.default_objects.len(),
        manifest.settings.len(),
    ];
    if lists.iter().any(|entries| *entries > ENTRIES) {
        wrong.push(format!("a list has more than {ENTRIES} entries"));
    }
    for host in manifest.hosts.iter().filter(|host| !is_host_pattern(host)) {
        let host = crate::breach::shown(host, NAME);
        wrong.push(format!(
            "{host:?} is no host that may be asked for: it is a full name, or `*.` and one of at least two parts"
        ));
    }
    wrong.extend(authorisation(&manifest.authorisation, &manifest.hosts));
    let can = &manifest.capabilities;
    let sizes = [
        can.read.page_size,
        can.read.fetch_size,
        can.create.batch_size,
        can.update.batch_size,
        can.delete.batch_size,
        can.create.job_size.unwrap_or(1),
    ];
    if sizes.iter().any(|size| !(1..=1_000_000).contains(size)) {
        wrong.push("pages and batches hold at least one record, and at most a million".to_owned());
    }
    if manifest
        .limits
        .iter()
        .any(|limit| limit.calls == 0 || limit.seconds == 0)
    {
        wrong.push("a limit allows for at least one call in at least one second".to_owned());
    }
    wrong
}

/// Codes, refresh tokens and the app's secret go to these addresses, so they are among those that are approved.
fn authorisation(authorisation: &Authorisation, hosts: &[String]) -> Vec<String> {
    let bases = [
        ("login_url", Some(&authorisation.login_url)),
        ("token_base_url", authorisation.token_base_url.as_ref()),
        ("api_base_url", authorisation.api_base_url.as_ref()),
    ];
    let given = bases.into_iter().filter_map(|(name, base)| Some((name, base?)));
    let outside = given.filter(|(_, base)| !is_within(base, hosts));
    let mut wrong: Vec<_> = outside
        .map(|(name, _)| format!("{name} is an address by HTTPS at one of the hosts that it asks for"))
        .collect();
    let paths = [
        Some(&authorisation.authorize_path),
        Some(&authorisation.token_path),
        authorisation.revoke.as_ref().map(|revoke| &revoke.path),
    ];
    if paths
        .into_iter()
        .flatten()
        .any(|path| !path.starts_with('/') || path.starts_with("//"))
    {
        wrong.push("the paths of authorisation begin with one /".to_owned());
    }
    wrong
}

fn is_within(base: &str, hosts: &[String]) -> bool {
    Url::parse(base).is_ok_and(|url| {
        url.scheme() == "https"
            && url.port().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && url
                .host_str()
                .is_some_and(|host| hosts.iter().any(|pattern| host_fits(pattern, host)))
    })
}

/// A public name of at least two parts: no address, no single label, and no star but one for whole labels in front.
fn is_host_pattern(pattern: &str) -> bool {
    let name = pattern.strip_prefix("*.").unwrap_or(pattern);
    let labels = name.split('.').count();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let inner = ["localhost", "local", "internal", "localdomain"];
    labels >= 2
        && name.len() <= 253
        && name.bytes().all(plain)
        && name.split('.').all(|label| !label.is_empty())
        && matches!(Host::parse(name), Ok(Host::Domain(_)))
        && !inner.contains(&name.rsplit('.').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_public_names() {
        for good in ["api.acme.com", "*.acme.com", "*.my.acme.co.uk"] {
            assert!(is_host_pattern(good), "{good}");
        }
        for bad in [
            "*",
            "*.com",
            "com",
            "localhost",
            "app.localhost",
            "127.0.0.1",
            "169.254.169.254",
            "[::1]",
            "a..com",
            "https://acme.com",
            "acme.com:8443",
            "acme.com/x",
            "a*.acme.com",
            "metadata.google.internal",
            "ACME.com",
            "",
            "2130706433",
            "0x7f.1",
        ] {
            assert!(!is_host_pattern(bad), "{bad}");
        }
    }

    const HOSTILE: &str = include_str!("../guests/hostile/src/manifest.json");

    #[test]
    fn a_manifest_that_can_not_be_true_is_refused() {
        read(HOSTILE).unwrap();
        for (old, new, says) in [
            (r#""hostile""#, r#""Not A Name""#, "provider's name"),
            (r#""Hostile""#, r#""a\u001b[2Jb""#, "label"),
            (r#""api.hostile.example"]"#, r#""*"]"#, "\"*\" is no host"),
            (r#""api.hostile.example"]"#, r#""127.0.0.1"]"#, "is no host"),
            (r#""api.hostile.example"]"#, r#""localhost"]"#, "is no host"),
            (r#""api.hostile.example"]"#, r#""other.example"]"#, "api_base_url"),
            ("https://login.hostile.example", "https://evil.example", "login_url"),
            (
                "https://login.hostile.example",
                "http://login.hostile.example",
                "login_url",
            ),
            (r#""/token""#, r#""@evil.example/""#, "paths of authorisation"),
            (r#""page_size": 100"#, r#""page_size": 0"#, "at least one record"),
            (
                r#""page_size": 100"#,
                r#""page_size": 4000000000"#,
                "at least one record",
            ),
            (r#""page_size": 100"#, r#""page_size": -1"#, "can't be read"),
            (
                r#""limits": []"#,
                r#""limits": [{"name": "n", "calls": 0, "seconds": 1, "bucket": null}]"#,
                "a limit",
            ),
            (r#""limits": []"#, r#""limits": [], "role": "app""#, "never for the app"),
            ("{", "", "can't be read"),
        ] {
            assert!(HOSTILE.contains(old), "{old}");
            let error = read(&HOSTILE.replace(old, new)).unwrap_err();
            assert!(error.to_string().contains(says), "{new}: {error}");
        }
    }

    #[test]
    fn secrets_go_to_approved_hosts_alone() {
        let hosts = ["login.acme.com".to_owned()];
        assert!(is_within("https://login.acme.com", &hosts));
        for bad in [
            "http://login.acme.com",
            "https://login.acme.com:444",
            "https://evil.com",
            "https://login.acme.com@evil.com",
            "login.acme.com",
        ] {
            assert!(!is_within(bad, &hosts), "{bad}");
        }
    }
}
