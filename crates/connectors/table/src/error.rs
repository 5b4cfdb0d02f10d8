//! A database's errors in words that say what to do.

use std::time::Duration;

use sqlx::error::ErrorKind as Violation;
use syncline_core::{Error, ErrorKind, Retry};

/// What a failed statement means. Nothing of its transaction was kept.
pub(crate) fn failed(error: sqlx::Error) -> Error {
    let soon = Retry::After(Duration::from_secs(1));
    let unavailable = |message: &str| Error::new(ErrorKind::Unavailable, message).retry_as(soon);
    match &error {
        sqlx::Error::Database(told) => {
            let code = told.code().unwrap_or_default().into_owned();
            // SQLite: BUSY and LOCKED, also with more to them. Postgres: conflicts of transactions, locks, a server that ends.
            let passing = [
                "5", "6", "261", "517", "40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300",
            ];
            if passing.contains(&code.as_str()) {
                return unavailable("the database is busy; nothing was kept: try again").because(error);
            }
            if code == "42501" {
                let message = "the database does not let this user do that; grant it on the table";
                return Error::new(ErrorKind::Forbidden, message).because(error);
            }
            let kind = match told.kind() {
                Violation::UniqueViolation => ErrorKind::Exists,
                Violation::NotNullViolation | Violation::ForeignKeyViolation | Violation::CheckViolation => {
                    ErrorKind::Rejected
                }
                // Values that their columns do not take, and what triggers of the host's refuse.
                _ if code.starts_with("22") || code.starts_with("23") || code == "P0001" => ErrorKind::Rejected,
                _ if code == "19" || code == "1811" => ErrorKind::Rejected,
                _ => {
                    let message = format!("the database refuses a statement: {}", told.message());
                    return Error::new(ErrorKind::Protocol, message).because(error);
                }
            };
            Error::new(kind, told.message().to_owned()).because(error)
        }
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed | sqlx::Error::Protocol(_) => {
            unavailable("the database can't be reached; check that it runs").because(error)
        }
        sqlx::Error::PoolTimedOut => {
            unavailable("all connections to the database were busy for too long; try again").because(error)
        }
        sqlx::Error::PoolClosed => Error::new(ErrorKind::Unavailable, "the database was closed").because(error),
        sqlx::Error::Configuration(_) | sqlx::Error::Tls(_) => Error::new(
            ErrorKind::Invalid,
            "the database can't be opened; check its path or URL",
        )
        .because(error),
        _ => Error::new(ErrorKind::Protocol, "the database answered what can't be read").because(error),
    }
}
