//! `bool_choice`: two texts of the remote side as true and false.
//!
//! Options: `true` and `false` (the remote values, default `Yes` and `No`). Case does not count when reading. Any other
//! value is an error; nothing stays nothing.
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("bool_choice").with("true", "on").with("false", "off")])?;
//! assert_eq!(lens.get(&[Value::text("ON")], &NoLinks)?, [Value::Bool(true)]);
//! assert_eq!(lens.put(&[Value::Bool(false)], &[Value::text("on")], &NoLinks)?, [Value::text("off")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use crate::error::{Error, ErrorKind, Result};
use crate::lens::text::{excerpt, plain_text};
use crate::lens::{LensKind, LensOption, ValueLens, single};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[
        LensOption {
            name: "true",
            meaning: "the remote value for true; Yes by default",
        },
        LensOption {
            name: "false",
            meaning: "the remote value for false; No by default",
        },
    ];
    LensKind::new("Two remote values as true and false.", OPTIONS, |options| {
        let lens = BoolChoice {
            yes: options.value("true").unwrap_or_else(|| "Yes".into()),
            no: options.value("false").unwrap_or_else(|| "No".into()),
        };
        if lens.yes.is_empty() || lens.no.is_empty() || same(&lens.yes, &lens.no) {
            return Err(options.invalid("true", "must differ from `false`, and neither may be empty"));
        }
        Ok(single(lens))
    })
}

#[derive(Debug)]
struct BoolChoice {
    yes: Value,
    no: Value,
}

fn same(a: &Value, b: &Value) -> bool {
    match (plain_text(a), plain_text(b)) {
        (Some(a), Some(b)) => a.trim().to_lowercase() == b.trim().to_lowercase(),
        _ => a == b,
    }
}

impl ValueLens for BoolChoice {
    fn get(&self, raw: &Value) -> Result<Value> {
        if raw.is_empty() {
            Ok(Value::Null)
        } else if same(raw, &self.yes) {
            Ok(Value::Bool(true))
        } else if same(raw, &self.no) {
            Ok(Value::Bool(false))
        } else {
            Err(Error::new(
                ErrorKind::Invalid,
                format!("`{}` is neither `{}` nor `{}`", excerpt(raw), self.yes, self.no),
            ))
        }
    }

    fn put(&self, canonical: &Value, _: &Value) -> Result<Value> {
        match canonical {
            Value::Bool(true) => Ok(self.yes.clone()),
            Value::Bool(false) => Ok(self.no.clone()),
            value if value.is_empty() => Ok(Value::Null),
            other => Err(Error::new(
                ErrorKind::Invalid,
                format!("`{}` is {}, not true or false", excerpt(other), other.kind_name()),
            )),
        }
    }

    fn canon(&self, raw: &Value) -> Value {
        match self.get(raw) {
            Ok(Value::Bool(true)) => self.yes.clone(),
            Ok(Value::Bool(false)) => self.no.clone(),
            Ok(_) => Value::Null,
            Err(_) => raw.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lens::LensRegistry;
    use crate::mapping::LensSpec;

    #[test]
    fn another_value_is_an_error_that_names_the_two() {
        let lens = BoolChoice {
            yes: "Yes".into(),
            no: "No".into(),
        };
        let error = lens.get(&"perhaps".into()).unwrap_err();
        assert_eq!(error.message(), "`perhaps` is neither `Yes` nor `No`");
        assert_eq!(lens.get(&Value::Null).unwrap(), Value::Null);
        assert_eq!(lens.canon(&"yes".into()), Value::text("Yes"));
    }

    #[test]
    fn numbers_may_stand_for_true_and_false() {
        let lens = BoolChoice {
            yes: Value::Int(1),
            no: Value::Int(0),
        };
        assert_eq!(lens.get(&"1".into()).unwrap(), Value::Bool(true));
        assert_eq!(lens.put(&Value::Bool(false), &Value::Null).unwrap(), Value::Int(0));
    }

    #[test]
    fn the_two_values_must_differ() {
        let spec = LensSpec::new("bool_choice").with("true", "x").with("false", "X");
        assert!(LensRegistry::standard().build(&[spec]).is_err());
    }
}
