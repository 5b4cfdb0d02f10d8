//! `money`: a remote amount and its currency, in this order, as one money value.
//!
//! Options: `default_currency` (ISO 4217 code, for amounts whose currency is not set). Without amount there is no money,
//! whatever the currency; clearing it leaves the remote currency as it is. A rule with the amount alone works too, if
//! the default currency is given.
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("money")])?;
//! let money = lens.get(&[Value::Int(5), Value::text("eur")], &NoLinks)?;
//! assert_eq!(money, [Value::List(vec![Value::Int(5), Value::text("EUR")])]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::lens::currency::code;
use crate::lens::text::excerpt;
use crate::lens::wire::{as_decimal, whole_or_decimal};
use crate::lens::{Lens, LensContext, LensKind, LensOption};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[LensOption {
        name: "default_currency",
        meaning: "ISO 4217 code for amounts whose currency is not set; none by default",
    }];
    LensKind::new("A remote amount and its currency as money.", OPTIONS, |options| {
        let currency = options.text("default_currency")?.map(|text| {
            code(text).ok_or_else(|| options.invalid("default_currency", "must be an ISO 4217 code such as EUR"))
        });
        let default = currency.transpose()?.map_or(Value::Null, Value::text);
        Ok(Arc::new(Money { default }))
    })
}

#[derive(Debug)]
struct Money {
    default: Value,
}

impl Money {
    fn pair(&self, raw: &[Value]) -> Result<Value> {
        let amount = raw.first().unwrap_or(&Value::Null);
        if amount.is_empty() {
            return Ok(Value::Null);
        }
        let number = amount_of(amount)?;
        let currency = match raw.get(1).filter(|currency| !currency.is_empty()) {
            Some(currency) => currency_of(currency)?,
            None => self.default.clone(),
        };
        Ok(Value::List(vec![number, currency]))
    }
}

fn amount_of(value: &Value) -> Result<Value> {
    as_decimal(value).map(whole_or_decimal).ok_or_else(|| {
        Error::new(
            ErrorKind::Invalid,
            format!("`{}` is {}, not an amount", excerpt(value), value.kind_name()),
        )
    })
}

fn currency_of(value: &Value) -> Result<Value> {
    value.as_text().and_then(code).map(Value::text).ok_or_else(|| {
        Error::new(
            ErrorKind::Invalid,
            format!("`{}` is not an ISO 4217 currency code", excerpt(value)),
        )
    })
}

impl Lens for Money {
    fn get(&self, raw: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        Ok(vec![self.pair(raw)?])
    }

    fn put(&self, canonical: &[Value], old: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        let money = canonical.first().unwrap_or(&Value::Null);
        if !old.is_empty() && self.pair(old).is_ok_and(|held| held == *money) {
            return Ok(old.to_vec());
        }
        let held = old.get(1).cloned().unwrap_or_default();
        let (amount, currency) = match money {
            value if value.is_empty() => (Value::Null, held),
            Value::List(pair) => match pair.as_slice() {
                [amount, currency] if currency.is_empty() => (amount_of(amount)?, Value::Null),
                [amount, currency] => (amount_of(amount)?, currency_of(currency)?),
                _ => {
                    return Err(Error::new(
                        ErrorKind::Invalid,
                        format!("`{}` is not an amount with its currency", excerpt(money)),
                    ));
                }
            },
            amount => (amount_of(amount)?, held),
        };
        if old.len() == 1 {
            // Only the amount is mapped: another currency has nowhere to go.
            if !currency.is_empty() && currency != self.default {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!("the currency {currency} can't be written: the remote side has no currency field"),
                ));
            }
            return Ok(vec![amount]);
        }
        Ok(vec![amount, currency])
    }

    fn canon(&self, raw: &[Value]) -> Vec<Value> {
        let mut canon = raw.to_vec();
        if let Some(amount) = canon.first_mut()
            && let Some(number) = as_decimal(amount)
        {
            *amount = whole_or_decimal(number);
        }
        if let Some(currency) = canon.get_mut(1)
            && let Some(code) = currency.as_text().and_then(code)
        {
            *currency = Value::text(code);
        }
        canon
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lens::NoLinks;

    fn money(default: &str) -> Money {
        Money {
            default: if default.is_empty() {
                Value::Null
            } else {
                default.into()
            },
        }
    }

    #[test]
    fn clearing_the_amount_leaves_the_currency() {
        let old = [Value::Int(5), Value::text("EUR")];
        let put = money("").put(&[Value::Null], &old, &NoLinks).unwrap();
        assert_eq!(put, [Value::Null, Value::text("EUR")]);
    }

    #[test]
    fn an_amount_alone_has_the_default_currency() {
        let lens = money("USD");
        let dollars = Value::List(vec![Value::Int(7), "USD".into()]);
        assert_eq!(
            lens.get(&[Value::Int(7)], &NoLinks).unwrap(),
            std::slice::from_ref(&dollars)
        );
        assert_eq!(lens.put(&[dollars], &[Value::Null], &NoLinks).unwrap(), [Value::Int(7)]);
        let euros = Value::List(vec![Value::Int(7), "EUR".into()]);
        assert!(lens.put(&[euros], &[Value::Null], &NoLinks).is_err());
    }

    #[test]
    fn an_unknown_currency_is_refused() {
        let error = money("").get(&[Value::Int(7), "EURO".into()], &NoLinks).unwrap_err();
        assert_eq!(error.message(), "`EURO` is not an ISO 4217 currency code");
    }
}
