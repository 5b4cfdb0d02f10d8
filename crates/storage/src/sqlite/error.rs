//! SQLite's errors in words that say what to do.

use std::time::Duration;

use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};
use syncline_core::{Error, ErrorKind, Result, Retry};

use crate::packed::damaged;

// SQLite's primary result codes: https://www.sqlite.org/rescode.html
const PERM: u32 = 3;
const BUSY: u32 = 5;
const LOCKED: u32 = 6;
const READONLY: u32 = 8;
const IOERR: u32 = 10;
const CORRUPT: u32 = 11;
const FULL: u32 = 13;
const CANTOPEN: u32 = 14;
const NOTADB: u32 = 26;

/// What a failed statement means.
pub(super) fn failed(error: sqlx::Error) -> Error {
    let (kind, retry, message) = match &error {
        sqlx::Error::Database(_) => told(primary_code(&error)),
        sqlx::Error::Io(_) => told(IOERR),
        sqlx::Error::PoolTimedOut => (
            ErrorKind::Store,
            Retry::After(Duration::from_secs(1)),
            "the database was kept busy by another transaction of this process for too long; try again, and make sure \
             that no task begins a second transaction for writing while it holds one",
        ),
        sqlx::Error::PoolClosed => (
            ErrorKind::Store,
            Retry::Never,
            "the database has been closed; open it again",
        ),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            return damaged("a column of an unexpected type").because(error);
        }
        _ => told(0),
    };
    Error::new(kind, message).retry_as(retry).because(error)
}

fn told(code: u32) -> (ErrorKind, Retry, &'static str) {
    let soon = Retry::After(Duration::from_secs(1));
    match code {
        BUSY | LOCKED => (
            ErrorKind::Store,
            soon,
            "the database is locked by another process; stop the other program that uses it, or wait until it is done",
        ),
        FULL => (
            ErrorKind::Store,
            soon,
            "the disk that holds the database is full; nothing of this transaction was kept: free some space and try \
             again",
        ),
        READONLY | PERM => (
            ErrorKind::Store,
            Retry::Never,
            "the database can't be written; give this user write permission on the file and on its folder",
        ),
        CANTOPEN => (
            ErrorKind::Store,
            Retry::Never,
            "the database can't be opened; check that its folder exists and that this user may write there",
        ),
        IOERR => (
            ErrorKind::Store,
            soon,
            "the disk that holds the database failed; check the disk and try again",
        ),
        CORRUPT => (
            ErrorKind::Corrupt,
            Retry::Never,
            "the database file is damaged; restore it from a backup",
        ),
        NOTADB => (
            ErrorKind::Corrupt,
            Retry::Never,
            "the file is not a SQLite database; choose another path, or restore it from a backup",
        ),
        _ => (ErrorKind::Store, Retry::Never, "the database refused a statement"),
    }
}

/// Whether a statement failed since it would have broken a unique index.
pub(super) fn is_duplicate(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

fn primary_code(error: &sqlx::Error) -> u32 {
    let extended = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    extended.and_then(|code| code.parse::<u32>().ok()).unwrap_or(0) & 0xff
}

/// A column of a row.
pub(super) fn column<'r, T>(row: &'r SqliteRow, index: usize) -> Result<T>
where
    T: Decode<'r, Sqlite> + Type<Sqlite>,
{
    row.try_get(index).map_err(failed)
}

/// An unsigned number of 64 bits, which is kept as a signed one.
pub(super) fn unsigned(row: &SqliteRow, index: usize) -> Result<u64> {
    Ok(column::<i64>(row, index)?.cast_unsigned())
}

/// A blob of fixed length.
pub(super) fn bytes<const LENGTH: usize>(row: &SqliteRow, index: usize) -> Result<[u8; LENGTH]> {
    <[u8; LENGTH]>::try_from(column::<&[u8]>(row, index)?).map_err(|_| damaged("a value of the wrong length"))
}
