//! What SQLite and Postgres write differently.

use syncline_core::{Error, ErrorKind, Result};

/// Longer names than any database has.
const LONGEST_NAME: usize = 128;

/// Whose SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// A name as it stands in a statement, whatever is in it.
///
/// # Errors
/// `Invalid` for what is no name in any database.
pub(crate) fn quoted(name: &str) -> Result<String> {
    if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        let shown: String = name.chars().take(40).collect();
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("{shown:?} is no name of a table or column"),
        ));
    }
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// A text as it stands in a statement that takes no values, such as the body of a trigger.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Dialect {
    /// The table of a name with or without its schema.
    ///
    /// # Errors
    /// As [`quoted`].
    pub(crate) fn table(self, name: &str) -> Result<String> {
        match (self, name.split_once('.')) {
            (Self::Postgres, Some((schema, table))) => Ok(format!("{}.{}", quoted(schema)?, quoted(table)?)),
            _ => quoted(name),
        }
    }

    /// The value of this number for a column of this type.
    pub(crate) fn value(self, number: usize, column_type: &str) -> String {
        match self {
            Self::Sqlite => format!("${number}"),
            // The type is as the catalog writes it.
            Self::Postgres => format!("CAST(${number}::text AS {column_type})"),
        }
    }

    /// An expression as text.
    pub(crate) fn text(self, expression: &str) -> String {
        format!("CAST({expression} AS TEXT)")
    }

    /// These expressions as one JSON list.
    pub(crate) fn list(self, expressions: &[String]) -> String {
        match self {
            Self::Sqlite => format!("json_array({})", expressions.join(", ")),
            Self::Postgres => format!("jsonb_build_array({})::text", expressions.join(", ")),
        }
    }

    /// What keeps the rows that a transaction read as they are.
    pub(crate) const fn for_update(self) -> &'static str {
        match self {
            // Nobody else writes anyhow.
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_gets_out_of_its_quotes() {
        assert_eq!(quoted("a\"; DROP TABLE b; --").unwrap(), "\"a\"\"; DROP TABLE b; --\"");
        assert_eq!(Dialect::Postgres.table("sales.people").unwrap(), "\"sales\".\"people\"");
        assert_eq!(Dialect::Sqlite.table("sales.people").unwrap(), "\"sales.people\"");
        for name in ["", "a\0b", "a\nb", &"x".repeat(129)] {
            assert_eq!(quoted(name).unwrap_err().kind(), ErrorKind::Invalid, "{name:?}");
        }
        assert_eq!(literal("O'Brien"), "'O''Brien'");
    }
}
