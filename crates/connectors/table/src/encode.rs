//! Values on their way into the database.

use syncline_core::schema::FieldKind;
use syncline_core::{Error, ErrorKind, Result, Value};

use crate::catalog::{Column, Shape};
use crate::database::Bind;
use crate::dialect::Dialect;

/// A value for a column. Postgres casts texts by the column's type; SQLite takes what it is given.
///
/// # Errors
/// `Rejected` for what the column can't hold, whatever the database would say of it.
pub(crate) fn encode(shape: &Shape, column: &Column, value: &Value) -> Result<Bind> {
    if column.name == shape.key.name {
        return Err(refused(column, "is the key, which nobody sets"));
    }
    if column.references.is_some()
        && let Value::Text(id) = value
        && shape.dialect == Dialect::Sqlite
        && column.kind == FieldKind::Integer
    {
        return id
            .parse()
            .map(Bind::Int)
            .map_err(|_| refused(column, "refers to rows by their numbers"));
    }
    Ok(match value {
        Value::Null => Bind::Null,
        Value::Bool(is) if shape.dialect == Dialect::Sqlite => Bind::Int(i64::from(*is)),
        Value::Int(number) if shape.dialect == Dialect::Sqlite && column.kind != FieldKind::Text => Bind::Int(*number),
        Value::List(_) | Value::Json(_) => Bind::Text(value.to_json().to_string()),
        Value::Text(text) if text.contains('\0') => {
            return Err(refused(column, "can't hold a text with a zero character"));
        }
        Value::Text(text) if column.kind == FieldKind::Other => {
            Bind::Text(serde_json::Value::from(text.as_str()).to_string())
        }
        Value::Text(text) => {
            fits(column, text)?;
            Bind::Text(text.clone())
        }
        Value::DateTime(at) if shape.dialect == Dialect::Sqlite => Bind::Text(at.instant.to_string()),
        other => Bind::Text(match other.to_json() {
            serde_json::Value::String(text) => text,
            json => json.to_string(),
        }),
    })
}

/// SQLite lets any text into any column, where it would look like an edit when it is read.
fn fits(column: &Column, text: &str) -> Result<()> {
    if let Some(length) = column.length.filter(|length| text.chars().count() > *length as usize) {
        return Err(refused(column, &format!("takes at most {length} characters")));
    }
    let readable = match column.kind {
        FieldKind::Integer => text.parse::<i64>().is_ok(),
        FieldKind::Decimal => text.parse::<rust_decimal::Decimal>().is_ok(),
        FieldKind::Date => text.parse::<jiff::civil::Date>().is_ok(),
        FieldKind::DateTime => text.parse::<jiff::Timestamp>().is_ok(),
        FieldKind::Bool => matches!(text, "true" | "false"),
        _ => true,
    };
    if readable {
        return Ok(());
    }
    Err(refused(
        column,
        &format!("is {} and does not take this text", column.column_type),
    ))
}

pub(crate) fn refused(column: &Column, why: &str) -> Error {
    Error::new(ErrorKind::Rejected, format!("the column `{}` {why}", column.name)).with("column", &column.name)
}
