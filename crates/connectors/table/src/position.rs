//! Places in the order of changes: what cursors and checkpoints hold.

use bytes::Bytes;
use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use syncline_core::{Error, ErrorKind, Result};

use crate::database::Bind;

/// Where the next pull starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Cursor {
    /// Rows whose stamp is this time or later.
    Stamp { since: Timestamp },
    /// Rows whose version is above this.
    Version { above: i64 },
    /// What the outbox holds after this place, which was right at this time.
    Outbox { after: OutboxPlace, at: Timestamp },
    /// Everything: the table tells nothing of its changes.
    Everything { at: Timestamp },
}

/// A place in an outbox: in Postgres first the transaction, since numbers are given before their order is visible.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutboxPlace {
    pub(crate) transaction: i64,
    pub(crate) number: i64,
}

/// Where a pull under way goes on: the place of the last row that was read, and the cursor that it will end with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checkpoint {
    pub(crate) place: Place,
    pub(crate) cursor: Cursor,
}

/// The last row that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Place {
    /// In the order of keys.
    Key { key: String },
    /// In the order of stamps, as the table holds them, and then of keys.
    Stamp { stamp: Json, key: String },
    /// In the order of versions, and then of keys.
    Version { version: i64, key: String },
    /// In the order of the outbox.
    Outbox { place: OutboxPlace },
}

pub(crate) fn write(place: &impl Serialize) -> Result<Bytes> {
    let bytes = serde_json::to_vec(place)
        .map_err(|error| Error::new(ErrorKind::Internal, "a place could not be written").because(error))?;
    Ok(bytes.into())
}

/// # Errors
/// `CursorExpired` for what nobody here wrote.
pub(crate) fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::new(
            ErrorKind::CursorExpired,
            "this is no place in a table that was given before",
        )
        .because(error)
    })
}

/// The instant of a stamp as the database holds it: text in ISO 8601 or as SQLite writes it, or a number since 1970 in
/// seconds, milliseconds or microseconds, which their sizes tell apart.
///
/// # Errors
/// `Protocol` when it is no time.
pub(crate) fn read_stamp(stamp: &Json) -> Result<Timestamp> {
    let unreadable = || {
        Error::new(
            ErrorKind::Protocol,
            format!("{stamp} is no time; see what stamps can be"),
        )
    };
    match stamp {
        Json::Number(number) => {
            let number = number.as_i64().ok_or_else(unreadable)?;
            match number.unsigned_abs() {
                0..100_000_000_000 => Timestamp::from_second(number),
                100_000_000_000..100_000_000_000_000 => Timestamp::from_millisecond(number),
                _ => Timestamp::from_microsecond(number),
            }
            .map_err(|_| unreadable())
        }
        Json::String(text) => text.parse().or_else(|_| {
            // Without a zone: UTC.
            let time: civil::DateTime = text.parse().map_err(|_| unreadable())?;
            TimeZone::UTC.to_timestamp(time).map_err(|_| unreadable())
        }),
        _ => Err(unreadable()),
    }
}

/// A stamp of the table as a value to compare with.
///
/// # Errors
/// `Invalid` for a number with a fraction, which no comparison is sure of.
pub(crate) fn stamp_bind(stamp: &Json) -> Result<Bind> {
    match stamp {
        Json::String(text) => Ok(Bind::Text(text.clone())),
        Json::Number(number) if number.is_i64() => Ok(Bind::Int(number.as_i64().unwrap_or_default())),
        other => Err(Error::new(
            ErrorKind::Invalid,
            format!("{other} can't be a stamp; it takes text or whole numbers"),
        )),
    }
}

/// A time in the form in which a table holds its stamps, of which `like` is one: never later than any stamp of that time.
pub(crate) fn stamp_like(time: Timestamp, like: Option<&Json>) -> Bind {
    match like {
        Some(Json::Number(number)) => Bind::Int(match number.as_i64().unwrap_or_default().unsigned_abs() {
            0..100_000_000_000 => time.as_second(),
            100_000_000_000..100_000_000_000_000 => time.as_millisecond(),
            _ => time.as_microsecond(),
        }),
        // Compared as text: what begins like it and has more to it (fractions, a zone) is later.
        Some(Json::String(text)) if text.get(10..11) == Some(" ") => {
            Bind::Text(time.strftime("%Y-%m-%d %H:%M:%S").to_string())
        }
        _ => Bind::Text(time.strftime("%Y-%m-%dT%H:%M:%S").to_string()),
    }
}

/// A time as a table's own stamps have it, of which `like` is one; in a table without any, as ISO 8601 or milliseconds.
pub(crate) fn stamp_now(now: Timestamp, like: Option<&Json>, number: bool) -> Bind {
    match like {
        Some(Json::Number(_)) => stamp_like(now, like),
        Some(Json::String(text)) if text.get(10..11) == Some(" ") => {
            Bind::Text(now.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string())
        }
        None if number => Bind::Int(now.as_millisecond()),
        _ => Bind::Text(now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stamps_are_read_in_every_form_and_written_in_the_one_of_the_table() {
        let time: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
        for stamp in [
            json!("2026-11-20T10:00:00Z"),
            json!("2026-11-20 10:00:00"),
            json!("2026-11-20T10:00:00+00:00"),
            json!("2026-11-20T11:00:00+01:00"),
            json!(time.as_second()),
            json!(time.as_millisecond()),
            json!(time.as_microsecond()),
        ] {
            assert_eq!(read_stamp(&stamp).unwrap(), time, "{stamp}");
        }
        assert!(read_stamp(&json!("soon")).is_err() && read_stamp(&json!(1.5)).is_err());
        let text = |like| match stamp_like(time, Some(&like)) {
            Bind::Text(text) => text,
            other => panic!("{other:?}"),
        };
        assert!(text(json!("2025-01-01 00:00:00.5")).as_str() <= "2026-11-20 10:00:00");
        assert!(text(json!("2025-01-01T00:00:00Z")).as_str() <= "2026-11-20T10:00:00Z");
        assert_eq!(
            stamp_like(time, Some(&json!(1_700_000_000))),
            Bind::Int(time.as_second())
        );
    }

    #[test]
    fn foreign_cursors_are_expired() {
        for garbage in [&b"\xff\x00"[..], b"{}", b"[]", b"null", br#"{"stamp":{}}"#] {
            assert_eq!(read::<Cursor>(garbage).unwrap_err().kind(), ErrorKind::CursorExpired);
        }
    }
}
