//! `email`: an e-mail address in lower case without white space around it; case does not count. No options.
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("email")])?;
//! assert_eq!(lens.get(&[Value::text(" Ann@Example.COM")], &NoLinks)?, [Value::text("ann@example.com")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use crate::error::Result;
use crate::glimpse::{Glimpse, is_plain_lower_case};
use crate::lens::LensKind;
use crate::lens::normaliser::{Normalise, normaliser};
use crate::lens::text::map_text;
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    LensKind::new("An e-mail address, whatever its case.", &[], |_| Ok(normaliser(Email)))
}

#[derive(Debug)]
pub(super) struct Email;

impl Normalise for Email {
    fn normalise(&self, value: &Value) -> Result<Value> {
        Ok(map_text(value, |text| text.trim().to_lowercase()))
    }

    fn keeps(&self, encoded: &[u8]) -> bool {
        match Glimpse::of(encoded) {
            Glimpse::Text(text) => is_plain_lower_case(text),
            Glimpse::Other => false,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_outer_white_space_do_not_count() {
        assert_eq!(Email.normalise(&" A.B@X.de\n".into()).unwrap(), Value::text("a.b@x.de"));
        assert_eq!(Email.normalise(&" ".into()).unwrap(), Value::Null);
    }
}
