//! Strong reads: rows by their keys, or by the value of a column.

use std::collections::BTreeSet;

use syncline_core::batch::{Batch, Projection, ReadClass, RowState};
use syncline_core::job::{Fetch, FetchBy};
use syncline_core::{Result, Value};

use crate::catalog::Shape;
use crate::database::{Database, Statement};
use crate::decode::{Found, Selected, put_gone};
use crate::encode::encode;

/// Keys in one statement.
pub(crate) const KEYS: usize = 500;

/// ` AND ...` for the rows of the customer whom the connection means.
pub(crate) fn within_scope(shape: &Shape, statement: &mut Statement) -> Result<()> {
    if let Some((column, bind)) = shape.scope_bind() {
        let number = statement.bind(bind);
        let value = shape.dialect.value(number, &column.column_type);
        statement.push(&format!(" AND {} = {value}", column.quoted()?));
    }
    Ok(())
}

/// The statements that read the rows of these ids, and how their rows are read.
pub(crate) fn selections(shape: &Shape, projection: &Projection, ids: &[String]) -> Result<(Selected, Vec<Statement>)> {
    let selected = Selected::of(shape, projection)?;
    let key = shape.key.quoted()?;
    let mut statements = Vec::new();
    for ids in ids.chunks(KEYS) {
        let mut statement = Statement::new(format!(
            "SELECT {} FROM {} WHERE {key} IN (",
            selected.columns, shape.table
        ));
        let mut values = Vec::new();
        for id in ids {
            if let Some(bind) = shape.key_bind(id) {
                let number = statement.bind(bind);
                values.push(shape.dialect.value(number, &shape.key.column_type));
            }
        }
        if values.is_empty() {
            continue;
        }
        statement.push(&values.join(", "));
        statement.push(")");
        within_scope(shape, &mut statement)?;
        statements.push(statement);
    }
    Ok((selected, statements))
}

/// The rows of these ids, as far as there are any.
async fn by_ids(database: &Database, shape: &Shape, projection: &Projection, ids: &[String]) -> Result<Vec<Found>> {
    let (selected, statements) = selections(shape, projection, ids)?;
    let mut found = Vec::new();
    for statement in statements {
        for cells in database.rows(&statement).await? {
            found.push(selected.read(cells)?);
        }
    }
    Ok(found)
}

/// Reads as the engine asks. See [`syncline_core::connector::Connector::fetch`].
pub(crate) async fn fetch(database: &Database, shape: &Shape, fetch: &Fetch, batch: &mut Batch) -> Result<()> {
    batch.class = ReadClass::Strong;
    let ids = match &fetch.by {
        FetchBy::Ids(ids) => ids,
        FetchBy::Key { field, values } => {
            let found = by_values(database, shape, &fetch.projection, field, values).await?;
            for row in found.iter().filter(|row| !row.deleted) {
                row.put(batch, &fetch.projection)?;
            }
            return Ok(());
        }
    };
    put_all(database, shape, &fetch.projection, ids, RowState::Missing, batch).await
}

/// Adds a row for each id: `gone` says what becomes of those that are not there.
pub(crate) async fn put_all(
    database: &Database,
    shape: &Shape,
    projection: &Projection,
    ids: &[String],
    gone: RowState,
    batch: &mut Batch,
) -> Result<()> {
    let mut missing: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    for row in by_ids(database, shape, projection, ids).await? {
        // A key may be written in several ways; only what was asked for is an answer.
        if missing.remove(row.id.as_str()) {
            row.put(batch, projection)?;
        }
    }
    for id in missing {
        put_gone(batch, id, gone);
    }
    Ok(())
}

async fn by_values(
    database: &Database,
    shape: &Shape,
    projection: &Projection,
    field: &str,
    values: &[String],
) -> Result<Vec<Found>> {
    let selected = Selected::of(shape, projection)?;
    let column = shape.synced(field)?;
    let mut found = Vec::new();
    for values in values.chunks(KEYS) {
        let mut statement = Statement::new(format!(
            "SELECT {} FROM {} WHERE {} IN (",
            selected.columns,
            shape.table,
            column.quoted()?
        ));
        let mut list = Vec::new();
        for value in values {
            // What the column can't hold, no row holds.
            let Ok(bind) = encode(shape, column, &Value::text(value)) else {
                continue;
            };
            let number = statement.bind(bind);
            list.push(shape.dialect.value(number, &column.column_type));
        }
        if list.is_empty() {
            continue;
        }
        statement.push(&list.join(", "));
        statement.push(")");
        within_scope(shape, &mut statement)?;
        for cells in database.rows(&statement).await? {
            found.push(selected.read(cells)?);
        }
    }
    Ok(found)
}
