//! `default`: a value in place of nothing. Written back, the default leaves an empty remote field empty.
//!
//! Options: `value` (required).
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("default").with("value", "open")])?;
//! assert_eq!(lens.get(&[Value::Null], &NoLinks)?, [Value::text("open")]);
//! assert_eq!(lens.put(&[Value::text("open")], &[Value::Null], &NoLinks)?, [Value::Null]);
//! assert_eq!(lens.put(&[Value::text("open")], &[Value::text("shut")], &NoLinks)?, [Value::text("open")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use crate::error::Result;
use crate::lens::{LensKind, LensOption, ValueLens, single};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[LensOption {
        name: "value",
        meaning: "what stands for nothing; required",
    }];
    LensKind::new("A value in place of nothing.", OPTIONS, |options| {
        options
            .value("value")
            .filter(|value| !value.is_empty())
            .map(|value| single(Default { value }))
            .ok_or_else(|| options.invalid("value", "is required"))
    })
}

#[derive(Debug)]
struct Default {
    value: Value,
}

impl ValueLens for Default {
    fn get(&self, raw: &Value) -> Result<Value> {
        Ok(if raw.is_empty() {
            self.value.clone()
        } else {
            raw.clone()
        })
    }

    fn put(&self, canonical: &Value, _: &Value) -> Result<Value> {
        Ok(if canonical.is_empty() {
            Value::Null
        } else {
            canonical.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_value_is_left_alone() {
        let lens = Default { value: Value::Int(1) };
        assert_eq!(lens.get(&Value::Int(0)).unwrap(), Value::Int(0));
        assert_eq!(lens.get(&"".into()).unwrap(), Value::Int(1));
    }
}
