//! Text search: what people type is taken for the beginnings of words, whatever their case and accents.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorKind, Result};
use crate::matching::fold;
use crate::model::{Blueprint, FieldType};
use crate::value::Value;

/// Letters of a word that count.
const LONGEST: usize = 40;
/// Most words that can be looked for at once.
const MOST: usize = 16;

/// The words of a text: runs of letters and digits, lower-cased and without accents.
///
/// ```
/// use syncline_core::search::words;
/// assert_eq!(words("Zoë O'Neill-Łukasz"), ["zoe", "o", "neill", "lukasz"]);
/// ```
pub fn words(text: &str) -> Vec<String> {
    fold(text)
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(LONGEST).collect())
        .collect()
}

/// The words of a value, each once. A phone number is also found by all of its digits in a row.
pub fn value_words(value: &Value, words_of: &mut BTreeSet<String>) {
    match value {
        Value::Null | Value::Json(_) => {}
        Value::Text(text) => {
            words_of.extend(words(text));
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let is_number = text
                .chars()
                .all(|character| character.is_ascii_digit() || "+()-/. ".contains(character));
            if is_number && !digits.is_empty() {
                words_of.insert(digits.chars().take(LONGEST).collect());
            }
        }
        Value::List(list) => list.iter().for_each(|item| value_words(item, words_of)),
        other => words_of.extend(words(&other.to_string())),
    }
}

/// The positions of the fields that a search looks into: those that are declared searchable, or else all that hold short
/// texts.
pub fn searched_fields(blueprint: &Blueprint) -> Vec<usize> {
    let of = |searched: &dyn Fn(&crate::model::Field) -> bool| -> Vec<usize> {
        blueprint
            .live_fields()
            .filter(|(_, field)| searched(field))
            .map(|(position, _)| position)
            .collect()
    };
    let declared = of(&|field| field.searchable);
    if !declared.is_empty() {
        return declared;
    }
    of(&|field| {
        matches!(
            field.kind,
            FieldType::Text
                | FieldType::Email
                | FieldType::Phone
                | FieldType::Url
                | FieldType::Choice { .. }
                | FieldType::MultiChoice { .. }
        )
    })
}

/// What is looked for: each of its words begins a word of what is found, in any of the fields.
///
/// ```
/// use syncline_core::{Value, search::Search};
/// let search = Search::parse("MUSS zo")?;
/// assert!(search.finds([&Value::text("Zoë"), &Value::text("Müßig")]));
/// assert!(!search.finds([&Value::text("Zoë"), &Value::text("Amussi")]));
/// # Ok::<(), syncline_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    prefixes: Vec<String>,
}

impl Search {
    /// Reads what was typed.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it has no letter or digit, or more than 16 words.
    pub fn parse(text: &str) -> Result<Self> {
        let mut prefixes: Vec<String> = Vec::new();
        let mut typed = words(text);
        // Whatever begins with the longer one begins with the shorter one too.
        typed.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
        for word in typed {
            if !prefixes.iter().any(|known| known.starts_with(&word)) {
                prefixes.push(word);
            }
        }
        if prefixes.is_empty() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("`{text}` has no letter or digit to look for"),
            ));
        }
        if prefixes.len() > MOST {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("at most {MOST} words can be looked for at once"),
            ));
        }
        Ok(Self { prefixes })
    }

    /// The beginnings of words that are looked for.
    pub fn prefixes(&self) -> &[String] {
        &self.prefixes
    }

    /// Whether these values have all that is looked for.
    pub fn finds<'a>(&self, values: impl IntoIterator<Item = &'a Value>) -> bool {
        let mut held = BTreeSet::new();
        values.into_iter().for_each(|value| value_words(value, &mut held));
        self.prefixes.iter().all(|prefix| {
            held.range(prefix.clone()..)
                .next()
                .is_some_and(|word| word.starts_with(prefix))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(search: &str, text: &str) -> bool {
        Search::parse(search).unwrap().finds([&Value::text(text)])
    }

    #[test]
    fn words_begin_with_what_is_typed_whatever_their_case_and_accents() {
        assert!(found("straSSE graz", "Grazer Straße 12"));
        assert!(found("ada@x.o", "ada@x.org"));
        assert!(!found("raz", "Graz"));
        assert!(!found("graz wien", "Graz"));
    }

    #[test]
    fn a_phone_number_is_found_with_and_without_its_gaps() {
        for typed in ["+43 1 234", "431234", "4312345"] {
            assert!(found(typed, "+43 (1) 234-567"), "{typed}");
        }
        assert!(!found("123", "Room 1, door 23"));
    }

    #[test]
    fn what_has_no_letter_is_refused_and_a_repeated_word_counts_once() {
        assert!(Search::parse(" -!- ").is_err());
        assert_eq!(Search::parse("Ada adam ADA").unwrap().prefixes(), ["adam"]);
    }

    #[test]
    fn texts_are_searched_unless_fields_are_declared() {
        let mut blueprint = Blueprint::new(
            1,
            1,
            "person",
            vec![
                crate::model::Field::new("name", FieldType::Text),
                crate::model::Field::new("age", FieldType::Integer),
                crate::model::Field::new("notes", FieldType::LongText),
            ],
        );
        assert_eq!(searched_fields(&blueprint), [0]);
        blueprint.fields[2].searchable = true;
        assert_eq!(searched_fields(&blueprint), [2]);
    }

    proptest! {
        #[test]
        fn every_beginning_of_a_word_finds_its_text(text in "\\PC{0,30}", cut in 1usize..8) {
            for word in words(&text) {
                let start: String = word.chars().take(cut).collect();
                prop_assert!(found(&start, &text), "{start}");
            }
        }
    }
}
