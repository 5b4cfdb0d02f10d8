//! What people would call the types of columns.

use syncline_core::schema::FieldKind;

use super::{Column, KeyKind};
use crate::dialect::Dialect;

const BINARY: &str = "holds bytes, which no CRM has a field for";
#[cfg(feature = "postgres")]
const UNKNOWN: &str = "is of a type that has no counterpart";

/// The kind of a declared type, or why it can't be synced; then its length and scale.
#[cfg(feature = "sqlite")]
pub(super) fn of_sqlite(declared: &str) -> (Result<FieldKind, &'static str>, Option<u32>, Option<u32>) {
    let upper = declared.to_ascii_uppercase();
    let (name, sizes) = upper.split_once('(').unwrap_or((&upper, ""));
    let mut sizes = sizes
        .trim_end_matches(')')
        .split(',')
        .map(|size| size.trim().parse().ok());
    let (first, second) = (sizes.next().flatten(), sizes.next().flatten());
    let holds = |word: &str| name.contains(word);
    let kind = match name.trim() {
        "BOOL" | "BOOLEAN" => FieldKind::Bool,
        "DATE" => FieldKind::Date,
        "JSON" | "JSONB" => FieldKind::Other,
        _ if holds("DATETIME") || holds("TIMESTAMP") => FieldKind::DateTime,
        _ if holds("INT") => FieldKind::Integer,
        _ if holds("CHAR") => return (Ok(FieldKind::Text), first, None),
        _ if holds("CLOB") || holds("TEXT") => FieldKind::LongText,
        _ if holds("REAL") || holds("FLOA") || holds("DOUB") => FieldKind::Decimal,
        _ if holds("NUMERIC") || holds("DECIMAL") => return (Ok(FieldKind::Decimal), None, second),
        _ if holds("BLOB") => return (Err(BINARY), None, None),
        // A column without a type takes anything.
        _ => FieldKind::LongText,
    };
    (Ok(kind), None, None)
}

/// The kind of a Postgres type by its internal name, and of its category.
#[cfg(feature = "postgres")]
pub(super) fn of_postgres(name: &str, category: &str) -> Result<FieldKind, &'static str> {
    Ok(match name {
        "bool" => FieldKind::Bool,
        "int2" | "int4" | "int8" => FieldKind::Integer,
        "numeric" | "float4" | "float8" => FieldKind::Decimal,
        "date" => FieldKind::Date,
        "timestamp" | "timestamptz" => FieldKind::DateTime,
        "json" | "jsonb" => FieldKind::Other,
        "varchar" | "bpchar" | "uuid" => FieldKind::Text,
        "text" | "citext" | "name" => FieldKind::LongText,
        "bytea" => return Err(BINARY),
        _ if category == "E" => FieldKind::Choice,
        _ => return Err(UNKNOWN),
    })
}

/// What kind of key a column can be.
pub(super) fn key_kind(dialect: Dialect, column: &Column) -> Option<KeyKind> {
    match (dialect, column.kind) {
        (Dialect::Postgres, _) if column.column_type == "uuid" => Some(KeyKind::Uuid),
        (_, FieldKind::Integer) => Some(KeyKind::Number),
        (_, FieldKind::Text | FieldKind::LongText) if column.left_out.is_none() => Some(KeyKind::Text),
        _ => None,
    }
}

/// Whether Postgres takes a text for a UUID in the form in which it gives them.
pub(super) fn is_uuid(id: &str) -> bool {
    let dashes = [8, 13, 18, 23];
    id.len() == 36
        && id
            .bytes()
            .enumerate()
            .all(|(place, byte)| match dashes.contains(&place) {
                true => byte == b'-',
                false => byte.is_ascii_hexdigit(),
            })
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;

    #[test]
    fn declared_types_are_what_people_mean_by_them() {
        assert_eq!(of_sqlite("VARCHAR(40)"), (Ok(FieldKind::Text), Some(40), None));
        assert_eq!(of_sqlite("numeric(10, 2)"), (Ok(FieldKind::Decimal), None, Some(2)));
        assert_eq!(of_sqlite("timestamp").0, Ok(FieldKind::DateTime));
        assert_eq!(of_sqlite("").0, Ok(FieldKind::LongText));
        assert!(of_sqlite("BLOB").0.is_err());
        assert!(is_uuid("0190f0c0-0000-7000-8000-000000000000") && !is_uuid("0190f0c0x0000-7000-8000-000000000000"));
    }
}
