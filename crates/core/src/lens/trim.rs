//! `trim`: text without the white space around it.
//!
//! Options: `collapse` (true or false, default false): runs of white space inside become one space.
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("trim")])?;
//! assert_eq!(lens.get(&[Value::text(" Ann  Lee ")], &NoLinks)?, [Value::text("Ann  Lee")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use crate::error::Result;
use crate::glimpse::{Glimpse, is_trimmed};
use crate::lens::normaliser::{Normalise, normaliser};
use crate::lens::text::map_text;
use crate::lens::{LensKind, LensOption};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[LensOption {
        name: "collapse",
        meaning: "true: runs of white space inside become one space; false by default",
    }];
    LensKind::new("Text without the white space around it.", OPTIONS, |options| {
        Ok(normaliser(Trim {
            collapse: options.flag("collapse")?,
        }))
    })
}

#[derive(Debug)]
struct Trim {
    collapse: bool,
}

impl Normalise for Trim {
    fn normalise(&self, value: &Value) -> Result<Value> {
        Ok(map_text(value, |text| {
            if self.collapse {
                text.split_whitespace().collect::<Vec<_>>().join(" ")
            } else {
                text.trim().to_owned()
            }
        }))
    }

    fn keeps(&self, encoded: &[u8]) -> bool {
        match Glimpse::of(encoded) {
            Glimpse::Text(text) if self.collapse => is_trimmed(text) && text.iter().all(u8::is_ascii_graphic),
            Glimpse::Text(text) => is_trimmed(text),
            Glimpse::Other => false,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outer_white_space_goes_and_inner_stays_unless_collapsed() {
        let text = Value::text("\u{a0} Ann \t Lee\r\n");
        let kept = Trim { collapse: false }.normalise(&text).unwrap();
        assert_eq!(kept, Value::text("Ann \t Lee"));
        assert_eq!(
            Trim { collapse: true }.normalise(&text).unwrap(),
            Value::text("Ann Lee")
        );
    }

    #[test]
    fn white_space_alone_is_nothing() {
        assert_eq!(
            Trim { collapse: false }.normalise(&Value::text("  ")).unwrap(),
            Value::Null
        );
    }
}
