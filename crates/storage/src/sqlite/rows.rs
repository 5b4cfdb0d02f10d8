//! Statements that carry many rows: multi-row `VALUES`, and lists as JSON.

use std::sync::{Arc, OnceLock};

use serde::Serialize;
use sqlx::error::BoxDynError;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments as _, AssertSqlSafe, Encode, Sqlite, SqliteConnection, Type};

/// Row counts for which a statement is prepared. A page is cut into few of these rather than prepared at its own
/// size, so that a connection keeps five prepared statements and not one for each size that ever came by. The largest
/// stays well below the limit of 32,766 parameters.
const SIZES: [usize; 5] = [500, 100, 20, 4, 1];

/// Room for parameters that all rows share.
const SHARED: usize = 16;

/// A statement around a multi-row `VALUES`.
pub(super) struct Rows {
    head: &'static str,
    columns: usize,
    tail: &'static str,
    texts: [OnceLock<Arc<str>>; SIZES.len()],
}

impl Rows {
    /// `head` ends where the rows begin, and `tail` begins where they end.
    pub(super) const fn new(head: &'static str, columns: usize, tail: &'static str) -> Self {
        Self {
            head,
            columns,
            tail,
            texts: [const { OnceLock::new() }; SIZES.len()],
        }
    }

    /// Runs the statement on all rows; `bind` adds the columns of one.
    pub(super) async fn execute<T: Sync>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[T],
        bind: impl Fn(&T, &mut Bound) -> Result<(), BoxDynError> + Send + Sync,
    ) -> Result<(), sqlx::Error> {
        self.execute_with(connection, rows, |_| Ok(()), bind).await
    }

    /// As [`Rows::execute`]; `share` adds the parameters before the rows that all rows of a statement share.
    pub(super) async fn execute_with<T: Sync>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[T],
        share: impl Fn(&mut Bound) -> Result<(), BoxDynError> + Send + Sync,
        bind: impl Fn(&T, &mut Bound) -> Result<(), BoxDynError> + Send + Sync,
    ) -> Result<(), sqlx::Error> {
        let mut rest = rows;
        let mut ready = self.next(&mut rest, &share, &bind)?;
        while let Some((text, bound)) = ready {
            let execute = sqlx::query_with(AssertSqlSafe(text), bound.0).execute(&mut *connection);
            // SQLite works in a thread of its own; the next rows are packed meanwhile.
            let pack = async { self.next(&mut rest, &share, &bind) };
            let (done, next) = futures::join!(execute, pack);
            done?;
            ready = next?;
        }
        Ok(())
    }

    /// Takes as many rows off the front as the largest fitting statement holds.
    fn next<T>(
        &self,
        rows: &mut &[T],
        share: &impl Fn(&mut Bound) -> Result<(), BoxDynError>,
        bind: &impl Fn(&T, &mut Bound) -> Result<(), BoxDynError>,
    ) -> Result<Option<(Arc<str>, Bound)>, sqlx::Error> {
        let Some((size, text)) = SIZES.into_iter().zip(&self.texts).find(|(size, _)| rows.len() >= *size) else {
            return Ok(None);
        };
        let (chunk, rest) = rows.split_at(size);
        *rows = rest;
        let mut bound = Bound(SqliteArguments::default());
        bound.0.reserve(size * self.columns + SHARED, 0);
        share(&mut bound).map_err(sqlx::Error::Encode)?;
        for row in chunk {
            bind(row, &mut bound).map_err(sqlx::Error::Encode)?;
        }
        Ok(Some((Arc::clone(text.get_or_init(|| self.text(size))), bound)))
    }

    /// The statement for so many rows.
    pub(super) fn text(&self, size: usize) -> Arc<str> {
        let row = format!("({})", vec!["?"; self.columns].join(","));
        let text = [self.head, &vec![row.as_str(); size].join(","), self.tail].concat();
        text.into()
    }
}

/// The parameters of a statement so far.
pub(super) struct Bound(SqliteArguments);

impl Bound {
    pub(super) fn add<'v, T: Encode<'v, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> Result<&mut Self, BoxDynError> {
        self.0.add(value)?;
        Ok(self)
    }
}

/// A list as the one parameter of `json_each`.
pub(super) fn json<T: Serialize>(list: &[T]) -> String {
    // Numbers and text always have a JSON form.
    serde_json::to_string(list).unwrap_or_default()
}

/// Bytes as `unhex` reads them.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// A limit as SQLite takes it.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
