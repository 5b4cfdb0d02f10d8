//! How the rows of a file become records.

use serde_json::Map;
use syncline_core::columns::{ColumnMatch, ColumnTarget, match_columns};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::Blueprint;
use uuid::Uuid;

use super::import::{ImportKey, ImportRequest};
use super::import_page::ImportRow;
use crate::exchange::{FileRow, ReadRows, from_cell};

/// How rows become records.
pub(super) struct Form {
    pub(super) blueprint: Blueprint,
    pub(super) columns: Vec<ColumnMatch>,
    pub(super) key: ImportKey,
    keep_empty: bool,
    /// Whether text is text, and never JSON.
    is_typed: bool,
}

impl Form {
    /// Finds out what the columns are, and by what records are recognised.
    pub(super) fn of(blueprint: Blueprint, rows: &dyn ReadRows, request: &ImportRequest) -> Result<Self> {
        let columns = match_columns(rows.columns(), &blueprint, &request.columns)?;
        let key = match &request.key {
            Some(key) => key.clone(),
            None => key_of(&blueprint, &columns)?,
        };
        let refused = |message: String| Err(Error::new(ErrorKind::Invalid, message));
        let has = |target: &ColumnTarget| columns.iter().any(|column| column.target == *target);
        match &key {
            ImportKey::Id if !has(&ColumnTarget::Id) => {
                return refused(
                    "the file has no column with the records' ids; say `id` for the column that has".to_owned(),
                );
            }
            ImportKey::Field(name) => {
                let position = blueprint.position(name);
                if !position.is_some_and(|position| blueprint.fields[position].unique) {
                    return refused(format!(
                        "`{name}` is not a unique field of {}, so records can't be recognised by it",
                        blueprint.name
                    ));
                }
                if !has(&ColumnTarget::Field(name.clone())) {
                    return refused(format!("the file has no column for `{name}`; say which it is"));
                }
            }
            ImportKey::Id | ImportKey::New => {}
        }
        if !columns
            .iter()
            .any(|column| matches!(column.target, ColumnTarget::Field(_)))
        {
            let names: Vec<&str> = columns.iter().map(|column| column.column.as_str()).collect();
            return refused(format!(
                "none of the columns is a field of {}: {}; say which column is which field",
                blueprint.name,
                names.join(", ")
            ));
        }
        Ok(Self {
            blueprint,
            columns,
            key,
            keep_empty: request.keep_empty,
            is_typed: rows.is_typed(),
        })
    }

    /// A row as a record's values by field name.
    pub(super) fn row(&self, row: FileRow) -> ImportRow {
        let cells = match row.cells {
            Ok(cells) => cells,
            Err(unreadable) => {
                return ImportRow {
                    number: row.number,
                    cells: unreadable.cells,
                    id: None,
                    values: Err(unreadable.reason),
                };
            }
        };
        let mut values = Map::new();
        let mut id = None;
        for column in &self.columns {
            // What a line of JSON leaves out says nothing.
            let Some(cell) = cells.get(&column.column) else {
                continue;
            };
            match &column.target {
                ColumnTarget::Ignored => {}
                ColumnTarget::Id => id = cell.as_str().filter(|text| !text.is_empty()).map(str::to_owned),
                ColumnTarget::Field(name) => {
                    let field = self
                        .blueprint
                        .position(name)
                        .map(|position| &self.blueprint.fields[position]);
                    let value = match field.filter(|_| !self.is_typed) {
                        Some(field) => from_cell(cell, &field.kind),
                        None => cell.clone(),
                    };
                    if !(self.keep_empty && value.is_null()) {
                        values.insert(name.clone(), value);
                    }
                }
            }
        }
        let (id, values) = match id.map(|text| (text.parse::<Uuid>(), text)) {
            None => (None, Ok(values)),
            Some((Ok(id), _)) => (Some(id), Ok(values)),
            Some((Err(_), _)) if self.key != ImportKey::Id => (None, Ok(values)),
            Some((Err(_), text)) => (None, Err(format!("`{text}` is no id; it looks like 01890c6e-..."))),
        };
        ImportRow {
            number: row.number,
            cells,
            id,
            values,
        }
    }
}

/// By what the records of a file are recognised where nobody said.
fn key_of(blueprint: &Blueprint, columns: &[ColumnMatch]) -> Result<ImportKey> {
    if columns.iter().any(|column| column.target == ColumnTarget::Id) {
        return Ok(ImportKey::Id);
    }
    let unique: Vec<&str> = blueprint
        .live_fields()
        .map(|(_, field)| field)
        .filter(|field| {
            let target = ColumnTarget::Field(field.name.clone());
            field.unique && columns.iter().any(|column| column.target == target)
        })
        .map(|field| field.name.as_str())
        .collect();
    match unique.as_slice() {
        [one] => Ok(ImportKey::Field((*one).to_owned())),
        [] => Err(Error::new(
            ErrorKind::Invalid,
            "the file has neither ids nor a unique field, so nothing tells which record a row is; say that every row is \
             a new one, or name a unique field",
        )),
        several => Err(Error::new(
            ErrorKind::Invalid,
            format!("records could be recognised by {}; say by which", several.join(" or ")),
        )),
    }
}
