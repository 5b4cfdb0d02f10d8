//! The outbox: a table in which triggers write down which rows changed.
//!
//! In SQLite one transaction writes at a time, so an entry's number says in which order changes became visible. In Postgres
//! numbers are given before that, so entries also carry the transaction, and only those are read that are older than every
//! transaction still open: none can come in before them any more.

use jiff::{SignedDuration, Timestamp};
use syncline_core::{Error, ErrorKind, Result};

use crate::catalog::Shape;
use crate::database::{Bind, Database, Statement};
use crate::dialect::{Dialect, literal, quoted};
use crate::position::{OutboxPlace, read_stamp};

/// The outbox's name.
pub(crate) const TABLE: &str = "syncline_outbox";
/// How long entries are kept: a sync that rests for longer reads everything anew.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);
/// Entries that one pull removes.
const REMOVED: usize = 10_000;

/// The statements that make the outbox and its triggers for a table. They may be executed again and again.
pub(crate) fn statements(shape: &Shape) -> Result<Vec<String>> {
    let key = shape.key.quoted()?;
    let scope = shape.spec.scope.as_deref().map(quoted).transpose()?;
    let name = literal(&shape.spec.name);
    let trigger = |what: &str| quoted(&format!("syncline_{what}_{}", shape.spec.name.replace('.', "_")));
    let entry = |row: &str| {
        let of = |column: &str| format!("CAST({row}.{column} AS TEXT)");
        let scope = scope.as_deref().map_or("NULL".into(), of);
        format!(
            "INSERT INTO {TABLE} (tbl, row_key, scope) VALUES ({name}, {}, {scope});",
            of(&key)
        )
    };
    let (new, old) = (entry("NEW"), entry("OLD"));
    // A row that gets another key, or another owner, is gone where it was.
    let mut moved = format!("OLD.{key} <> NEW.{key}");
    if let Some(scope) = &scope {
        let distinct = match shape.dialect {
            Dialect::Sqlite => "IS NOT",
            Dialect::Postgres => "IS DISTINCT FROM",
        };
        moved.push_str(&format!(" OR OLD.{scope} {distinct} NEW.{scope}"));
    }
    let table = &shape.table;
    Ok(match shape.dialect {
        Dialect::Sqlite => vec![
            format!(
                "CREATE TABLE IF NOT EXISTS {TABLE} (number INTEGER PRIMARY KEY AUTOINCREMENT, tbl TEXT NOT NULL, \
                 row_key TEXT NOT NULL, scope TEXT, at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')))"
            ),
            format!("CREATE INDEX IF NOT EXISTS {TABLE}_by_table ON {TABLE} (tbl, number)"),
            format!(
                "CREATE TRIGGER IF NOT EXISTS {} AFTER INSERT ON {table} BEGIN {new} END",
                trigger("insert")?
            ),
            format!(
                "CREATE TRIGGER IF NOT EXISTS {} AFTER UPDATE ON {table} BEGIN {new} END",
                trigger("update")?
            ),
            format!(
                "CREATE TRIGGER IF NOT EXISTS {} AFTER UPDATE ON {table} WHEN {moved} BEGIN {old} END",
                trigger("move")?
            ),
            format!(
                "CREATE TRIGGER IF NOT EXISTS {} AFTER DELETE ON {table} BEGIN {old} END",
                trigger("delete")?
            ),
        ],
        Dialect::Postgres => {
            let function = trigger("changed")?;
            let name = trigger("outbox")?;
            vec![
                format!(
                    "CREATE TABLE IF NOT EXISTS {TABLE} (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                     transaction BIGINT NOT NULL DEFAULT (pg_current_xact_id()::text::bigint), tbl TEXT NOT NULL, \
                     row_key TEXT NOT NULL, scope TEXT, at TIMESTAMPTZ NOT NULL DEFAULT now())"
                ),
                format!("CREATE INDEX IF NOT EXISTS {TABLE}_by_table ON {TABLE} (tbl, transaction, number)"),
                format!(
                    "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $syncline$ BEGIN \
                     IF TG_OP = 'DELETE' THEN {old} RETURN OLD; END IF; \
                     IF TG_OP = 'UPDATE' THEN IF {moved} THEN {old} END IF; END IF; \
                     {new} RETURN NEW; END $syncline$"
                ),
                format!(
                    "CREATE OR REPLACE TRIGGER {name} AFTER INSERT OR UPDATE OR DELETE ON {table} \
                     FOR EACH ROW EXECUTE FUNCTION {function}()"
                ),
            ]
        }
    })
}

/// Makes the outbox and its triggers.
pub(crate) async fn install(database: &Database, shape: &Shape) -> Result<()> {
    let mut transaction = database.begin().await?;
    for text in statements(shape)? {
        transaction.execute(&Statement::new(text)).await?;
    }
    transaction.commit().await
}

/// Whether the triggers of a table are there.
///
/// # Errors
/// `Refused` when they are not.
pub(crate) async fn check(database: &Database, shape: &Shape) -> Result<()> {
    let (text, trigger) = match shape.dialect {
        Dialect::Sqlite => (
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name = $1",
            "insert",
        ),
        Dialect::Postgres => (
            "SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal AND tgname = $1::text",
            "outbox",
        ),
    };
    let name = format!("syncline_{trigger}_{}", shape.spec.name.replace('.', "_"));
    let mut statement = Statement::new(text);
    statement.bind(Bind::Text(name));
    if database.rows(&statement).await?.is_empty() {
        let message = format!(
            "the table `{}` has no outbox yet: call `install_outbox`, or execute `outbox_statements` in a migration",
            shape.spec.name
        );
        return Err(Error::new(ErrorKind::Refused, message));
    }
    Ok(())
}

/// Entries that everybody can see by now, of this table and this connection's rows.
fn entries(shape: &Shape, columns: &str) -> Result<Statement> {
    let mut statement = Statement::new(format!("SELECT {columns} FROM {TABLE} WHERE tbl = "));
    let number = statement.bind(Bind::Text(shape.spec.name.clone()));
    statement.push(&shape.dialect.value(number, "text"));
    if let Some(scope) = &shape.scope {
        let number = statement.bind(Bind::Text(scope.clone()));
        statement.push(&format!(" AND scope = {}", shape.dialect.value(number, "text")));
    }
    if shape.dialect == Dialect::Postgres {
        statement.push(" AND transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint");
    }
    Ok(statement)
}

/// The columns of a place, and the condition of what is behind one.
fn places(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "number",
        Dialect::Postgres => "transaction, number",
    }
}

fn behind(shape: &Shape, statement: &mut Statement, place: OutboxPlace) {
    let number = statement.bind(Bind::Int(place.number));
    let number = shape.dialect.value(number, "bigint");
    match shape.dialect {
        Dialect::Sqlite => statement.push(&format!(" AND number > {number}")),
        Dialect::Postgres => {
            let transaction = statement.bind(Bind::Int(place.transaction));
            let transaction = shape.dialect.value(transaction, "bigint");
            statement.push(&format!(" AND (transaction, number) > ({transaction}, {number})"));
        }
    }
}

fn read_place(cells: &mut [Option<String>]) -> OutboxPlace {
    let mut number = |cell: usize| {
        cells[cell]
            .take()
            .and_then(|text| text.parse().ok())
            .unwrap_or_default()
    };
    OutboxPlace {
        transaction: number(0),
        number: number(1),
    }
}

fn place_columns(dialect: Dialect) -> &'static str {
    match dialect {
        // Named, or Postgres would order by these texts.
        Dialect::Sqlite => "'0', CAST(number AS TEXT) AS in_table",
        Dialect::Postgres => "transaction::text AS of_transaction, number::text AS in_table",
    }
}

/// Where the outbox ends now. In Postgres that is before the oldest transaction still open.
pub(crate) async fn end(database: &Database, shape: &Shape) -> Result<OutboxPlace> {
    let mut statement = match shape.dialect {
        // By numbers ever given, since entries are removed after a while.
        Dialect::Sqlite => Statement::new(format!(
            "SELECT '0', CAST(COALESCE((SELECT seq FROM sqlite_sequence WHERE name = '{TABLE}'), 0) AS TEXT)"
        )),
        Dialect::Postgres => {
            Statement::new("SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1)::text, ")
        }
    };
    if shape.dialect == Dialect::Postgres {
        statement.push(&format!("'{}'", i64::MAX));
    }
    let rows = database.rows(&statement).await?;
    Ok(rows
        .into_iter()
        .next()
        .map(|mut cells| read_place(&mut cells))
        .unwrap_or_default())
}

/// The keys of a page of entries behind a place, each once, and the place of the last one; nothing when there are no more.
pub(crate) async fn page(
    database: &Database,
    shape: &Shape,
    after: OutboxPlace,
    size: usize,
) -> Result<Option<(Vec<String>, OutboxPlace)>> {
    let dialect = shape.dialect;
    let mut statement = entries(shape, &format!("{}, row_key", place_columns(dialect)))?;
    behind(shape, &mut statement, after);
    statement.push(&format!(" ORDER BY {} LIMIT {size}", places(dialect)));
    let mut keys = Vec::new();
    let mut last = None;
    for mut cells in database.rows(&statement).await? {
        last = Some(read_place(&mut cells));
        keys.extend(cells.pop().flatten());
    }
    keys.sort();
    keys.dedup();
    Ok(last.map(|last| (keys, last)))
}

/// The place before the first entry of this time or later: where a pull since a time starts.
pub(crate) async fn since(database: &Database, shape: &Shape, time: Timestamp) -> Result<OutboxPlace> {
    let mut statement = entries(shape, place_columns(shape.dialect))?;
    let number = statement.bind(Bind::Text(moment(time)));
    let value = shape.dialect.value(number, "timestamptz");
    statement.push(&format!(" AND at < {value} ORDER BY "));
    statement.push(match shape.dialect {
        Dialect::Sqlite => "number DESC LIMIT 1",
        Dialect::Postgres => "transaction DESC, number DESC LIMIT 1",
    });
    let rows = database.rows(&statement).await?;
    Ok(rows
        .into_iter()
        .next()
        .map(|mut cells| read_place(&mut cells))
        .unwrap_or_default())
}

/// Whether what a cursor of this time has not seen may have been removed.
pub(crate) fn is_too_old(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) > KEPT
}

/// Removes entries of this table that are older than any cursor may be, some at a time.
pub(crate) async fn remove_old(database: &Database, shape: &Shape, now: Timestamp) -> Result<()> {
    let limit = now.saturating_sub(KEPT).unwrap_or(now);
    let mut statement = Statement::new(format!(
        "SELECT CAST(number AS TEXT) AS in_table, CAST(at AS TEXT) AS written FROM {TABLE} WHERE tbl = "
    ));
    let number = statement.bind(Bind::Text(shape.spec.name.clone()));
    statement.push(&shape.dialect.value(number, "text"));
    statement.push(&format!(" ORDER BY {} LIMIT 1", places(shape.dialect)));
    // The oldest entry is looked at before anything is locked.
    let oldest = database.rows(&statement).await?.into_iter().next();
    let at = oldest.and_then(|cells| cells.into_iter().nth(1).flatten());
    let is_old = at.is_some_and(|at| {
        let at = at.replace("+00", "Z");
        read_stamp(&at.into()).is_ok_and(|at| at < limit)
    });
    if !is_old {
        return Ok(());
    }
    let mut transaction = database.begin().await?;
    let mut statement = Statement::new(format!(
        "DELETE FROM {TABLE} WHERE number IN (SELECT number FROM {TABLE} WHERE tbl = "
    ));
    let name = statement.bind(Bind::Text(shape.spec.name.clone()));
    statement.push(&shape.dialect.value(name, "text"));
    let at = statement.bind(Bind::Text(moment(limit)));
    let at = shape.dialect.value(at, "timestamptz");
    statement.push(&format!(
        " AND at < {at} ORDER BY {} LIMIT {REMOVED})",
        places(shape.dialect)
    ));
    transaction.execute(&statement).await?;
    transaction.commit().await
}

/// A time as entries carry theirs, or the beginning of it: compared as text it is never later than any of that second.
fn moment(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}
