//! Postgres's errors in words that say what to do.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row, Type};
use syncline_core::{Error, ErrorKind, Result, Retry};

use crate::packed::damaged;

/// What a failed statement means.
pub(super) fn failed(error: sqlx::Error) -> Error {
    let (kind, retry, message) = match &error {
        sqlx::Error::Database(database) => told(database.code().as_deref().unwrap_or_default()),
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => unreachable(),
        sqlx::Error::Tls(_) => (
            ErrorKind::Store,
            Retry::Never,
            "the database server can't be spoken to over TLS; check `sslmode` and `sslrootcert` of its URL",
        ),
        sqlx::Error::Configuration(_) => (
            ErrorKind::Invalid,
            Retry::Never,
            "the database's URL can't be read; write it as postgres://user:password@host:5432/database",
        ),
        sqlx::Error::PoolTimedOut => (
            ErrorKind::Store,
            Retry::After(Duration::from_secs(1)),
            "all of this process's connections to the database were busy for too long; try again, and make sure that no \
             task begins a second transaction for writing while it holds one",
        ),
        sqlx::Error::PoolClosed => (
            ErrorKind::Store,
            Retry::Never,
            "the database has been closed; open it again",
        ),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            return damaged("a column of an unexpected type").because(error);
        }
        _ => told(""),
    };
    Error::new(kind, message).retry_as(retry).because(error)
}

const fn unreachable() -> (ErrorKind, Retry, &'static str) {
    (
        ErrorKind::Store,
        Retry::After(Duration::from_secs(1)),
        "the database server can't be reached, or ended the connection; nothing of this transaction was kept: check that \
         it runs, and try again",
    )
}

// https://www.postgresql.org/docs/15/errcodes-appendix.html
fn told(code: &str) -> (ErrorKind, Retry, &'static str) {
    let soon = Retry::After(Duration::from_secs(1));
    match code {
        "40001" | "40P01" => (
            ErrorKind::Store,
            soon,
            "another transaction was in the way; nothing of this one was kept: try again",
        ),
        "55P03" => (
            ErrorKind::Store,
            soon,
            "another transaction of the same tenant kept the database busy for too long; try again, and look in \
             pg_stat_activity for one that does not end",
        ),
        "25P03" => (
            ErrorKind::Store,
            soon,
            "this process stood still within a transaction for so long that the server ended it; nothing of it was kept: \
             try again",
        ),
        "53100" => (
            ErrorKind::Store,
            soon,
            "the disk of the database server is full; nothing of this transaction was kept: free some space and try \
             again",
        ),
        "53300" => (
            ErrorKind::Store,
            soon,
            "the database server has no connection left; raise its max_connections, or run fewer workers",
        ),
        "25006" => (
            ErrorKind::Store,
            soon,
            "the database server only lets itself be read: it is a standby; connect to the primary",
        ),
        "28P01" | "28000" => (
            ErrorKind::Store,
            Retry::Never,
            "the database server does not let this user in; check the user and the password of its URL",
        ),
        "3D000" => (
            ErrorKind::Store,
            Retry::Never,
            "the database server has no such database; create it, or check the URL",
        ),
        "42501" => (
            ErrorKind::Store,
            Retry::Never,
            "this user may not do that in the database; let it own the schema that Syncline's tables are in, or grant it \
             CREATE on the database so that it can make one",
        ),
        "22021" => (
            ErrorKind::Invalid,
            Retry::Never,
            "a text holds a NUL character, which Postgres can't keep; take it out",
        ),
        code if code.starts_with("XX00") => (
            ErrorKind::Corrupt,
            Retry::Never,
            "the database is damaged; restore it from a backup",
        ),
        code if code.starts_with("08") || code.starts_with("57P") => unreachable(),
        code if code.starts_with("53") || code.starts_with("58") => (
            ErrorKind::Store,
            soon,
            "the database server has run out of something; look into its log, and try again",
        ),
        _ => (ErrorKind::Store, Retry::Never, "the database refused a statement"),
    }
}

/// Whether a connection was found dead: what was begun on it never was.
pub(super) fn is_disconnect(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| code.starts_with("08") || code.starts_with("57P") || code == "25P03"),
        _ => false,
    }
}

/// Whether a statement failed since it would have broken a unique index.
pub(super) fn is_duplicate(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// A column of a row.
pub(super) fn column<'r, T>(row: &'r PgRow, index: usize) -> Result<T>
where
    T: Decode<'r, Postgres> + Type<Postgres>,
{
    row.try_get(index).map_err(failed)
}

/// An unsigned number of 64 bits, which is kept as a signed one.
pub(super) fn unsigned(row: &PgRow, index: usize) -> Result<u64> {
    Ok(column::<i64>(row, index)?.cast_unsigned())
}

/// A number of at most 32 bits, which is kept in a wider column.
pub(super) fn small(row: &PgRow, index: usize) -> Result<u32> {
    u32::try_from(column::<i64>(row, index)?).map_err(|_| damaged("a number out of range"))
}

/// Bytes of fixed length.
pub(super) fn bytes<const LENGTH: usize>(row: &PgRow, index: usize) -> Result<[u8; LENGTH]> {
    <[u8; LENGTH]>::try_from(column::<&[u8]>(row, index)?).map_err(|_| damaged("a value of the wrong length"))
}
