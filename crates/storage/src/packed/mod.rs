//! Records as both drivers keep them: the columns they are found by, and the rest as bytes.
//!
//! The memory store packs as well, so that a simulation on it goes through the same encodings as a real database.

mod document;
mod entity;
mod operation;
mod side;

use jiff::Timestamp;
use syncline_core::{Error, ErrorKind, Result};

pub(crate) use document::kind_name;
pub(crate) use entity::PackedEntity;
pub(crate) use operation::PackedOperation;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(crate) use side::PackedHead;
pub(crate) use side::{LIVE, PackedSide, entity_of, key_of, past_entity, row_of, rows_of};

/// Microseconds since 1970, as times are kept.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The time that was kept.
pub(crate) fn instant(micros: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|error| damaged("a time out of range").because(error))
}

/// A time as it comes back from the store.
pub(crate) fn kept(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(micros(at)).unwrap_or(at)
}

pub(crate) fn damaged(what: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("the store holds {what}; restore the database from a backup"),
    )
}
