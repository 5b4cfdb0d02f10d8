//! [`Door`]: which requests of a plugin may leave.
//!
//! The engine guards its own door too. This one is nearer to the plugin and looks at what a native connector is trusted
//! with: the form of header names, and headers that would tell the two ends of a connection different things.

use syncline_core::io::{Config, Request};
use syncline_core::manifest::host_fits;
use syncline_core::{Error, ErrorKind, Result};
use url::{Origin, Url};

/// Most headers of one request.
const HEADERS: usize = 64;
/// Most bytes of one header.
const HEADER_BYTES: usize = 8 << 10;

/// Headers that are the host's, or that decide where a message ends or who it is for.
const OURS: [&str; 14] = [
    "authorization",
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Which requests of a plugin may leave, for one connection.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    patterns: Vec<String>,
    own: Option<Origin>,
}

impl Door {
    /// Hosts that fit a pattern, by HTTPS; none of them if there is no connection.
    pub(crate) fn new(patterns: &[String], config: Option<&Config>) -> Self {
        Self {
            patterns: patterns.to_vec(),
            own: config
                .and_then(|config| Url::parse(&config.base_url).ok())
                .map(|url| url.origin()),
        }
    }

    /// Looks a request over, and puts the names of its headers into lower case.
    ///
    /// # Errors
    /// `Refused` when it may not leave.
    pub(crate) fn check(&self, request: &mut Request) -> Result<()> {
        self.check_url(&request.url)?;
        if request.headers.len() > HEADERS {
            return Err(refused(&format!("a request with more than {HEADERS} headers")));
        }
        for (name, value) in &mut request.headers {
            name.make_ascii_lowercase();
            check_header(name, value)?;
        }
        Ok(())
    }

    fn check_url(&self, text: &str) -> Result<()> {
        let url = Url::parse(text).map_err(|_| refused("an address that can't be read"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("an address with a name or a password in it"));
        }
        let host = url.host_str().unwrap_or_default();
        let approved = url.scheme() == "https"
            && url.port().is_none()
            && matches!(url.host(), Some(url::Host::Domain(_)))
            && self.patterns.iter().any(|pattern| host_fits(pattern, host));
        let own = self.own.as_ref().is_some_and(|own| *own == url.origin());
        if approved || own {
            return Ok(());
        }
        let (scheme, host) = (url.scheme(), crate::breach::shown(host, 80));
        Err(refused(&format!(
            "a request to {scheme}://{host}, which it was not approved for; approve the host if the plugin should have it"
        ))
        .with("host", host))
    }
}

fn check_header(name: &str, value: &str) -> Result<()> {
    let shown = || crate::breach::shown(name, 40);
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(refused(&format!("a header whose name is none: {:?}", shown())));
    }
    if OURS.contains(&name) || name.starts_with("proxy-") || name.starts_with("x-forwarded-") {
        return Err(refused(&format!("the header {name}, which is the host's")));
    }
    if name.len() + value.len() > HEADER_BYTES {
        return Err(refused(&format!(
            "a header of more than {HEADER_BYTES} bytes: {}",
            shown()
        )));
    }
    if value.bytes().any(|byte| byte != b'\t' && (byte < b' ' || byte == 0x7f)) {
        return Err(refused(&format!(
            "a line break or the like within the header {}",
            shown()
        )));
    }
    Ok(())
}

fn refused(what: &str) -> Error {
    Error::new(
        ErrorKind::Refused,
        format!("the plugin was held back: it tried to send {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door() -> Door {
        let config = Config {
            base_url: "http://127.0.0.1:8080/crm".into(),
            ..Config::default()
        };
        Door::new(&["api.acme.test".into(), "*.acme.test".into()], Some(&config))
    }

    #[test]
    fn only_approved_hosts_are_reached() {
        for url in [
            "https://api.acme.test/v1",
            "https://eu.acme.test",
            "http://127.0.0.1:8080/other",
        ] {
            door().check(&mut Request::get(url)).unwrap();
        }
        for url in [
            "http://api.acme.test/",
            "https://api.acme.test:8443/",
            "https://api.acme.test@evil.test/",
            "https://u:p@api.acme.test/",
            "https://acme.test/",
            "https://evilacme.test/",
            "https://api.acme.test.evil.test/",
            "http://127.0.0.1:9090/",
            "http://169.254.169.254/latest/meta-data/",
            "https://[::1]/",
            "file:///etc/passwd",
            "api.acme.test",
        ] {
            let error = door().check(&mut Request::get(url)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Refused, "{url}");
        }
    }

    #[test]
    fn a_header_is_neither_ours_nor_two() {
        let check = |name: &str, value: &str| {
            let mut request = Request::get("https://api.acme.test/").header(name, value);
            door().check(&mut request).map(|()| request)
        };
        assert_eq!(check("X-Acme", "1").unwrap().headers[1].0, "x-acme");
        for (name, value) in [
            ("Authorization", "Bearer mine"),
            ("HOST", "evil.test"),
            ("Transfer-Encoding", "chunked"),
            ("content-length", "3"),
            ("x-forwarded-host", "evil.test"),
            ("x-acme", "1\r\nhost: evil.test"),
            ("x-acme\r\nhost", "evil.test"),
            ("x acme", "1"),
            ("", "1"),
        ] {
            let error = check(name, value).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Refused, "{name}");
        }
    }
}
