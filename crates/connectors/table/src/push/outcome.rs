//! What became of a write that was not made.

use std::ops::Range;

use syncline_core::batch::{Outcome, OutcomeKind};
use syncline_core::job::{Verb, Write};
use syncline_core::{Error, ErrorKind, Result};

use super::row::find;
use crate::catalog::{KeyKind, Shape};
use crate::database::{Bind, Transaction};
use crate::encode::encode;

/// The outcome of a write that the database refused, after it was taken back.
pub(super) async fn refused(
    transaction: &mut Transaction,
    shape: &Shape,
    write: &Write,
    index: usize,
    error: &Error,
) -> Result<Outcome> {
    let creates = matches!(write.verb, Verb::Create { .. });
    if error.kind() == ErrorKind::Exists && creates {
        // Its key is the operation's: this very write was made before.
        if shape.key.required && shape.key_kind != KeyKind::Number {
            let id = write.operation.to_string();
            if find(transaction, shape, &shape.key, Bind::Text(id.clone()))
                .await?
                .is_some()
            {
                return Ok(Outcome {
                    id: Some(id),
                    ..Outcome::new(index, OutcomeKind::Applied { created: false })
                });
            }
        }
        for (path, value) in &write.fields {
            let Some(column) = shape.column(path).filter(|column| column.unique && !value.is_empty()) else {
                continue;
            };
            if let Some(existing) = find(transaction, shape, column, encode(shape, column, value)?).await? {
                return Ok(Outcome {
                    message: Some(error.message().to_owned()),
                    ..Outcome::new(index, OutcomeKind::Duplicate { existing })
                });
            }
        }
    }
    let named = error
        .context()
        .find(|(key, _)| *key == "column")
        .map(|(_, name)| name.to_owned());
    let fields = match named {
        Some(name) => vec![name],
        None => {
            let paths = write.fields.iter().map(|(path, _)| path);
            paths.filter(|path| names(error.message(), path)).cloned().collect()
        }
    };
    Ok(Outcome {
        message: Some(error.message().to_owned()),
        ..Outcome::new(index, OutcomeKind::Rejected { fields })
    })
}

/// Whether a database's message names a column: as a word, or as part of a constraint's name.
fn names(message: &str, column: &str) -> bool {
    message.match_indices(column).any(|(at, _)| {
        let before = message[..at].chars().next_back();
        let after = message[at + column.len()..].chars().next();
        let ends = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphanumeric());
        ends(before) && ends(after)
    })
}

/// The outcomes of writes whose transaction was not committed.
pub(super) fn not_committed(range: Range<usize>, error: &Error) -> Vec<Outcome> {
    let kind = match error.kind() {
        ErrorKind::Unavailable => OutcomeKind::Unknown,
        ErrorKind::Rejected | ErrorKind::Exists => OutcomeKind::Rejected { fields: Vec::new() },
        _ => OutcomeKind::NotApplied { not_before: None },
    };
    range
        .map(|index| Outcome {
            message: Some(error.message().to_owned()),
            ..Outcome::new(index, kind.clone())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constraint_blames_the_columns_that_it_names() {
        assert!(names("CHECK constraint failed: mail LIKE '%@%'", "mail"));
        assert!(names("violates check constraint \"people_mail_check\"", "mail"));
        assert!(names("NOT NULL constraint failed: people.name", "name"));
        assert!(!names("NOT NULL constraint failed: people.surname", "name"));
    }
}
