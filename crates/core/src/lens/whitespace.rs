//! `whitespace`: text with its white space folded: one space between words, none at the ends of lines, no empty lines
//! at either end, line ends as `\n`.
//!
//! Options: `lines` (`keep` or `join`, default `keep`): `join` makes line ends into spaces too.
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("whitespace")])?;
//! assert_eq!(lens.get(&[Value::text("a  b \r\n c")], &NoLinks)?, [Value::text("a b\nc")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use crate::error::Result;
use crate::lens::normaliser::{Normalise, normaliser};
use crate::lens::text::map_text;
use crate::lens::{LensKind, LensOption};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[LensOption {
        name: "lines",
        meaning: "keep: line ends stay (default); join: they become spaces",
    }];
    LensKind::new("Text with its white space folded.", OPTIONS, |options| {
        let join = options.one_of("lines", &[("keep", false), ("join", true)])?;
        Ok(normaliser(Whitespace {
            join_lines: join.unwrap_or(false),
        }))
    })
}

#[derive(Debug)]
struct Whitespace {
    join_lines: bool,
}

impl Normalise for Whitespace {
    fn normalise(&self, value: &Value) -> Result<Value> {
        Ok(map_text(value, |text| {
            if self.join_lines {
                fold_line(text)
            } else {
                fold_lines(text)
            }
        }))
    }
}

/// One space between the words of a line.
pub(super) fn fold_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Folds each line, and drops the empty ones at both ends.
pub(super) fn fold_lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<String> = text.split('\n').map(fold_line).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_or_joined() {
        let text = Value::text("\n 1 Main  St\r\n\r\nBerlin\u{a0} \n");
        let fold = |join_lines| Whitespace { join_lines }.normalise(&text).unwrap();
        assert_eq!(fold(false), Value::text("1 Main St\n\nBerlin"));
        assert_eq!(fold(true), Value::text("1 Main St Berlin"));
    }
}
