//! Many rows as one: a JSON list that SQLite builds and serde reads.
//!
//! sqlx hands every row over from SQLite's thread on its own, and waking the reader for each costs several times what
//! the row itself does. So a page's heads, entities and sides come as one row. Blobs come as hexadecimal text.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Visitor};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;
use syncline_core::Result;

use super::error::{column, failed};
use crate::packed::damaged;

/// Runs a statement whose one value is a `json_group_array`; the parameters are a list for `json_each` and a number.
pub(super) async fn fetch<T: DeserializeOwned>(
    connection: &mut SqliteConnection,
    statement: &'static str,
    list: String,
    number: u32,
) -> Result<Vec<T>> {
    let row = sqlx::query(statement)
        .bind(list)
        .bind(number)
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    read(&row)
}

/// The rows in the one value of such a statement.
pub(super) fn read<T: DeserializeOwned>(row: &SqliteRow) -> Result<Vec<T>> {
    serde_json::from_str(column(row, 0)?).map_err(|error| damaged("a column of an unexpected type").because(error))
}

/// A blob, from hexadecimal text.
#[derive(Debug)]
pub(super) struct Blob(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Hex;

        impl Visitor<'_> for Hex {
            type Value = Blob;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("hexadecimal text")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Blob, E> {
                let (pairs, rest) = text.as_bytes().as_chunks::<2>();
                let mut bytes = Vec::with_capacity(pairs.len());
                let mut seen = 0;
                for [high, low] in pairs {
                    let (high, low) = (DIGITS[usize::from(*high)], DIGITS[usize::from(*low)]);
                    seen |= high | low;
                    bytes.push(high << 4 | low & 0xf);
                }
                if seen == NONE || !rest.is_empty() {
                    return Err(E::custom("not hexadecimal"));
                }
                Ok(Blob(bytes))
            }
        }

        deserializer.deserialize_str(Hex)
    }
}

impl Blob {
    /// A blob of fixed length.
    pub(super) fn array<const LENGTH: usize>(self) -> Result<[u8; LENGTH]> {
        <[u8; LENGTH]>::try_from(self.0).map_err(|_| damaged("a value of the wrong length"))
    }
}

/// What is no digit; in an `or` it shows, whatever the digits are.
const NONE: u8 = 0xff;

/// Value of each upper-case hexadecimal digit.
const DIGITS: [u8; 256] = {
    let mut digits = [NONE; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789ABCDEF"[value as usize] as usize] = value;
        value += 1;
    }
    digits
};

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<u8>> {
        serde_json::from_value::<Blob>(text.into()).ok().map(|blob| blob.0)
    }

    #[test]
    fn a_blob_is_read_from_hexadecimal_text_only() {
        assert_eq!(read(""), Some(vec![]));
        assert_eq!(read("00FF1A"), Some(vec![0, 255, 26]));
        for wrong in ["0", "0G", "G0", "ff", "0 ", "ä"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
