use crate::error::{Error, ErrorKind, Result};
use crate::lens::text::{excerpt, non_empty};
use crate::lens::whitespace::fold_line;
use crate::value::Value;

/// Given name and surname; either may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NameParts {
    pub(super) first: String,
    pub(super) last: String,
}

/// Words that belong to the surname behind them.
const PARTICLES: &[&str] = &[
    "al", "ben", "bin", "da", "dal", "de", "del", "della", "den", "der", "di", "do", "dos", "du", "el", "ibn", "la",
    "le", "ten", "ter", "van", "von", "zu", "zum", "zur",
];

impl NameParts {
    /// From values, folded.
    pub(super) fn of(values: &[Value]) -> Result<Self> {
        let part = |index: usize| match values.get(index).unwrap_or(&Value::Null) {
            Value::Null => Ok(String::new()),
            Value::Text(text) => Ok(fold_line(text)),
            other => Err(not_a_name(other)),
        };
        Ok(Self {
            first: part(0)?,
            last: part(1)?,
        })
    }

    /// As two values, nothing for an empty part.
    pub(super) fn values(self) -> Vec<Value> {
        vec![non_empty(self.first), non_empty(self.last)]
    }

    /// Splits `First Last` before the last word and the particles before that, and `Last, First` at the first comma. One
    /// word is a surname.
    pub(super) fn split(full: &str) -> Self {
        match full.split_once(',') {
            Some((last, first)) => Self {
                first: fold_line(first),
                last: fold_line(last),
            },
            None => Self::split_words(full),
        }
    }

    /// Splits at words, whatever the commas.
    pub(super) fn split_words(full: &str) -> Self {
        let words: Vec<&str> = full.split_whitespace().collect();
        let mut start = words.len().saturating_sub(1);
        while start > 1 && PARTICLES.contains(&words[start - 1]) {
            start -= 1;
        }
        Self {
            first: words[..start].join(" "),
            last: words[start..].join(" "),
        }
    }

    /// `First Last`.
    pub(super) fn plain(&self) -> String {
        fold_line(&format!("{} {}", self.first, self.last))
    }

    /// `Last, First`.
    pub(super) fn reversed(&self) -> String {
        fold_line(&format!("{}, {}", self.last, self.first))
    }
}

/// A full name from one value, folded.
pub(super) fn full_name(value: &Value) -> Result<String> {
    match value {
        Value::Null => Ok(String::new()),
        Value::Text(text) => Ok(fold_line(text)),
        other => Err(not_a_name(other)),
    }
}

fn not_a_name(value: &Value) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!("`{}` is {}, not a name", excerpt(value), value.kind_name()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_where_people_would() {
        for (full, first, last) in [
            ("Ann Lee", "Ann", "Lee"),
            ("Ludwig van Beethoven", "Ludwig", "van Beethoven"),
            ("Maria de la Cruz", "Maria", "de la Cruz"),
            ("García Márquez, Gabriel", "Gabriel", "García Márquez"),
            ("Mary Ann  Smith", "Mary Ann", "Smith"),
            ("Cher", "", "Cher"),
            ("van Halen", "van", "Halen"),
            ("", "", ""),
        ] {
            let parts = NameParts::split(full);
            assert_eq!((parts.first.as_str(), parts.last.as_str()), (first, last), "{full}");
        }
    }
}
