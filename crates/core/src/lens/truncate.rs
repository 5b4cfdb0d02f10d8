//! `truncate`: text of at most so many characters; what lies beyond does not count.
//!
//! Options: `length` (characters, required).
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("truncate").with("length", 3)])?;
//! assert_eq!(lens.put(&[Value::text("abcdef")], &[Value::Null], &NoLinks)?, [Value::text("abc")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use crate::error::Result;
use crate::lens::normaliser::{Normalise, normaliser};
use crate::lens::text::map_text;
use crate::lens::{LensKind, LensOption};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[LensOption {
        name: "length",
        meaning: "most characters, from 1; required",
    }];
    LensKind::new(
        "Text of at most so many characters.",
        OPTIONS,
        |options| match options.whole("length")? {
            Some(length) if length > 0 => Ok(normaliser(Truncate { length })),
            _ => Err(options.invalid("length", "is required: a whole number from 1")),
        },
    )
}

#[derive(Debug)]
struct Truncate {
    length: u32,
}

impl Normalise for Truncate {
    fn normalise(&self, value: &Value) -> Result<Value> {
        Ok(map_text(value, |text| {
            text.chars().take(self.length as usize).collect()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_and_not_bytes() {
        let lens = Truncate { length: 2 };
        assert_eq!(lens.normalise(&"äöü".into()).unwrap(), Value::text("äö"));
        assert_eq!(lens.normalise(&Value::Int(1234)).unwrap(), Value::Int(1234));
    }
}
