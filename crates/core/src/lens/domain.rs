//! `domain`: the domain of a web or e-mail address, without `www.`. Written back, a domain that is the same leaves the
//! address as it is. What has no domain is kept as it is. No options.
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("domain")])?;
//! let address = [Value::text("https://www.acme.com/about")];
//! assert_eq!(lens.get(&address, &NoLinks)?, [Value::text("acme.com")]);
//! assert_eq!(lens.put(&[Value::text("acme.com")], &address, &NoLinks)?, address);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use crate::error::Result;
use crate::lens::LensKind;
use crate::lens::normaliser::{Normalise, normaliser};
use crate::lens::text::map_text;
use crate::lens::url;
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    LensKind::new("The domain of a web or e-mail address.", &[], |_| {
        Ok(normaliser(Domain))
    })
}

#[derive(Debug)]
struct Domain;

fn domain(text: &str) -> Option<String> {
    let text = text.trim();
    let address = match text.rsplit_once('@') {
        Some((_, host)) if !text.contains('/') => host,
        _ => text,
    };
    let address = url::parse(address, "https")?;
    let mut host = address.host_str()?.trim_end_matches('.');
    while let Some(rest) = host.strip_prefix("www.").filter(|rest| rest.contains('.')) {
        host = rest;
    }
    Some(host.to_owned())
}

impl Normalise for Domain {
    fn normalise(&self, value: &Value) -> Result<Value> {
        Ok(map_text(value, |text| {
            let found = domain(text).filter(|found| domain(found).as_ref() == Some(found));
            found.unwrap_or_else(|| text.to_owned())
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_all_kinds_give_their_domain() {
        for (text, expected) in [
            ("Ann.Lee@Mail.Acme.com", Some("mail.acme.com")),
            ("http://www.acme.co.uk:8080/x?y", Some("acme.co.uk")),
            ("www.acme.com.", Some("acme.com")),
            ("www.com", Some("www.com")),
            ("no domain", None),
            ("acme", None),
        ] {
            assert_eq!(domain(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_has_no_domain_is_kept() {
        assert_eq!(Domain.normalise(&"n/a".into()).unwrap(), Value::text("n/a"));
    }
}
