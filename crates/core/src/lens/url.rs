//! `url`: a web address in its normal form: with scheme, host in lower case, no default port, no slash alone. What is no
//! web address is kept as it is.
//!
//! Options: `scheme` (`https` or `http`, default `https`): the scheme of addresses that name none.
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("url")])?;
//! assert_eq!(lens.get(&[Value::text("WWW.Acme.com/")], &NoLinks)?, [Value::text("https://www.acme.com")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use ::url::Url;

use crate::error::Result;
use crate::lens::normaliser::{Normalise, normaliser};
use crate::lens::text::map_text;
use crate::lens::{LensKind, LensOption};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[LensOption {
        name: "scheme",
        meaning: "https (default) or http: the scheme of addresses that name none",
    }];
    LensKind::new("A web address in its normal form.", OPTIONS, |options| {
        let scheme = options.one_of("scheme", &[("https", "https"), ("http", "http")])?;
        Ok(normaliser(WebAddress {
            scheme: scheme.unwrap_or("https"),
        }))
    })
}

#[derive(Debug)]
struct WebAddress {
    scheme: &'static str,
}

impl WebAddress {
    fn once(&self, text: &str) -> Option<String> {
        let text = text.trim();
        let url = parse(text, self.scheme)?;
        let mut normal = url.to_string();
        if url.path() == "/" && url.query().is_none() && url.fragment().is_none() {
            normal.pop();
        }
        Some(normal)
    }
}

/// A web address, with `scheme` if it names none.
pub(super) fn parse(text: &str, scheme: &str) -> Option<Url> {
    if text.is_empty() || text.contains(char::is_whitespace) {
        return None;
    }
    let url = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("{scheme}://{text}"))
    };
    url.ok()
        // A name before the host is an e-mail address or a password: neither is an address to visit.
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none())
        .filter(|url| url.host_str().is_some_and(|host| host.contains('.')))
}

impl Normalise for WebAddress {
    fn normalise(&self, value: &Value) -> Result<Value> {
        Ok(map_text(value, |text| {
            let normal = self
                .once(text)
                .filter(|normal| self.once(normal).as_ref() == Some(normal));
            normal.unwrap_or_else(|| text.to_owned())
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> String {
        let lens = WebAddress { scheme: "https" };
        lens.normalise(&text.into()).unwrap().to_string()
    }

    #[test]
    fn notations_of_one_address_are_the_same() {
        assert_eq!(normal("acme.com"), "https://acme.com");
        assert_eq!(normal(" HTTPS://Acme.COM:443/ "), "https://acme.com");
        assert_eq!(normal("http://acme.com/Über?q=1"), "http://acme.com/%C3%9Cber?q=1");
    }

    #[test]
    fn what_is_no_web_address_is_kept_as_it_is() {
        for text in [
            "n/a",
            "see notes",
            "mailto:a@b.de",
            "ftp://acme.com",
            "localhost",
            "ann@acme.com",
        ] {
            assert_eq!(normal(text), text);
        }
    }
}
