//! [`TableSpec`]: which table, and how its changes are found.

/// A table that takes part, by its name (`customers`, in Postgres also `sales.customers`).
///
/// Its key is the primary key, which has to be one column of whole numbers, text or UUIDs. How changes are found, the surest
/// first:
///
/// - [`outbox`](TableSpec::outbox): triggers write down which rows changed, and the database says in which order that became
///   visible. Nothing is missed, deletes are seen, and nothing is read twice.
/// - [`version`](TableSpec::version): a column that every change sets to a number larger than any in the table.
/// - [`stamp`](TableSpec::stamp): a column that every change sets to the time.
/// - none of them: all rows are read each time.
///
/// Without an outbox, rows that were deleted are found when ids are compared, in a sweep, unless they are only
/// [marked](TableSpec::deleted) as deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    pub(crate) name: String,
    pub(crate) stamp: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) outbox: bool,
    pub(crate) deleted: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) overlap_seconds: u32,
}

impl TableSpec {
    /// The table of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            stamp: None,
            version: None,
            outbox: false,
            deleted: None,
            scope: None,
            overlap_seconds: 60,
        }
    }

    /// Names the column that every insert and update sets to the time (`updated_at`). Where there is one it also says when a
    /// row was edited, and a write that was planned on an older state of the row is held back. In SQLite it holds text as
    /// `datetime('now')` or ISO 8601, or seconds, milliseconds or microseconds since 1970; without a zone it is UTC.
    #[must_use]
    pub fn stamp(mut self, column: impl Into<String>) -> Self {
        self.stamp = Some(column.into());
        self
    }

    /// How late a row may become visible with the time that it carries: what every pull by [`stamp`](Self::stamp) reads again.
    /// As long as the longest transaction that writes the table; 60 seconds if you say nothing.
    #[must_use]
    pub const fn overlap_seconds(mut self, seconds: u32) -> Self {
        self.overlap_seconds = seconds;
        self
    }

    /// Names the column that every insert and update sets to a number above all others in the table, as from a sequence. A
    /// counter per row is none.
    #[must_use]
    pub fn version(mut self, column: impl Into<String>) -> Self {
        self.version = Some(column.into());
        self
    }

    /// Finds changes by the outbox, which [`Tables::install_outbox`](crate::Tables::install_outbox) makes, or a migration of
    /// yours with the statements of [`Tables::outbox_statements`](crate::Tables::outbox_statements).
    #[must_use]
    pub const fn outbox(mut self) -> Self {
        self.outbox = true;
        self
    }

    /// Names the column that marks a row as deleted: a time, or a truth value. Such rows count as deleted, and a delete sets it
    /// instead of removing the row.
    #[must_use]
    pub fn deleted(mut self, column: impl Into<String>) -> Self {
        self.deleted = Some(column.into());
        self
    }

    /// Names the column that says which of your customers a row belongs to. Each connection then names one of them in its
    /// setting `scope`, sees its rows alone, and creates rows for it.
    #[must_use]
    pub fn scoped_by(mut self, column: impl Into<String>) -> Self {
        self.scope = Some(column.into());
        self
    }
}
