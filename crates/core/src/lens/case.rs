//! `case`: text in one letter case; the other side's case does not count.
//!
//! Options: `to` (`lower`, `upper` or `title`, required). Title case starts each word with a capital, and knows
//! `O'Neil` and `Anne-Marie`.
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("case").with("to", "title")])?;
//! assert_eq!(lens.get(&[Value::text("SEAN O'NEIL")], &NoLinks)?, [Value::text("Sean O'Neil")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use crate::error::Result;
use crate::lens::normaliser::{Normalise, normaliser};
use crate::lens::text::map_text;
use crate::lens::{LensKind, LensOption};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[LensOption {
        name: "to",
        meaning: "lower, upper or title; required",
    }];
    const WORDS: &[(&str, Case)] = &[("lower", Case::Lower), ("upper", Case::Upper), ("title", Case::Title)];
    LensKind::new("Text in one letter case.", OPTIONS, |options| {
        options
            .one_of("to", WORDS)?
            .map(normaliser)
            .ok_or_else(|| options.invalid("to", "is required: lower, upper or title"))
    })
}

#[derive(Debug, Clone, Copy)]
enum Case {
    Lower,
    Upper,
    Title,
}

impl Normalise for Case {
    fn normalise(&self, value: &Value) -> Result<Value> {
        Ok(map_text(value, |text| match self {
            Self::Lower => text.to_lowercase(),
            Self::Upper => text.to_uppercase(),
            Self::Title => title(text),
        }))
    }
}

fn title(text: &str) -> String {
    let mut titled = String::with_capacity(text.len());
    let mut letters = 0;
    for char in text.chars() {
        if char.is_whitespace() || (char.is_ascii_punctuation() && char != '\'') {
            letters = 0;
            titled.push(char);
        } else if matches!(char, '\'' | '’') {
            // One letter before it is a name's own (O'Neil, D'Angelo); more are a word's (it's).
            letters = if letters == 1 { 0 } else { letters };
            titled.push(char);
        } else {
            let before = titled.len();
            if letters == 0 {
                // `ß` has two capitals; the second is a small letter in title case.
                let mut capitals = char.to_uppercase();
                titled.extend(capitals.next());
                titled.extend(capitals.flat_map(char::to_lowercase));
            } else {
                titled.extend(char.to_lowercase());
            }
            letters += titled[before..].chars().count();
        }
    }
    titled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_case_knows_names() {
        for (raw, titled) in [
            ("anne-marie o'neil", "Anne-Marie O'Neil"),
            ("IT'S DONE", "It's Done"),
            ("jean d’arc", "Jean D’Arc"),
            ("ßa (élan)", "Ssa (Élan)"),
            ("", ""),
        ] {
            assert_eq!(title(raw), titled);
            assert_eq!(title(titled), titled);
        }
    }

    #[test]
    fn every_text_of_a_list_changes() {
        let list = Value::List(vec!["A".into(), Value::Int(1)]);
        assert_eq!(
            Case::Lower.normalise(&list).unwrap(),
            Value::List(vec!["a".into(), Value::Int(1)])
        );
    }
}
