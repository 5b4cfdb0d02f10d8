//! One row: made, changed or deleted.

use jiff::Timestamp;
use serde_json::Value as Json;
use syncline_core::batch::{OutcomeKind, Projection};
use syncline_core::job::{Verb, Write};
use syncline_core::schema::FieldKind;
use syncline_core::{Result, Value};

use crate::catalog::{Column, KeyKind, Shape};
use crate::database::{Bind, Statement, Transaction};
use crate::decode::{Found, Selected};
use crate::dialect::Dialect;
use crate::encode::encode;
use crate::position::stamp_now;
use crate::read::within_scope;

/// Carries a write out, and says what became of it and of which row.
pub(super) async fn write(
    transaction: &mut Transaction,
    shape: &Shape,
    write: &Write,
    now: Timestamp,
) -> Result<(OutcomeKind, Option<String>)> {
    let applied = |id: &str, created| (OutcomeKind::Applied { created }, Some(id.to_owned()));
    match &write.verb {
        Verb::Create { marker } => {
            let fields = fields(shape, write)?;
            if let Some((field, value)) = marker {
                let column = shape.synced(field)?;
                let marker = encode(shape, column, &Value::text(value))?;
                if let Some(id) = find(transaction, shape, column, marker.clone()).await? {
                    let row = lock(transaction, shape, &id).await?;
                    update(transaction, shape, &id, fields, row.as_ref(), now).await?;
                    return Ok(applied(&id, false));
                }
                let mut fields = fields;
                fields.retain(|(known, _)| known.name != column.name);
                fields.push((column, marker));
                return Ok(applied(&insert(transaction, shape, write, fields, now).await?, true));
            }
            Ok(applied(&insert(transaction, shape, write, fields, now).await?, true))
        }
        Verb::Update { id, expected_stamp } => {
            let Some(row) = lock(transaction, shape, id).await?.filter(|row| !row.deleted) else {
                return Ok((OutcomeKind::Gone, None));
            };
            if let (Some(expected), Some(held)) = (expected_stamp, row.changed_at()?)
                && expected.as_microsecond() != held.as_microsecond()
            {
                return Ok((OutcomeKind::Conflict, Some(id.clone())));
            }
            update(transaction, shape, id, fields(shape, write)?, Some(&row), now).await?;
            Ok(applied(id, false))
        }
        Verb::Delete { id } => {
            let Some(row) = lock(transaction, shape, id).await?.filter(|row| !row.deleted) else {
                return Ok((OutcomeKind::Gone, None));
            };
            delete(transaction, shape, id, &row, now).await?;
            Ok(applied(id, false))
        }
    }
}

/// The columns that a write sets.
fn fields<'a>(shape: &'a Shape, write: &Write) -> Result<Vec<(&'a Column, Bind)>> {
    write
        .fields
        .iter()
        .map(|(path, value)| {
            let column = shape.synced(path)?;
            Ok((column, encode(shape, column, value)?))
        })
        .collect()
}

/// ` WHERE` for the row of an id, if it is one.
fn where_key(shape: &Shape, statement: &mut Statement, id: &str) -> Result<bool> {
    let Some(bind) = shape.key_bind(id) else {
        return Ok(false);
    };
    let number = statement.bind(bind);
    let value = shape.dialect.value(number, &shape.key.column_type);
    statement.push(&format!(" WHERE {} = {value}", shape.key.quoted()?));
    within_scope(shape, statement)?;
    Ok(true)
}

/// The row, which nobody else changes until the transaction ends.
async fn lock(transaction: &mut Transaction, shape: &Shape, id: &str) -> Result<Option<Found>> {
    let selected = Selected::of(shape, &Projection::default())?;
    let mut statement = Statement::new(format!("SELECT {} FROM {}", selected.columns, shape.table));
    if !where_key(shape, &mut statement, id)? {
        return Ok(None);
    }
    statement.push(shape.dialect.for_update());
    let rows = transaction.rows(&statement).await?;
    rows.into_iter().next().map(|cells| selected.read(cells)).transpose()
}

/// The id of the row that holds a value in a unique column.
pub(super) async fn find(
    transaction: &mut Transaction,
    shape: &Shape,
    column: &Column,
    value: Bind,
) -> Result<Option<String>> {
    let key = shape.dialect.text(&shape.key.quoted()?);
    let mut statement = Statement::new(format!(
        "SELECT {key} FROM {} WHERE {} = ",
        shape.table,
        column.quoted()?
    ));
    let number = statement.bind(value);
    statement.push(&shape.dialect.value(number, &column.column_type));
    within_scope(shape, &mut statement)?;
    let rows = transaction.rows(&statement).await?;
    Ok(rows
        .into_iter()
        .next()
        .and_then(|cells| cells.into_iter().next().flatten()))
}

/// What every write sets beside its fields: the stamp and the version, unless the database computes them.
fn kept(shape: &Shape, like: Option<&Json>, now: Timestamp) -> Result<Vec<(String, Option<Bind>, String)>> {
    let mut kept = Vec::new();
    let named = |name: &Option<String>| {
        let column = name.as_ref().and_then(|name| shape.column(name));
        column.filter(|column| !column.generated)
    };
    if let Some(column) = named(&shape.spec.stamp) {
        let bind = stamp_now(now, like, column.kind == FieldKind::Integer);
        kept.push((column.quoted()?, Some(bind), column.column_type.clone()));
    }
    if let Some(column) = named(&shape.spec.version) {
        let name = column.quoted()?;
        kept.push((
            name.clone(),
            None,
            format!("(SELECT COALESCE(MAX({name}), 0) + 1 FROM {})", shape.table),
        ));
    }
    Ok(kept)
}

/// The expression of a column that is kept.
fn kept_value(shape: &Shape, statement: &mut Statement, bind: Option<Bind>, text: String) -> String {
    match bind {
        None => text,
        Some(bind) => {
            let number = statement.bind(bind);
            shape.dialect.value(number, &text)
        }
    }
}

async fn insert(
    transaction: &mut Transaction,
    shape: &Shape,
    write: &Write,
    mut fields: Vec<(&Column, Bind)>,
    now: Timestamp,
) -> Result<String> {
    // A key that the database does not make is the operation's id: sent again, it is the same row.
    if shape.key.required && shape.key_kind != KeyKind::Number {
        fields.push((&shape.key, Bind::Text(write.operation.to_string())));
    }
    if let Some((column, bind)) = shape.scope_bind() {
        fields.retain(|(known, _)| known.name != column.name);
        fields.push((column, bind));
    }
    let mut statement = Statement::default();
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (column, bind) in fields {
        names.push(column.quoted()?);
        let number = statement.bind(bind);
        values.push(shape.dialect.value(number, &column.column_type));
    }
    for (name, bind, text) in kept(shape, None, now)? {
        names.push(name);
        values.push(kept_value(shape, &mut statement, bind, text));
    }
    statement.text = if names.is_empty() {
        format!("INSERT INTO {} DEFAULT VALUES", shape.table)
    } else {
        let (names, values) = (names.join(", "), values.join(", "));
        format!("INSERT INTO {} ({names}) VALUES ({values})", shape.table)
    };
    statement.push(&format!(" RETURNING {}", shape.dialect.text(&shape.key.quoted()?)));
    let rows = transaction.rows(&statement).await?;
    let id = rows
        .into_iter()
        .next()
        .and_then(|cells| cells.into_iter().next().flatten());
    id.ok_or_else(|| syncline_core::Error::new(syncline_core::ErrorKind::Protocol, "a new row came without its key"))
}

async fn update(
    transaction: &mut Transaction,
    shape: &Shape,
    id: &str,
    fields: Vec<(&Column, Bind)>,
    row: Option<&Found>,
    now: Timestamp,
) -> Result<()> {
    let mut statement = Statement::new(format!("UPDATE {} SET ", shape.table));
    let mut sets = Vec::new();
    for (column, bind) in fields {
        let number = statement.bind(bind);
        let value = shape.dialect.value(number, &column.column_type);
        sets.push(format!("{} = {value}", column.quoted()?));
    }
    for (name, bind, text) in kept(shape, row.and_then(|row| row.stamp.as_ref()), now)? {
        let value = kept_value(shape, &mut statement, bind, text);
        sets.push(format!("{name} = {value}"));
    }
    if sets.is_empty() {
        return Ok(());
    }
    statement.push(&sets.join(", "));
    where_key(shape, &mut statement, id)?;
    transaction.execute(&statement).await.map(drop)
}

async fn delete(transaction: &mut Transaction, shape: &Shape, id: &str, row: &Found, now: Timestamp) -> Result<()> {
    let mark = shape.spec.deleted.as_ref().and_then(|name| shape.column(name));
    if let Some(column) = mark {
        let bind = match (column.kind, shape.dialect) {
            (FieldKind::Bool, Dialect::Postgres) => Bind::Text("true".into()),
            (FieldKind::Bool, Dialect::Sqlite) => Bind::Int(1),
            (kind, _) => stamp_now(now, row.stamp.as_ref(), kind == FieldKind::Integer),
        };
        return update(transaction, shape, id, vec![(column, bind)], Some(row), now).await;
    }
    let mut statement = Statement::new(format!("DELETE FROM {}", shape.table));
    where_key(shape, &mut statement, id)?;
    transaction.execute(&statement).await.map(drop)
}
