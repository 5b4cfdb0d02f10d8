//! Postgres's catalog.

use std::collections::BTreeMap;

use syncline_core::Result;
use syncline_core::schema::FieldKind;

use super::{Column, kind};
use crate::database::{Bind, Database, Statement};

const COLUMNS: &str = "
SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), t.typname::text, t.typcategory::text,
       (a.attnotnull OR t.typnotnull)::text, (a.atthasdef OR a.attidentity <> '')::text, (a.attgenerated <> '')::text,
       EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indpred IS NULL
               AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum)::text,
       EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary
               AND a.attnum = ANY (i.indkey::int2[]))::text,
       (SELECT c.confrelid::regclass::text FROM pg_constraint c WHERE c.conrelid = a.attrelid AND c.contype = 'f'
        AND c.conkey = ARRAY[a.attnum] LIMIT 1),
       CASE WHEN t.typname IN ('varchar', 'bpchar') AND a.atttypmod > 4 THEN (a.atttypmod - 4)::text END,
       CASE WHEN t.typname = 'numeric' AND a.atttypmod > 4 THEN ((a.atttypmod - 4) & 2047)::text END,
       t.oid::text
FROM pg_attribute a
JOIN pg_type outermost ON outermost.oid = a.atttypid
JOIN pg_type t ON t.oid = CASE WHEN outermost.typtype = 'd' THEN outermost.typbasetype ELSE outermost.oid END
WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum";

const CHOICES: &str = "SELECT enumtypid::text, enumlabel::text FROM pg_enum ORDER BY enumtypid, enumsortorder";

/// The columns of a table, whose name is quoted, and the names of those in its primary key.
pub(super) async fn columns(database: &Database, table: &str) -> Result<(Vec<Column>, Vec<String>)> {
    let listed = Statement {
        text: COLUMNS.into(),
        binds: vec![Bind::Text(table.into())],
    };
    let mut choices: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut columns = Vec::new();
    let mut keys = Vec::new();
    for mut cells in database.rows(&listed).await? {
        let mut text = |cell: usize| cells[cell].take();
        let name = text(0).unwrap_or_default();
        let column_type = text(1).unwrap_or_default();
        let kind = kind::of_postgres(&text(2).unwrap_or_default(), &text(3).unwrap_or_default());
        let mut holds = |cell: usize| text(cell).as_deref() == Some("true");
        let (not_null, has_default, generated, unique) = (holds(4), holds(5), holds(6), holds(7));
        if holds(8) {
            keys.push(name.clone());
        }
        let references = text(9).map(|table| table.replace('"', ""));
        let (length, scale, type_id) = (text(10), text(11), text(12).unwrap_or_default());
        if kind == Ok(FieldKind::Choice) && choices.is_empty() {
            for mut cells in database.rows(&Statement::new(CHOICES)).await? {
                let (id, label) = (cells[0].take().unwrap_or_default(), cells[1].take().unwrap_or_default());
                choices.entry(id).or_default().push(label);
            }
        }
        columns.push(Column {
            required: not_null && !has_default && !generated,
            generated,
            unique,
            references,
            kind: kind.unwrap_or(FieldKind::Other),
            left_out: kind.err(),
            length: length.and_then(|length| length.parse().ok()),
            scale: scale.and_then(|scale| scale.parse().ok()),
            choices: choices.get(&type_id).cloned().unwrap_or_default(),
            column_type,
            name,
        });
    }
    Ok((columns, keys))
}
