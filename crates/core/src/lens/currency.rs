//! `currency`: an ISO 4217 currency code in capitals; case does not count, an unknown code is an error. No options.
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("currency")])?;
//! assert_eq!(lens.get(&[Value::text("eur")], &NoLinks)?, [Value::text("EUR")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use crate::error::{Error, ErrorKind, Result};
use crate::lens::LensKind;
use crate::lens::currency_table::CODES;
use crate::lens::normaliser::{Normalise, normaliser};
use crate::lens::text::excerpt;
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    LensKind::new("An ISO 4217 currency code.", &[], |_| Ok(normaliser(Currency)))
}

/// The code that a text names, whatever its case.
pub(super) fn code(text: &str) -> Option<&'static str> {
    let text = text.trim().to_ascii_uppercase();
    CODES.binary_search(&text.as_str()).ok().map(|index| CODES[index])
}

#[derive(Debug)]
struct Currency;

impl Normalise for Currency {
    fn normalise(&self, value: &Value) -> Result<Value> {
        match value {
            value if value.is_empty() => Ok(Value::Null),
            Value::Text(text) if text.trim().is_empty() => Ok(Value::Null),
            value => value.as_text().and_then(code).map(Value::text).ok_or_else(|| {
                Error::new(
                    ErrorKind::Invalid,
                    format!("`{}` is not an ISO 4217 currency code", excerpt(value)),
                )
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_count_and_unknown_codes_are_refused() {
        assert_eq!(Currency.normalise(&" gbp ".into()).unwrap(), Value::text("GBP"));
        let error = Currency.normalise(&"EURO".into()).unwrap_err();
        assert_eq!(error.message(), "`EURO` is not an ISO 4217 currency code");
        assert!(Currency.normalise(&Value::Int(978)).is_err());
    }
}
