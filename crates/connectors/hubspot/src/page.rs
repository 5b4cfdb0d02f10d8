//! Parts of answers that every list has: ids, and the token of the next page.

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

/// An id that comes as text or as a number, depending on the version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct IdText(pub(crate) String);

impl<'de> Deserialize<'de> for IdText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;
        impl Visitor<'_> for IdVisitor {
            type Value = IdText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id")
            }

            fn visit_str<E>(self, text: &str) -> Result<IdText, E> {
                Ok(IdText(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<IdText, E> {
                Ok(IdText(text))
            }

            fn visit_u64<E>(self, number: u64) -> Result<IdText, E> {
                Ok(IdText(number.to_string()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<IdText, E> {
                Ok(IdText(number.to_string()))
            }
        }
        deserializer.deserialize_any(IdVisitor)
    }
}

/// A list or a mark that is null is like one that is left out.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The paging part of an answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Paging {
    next: Option<Next>,
}

#[derive(Debug, Deserialize)]
struct Next {
    after: IdText,
}

impl Paging {
    /// Token of the next page.
    pub(crate) fn after(self) -> Option<String> {
        self.next.map(|next| next.after.0)
    }
}

/// A page read for its ids alone.
#[derive(Debug, Deserialize)]
pub(crate) struct IdPage {
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    pub(crate) results: Vec<IdOnly>,
    pub(crate) paging: Option<Paging>,
    pub(crate) total: Option<u64>,
}

/// A record read for its id alone.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IdOnly {
    pub(crate) id: IdText,
    pub(crate) archived_at: Option<Timestamp>,
}
