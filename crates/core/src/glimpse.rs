//! [`Glimpse`]: what an encoded value is, without building it. What a page of records is planned by, mostly.

use crate::value::{TAG_DATE, TAG_DATETIME, TAG_DECIMAL, TAG_FALSE, TAG_FLOAT, TAG_INT, TAG_NULL, TAG_TEXT, TAG_TRUE};

/// The kind of an encoded value, with the bytes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glimpse<'a> {
    Null,
    Bool,
    Int,
    Decimal,
    Float,
    Text(&'a [u8]),
    Date,
    DateTime,
    /// A list, JSON, or damage.
    Other,
}

impl<'a> Glimpse<'a> {
    /// Looks at one encoded value.
    pub(crate) fn of(encoded: &'a [u8]) -> Self {
        match encoded {
            [TAG_NULL] => Self::Null,
            [TAG_FALSE | TAG_TRUE] => Self::Bool,
            [TAG_INT, ..] => Self::Int,
            [TAG_DECIMAL, ..] => Self::Decimal,
            [TAG_FLOAT, ..] => Self::Float,
            [TAG_TEXT, rest @ ..] => {
                // The length, whose last byte is the first without a continuation bit.
                let length = rest
                    .iter()
                    .position(|byte| byte & 0x80 == 0)
                    .map_or(rest.len(), |last| last + 1);
                Self::Text(&rest[length..])
            }
            [TAG_DATE, ..] => Self::Date,
            [TAG_DATETIME, ..] => Self::DateTime,
            _ => Self::Other,
        }
    }

    /// Whether it is null or empty text. A list may be empty too.
    pub(crate) fn is_empty(self) -> bool {
        matches!(self, Self::Null | Self::Text([]))
    }
}

/// Whether a text has neither white space around it nor anything that makes this expensive to say.
pub(crate) fn is_trimmed(text: &[u8]) -> bool {
    matches!((text.first(), text.last()), (Some(first), Some(last)) if first.is_ascii_graphic() && last.is_ascii_graphic())
}

/// Whether a text is lower case without white space, and nothing makes this expensive to say.
pub(crate) fn is_plain_lower_case(text: &[u8]) -> bool {
    !text.is_empty()
        && text
            .iter()
            .all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Value, encode_all};

    #[test]
    fn a_text_of_any_length_shows_its_bytes() {
        for length in [0, 1, 127, 128, 20_000] {
            let text = "x".repeat(length);
            let encoded = encode_all([&Value::text(text.clone())]);
            assert_eq!(Glimpse::of(&encoded), Glimpse::Text(text.as_bytes()));
        }
        assert!(Glimpse::of(&encode_all([&Value::Null])).is_empty());
        assert_eq!(Glimpse::of(&encode_all([&Value::List(Vec::new())])), Glimpse::Other);
    }
}
