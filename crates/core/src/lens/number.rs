//! `number`: an exact number, rounded; text that spells one becomes it.
//!
//! Options: `scale` (digits behind the point; no rounding if it is not given), `rounding` (`half_up`, `half_even` or
//! `truncate`, default `half_up`).
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("number").with("scale", 1)])?;
//! assert_eq!(lens.get(&[Value::text("2.25")], &NoLinks)?, [Value::from_number("2.3")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use rust_decimal::RoundingStrategy;

use crate::error::{Error, ErrorKind, Result};
use crate::lens::normaliser::{Normalise, normaliser};
use crate::lens::text::excerpt;
use crate::lens::wire::{as_decimal, whole_or_decimal};
use crate::lens::{LensKind, LensOption};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[
        LensOption {
            name: "scale",
            meaning: "digits behind the point; no rounding by default",
        },
        LensOption {
            name: "rounding",
            meaning: "half_up (default), half_even or truncate",
        },
    ];
    const ROUNDING: &[(&str, RoundingStrategy)] = &[
        ("half_up", RoundingStrategy::MidpointAwayFromZero),
        ("half_even", RoundingStrategy::MidpointNearestEven),
        ("truncate", RoundingStrategy::ToZero),
    ];
    LensKind::new("An exact number, rounded.", OPTIONS, |options| {
        Ok(normaliser(Number {
            scale: options.whole("scale")?,
            rounding: options
                .one_of("rounding", ROUNDING)?
                .unwrap_or(RoundingStrategy::MidpointAwayFromZero),
        }))
    })
}

#[derive(Debug)]
struct Number {
    scale: Option<u32>,
    rounding: RoundingStrategy,
}

impl Normalise for Number {
    fn normalise(&self, value: &Value) -> Result<Value> {
        if value.is_empty() {
            return Ok(Value::Null);
        }
        let value = match value {
            // Money without currency, as a money field writes it.
            Value::List(pair) => match pair.as_slice() {
                [amount, Value::Null] => amount,
                _ => value,
            },
            _ => value,
        };
        let number = as_decimal(value).ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                format!("`{}` is {}, not a number", excerpt(value), value.kind_name()),
            )
        })?;
        Ok(whole_or_decimal(match self.scale {
            Some(scale) => number.round_dp_with_strategy(scale, self.rounding),
            None => number,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_where_the_option_says() {
        let round = |rounding, text: &str| {
            let lens = Number {
                scale: Some(0),
                rounding,
            };
            lens.normalise(&text.into()).unwrap()
        };
        assert_eq!(round(RoundingStrategy::MidpointAwayFromZero, "2.5"), Value::Int(3));
        assert_eq!(round(RoundingStrategy::MidpointAwayFromZero, "-2.5"), Value::Int(-3));
        assert_eq!(round(RoundingStrategy::MidpointNearestEven, "2.5"), Value::Int(2));
        assert_eq!(round(RoundingStrategy::ToZero, "-2.9"), Value::Int(-2));
    }

    #[test]
    fn what_is_no_number_is_named() {
        let lens = Number {
            scale: None,
            rounding: RoundingStrategy::ToZero,
        };
        let error = lens.normalise(&"many".into()).unwrap_err();
        assert_eq!(error.message(), "`many` is text, not a number");
    }
}
