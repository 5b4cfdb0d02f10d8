//! SQLite's catalog.

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::Result;
use syncline_core::schema::FieldKind;

use super::{Column, kind};
use crate::database::{Bind, Database, Statement};

/// The columns of a table, and the names of those in its primary key.
pub(super) async fn columns(database: &Database, table: &str) -> Result<(Vec<Column>, Vec<String>)> {
    let about = |text: &str| Statement {
        text: text.into(),
        binds: vec![Bind::Text(table.into())],
    };
    let unique = about(
        "SELECT info.name FROM pragma_index_list($1) AS list, pragma_index_info(list.name) AS info \
         WHERE list.\"unique\" = 1 AND list.partial = 0 \
         AND (SELECT COUNT(*) FROM pragma_index_info(list.name)) = 1",
    );
    let unique: BTreeSet<String> = database.rows(&unique).await?.into_iter().filter_map(first).collect();
    let references = about("SELECT \"from\", \"table\" FROM pragma_foreign_key_list($1)");
    let references: BTreeMap<String, String> = database
        .rows(&references)
        .await?
        .into_iter()
        .filter_map(|mut cells| Some((cells[0].take()?, cells[1].take()?)))
        .collect();
    let listed = about(
        "SELECT name, type, CAST(\"notnull\" AS TEXT), dflt_value, CAST(pk AS TEXT), CAST(hidden AS TEXT) \
         FROM pragma_table_xinfo($1) WHERE hidden <> 1 ORDER BY cid",
    );
    let mut columns = Vec::new();
    let mut keys = Vec::new();
    for mut cells in database.rows(&listed).await? {
        let mut text = |cell: usize| cells[cell].take();
        let name = text(0).unwrap_or_default();
        let column_type = text(1).unwrap_or_default();
        let not_null = text(2).as_deref() == Some("1");
        let has_default = text(3).is_some();
        let key: u32 = text(4).and_then(|place| place.parse().ok()).unwrap_or_default();
        let generated = text(5).is_some_and(|hidden| hidden != "0");
        if key > 0 {
            keys.push((key, name.clone()));
        }
        let (kind, length, scale) = kind::of_sqlite(&column_type);
        // An integer key numbers itself.
        let numbered = key > 0 && kind == Ok(FieldKind::Integer);
        columns.push(Column {
            required: (not_null || key > 0) && !has_default && !generated && !numbered,
            generated,
            unique: unique.contains(&name),
            references: references.get(&name).cloned(),
            kind: kind.unwrap_or(FieldKind::Other),
            left_out: kind.err(),
            column_type,
            length,
            scale,
            choices: Vec::new(),
            name,
        });
    }
    if keys.len() == 1
        && let Some(column) = columns.iter_mut().find(|column| column.name == keys[0].1)
    {
        column.unique = true;
    }
    keys.sort();
    Ok((columns, keys.into_iter().map(|(_, name)| name).collect()))
}

fn first(cells: Vec<Option<String>>) -> Option<String> {
    cells.into_iter().next().flatten()
}
